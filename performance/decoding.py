"""What the plane says at the cursor: the pattern that is played, and what is known behind it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from performance.cursor import Point
from performance.pins import Pin, Pins, pin_of
from performance.settings import Settings
from performance.shares import credited, shares_at
from rvae.errors import UsageError
from rvae.kit import Kit
from rvae.meter import Meter
from rvae.model import Model
from rvae.pattern import MAX_MICROTIMING_TICKS, Floats, Pattern

_SOFTEST_FORCED = 0.4  # an onset that the place does not know has next to no velocity there


@dataclass(frozen=True, slots=True)
class Wanted:
    """All that the pattern depends on: where two are equal, nothing is decoded again."""

    cursor: Point
    meter: Meter
    densities: tuple[float, ...]
    pins: Pins
    kit: Kit | None = None

    @classmethod
    def of(cls, settings: Settings) -> Wanted:
        """What the settings ask for."""
        return cls(settings.cursor, settings.meter, settings.densities, settings.pins, settings.kit)


@dataclass(frozen=True, eq=False, slots=True)
class Decoded:
    """`pattern`: what is played, pins included. `probability`, `velocity`, `microtiming`: `[V, T]`, what the model has
    at every place of the grid, onset or not. `credits`: whose it is, as one line; empty where that is not known.
    """

    wanted: Wanted
    pattern: Pattern
    probability: Floats
    velocity: Floats
    microtiming: Floats
    credits: str = ""

    @classmethod
    def of(cls, model: Model, wanted: Wanted) -> Decoded:
        """Decode. Raises RvaeError for a number of beats that was not learned."""
        pattern = model.pattern(wanted.cursor, meter=wanted.meter, density=wanted.densities)
        if wanted.kit is not None:
            pattern = replace(pattern, kit=model.kit.with_notes_of(wanted.kit))
        probability, velocity, microtiming = model.decode(np.array([wanted.cursor]), beats=wanted.meter.beats)
        shares = shares_at(model, wanted.cursor, wanted.meter.beats)
        played = credited(wanted.pins.laid_over(pattern), shares)
        line = "" if shares is None else shares.line
        return cls(wanted, played, probability[0], velocity[0], microtiming[0], line)

    def onset_at(self, voice: int, tick: int) -> Pin:
        """The onset of a place as a pin: as it is played there, or as the model would play it. Raises UsageError
        outside of the pattern.
        """
        self.check_place(voice, tick)
        if self.pattern.onset[voice, tick]:
            return pin_of(self.pattern, voice, tick)
        loud = min(1.0, max(_SOFTEST_FORCED, float(self.velocity[voice, tick])))
        off = float(np.clip(self.microtiming[voice, tick], -MAX_MICROTIMING_TICKS, MAX_MICROTIMING_TICKS))
        return Pin(self.pattern.ticks, voice, tick, loud, off)

    def check_place(self, voice: int, tick: int) -> None:
        """Raise UsageError where a place lies outside of the pattern."""
        voices, ticks = self.pattern.onset.shape
        if not (0 <= voice < voices and 0 <= tick < ticks):
            raise UsageError(
                f"voice {voice + 1}, tick {tick}: the pattern has {voices} voices and {ticks} ticks; pin one of those"
            )
