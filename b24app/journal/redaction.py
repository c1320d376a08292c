"""Masks a request and its answer for the log: IDs, filters, codes and dates are shown, the rest is hashed.

A list names what is shown. Anything else is replaced by a keyed hash, so that a name, a phone number, an
address or a comment can be compared with other rows of the same portal, and nobody can read it. Tokens are
not even hashed. Names of fields are shown if the API has them; any other key is hashed too.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Collection, Mapping
from typing import Final

from b24app.bitrix24 import masking

MAX_PARAMETERS: Final = 8_192
MAX_ANSWER: Final = 2_048
MAX_SHAPE: Final = 1_024
"""Characters stored of one request."""

MAX_DEPTH: Final = 12
SHAPE_KEYS: Final = 24
CUT: Final = "…"

_OPERATORS = re.compile(r"^[<>=!@%~+]*")
_ID = re.compile(r"-?\d{1,15}|[A-Z]{1,2}\d{0,15}|[A-Z]\d{1,6}:[A-Z_0-9]{1,32}")
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,63}", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,20})?")
_DATE = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?"
)
_REFERENCE = re.compile(r"\$result(?:\[\w{1,64}\]){1,8}", re.ASCII)
_WORD = re.compile(r"[A-Za-z]+|[^A-Za-z]+", re.ASCII)
_PUNCTUATION = re.compile(r"[\s.,!?;:()\"'`-]+")


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Compared without case and underscores, so that orderId and ORDER_ID are one name.
IDS: Final = _names(
    """id ids orderid ownerid ownertypeid entityid entitytypeid userid dealid leadid contactid companyid
    assignedbyid responsibleid respempid createdby updatedby statusid stageid categoryid paysystemid
    deliveryid persontypeid tradingplatformid basketid productid paymentid shipmentid propertyid
    orderpropsid invoiceid typeid parentid access member head"""
)
CODES: Final = _names(
    """type method placement event currency currencyid entitytype lid logic license licensefamily lang
    languageid semanticid stagesemanticid error statustype paysystemcode valuetype"""
)
NUMBERS: Final = _names(
    """total next start limit offset sort halt duration processing operating operatingresetat finish
    datestart datefinish version days quantity"""
)
DATES: Final = _names(
    """dateinsert dateupdate datestatus datepaid datepaybefore datepayed datededucted datecanceled
    datecreate datemodify createdtime updatedtime movedtime begindate closedate created updated"""
)
# Names of fields whose values are not shown.
FIELDS: Final = _names(
    """result resulterror resulttotal resultnext resulttime time errordescription cmd fields filter
    select order orders item items deal deals orderentity statuses statuslangs tradeplatforms
    tradebindings basketitems payments shipments propertyvalues clients properties values
    accountnumber ordertopic price sumpaid discountvalue pricedelivery taxvalue payed paid canceled
    deducted marked isreturn isprimary userdescription comments comment message title name lastname
    secondname fullname companyname contactperson fio phone email web im address city street zip
    location value code description trackingnumber deliveryname paysystemname sum color opportunity
    ismanualopportunity admin active personalphoto workposition handler options userphone xmlid
    externalid handlerurl tag groupname langall scope app profile paymentexpired status installed"""
)
KNOWN: Final = IDS | CODES | NUMBERS | DATES | FIELDS

# Words of the vendor's own error texts.
ERROR_WORDS: Final = _names(
    """a access account active actions admin administrator after allowed an and any application are at
    available be because been blocked by call can cannot client commercial context could create data
    deal deleted delete denied description does due empty entity error exceeded exist exists expired
    field fields filter for found from grant has have higher id in insufficient internal invalid is it
    length limit limited list max method methods missing module more must no not object of on only
    operation or order owner parameter parameters payment permission permissions plans portal
    privileges provided read refused rejected request requests required requires rest right rights
    sale scope server service set site store subscription than that the this time to token too type
    unable unauthorized unavailable unknown update usage use user value was while with without write
    wrong you your"""
)

Allowed = Callable[[str], object]


def plain_name(name: object) -> str:
    """The name of a field as in the lists above: lower case, without filter operators and underscores."""
    return _OPERATORS.sub("", str(name)).replace("_", "").lower()


_ALLOWED: Final[Mapping[str, Allowed]] = {
    **dict.fromkeys(IDS, _ID.fullmatch),
    **dict.fromkeys(CODES, _CODE.fullmatch),
    **dict.fromkeys(NUMBERS, _NUMBER.fullmatch),
    **dict.fromkeys(DATES, _DATE.fullmatch),
    # Names of the requested fields.
    "select": lambda text: text == "*" or plain_name(text) in KNOWN,
}


class Redactor:
    """Masks the requests of one portal. Equal values have equal hashes there, and other hashes elsewhere."""

    def __init__(self, secret: str, member_id: str) -> None:
        key = hashlib.sha256(f"b24app.journal.redaction:{secret}".encode()).digest()
        self._hmac = hmac.new(key, f"{member_id}:".encode(), hashlib.sha256)

    def hashed(self, text: str) -> str:
        """A keyed hash, such as ``#3fa9c1d2e0b4``."""
        digest = self._hmac.copy()
        digest.update(text.encode("utf-8", "surrogatepass"))
        return f"#{digest.hexdigest()[:12]}"

    def parameters(self, value: object, keys: Collection[str] = ()) -> str:
        """Parameters as JSON. ``keys`` are names that the app chose, shown like those of the API."""
        return _cut(self._json(value, keys, MAX_PARAMETERS), MAX_PARAMETERS)

    def answer(self, value: object, keys: Collection[str] = ()) -> str:
        """The first 2 KB of an answer as JSON."""
        return _cut(self._json(value, keys, MAX_ANSWER), MAX_ANSWER)

    def shape(self, value: object, keys: Collection[str] = ()) -> str:
        """The structure of an answer without values: ``{"orders": [50 × {"id": number, …}]}``."""
        return _cut(self._shape(value, keys, 0), MAX_SHAPE)

    def error_text(self, text: str) -> str:
        """The description of an error: the usual words of the vendor are shown, others are hashed."""
        return "".join(
            match
            if match.lower() in ERROR_WORDS or _PUNCTUATION.fullmatch(match)
            else self.hashed(match)
            for match in _WORD.findall(text[:500])
        )

    def _json(self, value: object, keys: Collection[str], room: int) -> str:
        masked = _Walk(self, keys, room).masked(value, "", 0)
        return json.dumps(masked, ensure_ascii=False, separators=(",", ":"))

    def key(self, name: object, keys: Collection[str]) -> str:
        """A name, shown or hashed."""
        text = str(name)
        if (
            text in keys
            or masking.is_secret(text)
            or (text.isascii() and text.isdecimal() and len(text) <= 15)
        ):
            return text
        return text if len(text) <= 64 and plain_name(text) in KNOWN else self.hashed(text)

    def leaf(self, name: str, value: object) -> object:
        """A single value of the field ``name``, shown or hashed."""
        if value is None or isinstance(value, bool) or value in ("", "Y", "N", 0):
            return value
        if masking.is_secret(name):
            return masking.MASK
        text, known = str(value), plain_name(name)
        if known == "errordescription":
            return self.error_text(text)
        allowed = _ALLOWED.get(known)
        if (allowed and allowed(text)) or text.lower() in ("asc", "desc"):
            return value
        return text if _REFERENCE.fullmatch(text) else self.hashed(text)

    def _shape(self, value: object, keys: Collection[str], depth: int) -> str:
        if depth > MAX_DEPTH:
            return CUT
        if isinstance(value, Mapping):
            shown = list(value.items())[:SHAPE_KEYS]
            parts = [
                f'"{self.key(name, keys)}":{self._shape(item, keys, depth + 1)}'
                for name, item in shown
            ]
            parts += [CUT] if len(value) > SHAPE_KEYS else []
            return "{" + ",".join(parts) + "}"
        if isinstance(value, list | tuple):
            first = self._shape(value[0], keys, depth + 1) if value else ""
            return f"[{len(value)} × {first}]" if value else "[]"
        return _kind(value)


