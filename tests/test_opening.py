"""Another model, opened while the music goes on: from the next bar, with all that was set, by the voices' names."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pygame
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jack_support import jack_server, wait_for
from near_engine import NearEngine, Player
from playing_support import Ear, OscLog
from small_models import FOUR, TINY, corpus_of, mixed_model, random_pattern, straight_model
from surface_support import snapshot
from test_hands import Rig

from performance.commands import (
    ChooseRow,
    MoveCursor,
    OpenModel,
    PinPlace,
    Play,
    RecallScene,
    SetControl,
    SetMeter,
    SetPattern,
    SetVoice,
    ShowPanel,
    StartRecording,
    Stop,
    StopRecording,
    StoreScene,
    StrikePad,
    Undo,
)
from performance.desk import Desk
from performance.journal import MemoryJournal
from performance.journal_file import JournalFile, Lines
from performance.opening import Opened, Opening
from performance.outputs.mixer import Mixer
from performance.outputs.osc import OscOutput
from performance.process import EngineProcess
from performance.recents import recent_files, remember
from performance.replay import difference
from performance.rows import Rows
from performance.sequencer import Onset
from performance.session import Keeper, Session, read_session, write_session
from performance.settings import Settings
from performance.snapshot import Snapshot
from performance.specs import OutputSpec
from performance.stage import Stage
from performance.surface.input import respond
from performance.surface.layout import Layout
from performance.surface.look import Look
from performance.transcript import write_journal_wav
from rvae import Model, train
from rvae.errors import KitError
from rvae.kit import MAX_VOICES, STANDARD_KIT, Kit, Voice
from rvae.meter import Meter

HANDS = Kit("hands", (Voice("snare", (38,), 40), Voice("kick", (36,), 36), Voice("tambourine", (54,), 54)))


@cache
def hands_model() -> Model:
    """Of three voices, two of which the standard kit has too, in other rows."""
    return train(corpus_of(random_pattern(seed, bars=1, kit=HANDS) for seed in range(4)), recipe=TINY)


def opened(model: Model, name: str = "other", **rest: object) -> Opened:
    return Opened(Path(f"/models/{name}.rvae"), name, model, **rest)  # type: ignore[arg-type]  # its own


@pytest.fixture
def player() -> Iterator[Player]:
    made = Player(straight_model())
    yield made
    made.stage.close()


def onsets(player: Player) -> list[Onset]:
    return [sent.event for sent in player.near.output.sent if isinstance(sent.event, Onset)]


def test_it_is_heard_from_the_next_bar_on_and_the_bar_before_is_played_to_its_end(player: Player) -> None:
    player.do(SetControl("density", 1), Play())
    player.until_bar(1.3)
    before = player.near.engine.sequencer.pattern
    player.stage.open(opened(hands_model()))
    for place in (0.2, 0.4, 0.6):  # a hand that moves on does not bring it in before
        player.do(MoveCursor(place, place))
        list(player.frames(3))
    player.until_bar(4.5)
    played = onsets(player)
    names = [(onset.bar, player.near.engine.sequencer.pattern.kit.names[onset.voice]) for onset in played]
    assert {name for bar, name in names if bar >= 2} <= set(HANDS.names)
    assert "tambourine" in {name for bar, name in names if bar >= 2}
    assert "tambourine" not in {name for bar, name in names if bar < 2}
    wanted = {(tick, voice) for voice, tick in np.argwhere(before.onset[:, FOUR.bar_ticks :]).tolist()}
    assert {(onset.tick, onset.voice) for onset in played if onset.bar == 1} == wanted
    assert {onset.pitch for onset in played if onset.bar >= 2} <= {40, 36, 54}


def test_what_is_muted_and_nudged_stays_so_by_the_voices_names(player: Player) -> None:
    snare, clap = STANDARD_KIT.row_of_name("snare"), STANDARD_KIT.row_of_name("clap")
    player.do(SetControl("density", 1), SetVoice("mute", snare, 1), SetVoice("mute", clap, 1), Play())
    player.do(SetVoice("nudge", STANDARD_KIT.row_of_name("kick"), 20), StoreScene(1))
    player.until_bar(1.3)
    player.stage.open(opened(hands_model()))
    now = player.until_bar(5)
    assert now.mute == (True, False, False)
    assert now.nudge == (0, 20, 0)
    assert [number for number, _ in now.scenes] == [1]
    engine_kit = player.near.engine.sequencer.pattern.kit
    silent = {engine_kit.row_of_name("snare"), engine_kit.row_of_name("clap")}
    assert not silent & {onset.voice for onset in onsets(player)}
    told = [message.text for message in now.messages if "other is played" in message.text]
    assert "no voices of this model" in told[-1], "one line: of two that come at once only the last is read"
    player.do(SetVoice("mute", 0, 0))
    assert 40 in {onset.pitch for onset in heard_since(player, player.until_bar(8))}
    player.stage.open(opened(straight_model(), "first"))  # and back
    now = player.until_bar(12)
    assert now.kit == STANDARD_KIT
    assert not any(now.mute)
    assert clap in {onset.voice for onset in heard_since(player, now)} or not now.pattern.onset[clap].any()


def test_what_is_pinned_and_frozen_stays_so_by_the_voices_names(player: Player) -> None:
    model = train(corpus_of(random_pattern(seed, kit=HANDS) for seed in range(3)), recipe=TINY)
    snare, clap = STANDARD_KIT.row_of_name("snare"), STANDARD_KIT.row_of_name("clap")
    pattern = player.do(SetControl("density", 0.9), SetVoice("freeze", snare, 1), PinPlace(clap, 5, "onset")).pattern
    player.do(PinPlace(STANDARD_KIT.row_of_name("kick"), 7, "onset"), Play())
    player.until_bar(0.3)
    player.stage.open(opened(model))
    now = player.until_bar(2)
    assert now.freeze == (True, False, False)
    assert np.array_equal(now.pattern.onset[0], pattern.onset[snare])
    assert now.pattern.onset[1, 7] == 1
    assert [(pin.voice, pin.tick) for pin in now.pins] == [(1, 7)]


def heard_since(player: Player, now: Snapshot, bars: int = 2) -> list[Onset]:
    return [onset for onset in onsets(player) if onset.bar >= now.playhead.bar - 1 - bars]


def test_the_cursor_stays_where_it_is_and_a_meter_that_is_not_there_begins_at_the_first_place(player: Player) -> None:
    player.do(MoveCursor(0.31, 0.64), Play())
    player.until_bar(1.2)
    player.stage.open(opened(mixed_model(), "mixed"))
    now = player.until_bar(2.5)
    assert (now.cursor, now.meter, now.model_name) == ((0.31, 0.64), FOUR, "mixed")
    assert 3 in now.beats
    player.do(SetMeter(Meter.parse("3/4")))
    player.until_bar(4)
    player.stage.open(opened(straight_model(), "straight"))
    now = player.until_bar(6)
    assert now.meter == straight_model().meter
    assert now.cursor in {clip.point for clip in straight_model().clips}
    assert any("did not learn 3/4" in message.text for message in now.messages)
    player.stage.open(opened(mixed_model(), "mixed"))
    player.do(SetMeter(Meter.parse("3/4")), StoreScene(2))
    player.stage.open(opened(straight_model(), "straight"))
    before = player.until_bar(9)
    after = player.do(RecallScene(2))
    assert (after.meter, after.cursor, after.morphs) == (before.meter, before.cursor, False)
    assert "3 beats" in player.said


def test_what_was_done_before_is_not_undone_on_another_model(player: Player) -> None:
    player.do(MoveCursor(0.1, 0.9))
    player.stage.open(opened(hands_model()))
    now = player.do(Undo())
    assert "nothing to undo" in now.messages[-1].text
    assert len(now.mute) == len(HANDS)


def test_a_recording_goes_on_and_is_replayed_to_the_same_events(player: Player, tmp_path: Path) -> None:
    journal = MemoryJournal()
    player.near.engine.start_journal(journal)
    player.do(SetControl("density", 1), SetVoice("mute", 1, 1), Play())
    for number, model in enumerate((hands_model(), mixed_model(), hands_model(), straight_model())):
        player.until_bar(2 * number + 1.7)
        player.stage.open(opened(model, str(number)))
        player.do(MoveCursor(number / 4, 0.5))
        list(player.frames(4))
        player.do(SetVoice("nudge", 1, 5 * number))
    player.until_bar(10)
    player.near.engine.end_journal()
    lines = Lines()
    file = tmp_path / "set.rvjournal"
    file.write_text(Lines.header("2026-11-22") + "".join(line for each in journal.entries for line in lines.of(each)))
    assert difference(JournalFile(file)) is None
    assert write_journal_wav(tmp_path / "set.wav", JournalFile(file)) > 10


def test_stopped_it_is_there_at_once(player: Player) -> None:
    player.do(SetVoice("mute", STANDARD_KIT.row_of_name("snare"), 1))
    player.stage.open(opened(hands_model()))
    now = player.do(Play())
    assert now.kit == HANDS
    assert player.near.engine.sequencer.pattern.kit == HANDS
    assert now.mute == (True, False, False)
    player.do(SetControl("density", 1))
    player.until_bar(3)
    assert {onset.pitch for onset in onsets(player)} == {36, 54}


def test_more_voices_than_can_sound_at_once_are_a_line_and_all_stays(player: Player) -> None:
    crowd = Kit("crowd", tuple(Voice(f"pad_{note}", (note,), note) for note in range(60, 60 + MAX_VOICES)))
    model = train(corpus_of([random_pattern(1, bars=1, kit=crowd)]), recipe=TINY)
    player.do(Play())
    player.until_bar(1)
    player.stage.open(opened(model))
    now = player.until_bar(2)
    assert now.messages[-1].is_error
    assert "stop, then open it" in now.messages[-1].text
    assert now.kit == STANDARD_KIT


# Rows


names = st.lists(st.sampled_from([f"v{number}" for number in range(12)]), min_size=1, max_size=8, unique=True)


@given(st.lists(names, min_size=1, max_size=6))
def test_a_voice_keeps_its_row_as_long_as_it_is_played(kits: list[list[str]]) -> None:
    def kit(voices: list[str]) -> Kit:
        return Kit("any", tuple(Voice(name, (int(name[1:]), 40 + row), 80 + row) for row, name in enumerate(voices)))

    rows = Rows.of(kit(kits[0]))
    for voices in kits[1:]:
        before, rows = rows, rows.with_kit(kit(voices))
        assert rows.own == kit(voices)
        for name in {*voices, *before.own.names} & set(before.engine.names):
            assert rows.engine.row_of_name(name) == before.engine.row_of_name(name)
        pattern = random_pattern(1, kit=rows.own)
        sent = rows.sent(SetPattern(pattern, mute=(len(voices) - 1,)))
        assert isinstance(sent, SetPattern)
        assert sent.mute == (rows.engine.row_of_name(voices[-1]),)
        for voice, name in enumerate(voices):
            row = rows.engine.row_of_name(name)
            assert (sent.pattern.onset[row] == pattern.onset[voice]).all()
            assert sent.pattern.kit.voices[row].pitch_out == rows.own.voices[voice].pitch_out
            assert rows.sent(SetVoice("mute", voice, 1)) == SetVoice("mute", row, 1)
            assert rows.sent(StrikePad(voice, 100)) == StrikePad(row, 100)
        assert sent.pattern.onset.sum() == pattern.onset.sum()


def test_rows_of_voices_that_are_gone_are_used_again_before_there_are_too_many() -> None:
    def kit(first: int, count: int) -> Kit:
        return Kit("any", tuple(Voice(f"v{note}", (note,), note) for note in range(first, first + count)))

    rows = Rows.of(kit(0, 9)).with_kit(kit(20, 7)).with_kit(kit(40, 9))
    assert len(rows.engine) == MAX_VOICES
    with pytest.raises(KitError, match="18 voices"):
        rows.with_kit(kit(60, 9))


def test_outputs_of_their_own_voices_go_over_to_the_kit() -> None:
    whole = Rows.of(STANDARD_KIT).with_kit(HANDS).engine
    mixer, out = Mixer(HANDS, 48_000, 4096), np.zeros((4096, 2), np.float32)
    mixer.begin(5, 127, 0)  # a row without a voice
    mixer.mix(out)
    assert not out.any()
    mixer.take_kit(whole)
    mixer.begin(whole.row_of_name("tambourine"), 127, 0)
    mixer.mix(out)
    assert out.any()
    osc = OscOutput("127.0.0.1:9")
    osc.open(STANDARD_KIT)
    osc.take_kit(whole)
    osc.send(Onset(FOUR.quarters_at(0), whole.row_of_name("tambourine"), 54, 100, 0, 0), 0)
    assert osc.is_open
    osc.close(0)


# The desk: files


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two models and a torn one, where we are, and a home of its own."""
    monkeypatch.setenv("RVAE_HOME", str(tmp_path / "home"))
    folder = tmp_path / "models"
    folder.mkdir()
    straight_model().save(folder / "straight.rvae")
    hands_model().save(folder / "hands.rvae")
    (folder / "torn.rvae").write_bytes((folder / "hands.rvae").read_bytes()[:-100])
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def desk(files: Path) -> Iterator[Desk]:
    model = straight_model()
    stage = Stage(model, NearEngine(model), name="straight", meter=model.meter)
    with contextlib.closing(Desk(stage, Rig().hands, file=str(files / "straight.rvae"))) as made:
        yield made


