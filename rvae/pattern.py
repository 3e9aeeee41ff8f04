"""Patterns: one cycle of rhythm on the grid of its meter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
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
_FIELDS = ("velocity", "microtiming")
# How an onset is packed: its cell (voice x T + tick), its velocity, as MIDI has it where it is one of those, and its
# microtiming. By whether the cells of a pattern are few enough for 16 bits, and whether all its velocities are MIDI's.
_FEW_CELLS = 1 << 16
_LAYOUTS = {
    (few, is_midi): np.dtype([("cell", cell), ("velocity", velocity), ("microtiming", np.float32)])
    for few, cell in ((True, np.uint16), (False, np.uint32))
    for is_midi, velocity in ((True, np.uint8), (False, np.float32))
}
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
    The arrays are kept packed, as a row of onsets, and made anew when they are asked for, because a corpus may have
    hundreds of thousands of patterns; they cannot be written to. Raises PatternError for anything else.
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
    _is_midi: bool = field(init=False, repr=False)  # all velocities

    def __post_init__(self) -> None:
        given = np.asarray(self.onset)
        if not np.all((given == 0) | (given == 1)):  # before they are whole numbers
            raise PatternError("onset has values other than 0 and 1; threshold the probabilities first")
        onset = self._whole("onset", np.int8)
        velocity, microtiming = self._whole("velocity", np.float32), self._whole("microtiming", np.float32)
        _check_values(onset, velocity, microtiming)
        for name in ("onset", *_FIELDS):
            object.__delattr__(self, name)
        cells = np.flatnonzero(onset)
        packed, is_midi = _pack(cells, velocity.ravel()[cells], microtiming.ravel()[cells], onset.size)
        object.__setattr__(self, "_packed", packed.tobytes())
        object.__setattr__(self, "_is_midi", is_midi)

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
            if name not in ("onset", *_FIELDS):
                raise AttributeError(f"a pattern has no '{name}'")
            packed = self._unpacked()
            array = np.zeros(self.shape, np.int8 if name == "onset" else np.float32)
            array.ravel()[packed["cell"]] = 1 if name == "onset" else self._values(packed, name)
            array.flags.writeable = False
            return array

    @property
    def _layout(self) -> np.dtype[np.void]:
        return _LAYOUTS[len(self.kit) * self.ticks <= _FEW_CELLS, self._is_midi]

    def _unpacked(self) -> npt.NDArray[np.void]:
        return np.frombuffer(self._packed, self._layout)

    def _values(self, packed: npt.NDArray[np.void], name: str) -> Floats:
        if name == "velocity" and self._is_midi:
            return _of_midi(packed[name])
        return np.ascontiguousarray(packed[name])

    def each_onset(self) -> tuple[Ints, Ints, Floats, Floats]:
        """Row, tick, velocity and microtiming of each onset, by row and tick: `[N]` each."""
        packed = self._unpacked()
        rows, ticks = divmod(packed["cell"].astype(np.int64), self.ticks)
        return rows, ticks, self._values(packed, "velocity"), self._values(packed, "microtiming")

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
        cells, cycles = cells[order], cycles[order]
        if np.any((np.diff(cells) == 0) & (np.diff(cycles) == 0)):
            raise PatternError("two onsets of a voice stand on one tick; leave one of them")
        packed, is_midi = _pack(cells, velocity[order], microtiming[order], len(kit) * length)
        found, firsts = np.unique(cycles, return_index=True)
        made: list[Self] = []
        tempi: dict[float, float] = {}  # each once: there are many patterns of one
        for cycle, onsets_of in zip(found.tolist(), np.split(packed, firsts)[1:], strict=True):
            pattern = cls.__new__(cls)
            bar = cycle * bars
            tempo = qpm(bar)
            values = (meter, bars, kit, source, tempi.setdefault(tempo, tempo), first_bar + bar, ticks_per_beat)
            for name, value in zip(_PLAIN, values, strict=True):
                object.__setattr__(pattern, name, value)
            object.__setattr__(pattern, "_packed", onsets_of.tobytes())
            object.__setattr__(pattern, "_is_midi", is_midi)
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
        return len(self._packed) // self._layout.itemsize

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


def _of_midi(velocity: npt.NDArray[Any]) -> Floats:
    return velocity.astype(np.float32) / np.float32(MAX_MIDI_VELOCITY)


def _pack(cells: Ints, velocity: Floats, microtiming: Floats, size: int) -> tuple[npt.NDArray[np.void], bool]:
    """N onsets of patterns with `size` cells, packed, and whether the velocities are MIDI's. Nothing is rounded."""
    midi = np.rint(velocity * MAX_MIDI_VELOCITY)
    is_midi = bool(np.array_equal(_of_midi(midi), velocity))
    packed = np.empty(len(cells), _LAYOUTS[size <= _FEW_CELLS, is_midi])
    packed["cell"], packed["velocity"], packed["microtiming"] = cells, midi if is_midi else velocity, microtiming
    return packed, is_midi


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
