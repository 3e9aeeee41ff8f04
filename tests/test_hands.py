from __future__ import annotations

import dis
import json
import sys
import threading
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from surface_support import snapshot

from performance.asking import foreseen
from performance.commands import (
    GoToClip,
    Play,
    PlayIn,
    SetControl,
    StageCommand,
    StepControl,
    Stop,
    StrikePad,
    TogglePlay,
)
from performance.hands import Hands
from performance.heard import Drums, Heard, Hit, Missed, Plugged, Wanted
from performance.mapping import Mapping, Source
from performance.mapping_file import Mappings, keep_mappings, mappings_file, read_mappings, read_preset
from performance.midi_in import Backlog
from rvae.errors import FileError, UsageError
from rvae.kit import STANDARD_KIT

NOW = snapshot()


class Rig:
    """Hands whose ports are the test's own."""

    def __init__(self, *, asked: tuple[str, ...] = (), kept: Mappings | None = None, full: bool = False) -> None:
        self.wanted = Wanted()
        self.waiting: list[Heard | Plugged | Missed] = []
        self.drums: Drums | None = None
        self.is_ready = True
        self.kept: Mappings = {}
        self.full = full
        self.now = NOW
        self.hands = Hands(self, asked=asked, kept=kept, keep=self.keep)

    def want(self, wanted: Wanted) -> None:
        self.wanted = wanted

    def drum(self, drums: Drums | None) -> None:
        self.drums = drums

    def receive(self) -> list[Heard | Plugged | Missed]:
        found, self.waiting = self.waiting, []
        return found

    def keep(self, mappings: Mappings) -> None:
        if self.full:
            raise FileError("the disk is full")
        self.kept = mappings

    def close(self) -> None:
        pass

    def hear(self, *messages: list[int], device: str = "knobs", at_ns: int = 0) -> list[StageCommand]:
        self.waiting += [Heard(device, bytes(message), at_ns) for message in messages]
        commands = self.hands.commands(self.now)
        for command in commands:
            self.now = foreseen(self.now, command)
        return commands

    def lines(self) -> str:
        return " | ".join(text for text, _ in self.hands.news())


def test_a_control_is_put_on_the_next_knob_and_kept() -> None:
    rig = Rig()
    assert not rig.wanted.wants("knobs")
    rig.hands.learn()
    assert rig.wanted.wants("knobs")
    assert not rig.wanted.wants("rvae:out"), "what we play is no hand"
    rig.hands.see(StepControl("tempo", 1), NOW)
    assert "tempo: now turn a knob up" in rig.lines()
    rig.hear([0xB0, 21, 60])
    assert "tempo is on cc 21 on 1 of knobs" in rig.lines()
    assert rig.kept == {"knobs": (Mapping(Source("cc", 21, 1), "tempo"),)}
    assert rig.hands.learned == (("tempo", "cc 21"),), "as the help shows it"
    assert rig.wanted == Wanted(names=("knobs",))
    rig.hands.see(StepControl("density", 1), NOW)  # learning is over
    assert rig.lines() == ""


def test_an_endless_knob_is_known_by_what_it_sends() -> None:
    rig = Rig()
    rig.hands.learn("tempo")
    rig.hear([0xB0, 21, 1])
    rig.hear([0xB0, 21, 1])
    assert rig.hear([0xB0, 21, 1]) == [StepControl("tempo", 1)]
    assert "endless" in rig.lines()
    assert rig.hear([0xB0, 21, 126]) == [StepControl("tempo", -2)]


def test_a_fader_with_a_fine_part_is_learned_whole() -> None:
    rig = Rig()
    rig.hands.learn("density")
    rig.hear([0xB0, 1, 64], [0xB0, 33, 0])
    assert rig.kept["knobs"] == (Mapping(Source("cc14", 1, 1), "density"),)
    assert rig.hear([0xB0, 1, 65], [0xB0, 33, 1]) == [SetControl("density", (65 * 128 + 1) / 16383)]


def test_a_pad_does_what_was_learned_at_once_and_is_forgotten_again() -> None:
    rig = Rig()
    rig.hands.learn()
    rig.hands.see(TogglePlay(), NOW)
    assert rig.hear([0x99, 36, 100], [0x89, 36, 0], [0x99, 36, 100]) == [TogglePlay()] * 2
    rig.hands.learn()
    rig.hands.see(TogglePlay(), NOW)
    rig.hands.forget()
    assert "1 knob forgotten" in rig.lines()
    assert rig.hear([0x99, 36, 100]) == []


def test_learning_can_be_left() -> None:
    rig = Rig()
    rig.hands.learn()
    rig.hands.learn()
    rig.hands.see(TogglePlay(), NOW)
    assert rig.hear([0x99, 36, 100]) == []
    assert "nothing is learned" in rig.lines()
    rig.hands.forget()
    assert "to forget" in rig.lines()


