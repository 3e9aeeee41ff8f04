"""Clips that were played freely, with no tempo: their beats are found or asked for; a take to a click keeps its own."""

from __future__ import annotations

import json
import re
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import midi, on, tempo, track

from rvae import read_corpus
from rvae.__main__ import main
from rvae.card import ClipCard
from rvae.corpus import bundled_corpora
from rvae.cutting import with_beats
from rvae.exporting import export
from rvae.findings import find
from rvae.following import Take
from rvae.import_page import import_page
from rvae.kit import STANDARD_KIT
from rvae.midi import MidiClip, read_midi
from rvae.reading import Reading
from rvae.tempo import find_beats

KICK, SNARE, HAT = 36, 38, 42
Stroke = tuple[float, int]  # seconds, pitch
BAR = [(0, KICK), (1, SNARE), (2, KICK), (2.5, KICK), (3, SNARE), *((eighth / 2, HAT) for eighth in range(8))]


def played(bpm: float, bars: int = 12, *, wander: float = 0.0, scatter_s: float = 0.008, seed: int = 0) -> list[Stroke]:
    """A backbeat by a person: the tempo wanders by this share of itself from beat to beat, the strokes scatter."""
    chance = np.random.default_rng(seed)
    steps = np.clip(np.cumsum(chance.normal(0, wander, 4 * bars + 1)), -0.1, 0.1)
    times = np.concatenate(([0.0], np.cumsum(60 / bpm * (1 + steps))))
    strokes = [(bar * 4 + place, pitch) for bar in range(bars) for place, pitch in BAR]
    seconds = np.interp([place for place, _ in strokes], np.arange(len(times)), times)
    late = chance.normal(0, scatter_s, len(strokes))
    return [(0.4 + max(0.0, float(at)), strokes[i][1]) for i, at in enumerate(seconds + late)]


def pad_file(strokes: list[Stroke], end_s: float | None = None) -> bytes:
    """What a pad recorder writes that knows no tempo: real time under the 120 that MIDI then means."""
    last = max(at for at, _ in strokes)
    end = 0 if end_s is None else round((end_s - last) * 960)
    return midi(track(*((round(at * 960), on(pitch)) for at, pitch in strokes), end=end), ppq=480)


@pytest.mark.parametrize(("bpm", "wander"), [(84.0, 0.0), (97.0, 0.004), (133.0, 0.004)])
def test_a_take_with_no_tempo_is_put_onto_the_beats_it_was_played_on(bpm: float, wander: float, tmp_path: Path) -> None:
    (tmp_path / "pads.mid").write_bytes(pad_file(played(bpm, wander=wander)))
    corpus = read_corpus(tmp_path)
    (clip,) = corpus.report.clips
    assert clip.tempo is not None
    assert clip.tempo.bpm == pytest.approx(bpm, rel=0.04 if wander else 0.01)
    (note,) = [note for note in clip.notes if "played freely" in note]
    assert "bpm estimated" in note
    assert "% certain" in note
    wanted = {(pitch, round(place * 24)) for place, pitch in BAR}
    rows = {STANDARD_KIT.row_of_pitch(pitch): pitch for pitch in (KICK, SNARE, HAT)}
    for pattern in corpus.patterns:
        found = {(rows[row], tick % 96) for row, tick in zip(*np.nonzero(pattern.onset), strict=True)}
        assert found == wanted
        assert pattern.qpm == pytest.approx(bpm, rel=0.15)


def test_scatter_around_the_beats_is_kept_as_microtiming(tmp_path: Path) -> None:
    strokes = [(at + (0.025 if pitch == SNARE else 0.0), pitch) for at, pitch in played(93.0, scatter_s=0.003)]
    (tmp_path / "pads.mid").write_bytes(pad_file(strokes))
    snare, hat = STANDARD_KIT.row_of_name("snare"), STANDARD_KIT.row_of_name("closed_hat")
    for pattern in read_corpus(tmp_path).patterns:
        off_ms = pattern.microtiming * 60_000 / pattern.qpm / 24
        late = off_ms[snare][pattern.onset[snare] == 1].mean() - off_ms[hat][pattern.onset[hat] == 1].mean()
        assert late == pytest.approx(25, abs=6)


def test_a_take_to_a_click_keeps_its_tempo() -> None:
    for folder in bundled_corpora().values():
        assert all(clip.tempo is None for clip in read_corpus(folder).report.clips)


def test_onsets_on_the_grid_of_120_are_no_free_playing(tmp_path: Path) -> None:
    (tmp_path / "a.mid").write_bytes(pad_file([(at - 0.4, pitch) for at, pitch in played(120.0)]))
    (clip,) = read_corpus(tmp_path).report.clips
    assert clip.tempo is None
    assert clip.qpm == 120


