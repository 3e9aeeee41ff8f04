"""Clips played in on pads or keys, as a player has it: a desk, an engine near by, pads and time of the test's own."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pygame
import pytest
from jack_support import wait_for
from playing_support import osc
from small_models import TINY, corpus_of, random_pattern, straight_model
from test_hands import Rig
from test_opening import HANDS, hands_model, opened

from performance.clock import NS_PER_MS, NS_PER_S, VirtualClock
from performance.commands import (
    MoveCursor,
    Panic,
    Play,
    PlayIn,
    SetControl,
    SetMeter,
    StageCommand,
    Stop,
    StrikePad,
    Undo,
)
from performance.desk import Desk
from performance.engine import Engine
from performance.heard import Heard
from performance.mapping import Mapping, Source
from performance.mapping_file import Mappings
from performance.osc_input import OscInput
from performance.outputs.memory import MemoryOutput
from performance.playing_in import PlayingIn, Purpose
from performance.sequencer import Onset
from performance.snapshot import EngineStatus, Snapshot
from performance.stage import Stage
from performance.surface.drawing import Kept, draw
from performance.surface.look import Look
from rvae import train
from rvae.card import read_card
from rvae.corpus import read_corpus
from rvae.kit import Kit, Voice
from rvae.measures import match
from rvae.meter import Meter
from rvae.model import Model
from rvae.pattern import Pattern

FOUR, TWELVE, SEVEN = (Meter.parse(name) for name in ("4/4", "12/8", "7/8(2+2+3)"))
FRAME_NS = 16 * NS_PER_MS


class Room:
    """A player at an instrument; every frame is 16 ms of a virtual clock."""

    def __init__(
        self, folder: Path, *, model: Model | None = None, offset_ms: int = 0, kept: Mappings | None = None
    ) -> None:
        self.model, self.folder = model or straight_model(), folder / "takes"
        self.clock, self.output = VirtualClock(NS_PER_S), MemoryOutput()
        self.engine = Engine(self.clock, Pattern.silent(self.model.meter, kit=self.model.kit), [self.output])
        self.engine.open_outputs(self.model.kit)
        self.is_alive = True
        self.rig = Rig(kept=kept)
        self.osc_in = OscInput(0, self.model.kit, host="127.0.0.1")
        self.stage = Stage(self.model, self, meter=self.model.meter, bpm=120, clock=self.clock, osc_in=self.osc_in)
        playing_in = PlayingIn(self.stage, self.folder, offset_ns=offset_ms * NS_PER_MS, clock=self.clock)
        self.desk = Desk(self.stage, self.rig.hands, playing_in=playing_in)
        self.lines: list[str] = []
        self.now = self.frame()

    # The engine, as the stage has it.

    def do(self, command: object) -> bool:
        self.engine.do(command)  # type: ignore[arg-type]  # what the stage sends
        return True

    def status(self) -> EngineStatus:
        return self.engine.status()

    def close(self) -> None:
        self.engine.close()
        self.is_alive = False

    # The player.

    def frame(self) -> Snapshot:
        until = self.clock.now_ns() + FRAME_NS
        while self.clock.now_ns() < until:
            self.clock.sleep_until(min(self.engine.step(), until))
        self.now = self.desk.tick()
        fresh = [m.text for m in self.now.messages if m.text not in self.lines]
        self.lines += fresh
        return self.now

    def ask(self, command: StageCommand) -> Snapshot:
        self.desk.do(command)
        return self.frame()

    @property
    def quarters(self) -> float:
        transport = self.engine.transport
        return -99.0 if transport is None else float(transport.quarters_at(self.clock.now_ns()))

    def until(self, quarters: float) -> None:
        while self.engine.transport is not None and self.quarters < quarters:
            self.frame()

    def play(self, places: dict[float, int], *, to: float, late_ms: float = 0.0) -> None:
        """Strike pads of a device at places of the music."""
        for place, pitch in sorted(places.items()):
            transport = self.engine.transport
            assert transport is not None
            at_ns = transport.ns_at(Fraction(place)) + round(late_ms * NS_PER_MS)
            self.until(float(transport.quarters_at(at_ns)))
            self.rig.waiting.append(Heard("pads", bytes([0x99, pitch, 90]), at_ns))
            self.rig.waiting.append(Heard("pads", bytes([0x89, pitch, 0]), at_ns))
        self.until(to)

    def comes(self, words: str) -> bool:
        """Whether a line with these words comes: some are made in a thread."""
        return wait_for(lambda: self.frame() is not None and any(words in line for line in self.lines))


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    found = Room(tmp_path)
    with contextlib.closing(found.desk):
        yield found


ROCK = {0: 36, 1: 38, 2: 36, 3: 38, 4: 36, 4.5: 36, 5: 38, 6: 36, 7: 38}


def test_a_take_from_a_standstill_is_counted_in_clicked_and_kept_as_a_clip_with_a_card(room: Room) -> None:
    snapshot = room.ask(PlayIn("clip"))
    snapshot = room.frame()
    assert snapshot.take is not None
    assert (snapshot.take.phase, snapshot.take.beat) == ("counts", 1)
    assert room.rig.wanted.wants("any pads"), "a device need not be known to be struck"
    room.until(-0.9)
    assert room.now.take is not None
    assert room.now.take.beat == 4
    room.play(ROCK, to=7.9)
    assert room.now.take is not None
    assert (room.now.take.phase, room.now.take.bar, room.now.take.strokes) == ("runs", 2, 9)
    assert room.now.pattern.onsets == 9, "and the lanes show it"
    assert [(voice, velocity) for voice, velocity in room.output.strikes][:2] == [(0, 90), (1, 90)], "heard at once"
    assert not any(isinstance(sent.event, Onset) for sent in room.output.sent), "the click alone"
    assert len(room.output.clicks) == 12
    room.ask(PlayIn("clip"))
    assert room.comes("learn it: rvae train")
    assert not room.now.playing, "and all is as it was"
    assert room.now.take is not None
    assert (room.now.take.phase, room.now.take.text) == ("done", "kept: 2 bars, 9 strokes")
    (file,) = room.folder.glob("take-*.mid")
    assert any(str(file) in line and "2 bars, 9 strokes" in line for line in room.lines)
    corpus = read_corpus(room.folder)
    assert [pattern.onsets for pattern in corpus.patterns] == [9]
    card = read_card(room.folder)
    assert card is not None
    assert (card.name, card.people, card.consent) == ("takes", (), ""), "who plays is for the player to say"
    assert [clip.source for clip in room.now.clips if clip not in room.model.clips] == [file.name], "it is on the plane"


def test_over_the_music_a_take_begins_and_ends_at_barlines_and_the_music_goes_on(room: Room) -> None:
    room.ask(Play())
    room.until(1.5)
    room.ask(PlayIn("clip"))
    assert room.now.take is not None
    assert room.now.take.phase == "counts"
    room.play({4 + place: pitch for place, pitch in ROCK.items()}, to=11.8)
    room.ask(PlayIn("clip"))
    assert room.now.take is not None
    assert room.now.take.phase == "ends"
    assert room.comes("2 bars, 9 strokes")
    assert room.now.playing
    assert any(isinstance(sent.event, Onset) for sent in room.output.sent)
    assert not room.output.clicks, "it clicks only where it is asked for"
    assert len(read_corpus(room.folder).patterns) == 1


@pytest.mark.parametrize("late_ms", [0, 25])
def test_what_the_way_of_the_strokes_takes_is_taken_off(late_ms: int, tmp_path: Path) -> None:
    room = Room(tmp_path, offset_ms=late_ms)
    with contextlib.closing(room.desk):
        room.ask(SetControl("count_in", 0))
        room.ask(PlayIn("clip"))
        room.play(ROCK | {8 + place: pitch for place, pitch in ROCK.items()}, to=15.9, late_ms=25)
        room.ask(PlayIn("clip"))
        assert room.comes("4 bars, 18 strokes")
        told = any("25 ms late as a whole: if all takes are, --offset pads=25" in line for line in room.lines)
        assert told == (late_ms == 0)
        pattern, _ = read_corpus(room.folder).patterns
        expected = 0 if late_ms else 25 / 500 * 24
        assert pattern.microtiming[pattern.onset == 1] == pytest.approx(expected, abs=0.1)


def test_in_another_meter_of_the_plane_the_take_is_in_that_meter(room: Room) -> None:
    room.ask(SetMeter(TWELVE))
    room.ask(PlayIn("clip"))
    room.play({0: 36, 1.5: 38, 2: 42, 3: 36, 4.5: 38, 6: 36, 11: 42}, to=11.9)
    room.ask(PlayIn("clip"))
    assert room.comes("2 bars, 7 strokes")
    (pattern,) = read_corpus(room.folder).patterns
    assert pattern.meter == TWELVE
    assert sorted(int(tick) for tick in pattern.onset.nonzero()[1]) == [0, 24, 32, 48, 72, 96, 176]


def test_a_take_is_begun_and_ended_over_osc(room: Room) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth:
        mouth.sendto(osc("/rvae/take"), ("127.0.0.1", room.osc_in.port))
        assert wait_for(lambda: room.frame().take is not None)
        room.frame()
        room.play(ROCK, to=7.9)
        mouth.sendto(osc("/rvae/take"), ("127.0.0.1", room.osc_in.port))
        assert room.comes("2 bars, 9 strokes")


def test_keys_strike_voices_between_two_frames(room: Room) -> None:
    room.ask(PlayIn("clip"))
    for place, voice in ((0, 0), (1, 1), (2, 0), (3, 8)):
        room.until(place)
        room.desk.do(StrikePad(voice, 100))
    room.desk.do(StrikePad(15, 100))  # no such voice here
    room.until(3.9)
    room.ask(PlayIn("clip"))
    assert room.comes("1 bar, 4 strokes")
    assert room.output.strikes == [(0, 100), (1, 100), (0, 100), (8, 100)]
    (pattern,) = read_corpus(room.folder, bars=1).patterns
    assert [(int(v), int(t)) for v, t in zip(*pattern.onset.nonzero(), strict=True)] == [
        (0, 0),
        (0, 48),
        (1, 24),
        (8, 72),
    ]


def test_the_count_in_waits_until_pads_are_heard_but_not_for_ever(room: Room) -> None:
    room.rig.is_ready = False
    room.ask(PlayIn("clip"))
    for _ in range(100):
        room.frame()
    assert not room.now.playing
    assert room.now.take is not None
    assert room.now.take.beat == 0
    room.rig.is_ready = True
    room.frame()
    assert room.frame().playing
    room.ask(PlayIn("clip"))
    room.frame()
    room.rig.is_ready = False
    room.ask(PlayIn("clip"))
    assert not room.frame().playing
    assert wait_for(lambda: room.frame().playing)


def test_what_has_sounded_on_its_way_does_not_sound_again(room: Room) -> None:
    room.ask(PlayIn("clip"))
    room.until(0.5)
    room.rig.waiting.append(Heard("pads", bytes([0x99, 36, 90]), room.clock.now_ns(), has_sounded=True))
    room.frame()
    room.frame()
    assert room.now.take is not None
    assert room.now.take.strokes == 1
    assert room.output.strikes == []


def test_nothing_is_struck_where_nothing_is_played_in(room: Room) -> None:
    room.rig.waiting.append(Heard("pads", bytes([0x99, 36, 90]), room.clock.now_ns()))
    room.desk.do(StrikePad(0, 100))
    room.frame()
    assert room.output.strikes == []


def test_a_pad_that_has_learned_something_does_that(tmp_path: Path) -> None:
    room = Room(tmp_path, kept={"pads": (Mapping(Source("note", 51), "play_in"),)})
    with contextlib.closing(room.desk):
        room.rig.waiting.append(Heard("pads", bytes([0x99, 51, 90]), 0))
        room.frame()
        room.play(ROCK, to=7.9)
        room.rig.waiting.append(Heard("pads", bytes([0x99, 51, 90]), room.clock.now_ns()))
        room.frame()
        assert room.comes("2 bars, 9 strokes")


def test_another_model_opened_meanwhile_leaves_the_take_and_the_window_as_they_are(room: Room) -> None:
    room.ask(PlayIn("clip"))
    room.play({0: 36, 1: 38}, to=1.5)
    room.stage.open(opened(hands_model()))
    target, kept = pygame.Surface((640, 400)), Kept()
    for place, pitch in ((2, 36), (3, 38), (4, 42)):  # the last is of a voice that this model does not have
        room.play({place: pitch}, to=place + 0.5)
        assert room.now.pattern.kit.names == room.now.kit.names == HANDS.names
        draw(target, room.now, Look(), kept)
    room.desk.do(StrikePad(8, 100))
    room.frame()
    heard = [room.stage.rows[voice] for voice, _ in room.output.strikes[2:]]
    assert heard == ["kick", "snare"]
    room.until(7.9)
    room.ask(PlayIn("clip"))
    assert room.comes("2 bars, 6 strokes")
    assert not any("is not kept" in line for line in room.lines)


def test_nothing_struck_is_no_clip(room: Room) -> None:
    for end in (PlayIn("clip"), Stop(), Panic()):
        room.ask(PlayIn("clip"))
        room.until(2)
        room.ask(end)
        assert wait_for(lambda: room.frame().take is None)
        assert not room.frame().playing
        assert "nothing was struck: no clip is kept" in [message.text for message in room.now.messages]
    assert not room.folder.exists()
    room.ask(Play())
    room.until(8)
    assert any(isinstance(sent.event, Onset) for sent in room.output.sent), "the pattern is there again"


def test_what_no_voice_reads_is_said(tmp_path: Path) -> None:
    kit = Kit("two", (Voice("low", (36,), 36), Voice("high", (38,), 38)))
    clips = [random_pattern(seed, kit=kit, source=f"{seed}.mid") for seed in range(3)]
    room = Room(tmp_path, model=train(corpus_of(clips), recipe=TINY))
    with contextlib.closing(room.desk):
        room.ask(PlayIn("clip"))
        room.play({0: 36, 1: 38, 2: 50, 3: 51}, to=3.9)
        room.ask(PlayIn("clip"))
        assert room.comes("no voice reads 2 strokes of it (notes 50, 51)")
        assert room.output.strikes == [(0, 90), (1, 90)]
        assert Kit.from_toml((room.folder / "kit.toml").read_text()) == kit
        assert any(f"--kit {room.folder / 'kit.toml'}" in line for line in room.lines)


def test_a_folder_that_takes_nothing_is_said_and_the_music_goes_on(room: Room) -> None:
    room.folder.write_text("no folder")
    room.ask(Play())
    room.ask(PlayIn("clip"))
    room.play({4: 36, 5: 38}, to=7.9)
    room.ask(PlayIn("clip"))
    assert room.comes("what was played in is not kept")
    assert room.now.playing


def test_a_card_that_is_there_stays_as_it_is(room: Room) -> None:
    room.folder.mkdir()
    (room.folder / "dataset.toml").write_text('name = "mine"\npeople = ["Ada"]\nconsent = "yes"\n')
    room.ask(PlayIn("clip"))
    room.play(ROCK, to=7.9)
    room.ask(PlayIn("clip"))
    assert room.comes("learn it")
    card = read_card(room.folder)
    assert card is not None
    assert (card.people, card.consent) == (("Ada",), "yes")


def test_a_take_that_runs_when_all_ends_is_kept(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.ask(PlayIn("clip"))
    room.play(ROCK, to=7.5)
    room.desk.close()
    assert [pattern.onsets for pattern in read_corpus(room.folder).patterns] == [9]


def test_two_bars_are_played_and_the_cursor_goes_to_the_place_of_that_clip(room: Room) -> None:
    clip = room.model.clips_of(4)[0]
    pattern = room.model.pattern(clip.point, meter=FOUR)
    rows, ticks = pattern.onset.nonzero()
    places: dict[float, int] = {}
    for row, tick in zip(rows.tolist(), ticks.tolist(), strict=True):
        places[tick / 24 + row / 10_000] = pattern.kit.voices[row].pitch_out  # no two at quite the same time
    room.ask(MoveCursor(0.0, 1.0))
    before = room.now.cursor
    room.ask(PlayIn("find"))
    room.play(places, to=7.99)
    assert room.comes("of the onsets agree")
    room.frame()
    assert room.now.cursor != before
    there = match(room.model.pattern(room.now.cursor, meter=FOUR), pattern)
    assert there.onset_f1 > 0.9
    assert room.now.playing, "and the instrument answers"
    room.output.clicks.clear()
    room.until(room.quarters + 6)
    assert any(isinstance(sent.event, Onset) for sent in room.output.sent)
    assert not room.output.clicks
    room.ask(Undo())
    assert room.now.cursor == before
    assert not room.folder.exists(), "nothing is kept of it"


def test_hands_that_play_on_for_a_moment_mute_nothing_and_go_to_no_clip(room: Room) -> None:
    room.ask(PlayIn("find"))
    room.play(ROCK, to=8)
    assert room.comes("of the onsets agree")
    cursor, before = room.frame().cursor, len(room.output.strikes)
    assert room.now.take is not None, "keys still strike"
    room.desk.do(StrikePad(0, 100))
    room.rig.waiting.append(Heard("pads", bytes([0x99, 40, 90]), room.clock.now_ns()))
    room.frame()
    assert len(room.output.strikes) == before + 2
    assert (room.now.cursor, any(room.now.mute)) == (cursor, False)
    for _ in range(200):
        room.frame()
    assert room.now.take is None
    assert room.rig.drums is None


def test_two_bars_with_nothing_leave_the_cursor(room: Room) -> None:
    before = room.now.cursor
    room.ask(PlayIn("find"))
    room.until(8.5)
    assert room.comes("nothing was struck: the cursor stays")
    assert room.now.cursor == before
    assert not room.now.playing


@pytest.mark.parametrize("purpose", ["find", "clip"])
def test_a_take_is_whole_when_the_machine_has_slept_and_the_window_wakes_first(
    room: Room, purpose: Purpose, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.ask(PlayIn(purpose))
    room.play({0: 36, 2: 38, 4: 36}, to=5)
    before, begun = room.quarters, room.now.take
    if purpose == "clip":
        room.ask(PlayIn(purpose))  # it is to end with this bar, the second
    with monkeypatch.context() as patch:
        status = room.engine.status()
        patch.setattr(room, "status", lambda: status)
        room.clock.stall(4 * NS_PER_S)
        now = room.desk.tick()
    assert now.take is not None
    assert now.take.phase != "thinks"
    assert begun is not None
    room.frame()
    assert room.quarters == pytest.approx(before, abs=0.5), "the music has waited"
    room.play({6: 38}, to=9)
    assert room.comes("found" if purpose == "find" else "4 strokes")


def test_one_thing_at_a_time(room: Room) -> None:
    room.ask(PlayIn("find"))
    room.ask(PlayIn("clip"))
    assert "f10 ends that" in room.lines[-1]
    room.ask(PlayIn("find"))
    assert wait_for(lambda: room.frame().take is None)


def test_where_a_place_cannot_be_found_for_a_reason_nobody_thought_of_the_pattern_is_heard_again(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(_model: Model, _patterns: object) -> None:
        raise FloatingPointError("underflow")

    monkeypatch.setattr(Model, "encode", breaks)
    room.ask(PlayIn("find"))
    room.play(ROCK, to=8)
    assert room.comes("is not found: FloatingPointError: underflow")
    room.output.sent.clear()
    room.until(room.quarters + 8)
    assert any(isinstance(sent.event, Onset) for sent in room.output.sent)
