from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import get_args

import numpy as np
import pytest
from checker import StreamChecker
from hypothesis import given
from hypothesis import strategies as st
from music import METERS, beat_of, pattern_of

from performance.clock import NS_PER_MS, NS_PER_S, VirtualClock
from performance.commands import EngineCommand, Panic, Play, Quantum, Quit, SetControl, SetPattern, SetVoice, Stop
from performance.engine import Engine
from performance.journal import Entry
from performance.outputs.memory import MemoryOutput
from performance.outputs.output import Output
from performance.sequencer import Event, Onset, Release
from rvae.errors import OutputError
from rvae.kit import STANDARD_KIT, Kit
from rvae.meter import Meter
from rvae.pattern import Pattern

FOUR = Meter.parse("4/4")
SEVEN = Meter.parse("7/8(2+2+3)")
KICKS = beat_of(FOUR, [0, 24, 48, 72])


class Rig:
    """An engine on a virtual clock, its output, and the streaming checker over all that it makes."""

    def __init__(self, pattern: Pattern = KICKS, *, ahead: bool = False) -> None:
        self.clock = VirtualClock()
        self.output = MemoryOutput(takes_ahead=ahead)
        self.engine = Engine(self.clock, pattern, [self.output])
        self.engine.open_outputs(STANDARD_KIT)
        self.checker = StreamChecker()

    def run(self, seconds: float) -> None:
        until = self.clock.now_ns() + round(seconds * NS_PER_S)
        while self.clock.now_ns() < until:
            first, bars = len(self.output.sent), self.engine.sequencer.bars
            due = self.engine.step()
            self.checker.feed((sent.event for sent in self.output.sent[first:] if sent.cut_ns is None), bars)
            self.clock.sleep_until(min(due, until))

    def onsets(self) -> list[tuple[int, Onset]]:
        return [(sent.due_ns, sent.event) for sent in self.output.sent if isinstance(sent.event, Onset)]

    def onset_ms(self) -> list[float]:
        return [due_ns / NS_PER_MS for due_ns, _ in self.onsets()]

    def sounding(self) -> set[int]:
        notes: set[int] = set()
        for sent in self.output.sent:
            if isinstance(sent.event, Onset):
                notes.add(sent.event.pitch)
            elif isinstance(sent.event, Release):
                notes.discard(sent.event.pitch)
        return notes


@pytest.mark.parametrize("ahead", [False, True])
def test_a_beat_comes_out_when_it_is_due(ahead: bool) -> None:
    rig = Rig(ahead=ahead)
    rig.engine.do(Play())
    rig.run(2.1)
    assert rig.onset_ms() == [0, 500, 1000, 1500, 2000]
    assert rig.engine.status().lateness.max_ms == 0


def test_the_offline_and_the_stepped_engine_make_the_same_events_whatever_the_horizon() -> None:
    tables = []
    for horizon in (5, 30, 200):
        rig = Rig(pattern_of(5, SEVEN))
        rig.engine.do(SetControl("horizon", horizon))
        rig.engine.do(Play(bars=4))
        rig.run(12)
        assert rig.engine.is_idle
        assert rig.sounding() == set()
        rig.checker.at_end()
        tables.append([(sent.due_ns, sent.event) for sent in rig.output.sent])
    assert tables[0] == tables[1] == tables[2]


@given(st.lists(st.tuples(st.fractions(Fraction(1, 20), 1, max_denominator=20), st.floats(20, 300)), max_size=12))
def test_a_tempo_swept_while_playing_loses_doubles_and_moves_nothing(sweep: list[tuple[Fraction, float]]) -> None:
    rig = Rig(pattern_of(7, FOUR))
    rig.engine.do(Play())
    for seconds, bpm in sweep:
        before = rig.engine.transport
        assert before is not None
        position = rig.engine.sequencer.position
        rig.engine.do(SetControl("tempo", bpm))
        after = rig.engine.transport
        assert after is not None
        assert after.ns_at(position) == before.ns_at(position)
        rig.run(float(seconds))
    played = {(o.bar, o.tick, o.voice) for _, o in rig.onsets()}
    due = [due_ns for due_ns, _ in rig.onsets()]
    assert due == sorted(due)
    last = max((key[:2] for key in played), default=(0, 0))
    pattern = pattern_of(7, FOUR)
    for bar in range(last[0] - 1):  # the last ones may not be complete yet
        for voice, column in zip(*pattern.onset.nonzero(), strict=True):
            if column // FOUR.bar_ticks == bar % pattern.bars:
                assert (bar, int(column) % FOUR.bar_ticks, int(voice)) in played


commands = st.one_of(
    st.just(Stop()),
    st.just(Play()),
    st.just(Panic()),
    st.builds(SetControl, st.just("tempo"), st.floats(20, 300)),
    st.builds(SetControl, st.just("swing"), st.floats(50, 75)),
    st.builds(SetControl, st.just("horizon"), st.floats(5, 200)),
    st.builds(SetVoice, st.just("mute"), st.integers(0, 8), st.sampled_from([0.0, 1.0])),
    st.builds(
        lambda seed, meter, at: SetPattern(pattern_of(seed, meter), at),
        st.integers(0, 300),
        st.sampled_from(METERS),
        st.sampled_from(get_args(Quantum)),
    ),
)


