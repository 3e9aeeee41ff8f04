"""Feel: how written ticks are played: the learned microtiming, swing, and nudges; pure."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from rvae.errors import UsageError
from rvae.meter import TICKS_PER_BEAT, Meter

MAX_MICROTIMING_AMOUNT = Fraction(3, 2)
MIN_SWING, MAX_SWING = Fraction(1, 2), Fraction(3, 4)


@dataclass(frozen=True, slots=True)
class Feel:
    """How the written ticks are played: `microtiming` is the amount of the learned deviations, 0 to 1.5; `swing` is
    where the half of a simple beat falls, 1/2 (straight) to 3/4. Beats of three keep their own division.
    `nudge_quarters`: how much later each voice plays, or, below 0, earlier, by row of the kit; those left out stay.
    """

    microtiming: Fraction = Fraction(1)
    swing: Fraction = MIN_SWING
    nudge_quarters: tuple[Fraction, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.microtiming <= MAX_MICROTIMING_AMOUNT:
            raise UsageError(f"microtiming: {float(self.microtiming)}, 0 to 1.5 is possible; choose another amount")
        if not MIN_SWING <= self.swing <= MAX_SWING:
            raise UsageError(f"swing: {float(self.swing)}, 0.5 to 0.75 is possible; choose another")

    def sounding_ticks(self, tick: int, microtiming: float, meter: Meter) -> Fraction:
        """Where in its bar an onset sounds, in ticks; exact."""
        beat, in_beat = divmod(tick, TICKS_PER_BEAT)
        swung = Fraction(in_beat)
        if self.swing != MIN_SWING and not meter.is_ternary_beat(beat):
            half = TICKS_PER_BEAT // 2
            middle = TICKS_PER_BEAT * self.swing
            if in_beat < half:
                swung = in_beat * middle / half
            else:
                swung = middle + (in_beat - half) * (TICKS_PER_BEAT - middle) / half
        return beat * TICKS_PER_BEAT + swung + Fraction(microtiming) * self.microtiming

    def nudge_of(self, voice: int, meter: Meter) -> Fraction:
        """How much later a voice plays, in quarters; half the shortest beat at the most."""
        if voice >= len(self.nudge_quarters):
            return Fraction(0)
        most = min(meter.beat_eighths) / 4
        return max(-most, min(most, self.nudge_quarters[voice]))
