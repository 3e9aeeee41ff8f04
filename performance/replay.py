"""Replay: a journal's moves once more through a timeline, offline: the same events at the same times, anywhere."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import zip_longest
from typing import get_args

from performance.journal import Applied, Closed, Entry, Lost, Opened, Went
from performance.sequencer import Event
from performance.timeline import End, Move, Timed, Timeline, Wait
from rvae.errors import UsageError

_MOVES = get_args(Move)
_FURTHEST = 10_000  # quarters that are made at once: an engine makes a few at the most
_A_LITTLE = Fraction(1, 24 * 2**16)


@dataclass(frozen=True, slots=True)
class Difference:
    """The first place at which what was played and what is played again are not the same."""

    number: int
    played: Went | None
    again: Timed | None

    def __str__(self) -> str:
        return f"event {self.number} was {self.played}, played again it is {self.again}"


class Replay:
    """Takes entries in their order; gives the events that went, in theirs."""

    def __init__(self) -> None:
        self._timeline: Timeline | None = None
        self._waiting: list[tuple[int, int, Event]] = []
        self._made = 0
        self._given = 0
        self._went = 0
        self._furthest = Fraction(-1)  # the last event that is known to have gone, in quarters

    def feed(self, entry: Entry) -> list[Timed]:
        """The events that went before an entry and are known to have gone because of it. Raises UsageError where
        entries are missing, so that nothing after can be played again.
        """
        match entry:
            case Opened():
                self._timeline = Timeline.of_state(entry.state)
                self._waiting.clear()
                self._wait(entry.waiting)
            case Applied(position, _, what) if isinstance(what, _MOVES):
                return self._apply(position, what)
            case Went(event, _, _):
                self._went += 1
                self._furthest = max(self._furthest, event.quarters)
            case Lost(entries):
                raise UsageError(f"{entries} entries are missing in the journal; it can be played again up to there")
            case Closed(position, at_ns):
                self._advance(position)
                return self._give(at_ns)
        return []

    def rest(self) -> list[Timed]:
        """Where the journal ends without its last entry: the events that it has of the last stretch."""
        if self._timeline is None:
            return []
        self._advance(self._furthest + _A_LITTLE)
        events = []
        while self._waiting and self._given < self._went:
            events += self._give_one()
        return events

    def _apply(self, position: Fraction, move: Move) -> list[Timed]:
        self._advance(position)
        at_once = self._line.apply(move)
        if isinstance(move, Wait):
            return self._give_and_wait(move)
        if isinstance(move, End):
            given = self._give(move.at_ns)
            self._waiting.clear()
            self._furthest = Fraction(-1)
            self._wait(at_once)
            return given + self._give(move.at_ns)
        self._wait(at_once)
        return []

    def _give_and_wait(self, move: Wait) -> list[Timed]:
        """What had gone before the machine was held up; all else that was made waits with the music."""
        given = []
        while self._waiting and self._given < self._went:
            given += self._give_one()
        self._waiting = [(due_ns + move.length_ns, number, event) for due_ns, number, event in self._waiting]
        return given

    @property
    def _line(self) -> Timeline:
        if self._timeline is None:
            raise UsageError("the journal does not say how it began; it cannot be played again")
        return self._timeline

    def _advance(self, to: Fraction) -> None:
        if to - self._line.position > _FURTHEST:
            raise UsageError("the journal leaps where music goes step by step; it can be played again up to there")
        self._wait(self._line.advance(to))

    def _wait(self, events: Iterable[Timed]) -> None:
        for timed in events:
            self._made += 1
            heapq.heappush(self._waiting, (timed.due_ns, self._made, timed.event))

    def _give(self, until_ns: int) -> list[Timed]:
        events = []
        while self._waiting and self._waiting[0][0] <= until_ns:
            events += self._give_one()
        return events

    def _give_one(self) -> list[Timed]:
        due_ns, _, event = heapq.heappop(self._waiting)
        self._given += 1
        return [Timed(event, due_ns)]


def replay(entries: Iterable[Entry]) -> Iterator[Timed]:
    """All events of a journal, made anew. Raises UsageError."""
    again, whole = Replay(), False
    for entry in entries:
        yield from again.feed(entry)
        whole = isinstance(entry, Closed)
    if not whole:
        yield from again.rest()


class Comparison:
    """Takes entries in their order and compares what went with what goes when they are played again.

    `events`: how many were compared.
    """

    def __init__(self) -> None:
        self._played: deque[Went] = deque()
        self._again: deque[Timed] = deque()
        self._replay = Replay()
        self._is_whole = False
        self.events = 0

    def feed(self, entry: Entry) -> Difference | None:
        """Where the two differ, if that is known now. Raises UsageError where the journal cannot be played again."""
        if isinstance(entry, Went):
            self._played.append(entry)
        self._again.extend(self._replay.feed(entry))
        self._is_whole = isinstance(entry, Closed)
        while self._played and self._again:
            if found := self._compare(self._played.popleft(), self._again.popleft()):
                return found
        return None

    def rest(self) -> Difference | None:
        """Where they differ in what is left at the end of the journal."""
        if not self._is_whole:
            self._again.extend(self._replay.rest())
        pairs = zip_longest(self._played, self._again)
        return next((found for pair in pairs if (found := self._compare(*pair))), None)

    def _compare(self, played: Went | None, again: Timed | None) -> Difference | None:
        self.events += 1
        same = played is not None and again is not None and (played.event, played.due_ns) == (again.event, again.due_ns)
        return None if same else Difference(self.events, played, again)


def difference(entries: Iterable[Entry]) -> Difference | None:
    """Where what was played and what is played again first differ; None where they are the same. Raises UsageError."""
    return _compare(entries)[1]


def check(entries: Iterable[Entry]) -> str:
    """What came of playing a journal again, as a line for a person."""
    try:
        events, found = _compare(entries)
    except UsageError as error:
        return str(error)
    return f"{events} events, played again the same" if found is None else f"played again it is not the same: {found}"


def _compare(entries: Iterable[Entry]) -> tuple[int, Difference | None]:
    comparison = Comparison()
    for entry in entries:
        if found := comparison.feed(entry):
            return comparison.events, found
    found = comparison.rest()
    return comparison.events, found
