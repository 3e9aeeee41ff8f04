from __future__ import annotations

import dataclasses
import socket
from pathlib import Path as FilePath

import numpy as np
import pytest
from jack_support import wait_for
from near_engine import NearEngine, Player
from pythonosc.osc_message_builder import OscMessageBuilder

from performance.commands import (
    GoToClip,
    MoveCursor,
    Panic,
    Play,
    RecallScene,
    SetControl,
    SetMeter,
    SetPattern,
    SetVoice,
    StageCommand,
    StepControl,
    StoreScene,
    TogglePlay,
)
from performance.cursor import Key, Path
from performance.offers import meters_of, usual_bpm
from performance.osc_input import CursorEcho, OscInput
from performance.snapshot import unheard
from performance.stage import Stage
from rvae.kit import STANDARD_KIT
from rvae.meter import Meter
from rvae.model import Model, load


def test_it_begins_on_a_clip_with_its_tempo_and_a_pattern_to_play(stage: Stage, model: Model, near: NearEngine) -> None:
    snapshot = stage.tick()
    assert snapshot.cursor in {clip.point for clip in model.clips}
    assert snapshot.controls["tempo"] == usual_bpm(model, snapshot.meter, snapshot.cursor)
    assert not snapshot.playing
    assert snapshot.playhead.bar == 1
    assert near.patterns()[0].pattern.same_as(snapshot.pattern)
    assert snapshot.probability.shape == snapshot.pattern.onset.shape
    assert snapshot.engine_lives


def test_a_move_is_decoded_once_and_sent_at_the_chosen_quantum(stage: Stage, model: Model, near: NearEngine) -> None:
    stage.tick()
    stage.do(SetControl("quantum", 2))
    before = len(near.patterns())
    stage.do(MoveCursor(0.1, 0.2))
    stage.do(MoveCursor(0.9, 0.1))
    snapshot = stage.tick()
    for _ in range(5):
        stage.tick()
    (sent,) = near.patterns()[before:]
    assert sent.at == "bar"
    assert sent.pattern.same_as(model.pattern((0.9, 0.1), meter=snapshot.meter))
    assert snapshot.cursor == (0.9, 0.1)


def test_densities_of_single_voices_lean_on_the_density(stage: Stage, model: Model) -> None:
    stage.do(SetControl("density", 0.7))
    stage.do(SetVoice("voice_density", 2, 0.1))
    snapshot = stage.tick()
    amounts = [0.7] * len(model.kit)
    amounts[2] = 0.7 + 0.1 - 0.5
    assert snapshot.pattern.same_as(model.pattern(snapshot.cursor, meter=snapshot.meter, density=amounts))


def test_a_mute_goes_to_the_engine_and_leaves_the_pattern_as_it_is(stage: Stage, near: NearEngine) -> None:
    before = stage.tick().pattern
    stage.do(SetVoice("mute", 1, 1))
    snapshot = stage.tick()
    assert snapshot.mute[1]
    assert near.commands[-1] == SetVoice("mute", 1, 1.0)
    assert snapshot.pattern.same_as(before)


def test_a_meter_of_other_beats_moves_to_their_plane_and_one_not_learned_is_a_message(
    stage: Stage, model: Model
) -> None:
    for beats in model.beats:
        meter = next(meter for meter in model.meters if meter.beats == beats)
        stage.do(SetMeter(meter))
        snapshot = stage.tick()
        assert snapshot.meter == meter
        assert snapshot.pattern.meter == meter
        assert {clip.meter.beats for clip in snapshot.clips} == {beats}
        assert meter in snapshot.meters
    stage.do(SetMeter(Meter.parse("13/4")))
    after = stage.tick()
    assert after.meter == snapshot.meter
    assert "13 beats" in after.messages[-1].text
    assert after.messages[-1].is_error


@pytest.mark.parametrize(
    "command",
    [
        SetControl("colour", 1),
        SetControl("mute", 1),
        SetControl("tempo", float("nan")),
        SetVoice("mute", 99, 1),
        SetVoice("tempo", 0, 1),
        StepControl("mute", 1),
        GoToClip(9999),
        MoveCursor(float("nan"), 0),
    ],
)
def test_what_cannot_be_done_is_a_message_and_nothing_breaks(stage: Stage, command: StageCommand) -> None:
    before = stage.tick()
    stage.do(command)
    after = stage.tick()
    assert after.messages[-1].is_error
    assert dataclasses.replace(after, messages=before.messages, status=before.status) == before