def test_mappings_survive_unplugging_and_a_disk_that_is_full() -> None:
    rig = Rig(full=True)
    rig.hands.learn("play_stop")
    rig.hear([0x99, 36, 100])
    assert "is not kept: the disk is full" in rig.lines()
    rig.waiting = [Plugged("knobs", False)]
    rig.hear()
    assert "knobs is gone; its mappings stay" in rig.lines()
    rig.waiting = [Plugged("knobs", True)]
    assert rig.hear([0x99, 36, 100]) == [TogglePlay()]
    assert "heard, with 1 mapping" in rig.lines()


def test_a_pad_controller_that_was_asked_for_plays_clips_with_nothing_learned() -> None:
    rig = Rig(asked=("pads",))
    assert rig.hear([0x99, 37, 90], device="My Pads 1") == [GoToClip(1)]
    assert rig.hear([0x99, 37, 90], device="another") == []
    assert rig.hear([0xFA], [0xFC], device="My Pads 1") == [Play(), Stop()]


def test_a_mapping_of_a_voice_that_is_not_there_is_said_once() -> None:
    rig = Rig(kept={"knobs": (Mapping(Source("note", 36), "mute bell"),)})
    rig.hear([0x99, 36, 100], [0x99, 36, 100])
    assert rig.lines().count("no voice 'bell'") == 1


def test_a_sweep_within_one_frame_arrives_as_far_as_the_knob() -> None:
    rig = Rig(kept={"knobs": (Mapping(Source("cc", 5), "density"), Mapping(Source("cc", 6), "x"))})
    rig.now = replace(NOW, hand=(0.5, 0.5))
    sweep = [[0xB0, number, value] for value in range(60, 100) for number in (5, 6)]
    rig.hear(*sweep)
    assert rig.now.controls["density"] == pytest.approx(99 / 127)
    assert rig.now.hand == (pytest.approx(99 / 127), 0.5)


