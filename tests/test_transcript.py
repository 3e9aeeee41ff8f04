"""A journal written down: MIDI with its tempos and meters where they were, sound exact to the sample."""

from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path

import mido
import numpy as np
import pytest
from music import beat_of, pattern_of

from performance.clock import NS_PER_S, VirtualClock
from performance.commands import EngineCommand, Play, SetControl, SetPattern, Stop
from performance.engine import Engine
from performance.journal import Entry, MemoryJournal
from performance.outputs.memory import MemoryOutput
from performance.render import Note, Performance, write_performance_wav
from performance.sequencer import Onset
from performance.transcript import score_of, write_journal_midi, write_journal_wav
from rvae.errors import FileError
from rvae.kit import STANDARD_KIT
from rvae.meter import Meter
from rvae.pattern import Pattern

FOUR, SEVEN, TWELVE = (Meter.parse(name) for name in ("4/4", "7/8(2+2+3)", "12/8"))
KICKS = beat_of(FOUR, [0, 24, 48, 72])


class Set:
    """A performance on a virtual clock, recorded from the start or from where `record` is called."""

    def __init__(self, pattern: Pattern = KICKS, *, recording: bool = True) -> None:
        self.clock, self.output, self.journal = VirtualClock(NS_PER_S), MemoryOutput(), MemoryJournal()
        self.engine = Engine(self.clock, pattern, [self.output])
        self.engine.open_outputs(STANDARD_KIT)
        if recording:
            self.record()

    def record(self) -> None:
        self.engine.start_journal(self.journal)

    def do(self, *commands: EngineCommand, seconds: float) -> None:
        for command in commands:
            self.engine.do(command)
        until = self.clock.now_ns() + round(seconds * NS_PER_S)
        while self.clock.now_ns() < until:
            self.clock.sleep_until(min(self.engine.step(), until))

    def end(self) -> list[Entry]:
        self.engine.close()
        return self.journal.entries


def test_tempo_and_meter_stand_where_they_changed(tmp_path: Path) -> None:
    played = Set()
    played.do(SetControl("horizon", 5), SetControl("tempo", 120), Play(), seconds=1.9)
    played.do(SetPattern(beat_of(SEVEN, [0, 24, 48]), "bar"), seconds=0.5)  # the meter changes at 2 s
    played.do(SetControl("tempo", 60), seconds=7)
    path = tmp_path / "a.mid"
    assert write_journal_midi(path, played.end()) > 10
    (track,) = mido.MidiFile(path).tracks
    at, found = 0, []
    for message in track:
        at += message.time
        if message.type in ("time_signature", "set_tempo", "text"):
            found.append((Fraction(at, 960), message))
    signatures = [(q, m.numerator, m.denominator) for q, m in found if m.type == "time_signature"]
    assert signatures == [(0, 4, 4), (4, 7, 8)]
    assert [(q, m.text) for q, m in found if m.type == "text"] == [(4, "meter 7/8(2+2+3)")]
    tempos = [(q, round(mido.tempo2bpm(m.tempo), 3)) for q, m in found if m.type == "set_tempo"]
    assert tempos[0] == (0, 120)
    assert tempos[1][1] == 60
    assert 4.7 < tempos[1][0] < 4.9
    assert len(tempos) == 2


@pytest.mark.parametrize("wait_s", [0.0, 0.7])
def test_a_count_in_is_not_written_down(wait_s: float, tmp_path: Path) -> None:
    played = Set(recording=not wait_s)
    played.do(Play(count_in_bars=1), seconds=wait_s)
    if wait_s:
        played.record()  # in the middle of the count-in
    played.do(seconds=4.1 - wait_s)
    entries = played.end()
    score = score_of(entries)
    assert [note.quarters for note in score.notes] == [0, 1, 2, 3, 4]
    assert score.meters == [(0, FOUR)]
    assert write_journal_wav(tmp_path / "a.wav", entries) == pytest.approx(2.0), "the sound begins there too"


