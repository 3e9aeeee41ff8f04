"""What a program and those that it started use of the machine; from outside, on Linux."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Memory:
    """In MB. `pss`: its own memory and its share of what others use too; `uss`: what would be free if it ended; `own`:
    what it has filled itself, files left out, so that it does not change when other programs come and go.
    """

    pss: float
    uss: float
    own: float


def family(pid: int, name: str = "window") -> dict[str, int]:
    """A process and those below it by their place: `window`, `window.1` is its first child, `window.1.1` its child."""
    found = {name: pid}
    children: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            children += map(int, task.read_text(encoding="ascii").split())
    ours = [child for child in sorted(children) if b"resource_tracker" not in _command(child)]
    for number, child in enumerate(ours, 1):
        found |= family(child, f"{name}.{number}")
    return found


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it has just ended
        return b"resource_tracker"


def memory_mb(pid: int) -> Memory | None:
    """What a process has; None where it has gone or the system does not tell."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return None
    rows = (line.split() for line in text.splitlines()[1:])
    kb = {row[0].rstrip(":"): int(row[1]) for row in rows}
    if "Pss" not in kb:
        return None
    return Memory(kb["Pss"] / 1024, (kb["Private_Clean"] + kb["Private_Dirty"]) / 1024, kb["Anonymous"] / 1024)


def spent_s(pids: list[int]) -> float | None:
    """Seconds of a processor that some processes have used so far; None where the system does not tell."""
    ticks = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            return None
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