def test_play_and_stop_go_round_and_the_playhead_moves(model: Model) -> None:
    player = Player(model)
    player.do(TogglePlay())
    places = [now.playhead.cycle_ticks for now in player.frames(60)]
    assert places == sorted(places)
    assert places[-1] > 0
    assert not player.do(TogglePlay()).playing
    assert player.near.output.sent
    player.stage.close()


def test_touching_a_clip_plays_it_where_it_lies(stage: Stage) -> None:
    clips = stage.tick().clips
    stage.do(GoToClip(1))
    assert stage.tick().cursor == clips[1].point


def test_a_path_moves_the_cursor_until_a_hand_does(model: Model, near: NearEngine) -> None:
    stage = Stage(model, near, path=Path((Key(0, 0, 0), Key(0.01, 1, 1))))
    stage.do(Play())
    seen = [stage.tick().cursor for _ in range(2000)]
    assert seen[-1][0] > 0
    assert all(x == y for x, y in seen[1:])
    stage.do(MoveCursor(0.25, 0.75))
    assert stage.tick().cursor == (0.25, 0.75)
    stage.close()


def test_wekinator_drives_the_cursor_and_hears_where_it_is(model: Model, near: NearEngine) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wekinator:
        wekinator.bind(("127.0.0.1", 0))
        wekinator.settimeout(60)
        listener = OscInput(0, model.kit, host="127.0.0.1")
        stage = Stage(model, near, osc_in=listener, echo=CursorEcho(port=wekinator.getsockname()[1]))
        message = OscMessageBuilder("/wek/outputs")
        message.add_arg(0.25)
        message.add_arg(0.5)
        wekinator.sendto(b"nonsense", ("127.0.0.1", listener.port))
        wekinator.sendto(message.build().dgram, ("127.0.0.1", listener.port))
        assert wait_for(lambda: stage.tick().cursor == (0.25, 0.5))
        snapshot = stage.tick()
        assert wekinator.recv(100).startswith(b"/wekinator/control/outputs")
        assert [m.text for m in snapshot.messages if "1 message none of ours" in m.text]
        stage.close()


def test_the_tempo_is_shown_and_stepped_from_as_a_leader_has_it(stage: Stage, near: NearEngine) -> None:
    stage.do(SetControl("tempo", 100.0))
    meter = stage.tick().meter
    status, led_qpm = near.status, 133.06 * float(meter.tempo_beat_quarters)
    near.status = lambda: dataclasses.replace(status(), led_qpm=led_qpm)  # type: ignore[method-assign]  # one who leads
    assert stage.tick().controls["tempo"] == 133.1
    stage.do(StepControl("tempo", 1))
    near.status = status  # type: ignore[method-assign]  # and is gone
    assert stage.tick().controls["tempo"] == 134.0


def test_an_engine_that_went_away_is_said_once(stage: Stage, near: NearEngine) -> None:
    near.is_alive = False
    for place in range(5):
        stage.do(MoveCursor(place / 10, 0.5))
        snapshot = stage.tick()
    assert not snapshot.engine_lives
    assert len([m for m in snapshot.messages if "the engine has stopped" in m.text]) == 1
    assert not [m for m in snapshot.messages if "does not answer" in m.text], "which says no more"


def test_where_the_engine_has_gone_nothing_seems_to_play_any_more(stage: Stage, near: NearEngine) -> None:
    stage.do(Play())
    assert stage.tick().playing
    near.engine.say("what was wrong", is_error=True)
    near.is_alive = False
    snapshot = stage.tick()
    assert (snapshot.playing, snapshot.status.outputs) == (False, ())
    assert [m.text.partition(",")[0] for m in snapshot.messages][-2:] == ["what was wrong", "the engine has stopped"]
    stage.do(Panic())
    assert stage.tick().messages == snapshot.messages, "it is known by now"


