"""MIDI clock out: 24 pulses to a quarter in every meter, exact under every change of tempo."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from music import METERS, beat_of, meters, pattern_of

from performance.clock import NS_PER_MS, NS_PER_S, VirtualClock
from performance.commands import Panic, Play, SetControl, SetPattern, Stop
from performance.engine import Engine
from performance.outputs.memory import MemoryOutput, Sent
from performance.outputs.midi import clock_messages
from performance.pulse import (
    LEAD_NS,
    PULSES_PER_QUARTER,
    ClockContinue,
    ClockPulse,
    ClockStart,
    ClockStop,
    clock_events,
    clock_start,
)
from performance.sequencer import BeatStart, Onset
from performance.specs import OutputSpec
from rvae.errors import UsageError
from rvae.kit import STANDARD_KIT
from rvae.meter import Meter
from rvae.pattern import Pattern

FOUR = Meter.parse("4/4")
places = st.fractions(0, 50, max_denominator=1000)


class Rig:
    """An engine on a virtual clock with outputs in memory, the first of which is given MIDI clock."""

    def __init__(self, pattern: Pattern, *, offsets_ms: tuple[float, ...] = (0,), ahead: bool = False) -> None:
        self.clock = VirtualClock()
        self.outputs = [MemoryOutput(takes_ahead=ahead) for _ in offsets_ms]
        self.outputs[0].sends_clock = True
        for output, offset_ms in zip(self.outputs, offsets_ms, strict=True):
            output.offset_ns = round(offset_ms * NS_PER_MS)
        self.engine = Engine(self.clock, pattern, self.outputs)
        self.engine.open_outputs(STANDARD_KIT)

    def run(self, seconds: float) -> None:
        until = self.clock.now_ns() + round(seconds * NS_PER_S)
        while self.clock.now_ns() < until:
            self.clock.sleep_until(min(self.engine.step(), until))

    def sent(self, kind: type, output: int = 0) -> list[Sent]:
        return [sent for sent in self.outputs[output].sent if isinstance(sent.event, kind)]


@given(places, st.lists(st.fractions(0, 1, max_denominator=97), max_size=20), st.none() | places)
def test_pulses_do_not_depend_on_how_the_time_is_cut(
    since: Fraction, spans: list[Fraction], end: Fraction | None
) -> None:
    to = since + sum(spans, Fraction(0))
    cut, at = [], since
    for span in spans:
        cut += clock_events(at, at + span, end)
        at += span
    assert cut == clock_events(since, to, end)
    pulses = [event.quarters for event in cut if isinstance(event, ClockPulse)]
    limit = to if end is None else min(to, end)
    assert all(since <= quarters < limit for quarters in pulses)
    grid = [Fraction(n, 24) for n in range(int(since * 24), int(to * 24) + 2)]
    assert pulses == [quarters for quarters in grid if since <= quarters < limit]


@settings(max_examples=15)
@given(meters, st.booleans())
def test_a_bar_has_as_many_pulses_as_its_quarters_need_and_each_downbeat_that_is_one_has_it(
    meter: Meter, ahead: bool
) -> None:
    rig = Rig(beat_of(meter, [0]), ahead=ahead)
    rig.engine.do(SetControl("tempo", 300))
    rig.engine.do(Play(bars=3))
    while not rig.engine.is_idle:
        rig.run(1)
    pulses = [sent.event.quarters for sent in rig.sent(ClockPulse)]
    bar_pulses = meter.bar_quarters * PULSES_PER_QUARTER
    assert pulses == [Fraction(n, PULSES_PER_QUARTER) for n in range(len(pulses))]
    assert 3 * bar_pulses <= len(pulses) < 3 * bar_pulses + 1
    due = {sent.event.quarters: sent.due_ns for sent in rig.sent(ClockPulse)}
    for beat in rig.sent(BeatStart):
        assert due.get(beat.event.quarters, beat.due_ns) == beat.due_ns
    (start,), (stop,) = rig.sent(ClockStart), rig.sent(ClockStop)
    assert start.due_ns == due[Fraction(0)] - LEAD_NS
    assert stop.event.quarters == 3 * meter.bar_quarters


@settings(max_examples=20)
@given(
    st.lists(st.tuples(st.floats(0.01, 0.5), st.floats(20, 300), st.sampled_from(METERS[:7])), max_size=10),
    st.booleans(),
)
def test_tempo_and_meter_changes_lose_and_double_no_pulse(
    changes: list[tuple[float, float, Meter]], ahead: bool
) -> None:
    rig = Rig(beat_of(FOUR, [0, 24, 48, 72]), ahead=ahead)
    rig.engine.do(Play())
    for seconds, bpm, meter in changes:
        rig.engine.do(SetControl("tempo", bpm))
        rig.engine.do(SetPattern(pattern_of(3, meter), "bar"))
        rig.run(seconds)
    rig.run(0.5)
    pulses = rig.sent(ClockPulse)
    assert [sent.event.quarters for sent in pulses] == [Fraction(n, 24) for n in range(len(pulses))]
    due = [sent.due_ns for sent in pulses]
    assert due == sorted(due)
    both = {sent.event.quarters: sent.due_ns for sent in pulses}
    for sent in rig.sent(Onset):
        assert both.get(sent.event.quarters, sent.due_ns) == sent.due_ns


@pytest.mark.parametrize("ending", [Stop(), Panic()])
def test_stopping_stops_the_clock_once_and_takes_back_what_was_made(ending: Stop | Panic) -> None:
    rig = Rig(beat_of(FOUR, [0]))
    rig.engine.do(Play())
    rig.run(1.3)
    rig.engine.do(ending)
    many = len(rig.sent(ClockPulse))
    rig.run(1)
    rig.engine.do(Stop())
    assert len(rig.sent(ClockPulse)) == many
    assert len(rig.sent(ClockStop)) == 1


def test_an_output_that_was_not_asked_to_gets_no_clock() -> None:
    rig = Rig(beat_of(FOUR, [0]), offsets_ms=(0, 0))
    rig.engine.do(Play())
    rig.run(1)
    assert rig.sent(ClockPulse)
    assert not any(rig.sent(kind, output=1) for kind in (ClockPulse, ClockStart, ClockStop))


@settings(max_examples=15)
@given(st.lists(st.floats(-500, 500), min_size=1, max_size=3), st.booleans(), st.sampled_from([30, 200]))
def test_an_offset_moves_an_output_by_exactly_so_much_and_nothing_is_late(
    offsets_ms: list[float], ahead: bool, horizon: int
) -> None:
    rig = Rig(pattern_of(4, FOUR), offsets_ms=tuple(offsets_ms), ahead=ahead)
    rig.engine.do(SetControl("horizon", horizon))
    rig.engine.do(Play(bars=2))
    rig.run(8)
    first = [(sent.event, sent.due_ns - rig.outputs[0].offset_ns) for sent in rig.sent(Onset)]
    assert first
    for number, output in enumerate(rig.outputs):
        assert [(sent.event, sent.due_ns - output.offset_ns) for sent in rig.sent(Onset, number)] == first
    assert rig.engine.status().lateness.max_ms == 0
    assert rig.engine.is_idle


def test_a_song_is_entered_at_a_sixteenth() -> None:
    assert clock_start(Fraction(0)) == ClockStart(Fraction(0))
    entry = clock_start(Fraction(13, 3))
    assert entry == ClockContinue(Fraction(9, 2))
    assert [bytes(message.bytes()) for message in clock_messages(entry)] == [bytes((0xF2, 18, 0)), b"\xfb"]


@given(st.integers(0, 100_000))
def test_a_song_position_is_always_one_that_midi_can_say(sixteenths: int) -> None:
    position, go = clock_messages(ClockContinue(Fraction(sixteenths, 4)))
    assert position.pos == sixteenths % 16384
    assert go.type == "continue"


def test_an_offset_beyond_reason_is_refused() -> None:
    with pytest.raises(UsageError, match="-500 to 500"):
        OutputSpec("audio", offset_ms=2000)