def test_onsets_on_no_beat_at_all_are_read_at_120_and_that_is_said(tmp_path: Path) -> None:
    chance = np.random.default_rng(1)
    anywhere = [(float(at), int(chance.choice([KICK, SNARE, HAT]))) for at in sorted(chance.uniform(0, 30, 90))]
    (tmp_path / "a.mid").write_bytes(pad_file(anywhere))
    (clip,) = read_corpus(tmp_path).report.clips
    assert clip.tempo is None
    assert any("no beat is heard" in note and "--bpm" in note for note in clip.notes)


def test_where_the_tempo_is_not_clear_there_is_a_question_and_the_card_answers_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = np.random.default_rng(1)
    even = [(0.3 + 0.37 * number + float(chance.normal(0, 0.004)), HAT) for number in range(64)]
    (tmp_path / "pads.mid").write_bytes(pad_file(even))
    (tmp_path / "other.mid").write_bytes(midi(track((0, tempo(500_000)), *((96 * n, on(HAT)) for n in range(8)))))
    corpus = read_corpus(tmp_path)
    (dropped,) = corpus.report.dropped
    assert dropped.onsets == 64
    assert "played freely" in dropped.reason
    assert re.search(r"is it \d+ bpm \(\d+%\) or \d+\?", dropped.reason)
    assert "--bpm" in dropped.reason
    assert corpus.report.onsets + dropped.onsets == corpus.report.note_ons
    page = tmp_path / "page.html"
    assert main(["inspect", str(tmp_path), "-o", str(page)]) == 0
    asked = capsys.readouterr().out.partition("Questions that only you can answer:")[2]
    assert re.search(r"not taken yet: .*is it \d+ bpm or \d+\? .*: pads.mid", asked)
    assert "Not taken" not in asked
    text = page.read_text(encoding="utf-8")
    assert "pads.mid" in text.partition("Questions: which tempo?")[2].partition("</table>")[0]
    assert "What was not taken" not in text
    assert main(["card", str(tmp_path), "--clip", "pads.mid", "--bpm", "81"]) == 0
    corpus = read_corpus(tmp_path)
    assert not corpus.report.dropped
    (clip,) = [clip for clip in corpus.report.clips if clip.file.endswith("pads.mid")]
    assert clip.onsets == 64
    assert clip.tempo is not None
    assert clip.tempo.bpm == pytest.approx(60 / 0.37 / 2, rel=0.01)
    assert any("as its card says" in note for note in clip.notes)
    capsys.readouterr()
    assert main(["inspect", str(tmp_path), "--json"]) == 0
    (said,) = json.loads(capsys.readouterr().out)["tempo_estimates"]
    assert said["taken"]


@pytest.mark.parametrize("bpm", ["5", "nan", "1e9"])
def test_a_tempo_that_is_none_is_not_written_into_a_card(bpm: str, tmp_path: Path) -> None:
    (tmp_path / "a.mid").write_bytes(pad_file(played(97.0)))
    assert main(["card", str(tmp_path), "--clip", "a.mid", "--bpm", bpm]) == 2
    assert main(["card", str(tmp_path), "--bpm", "90"]) == 2
    assert not (tmp_path / "dataset.toml").exists()


def test_a_tempo_that_the_music_does_not_keep_to_is_asked_about_and_stands(tmp_path: Path) -> None:
    strokes = [(round(at * 960), on(pitch)) for at, pitch in played(97.0, wander=0.004)]
    (tmp_path / "daw.mid").write_bytes(midi(track((0, tempo(500_000)), *strokes), ppq=480))
    (clip,) = read_corpus(tmp_path).report.clips
    assert clip.qpm == 120
    assert any("played freely, at 9" in note and "--bpm" in note for note in clip.notes)
    fives = [
        (round(at * 960), on(pitch)) for at, pitch in played(150.0, scatter_s=0.003)
    ]  # four of them, five quarters
    (tmp_path / "daw.mid").write_bytes(midi(track((0, tempo(500_000)), *fives), ppq=480))
    (clip,) = read_corpus(tmp_path).report.clips
    assert any("on fifths of the beat, or was it played freely, at 150?" in note for note in clip.notes)
    corpus = read_corpus(tmp_path)
    page = import_page(corpus, find(corpus))
    assert "Of 1 file something else is asked" in page
    assert "<td>daw.mid</td><td>at its tempo of 120 its onsets are on fifths" in page
    (tmp_path / "daw.mid").write_bytes(midi(track((0, tempo(500_000)), *strokes), ppq=480))
    assert main(["card", str(tmp_path), "--clip", "daw.mid", "--bpm", "97"]) == 0
    (clip,) = read_corpus(tmp_path).report.clips
    assert clip.qpm == pytest.approx(97, rel=0.1)


