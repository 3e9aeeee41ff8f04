from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from checker import StreamChecker
from hypothesis import given
from hypothesis import strategies as st
from music import METERS
from test_engine import FOUR, KICKS, SEVEN, Rig
from test_journal import Wandering

from performance.click import BAR, BEAT, PART, clicks, clicks_of
from performance.clock import NS_PER_MS, VirtualClock
from performance.commands import Play, SetControl, SetPattern, Stop, StrikePad
from performance.engine import Engine
from performance.journal import MemoryJournal
from performance.outputs.memory import MemoryOutput
from performance.outputs.mixer import Mixer
from performance.replay import difference, replay
from performance.transport import Bars
from rvae.kit import STANDARD_KIT
from rvae.meter import Meter
from rvae.pattern import Pattern

meters = st.sampled_from(METERS)


def heard(rig: Rig) -> list[tuple[int, float]]:
    return [(level, due_ns / NS_PER_MS) for level, due_ns in rig.output.clicks]


def test_the_groups_of_an_additive_meter_are_told_apart_by_what_lies_between() -> None:
    assert [click.level for click in clicks_of(SEVEN)] == [BAR, PART, BEAT, PART, BEAT, PART, PART]
    assert [click.level for click in clicks_of(Meter.parse("7/16(3+2+2)"))] == [BAR, PART, PART, BEAT, PART, BEAT, PART]
    assert [click.level for click in clicks_of(Meter.parse("6/8"))] == [BAR, BEAT]
    assert [click.level for click in clicks_of(FOUR)] == [BAR, BEAT, BEAT, BEAT]


@given(meters, st.lists(st.fractions(-8, 16, max_denominator=48), min_size=2, max_size=6))
def test_however_time_is_cut_every_click_comes_once(meter: Meter, edges: list[Fraction]) -> None:
    bars, cuts = Bars.of(meter), sorted(edges)
    pieces = [click for since, until in itertools.pairwise(cuts) for click in clicks(bars, since, until)]
    assert pieces == list(clicks(bars, cuts[0], cuts[-1]))
    beats = [click.quarters for click in pieces if click.level != PART]
    assert all(bars.place_at(at).ticks % 24 == 0 for at in beats)


def test_the_click_is_heard_on_each_beat_while_it_is_on() -> None:
    rig = Rig()
    rig.engine.do(Play())
    rig.run(0.9)
    assert heard(rig) == []
    rig.engine.do(SetControl("click", 1))
    rig.run(2.0)
    assert heard(rig) == [(BEAT, 1000), (BEAT, 1500), (BAR, 2000), (BEAT, 2500)]


def test_a_count_in_is_clicked_before_the_first_bar_and_the_click_stays_until_the_stop() -> None:
    rig = Rig()
    rig.engine.do(Play(count_in_bars=1))
    rig.run(3.2)
    assert heard(rig) == [(BEAT if beat % 4 else BAR, 500 * beat) for beat in range(7)]
    assert rig.onset_ms() == [2000, 2500, 3000], "the music begins after it"
    rig.engine.do(Stop())
    rig.output.clicks.clear()
    rig.checker = StreamChecker()
    rig.engine.do(Play())
    rig.run(1)
    assert heard(rig) == [], "a start without it is without it"


def test_a_count_in_of_no_bars_is_only_the_click() -> None:
    rig = Rig()
    rig.engine.do(Play(count_in_bars=0, bars=1))
    rig.run(3)
    assert heard(rig) == [(BAR, 0), (BEAT, 500), (BEAT, 1000), (BEAT, 1500)]
    assert rig.onset_ms() == [0, 500, 1000, 1500]


def test_a_leader_counts_by_itself() -> None:
    clock, output = VirtualClock(), MemoryOutput()
    engine = Engine(clock, KICKS, [output], leader=Wandering([None], []))
    engine.open_outputs(STANDARD_KIT)
    engine.do(Play(count_in_bars=2))
    transport = engine.transport
    assert transport is not None
    assert transport.quarters_at(clock.now_ns()) >= 0, "it begins where the leader is"


def test_the_click_follows_tempo_and_meter_to_the_nanosecond() -> None:
    rig = Rig()
    rig.engine.do(SetControl("click", 1))
    rig.engine.do(Play())
    rig.run(0.7)
    rig.engine.do(SetControl("tempo", 73))
    rig.engine.do(SetPattern(Pattern.silent(SEVEN), "bar"))
    rig.run(8)
    transport = rig.engine.transport
    assert transport is not None
    seven = [(level, due_ns) for level, due_ns in rig.output.clicks if due_ns >= transport.ns_at(Fraction(4))]
    expected = clicks(transport.bars, Fraction(4), Fraction(100))
    for (level, due_ns), click in zip(seven, expected, strict=False):
        assert (level, due_ns) == (click.level, transport.ns_at(click.quarters))
    assert len(seven) > 12


@pytest.mark.parametrize("count_in_bars", [None, 0, 2])
def test_a_journal_replays_to_the_same_events_and_has_no_click(count_in_bars: int | None) -> None:
    rig, journal = Rig(), MemoryJournal()
    rig.engine.start_journal(journal)
    rig.engine.do(SetControl("click", 1))
    rig.engine.do(Play(count_in_bars=count_in_bars))
    rig.engine.do(StrikePad(0, 100))
    rig.run(6.3)
    rig.engine.do(Stop())
    rig.engine.end_journal()
    assert rig.output.strikes == [(0, 100)]
    assert rig.output.clicks
    assert difference(journal.entries) is None
    assert len(list(replay(journal.entries))) == len(rig.output.sent)


def test_a_click_sounds_at_its_frame_and_a_barline_is_the_loudest() -> None:
    peaks = []
    for level in (BAR, BEAT, PART):
        mixer, out = Mixer(STANDARD_KIT, 48_000, 4096), np.zeros((4096, 2), np.float32)
        mixer.begin_click(level, 100)
        mixer.mix(out)
        assert not out[:100].any()
        assert out[101:160].any()
        peaks.append(float(np.abs(out).max()))
    assert peaks == sorted(peaks, reverse=True)
    assert 0.05 < peaks[2] < peaks[0] < 0.7, "heard beside the drums, and never distorted"
