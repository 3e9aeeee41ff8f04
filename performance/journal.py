"""The journal: what an engine did, entry by entry, so that it can be checked, played again and written down.

The engine notes entries; a `Journal` keeps them. As a file (`.rvjournal`) it is JSON lines: a header, then one entry a
line; fractions are "n/d", patterns and kits stand whole where they come first and by a short hash from then on. So it
needs no model to be played again, and a line that is torn costs only itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from performance.commands import EngineCommand
from performance.sequencer import Event
from performance.timeline import Move, Timed, TimelineState
from performance.transport import Barline
from rvae.kit import Kit


@dataclass(frozen=True, slots=True)
class Opened:
    """The journal begins at `at_ns`, maybe in the middle of the music: `state` is how it stood, `waiting` what had been
    made and was not yet due. `volume`: 0 to 1.
    """

    at_ns: int
    kit: Kit
    state: TimelineState
    waiting: tuple[Timed, ...]
    volume: float


@dataclass(frozen=True, slots=True)
class Applied:
    """At `at_ns`, with events made up to `position` (quarters), this was done: a command, or a move that came of one,
    of a leader or of a meter's change. A barline is only told of: the meter is another one from there.
    """

    position: Fraction
    at_ns: int
    what: EngineCommand | Move | Barline


@dataclass(frozen=True, slots=True)
class Went:
    """An event went out at `went_ns`; in the music it was due at `due_ns`. Offsets of outputs are not in it."""

    event: Event
    due_ns: int
    went_ns: int


@dataclass(frozen=True, slots=True)
class Lost:
    """So many entries that belong here could not be kept."""

    entries: int


@dataclass(frozen=True, slots=True)
class Closed:
    """The journal ends as it should, with events made up to `position`."""

    position: Fraction
    at_ns: int


Entry = Opened | Applied | Went | Lost | Closed


class Journal(Protocol):
    """What keeps entries. It never makes the engine wait and never raises."""

    def note(self, entry: Entry) -> None:
        """Keep one."""


class MemoryJournal:
    """Keeps every entry in `entries`."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def note(self, entry: Entry) -> None:
        """Keep one."""
        self.entries.append(entry)
