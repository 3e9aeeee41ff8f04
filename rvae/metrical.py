"""Which meter a clip is in that does not say so: an estimate, with its certainty.

The meters in use are weighed against each other, in the spirit of Temperley, Music and Probability (2007): how usual a
meter is, how well kick, snare and the rest stand where it has its beats, from wherever its bars begin, how alike its
bars are, and whether the clip is a whole number of them. These weights are set by judgement. How sure one can be of the
answer is fitted: see `certainty`. docs/my-meters.md has the figures.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, lru_cache
from math import ceil, lcm, log2

import numpy as np
import numpy.typing as npt

from rvae.again import Again
from rvae.certainty import CERTAIN, METER, UNSURE, Known, odds
from rvae.meter import TICKS_PER_BEAT, Meter
from rvae.parts import KICK, PARTS, SNARE

Ints = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]

_PLACES_PER_QUARTER = 12  # sixteenths and triplets
_PLACES_PER_EIGHTH = _PLACES_PER_QUARTER // 2
_IN_USE = np.array([0, 3, 4, 6, 8, 9])  # those of a quarter
# How usual a meter is, as log odds against 4/4.
_USUAL = {
    "4/4": 0.0, "3/4": -2.0, "6/8": -2.3, "12/8": -2.3, "2/4": -4.0, "5/4": -3.5, "9/8": -3.8, "7/8(2+2+3)": -4.0,
    "7/8(3+2+2)": -4.0, "7/8(2+3+2)": -4.8, "5/8(2+3)": -4.6, "5/8(3+2)": -4.6, "7/4": -4.5, "6/4": -4.5,
    "9/8(2+2+2+3)": -4.5, "9/8(2+3+2+2)": -5.5, "9/8(3+2+2+2)": -5.5, "11/8(2+2+3+2+2)": -5.0,
    "11/8(3+2+2+2+2)": -6.0, "11/8(2+2+2+2+3)": -6.0, "13/8(2+2+2+3+2+2)": -5.5, "13/8(3+2+2+2+2+2)": -6.5,
    "13/8(2+2+2+2+2+3)": -6.5, "13/8(2+2+3+2+2+2)": -6.5, "10/8(3+2+2+3)": -5.5, "15/8(2+2+2+2+3+2+2)": -6.0,
}  # fmt: skip
_NONE_OF_THEM = -6.0
_FIT = 3.0  # how much more onsets there are on the barline than between the finest places, as a log
_MOST_ONSETS = 16  # of this many the evidence counts: the same bar again says nothing new
_MOST_TO_DOUBT = 32
_MOST_PLACES = 32
_UPBEAT, _UPBEAT_ON_BEAT = 0.1, 0.8  # how likely a clip begins with one, and that one of whole beats
_ALIKE = 6.0
_POWER_OF_TWO, _OTHER_COUNT, _NO_COUNT = 0.0, -2.0, -6.0
_NO_COUNT_BUT_NOTE_END = -4.0
_NOTE_QUARTERS = 0.5  # where a clip ends so soon after its last onset, that may be the end of a note and no more
_MOST_BARS = 64
_FEWEST_BARS = 3  # to be certain of a bar from what comes again alone
_FEWEST_TO_DOUBT = 12
_DOUBT = 6.0
_UNUSUAL = -4.0
_PLAINLY_ALIKE = 0.65 * _ALIKE
# What comes again so many times, so plainly, and by so much more plainly than bars do speaks against them.
_TIMES_HEARD, _PLAINLY_AGAIN, _MORE_PLAINLY = 4, 0.6, 0.05
_BORNE_OUT = 0.75  # bars that are so much alike are as long as their label says, unless others are more so
_PLAIN_AGAIN, _FAR_PLAINER = 0.7, 0.3
_SHORTEST_BAR = 2 * _PLACES_PER_QUARTER
_HEARD_QUARTERS = 128  # enough to know by


@dataclass(frozen=True)
class Estimate:
    """The likeliest meter; how often such an estimate is right, 0 to 1; the next likely meter.

    `known`: what the certainty was told from; None where too little was heard to be sure of anything.
    """

    meter: Meter
    certainty: float
    other: Meter
    known: Known | None = None

    @property
    def is_certain(self) -> bool:
        """Whether one may go by it."""
        return self.certainty >= CERTAIN


@dataclass(frozen=True)
class _Length:
    """How long a clip is in quarters, where that looks meant; `is_plain`: it is no mere end of its last note."""

    quarters: float
    is_plain: bool

    def bars(self, bar: _Bar) -> float:
        return self.quarters / bar.quarters

    def is_whole(self, bar: _Bar) -> bool:
        bars = self.bars(bar)
        return abs(bars - round(bars)) < 1e-6 and round(bars) > 0


@dataclass(frozen=True, slots=True, eq=False)
class _Bar:
    """A meter, and what is asked of it for every clip: how long its bar is, in quarters and in twelfths of them.

    `weights`: `[PARTS, places]`, how strong each twelfth is for kick, snare and the rest; `even`: `[PARTS]`, how likely
    onsets anywhere are by that, as a log.
    """

    meter: Meter
    quarters: float
    places: int
    weights: Reals
    even: Reals


def estimate_meter(
    quarters: Reals, voices: Ints, parts: Ints, loudness: Reals, length_quarters: float
) -> Estimate | None:
    """The meter of N onsets at `quarters` from the start, of `voices`, 0 to 1 loud; None where there are none.

    `parts`: KICK, SNARE or OTHER; `length_quarters`: where the clip ends.
    """
    near = quarters < _HEARD_QUARTERS
    if not near.any():
        return None
    length = _said_length(length_quarters, float(quarters.max()))
    heard = _Heard(_snapped(quarters[near]), voices[near], parts[near], loudness[near])
    scores = np.array(list(_USUAL.values()))
    for row, bar in enumerate(_bars()):
        scores[row] += heard.fit(bar) + heard.likeness(bar) + _whole(length, bar)
    best = max(float(scores.max()), _NONE_OF_THEM)
    chances = np.exp(scores - best)
    chances /= chances.sum() + np.exp(_NONE_OF_THEM - best)
    by_name: dict[tuple[int, int], float] = {}
    likeliest: dict[tuple[int, int], tuple[float, _Bar]] = {}
    for bar, chance in zip(_bars(), chances.tolist(), strict=True):
        key = (bar.meter.numerator, bar.meter.denominator)
        by_name[key] = by_name.get(key, 0.0) + chance
        likeliest[key] = max(likeliest.get(key, (0.0, bar)), (chance, bar), key=lambda pair: pair[0])
    first, second = sorted(by_name, key=lambda key: -by_name[key])[:2]
    found = likeliest[first][1]
    same_length = sum(chance for key, chance in by_name.items() if key[0] * first[1] == first[0] * key[1])
    known = Known(
        (odds(same_length), float(_is_single(length, found)), log2(min(heard.count, _MOST_PLACES))),
        (odds(by_name[first] / same_length),),
    )
    certainty, other = METER.certainty(known), likeliest[second][1].meter
    if not heard.is_enough(found, length):
        return Estimate(found.meter, min(certainty, UNSURE), other)
    return Estimate(found.meter, certainty, other, known)


@cache
def _bars() -> tuple[_Bar, ...]:
    """The meters in use."""
    return tuple(_bar(Meter.parse(name)) for name in _USUAL)


@cache
def _sixteenths() -> _Bar:
    return _bar(Meter.parse("12/16"))


def _snapped(quarters: Reals) -> Ints:
    """The nearest sixteenth or triplet of each, in twelfths of a quarter."""
    whole = np.floor(quarters)
    near = np.append(_IN_USE, _PLACES_PER_QUARTER)
    inside = (quarters - whole)[:, None] * _PLACES_PER_QUARTER
    chosen: Ints = near[np.abs(inside - near).argmin(axis=1)]
    return (whole * _PLACES_PER_QUARTER).astype(np.int64) + chosen


def _said_length(length: float, last: float) -> _Length | None:
    """The length where it looks meant: on an eighth, after the last onset."""
    eighths = round(length * 2)
    if abs(length * 2 - eighths) >= 0.02 or eighths / 2 <= last + 1e-6:
        return None
    return _Length(eighths / 2, length - last > _NOTE_QUARTERS + 1e-6)


def _whole(length: _Length | None, bar: _Bar) -> float:
    """Whether the clip is a whole number of bars, a power of two of them best."""
    if length is None or length.bars(bar) > _MOST_BARS:
        return 0.0
    if not length.is_whole(bar):
        return _NO_COUNT if length.is_plain else _NO_COUNT_BUT_NOTE_END
    bars = round(length.bars(bar))
    return _POWER_OF_TWO if bars & (bars - 1) == 0 else _OTHER_COUNT


def _is_single(length: _Length | None, bar: _Bar) -> bool:
    return length is not None and abs(length.bars(bar) - 1) < 1e-6


@lru_cache(maxsize=256)  # a stranger's files may hold any number of meters
def _bar(meter: Meter) -> _Bar:
    """What is asked of a meter.

    Where beats pair up, a snare is on every second, the backbeat; elsewhere it is on any but the first.
    """
    count = max(int(meter.bar_quarters * _PLACES_PER_QUARTER), 1)
    scale = lcm(*(beat.denominator for beat in meter.beat_eighths))
    lengths = np.array([int(beat * _PLACES_PER_EIGHTH * scale) for beat in meter.beat_eighths], dtype=np.int64)
    ticks = np.outer(lengths, np.arange(TICKS_PER_BEAT)) + (np.cumsum(lengths) - lengths)[:, None] * TICKS_PER_BEAT
    places, between = np.divmod(ticks.ravel(), TICKS_PER_BEAT * scale)
    there = (between == 0) & (places < count)
    plain = np.zeros(count)
    plain[places[there]] = np.array(meter.metric_weights())[there]
    weights = np.tile(plain, (len(PARTS), 1))
    pairs = meter.is_even and meter.beats % 2 == 0
    edges = np.cumsum([0, *(int(beat * _PLACES_PER_EIGHTH) for beat in meter.beat_eighths[:-1])])
    for beat, place in enumerate(edges.tolist()):
        odd = pairs and beat % 2 == 1
        weights[KICK, place] = 1.0 if beat == 0 else 0.85 if pairs and not odd else 0.55
        weights[SNARE, place] = 0.5 if beat == 0 else 0.95 if odd else 0.6 if pairs else 0.8
    in_use = np.isin(np.arange(count) % _PLACES_PER_QUARTER, _IN_USE)
    even: Reals = np.log(np.exp(_FIT * weights[:, in_use]).mean(axis=1))
    return _Bar(meter, float(meter.bar_quarters), count, weights, even)


@cache
def _from_each_eighth(bar: _Bar) -> tuple[Reals, Reals]:
    """Of a meter in use: `[S, PARTS * N]`, its weights where bars begin at each eighth; `[S]`: how likely they do, as a
    log, at once or after an upbeat.
    """
    shifts = np.arange(0, bar.places, _PLACES_PER_EIGHTH)
    rolled = np.stack([np.roll(bar.weights, shift, axis=1).ravel() for shift in shifts])
    on_beat = np.isin(shifts, np.cumsum([int(beat * _PLACES_PER_EIGHTH) for beat in bar.meter.beat_eighths]))
    beats = int(on_beat.sum())
    between = len(shifts) - 1 - beats
    chances = _UPBEAT * np.where(on_beat, _UPBEAT_ON_BEAT / max(beats, 1), (1 - _UPBEAT_ON_BEAT) / max(between, 1))
    chances[0] = 1 - _UPBEAT
    return rolled, np.log(chances)


class _Heard:
    """Onsets at places, in twelfths of a quarter: each length of bar and each lag is worked out once."""

    def __init__(self, places: Ints, voices: Ints, parts: Ints, loudness: Reals) -> None:
        self.count = len(np.unique(places))
        self._places, self._parts, self._loud = places, parts, 0.5 + loudness
        self._again = Again(places, voices)
        self._bars: dict[int, tuple[Reals, Reals]] = {}  # by places: the shares, and their sums by part

    def fit(self, bar: _Bar) -> float:
        """How much likelier the onsets are where this meter has its weight than anywhere, wherever its bars begin."""
        rolled, beginnings = _from_each_eighth(bar)
        shares, even = self._shares_of(bar)
        fits = (_FIT * (rolled @ shares.ravel()) - even) * min(len(self._places), _MOST_ONSETS) + beginnings
        best = float(fits.max())
        return best + float(np.log(np.exp(fits - best).sum()))

    def fit_from_start(self, bar: _Bar) -> float:
        """The same with a barline at the start, as a label has it."""
        shares, even = self._shares_of(bar)
        fit = _FIT * float((bar.weights * shares).sum()) - even
        return fit * min(len(self._places), _MOST_TO_DOUBT)

    def _shares_of(self, bar: _Bar) -> tuple[Reals, float]:
        """`[PARTS, N]`: how the onsets are spread over a bar, louder ones counting for more.

        With it what is expected of them if they stood anywhere, as a log per onset.
        """
        count = bar.places
        if count not in self._bars:
            at = self._parts * count + self._places % count
            spread = np.bincount(at, weights=self._loud, minlength=len(PARTS) * count).reshape(len(PARTS), count)
            shares: Reals = spread / self._loud.sum()
            self._bars[count] = shares, shares.sum(axis=1)
        shares, of_parts = self._bars[count]
        return shares, float(bar.even @ of_parts)

    def likeness(self, bar: _Bar) -> float:
        """How alike neighbouring bars are, against places a whole number of eighths away; in units of log odds."""
        return _ALIKE * self._again.ahead(bar.places, _PLACES_PER_EIGHTH)

    def comes_again(self, bar: _Bar, *counts: int) -> float:
        """0 to 1: the onsets that come again after one of these counts of bars, where they do so most."""
        lags = [count * bar.places for count in counts if count * bar.places <= self._again.last]
        return max((self._again.at(lag) for lag in lags), default=0.0)

    def _longest_again(self) -> int:
        """The longest time after which something can come again often enough to be known by it."""
        quarters = ceil((self._again.last + 1) / _PLACES_PER_QUARTER)
        return quarters * _PLACES_PER_QUARTER // _TIMES_HEARD

    def _comes_again_otherwise(self, bar: _Bar) -> bool:
        """Whether something comes again that is no bars apart, nor the parts of one, as a waltz does in 4/4."""
        lags = range(_SHORTEST_BAR, self._longest_again() + 1, _PLACES_PER_EIGHTH)
        others = [self._again.at(lag) for lag in lags if lag % bar.places and bar.places % lag]
        plainest = max(others, default=0.0)
        return plainest >= _PLAINLY_AGAIN and plainest > self.comes_again(bar, 1, 2, 4) + _MORE_PLAINLY

    def may_be(self, bar: _Bar, label: _Bar) -> bool:
        """Whether a bar may be what a label should say: another one, and not longer or shorter where those of the label
        come again as plainly.
        """
        if bar.meter.numerator == 12 and bar.meter.denominator == 16:
            return bar.quarters == label.quarters
        if bar.quarters in {label.quarters, label.quarters * 2, label.quarters / 2}:
            is_same = bar.meter.is_ternary_beat(0) == label.meter.is_ternary_beat(0)
            if is_same or bar.quarters == label.quarters:
                return not is_same
        again = self.comes_again(label, 1)
        is_as_plain = bar.places % label.places == 0 or again >= self.comes_again(bar, 1)
        return label.places > self._longest_again() or again < _BORNE_OUT or not is_as_plain

    def is_far_plainer(self, bar: _Bar, label: _Bar) -> bool:
        """Whether bars come again by so much more plainly than those of the label that it cannot be."""
        if max(bar.places, label.places) > self._longest_again() or not (
            bar.places % label.places and label.places % bar.places
        ):
            return False
        return self.comes_again(bar, 1) >= max(_PLAIN_AGAIN, self.comes_again(label, 1, 2) + _FAR_PLAINER)

    def is_enough(self, bar: _Bar, length: _Length | None) -> bool:
        """Whether there is enough to be certain of a meter by: more than one voice, nothing that comes again across its
        bars, and either a length that is a whole number of them or some to compare. A bar that may end where its last
        note does is enough for 4/4 alone.
        """
        if self._again.voices == 1:
            return False
        if self._comes_again_otherwise(bar):
            return False
        if length is None:
            return self._again.last + 1 >= _FEWEST_BARS * bar.quarters * _PLACES_PER_QUARTER
        if not length.is_whole(bar):
            return length.bars(bar) > _MOST_BARS
        return length.is_plain or not _is_single(length, bar) or bar.meter.name == "4/4"


def better_meter(
    quarters: Reals, voices: Ints, parts: Ints, loudness: Reals, length_quarters: float, label: Meter
) -> tuple[Meter, float] | None:
    """A meter that fits N onsets better than the one they are labelled with, and by how much as a log; None where none.

    The onsets as in `estimate_meter`. How usual a meter is counts for half: somebody has said the label. 12/16 is
    weighed too, as which 12/8 is sometimes stored in 3/4. A length is taken as meant, as it is where a label is.
    """
    near = quarters < _HEARD_QUARTERS
    if near.sum() < _FEWEST_TO_DOUBT:
        return None
    length = _said_length(length_quarters, float(quarters.max()))
    if length is not None:
        length = replace(length, is_plain=True)
    heard = _Heard(_snapped(quarters[near]), voices[near], parts[near], loudness[near])

    def evidence(bar: _Bar, usual: float) -> float:
        return usual / 2 + heard.fit_from_start(bar) + heard.likeness(bar) + _whole(length, bar)

    own = _bar(label)
    said, others, gains = evidence(own, _USUAL.get(label.label, _UNUSUAL)), list[_Bar](), list[float]()
    for bar, usual in (*zip(_bars(), _USUAL.values(), strict=True), (_sixteenths(), _UNUSUAL)):
        if (bar.meter.numerator, bar.meter.denominator) == (label.numerator, label.denominator):
            said = max(said, evidence(bar, usual))
        elif heard.may_be(bar, own):
            others.append(bar)
            gains.append(evidence(bar, usual))
    if not others:
        return None
    best = int(np.argmax(gains))
    if gains[best] - said >= _DOUBT:
        return others[best].meter, gains[best] - said
    # Bars of another length may be plain without any accent: nearly the same each time, where the label's are not.
    alike = [heard.likeness(bar) for bar in others]
    most = int(np.argmax(alike))
    if alike[most] >= _PLAINLY_ALIKE and alike[most] - heard.likeness(own) >= _PLAINLY_ALIKE:
        return others[most].meter, gains[most] - said
    plainer = [place for place, bar in enumerate(others) if heard.is_far_plainer(bar, own)]
    likeliest = max(plainer, key=lambda place: gains[place], default=None)
    return None if likeliest is None else (others[likeliest].meter, gains[likeliest] - said)