def rows(desk: Desk) -> dict[str, tuple[str, str]]:
    panel = desk.tick().panel
    return {} if panel is None else {row.text: (row.detail, row.state) for row in panel.rows}


def test_the_shelf_lists_what_is_at_hand_and_choosing_opens_it(desk: Desk, files: Path) -> None:
    desk.do(ShowPanel("models"))
    assert wait_for(lambda: len(rows(desk)) == 3)
    found = rows(desk)
    assert found["straight"][1] == "played"
    assert "4/4" in found["straight"][0]
    assert "4 patterns  ·  4/4  ·  3 voices  ·  here" in found["hands"][0]
    assert found["torn"] == ("not a whole rvae model; train it again, or take another copy", "cannot be read")
    desk.do(ChooseRow(str(files / "hands.rvae")))
    assert wait_for(lambda: desk.tick().kit == HANDS)
    assert wait_for(lambda: rows(desk)["hands"][1] == "played")
    assert wait_for(lambda: recent_files()[:1] == (files / "hands.rvae",))  # written down after it is opened
    shutil.copy(files / "hands.rvae", files / "new.rvae")  # what comes appears, what goes is gone
    (files / "torn.rvae").unlink()
    assert wait_for(lambda: set(rows(desk)) == {"straight", "hands", "new"})


