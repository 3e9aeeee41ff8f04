"""Patterns: one cycle of rhythm on the grid of its meter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from rvae.errors import PatternError
from rvae.kit import STANDARD_KIT, Kit
from rvae.meter import TICKS_PER_BEAT, Meter

Floats = npt.NDArray[np.float32]
Bits = npt.NDArray[np.int8]
Ints = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float32] | npt.NDArray[np.float64]
Onsets = tuple[Ints, Ints, Reals, Reals]  # row, tick, velocity and microtiming of each

MAX_MICROTIMING_TICKS = 3.0
MAX_MIDI_VELOCITY = 127
CYCLE_BARS = (1, 2, 4)
_OF_ONSETS = ("velocity", "microtiming")  # kept as their values at onsets, in this order, and then where these are
_VALUE_BYTES = 4
_PLAIN = ("meter", "bars", "kit", "source", "qpm", "first_bar", "ticks_per_beat")  # the other fields, in their order


def velocity_to_midi(velocity: float) -> int:
    """A velocity of 0..1 as the MIDI velocity 1..127 of an onset: never 0, which would be a note-off."""
    return max(1, min(MAX_MIDI_VELOCITY, round(velocity * MAX_MIDI_VELOCITY)))


@dataclass(frozen=True, eq=False)
class Pattern:
    """One cycle of `bars` bars: which voice sounds at which tick, how loudly, and how far from the tick.

    `onset`: int8 `[V, T]`, 0 or 1. `velocity`: float32 `[V, T]`, above 0 to 1 at onsets and 0 elsewhere. `microtiming`:
    float32 `[V, T]`, how far the onset lies from its tick, in ticks, -3 to 3, and 0 elsewhere.
    V = voices of `kit`, T = bars x beats x ticks_per_beat. `source`: the file it came from, or what made it.
    `qpm`: the tempo it was played at. `first_bar`: its place in that file, counted from 0; where bars before it were
    refused, in the stretch of its meter.
    The arrays are kept packed, values at onsets only, and made anew when they are asked for, because a corpus may have
    many thousands of patterns; they cannot be written to. Raises PatternError for anything else.
    """

    onset: Bits
    velocity: Floats
    microtiming: Floats
    meter: Meter
    bars: int = 2
    kit: Kit = STANDARD_KIT
    source: str = ""
    qpm: float = 120.0
    first_bar: int = 0
    ticks_per_beat: int = TICKS_PER_BEAT
    _packed: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        given = np.asarray(self.onset)
        if not np.all((given == 0) | (given == 1)):  # before they are whole numbers
            raise PatternError("onset has values other than 0 and 1; threshold the probabilities first")
        onset = self._whole("onset", np.int8)
        velocity, microtiming = self._whole("velocity", np.float32), self._whole("microtiming", np.float32)
        _check_values(onset, velocity, microtiming)
        for name in ("onset", *_OF_ONSETS):
            object.__delattr__(self, name)
        where = onset == 1
        packed = (each.tobytes() for each in (velocity[where], microtiming[where], np.packbits(where)))
        object.__setattr__(self, "_packed", b"".join(packed))

    def _whole(self, name: str, kind: type[np.generic]) -> npt.NDArray[Any]:
        shape, given = self.shape, np.asarray(getattr(self, name))
        if given.shape != shape:
            raise PatternError(
                f"{name} has shape {given.shape}, a pattern of {self.bars} bars of {self.meter} with "
                f"{len(self.kit)} voices has {shape}; cut or pad it"
            )
        return given.astype(kind, copy=False)

    if not TYPE_CHECKING:  # to a type checker, what is not there stays an error

        def __getattr__(self, name: str) -> npt.NDArray[Any]:
            if name not in ("onset", *_OF_ONSETS):
                raise AttributeError(f"a pattern has no '{name}'")
            array = self._where()
            if name in _OF_ONSETS:
                where, array = array, np.zeros(array.shape, np.float32)
                array[where] = self._values(name)
            array.flags.writeable = False
            return array if name in _OF_ONSETS else array.view(np.int8)

    def _where(self) -> npt.NDArray[np.bool_]:
        shape = self.shape
        bits = np.frombuffer(self._packed, np.uint8, offset=len(_OF_ONSETS) * self.onsets * _VALUE_BYTES)
        return np.unpackbits(bits, count=shape[0] * shape[1]).view(np.bool_).reshape(shape)

    def _values(self, name: str) -> Floats:
        count = self.onsets
        return np.frombuffer(self._packed, np.float32, count, _OF_ONSETS.index(name) * count * _VALUE_BYTES)

    def each_onset(self) -> tuple[Ints, Ints, Floats, Floats]:
        """Row, tick, velocity and microtiming of each onset, by row and tick: `[N]` each."""
        rows, ticks = divmod(np.flatnonzero(self._where()), self.ticks)
        return rows, ticks, self._values("velocity"), self._values("microtiming")

    @classmethod
    def cycles_of(
        cls,
        cycles: Ints,
        onsets: Onsets,
        meter: Meter,
        bars: int,
        kit: Kit,
        *,
        source: str = "",
        qpm: Callable[[int], float] = lambda _: 120.0,
        first_bar: int = 0,
        ticks_per_beat: int = TICKS_PER_BEAT,
    ) -> list[Self]:
        """The patterns of a clip from the cycle that each of N onsets stands in, from 0, and its place there.

        Cycles without onsets are passed over. `qpm`: the tempo at a bar, from 0. `first_bar`: that of cycle 0 in the
        file. Raises PatternError.
        """
        rows, ticks = onsets[:2]
        velocity, microtiming = (each.astype(np.float32, copy=False) for each in onsets[2:])
        length = bars * meter.beats * ticks_per_beat
        if not np.all((rows >= 0) & (rows < len(kit)) & (ticks >= 0) & (ticks < length)):
            raise PatternError(f"an onset outside of {len(kit)} voices and {length} ticks; cut them to it first")
        _check_onsets(velocity, microtiming)
        cells = rows * length + ticks
        order = np.lexsort((cells, cycles))
        found, firsts, at = np.unique(cycles[order], return_index=True, return_inverse=True)
        where = np.zeros((len(found), len(kit) * length), np.bool_)
        where[at, cells[order]] = True
        if np.count_nonzero(where) != len(cells):
            raise PatternError("two onsets of a voice stand on one tick; leave one of them")
        bits = np.packbits(where, axis=1)
        loud, off = velocity[order], microtiming[order]
        made: list[Self] = []
        ends = np.append(firsts, len(cells))[1:]
        for cycle, row, first, end in zip(found.tolist(), bits, firsts, ends, strict=True):
            pattern = cls.__new__(cls)
            bar = cycle * bars
            values = (meter, bars, kit, source, qpm(bar), first_bar + bar, ticks_per_beat)
            for name, value in zip(_PLAIN, values, strict=True):
                object.__setattr__(pattern, name, value)
            object.__setattr__(pattern, "_packed", loud[first:end].tobytes() + off[first:end].tobytes() + row.tobytes())
            made.append(pattern)
        return made

    @classmethod
    def of_arrays(cls, onset: Bits, velocity: Floats, microtiming: Floats, meter: Meter, **rest: object) -> Self:
        """A pattern from dense arrays: velocity and microtiming are taken at onsets only and kept in range."""
        where = np.asarray(onset) == 1
        soft = np.where(where, np.clip(velocity, 1 / MAX_MIDI_VELOCITY, 1.0), 0.0)
        off = np.where(where, np.clip(microtiming, -MAX_MICROTIMING_TICKS, MAX_MICROTIMING_TICKS), 0.0)
        return cls(onset, soft.astype(np.float32), off.astype(np.float32), meter, **rest)  # type: ignore[arg-type]  # the rest are this class's own fields

    @classmethod
    def silent(cls, meter: Meter, *, bars: int = 2, kit: Kit = STANDARD_KIT) -> Self:
        """A cycle with no onsets."""
        shape = (len(kit), bars * meter.bar_ticks)
        return cls(np.zeros(shape, np.int8), np.zeros(shape, np.float32), np.zeros(shape, np.float32), meter, bars, kit)

    @property
    def ticks(self) -> int:
        """T, the columns of the grid."""
        return self.bars * self.meter.beats * self.ticks_per_beat

    @property
    def shape(self) -> tuple[int, int]:
        """`(V, T)`."""
        return len(self.kit), self.ticks

    @property
    def onsets(self) -> int:
        """How many onsets the cycle has."""
        return (len(self._packed) - ceil(len(self.kit) * self.ticks / 8)) // (len(_OF_ONSETS) * _VALUE_BYTES)

    @property
    def quarters(self) -> Fraction:
        """How long the cycle lasts, in quarters."""
        return self.meter.bar_quarters * self.bars

    @property
    def midi_velocity(self) -> npt.NDArray[np.int64]:
        """`[V, T]`, 1..127 at onsets, 0 elsewhere."""
        loud = np.clip(np.rint(self.velocity * MAX_MIDI_VELOCITY), 1, MAX_MIDI_VELOCITY)
        return np.where(self.onset == 1, loud, 0).astype(np.int64)

    def in_meter(self, meter: Meter) -> Pattern:
        """The same ticks in another meter of as many beats. Raises PatternError where the beats differ."""
        if meter.beats != self.meter.beats:
            raise PatternError(
                f"a pattern in {self.meter} has {self.meter.beats} beats a bar, {meter} has {meter.beats}; "
                "choose a meter of as many beats"
            )
        return replace(self, meter=meter)

    def same_as(self, other: Pattern) -> bool:
        """Whether both sound the same: onsets, velocities, microtiming, meter, bars and kit."""
        alike = self.meter == other.meter and self.bars == other.bars and self.kit == other.kit
        return (
            alike
            and self.ticks_per_beat == other.ticks_per_beat
            and np.array_equal(self.onset, other.onset)
            and np.array_equal(self.velocity, other.velocity)
            and np.array_equal(self.microtiming, other.microtiming)
        )


def _check_values(onset: Bits, velocity: Floats, microtiming: Floats) -> None:
    where = onset == 1
    _check_onsets(velocity[where], microtiming[where])
    for name, array in (("velocity", velocity), ("microtiming", microtiming)):
        if np.any(array[~where] != 0):  # no number is not 0 either
            raise PatternError(f"{name} must be 0 where there is no onset; clear it there")


def _check_onsets(velocity: Reals, microtiming: Reals) -> None:
    if not np.all((velocity > 0) & (velocity <= 1)):
        raise PatternError("velocity must be above 0 and at most 1 at onsets; divide MIDI values by 127")
    if not np.all(np.abs(microtiming) <= MAX_MICROTIMING_TICKS):
        raise PatternError("microtiming must be -3 to 3 ticks; move the onset to a nearer tick")
