"""The kit editor: by pads, by rows alone, with undo, and what it leaves in a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from near_engine import NearEngine
from test_hands import Rig

from performance.asking import asked
from performance.commands import ChooseRow, ShowPanel, StepRow, Undo
from performance.desk import Desk
from performance.heard import Heard, Wanted
from performance.kit_editor import KitEditor
from performance.own_kits import OwnKits
from performance.panel import Panel, Row
from performance.snapshot import Snapshot
from performance.stage import Stage
from rvae.kit import STANDARD_KIT
from rvae.kitfile import find_kit
from rvae.model import Model


class Table:
    """A desk with the kit editor open, and pads to hit."""

    def __init__(self, model: Model, folder: Path) -> None:
        self.rig = Rig()
        self.folder = folder
        editor = KitEditor(OwnKits(folder))
        self.desk = Desk(Stage(model, NearEngine(model)), self.rig.hands, editor=editor)
        (self.opens,) = asked("kit", self.desk.tick())
        self.desk.do(self.opens)
        self.seen = self.desk.tick()
        self.desk.tick()

    def hit(self, pitch: int, velocity: int = 100) -> Snapshot:
        self.rig.waiting.append(Heard("Pads", bytes([0x99, pitch, velocity]), 0))
        self.desk.tick()
        self.seen = self.desk.tick()
        return self.seen

    def choose(self, key: str) -> Snapshot:
        assert key in [row.key for row in self.panel.rows], [row.key for row in self.panel.rows]
        self.desk.do(ChooseRow(key))
        self.seen = self.desk.tick()
        return self.seen

    @property
    def panel(self) -> Panel:
        assert self.seen.panel is not None
        return self.seen.panel

    def row(self, key: str) -> Row:
        return next(row for row in self.panel.rows if row.key == key)

    def step_to(self, key: str) -> Snapshot:
        """To a row by the keyboard's step key alone, and choose it."""
        for _ in range(len(self.panel.rows)):
            if self.panel.rows[self.panel.chosen].key == key:
                self.desk.do(ChooseRow())
                self.seen = self.desk.tick()
                return self.seen
            self.desk.do(StepRow(1))
            self.seen = self.desk.tick()
        raise AssertionError(f"no row {key}")


@pytest.fixture
def table(model: Model, tmp_path: Path) -> Iterator[Table]:
    made = Table(model, tmp_path / "kits")
    yield made
    made.desk.close()


def test_a_pad_that_is_hit_is_shown_with_its_name_and_the_voice_that_reads_it(table: Table) -> None:
    table.hit(38)
    assert table.panel.title == "Kit: 38 acoustic snare"
    assert [row.key for row in table.panel.rows if row.is_on] == ["voice 1"]
    assert table.panel.rows[table.panel.chosen].state == "reads 38"
    table.hit(3)
    assert table.panel.title == "Kit: 3"
    assert table.panel.rows[table.panel.chosen].text == "no voice reads 3"


def test_every_device_is_heard_while_it_is_open_and_only_then(table: Table) -> None:
    assert table.rig.wanted.all
    table.desk.do(ShowPanel("kit"))
    table.desk.tick()
    table.desk.tick()
    assert table.rig.wanted == Wanted()


def test_the_pad_then_the_voice_and_its_note_belongs_to_it_at_once_and_in_the_file(table: Table) -> None:
    table.hit(3)
    seen = table.choose("voice 1")
    assert seen.kit.row_of_pitch(3) == 1
    assert seen.own_kit is not None
    table.desk.tick()
    assert seen.messages[-1].text == "note 3 as snare; kept as my-standard; z takes it back"
    assert find_kit(str(table.folder / "my-standard.toml")) == seen.own_kit
    assert str(table.folder / "my-standard.toml") in table.row("use").detail


def test_the_voice_then_its_pads(table: Table) -> None:
    table.choose("voice 0")
    seen = table.hit(3)
    assert seen.kit.row_of_pitch(3) == 0
    assert table.row("in 3").commands
    seen = table.choose("in 36")
    assert seen.kit.voices[0].pitches_in == (35, 3)
    assert "note 36 of no voice" in seen.messages[-1].text, "one touch is enough, so it is said"
    table.choose("out")
    seen = table.hit(24)
    assert (seen.kit.voices[0].pitch_out, seen.kit.voices[0].pitches_in) == (24, (35, 3))


