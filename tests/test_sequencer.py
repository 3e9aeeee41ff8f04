from __future__ import annotations

from fractions import Fraction
from typing import get_args

import numpy as np
import pytest
from checker import StreamChecker
from hypothesis import given
from hypothesis import strategies as st
from music import METERS, beat_of, meters, pattern_of, patterns, spans

from performance.commands import Quantum
from performance.feel import Feel
from performance.sequencer import Event, Onset, Release, Sequencer
from rvae.errors import UsageError
from rvae.meter import Meter
from rvae.pattern import Pattern

quanta = st.sampled_from(get_args(Quantum))
FOUR = Meter.parse("4/4")
SEVEN = Meter.parse("7/8(2+2+3)")


def onsets_of(events: list[Event]) -> list[Onset]:
    return [event for event in events if isinstance(event, Onset)]


def play(
    sequencer: Sequencer, to: Fraction, spans: list[Fraction], checker: StreamChecker | None = None
) -> list[Event]:
    events: list[Event] = []
    for index in range(100_000):
        if sequencer.position >= to:
            return events
        bars = sequencer.bars
        made = sequencer.advance(min(to, sequencer.position + spans[index % len(spans)]))
        if checker is not None:
            checker.feed(made, bars)
        events += made
    raise AssertionError("does not advance")


def end(sequencer: Sequencer, checker: StreamChecker) -> None:
    """Let every note end: silence the pattern and go on for more than a gate."""
    pattern = sequencer.pattern
    sequencer.set_pattern(Pattern.silent(pattern.meter, bars=pattern.bars), "now")
    play(sequencer, sequencer.position + 8, [Fraction(1)], checker)
    checker.at_end()


@given(patterns(), st.lists(spans, min_size=1, max_size=8))
def test_the_same_events_come_however_the_time_is_cut(pattern: Pattern, cuts: list[Fraction]) -> None:
    to = pattern.quarters * 2 + Fraction(1, 7)
    whole = Sequencer(pattern).advance(to)
    assert play(Sequencer(pattern), to, cuts) == whole
    StreamChecker().feed(whole, Sequencer(pattern).bars)


@given(patterns())
def test_every_onset_of_every_cycle_sounds_at_its_exact_place(pattern: Pattern) -> None:
    cycles = 3
    sequencer = Sequencer(pattern)
    found = {(o.bar, o.tick, o.voice): o for o in onsets_of(sequencer.advance(pattern.quarters * cycles + 2))}
    meter = pattern.meter
    for cycle in range(cycles):
        for voice, column in zip(*pattern.onset.nonzero(), strict=True):
            bar, tick = divmod(int(column), meter.bar_ticks)
            bar += cycle * pattern.bars
            onset = found.pop((bar, tick, int(voice)))
            ticks = Fraction(tick) + Fraction(float(pattern.microtiming[voice, column]))
            assert onset.quarters == max(Fraction(0), bar * meter.bar_quarters + meter.quarters_at(ticks))
            assert onset.velocity == pattern.midi_velocity[voice, column]
    assert all(bar >= cycles * pattern.bars for bar, _, _ in found)


class Change:
    """One thing done at a moment of the music."""

    def __init__(self, kind: str, at: Fraction, seed: int, meter: Meter, quantum: Quantum) -> None:
        self.kind, self.at, self.seed, self.meter, self.quantum = kind, at, seed, meter, quantum

    def do(self, sequencer: Sequencer) -> None:
        match self.kind:
            case "swap":
                mute = (self.seed % 9, 0) if self.seed % 3 == 0 else None
                sequencer.set_pattern(pattern_of(self.seed, sequencer.pattern.meter), self.quantum, mute)
            case "meter":
                sequencer.set_pattern(pattern_of(self.seed, self.meter), self.quantum)
            case "mute":
                sequencer.set_mute(self.seed % 9, bool(self.seed % 2))
            case "feel":
                sequencer.set_feel(Feel(Fraction(self.seed % 151, 100), Fraction(50 + self.seed % 26, 100)))

    def __repr__(self) -> str:
        return f"Change({self.kind!r}, {self.at!r}, {self.seed}, {self.meter}, {self.quantum!r})"


changes = st.lists(
    st.builds(
        Change,
        st.sampled_from(["swap", "swap", "meter", "mute", "feel"]),
        st.fractions(0, 12, max_denominator=96),
        st.integers(0, 999),
        meters,
        quanta,
    ),
    max_size=8,
)


