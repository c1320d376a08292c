"""How fast files are read, and what it takes, beside the libraries alone on the same file.

``python -m bench.imports [--rows 100000] [--columns 60]``: a CSV and an XLSX are made, then read in
turn by us and by what reads them alone, each in a process of its own. Rows a second, the peak memory of
the process above its start, and of the child that reads workbooks.
"""

import argparse
import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import xlsxwriter
from openpyxl import load_workbook
from python_calamine import CalamineWorkbook

from b24app.imports import columns, rows, source
from b24app.imports.known import Known

HEADS = ("Order number", "Deal")


def make(folder: Path, count: int, width: int) -> tuple[Path, Path]:
    """A CSV and an XLSX of the same numbers."""
    text, book = folder / "orders.csv", folder / "orders.xlsx"
    heads = [*HEADS, *(f"Column {at}" for at in range(width - len(HEADS)))]
    table = (
        [7000 + row, 100 + row % 50, *(row * at % 9973 for at in range(width - 2))]
        for row in range(count)
    )
    with (
        text.open("w", newline="") as file,
        xlsxwriter.Workbook(str(book), {"constant_memory": True}) as made,
    ):
        writer, sheet = csv.writer(file), made.add_worksheet()
        writer.writerow(heads)
        sheet.write_row(0, 0, heads)
        for at, row in enumerate(table, start=1):
            writer.writerow(row)
            sheet.write_row(at, 0, row)
    return text, book


def ours(path: Path) -> tuple[int, float]:
    """Rows read, and the part of the time that recognition took."""

    def known(values: Sequence[str]) -> Known:
        return Known({value: int(value) for value in values if value.isdecimal()})

    began = time.monotonic()
    with source.opened(path.read_bytes()) as opened:
        sheet = opened.sheets[0]
        before = time.monotonic()
        found = columns.recognized(sheet, known, "portal.example")
        recognition = time.monotonic() - before
        count = sum(
            1 for _ in rows.rows(opened.lines(sheet.index, found.used), found, "portal.example")
        )
    return count, recognition / (time.monotonic() - began)


def csv_alone(path: Path) -> tuple[int, float]:
    with path.open(newline="") as file:
        return sum(1 for _ in csv.reader(file)) - 1, 0.0


def calamine_alone(path: Path) -> tuple[int, float]:
    book = CalamineWorkbook.from_path(str(path))
    return sum(1 for _ in book.get_sheet_by_index(0).iter_rows()) - 1, 0.0


def openpyxl_alone(path: Path) -> tuple[int, float]:
    book = load_workbook(path, read_only=True, data_only=True)
    return sum(1 for _ in book.worksheets[0].iter_rows(values_only=True)) - 1, 0.0


READERS: dict[str, Callable[[Path], tuple[int, float]]] = {
    our.__name__: our for our in (ours, csv_alone, calamine_alone, openpyxl_alone)
}


def measured(reader: str, path: Path) -> dict[str, float]:
    """One reading in a process of its own."""
    command = [sys.executable, "-m", "bench.imports", "--read", reader, str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def _read(reader: str, path: Path) -> None:
    start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    count, recognition = READERS[reader](path)
    seconds = time.monotonic() - began
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    found = {"rows": count, "seconds": seconds, "recognition": recognition}
    sys.stdout.write(json.dumps(found | {"own_mb": own / 1024, "child_mb": child / 1024}))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--columns", type=int, default=60)
    parser.add_argument("--read", nargs=2, metavar=("READER", "FILE"))
    options = parser.parse_args()
    if options.read:
        _read(options.read[0], Path(options.read[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        text, book = make(Path(folder), options.rows, options.columns)
        for path, readers in (
            (text, ("ours", "csv_alone")),
            (book, ("ours", "calamine_alone", "openpyxl_alone")),
        ):
            for reader in readers:
                found = measured(reader, path)
                sys.stdout.write(
                    f"{path.suffix[1:]:5} {reader:15} {found['rows'] / found['seconds']:>9,.0f} rows/s, "
                    f"{found['seconds']:.1f} s, {found['own_mb']:.0f} MB above the start, "
                    f"child {found['child_mb']:.0f} MB, recognition {found['recognition']:.1%}\n"
                )


if __name__ == "__main__":
    main()
