"""What is measured of one trained model, as plain numbers: to be averaged over seeds and compared between trainings.

A number has the name of its measure and says what it is of: ("contributor", "Ada"), ("meter", "3/4"), or nothing for
the whole model. Each plane (one for each number of beats) is looked at on a lattice of 30 x 30 places and counts as
much as it has patterns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath

import numpy as np
import numpy.typing as npt

from rvae.audit.percussion import GHOST_VELOCITY
from rvae.audit.regrid import as_heard, regridded
from rvae.card import NOBODY
from rvae.corpus import Corpus
from rvae.errors import CreditsError
from rvae.evaluation import by_voice
from rvae.measures import LATTICE, Match, exact_f1, lattice, match
from rvae.meter import TICKS_PER_BEAT, Meter
from rvae.model import Clip, Model
from rvae.pattern import MAX_MIDI_VELOCITY, Floats, Pattern

Of = tuple[tuple[str, str], ...]
Flags = npt.NDArray[np.bool_]
KINDS = ("meter", "contributor", "tag")
_AROUND = np.stack([np.cos(np.arange(8) * np.pi / 4), np.sin(np.arange(8) * np.pi / 4)], axis=1)
_WHOLE: Of = ()


@dataclass(frozen=True, slots=True)
class Value:
    """A number and how many things it rests on."""

    value: float
    n: int


Measured = dict[tuple[str, Of], Value]


@dataclass(frozen=True, slots=True)
class _Known:
    """What decides to which groups a pattern belongs."""

    people: tuple[str, ...]
    tags: tuple[str, ...]
    meter: Meter

    def groups(self) -> list[tuple[Of, float]]:
        """The groups it belongs to, and how much of it: people share it, and every tag has it whole."""
        people = self.people or (NOBODY,)
        return [
            ((("meter", self.meter.name),), 1.0),
            *(((("contributor", person),), 1 / len(people)) for person in people),
            *(((("tag", tag),), 1.0) for tag in self.tags),
        ]


def measure(model: Model, corpus: Corpus | None, *, grid: int = TICKS_PER_BEAT) -> Measured:
    """All that can be measured of a model.

    `corpus`: what it is compared with, as it was played; without one, what needs the clips is left out. `grid`: the
    columns a beat that the model was trained on.
    """
    own = _clips_played(model, corpus, grid)
    planes = [
        _Plane(model, beats, [(clip, pattern) for clip, pattern in own if clip.meter.beats == beats])
        for beats in model.beats
    ]
    planes = [plane for plane in planes if plane.clips]
    found = _shares(planes)
    found |= _fading(planes)
    found |= _feel(planes, grid)
    found |= _originality(planes)
    if corpus is not None:
        found |= _errors(model, corpus, grid)
    return found


def unmatched(model: Model, corpus: Corpus) -> int:
    """How many of the model's clips are not in a corpus."""
    return len(model.clips) - sum(pattern is not None for pattern in _true_patterns(model, corpus))


def _true_patterns(model: Model, corpus: Corpus | None) -> list[Pattern | None]:
    """The corpus' pattern of each clip of the model, by file name, first bar and meter."""
    waiting: dict[tuple[str, int, str], list[Pattern]] = {}
    for pattern in corpus.patterns if corpus is not None else ():
        key = PurePath(pattern.source).name, pattern.first_bar, pattern.meter.label
        waiting.setdefault(key, []).append(pattern)
    found: list[Pattern | None] = []
    for clip in model.clips:
        queue = waiting.get((clip.source, clip.first_bar, clip.meter.label))
        found.append(queue.pop(0) if queue else None)
    return found


def _clips_played(model: Model, corpus: Corpus | None, grid: int) -> list[tuple[Clip, Pattern]]:
    """Each clip of the model with its pattern on the model's grid: the corpus' own, or what is played at its place."""
    return [
        (clip, model.pattern(clip.point, meter=clip.meter) if true is None else _read_on(true, grid))
        for clip, true in zip(model.clips, _true_patterns(model, corpus), strict=True)
    ]


