"""What is said between the engine and the process for sound: orders one way, answers the other."""

from __future__ import annotations

from dataclasses import dataclass

from rvae.kit import Kit


@dataclass(frozen=True, slots=True)
class OpenDevice:
    """Open the device: `known`, the name and system of the one that was open before, or, where that is None, the first
    with `wanted` in its name, or the usual one.
    """

    wanted: str
    known: tuple[str, str] | None
    block_frames: int
    kit: Kit


@dataclass(frozen=True, slots=True)
class Strike:
    """An onset, due at a time of the monotonic clock. `velocity`: 1 to 127."""

    due_ns: int
    voice: int
    velocity: int


@dataclass(frozen=True, slots=True)
class Tap:
    """A click of a level (see `click`), due at a time of the monotonic clock."""

    due_ns: int
    level: int


@dataclass(frozen=True, slots=True)
class StrikeNow:
    """A drum that a hand strikes: it sounds with the next block. `velocity`: 1 to 127. `at_ns`: when it was struck."""

    voice: int
    velocity: int
    at_ns: int


@dataclass(frozen=True, slots=True)
class TakeKit:
    """Play the voices of another kit from now on."""

    kit: Kit


@dataclass(frozen=True, slots=True)
class Silence:
    """Fade out what sounds and forget what was to come."""


@dataclass(frozen=True, slots=True)
class SetVolume:
    """Volume, 0 to 1."""

    volume: float


@dataclass(frozen=True, slots=True)
class Leave:
    """Fall silent and end."""


Order = OpenDevice | Strike | Tap | StrikeNow | TakeKit | Silence | SetVolume | Leave


@dataclass(frozen=True, slots=True)
class Opened:
    """It plays. `pid`: of this process. `device`: its name and system. `lead_ns`: how long ahead it needs onsets."""

    pid: int
    device: tuple[str, str]
    lead_ns: int
    detail: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The device could not be opened; it can be tried again."""

    text: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The device has gone, and this process with it."""

    text: str


@dataclass(frozen=True, slots=True)
class Played:
    """How it goes, since the device was opened: see `snapshot.OutputState`. `strokes`: of hands, taken so far."""

    underruns: int = 0
    late: int = 0
    missed: int = 0
    load: float = 0.0
    stalls: int = 0
    strokes: int = 0


Answer = Opened | Refused | Lost | Played
