"""The last bars as a clip: what was played comes back from the file as it was heard."""

from __future__ import annotations

import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from music import beat_of, pattern_of

from performance.clock import NS_PER_MS, VirtualClock
from performance.commands import EngineCommand, Export, Play, SetControl, SetPattern, Stop
from performance.engine import Engine
from performance.outputs.memory import MemoryOutput
from performance.process import EngineProcess
from performance.recent import MOST_BARS, Excerpt
from performance.sequencer import Onset
from rvae import read_corpus
from rvae.meter import Meter
from rvae.midi import WRITE_PPQ as PPQ
from rvae.midi import read_midi
from rvae.pattern import Pattern

FOUR, SEVEN, SIX = (Meter.parse(name) for name in ("4/4", "7/8(2+2+3)", "6/8"))
KICKS = beat_of(FOUR, [0, 24, 48, 72])
PATIENCE_S = 60.0
ROOT = Path(__file__).resolve().parents[1]


class Played:
    """An engine on a virtual clock, whose clips stay here."""

    def __init__(self, pattern: Pattern, *commands: EngineCommand) -> None:
        self.clock, self.clips = VirtualClock(), list[Excerpt]()
        self.output = MemoryOutput()
        self.engine = Engine(self.clock, pattern, [self.output], export=self.clips.append)
        self.engine.open_outputs(pattern.kit)
        self.do(*commands, Play())

    def do(self, *commands: EngineCommand) -> None:
        for command in commands:
            self.engine.do(command)

    def until_bar(self, bar: int) -> None:
        """Until the onsets of a bar have begun."""
        while True:
            self.engine.step()
            transport = self.engine.transport
            assert transport is not None
            if transport.bars.place_at(transport.quarters_at(self.clock.now_ns())).bar >= bar:
                break
            self.clock.sleep_until(self.clock.now_ns() + 4 * NS_PER_MS)
        for _ in range(20):  # a little into it
            self.clock.sleep_until(self.clock.now_ns() + 4 * NS_PER_MS)
            self.engine.step()

    def clip(self, bars: int) -> Excerpt:
        self.do(Export(bars))
        return self.clips[-1]

    @property
    def said(self) -> list[str]:
        return [message.text for message in self.engine.status().messages]


@pytest.mark.parametrize(
    ("meter", "bars", "microtiming"), [(FOUR, 1, 0), (FOUR, 4, 150), (SEVEN, 8, 100), (SIX, 2, 100)]
)
def test_the_last_bars_are_the_notes_that_went_out(meter: Meter, bars: int, microtiming: float) -> None:
    played = Played(pattern_of(3, meter), SetControl("microtiming", microtiming))
    played.until_bar(bars + 2)
    excerpt = played.clip(bars)
    length = meter.bar_quarters * bars
    assert (excerpt.bars, excerpt.length_quarters) == (bars, length)
    went = [
        sent.event for sent in played.output.sent if isinstance(sent.event, Onset) and 2 <= sent.event.bar < bars + 2
    ]
    start = 2 * meter.bar_quarters
    assert sorted((note.quarters, note.pitch, note.velocity) for note in excerpt.notes) == sorted(
        (Fraction(round((onset.quarters - start) * PPQ) % round(length * PPQ), PPQ), onset.pitch, onset.velocity)
        for onset in went
    )
    assert len(went) > bars


def test_an_onset_before_its_barline_belongs_to_its_bar_and_stands_at_the_loops_end() -> None:
    early = replace(KICKS, microtiming=np.where(KICKS.onset == 1, -2.0, 0.0).astype(np.float32))
    played = Played(early)
    played.until_bar(3)
    excerpt = played.clip(1)
    places = [note.quarters for note in excerpt.notes]
    assert places == pytest.approx([1 - 1 / 12, 2 - 1 / 12, 3 - 1 / 12, 4 - 1 / 12], abs=1e-3)


