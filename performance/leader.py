"""Leaders: clocks of others that the engine keeps in step with, MIDI clock and Link alike; pure.

A leader says where the music should be. The engine never jumps there: it plays a little faster or slower until it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from performance.transport import Transport
from rvae.time import MAX_QPM, MIN_QPM

_SETTLE_S = 0.5  # how long an error takes to shrink to a third
_MOST = 0.2  # faster or slower than the leader, at the most, meanwhile


@dataclass(frozen=True, slots=True)
class Started:
    """The leader is at `quarters` from the start at `at_ns` and plays on from there."""

    at_ns: int
    quarters: Fraction


@dataclass(frozen=True, slots=True)
class Stopped:
    """The leader has stopped."""


@dataclass(frozen=True, slots=True)
class Said:
    """Something the player should know; `is_error` where it went wrong."""

    text: str
    is_error: bool = False


News = Started | Stopped | Said


@dataclass(frozen=True, slots=True)
class Aim:
    """How fast the leader plays, and how far it is ahead of us, in quarters; None where it has no position."""

    qpm: float
    ahead_quarters: float | None


class Leader(Protocol):
    """A clock that is followed."""

    def poll(self, now_ns: int, bar_quarters: Fraction) -> list[News]:
        """What has happened since the last call; a bar of ours would have `bar_quarters`."""

    def aim(self, transport: Transport | None, quarters: Fraction) -> Aim | None:
        """Where it is when `transport` is at `quarters`; None while it is not there or not understood yet."""

    def entry(self, earliest_ns: int, bar_quarters: Fraction) -> Started:
        """Where to begin when the player starts: on a downbeat of the leader's from `earliest_ns` on, if it has one."""

    def player_did(self, now_ns: int, *, qpm: Fraction | None = None, playing: bool | None = None) -> None:
        """The player set the tempo, started or stopped here: for leaders that listen too."""

    @property
    def state(self) -> str:
        """How it stands, as a few words for the screen."""

    def close(self) -> None:
        """Let it go."""


class NoLeader:
    """Nobody is followed: see `Leader`."""

    state = ""

    def poll(self, now_ns: int, bar_quarters: Fraction) -> list[News]:  # noqa: ARG002  # the protocol's signature
        """Nothing happens."""
        return []

    def aim(self, transport: Transport | None, quarters: Fraction) -> Aim | None:  # noqa: ARG002  # as above
        """It is nowhere."""
        return None

    def entry(self, earliest_ns: int, bar_quarters: Fraction) -> Started:  # noqa: ARG002  # as above
        """At once, with the first beat."""
        return Started(earliest_ns, Fraction(0))

    def player_did(self, now_ns: int, *, qpm: Fraction | None = None, playing: bool | None = None) -> None:
        """It does not listen."""

    def close(self) -> None:
        """There is nothing to let go."""


def steered_qpm(aim: Aim) -> Fraction:
    """The tempo that brings us to the leader: its own, and a part of what is missing, 20 % of it at the most."""
    missing = 0.0 if aim.ahead_quarters is None else aim.ahead_quarters * 60 / _SETTLE_S
    most = aim.qpm * _MOST
    qpm = aim.qpm + min(most, max(-most, missing))
    return whole_qpm(qpm)


def whole_qpm(qpm: float) -> Fraction:
    """A tempo as an exact number, to a millionth, within what is allowed."""
    return Fraction(round(min(MAX_QPM, max(MIN_QPM, qpm)) * 1_000_000), 1_000_000)