def test_a_loop_with_no_tempo_has_as_many_bars_as_its_length_tells(tmp_path: Path) -> None:
    strokes = [(at - 0.4, pitch) for at, pitch in played(93.0, 4, scatter_s=0.002)]
    (tmp_path / "loop.mid").write_bytes(pad_file(strokes, end_s=16 * 60 / 93))
    (clip,) = read_corpus(tmp_path).report.clips
    assert clip.tempo is not None
    assert clip.tempo.bpm == pytest.approx(93, rel=0.005)
    assert clip.bars == 4
    assert clip.patterns == 2


@pytest.mark.parametrize(("frames", "second"), [(24, 24), (25, 25), (29, 30 / 1.001), (30, 30)])
def test_a_file_in_real_time_is_heard_as_one_played_freely(frames: int, second: float, tmp_path: Path) -> None:
    parts = 41  # to a frame
    events = [(round(at * second * parts), on(pitch)) for at, pitch in played(97.0)]
    division = (256 - frames) << 8 | parts
    chunk = track((0, tempo(300_000)), *events)
    (tmp_path / "a.mid").write_bytes(b"MThd" + struct.pack(">IHHH", 6, 0, 1, division) + chunk)
    (clip,) = read_corpus(tmp_path).report.clips
    assert clip.tempo is not None
    assert clip.tempo.bpm == pytest.approx(97, rel=0.01)
    assert any("frames" in note for note in clip.notes)


def test_a_known_meter_is_kept_to(tmp_path: Path) -> None:
    chance = np.random.default_rng(3)
    beat = 0.61
    strokes = [
        (0.2 + beat * (bar * 2 + place) + float(chance.normal(0, 0.005)), pitch)
        for bar in range(12)
        for place, pitch in [(0, KICK), (1, SNARE), *((third / 3, HAT) for third in range(6))]
    ]
    (tmp_path / "jig.mid").write_bytes(pad_file(strokes))
    assert main(["card", str(tmp_path), "--clip", "jig.mid", "--meter", "6/8"]) == 0
    corpus = read_corpus(tmp_path)
    assert [meter.name for meter in corpus.meters] == ["6/8"]
    assert corpus.report.clips[0].tempo is not None
    assert corpus.report.clips[0].tempo.bpm == pytest.approx(60 / beat, rel=0.02)
    assert corpus.patterns[0].qpm == pytest.approx(90 / beat, rel=0.05)


def test_a_free_take_is_exported_as_it_was_understood(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "pads.mid").write_bytes(pad_file(played(97.0, wander=0.004)))
    for on_time in (False, True):
        corpus = read_corpus(tmp_path / "clips", on_time=on_time)
        assert export(corpus, tmp_path / f"out-{on_time}", Reading(on_time=on_time)) == {"pads.mid": True}


@given(
    st.lists(st.tuples(st.floats(0, 3000), st.sampled_from([KICK, SNARE, HAT])), max_size=80),
    st.floats(0, 3100),
    st.none() | st.floats(20, 400),
)
def test_any_onsets_have_beats_in_order_or_none(strokes: list[Stroke], end_s: float, bpm: float | None) -> None:
    strokes.sort()
    seconds = np.array([at for at, _ in strokes], dtype=np.float64)
    pitches = np.array([pitch for _, pitch in strokes], dtype=np.int64)
    found = find_beats(Take(seconds, pitches, pitches % 3, np.ones(len(seconds)), end_s), bpm=bpm)
    if found is not None:
        assert len(found.times_s) >= 2
        assert (np.diff(found.times_s) > 0).all()
        assert 0 < found.estimate.certainty <= 1


def without_tempo(clip: MidiClip, times: float) -> MidiClip:
    """As a recorder that knows no tempo would have it, played so many times as slowly."""
    us = clip.tempos[0][1]
    notes = clip.notes.copy()
    notes[:, 0] = np.rint(notes[:, 0] / clip.ppq * us / 1e6 * times * 1920)
    end = round(clip.end / clip.ppq * us / 1e6 * times * 1920)
    return replace(clip, ppq=960, notes=notes, tempos=(), signatures=(), texts=(), end=end)


def test_most_real_takes_without_their_tempo_are_found_again_where_it_is_certain(shared: Path) -> None:
    files = sorted((shared / "data" / "groove-midi").glob("*.mid"))[::6]
    certain = right = 0
    for number, file in enumerate(files):
        clip = read_midi(file)
        times = (0.87, 1.13)[number % 2]
        found = with_beats(without_tempo(clip, times), Reading(), ClipCard()).estimate
        if found is not None and found.is_certain:
            certain += 1
            right += abs(found.bpm * times * clip.tempos[0][1] / 60e6 - 1) < 0.04
    assert certain >= len(files) / 3
    assert right >= 0.9 * certain
