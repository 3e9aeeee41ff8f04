"""Kits: which notes are read as which voice."""

from __future__ import annotations

import pytest
from hypothesis import given
from strategies import kits

from rvae.errors import KitError
from rvae.kit import STANDARD_KIT, Kit, Voice


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