def test_the_shelf_is_there_although_the_current_folder_is_not(
    desk: Desk, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may lie on a stick that was pulled."""
    stick = tmp_path / "stick"
    stick.mkdir()
    monkeypatch.chdir(stick)
    desk.do(ShowPanel("models"))
    assert wait_for(lambda: "hands" in rows(desk), seconds=60)
    stick.rmdir()
    assert "hands" in rows(desk)
    (files / "strange.rvae").write_bytes(b"[]")
    assert wait_for(lambda: "strange" in rows(desk), seconds=60)
    assert rows(desk)["strange"][1] == "cannot be read"


@pytest.mark.parametrize("name", ["torn.rvae", "gone.rvae", "torn.rvsession"])
def test_what_cannot_be_read_is_a_line_and_the_music_goes_on(desk: Desk, files: Path, name: str) -> None:
    (files / "torn.rvsession").write_text("{")
    desk.do(Play())
    assert wait_for(lambda: desk.tick().playing)
    desk.do(OpenModel(str(files / name)))
    assert wait_for(lambda: bool(desk.tick().messages) and desk.tick().messages[-1].is_error)
    now = desk.tick()
    assert name in now.messages[-1].text
    assert "the music goes on" in now.messages[-1].text
    assert now.playing
    assert now.kit == STANDARD_KIT


def test_a_model_or_session_dropped_on_the_window_is_opened() -> None:
    for name in ("/a/b.rvae", "/a/b.RVAE", "/a/b.rvsession"):
        event = pygame.Event(pygame.DROPFILE, file=name)
        assert respond(event, Layout.of(800, 600, voices=9), snapshot(), Look())[1] == (OpenModel(name),)


def test_a_session_brings_its_model_and_its_settings_and_is_kept_from_then_on(files: Path) -> None:
    settings = Settings.at_first((0.2, 0.3), FOUR, len(HANDS)).with_voice("mute", 2, 1)
    friday, monday = files / "friday.rvsession", files / "monday.rvsession"
    write_session(friday, Session(str(files / "hands.rvae"), HANDS.names, settings))
    model = straight_model()
    begun = Settings.at_first((0.5, 0.5), FOUR, len(model.kit))
    keeper = Keeper(monday, Session(str(files / "straight.rvae"), model.kit.names, begun))
    stage = Stage(model, NearEngine(model), settings=begun, keeper=keeper)
    with contextlib.closing(Desk(stage, Rig().hands)) as desk:
        desk.do(SetVoice("mute", 0, 1))
        desk.tick()
        desk.do(OpenModel(str(friday)))
        assert wait_for(lambda: desk.tick().kit == HANDS)
        now = desk.tick()
        assert (now.cursor, now.mute) == ((0.2, 0.3), (False, False, True))
        desk.do(MoveCursor(0.9, 0.9))
        desk.tick()
    kept, _ = read_session(friday)
    assert (kept.settings.cursor, kept.model) == ((0.9, 0.9), str(files / "hands.rvae"))
    left, _ = read_session(monday)
    assert (left.settings.mute[0], left.model) == (True, str(files / "straight.rvae"))
    assert left.has_ended


def test_a_session_follows_the_model_that_is_opened(files: Path) -> None:
    model = straight_model()
    begun = Settings.at_first((0.5, 0.5), FOUR, len(model.kit))
    file = files / "last.rvsession"
    keeper = Keeper(file, Session(str(files / "straight.rvae"), model.kit.names, begun))
    stage = Stage(model, NearEngine(model), settings=begun, keeper=keeper)
    with contextlib.closing(Desk(stage, Rig().hands)) as desk:
        desk.do(OpenModel(str(files / "hands.rvae")))
        assert wait_for(lambda: desk.tick().kit == HANDS)
    kept, _ = read_session(file)
    assert (kept.model, kept.voices) == (str(files / "hands.rvae"), HANDS.names)


def test_recent_files_are_the_last_first_and_what_is_torn_is_none(files: Path) -> None:
    for name in ("a.rvae", "b.rvae", "a.rvae"):
        remember(files / name)
    assert recent_files() == (files / "a.rvae", files / "b.rvae")
    (files.parent / "home" / "recent.json").write_text("[1, {")
    assert recent_files() == ()


def test_another_model_waits_for_the_end_of_a_training(files: Path) -> None:
    class Training:
        progress = "half way"

        def poll(self) -> None:
            return None

        def close(self) -> None:
            pass

    model = straight_model()
    stage = Stage(model, NearEngine(model), learning=Training())
    with contextlib.closing(Desk(stage, Rig().hands)) as desk:
        desk.do(OpenModel(str(files / "hands.rvae")))
        assert wait_for(lambda: any("not while the training runs" in m.text for m in desk.tick().messages))
        assert desk.tick().kit == replace(model).kit


def test_in_the_real_instrument_no_beat_is_missing_and_what_was_recorded_is_the_same_again(
    monkeypatch: pytest.MonkeyPatch, files: Path, tmp_path: Path
) -> None:
    mixed_model().save(files / "mixed.rvae")
    with jack_server(monkeypatch):
        ear, log, model = Ear(), OscLog(), straight_model()
        outputs = [OutputSpec("midi", "synth:in"), OutputSpec("osc", log.address)]
        pattern = model.pattern((0.5, 0.5), meter=model.meter)
        engine = EngineProcess(pattern, outputs, recordings=str(tmp_path / "set"))
        stage = Stage(model, engine, name="straight", bpm=240, density=0.8)
        with contextlib.closing(log), contextlib.closing(ear):
            with contextlib.closing(Desk(stage, Rig().hands, file=str(files / "straight.rvae"))) as desk:

                def goes_on(beats: int) -> bool:
                    until = log.read() + beats
                    return wait_for(lambda: desk.tick() and log.read() >= until)

                desk.do(StartRecording())
                desk.do(Play())
                assert goes_on(4)
                for number, name in enumerate(("hands", "mixed", "straight", "hands", "torn", "mixed", "straight")):
                    desk.do(OpenModel(str(files / f"{name}.rvae")))
                    desk.do(MoveCursor(number % 7 / 6, number % 5 / 4))
                    assert name == "torn" or wait_for(lambda name=name: desk.tick().model_name == name), "it is read"
                    assert goes_on(8 if name == "hands" else 5)
                desk.do(Stop())
                assert wait_for(lambda: not desk.tick().playing)
                assert ear.falls_silent()
                desk.do(StopRecording())
                assert wait_for(lambda: any("recorded" in message.text for message in desk.tick().messages))
            assert engine.recorder.wait(60)
            assert ear.wrong == []
            log.check(beats_per_bar=4)
            assert "tambourine" in {heard.values[0] for heard in log.onsets}
    (journal,) = (tmp_path / "set").glob("*.rvjournal")
    assert difference(JournalFile(journal)) is None


def test_a_file_that_fails_in_a_way_nobody_thought_of_is_told_of_and_the_next_one_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, opening = tmp_path / "other.rvae", Opening()
    straight_model().save(file)

    def breaks(_file: Path) -> Opened:
        raise ZeroDivisionError("division by zero")

    with contextlib.closing(opening):
        with monkeypatch.context() as patch:
            patch.setattr("performance.opening.read", breaks)
            opening.ask(lambda: file)
            news: list[tuple[str, bool]] = []
            assert wait_for(lambda: news.extend(opening.news()) or news, seconds=60)
        assert news == [("ZeroDivisionError: division by zero; the music goes on as it was", True)]
        opening.ask(lambda: file)
        found: list[Opened | None] = []
        assert wait_for(lambda: found.append(opening.found()) or found[-1], seconds=60)
        assert found[-1]
        assert found[-1].file == file