def _read_on(pattern: Pattern, grid: int) -> Pattern:
    """A pattern as a grid reads it; on ours it is as it stands, on the ticks that were meant."""
    return pattern if grid == TICKS_PER_BEAT else regridded(pattern, grid)[0]


class _Plane:
    """The plane of one number of beats, C clips and the P places of the lattice."""

    def __init__(self, model: Model, beats: int, own: Sequence[tuple[Clip, Pattern]]) -> None:
        self.model, self.beats = model, beats
        self.clips = [clip for clip, _ in own]
        self.patterns = [pattern for _, pattern in own]
        self.known = [_Known(clip.people, clip.tags, clip.meter) for clip in self.clips]

    @cached_property
    def own(self) -> Flags:
        """`[C, V * T]`."""
        return np.stack([pattern.onset.ravel() == 1 for pattern in self.patterns])

    @cached_property
    def decoded(self) -> tuple[Flags, Floats, Floats]:
        """Onsets, velocities and microtimings of the places, `[P, V * T]` each."""
        onset, velocity, timing = self.model.decode(lattice(LATTICE), beats=self.beats)
        flat = [part.reshape(len(part), -1) for part in (onset, velocity, timing)]
        return flat[0] > 0.5, flat[1], flat[2]

    @cached_property
    def likeness(self) -> npt.NDArray[np.float32]:
        """Onset F1 on the same tick of each place with each clip, `[P, C]`."""
        return exact_f1(self.decoded[0], self.own)

    @cached_property
    def nearest(self) -> Floats:
        """Which clip each place sounds most like, `[P, C]`: 1, or equal parts where several are as near."""
        best = np.isclose(self.likeness, self.likeness.max(axis=1, keepdims=True), atol=1e-6)
        shared: Floats = (best / best.sum(axis=1, keepdims=True)).astype(np.float32)
        return shared

    @cached_property
    def credits(self) -> Floats | None:
        try:
            return self.model.credits(lattice(LATTICE), beats=self.beats).weights
        except CreditsError:
            return None


def _summed(rows: Iterable[tuple[_Known, float]]) -> dict[Of, float]:
    """Amounts of clips by the groups these belong to."""
    total: dict[Of, float] = {}
    for known, amount in rows:
        for of, part in known.groups():
            total[of] = total.get(of, 0.0) + part * amount
    return total


def _shares(planes: Sequence[_Plane]) -> Measured:
    """How much of the corpus each group is, and how much of the plane; in per cent."""
    count = sum(len(plane.clips) for plane in planes)
    places = len(planes) * LATTICE**2
    every = [known for plane in planes for known in plane.known]
    of_corpus = _summed((known, 1.0) for known in every)
    weight = {id(plane): len(plane.clips) / count for plane in planes}
    sounds = _summed(
        (known, weight[id(plane)] * float(part))
        for plane in planes
        for known, part in zip(plane.known, plane.nearest.mean(axis=0), strict=True)
    )
    found: Measured = {}
    for of, amount in of_corpus.items():
        found["share of the clips", of] = Value(100 * amount / count, count)
        found["share of the plane", of] = Value(100 * sounds[of], places)
        found["amplification", of] = Value(sounds[of] / (amount / count), places)
    if all(plane.credits is not None for plane in planes):
        credited = _summed(
            (known, weight[id(plane)] * float(part))
            for plane in planes
            if plane.credits is not None
            for known, part in zip(plane.known, plane.credits.mean(axis=0), strict=True)
        )
        found |= {("credit", of): Value(100 * amount, places) for of, amount in credited.items()}
    return found | _voice_shares(planes)


