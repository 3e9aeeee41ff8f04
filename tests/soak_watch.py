"""What a soak stands beside: how late a bare loop is meanwhile.

`python soak_watch.py FILE`: the bare loop; writes a line for each second until it is ended.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from performance.clock import NS_PER_MS, NS_PER_S, MonotonicClock
from performance.realtime import take_realtime

_LOOP_NS = 10 * NS_PER_MS
_TOLD_NS = NS_PER_S


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


def standstills(lines: Iterable[str], *, least_s: float) -> Iterator[tuple[float, float]]:
    """When the machine stood still for so long, from and to, in s since 1970, of what the loop wrote."""
    for line in lines:
        ended_s, late_ms = json.loads(line)
        last_due_s = ended_s - late_ms[-1] / 1e3
        for row, late in enumerate(late_ms):
            if late >= least_s * 1e3:
                due_s = last_due_s - (len(late_ms) - 1 - row) * _LOOP_NS / NS_PER_S
                yield due_s, due_s + late / 1e3


if __name__ == "__main__":
    bare_loop(Path(sys.argv[1]))
