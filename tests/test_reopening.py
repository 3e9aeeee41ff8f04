"""Outputs that go and come back, on a virtual clock: the beat goes on, nothing comes twice, no note stays."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest
from checker import StreamChecker
from hypothesis import given, settings
from hypothesis import strategies as st
from music import beat_of, pattern_of

from performance.clock import NS_PER_S, VirtualClock
from performance.commands import CloseOutput, Play, Quit, Stop, StrikePad
from performance.engine import Engine
from performance.outputs.memory import MemoryOutput
from performance.outputs.output import Output
from performance.pulse import ClockContinue, ClockEvent, ClockPulse
from performance.sequencer import BeatStart, Event, Onset, Release
from performance.snapshot import Message
from rvae.errors import OutputError
from rvae.kit import STANDARD_KIT, Kit
from rvae.meter import Meter
from rvae.pattern import Pattern

FOUR = Meter.parse("4/4")
KICKS = beat_of(FOUR, [0, 24, 48, 72])


class Plugged(MemoryOutput):
    """A device with a plug: while it is out, sending fails and opening too. What arrives at the other end is `sent`."""

    def __init__(self, *, takes_ahead: bool = False) -> None:
        super().__init__("cable", takes_ahead=takes_ahead)
        self.is_in = True
        self.opened = self.closed = 0

    def _open(self, kit: Kit) -> None:
        if not self.is_in:
            raise OutputError("cable: not plugged in")
        self.opened += 1

    def _send(self, event: Event, due_ns: int) -> None:
        if not self.is_in:
            raise OutputError("no such device")
        super()._send(event, due_ns)

    def _check(self) -> None:
        if not self.is_in:
            raise OutputError("no such device")

    def _close(self) -> None:
        self.closed += 1


class Rig:
    """An engine with a sound output and one that has a plug."""

    def __init__(self, pattern: Pattern = KICKS, *, ahead: bool = False, sends_clock: bool = False) -> None:
        self.clock = VirtualClock()
        self.whole, self.cable = MemoryOutput(takes_ahead=ahead), Plugged(takes_ahead=ahead)
        self.cable.sends_clock = sends_clock
        self.engine = Engine(self.clock, pattern, [self.cable, self.whole])
        self.engine.open_outputs(STANDARD_KIT)
        self.checker = StreamChecker()
        self.heard: dict[int, Message] = {}

    def run(self, seconds: float) -> None:
        until = self.clock.now_ns() + round(seconds * NS_PER_S)
        while self.clock.now_ns() < until:
            first, bars = len(self.whole.sent), self.engine.sequencer.bars
            due = self.engine.step()
            self.engine.tend_outputs()
            self.heard |= {message.number: message for message in self.engine.status().messages}
            self.checker.feed((sent.event for sent in self.whole.sent[first:] if sent.cut_ns is None), bars)
            self.clock.sleep_until(min(due, until))

    @property
    def begun_ns(self) -> int:
        """When the first bar began."""
        return next(sent.due_ns for sent in self.whole.sent if isinstance(sent.event, BeatStart))

    @property
    def texts(self) -> list[str]:
        return [message.text for message in self.heard.values()]


class Speaker(Plugged):
    """A sound device with a plug. `waits`: strokes that it was given and that a device which had gone never played."""

    kind = "audio"
    waits = 0

    @property
    def unheard(self) -> int:
        return self.waits


def arrived(output: MemoryOutput) -> list[tuple[int, int, int]]:
    return [(s.event.bar, s.event.tick, s.event.voice) for s in output.sent if isinstance(s.event, Onset)]


def check_notes(output: MemoryOutput) -> set[int]:
    """Every end has its beginning; what still sounds."""
    sounding: set[int] = set()
    for sent in output.sent:
        if isinstance(sent.event, Onset):
            sounding.add(sent.event.pitch)
        elif isinstance(sent.event, Release):
            assert sent.event.pitch in sounding, f"an end without a beginning: {sent}"
            sounding.discard(sent.event.pitch)
    return sounding


@pytest.mark.parametrize("ahead", [False, True])
def test_what_was_pulled_and_plugged_in_again_plays_again_and_each_is_said_once(ahead: bool) -> None:
    rig = Rig(ahead=ahead)
    rig.engine.do(Play())
    rig.run(1.2)
    rig.cable.is_in = False
    rig.run(4)
    assert [state.is_open for state in rig.engine.status().outputs] == [False, True]
    rig.cable.is_in = True
    rig.run(4)
    assert rig.texts == ["memory cable is gone (no such device); the music goes on without it", "memory cable is back"]
    assert [message.is_error for message in rig.heard.values()] == [True, False]
    assert rig.cable.opened == 2
    everything = arrived(rig.whole)
    assert len(everything) == len(set(everything)) == 19
    assert arrived(rig.cable)[:3] == everything[:3]
    assert arrived(rig.cable)[-5:] == everything[-5:]  # back within about a second
    assert len(set(arrived(rig.cable))) == len(arrived(rig.cable)) < len(everything)
    rig.engine.do(Stop())
    assert check_notes(rig.cable) == check_notes(rig.whole) == set()


def test_what_goes_while_nothing_plays_is_noticed_and_comes_back() -> None:
    rig = Rig()
    rig.cable.is_in = False
    rig.run(0.5)
    assert len(rig.texts) == 1
    rig.cable.is_in = True
    rig.run(2)
    assert rig.texts[1:] == ["memory cable is back"]
    rig.engine.do(Play(bars=1))
    rig.run(3)
    assert arrived(rig.cable) == arrived(rig.whole)


def test_a_note_that_sounded_when_its_output_went_ends_as_soon_as_it_is_back_even_if_stopped_meanwhile() -> None:
    rig = Rig()
    rig.engine.do(Play())
    rig.run(0.01)
    assert check_notes(rig.cable)
    rig.cable.is_in = False
    rig.run(0.3)
    rig.engine.do(Stop())
    rig.cable.is_in = True
    rig.run(2)
    assert check_notes(rig.cable) == set()


def test_a_follower_whose_cable_comes_back_is_told_where_the_song_is_and_goes_on_from_there() -> None:
    rig = Rig(sends_clock=True)
    rig.engine.do(Play())
    rig.run(1.2)
    rig.cable.is_in = False
    rig.run(1.23)
    rig.cable.is_in = True
    before = len(rig.cable.sent)
    rig.run(4)
    clock = [sent for sent in rig.cable.sent[before:] if isinstance(sent.event, ClockEvent)]
    on = clock[0].event
    assert isinstance(on, ClockContinue)
    # Each pulse from there on, and each where it is at the leader's: nothing lost, nothing before.
    pulses = [sent for sent in clock[1:] if isinstance(sent.event, ClockPulse)]
    assert [sent.event.quarters for sent in pulses] == [on.quarters + Fraction(n, 24) for n in range(len(clock) - 1)]
    assert len(pulses) > 48
    assert {sent.due_ns - round(500_000_000 * sent.event.quarters) for sent in pulses} == {rig.begun_ns}
    assert clock[0].due_ns < pulses[0].due_ns - 1_000_000
    assert on.song_position == on.quarters * 4


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.booleans(), st.floats(0.01, 3)), max_size=4), st.booleans(), st.sampled_from([Stop(), Quit()])
)
def test_however_often_it_goes_nothing_is_stuck_doubled_or_missing_elsewhere(
    plugging: list[tuple[bool, float]], ahead: bool, ending: Stop | Quit
) -> None:
    rig = Rig(pattern_of(3, FOUR), ahead=ahead)
    rig.engine.do(Play())
    for is_in, seconds in plugging:
        rig.cable.is_in = is_in
        rig.run(seconds)
    rig.cable.is_in = True
    rig.run(12)  # one that flickers is tried more rarely
    assert rig.cable.is_open
    assert len(arrived(rig.cable)) == len(set(arrived(rig.cable)))
    assert set(arrived(rig.cable)) <= set(arrived(rig.whole))
    assert len(rig.texts) % 2 == 0
    rig.engine.do(ending)
    assert check_notes(rig.cable) == check_notes(rig.whole) == set()


def test_one_that_is_closed_in_the_moment_it_has_come_back_is_let_go() -> None:
    aside: list[Callable[[], None]] = []

    def all_aside() -> None:
        while aside:
            aside.pop(0)()

    cable, clock = Plugged(), VirtualClock()
    engine = Engine(clock, KICKS, [cable], run_aside=aside.append)
    engine.open_outputs(STANDARD_KIT)
    cable.is_in = False
    engine.tend_outputs()
    all_aside()
    cable.is_in = True
    clock.sleep_until(clock.now_ns() + 2 * NS_PER_S)
    engine.tend_outputs()
    all_aside()  # it has been opened, and nobody has looked yet
    engine.do(CloseOutput("memory", "cable"))
    all_aside()
    assert (cable.opened, cable.closed) == (2, 1)
    assert not cable.is_open


def test_one_that_breaks_again_and_again_is_tried_more_and_more_rarely() -> None:
    rig = Rig()
    rig.engine.do(Play())

    for _ in range(600):
        rig.cable.is_in = not rig.cable.is_open
        rig.run(0.1)
    assert rig.cable.opened < 8
    assert len(arrived(rig.whole)) == 120


def test_the_beat_does_not_wait_while_an_output_takes_its_time_to_open() -> None:
    clock, cable, whole = VirtualClock(), Plugged(), MemoryOutput()
    waiting: list[Callable[[], None]] = []
    engine = Engine(clock, KICKS, [cable, whole], run_aside=waiting.append)
    engine.open_outputs(STANDARD_KIT)
    engine.do(Play(bars=4))

    def run(seconds: float) -> None:
        until = clock.now_ns() + round(seconds * NS_PER_S)
        while clock.now_ns() < until:
            due = engine.step()
            engine.tend_outputs()
            clock.sleep_until(min(due, until))

    run(0.6)
    cable.is_in = False
    run(1.2)
    (letting_go,) = waiting
    run(0.8)
    assert waiting == [letting_go], "nothing is opened before that has been let go, however long it takes"
    letting_go()
    waiting.clear()
    run(0.2)
    (opening,) = waiting  # one at a time
    cable.is_in = True
    opening()
    assert not cable.is_open  # it is the engine that takes it back
    run(5)
    assert cable.is_open
    assert len(arrived(whole)) == 16
    assert arrived(cable)[-8:] == arrived(whole)[-8:]


def test_what_is_struck_while_there_is_no_sound_is_counted_and_told_in_few_lines() -> None:
    clock, speaker = VirtualClock(), Speaker()
    engine = Engine(clock, KICKS, [speaker])
    engine.open_outputs(STANDARD_KIT)

    def strike(times: int, **words: int) -> list[Message]:
        before = len(engine.status().messages)
        for _ in range(times):
            engine.do(StrikePad(0, 100, **words))
        engine.tend_outputs()
        return list(engine.status().messages)[before:]

    assert strike(2) == []
    assert len(speaker.strikes) == 2
    speaker.is_in, speaker.waits = False, 4
    gone, silent = strike(0)
    assert "audio cable is gone" in gone.text
    assert silent.text == "4 strokes on pads were not heard: no sound is open here; f8 lists what can be"
    assert silent.is_error
    assert strike(30) == []
    assert [message.text[:38] for message in strike(6)] == ["40 strokes on pads were not heard: no "]
    strike(3)
    assert len(speaker.strikes) == 2, "and none waits to sound when it is back"
    speaker.is_in = True
    clock.sleep_until(2 * NS_PER_S)
    engine.tend_outputs()
    assert [message.text for message in strike(0)] == ["audio cable is back"]
    assert [message.text for message in strike(1)] == ["43 strokes on pads were not heard: the sound is there again"]
    assert len(speaker.strikes) == 3
    assert strike(5) == []
    (late,) = strike(1, at_ns=clock.now_ns() - NS_PER_S)
    assert late.text == "1 stroke on a pad was not heard: it came too late to be played"


def test_who_wants_no_sound_here_is_told_of_strokes_as_news_and_not_as_a_trouble() -> None:
    engine = Engine(VirtualClock(), KICKS, [Silent()])
    engine.open_outputs(STANDARD_KIT)
    engine.do(StrikePad(0, 100))
    engine.tend_outputs()
    (message,) = engine.status().messages
    assert message.text.startswith("1 stroke on a pad was not heard: no sound is open here")
    assert not message.is_error


class Silent(Output):
    """An output that makes no sound here, as MIDI."""

    def __init__(self) -> None:
        super().__init__("port")
