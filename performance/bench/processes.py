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
    """A process and those below it by what they are called (see `forking.start`), the others by their place:
    `window.1` is the first child of `window`.
    """
    found = {name: pid}
    children: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            children += map(int, task.read_text(encoding="ascii").split())
    ours = [child for child in sorted(children) if "resource_tracker" not in _text(child, "cmdline")]
    for number, child in enumerate(ours, 1):
        called = _text(child, "comm").strip()
        found |= family(child, called if called.startswith("rvae-") and called not in found else f"{name}.{number}")
    return found


def _text(pid: int, what: str) -> str:
    try:
        return Path(f"/proc/{pid}/{what}").read_text(encoding="utf-8", errors="replace")
    except OSError:  # it has just ended
        return ""


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
