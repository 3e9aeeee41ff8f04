"""The bundled corpora: what a card promises is in the files, and a slip in their notation is named."""

from __future__ import annotations

import importlib.util
import itertools
import sys
import tomllib
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import mido
import pytest

from rvae.kit import STANDARD_KIT
from rvae.meter import Meter

DATASETS = Path(__file__).resolve().parents[1] / "datasets"
CORPORA = sorted(path.parent.name for path in DATASETS.glob("*/dataset.toml"))
CLIPS = sorted(path.relative_to(DATASETS).as_posix() for path in DATASETS.glob("*/*.mid"))

CARD_KEYS = {"name", "title", "description", "people", "method", "meters", "tempo_qpm", "licence", "consent"}
CARD_KEYS |= {"known_gaps", "tags", "clips"}
CLIP_KEYS = {"title", "meter", "bars", "qpm", "tags", "note"}

BEAT = """[one]
title One
meter {meter}
qpm 120
tags test
note A test.
{lines}
"""


@pytest.fixture(scope="module")
def compose() -> ModuleType:
    # datasets/ is no package, so its script is loaded by its path.
    spec = importlib.util.spec_from_file_location("compose_datasets", DATASETS / "compose.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def card_of(corpus: str) -> dict[str, Any]:
    return tomllib.loads((DATASETS / corpus / "dataset.toml").read_text(encoding="utf-8"))


def entry_of(clip: str) -> dict[str, Any]:
    corpus, _, name = clip.partition("/")
    entry: dict[str, Any] = card_of(corpus)["clips"][name]
    return entry


def notes_of(clip: str) -> list[tuple[int, int, int]]:
    """Start in MIDI ticks, pitch, velocity."""
    now, notes = 0, []
    for message in mido.MidiFile(DATASETS / clip).tracks[0]:
        now += message.time
        if message.type == "note_on":
            notes.append((now, message.note, message.velocity))
    return notes


def onsets_of(clip: str) -> list[tuple[int, int]]:
    """Row of the standard kit and nearest tick of the grid, one for each note."""
    meter = Meter.parse(entry_of(clip)["meter"])
    rows = [(STANDARD_KIT.row_of_pitch(pitch), start) for start, pitch, _ in notes_of(clip)]
    return [(-1 if row is None else row, round(meter.ticks_at(Fraction(start, 480)))) for row, start in rows]


def test_there_are_at_least_five_corpora_and_no_package() -> None:
    assert {"straight-four", "triplets-in-four", "threes", "twelve-eight", "additive"} <= set(CORPORA)
    assert not list(DATASETS.rglob("__init__.py"))


@pytest.mark.parametrize("corpus", CORPORA)
def test_a_corpus_has_a_dozen_to_forty_clips_and_its_card_names_each(corpus: str) -> None:
    card = card_of(corpus)
    assert set(card) >= CARD_KEYS
    assert card["name"] == corpus
    assert card["licence"] == "CC0-1.0"
    assert "not played" in card["method"]
    assert all(person["name"] and person["role"] for person in card["people"])
    assert card["known_gaps"]
    assert set(card["clips"]) == {path.name for path in (DATASETS / corpus).glob("*.mid")}
    assert 12 <= len(card["clips"]) <= 40
    assert {clip["meter"] for clip in card["clips"].values()} == set(card["meters"])
    assert all(card["tempo_qpm"][0] <= clip["qpm"] <= card["tempo_qpm"][1] for clip in card["clips"].values())
    assert sum(clip["bars"] == 2 for clip in card["clips"].values()) * 2 >= len(card["clips"])


@pytest.mark.parametrize("corpus", CORPORA)
def test_the_files_are_what_the_notation_gives(corpus: str, compose: ModuleType) -> None:
    made = compose.compose(DATASETS / corpus)
    assert [path.name for path, data in made.items() if path.read_bytes() != data] == []


@pytest.mark.parametrize("clip", CLIPS)
def test_a_file_read_back_agrees_with_its_card(clip: str) -> None:
    entry = entry_of(clip)
    assert set(entry) == CLIP_KEYS
    meter = Meter.parse(entry["meter"])
    file = mido.MidiFile(DATASETS / clip)
    meta = {message.type: message for message in file.tracks[0] if message.is_meta}
    assert file.type == 0
    assert file.ticks_per_beat == 480
    assert (meta["time_signature"].numerator, meta["time_signature"].denominator) == (
        meter.numerator,
        meter.denominator,
    )
    assert meta["track_name"].name == entry["title"]
    assert meta["text"].text == f"meter {entry['meter']}"
    assert mido.tempo2bpm(meta["set_tempo"].tempo) == pytest.approx(entry["qpm"], rel=1e-4)
    assert {message.channel for message in file.tracks[0] if not message.is_meta} == {9}


@pytest.mark.parametrize("clip", CLIPS)
def test_a_file_is_a_whole_number_of_bars_and_every_note_ends_in_it(clip: str) -> None:
    entry = entry_of(clip)
    length = sum(message.time for message in mido.MidiFile(DATASETS / clip).tracks[0])
    assert length == entry["bars"] * Meter.parse(entry["meter"]).bar_quarters * 480
    assert entry["bars"] in (1, 2, 4)
    sounding: set[int] = set()
    for message in mido.MidiFile(DATASETS / clip).tracks[0]:
        if message.type == "note_on":
            assert message.note not in sounding
            sounding.add(message.note)
        elif message.type == "note_off":
            sounding.remove(message.note)
    assert not sounding


@pytest.mark.parametrize("clip", CLIPS)
def test_a_clip_has_loud_and_soft_notes(clip: str) -> None:
    velocities = [velocity for _, _, velocity in notes_of(clip)]
    assert len(set(velocities)) >= 4
    assert max(velocities) - min(velocities) >= 45
    assert len(velocities) >= 10 * entry_of(clip)["bars"] / 2


@pytest.mark.parametrize("clip", CLIPS)
def test_the_standard_kit_reads_every_note_and_none_falls_on_another(clip: str) -> None:
    onsets = onsets_of(clip)
    assert all(row >= 0 for row, _ in onsets)
    assert len(set(onsets)) == len(onsets)


@pytest.mark.parametrize("corpus", CORPORA)
def test_no_two_clips_of_a_corpus_are_nearly_the_same(corpus: str) -> None:
    onsets = {clip: set(onsets_of(clip)) for clip in CLIPS if clip.startswith(f"{corpus}/")}
    assert [pair for pair in itertools.combinations(onsets, 2) if len(onsets[pair[0]] ^ onsets[pair[1]]) < 6] == []


def test_all_nine_voices_are_played_in_every_corpus() -> None:
    for corpus in CORPORA:
        rows = {row for clip in CLIPS if clip.startswith(f"{corpus}/") for row, _ in onsets_of(clip)}
        assert rows == set(range(len(STANDARD_KIT))), corpus


def test_every_corpus_has_notes_off_the_grid() -> None:
    for corpus in CORPORA:
        clips = [clip for clip in CLIPS if clip.startswith(f"{corpus}/")]
        meters = {clip: Meter.parse(entry_of(clip)["meter"]) for clip in clips}
        exact = [meters[clip].ticks_at(Fraction(start, 480)) for clip in clips for start, _, _ in notes_of(clip)]
        off = sum(tick.denominator > 1 for tick in exact) / len(exact)
        assert 0.05 < off < 0.9, corpus


def test_swing_push_lean_and_flam_move_notes_as_the_notation_says(compose: ModuleType) -> None:
    lines = "swing 60\npush snare +10\nlean 0 0 -1 0\nhat xxxx .... x... ....\nsnare .... f... .... ...."
    clip = compose.read_rhythms(BEAT.format(meter="4/4", lines=lines))[0]
    at = {pitch: [note.start / 20 for note in clip.notes if note.pitch == pitch] for pitch in (38, 42)}
    assert at[42] == [0, 7.2, 12, 19.2, 47]  # 60 % of 12 ticks; a tick early in the third beat
    assert at[38] == [22.5, 24.5]  # 10 ms is 0.48 of a tick at 120; the grace note two ticks earlier
    quiet, loud = (note.velocity for note in clip.notes if note.pitch == 38)
    assert quiet < 45 < loud


def test_a_beat_of_three_eighths_holds_three_and_a_beat_of_two_holds_two(compose: ModuleType) -> None:
    clip = compose.read_rhythms(BEAT.format(meter="7/8(2+2+3)", lines="hat xx xx xxx"))[0]
    assert [note.start for note in clip.notes] == [0, 240, 480, 720, 960, 1200, 1440]


def test_an_early_push_never_leaves_the_file(compose: ModuleType) -> None:
    clip = compose.read_rhythms(BEAT.format(meter="4/4", lines="push hat -20\nhat x x x x"))[0]
    assert clip.notes[0].start == 0
    assert clip.notes[1].start < 480


@pytest.mark.parametrize(
    ("meter", "lines", "message"),
    [
        ("4/4", "kick x... x... x...", "bar 1: 3 beats written, 4/4 has 4"),
        ("4/4", "kick x... x... x... x....", "beat 'x....' is not 1, 2, 3"),
        ("4/4", "kick x... x... x... x.?.", "beat 'x.?.'"),
        ("4/4", "cymbal x x x x", "does not know ['cymbal']"),
        ("4/4", "kick x x x x\nsnare x x x x | x x x x", "the same 1, 2 or 4 bars; given [1, 2]"),
        ("4/4", "kick x x x x | % | %", "the same 1, 2 or 4 bars; given [3]"),
        ("4/4", "kick . . . .", "it never plays"),
        ("4/4", "kick f x x x", "no room for a flam"),
        ("4/4", "kick x x x x\nkick x x x x", "kick is written twice"),
        ("4/4", "push kick +80\nkick x x x x", "2.5 are allowed"),
        ("4/4", "push snare +8\nkick x x x x", "push names a voice that does not play: snare"),
        ("4/4", "lean 0 1\nkick x x x x", "lean has 2 numbers, the meter has 4 beats"),
        ("7/8(2+2+2)", "kick x x x", "the grouping adds up to 6, not to 7"),
        ("4/4", "", "lacks []"),
    ],
)
def test_a_slip_in_the_notation_is_named_with_its_clip(
    meter: str, lines: str, message: str, compose: ModuleType
) -> None:
    with pytest.raises(compose.RhythmError) as caught:
        compose.read_rhythms(BEAT.format(meter=meter, lines=lines))
    assert "[one]" in str(caught.value)
    assert message in str(caught.value)


def test_the_same_name_twice_is_refused(compose: ModuleType) -> None:
    block = BEAT.format(meter="4/4", lines="kick x x x x")
    with pytest.raises(compose.RhythmError, match="two clips are called one"):
        compose.read_rhythms(block + block)