def test_however_many_lines_come_within_a_frame_each_is_told_or_counted(stage: Stage, near: NearEngine) -> None:
    heard = stage.tick().messages[-1].number if stage.tick().messages else 0
    for number in range(12):
        stage.say(f"ours {number}")
    near.engine.say("from the engine")
    lines = unheard(stage.tick().messages, heard)
    assert [line.text for line in lines] == [*(f"ours {number}" for number in range(12)), "from the engine"]
    heard = lines[-1].number
    for number in range(12):
        near.engine.say(f"the engine's {number}")
    first, *rest = unheard(stage.tick().messages, heard)
    assert first.text == "4 lines before this came too fast to be kept"
    assert [line.text for line in rest] == [f"the engine's {number}" for number in range(4, 12)]
    heard = rest[-1].number
    for number in range(100):
        stage.say(f"ours {number}")
    first, *rest = unheard(stage.tick().messages, heard)
    assert first.text == f"{100 - len(rest)} lines before this came too fast to be kept"
    assert rest[-1].text == "ours 99"
    assert unheard(stage.tick().messages, rest[-1].number) == ()


def test_the_meters_offered_have_as_many_beats_those_learned_first(model: Model) -> None:
    for beats in model.beats:
        offered = meters_of(model, beats)
        assert {meter.beats for meter in offered} == {beats}
        assert len(set(offered)) == len(offered)
        assert offered[0] in model.meters


def test_the_snapshot_cannot_be_changed_under_the_one_who_reads_it(stage: Stage) -> None:
    first = stage.tick()
    tempo = first.controls["tempo"]
    stage.do(StepControl("tempo", 5))
    second = stage.tick()
    assert first.controls["tempo"] == tempo
    assert second.controls["tempo"] == tempo + 5
    assert first.kit == STANDARD_KIT
    assert np.all(first.probability >= 0)


class Feed:
    """A training that ends when the test says so."""

    def __init__(self) -> None:
        self.found: Model | str | None = None
        self.progress = "step 1 of 2"
        self.closed = False

    def poll(self) -> Model | str | None:
        found, self.found = self.found, None
        return found

    def close(self) -> None:
        self.closed = True


def learning_stage(model: Model) -> tuple[Stage, NearEngine, Feed]:
    engine, feed = NearEngine(model), Feed()
    return Stage(model, engine, meter=model.meter, learning=feed), engine, feed


def test_a_model_learned_while_playing_takes_over_at_the_bar_and_leaves_the_cursor(model_file: FilePath) -> None:
    stage, engine, feed = learning_stage(load(model_file))
    stage.do(Play())
    before = stage.tick()
    assert "step 1 of 2" in before.model_name
    feed.found, feed.progress = load(model_file), ""
    after = stage.tick()
    assert after.cursor == before.cursor
    assert stage.model is not before
    assert engine.commands[-1] == SetPattern(after.pattern, "bar")
    assert after.playing
    assert "learning" not in after.model_name
    assert any("learned" in message.text for message in after.messages)


def test_a_training_that_fails_leaves_the_music_and_says_why(model_file: FilePath) -> None:
    stage, engine, feed = learning_stage(load(model_file))
    stage.do(Play())
    stage.tick()
    sent = len(engine.commands)
    feed.found = "the training ended without a model: no clips"
    snapshot = stage.tick()
    assert len(engine.commands) == sent
    assert snapshot.playing
    assert snapshot.messages[-1].is_error
    assert "no clips" in snapshot.messages[-1].text
    stage.close()
    assert feed.closed


def test_a_scene_brings_back_place_meter_densities_and_mutes(model_file: FilePath) -> None:
    model = load(model_file)
    engine = NearEngine(model)
    stage = Stage(model, engine, meter=Meter.parse("6/8"))
    for command in (MoveCursor(0.2, 0.9), SetControl("density", 0.7), SetVoice("mute", 1, 1), StoreScene(3)):
        stage.do(command)
    before = stage.tick()
    for command in (SetMeter(Meter.parse("3/4")), MoveCursor(0.8, 0.1), SetControl("density", 0.4)):
        stage.do(command)
    stage.do(SetVoice("mute", 1, 0))
    assert stage.tick().pattern.meter == Meter.parse("3/4")
    stage.do(RecallScene(3))
    after = stage.tick()
    assert (after.cursor, after.meter, after.mute) == (before.cursor, before.meter, before.mute)
    assert after.controls["density"] == before.controls["density"]
    assert after.pattern.same_as(before.pattern)
    stage.do(RecallScene(4))
    assert "scene 4 was never stored" in stage.tick().messages[-1].text


@pytest.mark.parametrize("number", [0, 129, -1])
def test_a_scene_of_an_impossible_number_is_refused_in_a_line(model_file: FilePath, number: int) -> None:
    model = load(model_file)
    stage = Stage(model, NearEngine(model))
    stage.do(StoreScene(number))
    assert f"scene {number}" in stage.tick().messages[-1].text
