"""A workbook as a source: read by a child process with limits (:mod:`child`), row after row."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from b24app.imports.table import About, Line, Note, Shape, Sheet, Unreadable, Unseen

MAX_ANSWER_BYTES = 64_000_000
"""One line of the child's answer: samples of all sheets, or a batch of rows."""

_SECONDS_TO_END = 5.0


class WorkbookSource:
    """What the child has said of the workbook; see :class:`b24app.imports.table.Source`."""

    def __init__(self, process: "subprocess.Popen[bytes]", head: dict[str, Any]) -> None:
        self._process = process
        self.kind = str(head["kind"])
        self.hidden_sheets = int(head["hidden_sheets"])
        self.unseen = frozenset(Unseen(item) for item in head["unseen"])
        self.sheets = tuple(sheet_of(item) for item in head["sheets"] if item["sample"])

    def lines(self, sheet: int, only: frozenset[int] | None = None) -> Iterator[Line]:
        """The rows of a sheet; once for each opened workbook. Raises :class:`Unreadable`."""
        stdin, stdout = _pipes(self._process)
        asked = " ".join(map(str, [sheet, *sorted(only or ())]))
        stdin.write(f"{asked}\n".encode())
        stdin.flush()
        while batch := _answer(self._process, stdout):
            for row in batch:
                yield _line(row)


def sheet_of(described: Mapping[str, Any]) -> Sheet:
    """A sheet as the child describes it."""
    return Sheet(
        described["index"],
        described["name"],
        described["rows"],
        tuple(_line(row) for row in described["sample"]),
        frozenset(described["hidden_columns"]),
    )


@contextmanager
def opened(content: bytes) -> Iterator[WorkbookSource]:
    """The workbook in ``content``. Raises :class:`Unreadable`: ``password``, ``old_excel``, ``damaged``,
    ``too_large``, ``not_a_table``.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "b24app.imports.child"],
        # Where the package is found, and none of the settings' secrets.
        cwd=Path(__file__).parents[2],
        env={"LANG": "C.UTF-8"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        stdin, stdout = _pipes(process)
        with suppress(BrokenPipeError):
            stdin.write(b"%d\n" % len(content))
            stdin.write(content)
            stdin.flush()
        yield WorkbookSource(process, _answer(process, stdout))
    finally:
        process.kill()
        for pipe in _pipes(process):
            with suppress(OSError):
                pipe.close()
        process.wait(_SECONDS_TO_END)


def _pipes(process: "subprocess.Popen[bytes]") -> tuple[IO[bytes], IO[bytes]]:
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the child has no pipes")
    return process.stdin, process.stdout


def _answer(process: "subprocess.Popen[bytes]", stdout: IO[bytes]) -> Any:
    """The child's next line. A child that has ended without one has met a limit."""
    line = stdout.readline(MAX_ANSWER_BYTES)
    if not line.endswith(b"\n"):
        raise Unreadable("too_large")
    answer = json.loads(line)
    if isinstance(answer, dict) and "reason" in answer:
        raise Unreadable(str(answer["reason"]))
    return answer


def _line(packed: list[Any]) -> Line:
    number, cells, notes, hidden, width, shape = packed
    about = {int(column): Note(About(kind), detail) for column, (kind, detail) in notes.items()}
    return Line(number, cells, about, hidden, width, Shape(shape))
