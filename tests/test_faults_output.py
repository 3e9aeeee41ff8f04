"""An output that breaks in ways nobody thought of: the beat goes on, the others play, and it comes back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from checker import StreamChecker
from hypothesis import given
from hypothesis import strategies as st
from music import pattern_of

from performance.clock import NS_PER_S, VirtualClock
from performance.commands import Panic, Play, Quit, Stop
from performance.engine import Engine
from performance.outputs.memory import MemoryOutput
from performance.outputs.output import Output
from performance.sequencer import Event, Onset, Release
from rvae.errors import OutputError
from rvae.kit import STANDARD_KIT, Kit
from rvae.meter import Meter

FOUR = Meter.parse("4/4")
ACTIONS = ("open", "send", "silence", "panic", "check", "close", "reopen")
ERRORS: list[Callable[[], Exception]] = [
    lambda: OutputError("unplugged"),
    lambda: BrokenPipeError("broken pipe"),
    lambda: RuntimeError("a driver's own words"),
    lambda: ValueError("not a note"),
    lambda: ZeroDivisionError("division by zero"),
    lambda: AttributeError("'NoneType' object has no attribute 'send'"),
    lambda: MemoryError(),
]


class Breaking(Output):
    """Raises in the actions it is told to; otherwise does nothing."""

    kind = "breaking"

    def __init__(self, broken: frozenset[str], error: Callable[[], Exception], *, takes_ahead: bool) -> None:
        super().__init__("glass")
        self.broken, self._error, self._calls = broken, error, 0
        self.takes_ahead = takes_ahead

    def _may_break(self, action: str) -> None:
        if action in self.broken:
            raise self._error()

    def _open(self, kit: Kit) -> None:
        self._may_break("open")

    def _send(self, event: Event, due_ns: int) -> None:
        self._calls += 1
        if self._calls > 9:
            self._may_break("send")

    def _silence(self, sounding: dict[int, int], now_ns: int) -> None:
        self._may_break("silence")

    def _panic(self, now_ns: int) -> None:
        self._may_break("panic")

    def _check(self) -> None:
        self._may_break("check")

    def _close(self) -> None:
        self._may_break("close")

    def _discard(self) -> None:
        self._may_break("reopen")


class Set:
    """An engine with a whole output and one that breaks, and the checker over what the whole one plays."""

    def __init__(self, breaking: Breaking) -> None:
        self.clock, self.whole, self.breaking = VirtualClock(), MemoryOutput(), breaking
        self.engine = Engine(self.clock, pattern_of(3, FOUR), [breaking, self.whole])
        self.engine.open_outputs(STANDARD_KIT)
        self.checker = StreamChecker()

    def run(self, seconds: float) -> None:
        until = self.clock.now_ns() + round(seconds * NS_PER_S)
        while self.clock.now_ns() < until:
            first, bars = len(self.whole.sent), self.engine.sequencer.bars
            due_ns = self.engine.step()
            self.checker.feed((sent.event for sent in self.whole.sent[first:]), bars)
            self.engine.tend_outputs()
            self.clock.sleep_until(min(due_ns, until))

    @property
    def sounding(self) -> set[int]:
        notes: set[int] = set()
        for sent in self.whole.sent:
            if isinstance(sent.event, Onset):
                notes.add(sent.event.pitch)
            elif isinstance(sent.event, Release):
                notes.discard(sent.event.pitch)
        return notes


@given(st.frozensets(st.sampled_from(ACTIONS)), st.sampled_from(ERRORS), st.booleans())
def test_whatever_one_output_raises_the_other_plays_every_note_and_ends_it(
    broken: frozenset[str], error: Callable[[], Exception], ahead: bool
) -> None:
    music = Set(Breaking(broken, error, takes_ahead=ahead))
    music.engine.do(Play())
    music.run(2.1)
    music.run(2)
    assert [beat.beat for beat in music.checker.beats] == [0, 1, 2, 3, 0, 1, 2, 3, 0]
    music.engine.do(Stop())
    assert music.sounding == set()
    music.engine.do(Panic())
    assert music.whole.panics == 1
    music.engine.do(Quit())
    assert not music.whole.is_open
    assert all(len(message.text.splitlines()) <= 1 for message in music.engine.status().messages)


@pytest.mark.parametrize("error", ERRORS)
def test_it_is_told_once_what_broke_and_again_when_it_is_back(error: Callable[[], Exception]) -> None:
    breaking = Breaking(frozenset({"send"}), error, takes_ahead=False)
    music = Set(breaking)
    music.engine.do(Play())
    while breaking.is_open:
        music.run(0.1)
    texts = [message.text for message in music.engine.status().messages]
    assert len(texts) == 1
    assert texts[0].startswith("breaking glass is gone")
    breaking.broken = frozenset()
    music.run(2)
    assert [message.text for message in music.engine.status().messages][1:] == ["breaking glass is back"]
