"""An archive of XML parts (XLSX, ODS), counted before a reader opens it.

A few kilobytes may unpack to gigabytes, hold millions of empty cells, or tags of a hundred megabytes.
All parts are unpacked once, in pieces, and thrown away; only counts are kept.
"""

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from b24app.imports.table import Unreadable

MAGIC = b"PK\x03\x04"

OLE_MAGIC = b"\xd0\xcf\x11\xe0"
"""The container of Excel's old format, and of workbooks with a password."""

MAX_PARTS = 1_000
MAX_UNPACKED_BYTES = 400_000_000
MAX_STRINGS_BYTES = 120_000_000
"""Of the shared strings: a reader holds all of them at once."""
MAX_TAGS = 26_000_000
"""Opening and closing tags: 100,000 rows of 60 numbers are 24 million."""
MAX_TAG_BYTES = 400_000
"""From one ``<`` to the next: a cell holds 32,767 characters, a tag a few attributes."""
MAX_ATTRIBUTES = 40_000_000
MAX_REPEATED = 20_000_000
"""Cells that an ODS declares by repeating one."""

_PIECE_BYTES = 256_000
# The end of an archive and the longest comment after it.
_MAX_END_BYTES = 22 + 65_535
_OVERLAP_BYTES = 64
# Plain pieces of text: whether they really are what they look like, the pass over the sheet finds out.
_HINTS: Mapping[str, tuple[bytes, ...]] = {
    "hidden": (b"hidden",),
    "formulas": (b"<f", b":f"),
    "links": (b"hyperlink",),
    "errors": (b't="e"', b"t='e'"),
    "doctype": (b"<!DOCTYPE", b"<!doctype", b"<!ENTITY"),
}
_REPEATED = re.compile(rb"(number-(?:columns|rows)-repeated)\s*=\s*[\"'](\d{1,9})")


@dataclass(frozen=True, slots=True)
class Part:
    """What was seen in one part while counting; a key of ``_HINTS`` each."""

    hints: frozenset[str]


BROKEN = (
    zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError, NotImplementedError, RuntimeError,
)  # fmt: skip
"""What ``zipfile`` raises for an archive that it cannot read."""


def counted(archive: zipfile.ZipFile) -> Mapping[str, Part]:
    """The XML parts of an archive by name, once it is certain that reading them is affordable.

    Raises :class:`Unreadable`: ``too_large``, ``damaged``, ``password``.
    """
    members = archive.infolist()
    unpacked = sum(member.file_size for member in members)
    strings = sum(
        member.file_size
        for member in members
        if member.filename.lower().endswith("sharedstrings.xml")
    )
    if any(member.flag_bits & 1 for member in members):
        raise Unreadable("password")
    if len(members) > MAX_PARTS or unpacked > MAX_UNPACKED_BYTES or strings > MAX_STRINGS_BYTES:
        raise Unreadable("too_large")
    names = {member.filename.lower() for member in members}
    if len(names) < len(members) or len(members) != _declared_parts(archive):
        # Readers would disagree on what is in it.
        raise Unreadable("damaged")
    counts = _Counts()
    try:
        found = {member.filename: counts.add(archive, member) for member in members}
    except BROKEN:
        raise Unreadable("damaged") from None
    return {name: part for name, part in found.items() if part is not None}


def _declared_parts(archive: zipfile.ZipFile) -> int:
    """How many parts the end of an archive says it has; -1 where it has no end."""
    stream = archive.fp
    if stream is None:
        return -1
    stream.seek(max(0, stream.seek(0, io.SEEK_END) - _MAX_END_BYTES))
    end = stream.read()
    at = end.rfind(b"PK\x05\x06")
    return int.from_bytes(end[at + 10 : at + 12], "little") if at >= 0 else -1


class _Counts:
    """Counts over all parts of an archive."""

    def __init__(self) -> None:
        self._tags = self._attributes = self._repeated = 0

    def add(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Part | None:
        """Count one part; None where it is no XML. No more is read than the archive says it has."""
        hints: set[str] = set()
        since_tag, rest = 0, b""
        with archive.open(member) as stream:
            first = True
            while piece := stream.read(_PIECE_BYTES):
                if first and not _is_xml(piece):
                    return None
                if first and b"\x00" in piece[:64]:
                    # In UTF-16 nothing of what follows would be seen.
                    raise Unreadable("damaged")
                first = False
                since_tag = self._count(piece, since_tag)
                seen = rest + piece
                hints |= {
                    name for name, some in _HINTS.items() if any(chunk in seen for chunk in some)
                }
                self._count_repeated(seen)
                rest = seen[-_OVERLAP_BYTES:]
        if "doctype" in hints:
            # No spreadsheet declares a document type: this is to multiply entities or to reach out.
            raise Unreadable("damaged")
        return Part(frozenset(hints))

    def _count(self, piece: bytes, since_tag: int) -> int:
        """Bytes since the last tag began. Raises :class:`Unreadable`."""
        self._tags += piece.count(b"<")
        self._attributes += piece.count(b'="') + piece.count(b"='")
        head, tail = piece.find(b"<"), piece.rfind(b"<")
        before = since_tag + (len(piece) if head < 0 else head)
        if self._tags > MAX_TAGS or self._attributes > MAX_ATTRIBUTES or before > MAX_TAG_BYTES:
            raise Unreadable("too_large")
        return before if head < 0 else len(piece) - tail

    def _count_repeated(self, seen: bytes) -> None:
        if b"repeated" not in seen:
            return
        for match in _REPEATED.finditer(seen):
            # The empty rest of a sheet is declared so as well: only what fills memory is counted.
            times = int(match[2])
            if times < 16_000:
                self._repeated += times
        if self._repeated > MAX_REPEATED:
            raise Unreadable("too_large")


def _is_xml(piece: bytes) -> bool:
    return piece.lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n")[:1] == b"<"