def test_a_voice_that_reads_the_note_already_opens_when_it_is_chosen(table: Table) -> None:
    table.hit(38)
    assert table.choose("voice 1").own_kit is None
    assert table.panel.rows[0].text == "back: all voices"


def test_everything_goes_by_the_keyboard_alone(table: Table) -> None:
    table.step_to("voice 8")
    table.step_to("out")
    seen = table.step_to("note 52")
    assert seen.kit.voices[8].pitch_out == 52
    table.step_to("in")
    seen = table.step_to("note 71")
    assert seen.kit.row_of_pitch(71) == 8
    seen = table.step_to("in 49")
    assert seen.kit.row_of_pitch(49) is None
    table.step_to("name")
    seen = table.step_to("name crash")
    assert seen.own_kit is not None
    assert seen.own_kit.names[8] == "crash"
    table.step_to("back")
    table.step_to("new")
    table.step_to("name cowbell")
    seen = table.step_to("note 56")
    assert seen.own_kit is not None
    assert seen.own_kit.voices[-1].name == "cowbell"
    assert seen.own_kit.row_of_pitch(56) == 9
    table.step_to("voice 9")
    seen = table.step_to("drop")
    assert seen.own_kit is not None
    assert len(seen.own_kit) == 9


def test_a_new_voice_for_a_struck_note_is_first_offered_the_name_it_has(table: Table) -> None:
    table.hit(56)
    table.choose("new")
    assert table.panel.rows[1].text == "cowbell"
    seen = table.choose("name cowbell")
    assert seen.own_kit is not None
    assert (seen.own_kit.names[-1], seen.own_kit.row_of_pitch(56)) == ("cowbell", 9)
    assert seen.kit.names == STANDARD_KIT.names, "this model plays as it learned"
    assert "cowbell new" in table.row("next").detail


def test_the_kit_of_a_machine_can_be_gone_over_to_and_leaves_no_file_until_it_is_changed(table: Table) -> None:
    table.step_to("kits")
    assert not table.row("kit pads").commands, "it has none of this model's voices"
    seen = table.choose("kit addictive")
    assert (seen.kit.row_of_pitch(49), seen.kit.row_of_pitch(71), seen.kit.voices[0].pitch_out) == (2, 6, 36)
    assert seen.kit.names == STANDARD_KIT.names
    table.desk.tick()
    assert not table.folder.exists()
    assert seen.messages[-1].text == "kit addictive; z takes it back"
    table.hit(3)
    table.choose("voice 0")
    table.desk.tick()
    assert [file.name for file in table.folder.iterdir()] == ["my-addictive.toml"]
    table.desk.do(ShowPanel("kit"))
    table.desk.do(ShowPanel("kit"))
    table.seen = table.desk.tick()
    table.choose("kits")
    assert table.row("kit my-addictive").is_on


def test_undo_takes_each_change_back_and_says_which(table: Table) -> None:
    table.hit(3)
    table.choose("voice 1")
    table.hit(4)
    table.choose("voice 2")
    table.desk.do(Undo())
    seen = table.desk.tick()
    assert (seen.kit.row_of_pitch(3), seen.kit.row_of_pitch(4)) == (1, None)
    assert seen.messages[-1].text == "undone: note 4 as closed hat"
    table.desk.tick()
    assert find_kit(str(table.folder / "my-standard.toml")) == seen.own_kit


def test_the_models_own_notes_come_back_and_the_file_stays(table: Table) -> None:
    table.hit(3)
    table.choose("voice 1")
    table.desk.tick()
    seen = table.choose("model")
    assert (seen.own_kit, seen.kit) == (None, STANDARD_KIT)
    assert seen.messages[-1].text == "the model's own notes; z takes it back"
    assert (table.folder / "my-standard.toml").is_file()


def test_a_kit_that_cannot_be_kept_is_played_and_told_of(model: Model, tmp_path: Path) -> None:
    (tmp_path / "kits").write_text("a file", encoding="utf-8")
    table = Table(model, tmp_path / "kits")
    table.hit(3)
    seen = table.choose("voice 1")
    seen = table.desk.tick()
    assert seen.kit.row_of_pitch(3) == 1
    assert [message for message in seen.messages if message.is_error and "not kept" in message.text]
    table.desk.close()
