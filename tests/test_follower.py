"""Following a MIDI clock, on a virtual clock: pulses that scatter, vanish, run away, flood."""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from music import METERS, beat_of

from performance.clock import NS_PER_MS, NS_PER_S, VirtualClock
from performance.clock_input import ClockLeader
from performance.commands import Play, SetControl, Stop
from performance.engine import Engine
from performance.follower import ClockMessage, Follower, clock_message
from performance.leader import Aim, steered_qpm
from performance.outputs.memory import MemoryOutput
from performance.pulse import PULSES_PER_QUARTER
from performance.sequencer import BeatStart, Onset
from rvae.kit import STANDARD_KIT
from rvae.meter import Meter

FOUR = Meter.parse("4/4")
START, CONTINUE, STOP, CLOCK = b"\xfa", b"\xfb", b"\xfc", b"\xf8"
BEGIN_NS = NS_PER_S


def song_position(sixteenths: int) -> bytes:
    return bytes((0xF2, sixteenths & 127, sixteenths >> 7))


class Song:
    """An engine that follows on a virtual clock, and the leader's messages on their way to it."""

    def __init__(self, meter: Meter = FOUR, *, scatter_ms: float = 0, seed: int = 1) -> None:
        self.clock = VirtualClock()
        self.output = MemoryOutput()
        self.leader = ClockLeader("their drum machine")
        self.engine = Engine(
            self.clock,
            beat_of(meter, [beat * 24 for beat in range(meter.beats)]),
            [self.output],
            leader=self.leader,
        )
        self.engine.open_outputs(STANDARD_KIT)
        self.random = random.Random(seed)
        self.scatter_ms = scatter_ms
        self._last_ns = 0

    def send(self, data: bytes, at_ns: float) -> None:
        """Let a message come at a time, after all that should have happened before."""
        self.run_until(at_ns)
        self.leader.receive(data, self.clock.now_ns())

    def run_until(self, until_ns: float) -> None:
        end_ns = round(until_ns)
        while self.clock.now_ns() < end_ns:
            self.clock.sleep_until(min(self.engine.step(), end_ns))

    @property
    def said(self) -> list[str]:
        return [message.text for message in self.engine.status().messages]

    def pulses(self, from_ns: float, qpm: float, many: int, *, lost: float = 0) -> float:
        """So many pulses from a time on; when the next one would be."""
        for pulse in range(many):
            at_ns = from_ns + pulse * 60 * NS_PER_S / qpm / PULSES_PER_QUARTER
            if self.random.random() >= lost:
                self._last_ns = max(self._last_ns, round(at_ns + self.random.gauss(0, self.scatter_ms * NS_PER_MS)))
                self.send(CLOCK, self._last_ns)
        return from_ns + many * 60 * NS_PER_S / qpm / PULSES_PER_QUARTER

    def beats(self) -> list[tuple[Fraction, int]]:
        return [(s.event.quarters, s.due_ns) for s in self.output.sent if isinstance(s.event, BeatStart)]

    def errors_ms(self, from_ns: float, qpm: float, quarters: float = 0) -> list[float]:
        """How far each beat was from a leader that was at `quarters` at `from_ns`."""
        return [
            (due_ns - from_ns - float(at - Fraction(quarters)) * 60 * NS_PER_S / qpm) / NS_PER_MS
            for at, due_ns in self.beats()
        ]


@pytest.mark.parametrize("qpm", [60.0, 119.3, 174.0])
def test_after_four_bars_of_a_clock_that_scatters_by_3_ms_the_beat_is_right(qpm: float) -> None:
    song = Song(scatter_ms=3)
    song.send(START, BEGIN_NS - 5 * NS_PER_MS)
    song.pulses(BEGIN_NS, qpm, 24 * 4 * 26)
    assert song.engine.status().led_qpm == pytest.approx(qpm, abs=0.5), "the window shows the tempo that is played"
    errors = np.abs(song.errors_ms(BEGIN_NS, qpm)[16:])
    assert len(errors) > 80
    assert np.percentile(errors, 99) < 2


