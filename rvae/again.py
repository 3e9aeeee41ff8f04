"""How alike onsets are to themselves some time later."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


class Again:
    """N onsets at whole places from 0 on, of any voices; each lag and each bar is worked out once."""

    def __init__(self, places: Ints, voices: Ints) -> None:
        rows, columns = np.unique(voices, return_inverse=True)
        self.last = int(places.max())
        self.voices = len(rows)
        self._heard = np.zeros((self.last + 1, self.voices), dtype=bool)
        self._heard[places, columns] = True
        self._before = np.concatenate(([0], np.cumsum(self._heard.sum(axis=1)))).tolist()  # onsets before each place
        self._known: dict[int, float] = {}
        self._bars: dict[tuple[int, int], float] = {}

    def at(self, lag: int) -> float:
        """0 to 1: the onsets that come again after so many places, among those that could."""
        if lag not in self._known:
            left = self.last + 1 - lag
            both = 2 * int(np.count_nonzero(self._heard[:left] & self._heard[lag:]))
            could = self._before[left] + self._before[-1] - self._before[lag]
            self._known[lag] = both / max(could, 1)
        return self._known[lag]

    def ahead(self, bar: int, step: int) -> float:
        """How much more neighbouring bars are alike than what is other whole numbers of steps apart, -1 to 1."""
        if self.last < bar:
            return 0.0
        if (bar, step) not in self._bars:
            others = [self.at(lag) for lag in range(step, min(2 * bar, self.last), step) if lag % bar]
            self._bars[bar, step] = self.at(bar) - float(np.mean(others)) if others else 0.0
        return self._bars[bar, step]
