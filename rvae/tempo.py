"""The beats of a clip that was played freely: where they are, how long they last, and how sure one can be of it.

Candidates for the beat are followed through the clip (see `following`) and weighed: how well kick, snare and the rest
stand where drummers put them in a bar, how alike the bars are, whether the clip ends with a bar, and how usual the
tempo is (in the manner of van Noorden and Moelants, 1999), which decides between a tempo and its double. These weights
are set by judgement. How sure one can be of the answer is fitted: see `certainty`. docs/my-meters.md has the figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import floor, inf, log, log2

import numpy as np

from rvae.again import Again
from rvae.certainty import CERTAIN, TEMPO, UNSURE, Known, odds
from rvae.following import MAX_BPM, MIN_BPM, Ints, Reals, Take, beats_at, candidates, followed
from rvae.meter import Meter
from rvae.parts import KICK, OTHER, SNARE

FEWEST_ONSETS = 16
_USUAL_BPM, _USUAL_OCTAVES = 110.0, 0.5
_USUAL_BEATS = {4: 0.0, 3: -2.0, 1: 0.0}  # how usual a bar of so many beats is, as log odds
_IN_THREES = -2.3  # the same for beats that are divided in three
_EARLY_BEATS = 0.1  # a first onset that is nearer to the next beat is meant for it
_BEGINS = 2.0  # how much likelier a recording begins on a barline than on another beat, as log odds
_SCATTER_S = 0.018
_STRAY = 0.1  # the share of onsets that stand anywhere
_MOST_ONSETS = 16  # of this many the evidence counts: the same bar again says nothing new
_ALIKE = 6.0
_USUALLY_ALIKE = 0.6
_MOST_OF_TAKE = 0.67  # farther apart too little is left to compare
_SAME = 0.04  # tempi nearer than this are one
_LEANS_S = (0.0, -0.0125, 0.0125, -0.025, 0.025, -0.0375, 0.0375, -0.05, 0.05)
# What drummers do where in a bar, on each beat and on the other divisions of a beat: (kick, snare, the rest).
_ON_BEATS = {
    4: ((0.22, 0.03, 0.11), (0.05, 0.24, 0.11), (0.14, 0.05, 0.11), (0.05, 0.24, 0.11)),
    3: ((0.35, 0.04, 0.145), (0.07, 0.24, 0.145), (0.07, 0.28, 0.145)),
    1: ((0.46, 0.56, 0.44),),
}
_BETWEEN = {
    4: ((0.11, 0.14, 0.1), (0.32, 0.16, 0.36), (0.11, 0.14, 0.1)),
    3: ((0.1, 0.14, 0.14), (0.28, 0.2, 0.34)),
}


@dataclass(frozen=True, slots=True)
class TempoEstimate:
    """Felt beats per minute, the median; how often such an estimate is right, 0 to 1; the next likely.

    `known`: what the certainty was told from; None where too little was heard to be sure of anything.
    """

    bpm: float
    certainty: float
    other_bpm: float | None = None
    known: Known | None = None

    @property
    def is_certain(self) -> bool:
        """Whether one may go by it."""
        return self.certainty >= CERTAIN


@dataclass(frozen=True, eq=False)
class Beats:
    """Beats of a clip: `times_s` float64 `[K]`, the first a barline; how well the onsets stand on them, as a log."""

    times_s: Reals
    estimate: TempoEstimate
    fit: float

    def places(self, seconds: Reals) -> Reals:
        """Moments as beats from the first barline; before it and after the last beat at the tempo there."""
        return beats_at(seconds, self.times_s)


@dataclass(frozen=True, eq=False)
class _Reading:
    """A way to hear a take: a barline every `bar` beats, `shift` beats before the first; `score` as log odds."""

    times_s: Reals
    bar: int
    bpm: float
    shift: int
    score: float
    fit: float


def find_beats(take: Take, *, meter: Meter | None = None, bpm: float | None = None) -> Beats | None:
    """The beats of a take, or None where it has too few onsets or none that come again.

    `meter`, `bpm` (felt beats per minute): where they are known. With a tempo that is known the estimate is certain.
    """
    if len(take.seconds) < FEWEST_ONSETS:
        return None
    heard = take.heard()
    readings: list[tuple[_Reading, int, float]] = []
    for period in candidates(heard) if bpm is None else [60 / bpm]:
        for division in _divisions(meter):
            times = followed(heard, period, division)
            if times is not None and _is_allowed(times, bpm):
                found = [reading for bar in _bars(meter) for reading in _weighed(heard, times, bar, division)]
                readings += [(reading, division, period) for reading in found]
    if not readings:
        return None
    readings.sort(key=lambda found: -found[0].score)
    best, division, period = readings[0]
    chances = _chances([reading for reading, _, _ in readings])
    times = best.times_s if len(heard.seconds) == len(take.seconds) else followed(take, period, division)
    if times is None:
        return None
    estimate = _estimate(60 / float(np.median(np.diff(times))), chances, heard, best, division)
    if bpm is not None:
        estimate = replace(estimate, certainty=1.0)
    return Beats(_from_barline(times, best.shift), estimate, best.fit)


def _estimate(
    bpm: float, chances: Sequence[tuple[float, float]], heard: Take, best: _Reading, division: int
) -> TempoEstimate:
    """How sure the likeliest tempo is: whether it or a double or half of it is right, and which of these."""
    first = chances[0][0]
    pulse = sum(chance for other, chance in chances if _is_level_of(other, first))
    beats = beats_at(heard.seconds, best.times_s)
    again, between = _comes_again(beats, heard.voices, best.bar, division)
    known = Known((odds(pulse), between), (odds(chances[0][1] / pulse), again))
    certainty, other = TEMPO.certainty(known), chances[1][0] if len(chances) > 1 else None
    if len(np.unique(heard.voices)) == 1:  # it does not tell a beat from its half
        return TempoEstimate(bpm, min(certainty, UNSURE), other)
    return TempoEstimate(bpm, certainty, other, known)


def fit_to(take: Take, period_s: float, *, enough: float = inf) -> float:
    """How well a take stands on beats of one length from its start, as a log per onset; the best way to hear it.

    A way that is as good as `enough` is taken at once.
    """
    heard = take.heard()
    count = int(heard.seconds[-1] / period_s) + 3
    best = -inf
    for lean_s in _LEANS_S:  # a take may be early or late as a whole
        times: Reals = lean_s + np.arange(count, dtype=np.float64) * period_s
        for bar in (4, 3):
            for division in (4, 3):
                best = max(best, float(_fits(heard, times, bar, division).max()))
                if best >= enough:
                    return best
    return best


def _divisions(meter: Meter | None) -> tuple[int, ...]:
    return (3,) if meter is not None and meter.is_even and meter.is_ternary_beat(0) else (4, 3)


def _bars(meter: Meter | None) -> tuple[int, ...]:
    """Beats of a bar to be weighed: those of a meter that is known, 1 where nothing is known of its bars."""
    if meter is None:
        return (4, 3)
    return (meter.beats,) if meter.is_even and meter.beats in (3, 4) else (1,)


def _is_allowed(times: Reals, bpm: float | None) -> bool:
    found = 60 / float(np.median(np.diff(times)))
    if bpm is not None:
        return abs(log2(found / bpm)) < log2(1.2)
    return MIN_BPM * 0.97 <= found <= MAX_BPM * 1.03


@cache
def _expected(bar: int, division: int) -> Reals:
    """`[parts, divisions of a bar]`: how the onsets of each part are spread over a bar."""
    spread = np.zeros((3, bar * division))
    for part in (KICK, SNARE, OTHER):
        spread[part, ::division] = [beat[part] for beat in _ON_BEATS[bar]]
        for place, between in enumerate(_BETWEEN[division], 1):
            spread[part, place::division] = between[part] / bar
    shares: Reals = spread / spread.sum(axis=1, keepdims=True)
    return shares


def _fits(take: Take, times: Reals, bar: int, division: int) -> Reals:
    """`[bar]`: how well a take stands in bars that begin so many beats before the first, as a log per onset."""
    beats = beats_at(take.seconds, times)
    lengths = np.diff(times)[np.clip(np.floor(beats), 0, len(times) - 2).astype(np.int64)]
    expected, nearest = _expected(bar, division), np.rint(beats * division)
    density = np.zeros((bar, len(beats)))
    for step in (nearest - 1, nearest, nearest + 1):
        near = _student((beats - step / division) * lengths)
        for shift in range(bar):
            density[shift] += expected[take.parts, (step.astype(np.int64) + shift * division) % (bar * division)] * near
    each, weights = np.log(_STRAY + (1 - _STRAY) * density * bar * lengths), take.weights
    fits: Reals = (each * weights).sum(axis=1) / weights.sum()
    return fits


def _weighed(take: Take, times: Reals, bar: int, division: int) -> Iterator[_Reading]:
    """Every way to count a take in bars of so many beats."""
    beats, fits = beats_at(take.seconds, times), _fits(take, times, bar, division)
    period = float(np.median(np.diff(times)))
    score = -0.5 * (log2(60 / period / _USUAL_BPM) / _USUAL_OCTAVES) ** 2
    score += _USUAL_BEATS[bar] + (_IN_THREES if division == 3 else 0.0)
    steps = np.rint(beats * division).astype(np.int64)
    again = Again(steps - steps.min(), take.voices)
    score += _ALIKE * again.ahead(bar * division, 1 if division == 3 else 2)
    score += _ending(take.end_s, float(take.seconds[0]), bar * period)
    first = floor(float(beats[0]) + _EARLY_BEATS)
    for shift, fit in enumerate(fits.tolist()):
        begins = _BEGINS if abs(beats[0] - first) <= _EARLY_BEATS and (first + shift) % bar == 0 else 0.0
        whole = score + begins + fit * min(len(beats), _MOST_ONSETS)
        yield _Reading(times, bar, 60 / period, (shift + first) % bar - first, whole, fit)


def _student(off_s: Reals) -> Reals:
    """The density of an onset so far from where it is meant, per second: Student's t with three degrees of freedom."""
    density: Reals = 0.36755 / _SCATTER_S * (1 + (off_s / _SCATTER_S) ** 2 / 3) ** -2
    return density


