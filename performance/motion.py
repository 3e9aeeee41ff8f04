"""Motions: how the cursor gets from where it is to where a hand wants it, and how it goes on by itself.

A motion is a value; `put` and `moved` make the next one of it. What goes by itself goes in bars, so it is in sync,
stands while the music stands, and comes out the same from the same bars. A glide goes in seconds, as a hand does.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from typing import Literal

from performance.cursor import Point
from rvae.errors import UsageError

Kind = Literal["free", "glide", "jump", "orbit", "drift"]
KINDS: tuple[Kind, ...] = ("free", "glide", "jump", "orbit", "drift")


@dataclass(frozen=True, slots=True)
class Manner:
    """How the cursor moves, as the controls have it.

    `glide_s`: how long a glide takes to be nearly there; `bounce`: 0 comes to rest without passing its place, 0.95
    swings for long. `reach`: how far an orbit or a drift goes, in sides of the plane. `round_bars`: bars to a round of
    an orbit, or to a leg of a drift. `seed`: which drift. `at`: where a jump lands, on the next beat or bar. Raises
    UsageError for a glide or round of no length, a bounce outside 0 to below 1, a reach below 0.
    """

    kind: Kind = "free"
    glide_s: float = 0.6
    bounce: float = 0.0
    reach: float = 0.2
    round_bars: float = 4.0
    seed: int = 0
    at: Literal["beat", "bar"] = "beat"

    def __post_init__(self) -> None:
        if not (self.glide_s > 0 and self.round_bars > 0 and 0 <= self.bounce < 1 and self.reach >= 0):
            raise UsageError(
                f"motion: glide {self.glide_s} s, round {self.round_bars} bars, bounce {self.bounce}, reach "
                f"{self.reach}: the first two must be above 0, a bounce 0 to below 1, a reach not below 0"
            )


@dataclass(frozen=True, slots=True)
class Moment:
    """When: `elapsed_s` since the moment before, `bars` since the start of playing (not whole; None while stopped),
    and how many `beats` a bar has.
    """

    elapsed_s: float
    bars: float | None
    beats: int = 4


@dataclass(frozen=True, slots=True)
class Motion:
    """The cursor under way: `hand` is where a hand last put it, `point` where it is, `velocity` in sides a second.

    `anchor_bars`: when the hand put it there. `lands_bars`: when a jump lands. `leg`: of a drift, its number and the
    three places that bend it.
    """

    hand: Point
    point: Point
    velocity: Point = (0.0, 0.0)
    anchor_bars: float = 0.0
    lands_bars: float | None = None
    leg: tuple[int, Point, Point, Point] | None = None

    @classmethod
    def at_rest(cls, point: Point, bars: float | None = None) -> Motion:
        """Standing at a place, from where it may go on."""
        return cls(point, point, anchor_bars=bars or 0.0)

    def put(self, point: Point, manner: Manner, when: Moment) -> Motion:
        """A hand puts it there: it is there, or sets out for it."""
        if manner.kind == "glide":
            return replace(self, hand=point)
        if manner.kind == "jump" and when.bars is not None and point != self.point:
            return replace(Motion.at_rest(self.point), hand=point, lands_bars=landing(when.bars, when.beats, manner.at))
        return Motion.at_rest(point, when.bars)

    def moved(self, manner: Manner, when: Moment) -> Motion:
        """Where it is a moment later."""
        match manner.kind:
            case "glide":
                return self._glided(manner, max(0.0, when.elapsed_s))
            case "jump" if self.lands_bars is not None and when.bars is not None:
                # Where the music began anew, that beat will not come.
                if self.lands_bars - 1 <= when.bars < self.lands_bars:
                    return self
            case "orbit" if when.bars is not None:
                return replace(self, point=self._on_orbit(manner, when.bars))
            case "drift" if when.bars is not None:
                return self._drifted(manner, when.bars)
            case "orbit" | "drift":
                return self
        return self if self.point == self.hand else Motion.at_rest(self.hand, when.bars)

    def heading(self, manner: Manner) -> Point:
        """Where it is as far as sound goes: a jump is heard from the beat on which it lands, so it counts at once."""
        return self.hand if manner.kind == "jump" else self.point

    def held(self, manner: Manner) -> Point:
        """Where a hand takes hold of it: what it was put to, or where it has gone by itself."""
        return self.point if manner.kind in ("orbit", "drift") else self.hand

    def _glided(self, manner: Manner, elapsed_s: float) -> Motion:
        placed = [
            _sprung(at, speed, to, manner, elapsed_s)
            for at, speed, to in zip(self.point, self.velocity, self.hand, strict=True)
        ]
        # A wall of the plane takes the speed.
        kept = [(min(1.0, max(0.0, at)), speed if 0 <= at <= 1 else 0.0) for at, speed in placed]
        if all(abs(at - to) < _STILL and abs(speed) < _STILL for (at, speed), to in zip(kept, self.hand, strict=True)):
            return Motion.at_rest(self.hand)
        return replace(self, point=(kept[0][0], kept[1][0]), velocity=(kept[0][1], kept[1][1]))

    def _on_orbit(self, manner: Manner, bars: float) -> Point:
        now, then = (2 * math.pi * (place / manner.round_bars % 1) for place in (bars, self.anchor_bars))
        x, y = self.hand
        across, up = math.cos(now) - math.cos(then), math.sin(now) - math.sin(then)
        return folded(x + manner.reach * across), folded(y + manner.reach * up)

    def _drifted(self, manner: Manner, bars: float) -> Motion:
        since = (bars - self.anchor_bars) / manner.round_bars
        number, share = int(since // 1), since % 1
        leg = self.leg
        if leg is None or not leg[0] <= number <= leg[0] + _MOST_LEGS:
            # At first, after a leap in time, or with another tempo of its own: from the hand's place anew.
            leg = (number, self.hand, self.hand, self._next_place(manner, number, self.hand))
        for step in range(leg[0] + 1, number + 1):
            leg = (step, leg[2], leg[3], self._next_place(manner, step, leg[3]))
        # A quadratic B-spline: smooth, and never outside of the places that bend it.
        weights = (1 - share) ** 2 / 2, (1 + 2 * share - 2 * share**2) / 2, share**2 / 2
        x, y = (sum(w * place[axis] for w, place in zip(weights, leg[1:], strict=True)) for axis in (0, 1))
        return replace(self, leg=leg, point=(min(1.0, max(0.0, x)), min(1.0, max(0.0, y))))

    def _next_place(self, manner: Manner, number: int, place: Point) -> Point:
        """The walk's next place: a step of any direction, kept within reach of the hand by turning back."""
        chance = random.Random(f"{manner.seed}/{number}")
        angle, far = 2 * math.pi * chance.random(), manner.reach * (0.4 + 0.6 * chance.random())
        steps = far * math.cos(angle), far * math.sin(angle)
        x, y = (
            folded(at + step, max(0.0, home - manner.reach), min(1.0, home + manner.reach))
            for at, step, home in zip(place, steps, self.hand, strict=True)
        )
        return x, y