def test_tempo_and_meter_stand_where_they_changed(tmp_path: Path) -> None:
    played = Played(KICKS, SetControl("tempo", 120))
    played.until_bar(1)
    played.do(SetPattern(beat_of(SEVEN, [0, 24, 48]), "bar"), SetControl("tempo", 90))
    played.until_bar(4)
    excerpt = played.clip(4)
    assert [meter for _, meter in excerpt.meters] == [FOUR, SEVEN]
    change = excerpt.meters[1][0]
    assert change in (4, 8)
    assert [round(qpm) for _, qpm in excerpt.tempos][:2] == [120, 90]
    assert all(later > earlier for (earlier, _), (later, _) in zip(excerpt.tempos, excerpt.tempos[1:], strict=False))
    file = tmp_path / "clip.mid"
    excerpt.write(file)
    clip = read_midi(file)
    assert [(signature.numerator, signature.denominator) for signature in clip.signatures] == [(4, 4), (7, 8)]


def test_as_many_bars_as_there_are_and_a_line_where_there_is_none() -> None:
    played = Played(KICKS)
    played.do(Export(4))
    assert "no whole bar" in played.said[-1]
    played.until_bar(3)
    assert played.clip(8).bars == 3
    played.do(Export(MOST_BARS + 1))
    assert f"1 to {MOST_BARS} are kept" in played.said[-1]
    played.do(Export(-1))
    assert "1 to" in played.said[-1]


def test_the_last_bars_are_there_after_a_stop_and_gone_with_a_new_start() -> None:
    played = Played(KICKS)
    played.until_bar(4)
    played.do(Stop())
    assert played.clip(2).bars == 2
    played.do(Play())
    played.do(Export(2))
    assert "no whole bar" in played.said[-1]


def test_a_long_set_keeps_no_more_than_it_needs() -> None:
    played = Played(KICKS, SetControl("tempo", 300))
    for bar in range(1, 60):
        played.do(SetControl("tempo", 300 - bar % 3))
        played.until_bar(bar)
    assert played.clip(MOST_BARS).bars == MOST_BARS
    assert len(played.clip(MOST_BARS).notes) == 4 * MOST_BARS
    recent = played.engine._keeping._recent
    assert len(recent._onsets) < 5 * (MOST_BARS + 2)
    assert len(recent._tempos) < MOST_BARS + 4


def test_a_long_set_of_many_meters_keeps_no_more_than_it_needs() -> None:
    played = Played(KICKS, SetControl("tempo", 300))
    for bar in range(1, 40):
        played.do(SetPattern(beat_of((FOUR, SEVEN)[bar % 2], [0]), "bar"))
        played.until_bar(bar)
    assert played.clip(MOST_BARS).bars == MOST_BARS
    recent = played.engine._keeping._recent
    assert len(recent._meters) < MOST_BARS + 4
    assert len(recent._barlines) < MOST_BARS + 4


@pytest.mark.parametrize("clip", ["straight-four", "threes"])
def test_the_pattern_as_a_clip_is_read_as_the_same_pattern(tmp_path: Path, clip: str) -> None:
    pattern = read_corpus(sorted(ROOT.glob(f"datasets/{clip}/*.mid"))[:1]).patterns[0]
    file = tmp_path / "pattern.mid"
    Excerpt.of_pattern(pattern, 100.0).write(file)
    (found,) = read_corpus([file]).patterns
    assert found.meter == pattern.meter
    assert np.array_equal(found.onset, pattern.onset)
    assert np.allclose(found.velocity, pattern.velocity, atol=0.01)
    assert found.qpm == pytest.approx(100, abs=0.01)


def test_the_instrument_writes_a_clip_beside_the_beat(tmp_path: Path) -> None:
    engine = EngineProcess(KICKS, realtime=False, recordings=str(tmp_path / "out"))
    try:
        engine.do(Export(0))
        end_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < end_s:
            said = [message.text for message in engine.status().messages]
            if any(line.startswith("exported:") for line in said):
                break
            time.sleep(0.02)
    finally:
        engine.close()
    (file,) = (tmp_path / "out").glob("clip-*-1-bar.mid")
    assert any(str(file) in line for line in said)
    assert read_corpus([file]).patterns[0].onsets == 2 * KICKS.onsets  # two bars to a cycle