def _voice_shares(planes: Sequence[_Plane]) -> Measured:
    """Each voice's share of the onsets, in the clips and on the plane."""
    voices = planes[0].model.kit.names
    clips, plane_onsets, patterns = np.zeros(len(voices)), np.zeros(len(voices)), sum(len(p.clips) for p in planes)
    for plane in planes:
        clips += plane.own.reshape(len(plane.own), len(voices), -1).sum(axis=(0, 2))
        each = plane.decoded[0].reshape(LATTICE**2, len(voices), -1).sum(axis=2).mean(axis=0)
        plane_onsets += len(plane.clips) / patterns * each
    found: Measured = {}
    for name, ours, theirs in zip(
        voices, clips / clips.sum(), plane_onsets / max(plane_onsets.sum(), 1e-9), strict=True
    ):
        if ours > 0:
            of: Of = (("voice", name),)
            found["share of the clips", of] = Value(100 * float(ours), int(clips.sum()))
            found["share of the plane", of] = Value(100 * float(theirs), len(planes) * LATTICE**2)
            found["amplification", of] = Value(float(theirs / ours), len(planes) * LATTICE**2)
    return found


def _fading(planes: Sequence[_Plane]) -> Measured:
    """How much of each clip is gone at eight places around its own, half as far as clips are apart; in per cent."""
    gone: list[tuple[_Known, float]] = []
    for plane in planes:
        radius = 0.5 / max(1, len({row.tobytes() for row in plane.own})) ** 0.5
        around = np.clip([np.add(clip.point, radius * _AROUND) for clip in plane.clips], 0, 1).reshape(-1, 2)
        sounding = plane.model.onsets(around, beats=plane.beats).reshape(len(plane.clips), len(_AROUND), -1)
        gone += [
            (known, 1 - float(exact_f1(places, own[None]).mean()))
            for known, places, own in zip(plane.known, sounding, plane.own, strict=True)
        ]
    found = _means("error around its place", gone)
    mean = found["error around its place", _WHOLE].value
    return found | {("pays", of): Value(each.value - mean, each.n) for (_, of), each in found.items() if of}


def _means(name: str, rows: Sequence[tuple[_Known, float]]) -> Measured:
    """The mean of a share over the clips of each group, and of all; in per cent."""
    total, count = _summed(rows), _summed((known, 1.0) for known, _ in rows)
    found = {(name, of): Value(100 * total[of] / count[of], max(1, round(count[of]))) for of in total}
    return {(name, _WHOLE): Value(100 * sum(value for _, value in rows) / len(rows), len(rows)), **found}


def _errors(model: Model, corpus: Corpus, grid: int) -> Measured:
    """What is wrong with the best the plane has for each pattern of the corpus, learned or not."""
    known = [pattern for pattern in corpus.patterns if pattern.meter.beats in model.beats]
    if not known:
        return {}
    points = model.encode([_read_on(pattern, grid) for pattern in known])
    given = [model.pattern(point, meter=pattern.meter) for point, pattern in zip(points, known, strict=True)]
    if grid != TICKS_PER_BEAT:
        given, true = [as_heard(pattern) for pattern in given], [as_heard(pattern) for pattern in known]
    else:
        true = known
    results = [match(ours, theirs) for ours, theirs in zip(given, true, strict=True)]
    groups: dict[Of, list[Match]] = {_WHOLE: results}
    for pattern, result in zip(known, results, strict=True):
        makers = corpus.makers_of(pattern.source)
        for of, _ in _Known(makers.people, makers.tags, pattern.meter).groups():
            groups.setdefault(of, []).append(result)
        groups.setdefault((("clip", pattern.source),), []).append(result)
    found: Measured = {}
    for of, group in groups.items():
        total = sum(group, Match())
        found["error at its place", of] = Value(100 * (1 - total.onset_f1), total.true)
        found["loudness error", of] = Value(total.velocity_mae, total.hits)
        found["timing error", of] = Value(total.microtiming_mae_ms, total.hits)
    for voice, figures in by_voice(given, true).items():
        assert isinstance(figures, dict)
        found["error at its place", (("voice", voice),)] = Value(100 * (1 - figures["onset_f1"]), figures["onsets"])
    return found


