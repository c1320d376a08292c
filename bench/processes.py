"""What a process and all below it have used, as Linux reports under ``/proc``."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Memory:
    """Kilobytes: all that a process has mapped, and its share of it where processes share pages."""

    rss: int
    pss: int


def below(pid: int) -> list[int]:
    """The children of a process."""
    return [int(part) for part in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def cpu(pid: int) -> float:
    """Seconds of processor time of a process and all below it, ended children included."""
    seconds = 0.0
    with suppress(FileNotFoundError, ProcessLookupError):
        # After the name, which may hold blanks: user, system, and both of ended children.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        seconds = sum(int(field) for field in fields[11:15]) / TICKS
        seconds += sum(cpu(child) for child in below(pid))
    return seconds


def memory(pid: int) -> Memory:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    sizes = {
        name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)
    }
    return Memory(sizes["Rss"], sizes["Pss"])
