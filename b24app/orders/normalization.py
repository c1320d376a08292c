"""Telephones, e-mails and names as people type them: equal spellings, and values that are placeholders.

Pure functions over any text; none raises. Uncertain means not equal.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

import phonenumbers
from phonenumbers import MatchType, NumberParseException, PhoneNumber, PhoneNumberType

# Shorter numbers lack the area code: the same seven digits exist in every town.
LEAST_DIGITS: Final = 9
# A part of a number somebody looks for.
LEAST_PART: Final = 4
LONG_BOX: Final = 6
MAX_CHARACTERS: Final = 250

_PHONE = re.compile(r"[+(]?[\d\s().,/+-]*\d[\d\s().,/+-]*")
_LABEL = re.compile(r"\s*(?:tel|telephone|telefon|phone|тел|телефон)\b[\s.:]*", re.IGNORECASE)
# What word processors put in place of a hyphen.
_DASHES = dict.fromkeys(map(ord, "\u2010\u2012\u2013\u2014\u2212"), "-")
_NOT_DIGIT = re.compile(r"[^0-9]+")
_SEVERAL = re.compile(r"[,;|\n]+")
_COUNTING: Final = "012345678901234567890"
_SAME = (MatchType.EXACT_MATCH, MatchType.NSN_MATCH)
# Lines of firms that answer for everybody.
_SHARED_LINES = (
    PhoneNumberType.TOLL_FREE,
    PhoneNumberType.PREMIUM_RATE,
    PhoneNumberType.SHARED_COST,
    PhoneNumberType.UAN,
)

_ADDRESS = re.compile(r"[^\s<>,;:\"()]+@[^\s<>,;:\"()]+")
# Mailboxes shared by many, and what people type where a form insists on an address.
_NOBODYS_MAILBOX = frozenset({
    "info", "noreply", "no-reply", "donotreply", "no", "none", "nomail", "noemail", "no-email",
    "net", "test", "testing", "mail", "email", "e-mail", "office", "sales", "sale", "shop",
    "store", "order", "orders", "zakaz", "client", "customer", "user", "guest", "admin",
    "administrator", "webmaster", "support", "help", "hello", "contact", "contacts", "kontakt",
    "buero", "post", "reception", "rezeption", "secretary", "sekretariat", "accounting",
    "buchhaltung", "buh", "qwerty", "asdf", "abc", "123", "1234", "12345", "example", "sample",
    "unknown", "anonymous", "privat", "private",
})  # fmt: skip
_MAIL_PROVIDERS = frozenset({
    "gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "yahoo.com",
    "icloud.com", "me.com", "aol.com", "proton.me", "protonmail.com", "gmx.de", "gmx.net",
    "web.de", "t-online.de", "freenet.de", "mail.ru", "bk.ru", "list.ru", "inbox.ru",
    "yandex.ru", "ya.ru", "yandex.com", "yandex.kz", "rambler.ru", "orange.fr", "free.fr",
    "laposte.net", "wanadoo.fr", "sfr.fr", "btinternet.com", "mail.kz",
})  # fmt: skip
_ONE_PROVIDER = {
    "googlemail.com": "gmail.com",
    "ya.ru": "yandex.ru",
    "yandex.com": "yandex.ru",
    "yandex.kz": "yandex.ru",
}

_WORD = re.compile(r"[^\W_]+")
_SHORT_FORMS = frozenset({
    "ltd", "llc", "llp", "inc", "corp", "co", "plc", "gmbh", "ag", "kg", "ug", "ohg", "gbr",
    "mbh", "se", "sa", "sas", "sarl", "eurl", "srl", "bv", "nv", "oy", "ab", "as", "ооо", "оао",
    "зао", "ао", "пао", "ип", "чп", "тоо", "кх",
})  # fmt: skip
_LEGAL_FORMS = {form: form for form in _SHORT_FORMS} | {
    "limited": "ltd",
    "incorporated": "inc",
    "corporation": "corp",
    "company": "co",
    "жшс": "тоо",
}
_JOINING = frozenset({"and", "und", "et", "и", "the"})
_NO_COMPANY = frozenset({
    "none", "no", "na", "nil", "private", "individual", "privat", "privatperson", "person",
    "self", "test", "testing", "company", "firma", "fa", "particulier", "нет", "частное",
    "лицо", "физлицо", "физическое", "частный", "клиент", "тест", "организация", "фирма",
})  # fmt: skip


def digits(text: str) -> str:
    """The decimal digits of a text, in ASCII."""
    plain = unicodedata.normalize("NFKC", text[:MAX_CHARACTERS])
    return _NOT_DIGIT.sub("", plain)


def looks_like_phone(text: str) -> bool:
    """Whether somebody typed (a part of) a telephone number."""
    return bool(_PHONE.fullmatch(_plain(text))) and len(digits(text)) >= LEAST_PART


def phone_fragments(text: str) -> tuple[str, ...]:
    """Pieces to look for where a portal can only compare text: the last four digits, as people space them."""
    end = digits(text.partition(",")[0])[-4:]
    if len(end) < LEAST_PART:
        return ()
    spaced = (
        f"{end[:at]}{mark}{end[at:]}" for at, mark in ((2, "-"), (2, " "), (2, "."), (1, " "))
    )
    return (end, *spaced, f"{end[:1]}-{end[1:]}")


def phone_holds(whole: str, part: str) -> bool:
    """Whether ``part`` of a number, however spaced, occurs in ``whole``."""
    wanted = digits(part).lstrip("0")
    return (len(wanted) >= LEAST_PART and wanted in digits(whole)) or same_phone(whole, part)


def same_phone(text: str, other: str) -> bool:
    """Whether two spellings are one telephone, with or without the country's code or a trunk prefix.

    An extension counts: a direct line and the switchboard in front of it are two telephones. A field
    may hold several numbers; placeholders equal nothing.
    """
    return any(
        _same_number(first, second) for first in _numbers(text) for second in _numbers(other)
    )


def _plain(text: str) -> str:
    """A telephone number without a label in front ("tel."), its dashes as hyphens."""
    shown = unicodedata.normalize("NFKC", text[:MAX_CHARACTERS]).translate(_DASHES)
    return _LABEL.sub("", shown, count=1).strip() if _LABEL.match(shown) else shown.strip()


def _numbers(text: str) -> Iterator[str]:
    for part in _SEVERAL.split(text[:MAX_CHARACTERS]):
        number = _plain(part)
        if _is_somebodys(number):
            yield number


def _same_number(text: str, other: str) -> bool:
    return any(
        phonenumbers.is_number_match(first, second) in _SAME
        or (first.isdecimal() and first.lstrip("0") == second.lstrip("0"))
        for first in _readings(text)
        for second in _readings(other)
    )


def _readings(text: str) -> tuple[str, ...]:
    """What a number may mean. Without a plus, a country code looks like an area code."""
    number = digits(text)
    if text.lstrip("( ").startswith("+") or number != digits(_before_extension(text)):
        return (text,)
    if number.startswith("00"):
        return (f"+{number[2:]}",)
    if len(number) == 11 and number[0] in "78":
        return (
            f"+7{number[1:]}",
        )  # ``8 912 …`` and ``7 912 …`` are how Russians write their own +7
    if len(number) == 11 and number[0] == "1":
        return (number, f"+{number}")
    return (number,)


def _before_extension(text: str) -> str:
    return re.split(r"[^\d\s().,/+-]", text, maxsplit=1)[0]


def _is_somebodys(text: str) -> bool:
    number = digits(_before_extension(text))
    end = number[-7:]
    if (
        len(number) < LEAST_DIGITS
        or len(set(end)) <= 2
        or end in _COUNTING
        or end[::-1] in _COUNTING
    ):
        return False
    return not any(
        phonenumbers.number_type(parsed) in _SHARED_LINES
        for parsed in map(_parsed, _readings(text))
        if parsed
    )


def _parsed(text: str) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(text)
    except NumberParseException:
        return None


def same_email(text: str, other: str) -> bool:
    """Whether two addresses are one person's mailbox; a shared mailbox equals nothing."""
    return bool(_mailboxes(text) & _mailboxes(other))


