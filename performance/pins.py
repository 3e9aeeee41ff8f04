"""Pins: onsets and rests that a player holds on to, and voices that stay as they were, laid over what is decoded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from rvae.errors import PatternError
from rvae.pattern import MAX_MICROTIMING_TICKS, Pattern

Hold = Literal["onset", "rest"]


@dataclass(frozen=True, slots=True)
class Pin:
    """One place of the grid that is held: `tick` counts from the start of the cycle, in patterns of so many ticks.

    `velocity` is above 0 to 1 for an onset and 0 for a rest; `microtiming` in ticks, -3 to 3. Raises PatternError
    outside of these.
    """

    ticks: int
    voice: int
    tick: int
    velocity: float = 0.0
    microtiming: float = 0.0

    def __post_init__(self) -> None:
        whole = 0 <= self.tick < self.ticks and self.voice >= 0
        if not (whole and 0 <= self.velocity <= 1 and abs(self.microtiming) <= MAX_MICROTIMING_TICKS):
            raise PatternError(
                f"a pin at tick {self.tick} of {self.ticks}, voice {self.voice + 1}, velocity {self.velocity}, "
                f"microtiming {self.microtiming}: it must lie within its cycle; pin another place"
            )

    @property
    def hold(self) -> Hold:
        """What is held there."""
        return "onset" if self.velocity > 0 else "rest"


@dataclass(frozen=True, slots=True)
class Pins:
    """All pins, and the voices that are frozen: of each its onsets as pins. Those of other cycles wait for them."""

    pins: tuple[Pin, ...] = ()
    frozen: tuple[tuple[int, int, tuple[Pin, ...]], ...] = ()
    """(voice, ticks of the cycle, onsets)"""

    def at(self, ticks: int, voice: int, tick: int) -> Pin | None:
        """The pin at a place, or None."""
        return next((pin for pin in self.pins if (pin.ticks, pin.voice, pin.tick) == (ticks, voice, tick)), None)

    def with_pin(self, pin: Pin) -> Pins:
        """With one more pin, in place of any that was there."""
        return replace(self, pins=(*self.without(pin.ticks, pin.voice, pin.tick).pins, pin))

    def without(self, ticks: int, voice: int, tick: int) -> Pins:
        """Without the pin at a place."""
        gone = self.at(ticks, voice, tick)
        return replace(self, pins=tuple(pin for pin in self.pins if pin != gone))

    def freeze(self, pattern: Pattern, voice: int) -> Pins:
        """With a voice that stays as it is in this pattern."""
        onsets = tuple(pin_of(pattern, voice, int(tick)) for tick in np.flatnonzero(pattern.onset[voice]))
        kept = self.thaw(voice, pattern.ticks)
        return replace(kept, frozen=(*kept.frozen, (voice, pattern.ticks, onsets)))

    def thaw(self, voice: int, ticks: int) -> Pins:
        """With a voice that follows the cursor again, in cycles of so many ticks."""
        return replace(self, frozen=tuple(entry for entry in self.frozen if entry[:2] != (voice, ticks)))

    def frozen_voices(self, ticks: int) -> frozenset[int]:
        """The voices that are frozen in cycles of so many ticks."""
        return frozenset(voice for voice, length, _ in self.frozen if length == ticks)

    def laid_over(self, pattern: Pattern) -> Pattern:
        """The pattern with frozen voices as they were, then with the pins."""
        frozen = [entry for entry in self.frozen if entry[1] == pattern.ticks and entry[0] < len(pattern.kit)]
        pins = [pin for pin in self.of_cycle(pattern.ticks) if pin.voice < len(pattern.kit)]
        if not frozen and not pins:
            return pattern
        onset, velocity, microtiming = pattern.onset.copy(), pattern.velocity.copy(), pattern.microtiming.copy()
        for voice, _, _ in frozen:
            onset[voice], velocity[voice], microtiming[voice] = 0, 0.0, 0.0
        for pin in _in_order(frozen, pins):
            place = pin.voice, pin.tick
            onset[place] = pin.hold == "onset"
            velocity[place] = pin.velocity
            microtiming[place] = pin.microtiming if pin.hold == "onset" else 0.0
        return replace(pattern, onset=onset, velocity=velocity, microtiming=microtiming)

    def of_cycle(self, ticks: int) -> tuple[Pin, ...]:
        """The pins of cycles of so many ticks."""
        return tuple(pin for pin in self.pins if pin.ticks == ticks)


def pin_of(pattern: Pattern, voice: int, tick: int) -> Pin:
    """What a pattern has at a place, as a pin."""
    loud, off = float(pattern.velocity[voice, tick]), float(pattern.microtiming[voice, tick])
    return Pin(pattern.ticks, voice, tick, loud, off)


def _in_order(frozen: Iterable[tuple[int, int, tuple[Pin, ...]]], pins: Iterable[Pin]) -> Iterable[Pin]:
    for _, _, onsets in frozen:
        yield from onsets
    yield from pins
