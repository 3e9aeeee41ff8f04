"""Nudging a voice: so many milliseconds later or earlier, exactly, at every tempo, live and offline."""

from __future__ import annotations

from fractions import Fraction

import pytest
from checker import StreamChecker
from hypothesis import given, settings
from hypothesis import strategies as st
from music import METERS, beat_of, pattern_of

from performance.clock import NS_PER_MS, NS_PER_S, VirtualClock
from performance.commands import Play, SetControl, SetVoice
from performance.engine import Engine
from performance.outputs.memory import MemoryOutput
from performance.render import play_offline
from performance.sequencer import Onset
from rvae.kit import STANDARD_KIT
from rvae.meter import Meter
from rvae.pattern import Pattern

FOUR = Meter.parse("4/4")
nudges = st.dictionaries(st.integers(0, len(STANDARD_KIT) - 1), st.floats(-50, 50), min_size=1, max_size=4)
Played = dict[tuple[int, int, int], int]


class Rig:
    """An engine on a virtual clock and the streaming checker over what it makes."""

    def __init__(self, pattern: Pattern) -> None:
        self.clock, self.output, self.checker = VirtualClock(), MemoryOutput(), StreamChecker()
        self.engine = Engine(self.clock, pattern, [self.output])
        self.engine.open_outputs(STANDARD_KIT)

    def run(self, seconds: float) -> None:
        until_ns = self.clock.now_ns() + round(seconds * NS_PER_S)
        while self.clock.now_ns() < until_ns:
            first, bars = len(self.output.sent), self.engine.sequencer.bars
            due_ns = self.engine.step()
            self.checker.feed((sent.event for sent in self.output.sent[first:]), bars)
            self.clock.sleep_until(min(due_ns, until_ns))

    def played(self) -> Played:
        """When each written onset was due."""
        onsets = [(sent.event, sent.due_ns) for sent in self.output.sent if isinstance(sent.event, Onset)]
        found = {(onset.bar, onset.tick, onset.voice): due_ns for onset, due_ns in onsets}
        assert len(found) == len(onsets)
        return found


def offline(pattern: Pattern, bpm: float, nudge_ms: dict[int, float]) -> list[tuple[int, int]]:
    """(voice, due ns) of each note of two bars, by voice and time."""
    found = play_offline(lambda _: pattern, STANDARD_KIT, meter=pattern.meter, bars=2, bpm=bpm, nudge_ms=nudge_ms)
    return sorted((note.voice, note.due_ns) for note in found.notes)


@settings(max_examples=25)
@given(st.integers(0, 99), st.sampled_from(METERS), st.floats(40, 300), nudges)
def test_every_onset_of_a_nudged_voice_is_moved_by_so_much_and_the_others_stay(
    seed: int, meter: Meter, bpm: float, nudge_ms: dict[int, float]
) -> None:
    pattern = pattern_of(seed, meter)
    tempo = Fraction(bpm) * meter.tempo_beat_quarters
    most_ns = float(min(meter.beat_eighths) / 4 * 60 * NS_PER_S / tempo)
    plain, nudged = offline(pattern, bpm, {}), offline(pattern, bpm, nudge_ms)
    assert len(plain) == len(nudged)
    start_ns = 0
    for (voice, due_ns), (other, moved_ns) in zip(plain, nudged, strict=True):
        assert voice == other
        by_ns = max(-most_ns, min(most_ns, nudge_ms.get(voice, 0.0) * NS_PER_MS))
        if due_ns > 3 * 60 * NS_PER_S / float(tempo):  # none of those that wait for the very beginning
            assert abs(moved_ns - due_ns - by_ns) <= 1
        assert moved_ns >= start_ns


@settings(max_examples=25)
@given(
    st.integers(0, 99),
    st.sampled_from(METERS),
    st.lists(st.tuples(st.floats(0.01, 0.6), nudges, st.floats(40, 300)), min_size=1, max_size=10),
)
def test_nudges_that_change_while_it_plays_lose_and_double_nothing(
    seed: int, meter: Meter, changes: list[tuple[float, dict[int, float], float]]
) -> None:
    pattern = pattern_of(seed, meter)
    rig = Rig(pattern)
    rig.engine.do(Play(bars=6))
    for seconds, nudge_ms, bpm in changes:
        for voice, ms in nudge_ms.items():
            rig.engine.do(SetVoice("nudge", voice, ms))
        rig.engine.do(SetControl("tempo", bpm))
        rig.run(seconds)
    rig.engine.do(SetControl("tempo", 300))
    while not rig.engine.is_idle:
        rig.run(1)
    rig.checker.at_end()
    bar_ticks = meter.bar_ticks
    written = {
        (bar, int(column) % bar_ticks, int(voice))
        for bar in range(6)
        for voice, column in zip(*pattern.onset.nonzero(), strict=True)
        if column // bar_ticks == bar % pattern.bars
    }
    assert set(rig.played()) == written


@pytest.mark.parametrize("bpm", [60.0, 120.0, 240.0])
def test_a_nudge_is_the_same_in_ms_after_a_change_of_tempo(bpm: float) -> None:
    rig = Rig(beat_of(FOUR, [0, 24, 48, 72]))
    rig.engine.do(SetVoice("nudge", 0, 20))
    rig.engine.do(Play())
    rig.run(2.2)
    rig.engine.do(SetControl("tempo", bpm))
    rig.run(6)
    transport = rig.engine.transport
    assert transport is not None
    late_ms = [
        (due_ns - transport.ns_at(transport.bars.quarters_at(bar, tick))) / NS_PER_MS
        for (bar, tick, _), due_ns in rig.played().items()
        if due_ns > 3 * NS_PER_S
    ]
    assert late_ms == pytest.approx([20] * len(late_ms), abs=1e-5)
    assert len(late_ms) >= 4