def email_fragment(text: str) -> str:
    """The piece to look for where a portal can only compare text; empty for a shared mailbox."""
    for box, host in sorted(_mailboxes(text)):
        # Long enough to be rare, the mailbox alone finds its other spellings too.
        return box if len(box) >= LONG_BOX and host != "gmail.com" else text.strip()
    return ""


def _mailboxes(text: str) -> set[tuple[str, str]]:
    found = set()
    for address in _ADDRESS.findall(text[:MAX_CHARACTERS].casefold()):
        box, _, host = address.rpartition("@")
        host = _ONE_PROVIDER.get(host.rstrip("."), host.rstrip("."))
        box = box.partition("+")[0]
        if host == "gmail.com":
            box = box.replace(".", "")
        filler = box in _NOBODYS_MAILBOX or len(set(box)) < 2 or box == host.partition(".")[0]
        if "." in host and not filler:
            found.add((box, host))
    return found


def firms_domains(emails: Iterable[str]) -> frozenset[str]:
    """Domains of a firm's own among addresses: not those where everybody has a mailbox."""
    hosts = {
        address.rpartition("@")[2].rstrip(".")
        for text in emails
        for address in _ADDRESS.findall(text[:MAX_CHARACTERS].casefold())
    }
    return frozenset(hosts) - _MAIL_PROVIDERS


