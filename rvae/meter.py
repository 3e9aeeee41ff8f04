"""Meters: a bar as a row of felt beats, each with a length of its own.

Every felt beat has `TICKS_PER_BEAT` ticks, whatever its length, so meters with as many beats have the same grid: 4/4
and 12/8 do, and so do 3/4, 9/8 and 7/8(2+2+3). All positions are integers or fractions; nothing here can drift.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from rvae.errors import MeterError

TICKS_PER_BEAT = 24
MAX_BEATS = 16
_DENOMINATORS = (1, 2, 4, 8, 16, 32)

# Groupings taken where a file or a player does not say; the commonest one of each length in the repertoire.
_DEFAULT_GROUPS: dict[int, tuple[int, ...]] = {
    5: (2, 3),
    7: (2, 2, 3),
    8: (3, 3, 2),
    10: (3, 3, 2, 2),
    11: (2, 2, 3, 2, 2),
    13: (2, 2, 2, 2, 2, 3),
}
_NAME = re.compile(r"\s*(\d{1,3})\s*/\s*(\d{1,3})\s*(?:\(\s*(\d+(?:\s*\+\s*\d+)*)\s*\))?\s*")


@dataclass(frozen=True, slots=True)
class Meter:
    """One bar as written (`numerator`/`denominator`) and as felt (`beat_eighths`).

    `beat_eighths`: the length of each felt beat in eighths, e.g. (2, 2, 2, 2) for 4/4, (3, 3) for 6/8, (2, 2, 3) for
    7/8(2+2+3). The lengths add up to the bar. Build one with `Meter.parse` or `Meter.of`.
    Raises MeterError where the two disagree or the grid cannot hold the bar.
    """

    numerator: int
    denominator: int
    beat_eighths: tuple[Fraction, ...]

    def __post_init__(self) -> None:
        written = f"{self.numerator}/{self.denominator}"
        if self.denominator not in _DENOMINATORS:
            raise MeterError(
                f"meter {written}: the lower number must be one of 1, 2, 4, 8, 16, 32; choose another meter"
            )
        if self.numerator < 1:
            raise MeterError(f"meter {written}: the upper number must be 1 or more; choose another meter")
        if not 1 <= len(self.beat_eighths) <= MAX_BEATS:
            raise MeterError(
                f"meter {written}: {len(self.beat_eighths)} felt beats in a bar, the grid holds 1 to {MAX_BEATS}; "
                "give a grouping with fewer, longer beats, as in 20/8(5+5+5+5)"
            )
        if any(beat <= 0 for beat in self.beat_eighths) or sum(self.beat_eighths) != self.bar_eighths:
            raise MeterError(f"meter {written}: its beats must add up to {self.bar_eighths} eighths; mend the grouping")

    @classmethod
    def of(cls, numerator: int, denominator: int, groups: tuple[int, ...] | None = None) -> Meter:
        """The meter of a written signature; `groups` in denominator notes, or None for the usual reading of it."""
        if groups is None:
            return _usual(numerator, denominator)
        if denominator not in _DENOMINATORS or numerator < 1:
            return cls(numerator, denominator, (Fraction(1),))  # refused by name there
        unit_eighths = Fraction(8, denominator)
        if sum(groups) != numerator:
            given = "+".join(map(str, groups))
            raise MeterError(
                f"meter {numerator}/{denominator}({given}): the grouping adds up to {sum(groups)}, not to {numerator}; "
                "mend it"
            )
        return cls(numerator, denominator, tuple(unit_eighths * group for group in groups))

    @classmethod
    def parse(cls, name: str) -> Meter:
        """Read `4/4`, `6/8` or `7/8(2+2+3)`. Raises MeterError for anything else."""
        match = _NAME.fullmatch(name)
        if match is None:
            raise MeterError(f"'{name}' is no meter; write it like 4/4, 6/8 or 7/8(2+2+3)")
        numerator, denominator, grouping = match.groups()
        groups = None if grouping is None else tuple(int(part) for part in grouping.split("+"))
        if groups is not None and (0 in groups or len(groups) > MAX_BEATS):
            raise MeterError(f"'{name}': a grouping has 1 to {MAX_BEATS} groups of one or more; mend it")
        return cls.of(int(numerator), int(denominator), groups)

    @property
    def name(self) -> str:
        """`4/4`, `7/8`; with the grouping where it is not the usual one: `7/8(3+2+2)`, `9/8(2+2+2+3)`."""
        groups = self.groups
        written = f"{self.numerator}/{self.denominator}"
        usual = _usual_groups(self.numerator, self.denominator)
        return written if groups == usual else f"{written}({'+'.join(map(str, groups))})"

    @property
    def label(self) -> str:
        """The name for a screen: additive meters always show their grouping."""
        written = f"{self.numerator}/{self.denominator}"
        return self.name if self.is_even else f"{written}({'+'.join(map(str, self.groups))})"

    @property
    def groups(self) -> tuple[Fraction | int, ...]:
        """The beats in denominator notes, e.g. (2, 2, 3)."""
        unit_eighths = Fraction(8, self.denominator)
        parts = (beat / unit_eighths for beat in self.beat_eighths)
        return tuple(int(part) if part.denominator == 1 else part for part in parts)

    @property
    def is_even(self) -> bool:
        """Whether all beats are equally long (simple and compound meters)."""
        return len(set(self.beat_eighths)) == 1

    @property
    def beats(self) -> int:
        """Felt beats in a bar."""
        return len(self.beat_eighths)

    @property
    def bar_eighths(self) -> Fraction:
        return Fraction(8 * self.numerator, self.denominator)

    @property
    def bar_quarters(self) -> Fraction:
        return self.bar_eighths / 2

    @property
    def bar_ticks(self) -> int:
        return self.beats * TICKS_PER_BEAT

    @property
    def tempo_beat_quarters(self) -> Fraction:
        """The note that `bpm` counts, in quarters: the felt beat, and in additive meters the shorter one."""
        return min(self.beat_eighths) / 2

    def qpm_of(self, bpm: float) -> float:
        """Felt beats per minute to quarters per minute."""
        return bpm * float(self.tempo_beat_quarters)

    def bpm_of(self, qpm: float) -> float:
        """Quarters per minute to felt beats per minute."""
        return qpm / float(self.tempo_beat_quarters)

    def quarters_at(self, ticks: int | Fraction) -> Fraction:
        """Quarters from the barline to a position in ticks; exact, for any bar (also negative ones)."""
        bars, in_bar = divmod(Fraction(ticks), self.bar_ticks)
        beat, in_beat = divmod(in_bar, TICKS_PER_BEAT)
        before = sum(self.beat_eighths[: int(beat)], Fraction(0))
        return bars * self.bar_quarters + (before + self.beat_eighths[int(beat)] * in_beat / TICKS_PER_BEAT) / 2

    def ticks_at(self, quarters: int | Fraction) -> Fraction:
        """Ticks from the barline to a position in quarters: the exact inverse of `quarters_at`."""
        bars, left_quarters = divmod(Fraction(quarters), self.bar_quarters)
        left_eighths = left_quarters * 2
        for beat, length in enumerate(self.beat_eighths):
            if left_eighths < length:
                return bars * self.bar_ticks + beat * TICKS_PER_BEAT + left_eighths / length * TICKS_PER_BEAT
            left_eighths -= length
        return (bars + 1) * self.bar_ticks + left_eighths  # not reached: a remainder is less than the bar

    def is_ternary_beat(self, beat: int) -> bool:
        """Whether a beat is written in three (a dotted note), so that its thirds are its first division."""
        return self.beat_eighths[beat % self.beats].numerator % 3 == 0

    def metric_weights(self) -> tuple[float, ...]:
        """The metric weight of each tick of a bar, 0 to 1: see `metric_weight`."""
        return _weights(self)

    def metric_weight(self, tick: int) -> float:
        """How strong a tick is in its bar, 0 to 1.

        1 for the barline, 0.85 for the half bar where equal beats pair up, 0.75 for other beats, then a level for each
        further division of the beat in the manner of Lerdahl and Jackendoff (1983): its own division (halves, or
        thirds in a
        dotted beat) 0.5, the next 0.3, the foreign division (triplets in a simple beat, duplets in a compound one)
        0.25, finer ones 0.15 and 0.05.
        """
        return _weights(self)[tick % self.bar_ticks]

    def __str__(self) -> str:
        return self.name

    def __hash__(self) -> int:  # fractions take their time, and thousands of patterns are gathered by their meter
        return hash((self.numerator, self.denominator, len(self.beat_eighths)))


def _usual_groups(numerator: int, denominator: int) -> tuple[int, ...]:
    """How a signature is felt where nothing else is said, in denominator notes."""
    if denominator < 8 or numerator < 5:
        return (1,) * numerator
    if numerator % 3 == 0:
        return (3,) * (numerator // 3)
    if numerator in _DEFAULT_GROUPS:
        return _DEFAULT_GROUPS[numerator]
    return (2,) * (numerator // 2) if numerator % 2 == 0 else (2,) * ((numerator - 3) // 2) + (3,)


@lru_cache(maxsize=256)  # each clip has one, and most the same
def _usual(numerator: int, denominator: int) -> Meter:
    return Meter.of(numerator, denominator, _usual_groups(numerator, denominator))


@lru_cache(maxsize=256)  # a stranger's files may hold any number of meters
def _weights(meter: Meter) -> tuple[float, ...]:
    # 3 to a beat is a division of its own kind: in a dotted beat it is the first, in a plain one a foreign one.
    plain = ((12, 0.5), (6, 0.3), (8, 0.25), (4, 0.15), (3, 0.15))
    dotted = ((8, 0.5), (4, 0.3), (12, 0.25), (6, 0.15), (2, 0.15))
    weights: list[float] = []
    for beat in range(meter.beats):
        halves = meter.is_even and meter.beats >= 4 and meter.beats % 2 == 0 and beat == meter.beats // 2
        weights.append(1.0 if beat == 0 else 0.85 if halves else 0.75)
        levels = dotted if meter.is_ternary_beat(beat) else plain
        weights.extend(
            next((weight for step, weight in levels if tick % step == 0), 0.05) for tick in range(1, TICKS_PER_BEAT)
        )
    return tuple(weights)
