from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from surface_support import snapshot

from performance.asking import foreseen
from performance.commands import GoToClip, MoveCursor, RecallScene, SetControl, SetVoice, StepControl, TogglePlay
from performance.controls import CONTROLS
from performance.mapping import Hand, Mapping, Reading, Source, Touch, Touches, reading_of, steps_of, target_of
from rvae.errors import UsageError

NOW = snapshot()
sources = st.one_of(
    st.builds(Source, st.sampled_from(["cc", "note"]), st.integers(0, 127), st.none() | st.integers(1, 16)),
    st.builds(Source, st.just("cc14"), st.integers(0, 31), st.none() | st.integers(1, 16)),
    st.builds(Source, st.just("bend"), st.just(0), st.none() | st.integers(1, 16)),
)


def turn(target: str, *raws: int, reading: Reading = "absolute", source: str = "cc 21") -> list[object]:
    """What a knob asks for that is turned through these values, while nothing else moves."""
    mapping, hand, now, asked = Mapping(Source.parse(source), target, reading), Hand(), NOW, list[object]()
    for raw in raws:
        hand, commands = hand.touch(Touch(replace(mapping.source, channel=1), raw), mapping, now)
        for command in commands:
            now = foreseen(now, command)
        asked += commands
    return asked


@given(sources)
def test_a_source_is_read_as_it_is_written(source: Source) -> None:
    assert Source.parse(str(source)) == source


@given(st.lists(st.binary(max_size=5), max_size=20))
def test_any_bytes_are_touches_or_nothing(messages: list[bytes]) -> None:
    touches = Touches()
    for data in messages:
        touches, found = touches.read(data)
        assert all(0 <= touch.value <= 1 for touch in found)


def test_coarse_and_fine_parts_are_one_value_of_14_bits() -> None:
    touches, _ = Touches().read(bytes([0xB0, 1, 64]))
    _, (plain, whole) = touches.read(bytes([0xB0, 33, 5]))
    assert plain == Touch(Source("cc", 33, 1), 5)
    assert whole == Touch(Source("cc14", 1, 1), 64 * 128 + 5)


def test_pitch_bend_has_14_bits_and_a_note_of_no_velocity_is_let_go() -> None:
    assert Touches().read(bytes([0xE2, 1, 64]))[1] == (Touch(Source("bend", 0, 3), 64 * 128 + 1),)
    assert Touches().read(bytes([0x99, 36, 0]))[1] == Touches().read(bytes([0x89, 36, 90]))[1]


def test_a_knob_moves_a_fader_only_when_it_has_come_to_where_it_stands() -> None:
    assert turn("density", 10, 30, 50) == []  # the density is at 63.5
    assert turn("density", 10, 60, 70, 127) == [
        SetControl("density", CONTROLS["density"].at(70 / 127)),
        SetControl("density", 1.0),
    ]


@given(st.lists(st.integers(0, 127), min_size=1, max_size=40), st.sampled_from(["density", "tempo", "x", "y"]))
def test_a_knob_never_makes_a_fader_jump_further_than_the_knob_has_been_turned(raws: list[int], target: str) -> None:
    mapping, hand, now = Mapping(Source("cc", 5), target), Hand(), NOW

    def stands() -> float:
        if target in ("x", "y"):
            return now.hand[target == "y"]
        return CONTROLS[target].position(now.controls[target])

    before: int | None = None
    for raw in raws:
        was = stands()
        hand, commands = hand.touch(Touch(Source("cc", 5, 1), raw), mapping, now)
        for command in commands:
            now = foreseen(now, command)
        turned = 0 if before is None else abs(raw - before) / 127
        assert abs(stands() - was) <= turned + 2 / 127
        before = raw


def test_who_moves_the_fader_elsewhere_has_it_until_the_knob_comes_there() -> None:
    mapping, source = Mapping(Source("cc", 5), "density"), Source("cc", 5, 1)
    hand, commands = Hand().touch(Touch(source, 64), mapping, NOW)
    assert commands
    moved = foreseen(NOW, SetControl("density", 0.9))
    hand, commands = hand.touch(Touch(source, 66), mapping, moved)
    assert commands == ()
    assert hand.touch(Touch(source, 120), mapping, moved)[1]


