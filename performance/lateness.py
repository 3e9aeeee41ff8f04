"""Lateness: how long after their due time events went out, summed up."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from performance.clock import NS_PER_MS
from performance.snapshot import Lateness

_LATE_NS = 5 * NS_PER_MS
_KEPT = 4096


class LatenessMeter:
    """Takes the lateness of each event and sums it up: a ring of the last 4096."""

    def __init__(self) -> None:
        self._ring_ns = np.zeros(_KEPT, np.int64)
        self._events = 0
        self._late = 0
        self._summed = -1
        self._summary = Lateness()
        self.slips = 0

    def add(self, lateness_ns: int) -> None:
        """One event went out so much after it was due."""
        self._ring_ns[self._events % _KEPT] = lateness_ns
        self._events += 1
        self._late += lateness_ns > _LATE_NS

    def summary(self) -> Lateness:
        """p50, p99 (by nearest rank) and maximum of the ring; counts since the start.

        Sorting the ring takes a while, so after the first events it is done once for many.
        """
        fresh = self._events - self._summed
        if self._events and fresh >= max(1, min(self._events // 16, 64)):
            self._summed = self._events
            kept = self._ring_ns[: min(self._events, _KEPT)]
            ranks = [math.ceil(len(kept) * share) - 1 for share in (0.5, 0.99, 1.0)]
            # Not numpy's percentile: the first time, it imports what takes 16 ms, in the middle of the beat.
            p50, p99, most = (float(ns) / NS_PER_MS for ns in np.partition(kept, ranks)[ranks])
            self._summary = Lateness(p50_ms=p50, p99_ms=p99, max_ms=most)
        return replace(self._summary, events=self._events, late=self._late, slips=self.slips)

    def all_ms(self) -> list[float]:
        """The ring itself, in ms, for benchmarks."""
        return [float(value) for value in self._ring_ns[: min(self._events, _KEPT)] / NS_PER_MS]