def _comes_again(beats: Reals, voices: Ints, bar: int, division: int) -> tuple[float, float]:
    """How alike bars are, from what is usual; how much more alike something is that is no whole number of beats apart,
    as in music whose beats are unequal or others than these, -1 to 1. Nought for both where there are no two bars.
    """
    steps = np.rint(beats * division).astype(np.int64)
    heard = Again(steps - steps.min(), voices)
    bar_steps, farthest = bar * division, min(3 * bar * division, int(heard.last * _MOST_OF_TAKE))
    bars = [heard.at(lag) for lag in (bar_steps, 2 * bar_steps) if lag <= farthest]
    if not bars:
        return 0.0, 0.0
    between = [heard.at(lag) for lag in range(division * 3 // 2, farthest + 1) if lag % division]
    off = max(between, default=-1.0) - max(bars)
    return max(bars) - _USUALLY_ALIKE, 2 * min(max(off, -0.5), 0.5)


def _is_level_of(bpm: float, other: float) -> bool:
    """Whether one tempo is the other, or its double or half, once or twice."""
    octaves = log2(bpm / other)
    return abs(octaves - round(octaves)) < log2(1 + _SAME) and abs(round(octaves)) <= 2


def _ending(end_s: float, first_s: float, bar_s: float) -> float:
    """Whether the recording is a whole number of bars, as loops are; as log odds."""
    looped = 0.5 if first_s < 0.1 else 0.05  # how likely it is one: it begins at once
    bars = end_s / bar_s
    count = round(bars)
    times = 0.0
    if 1 <= count <= 32 and abs(bars / count - 1) < 0.006:
        times = 20.0 if count & (count - 1) == 0 else 5.0
    return log(1 - looped + looped * times)


def _chances(readings: Sequence[_Reading]) -> list[tuple[float, float]]:
    """The tempi of readings, the best first, each with how likely it is."""
    found: list[tuple[float, float]] = []
    for reading in readings:
        bpm = reading.bpm
        if all(abs(log2(bpm / other)) > log2(1 + _SAME) for other, _ in found):
            found.append((bpm, float(np.exp(reading.score - readings[0].score))))
    total = sum(chance for _, chance in found)
    return [(bpm, chance / total) for bpm, chance in found]


def _from_barline(times: Reals, shift: int) -> Reals:
    """The beats from the barline on that is `shift` beats before the first of them, or so many after it if negative."""
    if shift < 0:
        return times[-shift:] if -shift < len(times) - 2 else times
    before = times[0] - (times[1] - times[0]) * np.arange(shift, 0, -1)
    return np.concatenate((before, times))
