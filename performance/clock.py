"""Clocks: one interface, real time or virtual. All times are integer nanoseconds on one monotonic clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000

# A sleep overshoots, by tens of microseconds on a good day: the last stretch is waited for awake.
_SPIN_NS = 500_000
# Two clocks that were read within so long were read at one moment.
_ONE_MOMENT_NS = 20_000
_READINGS = 5


def ahead_ns(read_ns: Callable[[], int]) -> int:
    """How far another clock is ahead of `time.perf_counter_ns`, in ns.

    A machine that stood still between reading the one and the other would put the two so much apart: of a few readings
    the quickest counts.
    """
    found = []
    for _ in range(_READINGS):
        begun_ns = time.perf_counter_ns()
        theirs_ns = read_ns()
        took_ns = time.perf_counter_ns() - begun_ns
        found.append((took_ns, theirs_ns - begun_ns - took_ns // 2))
        if took_ns < _ONE_MOMENT_NS:
            break
    return min(found)[1]


class Clock(Protocol):
    """What tells the time and waits. Sync to others (Link, MIDI clock) is a Clock that is steered."""

    def now_ns(self) -> int:
        """Nanoseconds since some moment; never goes back."""

    def sleep_until(self, due_ns: int) -> None:
        """Return at `due_ns`, or at once where it has passed."""


class MonotonicClock:
    """Real time: `time.perf_counter_ns`, the same in all processes of a machine and deaf to the system's date."""

    def now_ns(self) -> int:
        """Nanoseconds of the machine's monotonic clock."""
        return time.perf_counter_ns()

    def sleep_until(self, due_ns: int) -> None:
        """Sleep, and wait the last half of a millisecond awake."""
        while (left_ns := due_ns - time.perf_counter_ns()) > 0:
            if left_ns > _SPIN_NS:
                time.sleep((left_ns - _SPIN_NS) / NS_PER_S)


class VirtualClock:
    """Time that passes only by sleeping: an hour of music takes as long as its arithmetic."""

    def __init__(self, start_ns: int = 0) -> None:
        self._now_ns = start_ns

    def now_ns(self) -> int:
        """Nanoseconds since the start, as far as it has slept."""
        return self._now_ns

    def sleep_until(self, due_ns: int) -> None:
        """Be at `due_ns`; a time that has passed changes nothing."""
        self._now_ns = max(self._now_ns, due_ns)

    def stall(self, length_ns: int) -> None:
        """Lose so much time at once, as a machine does that was asleep."""
        self._now_ns += length_ns