class _Walk:
    """Masks a nested value and stops after ``room`` characters."""

    def __init__(self, redactor: Redactor, keys: Collection[str], room: int) -> None:
        self._redactor, self._keys, self._room = redactor, keys, room

    def masked(self, value: object, name: str, depth: int) -> object:
        if self._room <= 0 or depth > MAX_DEPTH:
            return CUT
        if isinstance(value, Mapping):
            found: dict[str, object] = {}
            for key, item in value.items():
                if self._room <= 0:
                    found[CUT] = len(value) - len(found)
                    break
                shown = self._redactor.key(key, self._keys)
                self._room -= len(shown) + 4
                found[shown] = self.masked(item, self._named(name, str(key)), depth + 1)
            return found
        if isinstance(value, list | tuple | set | frozenset):
            return self._listed(list(value), name, depth)
        leaf = self._redactor.leaf(name, value)
        self._room -= len(str(leaf)) + 3
        return leaf

    def _listed(self, values: list[object], name: str, depth: int) -> list[object]:
        found: list[object] = []
        for value in values:
            if self._room <= 0:
                return [*found, f"{CUT}{len(values) - len(found)}"]
            found.append(self.masked(value, name, depth + 1))
        return found

    def _named(self, above: str, key: str) -> str:
        """The name for a value: an item of a list sent as an object with the keys 0, 1, 2… has its name."""
        return above if key.isdecimal() else key


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "flag"
    return "number" if isinstance(value, int | float) else "text"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + CUT