def test_what_is_kept_is_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RVAE_HOME", str(tmp_path / "home"))
    mappings = {"knobs": (Mapping(Source("cc", 21, 1), "tempo", "twos"), Mapping(Source("note", 36), "mute snare"))}
    lines: list[str] = []
    assert read_mappings(lines.append) == {}
    keep_mappings(mappings)
    assert read_mappings(lines.append) == mappings
    assert lines == []


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', "[" * 5000])
def test_a_file_of_mappings_that_makes_no_sense_is_put_aside(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RVAE_HOME", str(tmp_path))
    mappings_file().write_text(text)
    lines: list[str] = []
    assert read_mappings(lines.append) == {}
    assert len(lines) == 1
    assert "no mappings can be read from it" in lines[0]
    assert (tmp_path / "mappings.json.broken").read_text() == text


def test_one_bad_mapping_leaves_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RVAE_HOME", str(tmp_path))
    rows = [{"from": "cc 1", "to": "colour"}, {"from": "cc 2", "to": "density"}, {"from": 3, "to": "density"}, 7]
    mappings_file().write_text(json.dumps({"knobs": rows, "pads": None}))
    lines: list[str] = []
    assert read_mappings(lines.append)["knobs"] == (Mapping(Source("cc", 2), "density"),)
    assert len(lines) == 4


def test_a_preset_sets_what_it_knows_and_says_what_it_does_not(tmp_path: Path) -> None:
    file = tmp_path / "stage.toml"
    file.write_text(
        '[controls]\ndensity = 0.7\nquantum = "bar"\ncolour = 3\nvolume = "loud"\nswing = nan\n'
        '[[mapping]]\nfrom = "note 36 on 10"\nto = "recall_scene 1"\n'
        '[[mapping]]\nfrom = "cc 20"\nto = "colour"\n[lights]\n'
    )
    lines: list[str] = []
    preset = read_preset(file, lines.append)
    assert preset.controls == {"density": 0.7, "quantum": 2.0}
    assert preset.mappings == (Mapping(Source("note", 36, 10), "recall_scene 1"),)
    assert len(lines) == 5
    assert all("the rest is taken" in line for line in lines)


@pytest.mark.parametrize("data", [b"[controls", b"\xff\xfe", b"a = [" + b"[" * 3000])
def test_a_preset_that_is_no_toml_is_refused_in_a_line(data: bytes, tmp_path: Path) -> None:
    file = tmp_path / "stage.toml"
    file.write_bytes(data)
    with pytest.raises(UsageError, match="no TOML"):
        read_preset(file, print)
    with pytest.raises(UsageError, match="cannot be read"):
        read_preset(tmp_path, print)


def test_what_is_struck_is_told_with_its_time_beside_what_it_does() -> None:
    rig = Rig(kept={"knobs": (Mapping(Source("note", 40), "play_stop"),)})
    assert rig.hear([0x99, 38, 90], [0x99, 40, 100], [0x89, 38, 0], [0x99, 38, 0], at_ns=7) == [TogglePlay()]
    assert rig.hands.hits() == [Hit("knobs", 38, 90, 7), Hit("knobs", 40, 100, 7, is_mapped=True)]
    assert rig.hands.hits() == [], "once"


def test_pads_are_drums_while_they_are_wanted_as_drums() -> None:
    rig = Rig(asked=("pads",))
    assert rig.hear([0x99, 36, 100], device="pads") == [GoToClip(0)], "usually they go to clips"
    assert not rig.wanted.wants("another")
    rig.hands.drum(STANDARD_KIT)
    assert rig.wanted.wants("another"), "any device can be struck"
    assert rig.hear([0x99, 36, 100], device="pads") == []
    assert rig.hands.hits() == [Hit("pads", 36, 100, 0)]
    assert rig.hear([0xB0, 1, 64], device="pads") == [SetControl("density", 64 / 127)], "knobs stay knobs"
    rig.waiting.append(Plugged("another", True))
    rig.hear()
    assert "another is heard, as drums" in rig.lines()
    rig.hands.drum(None)
    assert not rig.wanted.wants("another")
    assert rig.hear([0x99, 36, 100], device="pads") == [GoToClip(0)]


def test_a_pad_that_is_being_learned_is_no_stroke_of_what_is_played_in() -> None:
    rig = Rig()
    rig.hands.drum(STANDARD_KIT)
    rig.hands.learn("play_in")
    assert rig.hear([0x99, 38, 90]) == [PlayIn("clip")]
    assert rig.hands.hits() == [Hit("knobs", 38, 90, 0, is_mapped=True)]


def test_a_drum_sounds_where_it_is_heard_unless_it_does_something_else() -> None:
    rig = Rig(kept={"pads": (Mapping(Source("note", 36), "play_stop"),)})
    rig.hands.drum(STANDARD_KIT)
    assert rig.drums is not None

    def struck(*message: int, device: str = "pads") -> StrikePad | None:
        assert rig.drums is not None
        return rig.drums.strike_of(Heard(device, bytes(message), 0))

    assert struck(0x99, 38, 90) == StrikePad(1, 90, 0)
    assert struck(0x99, 36, 90) is None
    assert struck(0x99, 36, 90, device="another") == StrikePad(0, 90, 0)
    assert struck(0x99, 17, 90) is None, "no voice reads it"
    assert struck(0x89, 38, 90) is None
    rig.hands.hear("pads", False)
    assert struck(0x99, 38, 90) is None, "it was asked not to be heard"
    assert struck(0x99, 38, 90, device="another") == StrikePad(1, 90, 0)
    rig.hands.hear("pads", True)
    assert struck(0x99, 38, 90) == StrikePad(1, 90, 0)
    rig.hands.learn("stop")
    rig.hear([0x99, 38, 90], device="pads")
    assert struck(0x99, 38, 90) is None, "learned while pads are drums"
    rig.hands.drum(None)
    assert rig.drums is None


@pytest.mark.parametrize("message", [[], [0x90], [0x90, 36], [0x80, 36, 64], [0xB0, 1, 9], [0x90, 36, 200]])
def test_what_is_no_note_on_is_no_hit(message: list[int]) -> None:
    assert Hit.of(Heard("pads", bytes(message), 0)) is None


def test_what_learning_waits_for_is_asked_as_long_as_it_waits() -> None:
    rig = Rig()
    assert rig.hands.prompt == ""
    rig.hands.learn()
    assert rig.hands.prompt.startswith("learning: touch a control")
    rig.hands.see(SetControl("density", 0.6), rig.now)
    assert rig.hands.prompt.startswith("density: now turn a knob up")
    rig.hear([0xB0, 21, 64])
    assert rig.hands.prompt == ""
    rig.hands.learn("tempo")  # the other button on it
    assert rig.hands.prompt.startswith("tempo: now turn a knob up")
    rig.hands.learn()
    assert rig.hands.prompt == ""


def test_what_nobody_takes_for_too_long_is_counted_and_said() -> None:
    backlog, rig = Backlog(most=3), Rig()
    messages = [Heard("pads", bytes([0x99, pitch, 90]), 0) for pitch in range(36, 41)]
    for message in messages:
        backlog.put(message)
    rig.waiting = list(backlog.take())  # type: ignore[arg-type]  # nothing else was put
    assert rig.waiting == [Missed(2), *messages[2:]]
    assert list(backlog.take()) == []
    rig.hands.commands(rig.now)
    assert "2 MIDI messages of hands came while nobody took them" in rig.lines()


def test_what_two_ports_lose_at_the_same_moment_is_counted_twice() -> None:
    message = Heard("pads", bytes([0x99, 36, 90]), 0)
    backlog = Backlog(most=1)
    backlog.put(message)
    other = threading.Thread(target=backlog.put, args=(message,))

    def in_the_middle(frame: FrameType, event: str, _value: object) -> Any:
        """The other port's message comes when the count was read, and is about to be written."""
        frame.f_trace_opcodes = True
        if event == "opcode" and dis.opname[frame.f_code.co_code[frame.f_lasti]] == "STORE_ATTR" and not other.ident:
            other.start()
            other.join(0.2)
        return in_the_middle

    def put() -> None:
        sys.settrace(lambda frame, *_: in_the_middle if frame.f_code is Backlog.put.__code__ else None)
        backlog.put(message)

    one = threading.Thread(target=put)
    one.start()
    for port in (one, other):
        port.join()
    assert list(backlog.take()) == [Missed(2), message]