def play_with(changes: list[Change], cuts: list[Fraction]) -> list[Event]:
    sequencer, checker = Sequencer(pattern_of(1, FOUR)), StreamChecker()
    events: list[Event] = []
    for change in sorted(changes, key=lambda change: change.at):
        events += play(sequencer, change.at, cuts, checker)
        change.do(sequencer)
    events += play(sequencer, Fraction(14), cuts, checker)
    end(sequencer, checker)
    return events


@given(changes, st.lists(spans, min_size=1, max_size=5))
def test_nothing_is_stuck_doubled_or_out_of_order_whatever_changes(changes: list[Change], cuts: list[Fraction]) -> None:
    assert play_with(changes, cuts) == play_with(changes, [Fraction(1, 3)])


@given(st.integers(0, 500), st.integers(0, 500), quanta, st.fractions(0, 9, max_denominator=200))
def test_a_swap_plays_every_tick_once_from_the_pattern_in_force(
    first: int, second: int, quantum: Quantum, at: Fraction
) -> None:
    old, new = pattern_of(first, FOUR), pattern_of(second, FOUR)
    sequencer = Sequencer(old)
    before = onsets_of(sequencer.advance(at))
    bars = sequencer.bars
    place = {
        "now": bars.first_tick_from(at),
        "beat": bars.first_tick_from(at, 24),
        "bar": (bars.first_bar_from(at), 0),
    }[quantum]
    sequencer.set_pattern(new, quantum)
    after = onsets_of(sequencer.advance(Fraction(24)))
    played = {(o.bar, o.tick, o.voice) for o in before + after}
    early = {(o.bar, o.tick, o.voice) for o in before if (o.bar, o.tick) >= place}
    expected = set(early)
    for bar in range(5):
        for pattern, in_force in ((old, lambda p: p < place), (new, lambda p: p >= place)):
            for voice, column in zip(*pattern.onset.nonzero(), strict=True):
                cycle_bar, tick = divmod(int(column), FOUR.bar_ticks)
                if cycle_bar == bar % 2 and in_force((bar, tick)):
                    expected.add((bar, tick, int(voice)))
    assert {key for key in played if key[0] < 5} == expected


def test_an_early_onset_of_the_next_bar_comes_from_the_pattern_of_that_bar() -> None:
    ahead = beat_of(FOUR, [0]).microtiming.copy()
    ahead[0, 0] = -2.0
    plain = beat_of(FOUR, [0])
    early = Pattern(plain.onset, plain.velocity, ahead, FOUR, 1)
    sequencer = Sequencer(plain)
    sequencer.advance(Fraction(3))
    sequencer.set_pattern(early, "bar")
    events = onsets_of(sequencer.advance(Fraction(4)))
    assert [(o.bar, o.tick, o.quarters) for o in events] == [(1, 0, 4 - Fraction(2, 24))]
    sequencer.set_pattern(plain, "bar")  # too late for the barline's own onset: it has sounded
    assert onsets_of(sequencer.advance(Fraction(5))) == []


def test_an_onset_that_a_change_finds_overdue_sounds_at_the_change() -> None:
    plain, early = Pattern.silent(FOUR, bars=1), beat_of(FOUR, [24])
    ahead = early.microtiming.copy()
    ahead[0, 24] = -3.0
    sequencer = Sequencer(plain)
    now = Fraction(23, 24)  # the onset should have sounded at 21/24, its tick is still to come
    sequencer.advance(now)
    sequencer.set_pattern(Pattern(early.onset, early.velocity, ahead, FOUR, 1), "now")
    assert [o.quarters for o in onsets_of(sequencer.advance(Fraction(2)))] == [now]


def test_a_meter_with_other_beats_waits_for_the_barline_and_brings_its_pattern() -> None:
    sequencer = Sequencer(beat_of(FOUR, [0, 24, 48, 72]))
    sequencer.advance(Fraction(1))
    sequencer.set_pattern(beat_of(SEVEN, [0, 24, 48]), "now")
    quarters = [o.quarters for o in onsets_of(sequencer.advance(Fraction(11)))]
    assert quarters == [1, 2, 3, 4, 5, 6, Fraction(15, 2), Fraction(17, 2), Fraction(19, 2)]


def test_a_pattern_for_a_meter_of_as_many_beats_is_heard_before_the_barline() -> None:
    three = Meter.parse("3/4")
    sequencer = Sequencer(Pattern.silent(three, bars=1))
    sequencer.advance(Fraction(1, 2))
    sequencer.set_pattern(beat_of(SEVEN, [0, 24, 48]), "beat")
    quarters = [o.quarters for o in onsets_of(sequencer.advance(Fraction(13, 2)))]
    assert quarters == [1, 2, 3, 4, 5]
    assert sequencer.bars.in_force(1).meter == SEVEN


