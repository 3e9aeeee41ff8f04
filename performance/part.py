"""Part: a pattern made ready to be played; pure."""

from __future__ import annotations

import bisect
from copy import copy
from fractions import Fraction

import numpy as np

from performance.feel import Feel
from rvae.errors import PatternError
from rvae.meter import TICKS_PER_BEAT
from rvae.pattern import Pattern


class Part:
    """A pattern made ready to be played in its meter: its ticks with onsets, and their exact places once they are
    asked for.

    Places are worked out when they come up: a hand on the plane brings sixty patterns a second, most of them never
    heard.
    """

    def __init__(self, pattern: Pattern, feel: Feel) -> None:
        if pattern.ticks_per_beat != TICKS_PER_BEAT:
            raise PatternError(
                f"a pattern of {pattern.ticks_per_beat} ticks a beat cannot be played; bring it to {TICKS_PER_BEAT}"
            )
        self.pattern = pattern
        self.feel = feel
        self._loud, self._off = pattern.midi_velocity, pattern.microtiming
        columns = np.flatnonzero(pattern.onset.any(axis=0))
        self._ticks: list[list[int]] = [[] for _ in range(pattern.bars)]
        for bar, tick in zip(*divmod(columns, pattern.meter.bar_ticks), strict=True):
            self._ticks[int(bar)].append(int(tick))
        self._onsets: dict[tuple[int, int], tuple[tuple[Fraction, int, int], ...]] = {}
        self._nudges = self._nudges_of(feel)

    def _nudges_of(self, feel: Feel) -> list[Fraction]:
        return [feel.nudge_of(voice, self.pattern.meter) for voice in range(len(self.pattern.kit))]

    def with_feel(self, feel: Feel) -> Part:
        """The same pattern with another feel. Places that were worked out are kept where only nudges differ: those
        follow every change of the tempo.
        """
        part = copy(self)
        part.feel, part._nudges = feel, self._nudges_of(feel)
        if (feel.microtiming, feel.swing) != (self.feel.microtiming, self.feel.swing):
            part._onsets = {}
        return part

    def nudge(self, voice: int) -> Fraction:
        """How much later a voice plays, in quarters."""
        return self._nudges[voice]

    def ticks(self, bar: int, low: int, high: int) -> list[int]:
        """The ticks with onsets in a bar of the performance, from `low` to below `high`."""
        ticks = self._ticks[bar % self.pattern.bars]
        return ticks[bisect.bisect_left(ticks, low) : bisect.bisect_left(ticks, high)]

    def onsets(self, bar: int, tick: int) -> tuple[tuple[Fraction, int, int], ...]:
        """(quarters from the barline, the nudge aside, voice, MIDI velocity) of each onset written at a tick."""
        place = (bar % self.pattern.bars, tick)
        if place not in self._onsets:
            meter = self.pattern.meter
            column = place[0] * meter.bar_ticks + tick
            self._onsets[place] = tuple(
                (
                    meter.quarters_at(self.feel.sounding_ticks(tick, float(self._off[voice, column]), meter)),
                    int(voice),
                    int(self._loud[voice, column]),
                )
                for voice in np.flatnonzero(self.pattern.onset[:, column])
            )
        return self._onsets[place]