def test_nothing_drifts_in_ten_minutes() -> None:
    song = Song(scatter_ms=3, seed=7)
    song.send(START, BEGIN_NS - 5 * NS_PER_MS)
    song.pulses(BEGIN_NS, 120, 10 * 120 * 24)
    errors = song.errors_ms(BEGIN_NS, 120)
    assert len(errors) >= 1199
    assert np.percentile(np.abs(errors[16:]), 99) < 2
    assert abs(np.mean(errors[-100:])) < 0.5


@settings(max_examples=12)
@given(st.sampled_from(METERS), st.floats(40, 200))
def test_the_downbeat_is_on_the_downbeat_in_every_meter(meter: Meter, qpm: float) -> None:
    song = Song(meter)
    warm = song.pulses(BEGIN_NS, qpm, 24)
    song.send(START, warm - NS_PER_MS)
    song.pulses(warm, qpm, int(6 * meter.bar_quarters * 24) + 24)
    errors = song.errors_ms(warm, qpm)
    assert len(errors) >= 5 * meter.beats
    assert max(map(abs, errors)) < 1
    downs = [event for event in (sent.event for sent in song.output.sent) if isinstance(event, Onset)]
    assert downs[0].tick == 0
    assert downs[0].bar == 0


def test_lost_pulses_do_not_move_the_beat() -> None:
    song = Song(scatter_ms=1)
    song.send(START, BEGIN_NS - 5 * NS_PER_MS)
    at_ns = song.pulses(BEGIN_NS, 110, 24 * 8)
    song.pulses(at_ns, 110, 24 * 120, lost=0.03)
    errors = np.abs(song.errors_ms(BEGIN_NS, 110)[40:])
    assert np.percentile(errors, 99) < 3


def test_when_the_leader_vanishes_the_music_goes_on_and_when_it_is_back_it_is_followed_without_a_jump() -> None:
    song = Song(scatter_ms=1)
    song.send(START, BEGIN_NS - 5 * NS_PER_MS)
    at_ns = song.pulses(BEGIN_NS, 140, 24 * 16)
    song.run_until(at_ns + 5 * NS_PER_S)
    assert any("is gone: the music goes on at 1" in text for text in song.said)
    gone = song.errors_ms(BEGIN_NS, 140)
    assert max(map(abs, gone[16:])) < 20  # five seconds at a tempo known to 0.1 %
    back = round(5 * 140 / 60 * 24) + 1
    song.pulses(at_ns + back * 60 * NS_PER_S / 140 / 24, 140, 24 * 24)
    assert any("is back" in text for text in song.said)
    assert np.percentile(np.abs(song.errors_ms(BEGIN_NS, 140)[-16:]), 99) < 2
    gaps = np.diff([due_ns for _, due_ns in song.beats()]) / (60 * NS_PER_S / 140)
    assert np.all(np.abs(gaps[8:] - 1) < 0.21)
    assert [quarters for quarters, _ in song.beats()] == list(range(len(song.beats())))


@pytest.mark.parametrize(("first", "then"), [(120, 60), (60, 120), (100, 180), (120, 123)])
def test_another_tempo_is_followed_within_two_bars(first: float, then: float) -> None:
    song = Song(scatter_ms=1)
    song.send(START, BEGIN_NS - 5 * NS_PER_MS)
    at_ns = song.pulses(BEGIN_NS, first, 24 * 16)
    song.pulses(at_ns, then, 24 * 32)
    assert np.percentile(np.abs(song.errors_ms(at_ns, then, 16)[-20:]), 90) < 3


