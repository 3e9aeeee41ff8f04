"""A player's own kit: played at once, taken back by undo, kept with the session and in a file of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from music import pattern_of
from near_engine import NearEngine
from test_engine import Rig

from performance.cli import main
from performance.commands import (
    Play,
    Quantum,
    RecallScene,
    Redo,
    SetControl,
    SetKit,
    SetPattern,
    Stop,
    StoreScene,
    Undo,
)
from performance.own_kits import OwnKits, kits_folder, with_files
from performance.stage import Stage
from rvae.errors import FileError
from rvae.kit import STANDARD_KIT, Kit
from rvae.kitfile import find_kit
from rvae.meter import Meter
from rvae.midi import MidiNote, write_midi

MINE = STANDARD_KIT.with_out(0, 24).with_note(99, 1)


def test_a_voice_plays_the_note_it_is_given_from_the_next_pattern_on(stage: Stage, near: NearEngine) -> None:
    stage.do(SetKit(MINE))
    snapshot = stage.tick()
    assert (snapshot.kit.voices[0].pitch_out, snapshot.own_kit) == (24, MINE)
    sent = near.patterns()[-1].pattern
    assert (sent.kit.voices[0].pitch_out, sent.kit.names) == (24, STANDARD_KIT.names)
    assert stage.model.kit == STANDARD_KIT, "the model is not touched"


def test_undo_brings_the_models_notes_back_and_redo_ones_own(stage: Stage, near: NearEngine) -> None:
    stage.do(SetKit(MINE, "kick plays 24"))
    stage.tick()
    stage.do(Undo())
    undone = stage.tick()
    assert (undone.kit, undone.own_kit) == (STANDARD_KIT, None)
    assert undone.messages[-1].text == "undone: kick plays 24"
    assert near.patterns()[-1].pattern.kit == STANDARD_KIT
    stage.do(Redo())
    assert stage.tick().own_kit == MINE


def test_a_scene_brings_the_kit_it_was_kept_with_where_that_is_wanted(stage: Stage, near: NearEngine) -> None:
    for command in (SetKit(MINE), StoreScene(1), SetKit(None), StoreScene(2), RecallScene(1)):
        stage.do(command)
    assert stage.tick().own_kit is None, "scenes bring no kit unless they are told to"
    stage.do(SetControl("scene_kit", 1))
    stage.do(RecallScene(1))
    assert stage.tick().own_kit == MINE
    assert near.patterns()[-1].pattern.kit.voices[0].pitch_out == 24
    stage.do(RecallScene(2))
    assert stage.tick().own_kit is None
    assert near.patterns()[-1].pattern.kit == STANDARD_KIT


def test_voices_that_the_model_has_not_change_nothing_that_is_played(stage: Stage) -> None:
    stage.do(SetKit(MINE.with_voice("gong", 100).renamed(2, "hat")))
    snapshot = stage.tick()
    assert snapshot.kit.names == STANDARD_KIT.names
    assert snapshot.kit.voices[2] == STANDARD_KIT.voices[2], "another name is for the next training"
    assert snapshot.kit.row_of_pitch(100) is None


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(36, 40), st.sampled_from(["now", "beat", "bar"])), max_size=12),
    st.booleans(),
)
def test_every_note_ends_as_it_began_while_the_notes_of_the_kit_change(
    changes: list[tuple[int, int, Quantum]], ahead: bool
) -> None:
    pattern = pattern_of(1, Meter.parse("4/4"), share=0.3)
    rig = Rig(pattern, ahead=ahead)
    rig.engine.do(Play())
    for row, pitch, at in changes:
        pattern = replace(pattern, kit=pattern.kit.with_out(row, pitch))
        rig.engine.do(SetPattern(pattern, at))
        rig.run(0.31)  # the checker is told of a note that is struck twice, ends twice, or never began
    rig.engine.do(Stop())
    rig.run(0.1)
    assert rig.sounding() == set()


def test_a_kit_of_ones_own_never_takes_the_place_of_another(tmp_path: Path) -> None:
    (tmp_path / "my-standard.toml").write_text("mine from before", encoding="utf-8")
    kits = OwnKits(tmp_path)
    assert kits.named(STANDARD_KIT) == STANDARD_KIT, "one that comes with rvae needs no file"
    named = kits.named(MINE)
    assert named.name == "my-standard-2"
    kits.keep(named)
    assert find_kit(str(kits.file(named))) == named
    assert (tmp_path / "my-standard.toml").read_text(encoding="utf-8") == "mine from before"
    assert kits.named(named.with_out(0, 25)).name == "my-standard-2", "it goes on in its own file"
    assert kits.quoted(named) == str(tmp_path / "my-standard-2.toml")


def test_a_kit_that_is_gone_on_with_keeps_its_file(tmp_path: Path) -> None:
    first = OwnKits(tmp_path)
    kit = first.named(MINE)
    first.keep(kit)
    again = OwnKits(tmp_path)
    again.keep(kit)  # as the session brought it
    changed = again.named(kit.with_out(0, 25))
    again.keep(changed)
    assert [file.name for file in tmp_path.iterdir()] == ["my-standard.toml"]
    assert find_kit(str(again.file(changed))) == changed


def test_a_kit_from_elsewhere_leaves_a_file_of_its_name_alone(tmp_path: Path) -> None:
    first = OwnKits(tmp_path)
    kit = first.named(MINE)
    first.keep(kit)
    again = OwnKits(tmp_path)
    again.keep(kit.with_out(0, 30))  # a session of another machine
    changed = again.named(kit.with_out(0, 31))
    again.keep(changed)
    assert find_kit(str(tmp_path / "my-standard.toml")) == kit
    assert find_kit(str(tmp_path / "my-standard-2.toml")) == changed


def test_a_session_opened_later_with_another_kit_of_that_name_leaves_the_file_alone(tmp_path: Path) -> None:
    kits = OwnKits(tmp_path)
    kit = kits.named(MINE)
    kits.keep(kit)
    other = kit.with_out(0, 30)
    kits.keep(other)  # as another session brings it while this one runs
    assert find_kit(str(tmp_path / "my-standard.toml")) == kit
    assert not kits.has(other), "its file holds another"
    changed = kits.named(other.with_out(0, 31))
    kits.keep(changed)
    assert find_kit(str(tmp_path / "my-standard.toml")) == kit
    assert find_kit(str(tmp_path / "my-standard-2.toml")) == changed
    kits.keep(kit)  # the first session once more
    assert kits.has(kit)
    once_more = kits.named(kit.with_out(0, 32))
    kits.keep(once_more)
    kits.keep(kit)  # taken back
    assert find_kit(str(tmp_path / "my-standard.toml")) == kit
    assert find_kit(str(tmp_path / "my-standard-2.toml")) == changed


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "a/b", "trommeln äöü", "x" * 300, "."])
def test_whatever_a_kit_is_called_its_file_lies_in_the_folder(name: str, tmp_path: Path) -> None:
    kits = OwnKits(tmp_path / "kits")
    kits.keep(Kit(name, STANDARD_KIT.voices))
    kit = kits.named(Kit(name, STANDARD_KIT.voices))
    kits.keep(kit)
    assert [file.parent for file in tmp_path.rglob("*.toml")] == [tmp_path / "kits"]
    assert find_kit(str(kits.file(kit))) == kit


def test_a_folder_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "kits").write_text("a file", encoding="utf-8")
    kits = OwnKits(tmp_path / "kits")
    with pytest.raises(FileError) as refusal:
        kits.keep(kits.named(MINE))
    assert "\n" not in str(refusal.value)


def test_a_kit_of_ones_own_is_named_on_the_command_line_as_in_the_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RVAE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    kits = OwnKits(kits_folder())
    kit = kits.named(MINE)
    kits.keep(kit)
    file = str(kits.file(kit))
    for words in (["--kit", "my-standard"], ["--kit", "my-standard.toml"]):
        assert with_files(["inspect", "clips", *words]) == ["inspect", "clips", "--kit", file]
    assert with_files(["render", "--kit=my-standard"]) == ["render", f"--kit={file}"]
    for words in (["--kit", "gm"], ["--kit", "other"], ["--kit", "a/my-standard"], ["my-standard"], ["--kit"]):
        assert with_files(words) == words
    assert with_files(too_long := ["--kit", "x" * 300]) == too_long
    (tmp_path / "my-standard.toml").write_text("one that lies here", encoding="utf-8")
    assert with_files(["--kit", "my-standard.toml"]) == ["--kit", "my-standard.toml"]
    write_midi(tmp_path / "a.mid", [MidiNote(0, 1, 10, 99, 60)], meters=[(0, Meter.parse("4/4"))], length_quarters=8)
    assert main(["inspect", "a.mid", "--kit", "my-standard"]) == 0
    assert "1 of 1 notes are kept" in capfd.readouterr().out