def same_company(text: str, other: str) -> bool:
    """Whether two names are one company's, whatever the quotation marks.

    A legal form may be missing in one of them; two different ones are two companies.
    """
    (first, first_forms), (second, second_forms) = _company(text), _company(other)
    if first != second or not is_company(text):
        return False
    return not (first_forms and second_forms) or first_forms == second_forms


def other_company(text: str, other: str) -> bool:
    """Whether both name a company, and not the same one."""
    return is_company(text) and is_company(other) and not same_company(text, other)


def is_company(name: str) -> bool:
    """Whether a name is a company's and not a word for none."""
    words, _ = _company(name)
    return sum(map(len, words)) >= 3 and not set(words) <= _NO_COMPANY


def company_word(name: str) -> str:
    """The word of a company's name to look for where a portal can only compare text; the longest."""
    words = _WORD.findall(name[:MAX_CHARACTERS])
    own = [word for word in words if _LEGAL_FORMS.get(word.casefold()) is None]
    return max(own or words, key=len, default="")


def _company(name: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """A company's own words in their order, and its legal forms."""
    words = [word for word in _words(name) if word not in _JOINING]
    own = tuple(word for word in words if word not in _LEGAL_FORMS)
    forms = frozenset(_LEGAL_FORMS[word] for word in words if word in _LEGAL_FORMS)
    return own, forms


def same_person(text: str, other: str) -> bool:
    """Whether two names are one person's: first name and surname, in either order."""
    first, second = set(_words(text)), set(_words(other))
    return len(first & second) >= 2


def other_person(text: str, other: str) -> bool:
    """Whether two names are certainly two persons': nothing in common though the letters are the same."""
    first, second = set(_words(text)), set(_words(other))
    if not first or not second or first & second:
        return False
    return _script(first) == _script(second)


def _script(words: Iterable[str]) -> str:
    """``LATIN``, ``CYRILLIC``…: the script of the first letter."""
    return unicodedata.name(next(iter("".join(sorted(words)))), "").partition(" ")[0]


def _words(text: str) -> list[str]:
    return _WORD.findall(folded(text[:MAX_CHARACTERS]))


def folded(text: str) -> str:
    """Text for comparison as databases compare it: without case and accents; ß is ss, ё is е."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in plain if not unicodedata.combining(char)).casefold()