def test_the_old_meter_asked_for_again_takes_the_waiting_one_back() -> None:
    sequencer = Sequencer(beat_of(FOUR, [0]))
    sequencer.advance(Fraction(1))
    sequencer.set_pattern(beat_of(SEVEN, [0]), "bar")
    sequencer.set_pattern(beat_of(FOUR, [0]), "bar")
    assert [o.quarters for o in onsets_of(sequencer.advance(Fraction(9)))] == [4, 8]


def test_a_note_ends_before_the_same_note_comes_again() -> None:
    events = Sequencer(beat_of(FOUR, [0, 1, 2])).advance(Fraction(1))
    kinds = [(type(e).__name__, e.quarters) for e in events if isinstance(e, Onset | Release)]
    tick = Fraction(1, 24)
    assert kinds == [
        ("Onset", 0),
        ("Release", tick),
        ("Onset", tick),
        ("Release", 2 * tick),
        ("Onset", 2 * tick),
        ("Release", 2 * tick + Fraction(1, 8)),
    ]


@pytest.mark.parametrize(("at", "place", "off"), [("now", (0, 30), 0), ("beat", (0, 48), -2), ("bar", (1, 0), -2)])
def test_mutes_that_come_with_a_pattern_are_heard_from_its_place_on(
    at: Quantum, place: tuple[int, int], off: float
) -> None:
    whole = Pattern.of_arrays(*(np.full((9, 192), value, np.float32) for value in (1, 0.5, off)), FOUR)
    sequencer = Sequencer(whole)
    sequencer.set_mute(1, True)
    events = sequencer.advance(Fraction(5, 4) - Fraction(1, 1000))
    sequencer.set_pattern(whole, at, mute=(0,))
    sequencer.set_mute(2, True)  # a hand means now and from then on
    again = Sequencer.of_state(sequencer.state)
    rest = sequencer.advance(Fraction(12))
    assert again.advance(Fraction(12)) == rest
    found = [(onset.bar, onset.tick, onset.voice) for onset in onsets_of(events + rest) if onset.bar < 3]
    assert {where[:2] for where in found if where[2] == 0} == {(0, tick) for tick in range(96) if (0, tick) < place}
    assert min(where[:2] for where in found if where[2] == 1) == place, "early as its microtiming has it"
    assert (2, 95, 1) in found
    assert max(where[:2] for where in found if where[2] == 2) < place
    sequencer.rewind()
    assert {onset.voice for onset in onsets_of(sequencer.advance(Fraction(1)))} == set(range(9)) - {0, 2}


def test_a_muted_voice_is_left_out_and_does_not_come_late_when_it_returns() -> None:
    sequencer = Sequencer(beat_of(FOUR, [0, 24, 48, 72]))
    sequencer.set_mute(0, True)
    assert onsets_of(sequencer.advance(Fraction(3, 2))) == []
    sequencer.set_mute(0, False)
    assert [o.quarters for o in onsets_of(sequencer.advance(Fraction(4)))] == [2, 3]


def test_swing_moves_the_half_of_a_simple_beat_and_leaves_compound_beats() -> None:
    swing = Feel(swing=Fraction(2, 3))
    simple = onsets_of(Sequencer(beat_of(FOUR, [0, 6, 12, 18]), swing).advance(Fraction(1)))
    assert [o.quarters for o in simple] == [0, Fraction(1, 3), Fraction(2, 3), Fraction(5, 6)]
    six = Meter.parse("6/8")
    compound = onsets_of(Sequencer(beat_of(six, [0, 12]), swing).advance(Fraction(1)))
    assert [o.quarters for o in compound] == [0, Fraction(3, 4)]


def test_a_performance_of_so_many_bars_ends_at_its_barline_and_releases_everything() -> None:
    for meter in METERS:
        sequencer, checker = Sequencer(pattern_of(3, meter)), StreamChecker()
        sequencer.rewind(end_bar=3)
        while not sequencer.has_ended:
            play(sequencer, sequencer.position + Fraction(1, 3), [Fraction(1)], checker)
        play(sequencer, sequencer.position + 1, [Fraction(1)], checker)
        checker.at_end()
        assert {o.bar for o in checker.onsets} <= {0, 1, 2}
        assert len(checker.beats) == 3 * meter.beats


def test_a_feel_that_cannot_be_played_is_refused() -> None:
    with pytest.raises(UsageError, match=r"0\.5 to 0\.75"):
        Feel(swing=Fraction(9, 10))
    with pytest.raises(UsageError, match=r"0 to 1.5"):
        Feel(microtiming=Fraction(2))