_STILL = 1e-4  # sides of the plane: nearer than this a glide has arrived
_MOST_LEGS = 256


def folded(value: float, low: float = 0.0, high: float = 1.0) -> float:
    """A number turned back at the walls, as often as needed: 1.2 becomes 0.8."""
    width = high - low
    if width <= 0:
        return low
    inside = (value - low) % (2 * width)
    return min(high, max(low, low + (inside if inside <= width else 2 * width - inside)))  # a last bit can be off


def landing(bars: float, beats: int, at: Literal["beat", "bar"]) -> float:
    """The next beat or bar after a place, in bars."""
    steps = beats if at == "beat" else 1
    return (math.floor(bars * steps + 1e-9) + 1) / steps


def _sprung(at: float, speed: float, to: float, manner: Manner, elapsed_s: float) -> tuple[float, float]:
    """A damped spring after a time, exactly, so that it does not matter how time is cut into frames.

    The solution of x'' = -w^2 (x - to) - 2 (1 - bounce) w x' from its place and speed.
    """
    rate = _SETTLES / manner.glide_s
    damping = 1.0 - manner.bounce
    away = at - to
    fade = math.exp(-damping * rate * elapsed_s)
    if damping >= 1.0:
        push = speed + rate * away
        return to + (away + push * elapsed_s) * fade, (push - rate * (away + push * elapsed_s)) * fade
    swing = rate * math.sqrt(1.0 - damping**2)
    push = (speed + damping * rate * away) / swing
    cos, sin = math.cos(swing * elapsed_s), math.sin(swing * elapsed_s)
    place = away * cos + push * sin
    return to + place * fade, (swing * (push * cos - away * sin) - damping * rate * place) * fade


_SETTLES = 3.9  # (1 + w t) e^(-w t) is a tenth at w t = 3.9: nine tenths of the way in `glide_s`
