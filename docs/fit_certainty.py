"""Fits the weights of `rvae.certainty`, and says how they do on sets that are left out.

    python docs/fit_certainty.py [FOLDER...]

Each FOLDER is a collection of clips; the bundled corpora come first. Every clip in one meter is heard as it is and in
ways that leave less to hear. A set counts as much as any other, however many clips it has.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil, inf, log2
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rvae.card import ClipCard
from rvae.certainty import CERTAIN, Known, Weights
from rvae.corpus import bundled_corpora
from rvae.cutting import with_beats
from rvae.errors import RvaeError
from rvae.kit import STANDARD_KIT
from rvae.meter import Meter
from rvae.metrical import estimate_meter
from rvae.midi import DRUM_CHANNEL, MidiClip, read_midi
from rvae.parts import KICK, OTHER, PARTS, SNARE, parts_of
from rvae.reading import Reading
from rvae.tempo import FEWEST_ONSETS, TempoEstimate

Reals = npt.NDArray[np.float64]

_PARTS = parts_of(STANDARD_KIT)
_PENALTY = 0.5  # on squared weights: few clips tell little
_JUST_BEFORE = 0.02  # quarters: what is so little early belongs to the barline
_HATS = (22, 26, 42, 44, 46, 51, 53, 59)
_THIN = 0.5  # what a way counts that leaves little to hear
_SCATTER_S = 0.008
_A_SET, _MOST_FOR_ONE = 300.0, 12.0  # what a set counts, and a case of it at the most


@dataclass(frozen=True)
class Case:
    """A clip heard in some way: what was known, and whether it was right, in two steps. `known` None: not claimed."""

    set_name: str
    way: str
    known: Known | None
    is_first_right: bool
    is_right: bool
    weight: float = 1.0


@dataclass(frozen=True, eq=False)
class Music:
    """The onsets of a clip in one meter: quarters, pitches, loudness 0 to 1; its end; its tempo and first beat."""

    quarters: Reals
    pitches: npt.NDArray[np.int64]
    loudness: Reals
    end: float
    bar: float
    beat: float
    qpm: float

    def only(self, those: npt.NDArray[np.bool_], *, later: float = 0.0, end: float | None = None) -> Music:
        """Some of the onsets, so much later."""
        return replace(
            self,
            quarters=np.maximum(self.quarters[those] + later, 0.0),
            pitches=self.pitches[those],
            loudness=self.loudness[those],
            end=self.end + later if end is None else end,
        )

    def times(self, count: int, length: float) -> Music:
        """As a loop."""
        return replace(
            self,
            quarters=np.concatenate([self.quarters + number * length for number in range(count)]),
            pitches=np.tile(self.pitches, count),
            loudness=np.tile(self.loudness, count),
            end=count * length,
        )


def music_of(clip: MidiClip, said: tuple[int, int]) -> Music:
    """The drums of a clip, or all notes where none are on the channel of drums."""
    drums = clip.notes[clip.notes[:, 1] == DRUM_CHANNEL]
    pulses, _, pitches, velocities = (drums if len(drums) else clip.notes).T
    try:
        beat = float(Meter.of(*said).beat_eighths[0] / 2)
    except RvaeError:
        beat = 1.0
    qpm = 60e6 / clip.tempos[0][1] if clip.tempos else 120.0
    return Music(pulses / clip.ppq, pitches, velocities / 127, clip.end / clip.ppq, said[0] * 4 / said[1], beat, qpm)


def clips_in_one_meter(folder: Path) -> Iterator[tuple[MidiClip, tuple[int, int]]]:
    """Clips whose time signatures, if there are several, all say the same."""
    for file in sorted(folder.glob("*.mid")):
        try:
            clip = read_midi(file)
        except RvaeError:
            continue
        said = {(sign.numerator, sign.denominator) for sign in clip.signatures}
        if len(said) == 1 and len(clip.notes):
            yield clip, said.pop()


def _first_bar(music: Music) -> npt.NDArray[np.bool_]:
    return music.quarters < music.bar - _JUST_BEFORE


def _scattered(music: Music) -> Music:
    chance = np.random.default_rng(len(music.quarters))
    quarters = np.maximum(music.quarters + chance.normal(0, _SCATTER_S, len(music.quarters)) * music.qpm / 60, 0.0)
    order = np.argsort(quarters, kind="stable")
    return replace(music, quarters=quarters[order], pitches=music.pitches[order], loudness=music.loudness[order])


def _loop(music: Music) -> Music:
    """Its first two bars, eight times."""
    bars = min(2, max(1, ceil((float(music.quarters.max()) + 1e-6) / music.bar)))
    return music.only(music.quarters < bars * music.bar - _JUST_BEFORE).times(16 // bars, bars * music.bar)


def _four_bars(music: Music) -> Music:
    bars = max(1, ceil(max(music.end, float(music.quarters.max()) + 1e-6) / music.bar - 1e-6))
    return music.times(max(1, ceil(4 / bars)), bars * music.bar)


def _upbeat(music: Music) -> Music:
    """A beat later, in a file that ends with a bar all the same."""
    long = _four_bars(music)
    return replace(long, quarters=long.quarters + music.beat, end=long.end + music.bar)


def _ends_after(quarters: float) -> Callable[[Music], Music]:
    return lambda music: replace(music, end=float(music.quarters.max()) + quarters)


def _everything(music: Music) -> npt.NDArray[np.bool_]:
    return np.full(len(music.quarters), True)


AS_IT_IS = "as it is"
WAYS: dict[str, tuple[Callable[[Music], Music], float]] = {
    AS_IT_IS: (lambda music: music, 1.0),
    "velocities alike": (lambda music: replace(music, loudness=np.full(len(music.quarters), 0.7)), 1.0),
    "8 ms scatter": (_scattered, 1.0),
    "first bar cut off": (lambda music: music.only(~_first_bar(music), later=-music.bar), 1.0),
    "no hats or cymbals": (lambda music: music.only(~np.isin(music.pitches, _HATS)), 1.0),
    "kick and snare": (lambda music: music.only(_PARTS[music.pitches] != OTHER), 1.0),
    "two bars, eight times": (_loop, 1.0),
    "begins with an upbeat": (_upbeat, _THIN),
    "first bar": (lambda music: music.only(_first_bar(music), end=music.bar), _THIN),
    "first bar, ends with it": (lambda music: _ends_after(0.0)(music.only(_first_bar(music))), _THIN),
    "ends with its last onset": (_ends_after(0.0), _THIN),
    "ends a sixteenth later": (_ends_after(0.25), _THIN),
    "ends an eighth later": (_ends_after(0.5), _THIN),
    "six onsets": (lambda music: _ends_after(0.0)(music.only(np.arange(len(music.quarters)) < 6)), _THIN),
    "one voice": (lambda music: replace(music, pitches=np.full(len(music.pitches), 38)), _THIN),
}


def meter_cases(sets: dict[str, Path]) -> list[Case]:
    """Every clip in every way, its time signature taken away."""
    cases: list[Case] = []
    for name, folder in sets.items():
        for clip, said in clips_in_one_meter(folder):
            music = music_of(clip, said)
            for way, (heard_as, weight) in WAYS.items():
                if way == "first bar cut off" and _first_bar(music).all():
                    continue
                heard = heard_as(music)
                pitches = heard.pitches
                found = estimate_meter(heard.quarters, pitches, _PARTS[pitches], heard.loudness, heard.end)
                if found is not None:
                    is_bar = abs(float(found.meter.bar_quarters) - music.bar) < 1e-6
                    is_right = (found.meter.numerator, found.meter.denominator) == said
                    cases.append(Case(name, way, found.known, is_bar, is_right, weight))
    return cases


@dataclass(frozen=True, eq=False)
class FreeTake:
    """A clip as played at some other tempo, with no tempo said: its beats in order, and how long each lasts."""

    clip: MidiClip
    meter: Meter
    beats: Reals
    lengths_s: Reals

    @property
    def bpm(self) -> float:
        return 60 / float(np.median(self.lengths_s))


def played_freely(
    clip: MidiClip,
    said: tuple[int, int],
    number: int,
    *,
    wanders: bool = False,
    parts: Sequence[int] = PARTS,
    bars: float = inf,
) -> FreeTake | None:
    """A clip in one meter and tempo, up to a quarter slower or faster; its first bars, or some parts of the kit alone.

    None where that cannot be asked: fewer than 16 onsets, several tempi, a meter that the grid cannot hold.
    """
    try:
        meter = Meter.of(*said)
    except RvaeError:
        return None
    beats = clip.notes[:, 0] / clip.ppq / float(meter.tempo_beat_quarters)
    those = np.isin(_PARTS[clip.notes[:, 2]], parts) & (beats < bars * meter.beats - _JUST_BEFORE)
    if those.sum() < FEWEST_ONSETS or len({us for _, us in clip.tempos}) > 1:
        return None
    notes, beats = clip.notes[those].copy(), beats[those]
    end = min(clip.end / clip.ppq / float(meter.tempo_beat_quarters), bars * meter.beats)
    chance = np.random.default_rng(number)
    bpm = meter.bpm_of(60e6 / clip.tempos[0][1] if clip.tempos else 120.0)
    bpm = min(max(bpm * float(2 ** chance.uniform(-0.3, 0.3)), 62.0), 195.0)
    steps = np.clip(np.cumsum(chance.normal(0, 0.005, int(max(end, beats.max())) + 2)), -0.1, 0.1) * wanders
    times = np.concatenate(([0.0], np.cumsum(60 / bpm * (1 + steps))))
    programmed = bool(np.mean(np.abs(beats * 24 - np.rint(beats * 24)) < 0.01) > 0.5)
    scatter = chance.normal(0, _SCATTER_S, len(beats)) * programmed
    seconds = np.interp(beats, np.arange(len(times)), times) + scatter
    notes[:, 0] = np.maximum(np.rint(seconds * 1920), 0)
    order = np.argsort(notes[:, 0], kind="stable")
    length = round(float(np.interp(end, np.arange(len(times)), times)) * 1920)
    free = replace(clip, ppq=960, notes=notes[order], tempos=(), signatures=(), texts=(), end=length)
    return FreeTake(free, meter, beats[order], np.diff(times))


STEADY, WANDERS, FOUR_BARS, KICK_AND_SNARE = TAKES = "steady", "wanders", "four bars", "kick and snare"
_MOST_TAKES = 60  # of a set: following beats is slow


def free_takes(folder: Path, way: str) -> Iterator[FreeTake]:
    """The clips of a set played freely in one way; of a larger set every second, every third, ..."""
    clips = list(enumerate(clips_in_one_meter(folder)))
    for number, (clip, said) in clips[:: ceil(len(clips) / _MOST_TAKES) or 1]:
        take = played_freely(
            clip,
            said,
            number,
            wanders=way == WANDERS,
            parts=(KICK, SNARE) if way == KICK_AND_SNARE else PARTS,
            bars=4 if way == FOUR_BARS else inf,
        )
        if take is not None:
            yield take


def tempo_cases(sets: dict[str, Path], ways: Sequence[str] = TAKES) -> list[Case]:
    """The clips of each set played freely, as a whole and less of it."""
    cases: list[Case] = []
    for name, folder in sets.items():
        for way in ways:
            for take in free_takes(folder, way):
                found = with_beats(take.clip, Reading(), ClipCard()).estimate
                if found is not None:
                    cases.append(tempo_case(name, way, found, take.bpm))
    return cases


def tempo_case(name: str, way: str, found: TempoEstimate, bpm: float) -> Case:
    """An estimate where so many beats a minute are the truth. The first step is right with its double or half too."""
    octaves = log2(found.bpm / bpm)
    is_level = abs(octaves - round(octaves)) < log2(1.04) and abs(octaves) < 2.5
    return Case(name, way, found.known, is_level, abs(octaves) < log2(1.04))


def fitted(cases: Sequence[Case]) -> Weights:
    """The weights that tell best how often these are right."""
    claimed = [(case, case.known) for case in cases if case.known is not None]
    clips = Counter(case.set_name for case, _ in claimed)
    counts = [case.weight * min(_A_SET / clips[case.set_name], _MOST_FOR_ONE) for case, _ in claimed]
    first = [(known.first, case.is_first_right, count) for (case, known), count in zip(claimed, counts, strict=True)]
    second = [
        (known.second, case.is_right, count)
        for (case, known), count in zip(claimed, counts, strict=True)
        if case.is_first_right
    ]
    return Weights(_logistic_fit(first), _logistic_fit(second))


def _logistic_fit(rows: Sequence[tuple[Sequence[float], bool, float]]) -> tuple[float, ...]:
    """Weights of a logistic regression by Newton's method, the constant first."""
    known = np.array([(1.0, *values) for values, _, _ in rows])
    right = np.array([is_right for _, is_right, _ in rows], dtype=np.float64)
    counts = np.array([count for _, _, count in rows])
    penalty = _PENALTY * np.eye(known.shape[1])
    penalty[0, 0] = 1e-3
    weights = np.zeros(known.shape[1])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-known @ weights))
        slope = known.T @ (counts * (right - chance)) - penalty @ weights
        curve = (known * (counts * chance * (1 - chance))[:, None]).T @ known + penalty
        weights = weights + np.linalg.solve(curve, slope)
    return tuple(round(float(value), 2) for value in weights)


def left_out(cases: Sequence[Case]) -> list[tuple[Case, bool]]:
    """Each case, and whether one would go by it with weights that were fitted on the other sets."""
    judged: list[tuple[Case, bool]] = []
    for name in dict.fromkeys(case.set_name for case in cases):
        weights = fitted([case for case in cases if case.set_name != name])
        for case in cases:
            if case.set_name == name:
                sure = case.known is not None and weights.certainty(case.known) >= CERTAIN
                judged.append((case, sure))
    return judged


def main(folders: Sequence[Path]) -> None:
    """Print the weights."""
    sets = {**bundled_corpora(), **{folder.name: folder for folder in folders}}
    for name, cases in (("METER", meter_cases(sets)), ("TEMPO", tempo_cases(sets))):
        sys.stdout.write(f"{name} = {fitted(cases)}\n")


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