@given(st.lists(st.tuples(commands, st.floats(0.001, 0.7)), max_size=10), st.booleans())
def test_no_note_is_left_sounding_whatever_is_done(script: list[tuple[EngineCommand, float]], ahead: bool) -> None:
    rig = Rig(pattern_of(2, FOUR), ahead=ahead)
    rig.engine.do(Play())
    for command, seconds in script:
        rig.engine.do(command)
        if isinstance(command, Stop | Panic):
            rig.checker = StreamChecker()  # a new performance begins
            assert rig.sounding() == set()
            assert rig.engine.is_idle
        rig.run(seconds)
    rig.engine.do(Quit())
    assert rig.sounding() == set()
    assert rig.engine.has_quit
    assert not rig.output.is_open
    assert not [m for m in rig.engine.status().messages if m.is_error]


def test_stop_takes_back_what_was_made_ahead() -> None:
    rig = Rig()
    rig.engine.do(SetControl("horizon", 200))
    rig.engine.do(Play())
    rig.run(0.45)  # the second kick is made, and not yet due
    rig.engine.do(Stop())
    rig.run(1)
    assert rig.onset_ms() == [0]
    rig.checker = StreamChecker()
    rig.engine.do(Play())
    rig.run(0.6)
    assert [o.bar for _, o in rig.onsets()] == [0, 0, 0]


def test_a_meter_change_keeps_the_length_of_the_felt_beat() -> None:
    rig = Rig(beat_of(FOUR, [0, 24, 48, 72]))
    rig.engine.do(Play())
    rig.run(0.1)
    twelve = Meter.parse("12/8")
    rig.engine.do(SetPattern(beat_of(twelve, [0, 24, 48, 72]), "bar"))
    rig.run(4.05)
    assert rig.onset_ms() == [500 * beat for beat in range(9)]
    assert rig.engine.sequencer.bars.in_force(1).meter == twelve


def test_a_machine_that_slept_goes_on_where_it_was_without_a_burst() -> None:
    rig = Rig()
    rig.engine.do(Play())
    rig.run(0.6)
    rig.clock.stall(10 * NS_PER_S)
    rig.run(1.5)
    places = [(o.bar, o.tick) for _, o in rig.onsets()]
    assert places == [(0, 0), (0, 24), (0, 48), (0, 72), (1, 0)]
    gaps = [later - earlier for earlier, later in zip(rig.onset_ms(), rig.onset_ms()[1:], strict=False)]
    assert [gap for gap in gaps if gap < 499] == []
    assert rig.engine.status().lateness.slips == 1


def test_lateness_is_measured_and_counted() -> None:
    rig = Rig()
    rig.engine.do(SetControl("horizon", 30))
    rig.engine.do(Play())
    rig.run(0.48)
    rig.clock.stall(40 * NS_PER_MS)  # the kick at 500 goes at 520
    rig.run(0.3)
    lateness = rig.engine.status().lateness
    assert lateness.max_ms == pytest.approx(20)
    assert lateness.late == 2  # the beat and its kick
    assert lateness.slips == 0


class SlowToWrite:
    """A journal that takes a while over every entry."""

    def __init__(self, clock: VirtualClock, length_ns: int) -> None:
        self.clock, self.length_ns = clock, length_ns

    def note(self, _entry: Entry) -> None:
        self.clock.stall(self.length_ns)


def test_what_is_due_right_after_something_else_does_not_wait_for_its_accounts() -> None:
    tenth_ms_ticks = 0.0048  # at 120
    rig = Rig(replace(KICKS, microtiming=KICKS.onset * np.float32(tenth_ms_ticks)))
    rig.engine.do(Play())
    rig.run(0.49)
    rig.engine.start_journal(SlowToWrite(rig.clock, NS_PER_MS // 5))
    rig.engine.send_due(waits=True)
    assert rig.onset_ms()[-1] == pytest.approx(500.1, abs=0.001)
    assert rig.engine.status().lateness.max_ms == 0


class Fragile(Output):
    """Takes three events and breaks; `opens` says whether it can be opened at all."""

    kind = "fragile"

    def __init__(self, *, opens: bool = True) -> None:
        super().__init__("glass")
        self.opens = opens
        self.left = 3

    def _open(self, kit: Kit) -> None:
        if not self.opens:
            raise OutputError("glass: not there; buy one")

    def _send(self, event: Event, due_ns: int) -> None:
        self.left -= 1
        if self.left < 0:
            self.opens = False
            raise OutputError("broken")


def test_the_music_goes_on_when_an_output_breaks_and_says_so_once() -> None:
    clock, whole, broken, never = VirtualClock(), MemoryOutput(), Fragile(), Fragile(opens=False)
    engine = Engine(clock, KICKS, [broken, whole, never])
    engine.open_outputs(STANDARD_KIT)
    engine.do(Play(bars=2))
    while not engine.is_idle:
        clock.sleep_until(engine.step())
        engine.tend_outputs()
    assert sum(isinstance(sent.event, Onset) for sent in whole.sent) == 8
    texts = [message.text for message in engine.status().messages]
    assert [text for text in texts if "glass: not there" in text] == ["glass: not there; buy one"]
    assert len([text for text in texts if "broken" in text]) == 1
    assert [state.is_open for state in engine.status().outputs] == [False, True, False]


def test_a_command_that_makes_no_sense_is_a_message_and_the_beat_goes_on() -> None:
    rig = Rig()
    rig.engine.do(Play())
    rig.engine.do(SetControl("tempo", float("nan")))
    rig.engine.do(SetControl("colour", 1))
    rig.run(0.6)
    assert len([m for m in rig.engine.status().messages if m.is_error]) == 2
    assert rig.onset_ms() == [0, 500]


def test_panic_reaches_every_output_even_while_stopped() -> None:
    rig = Rig()
    rig.engine.do(Panic())
    assert rig.output.panics == 1
