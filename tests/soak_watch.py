"""What a soak watches from outside: the memory of the instrument's processes, and how late a bare loop is meanwhile.

`python soak_watch.py FILE`: the bare loop; writes a line for each ten seconds until it is ended.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from performance.clock import NS_PER_MS, NS_PER_S, MonotonicClock
from performance.realtime import take_realtime

_LOOP_NS = 10 * NS_PER_MS
_TOLD_NS = 10 * NS_PER_S
_KINDS = ("Pss", "Private_Clean", "Private_Dirty")


def memory_mb(pid: int) -> tuple[float, float] | None:
    """PSS and USS of a process, in MB; None where it has gone."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return None
    rows = (line.split() for line in text.splitlines()[1:])
    kb = {row[0].rstrip(":"): int(row[1]) for row in rows}
    return kb["Pss"] / 1024, (kb["Private_Clean"] + kb["Private_Dirty"]) / 1024


def family(pid: int) -> dict[str, int]:
    """A process and those below it, by their place: `window`, `window.1` is its first child, `window.1.1` its child."""
    found = {"window": pid}
    waiting = [("window", pid)]
    while waiting:
        name, parent = waiting.pop()
        children: list[int] = []
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            with suppress(OSError):
                children += map(int, task.read_text(encoding="ascii").split())
        ours = [child for child in sorted(children) if b"resource_tracker" not in _command(child)]
        for number, child in enumerate(ours, 1):
            found[f"{name}.{number}"] = child
            waiting.append((f"{name}.{number}", child))
    return found


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it has just ended
        return b"resource_tracker"


def growth_percent(at_s: Sequence[float], mb: Sequence[float]) -> float:
    """How much a line through the samples grows from first to last, in percent of where it begins."""
    slope, begin = np.polyfit(np.array(at_s) - at_s[0], mb, 1)
    return float(100 * slope * (at_s[-1] - at_s[0]) / begin)


def bare_loop(file: Path) -> None:
    """Wake every 10 ms at the engine's priority, and do nothing else."""
    take_realtime()
    clock = MonotonicClock()
    due_ns = clock.now_ns() + _LOOP_NS
    with file.open("w", buffering=1) as log:
        while True:
            late_ms: list[float] = []
            until_ns = due_ns + _TOLD_NS
            while due_ns < until_ns:
                clock.sleep_until(due_ns)
                late_ms.append(round((clock.now_ns() - due_ns) / NS_PER_MS, 4))
                due_ns += _LOOP_NS
            log.write(json.dumps([time.time(), late_ms]) + "\n")


if __name__ == "__main__":
    bare_loop(Path(sys.argv[1]))