def test_stop_and_continue_go_on_where_the_leader_does() -> None:
    song = Song()
    song.send(START, BEGIN_NS - 5 * NS_PER_MS)
    at_ns = song.pulses(BEGIN_NS, 120, 24 * 6)
    song.send(STOP, at_ns)
    song.run_until(at_ns + NS_PER_S)
    assert song.engine.transport is None
    before = len(song.beats())
    song.send(song_position(4 * 9), song.clock.now_ns() + NS_PER_MS)
    on_ns = song.clock.now_ns() + 10 * NS_PER_MS
    song.send(CONTINUE, on_ns - 2 * NS_PER_MS)
    song.pulses(on_ns, 120, 24 * 16)
    beats = song.beats()[before:]
    assert beats[0][0] == 9
    assert abs(song.errors_ms(on_ns, 120, 9)[-1]) < 1


@pytest.mark.parametrize("data", [CLOCK, b"\xfe", b"\x99\x24\x40", START])
def test_ten_thousand_messages_a_second_for_ten_seconds_do_no_harm(data: bytes) -> None:
    song = Song()
    song.send(START, BEGIN_NS - 5 * NS_PER_MS)
    at_ns = song.pulses(BEGIN_NS, 120, 24 * 8)
    for message in range(100_000):
        song.leader.receive(data, round(at_ns + message * NS_PER_S / 10_000))
        if message % 80 == 0:
            song.run_until(at_ns + message * NS_PER_S / 10_000)
    if data in (CLOCK, START):
        assert song.leader.lost > 0
        assert any("passed over" in text for text in song.said)
    else:
        assert song.leader.lost == 0
    if data != START:
        gaps = np.diff([due_ns for _, due_ns in song.beats()]) / NS_PER_S
        assert np.all(np.abs(gaps[8:] - 0.5) < 0.11)
        assert len(song.beats()) > 20
    song.run_until(song.clock.now_ns() + NS_PER_S)
    song.leader.receive(STOP, song.clock.now_ns())
    song.run_until(song.clock.now_ns() + NS_PER_S)
    assert song.engine.transport is None


def test_playing_by_oneself_joins_the_leader_at_its_next_bar() -> None:
    song = Song()
    song.send(START, BEGIN_NS - 5 * NS_PER_MS)
    at_ns = song.pulses(BEGIN_NS, 120, 24 * 4)
    song.engine.do(Stop())
    at_ns = song.pulses(at_ns, 120, 24 + 7)
    song.engine.do(Play())
    song.pulses(at_ns, 120, 24 * 12)
    joined = [(quarters, due_ns) for quarters, due_ns in song.beats() if due_ns >= at_ns]
    assert joined[0][0] == 8
    assert max(map(abs, song.errors_ms(BEGIN_NS, 120))) < 1


def test_with_a_leader_that_never_comes_we_play_at_our_own_tempo() -> None:
    song = Song()
    song.engine.do(SetControl("tempo", 90))
    song.engine.do(Play())
    song.run_until(4 * NS_PER_S)
    assert max(map(abs, song.errors_ms(0, 90))) < 1e-3


@given(st.floats(10, 999), st.none() | st.floats(-10, 10))
def test_we_are_never_more_than_a_fifth_faster_or_slower_than_the_leader(qpm: float, ahead: float | None) -> None:
    steered = float(steered_qpm(Aim(qpm, ahead)))
    assert 0.8 * qpm - 1e-6 <= steered <= 1.2 * qpm + 1e-6 or steered in (10, 999)
    if ahead:
        assert (steered - qpm) * ahead >= -1e-3


@given(st.lists(st.tuples(st.binary(max_size=4), st.integers(0, 10**10)), max_size=60))
def test_whatever_comes_in_the_follower_stands(messages: list[tuple[bytes, int]]) -> None:
    follower = Follower()
    for data, at_ns in sorted(messages, key=lambda pair: pair[1]):
        message = clock_message(data, at_ns)
        if message is not None:
            follower.hear(message)
    assert follower.qpm is None or 10 <= follower.qpm <= 999


@given(st.integers(0, 16383))
def test_a_song_position_is_read_as_it_is_written(sixteenths: int) -> None:
    assert clock_message(song_position(sixteenths), 5) == ClockMessage("songpos", 5, sixteenths)
