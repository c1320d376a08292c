"""What the workbook reader does not report about an XLSX: hidden rows and columns, links, number formats,
formulas without a result. One pass over a sheet's XML, which has been counted before (:mod:`archive`).

Followed: ECMA-376 part 1, 18.3 (worksheets), 18.8 (styles), part 2 (relationships).
"""

import posixpath
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

from b24app.imports.archive import Part
from b24app.imports.table import Unreadable

MAX_REMARKS = 400_000
"""Cells of one sheet that anything is remembered of."""
MAX_LINKS = 65_530
"""Links of one sheet: as many as Excel allows."""
MAX_COLUMN_RANGES = 16_384
"""Ranges of hidden columns: as many as a sheet has columns."""

_CELL = re.compile(r"([A-Z]{1,3})([1-9]\d{0,6})")
_LINK_FORMULA = re.compile(r'\s*(?:_xlfn\.)?HYPERLINK\(\s*"((?:[^"]|"")*)"', re.IGNORECASE)
_PIECE_BYTES = 256_000

# Formats that a file names by number alone never add to a number's digits (18.8.30).
_NO_FORMAT = ""


@dataclass(slots=True)
class Details:
    """Rows count from 1, columns from 0; cells are (row, column)."""

    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: set[int] = field(default_factory=set)
    links: dict[tuple[int, int], str] = field(default_factory=dict)
    formats: dict[tuple[int, int], str] = field(default_factory=dict)
    without_result: set[tuple[int, int]] = field(default_factory=set)
    errors: dict[tuple[int, int], str] = field(default_factory=dict)

    def check(self) -> None:
        remarks = len(self.links) + len(self.formats) + len(self.without_result) + len(self.errors)
        if remarks + len(self.hidden_rows) > MAX_REMARKS:
            raise Unreadable("too_large")


