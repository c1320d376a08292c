"""Bytes of a text file become text, whatever program on whatever system has saved them.

Old code pages do not say which one they are. Each candidate is judged by what its words look like:
letters that the languages of our users use often, capitals at the beginnings of words, no mixture of
alphabets, and headings that we know.
"""

import codecs
import re
from collections.abc import Callable, Iterable

from b24app.imports.table import Unreadable

SAMPLE_BYTES = 64_000

MIN_ZEROS = 2
MIN_ZERO_SHARE = 50
"""One byte in so many is zero in UTF-16, where it holds digits and separators. A single zero is damage."""
MIN_GOOD_LETTERS = 20
"""Letters of UTF-8 for each byte that is none: a damaged byte does not change the encoding."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

# As Excel saves: Windows, "MS-DOS" and "Macintosh", for Russian and Ukrainian, Western and Polish.
CANDIDATES = (
    "cp1251", "cp1252", "cp866", "mac_cyrillic", "mac_roman", "cp1250", "cp850", "cp852", "koi8_r",
)  # fmt: skip

# Share of a letter in running text, roughly, in tenths of a percent; the alphabets' rare ends get 1.
_CYRILLIC = dict(
    zip(
        "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъёіїєґ",
        [
            110, 85, 80, 74, 67, 63, 55, 47, 45, 44, 35, 32, 30, 28, 26, 20, 19, 17, 17, 16, 16, 14,
            12, 10, 9, 7, 6, 5, 4, 3, 3, 2, 2, 20, 5, 4, 1,
        ],
        strict=True,
    )
)  # fmt: skip
_LATIN = dict.fromkeys("äöüßéèêàáãçíóôõúñąćęłńśźż", 40) | dict.fromkeys("âëîïûùœæøåìòýÿ¡¿ºª", 8)
_SIGNS = dict.fromkeys("№«»–—“”„‚‘’€°·…", 12) | dict.fromkeys("\xa0§£±²³µ½¼×®©™", 4)
_WORTH = {**_CYRILLIC, **_LATIN, **_SIGNS}

_WORD = re.compile(r"[^\W\d_]+")

# ASCII stems that identify a language of Latin letters, and the letters it uses. If a stem is found,
# letters of other languages count for little: a byte may be a Polish n with an acute or a Spanish n
# with a tilde.
_LANGUAGES = (
    (re.compile(r"(?i)bestell|kunde|liefer|betrag|datum|auftrag|zahl|stra|rechn"), "äöüß"),
    (re.compile(r"(?i)zam\Wwien|zamow|numer|klient|kwota|uwagi|\bnr\b|adres"), "ąćęłńóśźż"),
    (re.compile(r"(?i)commande|montant|statut|adresse|livr"), "éèêëàâçîïôûùœæ"),
    (re.compile(r"(?i)pedido|cliente|importe|valor|estado|fecha|encomenda"), "ñáéíóúüãõçâêôàº¿¡"),
)


def decoded(content: bytes, known_words: Callable[[str], int]) -> str:
    """The encoding in which ``content`` reads as text, as ``codecs`` names it.

    ``known_words`` counts the headings we know in the beginning of a text. Raises
    :class:`Unreadable` with ``not_a_table`` for what is no text in any encoding.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return _checked(content, encoding)
    if content[:SAMPLE_BYTES].count(0) >= max(
        MIN_ZEROS, len(content[:SAMPLE_BYTES]) / MIN_ZERO_SHARE
    ):
        little = content[1:SAMPLE_BYTES:2].count(0) >= content[0:SAMPLE_BYTES:2].count(0)
        return _checked(content, "utf-16-le" if little else "utf-16-be")
    if _is_utf8(content):
        return "utf-8"
    sample = _whole_lines(content)
    read = {
        candidate: sample.decode(candidate)
        for candidate in CANDIDATES
        if _decodes(content, candidate)
    }
    if not read:
        raise Unreadable("not_a_table")
    usual = _usual_letters(sample)
    return max(read, key=lambda text: (known_words(read[text]), _likeness(read[text], usual)))


def _usual_letters(sample: bytes) -> frozenset[str]:
    """Letters beyond ASCII that the languages of the sample's words use; empty if the language is unknown."""
    skeleton = sample.decode("ascii", "replace")
    return frozenset("".join(letters for stem, letters in _LANGUAGES if stem.search(skeleton)))


def _checked(content: bytes, encoding: str) -> str:
    if not _decodes(content, encoding):
        raise Unreadable("not_a_table")
    return encoding


def _decodes(content: bytes, encoding: str) -> bool:
    """Whether all of it decodes, without holding the text as a whole."""
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for at in range(0, len(content), SAMPLE_BYTES):
            decoder.decode(content[at : at + SAMPLE_BYTES])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _is_utf8(content: bytes) -> bool:
    """Whether the bytes are UTF-8, but for a few that are damaged or cut off."""
    if _decodes(content, "utf-8"):
        return True
    text = content[: 4 * SAMPLE_BYTES].decode("utf-8", "replace")
    damaged = text.count("\ufffd")
    return sum(not char.isascii() for char in text) - damaged > MIN_GOOD_LETTERS * damaged


def _whole_lines(content: bytes) -> bytes:
    """Lines that hold other letters than ASCII, as far as the sample goes."""
    lines = re.split(rb"[\r\n]+", content)
    found, size = [], 0
    for line in lines:
        if not line.isascii():
            found.append(line[:SAMPLE_BYTES])
            size += len(line)
            if size > SAMPLE_BYTES:
                break
    return b"\n".join([lines[0][:SAMPLE_BYTES], *found])[: 2 * SAMPLE_BYTES]


def _likeness(text: str, usual: frozenset[str]) -> float:
    """How much the letters beyond ASCII look like a language: 0 for rubbish, more is better."""
    foreign = [char.lower() for char in text if ord(char) > 127]
    if not foreign:
        return 0.0
    worth = sum(
        _WORTH.get(char, -60) // (4 if usual and char in _LATIN and char not in usual else 1)
        for char in foreign
    )
    return worth / len(foreign) - 150 * _odd_words(_WORD.findall(text))


def _odd_words(words: Iterable[str]) -> float:
    """The share of words beyond ASCII that mix alphabets, or have a capital after a small letter."""
    odd = count = 0
    for word in words:
        if word.isascii():
            continue
        count += 1
        cyrillic = sum("а" <= char.lower() <= "ӿ" for char in word)
        mixed = 0 < cyrillic < len(word)
        humped = not (word.islower() or word.isupper() or word[1:].islower())
        odd += mixed or humped
    return odd / count if count else 0.0