def test_a_second_start_opens_a_bar_after_the_pause() -> None:
    played = Set()
    played.do(Play(), seconds=2.3)  # in the second bar
    played.do(Stop(), seconds=3.9)  # 7.8 quarters: 12.4 from the start
    played.do(Play(), seconds=1.1)
    score = score_of(played.end())
    starts = [note.quarters for note in score.notes]
    assert starts == [0, 1, 2, 3, 4, 16, 17, 18]
    assert score.length_quarters == 20
    assert [float(q) for q, _ in score.meters] == [0]


def test_a_recording_begun_in_the_middle_keeps_its_place_in_the_bar() -> None:
    played = Set(recording=False)
    played.do(Play(), seconds=2.6)  # 5.2 quarters: the second bar, after its second beat
    played.record()
    played.do(seconds=2)
    score = score_of(played.end())
    assert [note.quarters for note in score.notes] == [2, 3, 4, 5]


def test_a_stop_ends_the_note_that_sounds() -> None:
    played = Set()
    played.do(Play(), seconds=0.02)
    played.do(Stop(), seconds=0.1)
    (note,) = score_of(played.end()).notes
    assert float(note.duration_quarters) == pytest.approx(0.04)


def sound_of(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 48_000)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)


def test_the_sound_is_that_of_the_offline_renderer_to_the_sample(tmp_path: Path) -> None:
    pattern = pattern_of(3, FOUR, share=0.03)
    played = Set(pattern)
    played.do(Play(bars=2), seconds=6)
    sent = played.output.sent
    first_ns = NS_PER_S
    notes = tuple(
        Note(s.event.quarters, s.event.quarters, s.due_ns - first_ns, s.event.voice, s.event.pitch, s.event.velocity)
        for s in sent
        if isinstance(s.event, Onset)
    )
    write_journal_wav(tmp_path / "a.wav", played.end())
    write_performance_wav(tmp_path / "b.wav", Performance(notes, STANDARD_KIT, FOUR, 2, Fraction(120)))
    ours, rendered = sound_of(tmp_path / "a.wav"), sound_of(tmp_path / "b.wav")
    shorter = min(len(ours), len(rendered))
    assert shorter > 4 * 48_000
    assert np.array_equal(ours[:shorter], rendered[:shorter])
    assert not np.any(rendered[shorter:])


def test_volume_and_stop_are_heard_where_they_were(tmp_path: Path) -> None:
    played = Set(beat_of(FOUR, [0]))
    played.do(Play(), seconds=1.0)
    played.do(SetControl("volume", 0), seconds=3)  # the second kick makes no sound
    played.do(Stop(), SetControl("volume", 1), seconds=0.5)
    played.do(Play(), seconds=0.1)  # the third is cut short
    played.do(Stop(), seconds=0.5)
    write_journal_wav(tmp_path / "a.wav", played.end())
    loud = np.abs(sound_of(tmp_path / "a.wav").astype(int)).max(axis=1)
    assert loud[:4800].max() > 1000
    assert not np.any(loud[48_000:216_000])
    assert loud[216_000:220_000].max() > 1000
    assert not np.any(loud[round(4.62 * 48_000) :])


def test_a_journal_in_which_nothing_was_played_says_so(tmp_path: Path) -> None:
    entries = Set().end()
    for write in (write_journal_midi, write_journal_wav):
        with pytest.raises(FileError, match="nothing was played"):
            write(tmp_path / "a", entries)


def test_a_machine_that_was_held_up_leaves_no_gap_in_the_score_and_its_gap_in_the_sound(tmp_path: Path) -> None:
    played = Set()
    played.do(Play(), seconds=0.6)
    played.clock.stall(10 * NS_PER_S)
    played.do(seconds=1)
    entries = played.end()
    assert [note.quarters for note in score_of(entries).notes] == [0, 1, 2, 3]
    assert write_journal_wav(tmp_path / "a.wav", entries) == pytest.approx(11.5, abs=0.2)
