"""Kits: which notes are read as which voice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import kits, midi, on, track

from rvae import load, read_corpus, train
from rvae.errors import KitError
from rvae.fitting import Recipe
from rvae.kit import MAX_VOICES, STANDARD_KIT, Kit, Voice
from rvae.kitfile import find_kit, kit_names

_FACTORY = [
    ("roland-td", 22, "closed_hat"), ("roland-td", 58, "low_tom"), ("roland-td", 40, "snare_rim"),
    ("roland-tr", 43, "low_tom"), ("roland-tr", 47, "mid_tom"), ("roland-tr", 50, "high_tom"),
    ("roland-t8", 50, "clap"), ("ableton", 36, "kick"), ("ableton", 37, "rim"), ("ableton", 51, "cowbell"),
    ("alesis", 23, "open_hat"), ("superior", 24, "open_hat"), ("superior", 22, "closed_hat"), ("gm2", 86, "hand_drums"),
    ("logic", 53, "ride_bell"), ("gm", 76, "small_percussion"), ("alesis", 39, "low_tom"), ("alesis", 47, "mid_tom"),
    ("addictive", 36, "kick"), ("addictive", 49, "closed_hat"), ("addictive", 71, "high_tom"),
    ("superior", 48, "high_tom"), ("superior", 64, "open_hat"), ("superior", 60, "open_hat"), ("superior", 86, "crash"),
    ("addictive", 60, "ride"), ("slate", 59, "ride"), ("mt-power", 65, "pedal_hat"), ("mt-power", 44, "open_hat"),
    ("pads", 51, "pad_16"), ("mpc", 37, "pad_1"), ("mpc", 53, "pad_16"),
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
    ],
)
def test_a_kit_file_that_is_none_is_refused_in_one_line(text: str, part: str) -> None:
    with pytest.raises(KitError) as refusal:
        Kit.from_toml(text, where="mine.toml")
    assert part in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "pitch"), [("addictive", 63), ("addictive", 78), ("superior", 50), ("superior", 118), ("slate", 58)]
)
def test_a_choke_is_no_stroke(name: str, pitch: int) -> None:
    assert find_kit(name).row_of_pitch(pitch) is None


@given(st.text())
def test_a_kit_of_any_name_reads_back(name: str) -> None:
    kit = Kit(name, (Voice("kick", (36,), 36),))
    assert Kit.from_toml(kit.to_toml()) == kit


@given(kits(), st.integers(0, 127), st.data())
def test_a_note_that_is_given_to_a_voice_is_read_as_it_and_nothing_else_changes(
    kit: Kit, pitch: int, data: st.DataObject
) -> None:
    row = data.draw(st.none() | st.integers(0, len(kit) - 1))
    changed = kit.with_note(pitch, row)
    assert changed.row_of_pitch(pitch) == row
    assert [changed.row_of_pitch(other) for other in range(128) if other != pitch] == [
        kit.row_of_pitch(other) for other in range(128) if other != pitch
    ]
    assert (changed.names, [voice.pitch_out for voice in changed.voices]) == (
        kit.names,
        [voice.pitch_out for voice in kit.voices],
    )
    assert Kit.from_toml(changed.to_toml()) == changed


@given(kits(), st.integers(0, 127))
def test_a_voice_that_comes_and_goes_takes_its_note_with_it(kit: Kit, pitch: int) -> None:
    if len(kit) == MAX_VOICES:
        with pytest.raises(KitError, match="17 voices"):
            kit.with_voice("gong", pitch)
        return
    more = kit.with_voice("gong", pitch)
    assert more.row_of_pitch(pitch) == len(kit)
    assert more.voices[-1].pitch_out == pitch
    assert more.without_voice(len(kit)) == kit.with_note(pitch, None)


def test_voices_are_renamed_and_given_another_note_to_play() -> None:
    kit = STANDARD_KIT.renamed(0, "boom").with_out(0, 24)
    assert (kit.voices[0].name, kit.voices[0].pitch_out, kit.voices[1:]) == ("boom", 24, STANDARD_KIT.voices[1:])


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda kit: kit.renamed(0, "snare"), "rename one"),
        (lambda kit: kit.renamed(0, "Bass Drum"), "rename it"),
        (lambda kit: kit.renamed(9, "boom"), "no voice 10, there are 9"),
        (lambda kit: kit.with_out(0, 128), "outside 0..127"),
        (lambda kit: kit.with_note(-1, 0), "outside 0..127"),
        (lambda kit: kit.with_voice("kick", 90), "rename one"),
        (lambda kit: kit.with_note(36, -1), "choose one"),
        (lambda kit: Kit("one", kit.voices[:1]).without_voice(0), "1 to 16"),
    ],
)
def test_a_change_that_leaves_no_kit_is_refused_in_one_line(change: Callable[[Kit], Kit], part: str) -> None:
    with pytest.raises(KitError, match=part) as refusal:
        change(STANDARD_KIT)
    assert "\n" not in str(refusal.value)


def test_a_kit_takes_the_notes_of_another_for_voices_of_the_same_names() -> None:
    mine = Kit("mine", (Voice("snare", (36, 35), 60), Voice("bell", (39,), 39)))
    played = STANDARD_KIT.with_notes_of(mine)
    assert played.names == STANDARD_KIT.names
    assert (played.voices[1].pitches_in, played.voices[1].pitch_out) == ((36, 35), 60)
    assert (played.voices[0].pitches_in, played.voices[0].pitch_out) == ((), 36)  # both of its notes are others' now
    assert played.voices[2:] == STANDARD_KIT.voices[2:]


@given(kits(), kits())
def test_whatever_kits_meet_no_note_is_read_twice(kit: Kit, other: Kit) -> None:
    assert kit.with_notes_of(other).names == kit.names  # a kit with a note in two voices cannot be made


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
