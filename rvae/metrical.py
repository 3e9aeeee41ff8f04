"""Which meter a clip is in that does not say so: an estimate, with its certainty.

The meters in use are weighed against each other, in the spirit of Temperley, Music and Probability (2007): how usual a
meter is, how well the onsets stand where it has its beats, how alike its bars are, and whether the clip is a whole
number of them. The weights are set by judgement and not fitted to any collection; docs/my-meters.md has the figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt

from rvae.meter import Meter

Ints = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]

CERTAIN = 0.8
_PLACES_PER_QUARTER = 12  # sixteenths and triplets
_IN_USE = np.array([0, 3, 4, 6, 8, 9])  # those of a quarter
# How usual a meter is, as log odds against 4/4.
_USUAL = {
    "4/4": 0.0, "3/4": -2.0, "6/8": -2.3, "12/8": -2.3, "2/4": -4.0, "5/4": -3.5, "9/8": -3.8, "7/8(2+2+3)": -4.0,
    "7/8(3+2+2)": -4.0, "7/8(2+3+2)": -4.8, "5/8(2+3)": -4.6, "5/8(3+2)": -4.6, "7/4": -4.5, "6/4": -4.5,
    "9/8(2+2+2+3)": -4.5, "11/8(2+2+3+2+2)": -5.0, "13/8(2+2+2+3+2+2)": -5.5, "10/8(3+2+2+3)": -5.5,
}  # fmt: skip
_FIT = 3.0  # how much more onsets there are on the barline than between the finest places, as a log
_MOST_ONSETS = 32  # of this many the evidence counts: the same bar again says nothing new
_ALIKE = 6.0
_POWER_OF_TWO, _OTHER_COUNT, _NO_COUNT = 0.0, -2.0, -6.0
_MOST_BARS = 64
_FEWEST_ONSETS = 2
_FEWEST_TO_DOUBT = 12
_DOUBT = 6.0
_UNUSUAL = -4.0
_PLAINLY_ALIKE = 0.65 * _ALIKE
_HEARD_QUARTERS = 128  # enough to know by


@dataclass(frozen=True)
class Estimate:
    """The likeliest meter, how likely it is among all that were weighed (0 to 1), the next; and how many onsets."""

    meter: Meter
    certainty: float
    other: Meter
    onsets: int

    @property
    def is_certain(self) -> bool:
        """Whether one may go by it: likely enough, and heard from enough onsets."""
        return self.certainty >= CERTAIN and self.onsets >= _FEWEST_ONSETS


def estimate_meter(quarters: Reals, voices: Ints, loudness: Reals, length_quarters: float) -> Estimate | None:
    """The meter of N onsets at `quarters` from the first barline, of `voices`, 0 to 1 loud; None where there are none.

    `length_quarters`: where the clip ends.
    """
    near = quarters < _HEARD_QUARTERS
    if not near.any():
        return None
    length = _said_length(length_quarters, float(quarters.max()))
    places, voices, loudness = _snapped(quarters[near]), voices[near], loudness[near]
    meters = _meters()
    scores = np.array(list(_USUAL.values()))
    likeness = _Likeness(places, voices)
    for row, meter in enumerate(meters):
        scores[row] += _fit(places, loudness, meter) + likeness.of(meter) + _whole(length, meter)
    chances = np.exp(scores - scores.max())
    chances /= chances.sum()
    written: dict[tuple[int, int], float] = {}
    best: dict[tuple[int, int], tuple[float, Meter]] = {}
    for meter, chance in zip(meters, chances.tolist(), strict=True):
        key = (meter.numerator, meter.denominator)
        written[key] = written.get(key, 0.0) + chance
        best[key] = max(best.get(key, (0.0, meter)), (chance, meter), key=lambda pair: pair[0])
    first, second = sorted(written, key=lambda key: -written[key])[:2]
    return Estimate(best[first][1], written[first], best[second][1], len(places))


@cache
def _meters() -> tuple[Meter, ...]:
    return tuple(Meter.parse(name) for name in _USUAL)


def _snapped(quarters: Reals) -> Ints:
    """The nearest sixteenth or triplet of each, in twelfths of a quarter."""
    whole = np.floor(quarters)
    near = np.append(_IN_USE, _PLACES_PER_QUARTER)
    inside = (quarters - whole)[:, None] * _PLACES_PER_QUARTER
    chosen: Ints = near[np.abs(inside - near).argmin(axis=1)]
    return (whole * _PLACES_PER_QUARTER).astype(np.int64) + chosen


def _said_length(length: float, last: float) -> float | None:
    """The length where it looks meant: on an eighth, after the last onset."""
    eighths = round(length * 2)
    return eighths / 2 if abs(length * 2 - eighths) < 0.02 and eighths / 2 > last else None


@lru_cache(maxsize=256)  # a stranger's files may hold any number of meters
def _weights(meter: Meter) -> tuple[Reals, float]:
    """The metric weight of each twelfth of a quarter of a bar; how likely onsets anywhere are by them, as a log."""
    count = int(meter.bar_quarters * _PLACES_PER_QUARTER)
    ticks = [meter.ticks_at(Fraction(place, _PLACES_PER_QUARTER)) for place in range(count)]
    weights = np.array([meter.metric_weight(int(tick)) if tick.denominator == 1 else 0.0 for tick in ticks])
    in_use = np.isin(np.arange(count) % _PLACES_PER_QUARTER, _IN_USE)
    return weights, float(np.log(np.exp(_FIT * weights[in_use]).mean()))


def _fit(places: Ints, loudness: Reals, meter: Meter) -> float:
    """How much likelier the onsets are where this meter has its weight than anywhere."""
    weights, even = _weights(meter)
    shares = 0.5 + loudness
    gain = _FIT * float(weights[places % len(weights)] @ shares / shares.sum()) - even
    return gain * min(len(places), _MOST_ONSETS)


class _Likeness:
    """How alike the onsets are to themselves so many places later: each lag is worked out once."""

    def __init__(self, places: Ints, voices: Ints) -> None:
        self._last = int(places.max())
        rows, columns = np.unique(voices, return_inverse=True)
        self._heard = np.zeros((self._last + 1, len(rows)), dtype=bool)
        self._heard[places, columns] = True
        self._known: dict[int, float] = {}

    def _at(self, lag: int) -> float:
        """0 to 1: the onsets that come again after `lag` places, among those that could."""
        if lag not in self._known:
            early, late = self._heard[: self._last + 1 - lag], self._heard[lag:]
            again = 2 * int((early & late).sum())
            self._known[lag] = again / max(int(early.sum()) + int(late.sum()), 1)
        return self._known[lag]

    def of(self, meter: Meter) -> float:
        """How alike neighbouring bars are, against places a whole number of eighths away; in units of log odds."""
        bar, eighth = int(meter.bar_quarters * _PLACES_PER_QUARTER), _PLACES_PER_QUARTER // 2
        if self._last < bar:
            return 0.0
        others = [self._at(lag) for lag in range(eighth, min(2 * bar, self._last), eighth) if lag % bar]
        return _ALIKE * (self._at(bar) - float(np.mean(others))) if others else 0.0


def _whole(length: float | None, meter: Meter) -> float:
    """Whether the clip is a whole number of bars, a power of two of them best."""
    if length is None:
        return 0.0
    bars = length / float(meter.bar_quarters)
    if bars > _MOST_BARS:
        return 0.0
    if abs(bars - round(bars)) > 1e-6 or round(bars) == 0:
        return _NO_COUNT
    return _POWER_OF_TWO if round(bars) & (round(bars) - 1) == 0 else _OTHER_COUNT


def better_meter(
    quarters: Reals, voices: Ints, loudness: Reals, length_quarters: float, label: Meter
) -> tuple[Meter, float] | None:
    """A meter that fits N onsets better than the one they are labelled with, and by how much as a log; None where none.

    The onsets as in `estimate_meter`. How usual a meter is counts for half: somebody has said the label. 12/16 is
    weighed too, as which 12/8 is sometimes stored in 3/4.
    """
    near = quarters < _HEARD_QUARTERS
    if near.sum() < _FEWEST_TO_DOUBT:
        return None
    length = _said_length(length_quarters, float(quarters.max()))
    places, rows, loud = _snapped(quarters[near]), voices[near], loudness[near]
    likeness = _Likeness(places, rows)

    def evidence(meter: Meter, usual: float) -> float:
        return usual / 2 + _fit(places, loud, meter) + likeness.of(meter) + _whole(length, meter)

    same = {label.bar_quarters, label.bar_quarters * 2, label.bar_quarters / 2}
    said, others, gains = evidence(label, _USUAL.get(label.label, _UNUSUAL)), list[Meter](), list[float]()
    for meter, usual in (*zip(_meters(), _USUAL.values(), strict=True), (Meter.parse("12/16"), _UNUSUAL)):
        if (meter.numerator, meter.denominator) == (label.numerator, label.denominator):
            said = max(said, evidence(meter, usual))
        elif meter.bar_quarters not in same or meter.is_ternary_beat(0) != label.is_ternary_beat(0):
            others.append(meter)
            gains.append(evidence(meter, usual))
    best = int(np.argmax(gains))
    if gains[best] - said >= _DOUBT:
        return others[best], gains[best] - said
    # Bars of another length may be plain without any accent: nearly the same each time, where the label's are not.
    alike = [likeness.of(meter) for meter in others]
    again = int(np.argmax(alike))
    plain = alike[again] >= _PLAINLY_ALIKE and alike[again] - likeness.of(label) >= _PLAINLY_ALIKE
    return (others[again], gains[again] - said) if plain else None
