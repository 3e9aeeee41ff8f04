"""Kits: which notes are read as which voice."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from strategies import kits, midi, on, track

from rvae import load, read_corpus, train
from rvae.errors import KitError
from rvae.fitting import Recipe
from rvae.kit import STANDARD_KIT, Kit, Voice
from rvae.kitfile import find_kit, kit_names

_FACTORY = [
    ("roland-td", 22, "closed_hat"), ("roland-td", 58, "low_tom"), ("roland-td", 40, "snare_rim"),
    ("roland-tr", 43, "low_tom"), ("roland-tr", 47, "mid_tom"), ("roland-tr", 50, "high_tom"),
    ("ableton", 36, "kick"), ("ableton", 37, "rim"), ("ableton", 46, "open_hat"), ("ableton", 51, "cowbell"),
    ("alesis", 23, "open_hat"), ("superior", 24, "open_hat"), ("superior", 22, "closed_hat"), ("gm2", 86, "hand_drums"),
    ("logic", 53, "ride_bell"), ("gm", 76, "small_percussion"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("pitch", "voice"),
    [
        (35, "kick"), (36, "kick"), (38, "snare"), (40, "snare"), (37, "snare"), (39, "clap"), (42, "closed_hat"),
        (44, "closed_hat"), (46, "open_hat"), (41, "low_tom"), (43, "low_tom"), (45, "mid_tom"), (47, "mid_tom"),
        (48, "high_tom"), (50, "high_tom"), (49, "cymbal"), (51, "cymbal"), (53, "cymbal"), (59, "cymbal"),
    ],
)  # fmt: skip
def test_general_midi_drums_are_read_as_what_they_are(pitch: int, voice: str) -> None:
    assert STANDARD_KIT.names[STANDARD_KIT.row_of_pitch(pitch) or 0] == voice


@pytest.mark.parametrize(("pitch", "voice"), [(22, "closed_hat"), (26, "open_hat"), (58, "low_tom")])
def test_the_edges_and_rims_of_a_roland_td_are_not_lost(pitch: int, voice: str) -> None:
    row = STANDARD_KIT.row_of_pitch(pitch)
    assert row is not None
    assert STANDARD_KIT.names[row] == voice


def test_every_general_midi_drum_has_a_voice() -> None:
    assert [pitch for pitch in range(35, 82) if STANDARD_KIT.row_of_pitch(pitch) is None] == [71, 72]  # the whistles


def test_what_a_voice_plays_is_read_as_that_voice() -> None:
    for row, voice in enumerate(STANDARD_KIT.voices):
        assert STANDARD_KIT.row_of_pitch(voice.pitch_out) == row


@given(kits())
def test_a_kit_file_reads_back_as_the_kit(kit: Kit) -> None:
    assert Kit.from_toml(kit.to_toml()) == kit


@given(kits())
def test_each_note_is_read_as_the_voice_that_lists_it(kit: Kit) -> None:
    for row, voice in enumerate(kit.voices):
        assert kit.row_of_name(voice.name) == row
        assert {kit.row_of_pitch(pitch) for pitch in voice.pitches_in} == {row}


def test_a_note_in_two_voices_is_refused_by_name() -> None:
    with pytest.raises(KitError, match="note 36 is both kick and boom"):
        Kit("mine", (Voice("kick", (36,), 36), Voice("boom", (35, 36), 35)))


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("nonsense", "TOML"),
        ("name = 'x'", "voice"),
        ("[[voice]]\nname = 'kick'\nin = 36\nout = 36", "in ="),
        ("[[voice]]\nname = 'kick'\nin = [true]\nout = 36", "whole numbers"),
        ("[[voice]]\nname = 'kick'\nin = [200]\nout = 36", "200"),
        ("[[voice]]\nname = 'Kick Drum'\nin = [36]\nout = 36", "rename"),
        ("[[voice]]\nname = 'a'\nin = []\nout = 36", "at least one"),
    ],
)
def test_a_kit_file_that_is_none_is_refused_in_one_line(text: str, part: str) -> None:
    with pytest.raises(KitError) as refusal:
        Kit.from_toml(text, where="mine.toml")
    assert part in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_voice_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(KitError, match="kick, snare"):
        STANDARD_KIT.row_of_name("gong")


@pytest.mark.parametrize("name", kit_names())
def test_a_named_kit_can_be_used_and_plays_what_it_reads(name: str) -> None:
    kit = find_kit(name)
    assert kit.name == name
    assert Kit.from_toml(kit.to_toml()) == kit
    for voice in kit.voices:
        assert kit.row_of_pitch(voice.pitch_out) == kit.row_of_name(voice.name)


@pytest.mark.parametrize(("name", "pitch", "voice"), _FACTORY)
def test_a_machines_notes_are_read_as_its_pads(name: str, pitch: int, voice: str) -> None:
    kit = find_kit(name)
    assert kit.row_of_pitch(pitch) == kit.row_of_name(voice)


def test_a_kit_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    for name in ("nowhere", str(tmp_path), "../kit"):
        with pytest.raises(KitError, match="standard, ableton") as refusal:
            find_kit(name)
        assert "\n" not in str(refusal.value)


def test_a_model_keeps_a_named_kit_and_a_song_of_its_notes_comes_back(tmp_path: Path) -> None:
    (tmp_path / "a.mid").write_bytes(midi(track((0, on(36)), (24, on(22)), (48, on(26)), (96, on(40)), (144, on(53)))))
    corpus = read_corpus(tmp_path / "a.mid", kit=find_kit("roland-td"))
    assert {name: count for name, count in corpus.report.clips[0].voices.items() if count} == {
        "kick": 1, "closed_hat": 1, "open_hat": 1, "snare_rim": 1, "ride_bell": 1,
    }  # fmt: skip
    train(corpus, recipe=Recipe(steps=2, steps_per_anchor=0, plane_steps=0, batch=96)).save(tmp_path / "m.rvae")
    assert load(tmp_path / "m.rvae").kit == find_kit("roland-td")