def _feel(planes: Sequence[_Plane], grid: int) -> Measured:
    """Microtiming, loudness and division, in the clips and on the plane."""
    found: Measured = {}
    count = sum(len(plane.clips) for plane in planes)
    sums: dict[str, list[tuple[float, Mapping[str, float]]]] = {"clips": [], "plane": []}
    onsets = {"clips": 0, "plane": 0}
    rows_of = {"clips": count, "plane": len(planes) * LATTICE**2}
    for plane in planes:
        share = len(plane.clips) / count
        clips = tuple(
            np.stack([getattr(pattern, name).ravel() for pattern in plane.patterns])
            for name in ("velocity", "microtiming")
        )
        ticks = plane.patterns[0].ticks
        for where, parts in (("clips", (plane.own, *clips)), ("plane", plane.decoded)):
            onset, velocity, microtiming = parts
            values = _feel_of(onset, velocity, microtiming) | _divided(onset, microtiming, ticks, grid)
            sums[where].append((share, values))
            onsets[where] += int(onset.sum())
    for where, rows in sums.items():
        for name in rows[0][1]:
            value = sum(share * values[name] for share, values in rows)
            counted = rows_of if name in ("ternary", "straight") else onsets
            found[f"{name}, {where}", _WHOLE] = Value(value, counted[where])
    for name in ("microtiming", "microtiming spread", "ghost notes", "loudness spread"):
        before, after = found[f"{name}, clips", _WHOLE].value, found[f"{name}, plane", _WHOLE].value
        if before > 0:
            found[f"{name} kept", _WHOLE] = Value(100 * after / before, onsets["plane"])
    return found


def _divided(onset: Flags, microtiming: Floats, ticks: int, grid: int) -> dict[str, float]:
    """The shares of rows of patterns, `[N, V * T]`, that are ternary or straight; on a coarser grid, as they sound."""
    place = np.broadcast_to(np.arange(onset.shape[1]) % ticks % TICKS_PER_BEAT, onset.shape)
    if grid != TICKS_PER_BEAT:
        place = np.floor(place + microtiming + 0.5) % TICKS_PER_BEAT
    third = (onset & (place % 4 == 0) & (place % 12 != 0)).sum(axis=1)
    halved = (onset & (place % 3 == 0) & (place != 0)).sum(axis=1)
    return {"ternary": 100 * float((third > halved).mean()), "straight": 100 * float((halved > third).mean())}


def _feel_of(onset: Flags, velocity: Floats, microtiming: Floats) -> dict[str, float]:
    """Of all onsets of rows of patterns, `[N, V * T]`."""
    soft, off = velocity[onset] * MAX_MIDI_VELOCITY, microtiming[onset]
    return {
        "microtiming": float(np.abs(off).mean()) if len(off) else 0.0,
        "microtiming spread": float(off.std()) if len(off) else 0.0,
        "ghost notes": 100 * float((soft < GHOST_VELOCITY).mean()) if len(soft) else 0.0,
        "loudness spread": float(soft.std()) if len(soft) else 0.0,
    }


def _originality(planes: Sequence[_Plane]) -> Measured:
    """How far places are from the nearest clip, and clips from one another; in per cent of the onsets."""
    count = sum(len(plane.clips) for plane in planes)
    far = copies = recalled = 0.0
    apart: list[tuple[float, float]] = []
    for plane in planes:
        share, near = len(plane.clips) / count, plane.likeness.max(axis=1)
        far += share * float(1 - near.mean())
        copies += share * float((near > 1 - 1e-6).mean())
        there = plane.model.onsets([clip.point for clip in plane.clips], beats=plane.beats)
        recalled += share * float(
            np.mean([np.array_equal(a.ravel(), b) for a, b in zip(there, plane.own, strict=True)])
        )
        different = np.unique(plane.own, axis=0)
        if len(different) > 1:
            likeness = exact_f1(different, different)
            np.fill_diagonal(likeness, 0)
            apart.append((share, float(1 - likeness.max(axis=1).mean())))
    places = len(planes) * LATTICE**2
    found: Measured = {
        ("from the nearest clip", _WHOLE): Value(100 * far, places),
        ("copies", _WHOLE): Value(100 * copies, places),
        ("clips kept whole", _WHOLE): Value(100 * recalled, count),
    }
    weight = sum(share for share, _ in apart)
    between = sum(share * value for share, value in apart) / weight if weight else 0.0
    if between > 0:
        found["between the clips", _WHOLE] = Value(100 * between, count)
        found["originality", _WHOLE] = Value(far / between, places)
    return found
