"""MIDI clock from a leader that misbehaves: floods, stops in the middle of a bar, runs away, jumps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from clock_leader import GARBAGE, Leader
from hypothesis import given, settings
from hypothesis import strategies as st
from jack_support import jack_server, wait_for
from music import METERS, beat_of
from playing_support import Ear, OscLog, resident_kb, status_now
from test_follower import BEGIN_NS, CLOCK, CONTINUE, START, STOP, Song, song_position

from performance.clock import NS_PER_MS, NS_PER_S
from performance.commands import Play, SetControl, Stop
from performance.process import EngineProcess
from performance.sequencer import Onset, Release
from performance.specs import LeaderSpec, OutputSpec
from rvae.meter import Meter

FOUR = Meter.parse("4/4")


@contextmanager
def following(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Leader, EngineProcess, Ear, OscLog]]:
    """An engine that follows another program over a real port, and two that hear it."""
    with jack_server(monkeypatch):
        leader, ear, log = Leader(), Ear(), OscLog()
        outputs = [OutputSpec("midi", "synth:in"), OutputSpec("osc", log.address)]
        engine = EngineProcess(beat_of(FOUR, [0, 24, 48, 72]), outputs, leader=LeaderSpec("midi", "their-clock"))
        try:
            assert wait_for(lambda: engine.status().now_ns > 0)
            leader.do("tempo", "180")
            leader.do("start")
            assert wait_for(lambda: log.read() >= 6 and ear.ons >= 4), engine.status().messages
            yield leader, engine, ear, log
        finally:
            engine.close()
            leader.close()
            ear.close()
            log.close()


@pytest.mark.parametrize(("what", "data"), [("garbage", GARBAGE), ("pulses", ["f8"])])
def test_ten_thousand_messages_a_second_at_the_clocks_port_leave_the_beat_and_its_end(
    monkeypatch: pytest.MonkeyPatch, what: str, data: list[str]
) -> None:
    with following(monkeypatch) as (leader, engine, ear, log):
        leader.do("flood", *data)
        assert engine.pid is not None
        before_kb, beats = resident_kb(engine.pid), log.read()
        assert wait_for(lambda: log.read() >= beats + 9), "three seconds of it"
        grown_kb = resident_kb(engine.pid) - before_kb
        leader.do("flood")
        assert wait_for(lambda: log.read() >= beats + 15)
        said = [message.text for message in status_now(engine).messages]
        engine.do(Stop())
        assert wait_for(lambda: engine.status().transport is None)
        assert ear.falls_silent()
    assert ear.wrong == []
    # A leader of many pulses too many is soon somewhere else: it is entered again at a barline of its.
    log.check(4, may_go_on_elsewhere=what == "pulses")
    assert grown_kb < 20_000
    assert all(len(text.splitlines()) == 1 for text in said)
    told = [text for text in said if "passed over" in text]
    assert bool(told) == (what == "pulses"), said


def test_a_leader_that_is_killed_in_the_middle_of_a_bar_leaves_the_music_playing_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with following(monkeypatch) as (leader, engine, ear, log):
        assert wait_for(lambda: abs(qpm_in(engine.status().sync) - 180) < 0.5), "its tempo is known"
        beats = log.read()
        assert wait_for(lambda: log.read() > beats and log.heard[-1].values != (1,))
        leader.close()
        beats = log.read()
        assert wait_for(lambda: log.read() >= beats + 12)
        assert wait_for(lambda: lines_of_the_end(engine))
        *_, gone = lines_of_the_end(engine)
        assert qpm_in(gone) == pytest.approx(180, abs=5), "to the tenth where nothing was held up while it was killed"
        engine.do(Stop())
        assert ear.falls_silent()
    assert ear.wrong == []
    log.check(4)


def lines_of_the_end(engine: EngineProcess) -> list[str]:
    """What was said of a leader that has gone."""
    return [one.text for one in engine.status().messages if "is gone: the music goes on at" in one.text]


def qpm_in(text: str) -> float:
    """The tempo that a line tells, in quarters a minute; 0 where it tells none."""
    found = re.search(r"([\d.]+) quarters a minute", text)
    return float(found[1]) if found else 0.0


def sounding(song: Song) -> set[int]:
    """The notes that have begun and not ended; each begins only where it has ended."""
    notes: set[int] = set()
    for one in song.output.sent:
        if isinstance(one.event, Onset):
            assert one.event.pitch not in notes
            notes.add(one.event.pitch)
        elif isinstance(one.event, Release):
            notes.discard(one.event.pitch)
    return notes


@pytest.mark.parametrize("meter", METERS, ids=lambda meter: meter.label)
@pytest.mark.parametrize(("first", "then"), [(90.0, 180.0), (180.0, 90.0), (100.0, 0.0), (0.0, 100.0)])
def test_a_clock_that_doubles_halves_or_stops_in_the_middle_of_a_bar_loses_no_beat(
    meter: Meter, first: float, then: float
) -> None:
    song = Song(meter)
    at_ns: float = BEGIN_NS
    song.send(START, at_ns - 5 * NS_PER_MS)
    for qpm in (first, then, first):
        # 41 pulses and a half are no whole number of beats in any meter.
        at_ns = song.pulses(at_ns, qpm, 24 * 4 + 41) if qpm else at_ns + 5.3 * NS_PER_S
    song.run_until(at_ns + NS_PER_S)
    quarters = [quarters for quarters, _ in song.beats()]
    expected = [
        bar * meter.bar_quarters + meter.quarters_at(24 * beat) for bar in range(99) for beat in range(meter.beats)
    ]
    assert len(quarters) > 4
    assert quarters == expected[: len(quarters)]
    due = [due_ns for _, due_ns in song.beats()]
    assert due == sorted(due)
    song.engine.do(Stop())
    assert sounding(song) == set()
    assert not (then and first) or not any("gone" in text for text in song.said[:1])


def test_a_clock_that_jumps_in_the_song_is_followed_there_and_nothing_hangs() -> None:
    song = Song()
    song.send(START, BEGIN_NS - 5 * NS_PER_MS)
    at_ns = song.pulses(BEGIN_NS, 120, 24 * 6 + 7)
    for sixteenths in (4 * 40, 2, 4 * 3 + 1, 16383):
        song.send(song_position(sixteenths), at_ns - NS_PER_MS)
        before = len(song.beats())
        at_ns = song.pulses(at_ns, 120, 24 * 5)
        after = [quarters for quarters, _ in song.beats()[before:]]
        assert min(after) >= sixteenths / 4 - 1
        assert max(after) <= sixteenths / 4 + 6
        assert after == sorted(after)
    song.engine.do(Stop())
    assert sounding(song) == set()


happenings = st.one_of(
    st.tuples(st.just("pulses"), st.floats(20, 300), st.integers(1, 150)),
    st.tuples(st.just("lossy"), st.floats(20, 300), st.integers(1, 150)),
    st.tuples(st.just("silence"), st.floats(0, 4)),
    st.tuples(st.just("message"), st.sampled_from([START, CONTINUE, STOP, b"\xf2", b"\xf0\x00\xf7", b"\xff", b""])),
    st.tuples(st.just("place"), st.integers(0, 16383)),
    st.tuples(st.just("burst"), st.integers(1, 2000)),
    st.tuples(st.just("player"), st.sampled_from([Play(), Stop(), SetControl("tempo", 300)])),
)


@settings(max_examples=30)
@given(st.lists(happenings, max_size=12), st.sampled_from(METERS))
def test_whatever_a_leader_does_no_note_hangs_and_the_line_to_it_stays_short(
    script: list[tuple[object, ...]], meter: Meter
) -> None:
    song = Song(meter)
    song.run_until(BEGIN_NS)
    for happening in script:
        now_ns = song.clock.now_ns()
        match happening:
            case ("pulses" | "lossy", float(qpm), int(many)):
                song.pulses(now_ns, qpm, many, lost=0.2 * (happening[0] == "lossy"))
            case ("silence", float(seconds)):
                song.run_until(now_ns + seconds * NS_PER_S)
            case ("message", bytes(data)):
                song.send(data, now_ns)
            case ("place", int(sixteenths)):
                song.send(song_position(sixteenths), now_ns)
            case ("burst", int(many)):
                for _ in range(many):
                    song.leader.receive(CLOCK, now_ns)
            case ("player", command):
                song.engine.do(command)
        assert song.leader.waiting <= 512
    song.run_until(song.clock.now_ns() + NS_PER_S)
    sounding(song)
    song.engine.do(Stop())
    assert sounding(song) == set()
    assert song.engine.is_idle


def test_a_clock_is_followed_again_when_its_program_or_the_server_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    with jack_server(monkeypatch) as server:
        leader = Leader()
        engine = EngineProcess(beat_of(FOUR, [0]), [OutputSpec("virtual")], leader=LeaderSpec("midi", "their-clock"))
        try:
            for what, bpm in (("first", 150), ("the program", 120), ("the server", 180)):
                leader.do("tempo", str(bpm))

                def is_followed(leader: Leader = leader, bpm: int = bpm) -> bool:
                    leader.do("start")  # once more, where nobody was connected yet
                    return wait_for(lambda: abs(_qpm(engine) - bpm) < bpm / 10, seconds=4)

                assert any(is_followed() for _ in range(15)), (what, engine.status().sync)
                if what == "the program":
                    server.kill()
                leader.close()
                assert wait_for(lambda: engine.status().sync.endswith("is not there")), what
                assert what != "the program" or wait_for(server.start)
                leader = Leader()
            assert engine.is_alive
        finally:
            engine.close()
            leader.close()


def _qpm(engine: EngineProcess) -> float:
    transport = engine.status().transport
    return 0.0 if transport is None else float(transport.qpm)