@pytest.mark.parametrize(("reading", "up", "down"), [("twos", 2, 126), ("offset", 66, 62), ("sign", 2, 66)])
def test_endless_knobs_step(reading: Reading, up: int, down: int) -> None:
    assert turn("tempo", up, down, reading=reading) == [StepControl("tempo", 2), StepControl("tempo", -2)]
    assert steps_of(up, reading) == -steps_of(down, reading) == 2


@pytest.mark.parametrize(
    ("raws", "reading"),
    [
        ([1, 1], None),
        ([1, 1, 1], "twos"),
        ([1, 1, 1, 127], "twos"),
        ([1, 1, 1, 65], "sign"),
        ([65, 65, 65], "offset"),
        ([60, 61, 62], "absolute"),
        ([127, 127, 127], "absolute"),
    ],
)
def test_how_a_knob_sends_is_seen_from_its_first_values(raws: list[int], reading: Reading | None) -> None:
    assert reading_of(raws, "density") == reading
    assert reading_of(raws, "play_stop") is None


def test_pads_act_when_hit_and_not_when_let_go() -> None:
    assert turn("play_stop", 100, 0, 100, source="note 36") == [TogglePlay(), TogglePlay()]
    assert turn("recall_scene 3", 1, 0, source="note 36 on 1") == [RecallScene(3)]
    assert turn("clip 2", 90, 0, source="note 37") == [GoToClip(1)]
    assert turn("mute snare", 90, 0, 90, source="note 38") == [SetVoice("mute", 1, 1.0), SetVoice("mute", 1, 0.0)]
    assert turn("density", 127, 0, source="note 39") == [SetControl("density", 1.0)]


def test_a_button_that_sends_a_controller_acts_when_it_is_pressed() -> None:
    assert turn("play_stop", 127, 0, 127, 127) == [TogglePlay()] * 3
    assert turn("play_stop", 40, 80, 90, 50, 70) == [TogglePlay(), TogglePlay()]
    assert turn("play_stop", 40, 80, 110, 127, 90, 127) == [TogglePlay()], "a knob that is turned all the way up"


def test_a_knob_chooses_by_where_it_stands() -> None:
    assert turn("quantum", 0, 64, 127) == [SetControl("quantum", float(choice)) for choice in (0, 1, 2)]


def test_two_knobs_move_the_cursor_together() -> None:
    x, y = NOW.hand
    assert turn("x", round(x * 127) + 1) == [MoveCursor((round(x * 127) + 1) / 127, y)]


def test_what_a_hand_does_on_the_screen_is_a_target() -> None:
    x, y = NOW.hand
    assert target_of(MoveCursor(x + 0.1, y), NOW) == "x"
    assert target_of(MoveCursor(x, y - 0.1), NOW) == "y"
    assert target_of(StepControl("tempo", 1), NOW) == "tempo"
    assert target_of(SetVoice("mute", 1, 1.0), NOW) == "mute snare"
    assert target_of(RecallScene(4), NOW) == "recall_scene 4"
    assert target_of(TogglePlay(), NOW) == "play_stop"


@pytest.mark.parametrize(
    ("source", "target", "says"),
    [
        ("cc 128", "density", "0 to 127"),
        ("knob 1", "density", "are possible"),
        ("cc x", "density", "write it like"),
        ("cc 1 on 17", "density", "1 to 16"),
        ("cc 1", "colour", "no control 'colour'"),
        ("cc 1", "mute", "mute snare"),
        ("cc 1", "recall_scene", "needs a number"),
        ("cc 1", "recall_scene 999", "scene"),
        ("cc 1", "clip 0", "begin at 1"),
    ],
)
def test_what_makes_no_mapping_is_refused_in_a_line(source: str, target: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Mapping(Source.parse(source), target)


def test_a_voice_this_kit_does_not_have_is_refused_with_those_it_has() -> None:
    with pytest.raises(UsageError, match="no voice 'bell'"):
        turn("mute bell", 100, source="note 36")
