"""Reading an XLSX file, which is an archive of XML: bounded before anything of it is unpacked or parsed.

A few kilobytes may unpack to gigabytes, name entities that multiply, or hold millions of empty cells or
attributes, each of which costs the reader hundreds of bytes and microseconds. So the whole is counted
first, by the parser the reader uses too, at a tenth of its cost. A tag is given to the parser's handlers
only when it is complete, so its length is bounded while it is still being read.
"""

import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import IO
from xml.parsers import expat

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

MARK = b"PK\x03\x04"
"""What every archive begins with."""

# An XLSX of 100,000 rows unpacks to some 30 MB.
MOST_MEMBERS = 500
MOST_UNPACKED = 150_000_000
MOST_STRINGS = 40_000_000

# 100,000 rows of ten cells are two million elements, and are read in a quarter of a minute.
MOST_ELEMENTS = 6_000_000
MAX_ATTRIBUTES = 16_000_000
# What the reader holds at once: those of one row, or of a part that has no rows. A workbook may have
# 65,000 cell formats, with half a dozen attributes each.
MOST_AT_ONCE = 200_000
MAX_ATTRIBUTES_AT_ONCE = 500_000
# Bytes of a tag, a comment or a section of plain text. Those of spreadsheets have a few hundred.
MAX_TAG_BYTES = 200_000
# A spreadsheet's own end.
MOST_ROWS = 1_048_576
MOST_DEEP = 50

PIECE = 64 * 1024


class Unreadable(Exception):
    """Not a table we can read; ``reason`` is a key of ``reasons.JOB_REASONS``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def rows(content: bytes, columns: int, lines: int) -> Iterator[Sequence[object]]:
    """The cells of the first sheet, so many columns and lines at most; raises :class:`Unreadable`."""
    try:
        _bounded(content)
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()
        found: Iterable[Sequence[object]] = sheet.iter_rows(
            max_col=columns, max_row=lines, values_only=True
        )
        yield from found
    except Unreadable:
        raise
    # The library lets through whatever its XML and zip readers raise on a broken file.
    except (
        zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, IndexError, OSError,
        SyntaxError, TypeError, AttributeError, EOFError, NotImplementedError, RuntimeError, zlib.error,
    ):  # fmt: skip
        raise Unreadable("not_a_table") from None


def _bounded(content: bytes) -> None:
    """Refuse an archive that would cost more than a table of ours does."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        strings = sum(
            one.file_size for one in members if one.filename.endswith("sharedStrings.xml")
        )
        unpacked = sum(one.file_size for one in members)
        if len(members) > MOST_MEMBERS or unpacked > MOST_UNPACKED or strings > MOST_STRINGS:
            raise Unreadable("too_large")
        count = _Count()
        for member in members:
            # Whatever its name: the workbook itself says which one is a sheet. No more is read of any
            # than it says it has (zipfile keeps to that).
            with archive.open(member) as part:
                count.add(part)


class _Count:
    """Elements and attributes so far, of all parts of an archive."""

    def __init__(self) -> None:
        self._all = self._rows = self._at_once = self._depth = 0
        self._attributes = self._attributes_at_once = 0

    def add(self, part: IO[bytes]) -> None:
        """Count one part to its end, or to where it is no XML any more: the reader stops there too."""
        self._at_once = self._attributes_at_once = self._depth = 0
        read = begun = 0
        parser = expat.ParserCreate()
        parser.ordered_attributes = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.StartDoctypeDeclHandler = _refuse
        try:
            while piece := part.read(PIECE):
                parser.Parse(piece)
                read += len(piece)
                # Where what is not complete yet has begun; -1 where the parser has not looked yet.
                begun = max(begun, parser.CurrentByteIndex)
                if read - begun > MAX_TAG_BYTES:
                    raise Unreadable("too_large")
        except expat.ExpatError:
            return

    def _start(self, name: str, attributes: Sequence[str]) -> None:
        self._all += 1
        self._at_once += 1
        # Each attribute is two items: its name and its value.
        self._attributes += len(attributes) // 2
        self._attributes_at_once += len(attributes) // 2
        self._depth += 1
        kind = name.rpartition(":")[2]
        if kind in ("row", "si"):
            # The reader lets go of what it has when one of these is complete.
            self._at_once = self._attributes_at_once = 0
            self._rows += kind == "row"
        if any(
            (
                self._all > MOST_ELEMENTS,
                self._attributes > MAX_ATTRIBUTES,
                self._at_once > MOST_AT_ONCE,
                self._attributes_at_once > MAX_ATTRIBUTES_AT_ONCE,
                self._rows > MOST_ROWS,
                self._depth > MOST_DEEP,
            )
        ):
            raise Unreadable("too_large")

    def _end(self, _name: str) -> None:
        self._depth -= 1


def _refuse(*_declaration: object) -> None:
    """No spreadsheet declares a document type: what does so means to multiply entities or to reach out."""
    raise Unreadable("not_a_table")
