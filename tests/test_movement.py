"""What a player does with the cursor, heard through the stage: motions, gestures, morphs, the mix, pins and undo."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from near_engine import Player

from performance.clock import NS_PER_MS
from performance.commands import (
    DropGestures,
    GoToClip,
    MoveCursor,
    PinPlace,
    Play,
    RecallScene,
    Redo,
    SetControl,
    SetMeter,
    SetPattern,
    SetVoice,
    StageCommand,
    Stop,
    StoreScene,
    TakeGesture,
    Undo,
    Unpin,
)
from performance.journal import MemoryJournal
from performance.journal_file import JournalFile, Lines
from performance.motion import Moment
from performance.movement import Movement
from performance.replay import difference
from performance.sequencer import Onset
from performance.session import Session, read_session, write_session
from rvae.meter import Meter
from rvae.model import Model


@pytest.fixture
def player(model: Model) -> Iterator[Player]:
    made = Player(model)
    yield made
    made.stage.close()


def motion(name: str) -> SetControl:
    return SetControl("motion", ("free", "glide", "jump", "orbit", "drift").index(name))


def test_a_glide_is_heard_on_its_way_and_arrives(player: Player, model: Model) -> None:
    player.do(MoveCursor(0.1, 0.1), motion("glide"), Play(), MoveCursor(0.9, 0.9))
    assert player.seen.cursor == pytest.approx((0.1, 0.1), abs=0.05)
    assert player.seen.hand == (0.9, 0.9)
    half = next(now for now in player.frames(200) if now.cursor[0] > 0.5)
    assert half.pattern.same_as(model.pattern(half.cursor, meter=half.meter))
    *_, end = player.frames(200)
    assert end.cursor == (0.9, 0.9)


def test_a_jump_is_seen_and_heard_from_the_next_bar_on(player: Player, model: Model) -> None:
    player.do(MoveCursor(0.1, 0.1), SetControl("quantum", 2), motion("jump"), Play())
    player.until_bar(0.4)
    there = player.do(MoveCursor(0.9, 0.9))
    assert there.cursor == (0.1, 0.1)
    assert there.target == (0.9, 0.9)
    sent = player.near.commands[-1]
    assert isinstance(sent, SetPattern)
    assert sent.at == "bar"
    assert sent.pattern.same_as(model.pattern((0.9, 0.9), meter=there.meter))
    assert player.until_bar(0.97).cursor == (0.1, 0.1)
    landed = player.until_bar(1.0)
    assert landed.cursor == (0.9, 0.9)
    assert landed.target is None


def test_an_orbit_goes_round_in_its_bars_and_stands_when_the_music_does(player: Player) -> None:
    player.do(MoveCursor(0.5, 0.5), motion("orbit"), SetControl("round", 2), SetControl("reach", 0.2), Play())
    assert player.until_bar(1.0).cursor == pytest.approx((0.1, 0.5), abs=0.02)
    assert player.until_bar(2.0).cursor == pytest.approx((0.5, 0.5), abs=0.02)
    player.until_bar(2.6)
    stopped = player.do(Stop()).cursor
    *_, later = player.frames(30)
    assert later.cursor == stopped
    again = player.do(Play())
    assert player.until_bar(1.0).cursor == pytest.approx((0.1, 0.5), abs=0.02), again


def test_an_orbit_goes_on_from_where_a_hand_puts_it_and_from_where_it_is_when_changed(player: Player) -> None:
    player.do(MoveCursor(0.5, 0.5), motion("orbit"), Play())
    player.until_bar(0.7)
    assert player.do(MoveCursor(0.3, 0.3)).cursor == pytest.approx((0.3, 0.3), abs=0.01)
    before = player.until_bar(1.2).cursor
    assert player.do(SetControl("round", 16)).cursor == pytest.approx(before, abs=0.01)
    assert player.do(motion("free")).cursor == pytest.approx(before, abs=0.01)


def test_the_same_seed_drifts_the_same_way(model: Model) -> None:
    ways = []
    for seed in (3, 3, 4):
        player = Player(model)
        player.do(MoveCursor(0.5, 0.5), motion("drift"), SetControl("round", 1), SetControl("seed", seed), Play())
        ways.append([player.until_bar(bar).cursor for bar in (1.0, 3.0, 5.0)])
        player.stage.close()
    assert ways[0] == ways[1]
    assert ways[0] != ways[2]


def recorded(player: Player) -> None:
    """A gesture of two bars: from the middle to the right and up, and back."""
    player.do(MoveCursor(0.4, 0.4), SetControl("quantum", 0), Play())
    player.until_bar(1.0)
    player.do(TakeGesture())
    for bar, place in ((1.5, (0.6, 0.4)), (2.0, (0.6, 0.7)), (2.5, (0.4, 0.4))):
        player.until_bar(bar)
        player.do(MoveCursor(*place))
    player.until_bar(3.05)  # a little late: it is rounded to whole bars
    player.do(TakeGesture())


def test_a_gesture_goes_round_in_whole_bars_in_sync(player: Player) -> None:
    recorded(player)
    assert player.seen.gestures == 1
    for loop in range(3):
        assert player.until_bar(3.1 + 2 * loop).cursor == (0.4, 0.4)
        assert player.until_bar(3.6 + 2 * loop).cursor == pytest.approx((0.6, 0.4))
        assert player.until_bar(4.1 + 2 * loop).cursor == pytest.approx((0.6, 0.7))
        assert player.until_bar(4.6 + 2 * loop).cursor == pytest.approx((0.4, 0.4))
    player.do(Stop())
    player.do(Play())
    assert player.until_bar(0.1).cursor == pytest.approx((0.6, 0.7)), "bar 1 is the gesture's second"


def test_gestures_are_carried_along_scaled_mirrored_and_let_go(player: Player) -> None:
    recorded(player)
    player.until_bar(4.2)
    assert player.do(MoveCursor(0.3, 0.2)).cursor == pytest.approx((0.5, 0.5)), "the hand moves all of it"
    assert player.do(SetControl("gesture_size", 2)).cursor == pytest.approx((0.7, 0.8))
    assert player.do(SetControl("gesture_size", -0.5)).cursor == pytest.approx((0.2, 0.05))
    assert player.do(SetControl("gesture_size", 0)).cursor == pytest.approx((0.3, 0.2))
    player.do(SetControl("gesture_size", 1), SetControl("gesture_speed", 3))
    assert player.until_bar(5.05).cursor == pytest.approx((0.3, 0.2)), "twice as fast: round in one bar"
    assert player.do(DropGestures()).gestures == 0
    assert player.seen.cursor == pytest.approx((0.3, 0.2))


def test_gestures_are_laid_over_one_another_and_over_a_motion(player: Player) -> None:
    recorded(player)
    player.until_bar(5.0)
    player.do(TakeGesture())
    player.until_bar(5.5)
    player.do(MoveCursor(0.4, 0.3))
    player.until_bar(5.95)
    player.do(TakeGesture())
    assert player.seen.gestures == 2
    assert player.until_bar(7.6).cursor == pytest.approx((0.6, 0.3))
    player.do(motion("orbit"), SetControl("reach", 0.1))
    assert player.until_bar(9.6).cursor != pytest.approx((0.6, 0.3))
    assert player.do(DropGestures(all=True)).gestures == 0


def test_a_gesture_needs_music_and_a_hand_that_moves(player: Player) -> None:
    player.do(TakeGesture())
    assert player.seen.messages[-1].is_error
    assert "play first" in player.said
    player.do(Play())
    player.until_bar(0.5)
    assert player.do(TakeGesture()).is_taking
    player.until_bar(1.5)
    player.do(TakeGesture())
    assert "did not move" in player.said
    assert player.seen.gestures == 0


def test_a_gesture_is_recorded_on_where_the_music_was_held_up_and_not_over_a_new_beginning(player: Player) -> None:
    movement, settings = Movement((0.4, 0.4)), player.stage.settings
    movement.step(settings, Moment(0.0, 2.0))
    movement.take_gesture(settings)
    movement.put((0.6, 0.4), settings.manner)
    movement.step(settings, Moment(0.016, 2.5))
    movement.step(settings, Moment(0.016, 2.4))  # the engine was late, and waited
    assert movement.is_taking
    movement.put((0.6, 0.8), settings.manner)
    movement.step(settings, Moment(0.016, 2.9))
    (gesture,) = movement.step(settings, Moment(0.016, 0.0)).layers
    assert not movement.is_taking
    assert [(key.x, key.y) for key in gesture.path.keys][-1] == (0.6, 0.8)


def test_a_gesture_counts_bars_whatever_meter_and_tempo_come_meanwhile(player: Player) -> None:
    other = next(meter for meter in player.stage.model.meters if meter.beats != player.seen.meter.beats)
    player.do(MoveCursor(0.4, 0.4), SetControl("quantum", 0), Play())
    player.until_bar(1.0)
    player.do(TakeGesture())
    player.until_bar(1.5)
    player.do(SetControl("tempo", 200), SetMeter(other), MoveCursor(0.6, 0.4))
    player.until_bar(2.5)
    player.do(MoveCursor(0.6, 0.7))
    player.until_bar(3.05)
    player.do(TakeGesture(), SetControl("tempo", 90))
    (gesture,) = player.stage.settings.layers
    assert gesture.bars == 2
    assert player.until_bar(3.6).cursor == pytest.approx((0.6, 0.4))
    assert player.until_bar(4.6).cursor == pytest.approx((0.6, 0.7))
    assert player.until_bar(5.1).cursor == pytest.approx((0.4, 0.4))


def being_recorded(player: Player) -> None:
    """A gesture from bar 0.5 on, moved once at bar 1, and not ended yet at 1.6."""
    player.do(MoveCursor(0.4, 0.4), Play())
    player.until_bar(0.5)
    player.do(TakeGesture())
    player.until_bar(1.0)
    player.do(MoveCursor(0.8, 0.4))
    player.until_bar(1.6)


@pytest.mark.parametrize("command", [DropGestures(), DropGestures(all=True), Unpin()])
def test_letting_go_where_nothing_is_held_says_so(player: Player, command: StageCommand) -> None:
    now = player.do(command)
    assert now.messages[-1].is_error
    player.do(Undo())
    assert "nothing to undo" in player.seen.messages[-1].text


def test_a_gesture_ends_with_the_music_and_is_kept(player: Player) -> None:
    being_recorded(player)
    player.do(Stop())
    assert player.seen.gestures == 1
    assert not player.seen.is_taking


def stored(player: Player) -> tuple[tuple[float, float], tuple[float, float]]:
    here, there = (0.2, 0.3), (0.8, 0.7)
    player.do(MoveCursor(*here), SetVoice("mute", 1, 1), StoreScene(1))
    player.do(MoveCursor(*there), SetVoice("mute", 1, 0), SetVoice("mute", 2, 1), SetControl("density", 0.7))
    player.do(StoreScene(2), RecallScene(1))
    return here, there


def test_a_morph_goes_from_scene_to_scene_in_its_bars(player: Player) -> None:
    here, there = stored(player)
    player.do(Play())
    player.until_bar(1.0)
    player.do(RecallScene(2, bars=4))
    assert player.seen.morphs
    half = player.until_bar(3.0)
    assert half.cursor == pytest.approx(((here[0] + there[0]) / 2, (here[1] + there[1]) / 2), abs=0.01)
    assert half.controls["density"] == pytest.approx(0.6, abs=0.01)
    assert not half.mute[1], "what comes in is heard onset by onset"
    assert half.voice_density[1] == pytest.approx(0.25, abs=0.01)
    assert not half.mute[2]
    end = player.until_bar(5.01)
    assert (end.cursor, end.mute[1], end.mute[2], end.voice_density[1]) == (there, False, True, 0.5)
    assert not end.morphs


def test_a_hand_takes_the_cursor_from_a_morph_and_a_mute_does_not(player: Player) -> None:
    stored(player)
    player.do(Play())
    player.do(SetControl("morph", 4), RecallScene(2))
    player.until_bar(1.0)
    assert player.do(SetVoice("mute", 3, 1)).morphs
    assert player.until_bar(1.5).mute[3]
    player.do(MoveCursor(0.1, 0.9))
    assert not player.seen.morphs
    assert player.until_bar(6.0).cursor == (0.1, 0.9)


def test_a_voice_that_two_scenes_mute_is_heard_again_when_a_morph_between_them_was_broken_off(player: Player) -> None:
    stored(player)
    player.do(SetVoice("mute", 1, 1), StoreScene(3), Play(), RecallScene(1))
    player.do(RecallScene(3, bars=4))
    player.until_bar(2.0)
    player.do(MoveCursor(0.4, 0.4), SetVoice("mute", 1, 0))
    assert not player.seen.morphs
    assert (player.seen.mute[1], player.seen.voice_density[1]) == (False, 0.5)


def test_a_tempo_that_the_scenes_do_not_bring_leaves_a_morph_on_its_way(player: Player) -> None:
    stored(player)
    player.do(Play())
    player.do(RecallScene(2, bars=4))
    assert player.do(SetControl("tempo", 130)).morphs
    assert not player.do(SetControl("scene_tempo", 1), SetControl("tempo", 140)).morphs


def test_a_morph_stands_while_the_music_does_and_goes_on_with_it(player: Player) -> None:
    here, there = stored(player)
    middle = ((here[0] + there[0]) / 2, (here[1] + there[1]) / 2)
    player.do(Play())
    player.until_bar(1.0)
    player.do(RecallScene(2, bars=4))
    player.until_bar(3.0)
    player.do(Stop())
    *_, stands = player.frames(20)
    assert not stands.playing
    assert stands.morphs
    assert stands.cursor == pytest.approx(middle, abs=0.02)
    assert stands.controls["density"] == pytest.approx(0.6, abs=0.02)
    assert player.do(Play()).cursor == pytest.approx(middle, abs=0.02), "it is heard again where it was"
    later = player.until_bar(1.0)
    assert later.cursor == pytest.approx(tuple(0.25 * a + 0.75 * b for a, b in zip(here, there, strict=True)), abs=0.02)
    end = player.until_bar(2.05)
    assert (end.cursor, end.mute[2], end.morphs) == (there, True, False)


def test_a_morph_goes_on_where_the_music_begins_anew_or_is_held_up(player: Player) -> None:
    _, there = stored(player)
    movement = Movement((0.2, 0.3))
    start, end = player.stage.settings.scenes[1], player.stage.settings.scenes[2]
    now = movement.step(player.stage.settings, Moment(0.0, 8.0))
    movement.morph(start, end, 4)
    assert movement.step(now, Moment(0.016, 7.9)).cursor == pytest.approx(start.cursor), "held up"
    half = movement.step(now, Moment(0.016, 10.0)).cursor
    assert movement.step(now, Moment(0.016, 0.0)).cursor == half, "a leader went back to the beginning"
    assert movement.step(now, Moment(0.016, 2.0)).cursor == there
    assert movement.morphing is None


def test_a_morph_while_nothing_plays_is_at_once(player: Player) -> None:
    _, there = stored(player)
    assert player.do(RecallScene(2, bars=8)).cursor == there


def test_a_morph_to_a_plane_of_other_beats_ends_there(player: Player) -> None:
    other = next(meter for meter in player.stage.model.meters if meter.beats != player.seen.meter.beats)
    player.do(SetMeter(other), MoveCursor(0.9, 0.9), StoreScene(5))
    player.do(SetMeter(player.stage.model.meter), MoveCursor(0.1, 0.1), Play())
    player.until_bar(1.0)
    player.do(RecallScene(5, bars=2))
    between = player.until_bar(2.5)
    assert (between.cursor, between.meter) == ((0.1, 0.1), player.stage.model.meter)
    player.until_bar(3.01)
    assert (player.seen.cursor, player.seen.meter) == ((0.9, 0.9), other)


def test_a_scene_brings_its_tempo_where_that_is_wanted(player: Player) -> None:
    player.do(StoreScene(1), SetControl("tempo", 90), RecallScene(1))
    assert player.seen.controls["tempo"] == 90
    player.do(SetControl("scene_tempo", 1), RecallScene(1))
    assert player.seen.controls["tempo"] == 120
    assert player.near.commands[-1] == SetControl("tempo", 120)


def test_a_scene_that_comes_at_the_bar_brings_its_mutes_and_its_tempo_there(player: Player) -> None:
    player.do(SetControl("density", 1), SetControl("quantum", 2), SetControl("scene_tempo", 1), SetVoice("mute", 0, 1))
    player.do(StoreScene(1), SetVoice("mute", 0, 0), SetVoice("mute", 1, 1), SetControl("tempo", 100), Play())
    player.until_bar(1.3)
    player.do(RecallScene(1))
    assert player.until_bar(1.9).mute[:2] == (True, False)
    assert player.near.engine.transport is not None
    assert player.near.engine.transport.qpm == player.seen.meter.qpm_of(100)
    player.until_bar(4)
    assert player.near.engine.transport.qpm == player.seen.meter.qpm_of(120)
    played = [sent.event for sent in player.near.output.sent if isinstance(sent.event, Onset)]
    bars = {voice: {onset.bar for onset in played if onset.voice == voice} for voice in (0, 1)}
    assert bars[0] == {0, 1}
    assert max((onset.bar, onset.tick) for onset in played if onset.voice == 0) > (1, player.seen.meter.bar_ticks // 2)
    assert bars[1] >= {2, 3}
    assert not bars[1] & {0, 1}


def test_a_voice_that_a_morph_brings_in_is_not_heard_in_full_before_it_begins(player: Player) -> None:
    player.do(SetControl("density", 1), SetControl("quantum", 2), StoreScene(1), SetVoice("mute", 0, 1), Play())
    player.until_bar(1.3)
    player.do(RecallScene(1, bars=8))
    player.until_bar(2.5)
    played = [sent.event for sent in player.near.output.sent if isinstance(sent.event, Onset)]
    assert not [onset for onset in played if onset.voice == 0 and onset.bar < 2]


CORNERS = {1: (0.1, 0.9), 2: (0.9, 0.8), 3: (0.2, 0.1), 4: (0.7, 0.3)}


def test_four_scenes_are_mixed_from_their_corners(player: Player) -> None:
    for number, place in CORNERS.items():
        player.do(MoveCursor(*place), SetControl("density", number / 5), StoreScene(number))
    player.do(SetControl("mix", 1))
    assert player.seen.cursor == pytest.approx((0.7, 0.3), abs=0.05), "it begins near where it was"
    for corner, number in (((0, 1), 1), ((1, 1), 2), ((0, 0), 3), ((1, 0), 4)):
        player.do(MoveCursor(*corner))
        assert player.seen.cursor == pytest.approx(CORNERS[number])
        assert player.seen.controls["density"] == pytest.approx(number / 5)
    middle = player.do(MoveCursor(0.5, 0.5))
    assert middle.cursor == pytest.approx(tuple(np.mean(list(CORNERS.values()), axis=0)))
    assert middle.hand == (0.5, 0.5)
    player.do(SetControl("mix", 0))
    assert player.seen.cursor == player.seen.hand == middle.cursor


def test_a_mix_and_a_place_in_it_may_be_asked_for_in_one_go(player: Player) -> None:
    for number, place in CORNERS.items():
        player.do(MoveCursor(*place), SetVoice("mute", 1, 1), SetVoice("mute", 2, number % 2), StoreScene(number))
    player.do(SetVoice("mute", 1, 0), SetControl("mix", 1), MoveCursor(0.0, 1.0))
    assert player.seen.hand == (0.0, 1.0)
    assert player.seen.cursor == CORNERS[1]
    assert not player.seen.pattern.onset[1].any(), "muted in all four"
    assert player.do(SetControl("mix", 0)).mute[1], "and muted when the mix is left, not silent for no reason"
    assert player.seen.voice_density[1] == 0.5


def test_a_clip_or_a_scene_ends_the_mix_and_is_gone_to(player: Player) -> None:
    for number, place in CORNERS.items():
        player.do(MoveCursor(*place), StoreScene(number))
    clip = player.seen.clips[0].point
    for command, there in ((GoToClip(0), clip), (RecallScene(2), CORNERS[2])):
        player.do(SetControl("mix", 1), MoveCursor(0.4, 0.4))
        assert player.seen.controls["mix"]
        player.do(command)
        assert player.seen.cursor == there
        assert not player.seen.controls["mix"]


def test_a_mix_needs_its_four_scenes_on_this_plane(player: Player) -> None:
    player.do(StoreScene(1), StoreScene(3), SetControl("mix", 1))
    assert not player.seen.controls["mix"]
    assert "keep scene 2 and 4 first" in player.said
    for number, place in CORNERS.items():
        player.do(MoveCursor(*place), StoreScene(number))
    other = next(meter for meter in player.stage.model.meters if meter.beats != player.seen.meter.beats)
    player.do(SetControl("mix", 1), SetMeter(other))
    assert not player.seen.controls["mix"]
    assert player.seen.meter == other
    assert "mixing needs scenes" in player.said


def test_a_pinned_onset_stays_wherever_the_cursor_goes(player: Player) -> None:
    pattern = player.do(MoveCursor(0.1, 0.1)).pattern
    voice, tick = (int(places[0]) for places in np.nonzero(pattern.onset))
    empty = int(np.flatnonzero(pattern.onset[voice] == 0)[0])
    player.do(PinPlace(voice, tick, "onset"), PinPlace(voice, empty, "onset"))
    forced = player.seen.pattern
    assert forced.onset[voice, empty] == 1
    assert forced.velocity[voice, empty] >= 0.4
    assert len(player.seen.pins) == 2
    for place in ((0.9, 0.9), (0.5, 0.1), (0.0, 1.0)):
        there = player.do(MoveCursor(*place)).pattern
        assert there.onset[voice, tick] == there.onset[voice, empty] == 1
        assert there.velocity[voice, tick] == pattern.velocity[voice, tick]
    assert player.near.commands[-1] == SetPattern(there, "beat")
    player.do(MoveCursor(0.1, 0.1), PinPlace(voice, tick, "rest"), PinPlace(voice, empty, None))
    assert player.seen.pattern.onset[voice, tick] == 0
    assert player.seen.pattern.onset[voice, empty] == 0
    player.do(Unpin())
    assert player.seen.pattern.same_as(pattern)


def test_a_frozen_voice_stays_while_the_others_travel(player: Player, model: Model) -> None:
    start = player.do(MoveCursor(0.1, 0.1)).pattern
    voice = int(start.onset.sum(axis=1).argmax())
    player.do(SetVoice("freeze", voice, 1))
    assert player.seen.freeze[voice]
    there = player.do(MoveCursor(0.9, 0.8)).pattern
    free = model.pattern((0.9, 0.8), meter=there.meter)
    for row in range(len(model.kit)):
        same = start if row == voice else free
        assert np.array_equal(there.onset[row], same.onset[row])
        assert np.array_equal(there.velocity[row], same.velocity[row])
    player.do(SetVoice("freeze", voice, 0))
    assert player.seen.pattern.same_as(free)


@pytest.mark.parametrize("place", [(99, 0), (0, 100_000), (-1, 0), (0, -1)])
def test_a_pin_outside_of_the_pattern_is_a_line(player: Player, place: tuple[int, int]) -> None:
    player.do(PinPlace(*place, "onset"))
    assert player.seen.messages[-1].is_error
    assert not player.seen.pins


def test_undo_takes_back_what_was_done_step_by_step_and_redo_does_it_again(player: Player) -> None:
    first = player.do(MoveCursor(0.1, 0.1))
    list(player.frames(100))
    player.do(MoveCursor(0.2, 0.2), MoveCursor(0.5, 0.3), MoveCursor(0.9, 0.9))  # a drag is one step
    player.do(SetVoice("mute", 1, 1), StoreScene(1), SetControl("density", 0.8))
    whole = player.seen
    assert player.do(Undo()).controls["density"] == first.controls["density"]
    assert player.do(Undo()).scenes == ()
    assert not player.do(Undo()).mute[1]
    assert player.near.commands[-1] == SetVoice("mute", 1, 0.0)
    assert player.do(Undo()).cursor == (0.1, 0.1)
    assert "undone: the cursor's move" in player.said
    for _ in range(4):
        player.do(Redo())
    assert player.seen.cursor == whole.cursor
    assert player.seen.pattern.same_as(whole.pattern)
    assert (player.seen.mute, player.seen.controls, player.seen.scenes) == (whole.mute, whole.controls, whole.scenes)
    player.do(Redo())
    assert "nothing to do again" in player.said


def test_undo_of_a_morph_and_of_a_scene_recalled_by_accident(player: Player) -> None:
    here, _ = stored(player)
    player.do(Play())
    player.until_bar(1.0)
    player.do(RecallScene(2, bars=4))
    player.until_bar(2.0)
    player.do(Undo())
    assert player.seen.cursor == pytest.approx(here)
    assert not player.seen.morphs
    assert player.until_bar(5.5).cursor == pytest.approx(here)


def test_a_morph_that_was_taken_back_midway_goes_on_from_there_when_it_is_done_again(player: Player) -> None:
    here, there = stored(player)
    player.do(Play())
    player.until_bar(1.0)
    player.do(RecallScene(2, bars=4))
    midway = player.until_bar(3.0).cursor
    player.do(Undo())
    assert player.until_bar(6.0).cursor == pytest.approx(here)
    assert player.do(Redo()).cursor == pytest.approx(midway, abs=0.02)
    assert player.until_bar(7.0).cursor != there, "half of it is left"
    assert player.until_bar(8.05).cursor == there


def test_undo_of_a_move_that_broke_off_a_morph_lets_it_go_on(player: Player) -> None:
    _, there = stored(player)
    player.do(Play())
    player.until_bar(1.0)
    player.do(RecallScene(2, bars=2))
    midway = player.until_bar(2.0).cursor
    player.do(MoveCursor(0.1, 0.9))
    assert player.until_bar(4.0).cursor == (0.1, 0.9)
    assert player.do(Undo()).cursor == pytest.approx(midway, abs=0.02)
    end = player.until_bar(5.05)
    assert (end.cursor, end.morphs) == (there, False)


def test_undo_leaves_alone_what_moves_by_itself(player: Player) -> None:
    player.do(MoveCursor(0.5, 0.5), motion("orbit"), SetControl("round", 4), Play())
    player.until_bar(1.0)
    player.do(SetVoice("mute", 1, 1))
    there = player.until_bar(2.0).cursor
    assert player.do(Undo()).cursor == pytest.approx(there, abs=0.02)
    assert not player.seen.mute[1]
    assert player.until_bar(3.0).cursor == pytest.approx((0.3, 0.3), abs=0.02), "on its way round"
    player.do(Undo())
    assert "undone: motion" in player.said
    assert (player.seen.cursor, player.seen.controls["motion"]) == ((0.5, 0.5), 0), "where it was before it set out"


def test_undo_of_something_small_leaves_a_morph_on_its_way(player: Player) -> None:
    _, there = stored(player)
    player.do(Play())
    player.until_bar(1.0)
    player.do(RecallScene(2, bars=2))
    player.until_bar(2.0)
    player.do(SetVoice("mute", 3, 1))
    player.until_bar(2.2)
    assert player.do(Undo()).morphs
    assert not player.seen.mute[3]
    end = player.until_bar(3.1)
    assert (end.cursor, end.mute[2]) == (there, True)
    player.do(Undo())
    assert "undone: going to scene 2" in player.said
    assert (player.seen.mute[1:4], player.seen.voice_density[1]) == ((True, False, False), 0.5)


def test_a_gesture_that_ended_with_the_music_is_a_step_of_its_own(player: Player) -> None:
    player.do(SetControl("density", 0.7))
    being_recorded(player)
    player.do(Stop())
    assert player.do(Undo()).gestures == 0
    assert "undone: the gesture" in player.said
    assert player.seen.controls["density"] == 0.7
    assert player.do(Redo()).gestures == 1


def test_a_gesture_taken_back_leaves_the_hand_where_it_was(player: Player) -> None:
    being_recorded(player)
    assert player.do(TakeGesture()).hand == (0.4, 0.4)
    player.do(Undo())
    assert (player.seen.gestures, player.seen.hand, player.seen.cursor) == (0, (0.8, 0.4), (0.8, 0.4))


def test_undo_puts_the_hand_back_that_carries_gestures_or_mixes(player: Player) -> None:
    recorded(player)
    player.until_bar(3.6)
    player.do(MoveCursor(0.3, 0.2))
    player.until_bar(4.1)
    assert player.do(Undo()).hand == (0.4, 0.4)
    assert player.seen.cursor == pytest.approx((0.6, 0.7)), "with the gesture over it, once"
    player.do(DropGestures(all=True))
    for number, place in CORNERS.items():
        player.do(MoveCursor(*place), SetVoice("voice_density", 1, number / 10), StoreScene(number))
    before = player.do(MoveCursor(0.33, 0.44))
    mixed = player.do(SetControl("mix", 1), MoveCursor(0.21, 0.57))
    player.do(SetVoice("mute", 1, 1), MoveCursor(0.9, 0.1), Undo())
    assert (player.seen.hand, player.seen.cursor) == (mixed.hand, pytest.approx(mixed.cursor))
    for _ in range(3):
        player.do(Undo())
    assert (player.seen.cursor, player.seen.voice_density) == (before.cursor, before.voice_density)
    assert not player.seen.controls["mix"]


def test_what_a_session_kept_stands_where_it_stood_with_gestures_over_it(player: Player, model: Model) -> None:
    recorded(player)
    player.until_bar(4.2)
    again = Player(model, settings=player.stage.settings)
    assert again.seen.hand == player.seen.hand == (0.4, 0.4)
    again.stage.close()


def test_undo_at_the_beginning_says_so(model: Model) -> None:
    player = Player(model)
    player.do(Undo())
    assert "nothing to undo" in player.said
    player.stage.close()


HANDS = st.one_of(
    st.builds(MoveCursor, st.floats(0, 1), st.floats(0, 1)),
    st.builds(SetControl, st.just("motion"), st.integers(0, 4)),
    st.builds(SetControl, st.just("quantum"), st.integers(0, 2)),
    st.builds(SetControl, st.just("density"), st.floats(0, 1)),
    st.builds(SetControl, st.just("tempo"), st.floats(20, 300)),
    st.builds(SetControl, st.sampled_from(["mix", "scene_tempo"]), st.integers(0, 1)),
    st.builds(SetControl, st.just("gesture_size"), st.floats(-2, 2)),
    st.builds(SetControl, st.sampled_from(["morph", "round", "gesture_speed"]), st.integers(0, 4)),
    st.builds(GoToClip, st.integers(0, 3)),
    st.builds(SetVoice, st.sampled_from(["mute", "freeze"]), st.integers(0, 9), st.integers(0, 1)),
    st.builds(SetVoice, st.just("nudge"), st.integers(0, 9), st.floats(-50, 50)),
    st.builds(SetMeter, st.sampled_from([Meter.parse(name) for name in ("3/4", "6/8", "4/4", "9/8")])),
    st.builds(StoreScene, st.integers(1, 4)),
    st.builds(RecallScene, st.integers(1, 5), st.sampled_from([None, 0, 0.5, 2])),
    st.builds(PinPlace, st.integers(0, 9), st.integers(0, 200), st.sampled_from(["onset", "rest", None])),
    st.sampled_from([TakeGesture(), DropGestures(), Unpin(), Undo(), Redo(), Play(), Stop()]),
)


@settings(max_examples=12)
@given(st.lists(HANDS, min_size=4, max_size=20))
def test_a_step_back_is_how_it_was_and_a_step_forth_how_it_became(model: Model, hands: list[StageCommand]) -> None:
    player = Player(model)
    for number, place in CORNERS.items():
        player.do(MoveCursor(*place), SetVoice("mute", number, 1), StoreScene(number))
    for command in hands:
        if isinstance(command, Undo | Redo | Play) or command == motion("glide"):  # nothing goes by itself meanwhile
            continue
        player.clock.sleep_until(player.clock.now_ns() + 1500 * NS_PER_MS)  # a step of its own
        player.do()
        before = player.stage.settings
        player.do(command)
        if (after := player.stage.settings) == before:
            continue
        player.do(Undo())
        assert player.stage.settings == before
        player.do(Redo())
        assert player.stage.settings == after
    player.stage.close()


@settings(max_examples=25)
@given(st.lists(st.tuples(HANDS, st.integers(0, 12)), min_size=5, max_size=40))
def test_whatever_hands_do_plays_on_and_is_replayed_to_the_same_events(
    model: Model, tmp_path_factory: pytest.TempPathFactory, hands: list[tuple[StageCommand, int]]
) -> None:
    player, journal = Player(model), MemoryJournal()
    player.near.engine.start_journal(journal)
    player.do(Play())
    for command, frames in hands:
        player.do(command)
        for now in player.frames(frames):
            assert all(0 <= value <= 1 for value in (*now.cursor, *now.hand))
            assert now.pattern.meter == now.meter
            assert now.pattern.onset.shape == now.probability.shape
    kept = player.stage.settings
    player.near.engine.end_journal()
    player.stage.close()
    lines = Lines()
    written = "".join(line for entry in journal.entries for line in lines.of(entry))
    file = tmp_path_factory.mktemp("set") / "set.rvjournal"
    file.write_text(Lines.header("2026-11-22") + written, encoding="utf-8")
    assert difference(JournalFile(file)) is None
    session = Session("", model.kit.names, kept)
    write_session(file.with_suffix(".rvsession"), session)
    assert read_session(file.with_suffix(".rvsession")) == (session, 0)
