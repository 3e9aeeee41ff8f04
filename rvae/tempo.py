"""The beats of a clip that was played freely: where they are, how long they last, and how sure one can be of it.

Candidates for the beat are the times after which onsets come again (the autocorrelation of the onsets). Each is
followed through the clip as its tempo drifts: an onset is taken for the nearest division of the beat, and the beats are
the smooth curve through all of them (least squares with a penalty on changes of tempo, as in Whittaker's smoothing), so
that what a player does around the beat stays what it is. The candidates are then weighed: how well kick, snare and the
rest stand where drummers put them in a bar, how alike the bars are, whether the clip ends with a bar, and how usual the
tempo is (in the manner of van Noorden and Moelants, 1999), which decides between a tempo and its double. The weights
are set by judgement; docs/my-meters.md says what they were looked at with, and how often the estimate is right.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from math import floor, inf, log, log2

import numpy as np
import numpy.typing as npt

from rvae.meter import Meter
from rvae.parts import KICK, OTHER, SNARE

Ints = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]

CERTAIN = 0.8
MIN_BPM, MAX_BPM = 60.0, 200.0  # what is looked for; a card may say others
FEWEST_ONSETS = 16
_HEARD_S, _HEARD_ONSETS = 60.0, 400  # enough to know by
_USUAL_BPM, _USUAL_OCTAVES = 110.0, 0.5
_USUAL_BEATS = {4: 0.0, 3: -2.0, 1: 0.0}  # how usual a bar of so many beats is, as log odds
_IN_THREES = -2.3  # the same for beats that are divided in three
_EARLY_BEATS = 0.1  # a first onset that is nearer to the next beat is meant for it
_BEGINS = 2.0  # how much likelier a recording begins on a barline than on another beat, as log odds
_SCATTER_S = 0.018
_STRAY = 0.1  # the share of onsets that stand anywhere
_MOST_ONSETS = 16  # of this many the evidence counts: the same bar again says nothing new
_ONE_VOICE = 0.5  # one voice by itself does not tell a beat from its half: never more certain than this
_ALIKE = 6.0
_SAME = 0.04  # tempi nearer than this are one
_LAG_STEP_S, _LAGS = 0.005, 212
_LAG_BLUR_S = 0.012
_PEAKS = 8
_RATIOS = (1, 2, 4, 3, 1 / 2, 3 / 2, 2 / 3, 1 / 3)
_LEANS_S = (0.0, -0.0125, 0.0125, -0.025, 0.025, -0.0375, 0.0375, -0.05, 0.05)
_FOLLOWED_BEATS = 8  # from so many the following begins
_STIFFNESS = 100.0  # the tempo moves over some sixteen beats, no faster
_STEP_S = 0.025
_PHASE_GAIN, _PERIOD_GAIN = 0.55, 0.1
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
    """Felt beats per minute, the median; how likely among all tempi that were weighed (0 to 1); the next likely."""

    bpm: float
    certainty: float
    other_bpm: float | None = None

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
        return _beats_at(seconds, self.times_s)


@dataclass(frozen=True, eq=False)
class Take:
    """N onsets in real time, in order; `end_s`: where the recording ends.

    `seconds`; `voices`, any numbers; `parts`: KICK, SNARE or OTHER; `loudness`: 0 to 1.
    """

    seconds: Reals
    voices: Ints
    parts: Ints
    loudness: Reals
    end_s: float

    def heard(self) -> Take:
        """As much of it as is needed to know by."""
        near = int(np.searchsorted(self.seconds, self.seconds[0] + _HEARD_S))
        upto = slice(0, min(near, _HEARD_ONSETS))
        return Take(self.seconds[upto], self.voices[upto], self.parts[upto], self.loudness[upto], self.end_s)

    @property
    def weights(self) -> Reals:
        return 0.3 + 0.7 * self.loudness


@dataclass(frozen=True, eq=False)
class _Reading:
    """A way to hear a take: a barline every `bar` beats, `shift` beats before the first; `score` as log odds."""

    times_s: Reals
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
    for period in _candidates(heard) if bpm is None else [60 / bpm]:
        for division in _divisions(meter):
            times = _followed(heard, period, division)
            if times is not None and _is_allowed(times, bpm):
                found = [reading for bar in _bars(meter) for reading in _weighed(heard, times, bar, division)]
                readings += [(reading, division, period) for reading in found]
    if not readings:
        return None
    readings.sort(key=lambda found: -found[0].score)
    best, division, period = readings[0]
    chances = _chances([reading for reading, _, _ in readings])
    other = chances[1][0] if len(chances) > 1 else None
    times = best.times_s if len(heard.seconds) == len(take.seconds) else _followed(take, period, division)
    if times is None:
        return None
    middle = 60 / float(np.median(np.diff(times)))
    sure = chances[0][1] if len(np.unique(heard.voices)) > 1 else min(chances[0][1], _ONE_VOICE)
    estimate = TempoEstimate(middle, 1.0 if bpm is not None else sure, other)
    return Beats(_from_barline(times, best.shift), estimate, best.fit)


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


def _candidates(take: Take) -> list[float]:
    """Periods in seconds at which the onsets come again, and simple ratios of them, as far as they may be beats."""
    seconds, voices, weights = take.seconds, take.voices, take.weights
    again = np.zeros(_LAGS)
    for step in range(1, min(80, len(seconds))):
        lags = seconds[step:] - seconds[:-step]
        near = (lags < (_LAGS - 1) * _LAG_STEP_S) & (lags > 0.02)  # nearer ones are one stroke
        each = weights[step:] * weights[:-step] * np.where(voices[step:] == voices[:-step], 1.5, 1.0)
        again += np.bincount((lags[near] / _LAG_STEP_S).astype(np.int64), weights=each[near], minlength=_LAGS)
    blur = np.exp(-0.5 * (np.arange(-8, 9) * _LAG_STEP_S / _LAG_BLUR_S) ** 2)
    again = np.convolve(again, blur, "same")
    inside = again[1:-1]
    peaks = 1 + np.flatnonzero((inside >= again[:-2]) & (inside > again[2:]))
    peaks = peaks[peaks * _LAG_STEP_S > 0.1]
    found: list[float] = []
    for peak in peaks[np.argsort(-again[peaks], kind="stable")][:_PEAKS].tolist():
        before, here, after = again[peak - 1 : peak + 2].tolist()
        lag = (peak + 0.5 + (before - after) / 2 / (before - 2 * here + after)) * _LAG_STEP_S
        for period in (lag * ratio for ratio in _RATIOS):
            is_new = all(abs(log2(period / other)) > log2(1.03) for other in found)
            if 60 / MAX_BPM <= period <= 60 / MIN_BPM and is_new:
                found.append(period)
    return found


def _followed(take: Take, period_s: float, division: int) -> Reals | None:
    """The beats of a take from a period on; None where they come to nothing."""
    seconds, weights = take.seconds, take.weights
    places = _first_pass(seconds, weights, *_begin(seconds, weights, period_s, division), division)
    times = None
    for _ in range(2):
        places = places - np.floor(places.min())
        times = _smooth(places, seconds, weights)
        if (np.diff(times) < 0.1 * period_s).any():
            return None
        places = np.rint(_beats_at(seconds, times) * division) / division
    return times


def _begin(seconds: Reals, weights: Reals, period_s: float, division: int) -> tuple[float, float]:
    """Period and first beat, in seconds, that the onsets of the first beats stand best on."""
    near = seconds < seconds[0] + _FOLLOWED_BEATS * period_s
    strength = np.array([1.0, 0.35, 0.7, 0.35] if division == 4 else [1.0, 0.35, 0.6])
    phases = np.arange(24) / 24
    best = (-1.0, period_s, 0.0)
    for period in period_s * np.linspace(0.96, 1.04, 9):
        beats = (seconds[near] - seconds[0])[:, None] / period - phases
        steps = np.rint(beats * division)
        off_s = (beats - steps / division) * period
        each = strength[steps.astype(np.int64) % division] * np.exp(-0.5 * (off_s / _STEP_S) ** 2)
        scores = (each * weights[near, None]).sum(axis=0)
        place = int(scores.argmax())
        best = max(best, (float(scores[place]), float(period), float(phases[place] * period)))
    return best[1], float(seconds[0]) + best[2]


def _first_pass(seconds: Reals, weights: Reals, period_s: float, first_s: float, division: int) -> Reals:
    """Which division of which beat each onset is, in beats: one after the other, each correcting phase and period."""
    places = np.empty(len(seconds))
    beat, beat_s, period = 0, first_s, period_s
    for number, (second, weight) in enumerate(zip(seconds.tolist(), weights.tolist(), strict=True)):
        step = round((second - beat_s) / period * division)
        off_s = second - beat_s - step / division * period
        places[number] = beat + step / division
        inside = step % division
        trust = 1.0 if inside == 0 else 0.6 if division == 3 or inside == 2 else 0.4
        gain = trust * weight * float(np.exp(-0.5 * (off_s / 0.04) ** 2))
        if step >= division:
            beat_s += step // division * period
            beat += step // division
        beat_s += _PHASE_GAIN * gain * off_s
        period = min(max(period + _PERIOD_GAIN * gain * off_s, period_s * 0.7), period_s * 1.4)
    return places


def _smooth(places: Reals, seconds: Reals, weights: Reals) -> Reals:
    """When each beat is, from 0 to after the last place: near the onsets, and as even as they let it be."""
    count = int(np.ceil(places.max())) + 2
    low = np.floor(places).astype(np.int64)
    part = places - low
    bands, right = np.zeros((3, count)), np.zeros(count)  # of a symmetric matrix, from its diagonal down
    np.add.at(bands[0], low, weights * (1 - part) ** 2)
    np.add.at(bands[0], low + 1, weights * part**2)
    np.add.at(bands[1], low, weights * part * (1 - part))
    np.add.at(right, low, weights * (1 - part) * seconds)
    np.add.at(right, low + 1, weights * part * seconds)
    if count > 2:
        bands[0, :-2] += _STIFFNESS
        bands[0, 1:-1] += 4 * _STIFFNESS
        bands[0, 2:] += _STIFFNESS
        bands[1, :-2] -= 2 * _STIFFNESS
        bands[1, 1:-1] -= 2 * _STIFFNESS
        bands[2, :-2] += _STIFFNESS
    bands[0] += 1e-9
    from scipy.linalg import solveh_banded  # a tenth of a second to import, and few clips need it

    times: Reals = solveh_banded(bands, right, lower=True)
    return times


def _beats_at(seconds: Reals, times: Reals) -> Reals:
    """Moments in beats."""
    inside = np.interp(seconds, times, np.arange(len(times), dtype=np.float64))
    early, late = seconds < times[0], seconds > times[-1]
    inside[early] = (seconds[early] - times[0]) / (times[1] - times[0])
    inside[late] = len(times) - 1 + (seconds[late] - times[-1]) / (times[-1] - times[-2])
    return inside


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
    beats = _beats_at(take.seconds, times)
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
    beats, fits = _beats_at(take.seconds, times), _fits(take, times, bar, division)
    period = float(np.median(np.diff(times)))
    score = -0.5 * (log2(60 / period / _USUAL_BPM) / _USUAL_OCTAVES) ** 2
    score += _USUAL_BEATS[bar] + (_IN_THREES if division == 3 else 0.0)
    score += _likeness(
        np.rint(beats * division).astype(np.int64), take.voices, bar * division, 1 if division == 3 else 2
    )
    score += _ending(take.end_s, float(take.seconds[0]), bar * period)
    first = floor(float(beats[0]) + _EARLY_BEATS)
    for shift, fit in enumerate(fits.tolist()):
        begins = _BEGINS if abs(beats[0] - first) <= _EARLY_BEATS and (first + shift) % bar == 0 else 0.0
        whole = score + begins + fit * min(len(beats), _MOST_ONSETS)
        yield _Reading(times, 60 / period, (shift + first) % bar - first, whole, fit)


def _student(off_s: Reals) -> Reals:
    """The density of an onset so far from where it is meant, per second: Student's t with three degrees of freedom."""
    density: Reals = 0.36755 / _SCATTER_S * (1 + (off_s / _SCATTER_S) ** 2 / 3) ** -2
    return density


def _likeness(steps: Ints, voices: Ints, bar: int, lag_step: int) -> float:
    """How alike neighbouring bars are, against other lags; as log odds. `bar` in steps."""
    steps = steps - steps.min()
    last = int(steps.max())
    if last < bar:
        return 0.0
    rows, columns = np.unique(voices, return_inverse=True)
    sounding = np.zeros((last + 1, len(rows)), dtype=bool)
    sounding[steps, columns] = True

    def again(lag: int) -> float:
        early, late = sounding[: last + 1 - lag], sounding[lag:]
        return 2 * int((early & late).sum()) / max(int(early.sum()) + int(late.sum()), 1)

    others = [again(lag) for lag in range(lag_step, min(2 * bar, last), lag_step) if lag % bar]
    return _ALIKE * (again(bar) - float(np.mean(others))) if others else 0.0


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
