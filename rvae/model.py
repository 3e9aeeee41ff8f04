"""Models: one file that holds a rhythm space, plays it and knows whose music it is. Needs numpy only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rvae.credits import Credits
from rvae.errors import CreditsError, MeterError, ModelFileError, PatternError, RvaeError
from rvae.kit import Kit
from rvae.meter import MAX_BEATS, TICKS_PER_BEAT, Meter
from rvae.modelfile import from_bytes, read_file, to_bytes, write_file
from rvae.pattern import CYCLE_BARS, Floats, Pattern
from rvae.plane import checked_points
from rvae.published import PublishedSpace
from rvae.space import RhythmSpace, Space, sounding_cells


@dataclass(frozen=True)
class Clip:
    """A training pattern on the plane.

    `name`: for people; `source`: its file's name; `point`: x, y in the unit square; `people`: whose it is, plain names;
    `tags`: what it is called. Raises PatternError.
    """

    name: str
    source: str
    meter: Meter
    point: tuple[float, float]
    qpm: float = 120.0
    first_bar: int = 0
    people: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not all(0 <= part <= 1 for part in self.point):
            raise PatternError(f"clip {self.name}: its place {self.point} is not in the unit square; train again")
        if not 0 < self.qpm < float("inf") or self.first_bar < 0:
            raise PatternError(f"clip {self.name}: {self.qpm} qpm, bar {self.first_bar}; train again")


@dataclass(frozen=True, eq=False)
class Model:
    """What was learned from a corpus.

    `spaces`: one for each number of beats. `meters`: those of the clips. `figures`: what `rvae train` measured.
    `card`: the dataset card. Build one with `rvae.train` or `rvae.load`.
    """

    kit: Kit
    bars: int
    meters: tuple[Meter, ...]
    spaces: tuple[RhythmSpace, ...]
    clips: tuple[Clip, ...] = ()
    seed: int = 0
    preset: str = "rvae"
    figures: Mapping[str, object] = field(default_factory=dict)
    card: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.spaces or not self.meters:
            raise PatternError("a model without clips; train it on at least one")
        if self.bars not in CYCLE_BARS:
            raise PatternError(f"a model of {self.bars} bars; 1, 2 and 4 are possible, train it so")
        if len(set(self.beats)) != len(self.beats) or not all(1 <= beats <= MAX_BEATS for beats in self.beats):
            raise PatternError(f"a model of {self.beats} beats; 1 to {MAX_BEATS}, each once, are possible")
        if {meter.beats for meter in (*self.meters, *(clip.meter for clip in self.clips))} - set(self.beats):
            raise PatternError("a model that has not learned the beats of its own clips; train it again")
        for space in self.spaces if self.clips else ():  # while a model is put together its clips come last
            owners = () if space.plane is None else space.plane.owners[:, 1]
            if max(owners, default=-1) >= len(self.clips_of(space.beats)):
                raise PatternError(f"a plane of {space.beats} beats with credit for a clip that is not there")

    @property
    def beats(self) -> tuple[int, ...]:
        """The numbers of beats in a bar that it has learned."""
        return tuple(space.beats for space in self.spaces)

    @property
    def meter(self) -> Meter:
        """The meter that most clips have: where playing starts."""
        counts = [sum(clip.meter == meter for clip in self.clips) for meter in self.meters]
        return self.meters[int(np.argmax(counts))]

    def space(self, beats: int) -> RhythmSpace:
        """The space of one number of beats. Raises MeterError where none was learned."""
        for space in self.spaces:
            if space.beats == beats:
                return space
        known = ", ".join(map(str, self.beats))
        meters = ", ".join(meter.name for meter in self.meters)
        raise MeterError(
            f"{beats} beats in a bar: this model has learned bars of {known} ({meters}); choose a meter of as many "
            "beats, or train with clips of this one"
        )

    def clips_of(self, beats: int) -> tuple[Clip, ...]:
        """The clips on the plane of one number of beats."""
        return self._clips_by_beats.get(beats, ())

    @cached_property
    def _clips_by_beats(self) -> Mapping[int, tuple[Clip, ...]]:
        # Asked for with every frame of a window.
        counts = {clip.meter.beats for clip in self.clips}
        return {beats: tuple(clip for clip in self.clips if clip.meter.beats == beats) for beats in counts}

    def decode(self, points: npt.ArrayLike, *, beats: int) -> tuple[Floats, Floats, Floats]:
        """What is played at places of the plane.

        `points`: `[N, 2]` in the unit square; `beats`: felt beats in a bar, one of `self.beats`. Returns onset
        probability (an onset sounds above 0.5, the standard threshold), velocity (0 to 1) and microtiming (ticks, -3 to
        3), each `[N, V, T]` with T = bars x beats x 24. Raises MeterError, PatternError.
        """
        return self.space(beats).decode(checked_points(points))

    def onsets(self, points: npt.ArrayLike, *, beats: int) -> npt.NDArray[np.bool_]:
        """Which cells sound at places of the plane at the middle of the density control: `[N, V, T]`."""
        return self.space(beats).onset_logits(checked_points(points)) > 0

    def credits(self, points: npt.ArrayLike, *, beats: int) -> Credits:
        """Whose clips places of the plane are made of.

        `points`: `[N, 2]` in the unit square; `beats`: felt beats in a bar, one of `self.beats`. The weights are those
        of `clips_of(beats)`. Raises CreditsError for a model that keeps no account of it, MeterError, PatternError.
        """
        clips, plane = self.clips_of(beats), self.space(beats).plane
        if plane is None:
            raise CreditsError("the published network keeps no account of whose clips a place is made of")
        return Credits(plane.clip_credits(points, len(clips)), clips)

    def pattern(self, point: npt.ArrayLike, *, meter: Meter | str, density: float | Sequence[float] = 0.5) -> Pattern:
        """The pattern that is played at one place.

        `point`: x, y in 0..1. `meter`: any with as many beats as some clip had, or its name. `density`: 0..1 for all
        voices or one for each; 0.5 gives what the clips had, 0 nothing, 1 twice as many onsets, in the order of their
        probability. Raises MeterError, PatternError.
        """
        meter = Meter.parse(meter) if isinstance(meter, str) else meter
        place = checked_points(point)
        if len(place) != 1:
            raise PatternError(f"{len(place)} points given; a pattern is played at one, as (x, y)")
        amount = np.asarray(density, dtype=np.float64)
        if amount.size not in (1, len(self.kit)) or not np.all((amount >= 0) & (amount <= 1)):
            raise PatternError(f"density {density}: give one number 0..1, or {len(self.kit)}, one for each voice")
        space = self.space(meter.beats)
        onset = sounding_cells(space.onset_logits(place)[0], np.broadcast_to(amount, (len(self.kit),)))
        _, velocity, microtiming = space.decode(place)
        where = f"{place[0, 0]:.3f}, {place[0, 1]:.3f}"
        return Pattern.of_arrays(
            onset.astype(np.int8), velocity[0], microtiming[0], meter, bars=self.bars, kit=self.kit, source=where
        )

    def encode(self, patterns: Sequence[Pattern]) -> npt.NDArray[np.float64]:
        """Where on the plane patterns are: `[N, 2]`, each on the plane of its own number of beats.

        Raises MeterError for a number of beats that was not learned, PatternError for another kit or cycle length.
        """
        points = np.zeros((len(patterns), 2))
        for pattern in patterns:
            if pattern.kit.names != self.kit.names or pattern.bars != self.bars:
                raise PatternError(
                    f"a pattern of {pattern.bars} bars and kit {pattern.kit.name}; this model has {self.bars} bars "
                    f"and kit {self.kit.name}; read the clips with these"
                )
        for beats in sorted({pattern.meter.beats for pattern in patterns}):
            rows = [row for row, pattern in enumerate(patterns) if pattern.meter.beats == beats]
            points[rows] = self.space(beats).encode([patterns[row] for row in rows])
        return points

    def save(self, path: str | Path) -> None:
        """Write the model as one file, whole or not at all. Raises FileError."""
        write_file(path, self.to_bytes())

    def to_bytes(self) -> bytes:
        """The bytes of the model's file; the same model gives the same bytes."""
        header: dict[str, object] = {
            "grid": {"ticks_per_beat": TICKS_PER_BEAT, "bars": self.bars},
            "kit": self.kit.to_toml(),
            "meters": [meter.label for meter in self.meters],
            "spaces": [{"kind": space.kind, "beats": space.beats} for space in self.spaces],
            "clips": [
                {
                    "name": clip.name,
                    "source": clip.source,
                    "meter": clip.meter.label,
                    "point": list(clip.point),
                    "qpm": clip.qpm,
                    "first_bar": clip.first_bar,
                    "people": list(clip.people),
                    "tags": list(clip.tags),
                }
                for clip in self.clips
            ],
            "seed": self.seed,
            "preset": self.preset,
            "figures": dict(self.figures),
            "card": dict(self.card),
        }
        arrays = {f"{space.beats}/{name}": array for space in self.spaces for name, array in space.arrays().items()}
        return to_bytes(header, arrays)

    @classmethod
    def from_bytes(cls, data: bytes, *, where: str = "model") -> Model:
        """The model of a file's bytes. Raises ModelFileError for anything else."""
        header, arrays = from_bytes(data, where=where)
        try:
            with np.errstate(all="ignore"):  # what is no number is refused by name
                return _model(header, arrays)
        except (RvaeError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            # It may quote the file, which may hold anything.
            why = "".join(letter if letter.isprintable() else " " for letter in str(error))[:200]
            raise ModelFileError(
                f"{where}: not a whole rvae model ({why}); train it again, or take another copy"
            ) from None


def load(path: str | Path) -> Model:
    """Read a model that `Model.save` or `rvae train` wrote. Raises ModelFileError.

    Nothing in the file is executed.
    """
    return Model.from_bytes(read_file(path), where=str(path))


def _model(header: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Model:
    kit = Kit.from_toml(header["kit"])
    bars = int(header["grid"]["bars"])
    spaces = []
    for entry in header["spaces"]:
        beats = int(entry["beats"])
        own = {name.split("/", 1)[1]: array for name, array in arrays.items() if name.startswith(f"{beats}/")}
        spaces.append(_KINDS[entry["kind"]].from_arrays(own, beats=beats, bars=bars, voices=len(kit)))
    clips = tuple(
        Clip(
            str(entry["name"]),
            str(entry["source"]),
            Meter.parse(entry["meter"]),
            (float(entry["point"][0]), float(entry["point"][1])),
            float(entry["qpm"]),
            int(entry["first_bar"]),
            tuple(map(str, entry.get("people", ()))),
            tuple(map(str, entry.get("tags", ()))),
        )
        for entry in header["clips"]
    )
    return Model(
        kit,
        bars,
        tuple(Meter.parse(name) for name in header["meters"]),
        tuple(spaces),
        clips,
        int(header["seed"]),
        str(header["preset"]),
        dict(header["figures"]),
        dict(header["card"]),
    )


_KINDS: Mapping[str, type[Space] | type[PublishedSpace]] = {Space.kind: Space, PublishedSpace.kind: PublishedSpace}
