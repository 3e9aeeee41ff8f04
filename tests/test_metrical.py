"""The meter of a clip that does not say it: estimated where the music is clear, asked where it is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import midi, on, track

from rvae import read_corpus
from rvae.__main__ import main
from rvae.card import ClipCard
from rvae.certainty import CERTAIN
from rvae.corpus import bundled_corpora
from rvae.metrical import estimate_meter
from rvae.midi import read_midi
from rvae.stretches import find_stretches

KICK, SNARE, HAT = 36, 38, 42


def bars(*beats: tuple[float, int], bar: float, count: int) -> bytes:
    """A clip without a time signature: the same (quarter, pitch) in each bar of so many quarters."""
    notes = [(round((number * bar + at) * 96), on(pitch)) for number in range(count) for at, pitch in beats]
    end = round(count * bar * 96) - max(pulse for pulse, _ in notes)
    return midi(track(*notes, end=end))


HATS4 = [(quarter / 2, HAT) for quarter in range(8)]
ROCK = bars((0, KICK), (1, SNARE), (2, KICK), (2.5, KICK), (3, SNARE), *HATS4, bar=4, count=4)
WALTZ = bars((0, KICK), (1, SNARE), (2, SNARE), *((quarter, HAT) for quarter in range(3)), bar=3, count=4)
JIG = bars((0, KICK), (0, HAT), (1, HAT), (1.5, SNARE), (1.5, HAT), (2.5, HAT), bar=3, count=1)
SEVEN = bars((0, KICK), (1, SNARE), (2, SNARE), (0.5, HAT), (1.5, HAT), (2.5, HAT), (3, HAT), bar=3.5, count=4)


@pytest.mark.parametrize(("data", "meter"), [(ROCK, "4/4"), (WALTZ, "3/4"), (SEVEN, "7/8")])
def test_clear_music_says_its_meter(data: bytes, meter: str, tmp_path: Path) -> None:
    (tmp_path / "a.mid").write_bytes(data)
    corpus = read_corpus(tmp_path)
    assert [found.name.split("(")[0] for found in corpus.meters] == [meter]
    (note,) = [note for note in corpus.report.clips[0].notes if "time signature" in note]
    assert "by its music" in note
    assert "% certain" in note


def test_where_it_is_not_clear_there_is_a_question_and_the_card_answers_it(tmp_path: Path) -> None:
    (tmp_path / "a.mid").write_bytes(JIG)  # six eighths with the same stroke on each are two threes or three twos
    corpus = read_corpus(tmp_path)
    assert [meter.name for meter in corpus.meters] == ["4/4"]
    (question,) = [note for note in corpus.report.clips[0].notes if "?" in note]
    for part in ("6/8", "3/4", "rvae card"):
        assert part in question
    assert main(["card", str(tmp_path), "--clip", "a.mid", "--meter", "6/8"]) == 0
    corpus = read_corpus(tmp_path)
    assert [meter.name for meter in corpus.meters] == ["6/8"]
    assert not any("?" in note for note in corpus.report.clips[0].notes)


def test_a_meter_that_is_none_is_not_written_into_a_card(tmp_path: Path) -> None:
    (tmp_path / "a.mid").write_bytes(JIG)
    assert main(["card", str(tmp_path), "--clip", "a.mid", "--meter", "3/5"]) == 2
    assert main(["card", str(tmp_path), "--meter", "3/4"]) == 2
    assert not (tmp_path / "dataset.toml").exists()


def test_what_the_file_says_is_never_overruled(tmp_path: Path) -> None:
    for folder in bundled_corpora().values():
        report = read_corpus(folder).report
        assert all(clip.estimate is None for clip in report.clips)


@given(st.lists(st.tuples(st.floats(0, 2000), st.integers(0, 127)), max_size=60), st.floats(0, 2100))
def test_any_onsets_have_an_estimate_with_a_chance(notes: list[tuple[float, int]], length: float) -> None:
    quarters = np.array([quarter for quarter, _ in notes], dtype=np.float64)
    pitches = np.array([pitch for _, pitch in notes], dtype=np.int64)
    found = estimate_meter(quarters, pitches, pitches % 3, np.ones(len(notes)), length)
    assert (found is None) == (not (quarters < 128).any())  # later than any clip begins
    if found is not None:
        assert 0 < found.certainty <= 1
        assert found.meter != found.other
        assert found.is_certain <= (found.certainty >= CERTAIN)


def asked(data: bytes, folder: Path) -> bool:
    """Whether a clip leads to a question about its meter."""
    (folder / "a.mid").write_bytes(data)
    (clip,) = read_corpus(folder).report.clips
    assert clip.estimate is not None
    return not clip.estimate.is_certain


BEAT = [(0, KICK), (1, SNARE), (2, KICK), (2.5, KICK), (3, SNARE), *HATS4]


def test_little_to_hear_leads_to_a_question(tmp_path: Path) -> None:
    assert not asked(bars(*BEAT, bar=4, count=4), tmp_path)
    assert asked(bars(*((at, HAT) for at, _ in BEAT), bar=4, count=4), tmp_path)  # one voice has no beat of its own
    one_bar = [(round(at * 96), on(pitch)) for at, pitch in BEAT if at < 3.5]
    assert asked(midi(track(*one_bar, end=0)), tmp_path)  # ends with its last note: nobody knows of what length it is


def test_a_length_that_is_no_number_of_bars_leads_to_a_question(tmp_path: Path) -> None:
    assert asked(bars(*BEAT, *((4 + at, pitch) for at, pitch in BEAT if at < 2), bar=6.5, count=1), tmp_path)
    horo = [(eighth / 2, SNARE) for eighth in (3, 5, 7, 11, 14, 16, 18, 21, 23)]
    assert asked(bars((0, KICK), (4.5, KICK), *horo, bar=12.5, count=1), tmp_path)  # 25/8: none that is weighed


def test_what_comes_again_across_the_bars_leads_to_a_question(tmp_path: Path) -> None:
    ride = [(quarter, 51) for quarter in range(6)]
    two_waltzes = [(0, KICK), (2, KICK), (3, SNARE), *ride]  # a snare in every second bar
    strokes = [(round((6 * number + at) * 96), on(pitch)) for number in range(8) for at, pitch in two_waltzes]
    assert asked(midi(track(*strokes, end=1)), tmp_path)
    train = [(beat + at, SNARE) for beat in range(5) for at in (0, 2 / 3)]
    assert asked(bars((3, 51), (4, 51), *train, bar=5, count=24), tmp_path)
    varied = [*BEAT, *((4 + at, pitch) for at, pitch in BEAT if at != 2.5)]
    assert not asked(bars(*varied, bar=8, count=4), tmp_path)


def test_a_bar_cut_off_at_the_front_or_more_of_them_do_not_change_the_answer(tmp_path: Path) -> None:
    for count in (2, 3, 8, 16):
        assert not asked(bars(*BEAT, bar=4, count=count), tmp_path)
        assert [meter.name for meter in read_corpus(tmp_path).meters] == ["4/4"]


def share(files: list[Path]) -> tuple[int, int, int]:
    """Of clips in one meter, their time signature taken away: how many, how many certain, how many of those right."""
    count = certain = right = 0
    for file in files:
        clip = read_midi(file)
        said = {sign[1:] for sign in clip.signatures}
        if len(said) != 1 or not len(clip.notes):
            continue
        found = find_stretches(replace(clip, signatures=(), texts=()), (), ClipCard()).estimate
        count += 1
        if found is not None and found.is_certain:
            certain += 1
            right += (found.meter.numerator, found.meter.denominator) in said
    return count, certain, right


def test_bundled_clips_without_their_time_signatures_are_known_by_their_music() -> None:
    count, certain, right = share([file for folder in bundled_corpora().values() for file in folder.glob("*.mid")])
    assert certain >= count / 2
    assert right >= 0.95 * certain


@pytest.mark.parametrize("name", ["timelines", "drumset-patterns", "groove-midi"])
def test_other_peoples_clips_without_their_time_signatures_are_known_or_asked_about(shared: Path, name: str) -> None:
    count, certain, right = share(sorted((shared / "data" / name).glob("*.mid")))
    assert certain >= count / 2
    assert right >= 0.9 * certain
