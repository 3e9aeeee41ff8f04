"""What hands do on MIDI devices, as values: what is heard, what of it is a drum, and which devices are wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from performance.commands import StrikePad
from performance.ports import OWN

_NOTE_ON = 0x90


@dataclass(frozen=True, slots=True)
class Heard:
    """A message of a device, and when it came, on the monotonic clock. `has_sounded`: the engine was told of it."""

    device: str
    data: bytes
    at_ns: int
    has_sounded: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """A pad or key that was struck: `pitch` 0 to 127, `velocity` 1 to 127. `is_mapped`: it does something else too.
    `has_sounded`: see `Heard`.
    """

    device: str
    pitch: int
    velocity: int
    at_ns: int
    is_mapped: bool = False
    has_sounded: bool = False

    @classmethod
    def of(cls, heard: Heard, *, is_mapped: bool = False) -> Hit | None:
        """The hit that a message is; None for all others."""
        data = heard.data
        if len(data) < 3 or data[0] & 0xF0 != _NOTE_ON or not 0 < data[2] < 128 or data[1] > 127:
            return None
        return cls(heard.device, data[1], data[2], heard.at_ns, is_mapped, heard.has_sounded)


@dataclass(frozen=True, slots=True)
class Plugged:
    """A device came, or went."""

    device: str
    is_there: bool


@dataclass(frozen=True, slots=True)
class Missed:
    """So many messages were lost since the last time: nobody took them for too long."""

    count: int


@dataclass(frozen=True, slots=True)
class Drums:
    """What sounds when it is struck. `rows`: the voice of each note that has one. `deaf`: (device, note) of those that
    do something else; the device "" is any. `unheard`: the devices that are not to be heard.
    """

    rows: Mapping[int, int]
    deaf: frozenset[tuple[str, int]] = frozenset()
    unheard: frozenset[str] = frozenset()

    def strike_of(self, heard: Heard) -> StrikePad | None:
        """What the engine is told of a message; None where it is no drum."""
        hit = Hit.of(heard)
        if hit is None or hit.device in self.unheard or hit.pitch not in self.rows:
            return None
        if {(hit.device, hit.pitch), ("", hit.pitch)} & self.deaf:
            return None
        return StrikePad(self.rows[hit.pitch], hit.velocity, hit.at_ns)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which devices to hear: `parts` are parts of names, `names` whole ones, `all` every one."""

    parts: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    all: bool = False

    def wants(self, device: str) -> bool:
        """Whether a device is one of them."""
        if device.lower().startswith(OWN):  # what we play must not come back as hands
            return False
        return self.all or device in self.names or any(part.lower() in device.lower() for part in self.parts)