class Package:
    """The parts of an XLSX, found as Excel finds them: whatever the case of their names."""

    def __init__(self, archive: zipfile.ZipFile, parts: Mapping[str, Part]) -> None:
        self._archive = archive
        self._parts = parts
        self._names = {name.lower(): name for name in parts}
        self._workbook = next(
            (target for kind, target, _ in self._targets("") if kind == "officeDocument"), ""
        )
        self._sheet_parts = self._read_sheet_parts()
        self._formats = self._read_formats()

    def details(self, name: str) -> Details:
        """What is to be known of the sheet called ``name``; nothing where its part is not found."""
        part = self._sheet_parts.get(name, "")
        hints = self._parts[part].hints if part in self._parts else frozenset()
        if not (hints & {"hidden", "formulas", "links", "errors"} or self._formats):
            return Details()
        scan = _SheetScan(self._formats, recalculated=self._recalculated)
        self._parse(part, scan.start, scan.end, scan.text)
        for count, (cell, target) in enumerate(self._hyperlinks(part, scan)):
            if count > MAX_REMARKS:
                raise Unreadable("too_large")
            scan.details.links.setdefault(cell, target)
        scan.details.check()
        return scan.details

    def _read_sheet_parts(self) -> dict[str, str]:
        """The part of each sheet by the sheet's name."""
        targets = {identity: target for _, target, identity in self._targets(self._workbook)}
        found: dict[str, str] = {}
        self._recalculated = False

        def start(tag: str, attributes: Mapping[str, str]) -> None:
            if tag == "sheet":
                part = targets.get(_relation(attributes), "")
                found[attributes.get("name", "")] = part
            elif tag == "calcPr":
                self._recalculated = attributes.get("fullCalcOnLoad") in ("1", "true")

        self._parse(self._workbook, start)
        return found

    def _read_formats(self) -> dict[str, str]:
        """Number formats that may add to a number's digits, by the style of a cell."""
        styles = next(
            (target for kind, target, _ in self._targets(self._workbook) if kind == "styles"), ""
        )
        codes: dict[str, str] = {}
        used: list[str] = []
        inside = False

        def start(tag: str, attributes: Mapping[str, str]) -> None:
            nonlocal inside
            if tag == "numFmt":
                codes[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
            elif tag == "cellXfs":
                inside = True
            elif tag == "xf" and inside:
                used.append(attributes.get("numFmtId", ""))

        def end(tag: str) -> None:
            nonlocal inside
            inside = inside and tag != "cellXfs"

        self._parse(styles, start, end)
        found = {str(style): codes.get(number, _NO_FORMAT) for style, number in enumerate(used)}
        return {style: code for style, code in found.items() if _adds_to_digits(code)}

    def _hyperlinks(self, part: str, scan: "_SheetScan") -> Iterator[tuple[tuple[int, int], str]]:
        if not scan.hyperlinks:
            return
        targets = {identity: target for kind, target, identity in self._targets(part, outside=True)}
        for reference, identity in scan.hyperlinks:
            target = targets.get(identity, "")
            if target:
                yield from ((cell, target) for cell in _cells(reference))

    def _targets(self, part: str, *, outside: bool = False) -> list[tuple[str, str, str]]:
        """Kind, target and id of what a part refers to; ``outside`` for addresses outside of the file."""
        folder, name = posixpath.split(part)
        relations = posixpath.join(folder, "_rels", f"{name}.rels")
        found: list[tuple[str, str, str]] = []

        def start(tag: str, attributes: Mapping[str, str]) -> None:
            external = attributes.get("TargetMode") == "External"
            if tag != "Relationship" or external is not outside:
                return
            target = attributes.get("Target", "")
            if not outside:
                plain = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
                target = self._names.get(plain.lower(), "")
            kind = attributes.get("Type", "").rsplit("/", 1)[-1]
            found.append((kind, target, attributes.get("Id", "")))

        self._parse(relations, start)
        return found

    def _parse(
        self,
        part: str,
        start: Callable[[str, Mapping[str, str]], None],
        end: Callable[[str], None] | None = None,
        text: Callable[[str], None] | None = None,
    ) -> None:
        """Go through a part; names come without their prefix. A part that is missing is empty."""
        name = self._names.get(part.lower())
        if name is None:
            return
        parser = expat.ParserCreate()
        parser.buffer_text = True
        # Handlers see tags without a prefix; attributes keep theirs (r:id).
        parser.StartElementHandler = lambda tag, found: start(tag.rpartition(":")[2], found)
        if end is not None:
            parser.EndElementHandler = lambda tag: end(tag.rpartition(":")[2])
        if text is not None:
            parser.CharacterDataHandler = text
        try:
            with self._archive.open(name) as stream:
                while piece := stream.read(_PIECE_BYTES):
                    parser.Parse(piece)
        except expat.ExpatError:
            raise Unreadable("damaged") from None


class _SheetScan:
    """One pass over a sheet's XML."""

    def __init__(self, formats: Mapping[str, str], *, recalculated: bool) -> None:
        self.details = Details()
        self.hyperlinks: list[tuple[str, str]] = []
        self._formats = formats
        self._recalculated = recalculated
        self._row = self._column = self._column_ranges = 0
        self._kind = ""
        self._formula: list[str] | None = None
        self._value: list[str] | None = None
        self._into: list[str] | None = None

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "c":
            self._start_cell(attributes)
        elif tag == "f":
            self._formula = self._into = []
        elif tag == "v" or tag == "t":
            self._value = self._into = []
        elif tag == "row":
            self._start_row(attributes)
        elif tag == "col" and attributes.get("hidden") in ("1", "true"):
            first, last = (_number(attributes.get(word, "")) for word in ("min", "max"))
            self._column_ranges += 1
            if self._column_ranges > MAX_COLUMN_RANGES:
                raise Unreadable("too_large")
            self.details.hidden_columns |= set(range(first - 1, min(last, 200)))
        elif tag == "hyperlink":
            if len(self.hyperlinks) >= MAX_LINKS:
                raise Unreadable("too_large")
            identity = _relation(attributes)
            self.hyperlinks.append((attributes.get("ref", ""), identity))

    def end(self, tag: str) -> None:
        self._into = None
        if tag != "c":
            return
        if self._kind == "e":
            self.details.errors[self._row, self._column] = "".join(self._value or [])[:20]
            self.details.check()
        elif self._formula is not None:
            self._end_formula()

    def text(self, data: str) -> None:
        if self._into is not None:
            self._into.append(data)

    def _start_row(self, attributes: Mapping[str, str]) -> None:
        self._row = _number(attributes.get("r", "")) or self._row + 1
        self._column = -1
        if attributes.get("hidden") in ("1", "true"):
            self.details.hidden_rows.add(self._row)
            self.details.check()

    def _start_cell(self, attributes: Mapping[str, str]) -> None:
        match = _CELL.fullmatch(attributes.get("r", ""))
        self._column = _column(match[1]) if match else self._column + 1
        self._kind = attributes.get("t", "n")
        self._formula = self._value = None
        code = self._formats.get(attributes.get("s", "")) if self._kind == "n" else None
        if code:
            self.details.formats[self._row, self._column] = code
            self.details.check()

    def _end_formula(self) -> None:
        formula, value = "".join(self._formula or []), "".join(self._value or [])
        cell = self._row, self._column
        # A text formula may well result in nothing; a number always is one.
        stored = bool(value) or self._kind == "str"
        if not stored or (self._recalculated and value == "0"):
            self.details.without_result.add(cell)
        if match := _LINK_FORMULA.match(formula):
            self.details.links[cell] = match[1].replace('""', '"')
        self.details.check()
        self._formula = None


def _relation(attributes: Mapping[str, str]) -> str:
    """The id of a relationship, whatever prefix the file has chosen for its namespace."""
    return next((value for name, value in attributes.items() if name.endswith(":id")), "")


def _adds_to_digits(code: str) -> bool:
    """Whether a format shows more than a number's own digits: ``000000``, ``"WEB-"0``, ``0000-00``."""
    section = code.split(";", maxsplit=1)[0]
    if re.search(r"0{2,}(?![.,])", section) and "." not in section and "," not in section:
        return True
    return bool(re.search(r'"[^"]+"|\\.|[#0]-[#0]', section)) and not re.search(
        r"[.,%ydhse]", section
    )


def _cells(reference: str) -> Iterator[tuple[int, int]]:
    """The cells of ``B2`` or ``B2:B5``, at most a thousand."""
    first, _, last = reference.replace("$", "").partition(":")
    start, end = _CELL.fullmatch(first), _CELL.fullmatch(last or first)
    if start is None or end is None:
        return
    count = 0
    for row in range(int(start[2]), int(end[2]) + 1):
        for column in range(_column(start[1]), _column(end[1]) + 1):
            count += 1
            if count > 1000:
                return
            yield row, column


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else 0
