from __future__ import annotations

import warnings
import wave
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from music import METERS, beat_of, pattern_of

from performance.outputs.drums import drums_of
from performance.render import RATE_HZ, Performance, play_offline, write_performance_midi, write_performance_wav
from rvae.errors import FileError, UsageError
from rvae.kit import STANDARD_KIT
from rvae.meter import Meter
from rvae.pattern import Pattern

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it imports what is deprecated
    import pretty_midi


def played(pattern: Pattern, *, bars: int = 4, bpm: float = 120) -> Performance:
    return play_offline(lambda _beat: pattern, STANDARD_KIT, meter=pattern.meter, bars=bars, bpm=bpm)


@pytest.mark.parametrize("name", ["4/4", "3/4", "6/8", "12/8", "7/8(2+2+3)", "5/8(2+3)", "9/8(2+2+2+3)", "2/2"])
@pytest.mark.parametrize("bpm", [120, 133.7])
def test_a_midi_file_is_right_when_another_library_reads_it(tmp_path: Path, name: str, bpm: float) -> None:
    meter = Meter.parse(name)
    pattern = pattern_of(11, meter, microtiming=False)
    performance = played(pattern, bars=4, bpm=bpm)
    file = tmp_path / "beat.mid"
    write_performance_midi(file, performance)
    midi = pretty_midi.PrettyMIDI(str(file))
    (signature,) = midi.time_signature_changes
    assert (signature.numerator, signature.denominator, signature.time) == (meter.numerator, meter.denominator, 0)
    quarter_s = 60 / (bpm * float(meter.tempo_beat_quarters))
    bar_s = quarter_s * float(meter.bar_quarters)
    np.testing.assert_allclose(midi.get_downbeats()[:4], np.arange(4) * bar_s, atol=1e-4)
    (drums,) = midi.instruments
    assert drums.is_drum
    found = sorted((note.start, note.pitch, note.velocity) for note in drums.notes)
    expected = []
    for cycle in range(2):
        for voice, column in zip(*pattern.onset.nonzero(), strict=True):
            bar, tick = divmod(int(column), meter.bar_ticks)
            quarters = (cycle * 2 + bar) * meter.bar_quarters + meter.quarters_at(tick)
            loud = int(pattern.midi_velocity[voice, column])
            expected.append((float(quarters) * quarter_s, STANDARD_KIT.voices[voice].pitch_out, loud))
    assert [row[1:] for row in found] == [row[1:] for row in sorted(expected)]
    np.testing.assert_allclose([row[0] for row in found], [row[0] for row in sorted(expected)], atol=1e-4)


@settings(max_examples=30)
@given(st.sampled_from(METERS), st.integers(0, 99), st.integers(1, 4), st.floats(20, 300))
def test_a_rendering_has_every_onset_of_its_bars_and_no_other(meter: Meter, seed: int, bars: int, bpm: float) -> None:
    pattern = pattern_of(seed, meter)
    notes = played(pattern, bars=bars, bpm=bpm).notes
    per_bar = [
        int(pattern.onset[:, bar * meter.bar_ticks : (bar + 1) * meter.bar_ticks].sum()) for bar in range(pattern.bars)
    ]
    assert len(notes) == sum(per_bar[bar % pattern.bars] for bar in range(bars))
    end = bars * meter.bar_quarters
    assert all(0 <= note.quarters <= note.end_quarters for note in notes)
    assert all(note.end_quarters <= end or note.quarters >= end for note in notes)
    assert list(notes) == sorted(notes, key=lambda note: note.quarters)


def test_the_pattern_changes_with_the_beat_it_is_given_for() -> None:
    four = Meter.parse("4/4")
    by_beat = {beat: beat_of(four, [0, 24, 48, 72], velocity=(beat + 1) / 127) for beat in range(16)}
    performance = play_offline(lambda beat: by_beat[beat], STANDARD_KIT, meter=four, bars=4, bpm=240)
    assert [note.velocity for note in performance.notes] == [beat + 1 for beat in range(16)]
    assert [note.quarters for note in performance.notes] == list(range(16))


def test_every_onset_of_a_wav_file_is_at_its_sample(tmp_path: Path) -> None:
    meter = Meter.parse("7/8(2+2+3)")
    pattern = beat_of(meter, [0, 5, 24, 33, 48, 60], velocity=100 / 127)
    performance = played(pattern, bars=2, bpm=101.3)
    file = tmp_path / "beat.wav"
    write_performance_wav(file, performance)
    with wave.open(str(file)) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (2, 2, RATE_HZ)
        samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2").reshape(-1, 2)[:, 0] / 32767
    drum = drums_of(STANDARD_KIT, RATE_HZ)[0]
    loud = 100 / 127
    kick = (drum.dark * loud**2 + drum.bright * loud**3) * 0.8 * drum.left
    made = np.zeros(len(samples) + len(kick))
    quarter_s = Fraction(60) / Fraction(101.3)
    for bar in range(2):
        for tick in (0, 5, 24, 33, 48, 60):
            at = round((bar * meter.bar_quarters + meter.quarters_at(tick)) * quarter_s * RATE_HZ)
            made[at : at + len(kick)] += kick
    np.testing.assert_allclose(samples, made[: len(samples)], atol=2 / 32767)


def test_a_beat_sounds_at_a_sane_level(tmp_path: Path) -> None:
    file = tmp_path / "beat.wav"
    write_performance_wav(file, played(pattern_of(3, Meter.parse("4/4"), share=0.05), bars=8))
    with wave.open(str(file)) as sound:
        samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2").reshape(-1, 2) / 32767
    body = samples[: -2 * RATE_HZ]
    assert 0.1 < np.abs(samples).max() < 1
    assert 0.01 < np.sqrt((body**2).mean()) < 0.4
    assert np.abs(samples.mean(axis=0)).max() < 1e-3
    assert np.all(samples[-100:] == 0)


def test_the_same_rendering_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        performance = played(pattern_of(5, Meter.parse("6/8")))
        write_performance_midi(tmp_path / f"{name}.mid", performance)
        write_performance_wav(tmp_path / f"{name}.wav", performance)
    for suffix in ("mid", "wav"):
        assert (tmp_path / f"one.{suffix}").read_bytes() == (tmp_path / f"two.{suffix}").read_bytes()


@pytest.mark.parametrize("write", [write_performance_midi, write_performance_wav])
def test_a_full_disk_or_a_missing_folder_is_one_line_and_loses_nothing(tmp_path: Path, write: object) -> None:
    assert callable(write)
    performance = played(pattern_of(5, Meter.parse("6/8")))
    if Path("/dev/full").is_char_device():
        with pytest.raises(FileError, match="No space left"):
            write("/dev/full", performance)
    with pytest.raises(FileError, match="cannot be written"):
        write(tmp_path / "nowhere" / "x", performance)
    kept = tmp_path / "kept"
    kept.mkdir()
    with pytest.raises(FileError, match="unchanged"):
        write(kept, performance)
    assert list(tmp_path.iterdir()) == [kept]


def test_no_bars_or_far_too_many_are_refused() -> None:
    from performance.cursor import still
    from performance.render import perform

    for bars in (0, -1, 2001):
        with pytest.raises(UsageError, match="1 to 2000"):
            perform(None, still((0.5, 0.5)), meter=Meter.parse("4/4"), bars=bars, bpm=120)  # type: ignore[arg-type]
