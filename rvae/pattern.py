"""Patterns: one cycle of rhythm on the grid of its meter."""

from __future__ import annotations

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

MAX_MICROTIMING_TICKS = 3.0
MAX_MIDI_VELOCITY = 127
CYCLE_BARS = (1, 2, 4)
_KEPT = {"velocity": "_velocities", "microtiming": "_microtimings"}  # what is kept of each: its values at onsets


def velocity_to_midi(velocity: float) -> int:
    """A velocity of 0..1 as the MIDI velocity 1..127 of an onset: never 0, which would be a note-off."""
    return max(1, min(MAX_MIDI_VELOCITY, round(velocity * MAX_MIDI_VELOCITY)))


@dataclass(frozen=True, eq=False)
class Pattern:
    """One cycle of `bars` bars: which voice sounds at which tick, how loudly, and how far from the tick.

    `onset`: int8 `[V, T]`, 0 or 1. `velocity`: float32 `[V, T]`, above 0 to 1 at onsets and 0 elsewhere. `microtiming`:
    float32 `[V, T]`, how far the onset lies from its tick, in ticks, -3 to 3, and 0 elsewhere.
    V = voices of `kit`, T = bars x beats x ticks_per_beat. `source`: the file it came from, or what made it.
    `qpm`: the tempo it was played at. `first_bar`: its place in that file, counted from 0.
    The arrays are copied and cannot be written to; velocity and microtiming are kept at onsets only and made anew when
    they are asked for, because a corpus may have many thousands of patterns. Raises PatternError for anything else.
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
    ticks_per_beat: int = field(default=TICKS_PER_BEAT)

    def __post_init__(self) -> None:
        onset = self._whole("onset", np.int8)
        velocity, microtiming = self._whole("velocity", np.float32), self._whole("microtiming", np.float32)
        _check_values(onset, velocity, microtiming)
        onset.flags.writeable = False
        object.__setattr__(self, "onset", onset)
        where = onset == 1
        for name, array in (("velocity", velocity), ("microtiming", microtiming)):
            object.__delattr__(self, name)
            object.__setattr__(self, _KEPT[name], array[where])

    def _whole(self, name: str, kind: type[np.generic]) -> npt.NDArray[Any]:
        shape = (len(self.kit), self.bars * self.meter.beats * self.ticks_per_beat)
        given = np.asarray(getattr(self, name))
        if given.shape != shape:
            raise PatternError(
                f"{name} has shape {given.shape}, a pattern of {self.bars} bars of {self.meter} with "
                f"{len(self.kit)} voices has {shape}; cut or pad it"
            )
        return given.astype(kind)

    if not TYPE_CHECKING:  # to a type checker, what is not there stays an error

        def __getattr__(self, name: str) -> Floats:
            if name not in _KEPT:
                raise AttributeError(f"a pattern has no '{name}'")
            array = np.zeros(self.onset.shape, np.float32)
            array[self.onset == 1] = self.__dict__[_KEPT[name]]
            array.flags.writeable = False
            return array

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
        return int(self.onset.shape[1])

    @property
    def onsets(self) -> int:
        """How many onsets the cycle has."""
        return int(self.onset.sum(dtype=np.int64))

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
    if not np.all(where | (onset == 0)):
        raise PatternError("onset has values other than 0 and 1; threshold the probabilities first")
    if not np.all(np.isfinite(velocity)) or not np.all(np.isfinite(microtiming)):
        raise PatternError("velocity or microtiming is not a finite number somewhere; mend the arrays")
    at_onsets = velocity[where]
    if np.any(at_onsets <= 0) or np.any(at_onsets > 1) or np.any(velocity[~where] != 0):
        raise PatternError(
            "velocity must be above 0 and at most 1 at onsets and 0 elsewhere; divide MIDI values by 127"
        )
    if np.any(np.abs(microtiming) > MAX_MICROTIMING_TICKS) or np.any(microtiming[~where] != 0):
        raise PatternError(
            "microtiming must be -3 to 3 ticks at onsets and 0 elsewhere; move the onset to a nearer tick"
        )
