"""Pace: how fast the music goes, by the player's tempo or a leader's, and the feel that depends on it; pure."""

from __future__ import annotations

from fractions import Fraction

from performance.feel import Feel
from rvae.meter import Meter


class Pace:
    """Tempo, swing, microtiming and nudges as they were last set. A tempo counts the beats of the meter it is asked of.

    `led_qpm`: the tempo of a leader, also when it is gone; None where our own holds. `is_led`: whether it is there.
    """

    def __init__(self, *, bpm: float, swing: float, microtiming: float) -> None:
        self.bpm = bpm
        self.swing = swing  # percent, as microtiming is
        self.microtiming = microtiming
        self.led_qpm: Fraction | None = None
        self.is_led = False
        self._nudge_ms: dict[int, float] = {}
        self._felt_qpm = Fraction(0)

    def own_qpm(self, meter: Meter) -> Fraction:
        """The player's tempo, in quarters a minute."""
        return Fraction(self.bpm) * meter.tempo_beat_quarters

    def qpm(self, meter: Meter) -> Fraction:
        """The leader's tempo, or the player's."""
        return self.own_qpm(meter) if self.led_qpm is None else self.led_qpm

    def nudge(self, voice: int, ms: float) -> None:
        """Have a voice play so much later."""
        self._nudge_ms[voice] = ms

    def feel(self, qpm: Fraction) -> Feel:
        """How the ticks are played at a tempo: nudges are in ms, and ticks are not."""
        self._felt_qpm = qpm
        nudges = (
            Fraction(self._nudge_ms.get(voice, 0.0)) * qpm / 60_000
            for voice in range(max(self._nudge_ms, default=-1) + 1)
        )
        return Feel(Fraction(self.microtiming) / 100, Fraction(self.swing) / 100, tuple(nudges))

    def is_off(self, qpm: Fraction) -> bool:
        """Whether at this tempo the nudges are other times than they should be. A leader's tempo never stands quite
        still, so not for every hair.
        """
        if not any(self._nudge_ms.values()):
            return False
        return abs(self._felt_qpm - qpm) * 500 >= qpm if self.is_led else self._felt_qpm != qpm
