"""Events become commands: tested without a window."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pygame
import pytest
from hypothesis import given
from hypothesis import strategies as st
from surface_support import FOUR, SEVEN, SIX, Blend, snapshot

from performance.commands import (
    ChooseRow,
    DropGestures,
    Explain,
    Export,
    ForgetKnob,
    GoToClip,
    LearnKnob,
    MoveCursor,
    NextPanel,
    Panic,
    PinPlace,
    PlayIn,
    Quit,
    RecallScene,
    Redo,
    SetControl,
    SetMeter,
    SetVoice,
    ShowPanel,
    StepControl,
    StepRow,
    StoreScene,
    StrikePad,
    TakeGesture,
    TogglePlay,
    ToggleRecording,
    Undo,
    Unpin,
)
from performance.controls import ACTIONS, CONTROLS, defaults
from performance.pins import Pin
from performance.snapshot import Snapshot, TakeState
from performance.surface.bar import fader, segments
from performance.surface.help import help_pages
from performance.surface.input import respond, respond_for_audience
from performance.surface.lanes import tick_x
from performance.surface.layout import Layout
from performance.surface.look import Look
from performance.surface.pads import pushed_by_sticks
from rvae.kit import STANDARD_KIT, Kit
from rvae.meter import Meter
from rvae.pattern import Pattern

LAYOUT = Layout.of(1280, 800, voices=9)
CONTROLS_AT_FIRST = defaults()
CODES = {pygame.key.name(getattr(pygame, name)): getattr(pygame, name) for name in dir(pygame) if name.startswith("K_")}
MODIFIERS = {"ctrl": pygame.KMOD_LCTRL, "shift": pygame.KMOD_LSHIFT, "alt": pygame.KMOD_LALT}


PAD = {
    name.removeprefix("CONTROLLER_BUTTON_").removeprefix("DPAD_").lower(): getattr(pygame, name)
    for name in dir(pygame)
    if name.startswith("CONTROLLER_BUTTON_")
}


def key(name: str, *, kind: int = pygame.KEYDOWN, unicode: str = "") -> pygame.Event:
    if name.startswith("pad-"):
        return pygame.Event(
            pygame.CONTROLLERBUTTONDOWN, button=PAD[name.split("+")[-1].removeprefix("pad-")], instance_id=0
        )
    *modifiers, last = name.split("+")
    mod = sum(MODIFIERS[modifier] for modifier in modifiers)
    return pygame.Event(kind, key=CODES[last], mod=mod, unicode=unicode)


def mouse(kind: int, pos: tuple[float, float], **rest: Any) -> pygame.Event:
    plain: dict[str, Any] = {"pos": pos, "touch": False}
    if kind == pygame.MOUSEMOTION:
        plain |= {"buttons": (1, 0, 0), "rel": (0, 0)}
    else:
        plain |= {"button": 1}
    return pygame.Event(kind, plain | rest)


def commands_of(events: list[pygame.Event], **state: Any) -> list[object]:
    look, given_commands = Look(), []
    for event in events:
        look, commands = respond(event, LAYOUT, snapshot(**state), look)
        given_commands += commands
    return given_commands


def box_of(name: str) -> pygame.Rect:
    item = LAYOUT.item(name)
    assert item is not None
    return item.box


@given(path=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=8))
def test_a_drag_over_the_plane_moves_the_cursor_along_with_y_upward(path: list[tuple[float, float]]) -> None:
    pixels = [LAYOUT.pixel_of(*point) for point in path]
    events = [mouse(pygame.MOUSEBUTTONDOWN, pixels[0]), *(mouse(pygame.MOUSEMOTION, pixel) for pixel in pixels[1:])]
    moves = commands_of(events, clips=())
    assert all(isinstance(move, MoveCursor) for move in moves)
    assert [(move.x, move.y) for move in moves if isinstance(move, MoveCursor)] == [
        pytest.approx(point, abs=1e-6) for point in path
    ]


def test_a_drag_that_leaves_the_plane_stays_at_its_edge_and_ends_when_let_go() -> None:
    inside = LAYOUT.pixel_of(0.5, 0.5)
    events = [
        mouse(pygame.MOUSEBUTTONDOWN, inside),
        mouse(pygame.MOUSEMOTION, (-80, inside[1])),
        mouse(pygame.MOUSEBUTTONUP, (-80, inside[1])),
        mouse(pygame.MOUSEMOTION, inside),
    ]
    moves = commands_of(events)
    assert len(moves) == 2
    assert moves[1] == MoveCursor(0.0, pytest.approx(0.5))


def test_the_first_finger_has_the_cursor_and_a_second_one_does_not_take_it() -> None:
    def finger(kind: int, number: int, x: float, y: float) -> pygame.Event:
        left, top = LAYOUT.pixel_of(x, y)
        return pygame.Event(kind, finger_id=number, touch_id=1, x=left / 1280, y=top / 800, dx=0.0, dy=0.0)

    moves = commands_of(
        [
            finger(pygame.FINGERDOWN, 7, 0.2, 0.3),
            finger(pygame.FINGERDOWN, 8, 0.9, 0.9),
            finger(pygame.FINGERMOTION, 8, 0.8, 0.9),
            finger(pygame.FINGERMOTION, 7, 0.4, 0.6),
            finger(pygame.FINGERUP, 7, 0.4, 0.6),
            finger(pygame.FINGERMOTION, 7, 0.1, 0.1),
        ],
        clips=(),
    )
    assert [(move.x, move.y) for move in moves if isinstance(move, MoveCursor)] == [
        pytest.approx((0.2, 0.3), abs=1e-6),
        pytest.approx((0.4, 0.6), abs=1e-6),
    ]


def test_a_touch_on_a_clip_plays_it_as_it_was_and_drags_on_from_there() -> None:
    clip = Blend().clips[4]
    x, y = LAYOUT.pixel_of(*clip.point)
    touched = commands_of([mouse(pygame.MOUSEBUTTONDOWN, (x + 4, y)), mouse(pygame.MOUSEMOTION, (x + 5, y))])
    assert touched[0] == GoToClip(4)
    one_px = 1 / (LAYOUT.plane.width - 1)
    assert touched[1] == MoveCursor(pytest.approx(clip.point[0] + one_px), pytest.approx(clip.point[1]))


def test_a_touch_on_the_number_of_a_scene_goes_back_to_it() -> None:
    at = LAYOUT.pixel_of(0.33, 0.44)
    kept = {"scenes": ((7, (0.33, 0.44)),)}
    assert commands_of([mouse(pygame.MOUSEBUTTONDOWN, at)], **kept) == [RecallScene(7)]
    beside = mouse(pygame.MOUSEBUTTONDOWN, (at[0] + LAYOUT.unit * 2, at[1]))
    assert isinstance(commands_of([beside], **kept)[0], MoveCursor)


def test_a_finger_that_trembles_stays_on_the_clip_or_scene_that_it_has_touched() -> None:
    def touched(place: tuple[float, float], **state: Any) -> list[object]:
        x, y = LAYOUT.pixel_of(*place)
        pixels = ((x + 5, y + 3), (x + 6, y + 3))
        kinds = (pygame.FINGERDOWN, pygame.FINGERMOTION)
        given = ({"finger_id": 1, "touch_id": 1, "x": left / 1280, "y": top / 800} for left, top in pixels)
        return commands_of([pygame.Event(kind, each) for kind, each in zip(kinds, given, strict=True)], **state)

    clip = Blend().clips[4]
    near = MoveCursor(pytest.approx(clip.point[0], abs=2e-3), pytest.approx(clip.point[1], abs=2e-3))
    assert touched(clip.point) == [GoToClip(4), near]
    assert touched((0.33, 0.44), scenes=((7, (0.33, 0.44)),)) == [RecallScene(7)]


def test_a_second_finger_sets_the_density_and_up_is_more() -> None:
    def finger(kind: int, number: int, y: float) -> pygame.Event:
        return pygame.Event(kind, finger_id=number, touch_id=1, x=0.2, y=y, dx=0.0, dy=0.0)

    commands = commands_of(
        [
            finger(pygame.FINGERDOWN, 1, 0.5),
            finger(pygame.FINGERDOWN, 2, 0.6),
            finger(pygame.FINGERMOTION, 2, 0.5),
            finger(pygame.FINGERMOTION, 2, 0.7),
            finger(pygame.FINGERUP, 2, 0.7),
            finger(pygame.FINGERMOTION, 2, 0.1),
        ]
    )[1:]
    tenth = 0.1 * 800 / LAYOUT.plane.height
    assert commands == [
        SetControl("density", pytest.approx(0.5 + tenth)),
        SetControl("density", pytest.approx(0.5 - tenth)),
    ]


def test_with_shift_a_drag_goes_a_tenth_as_far_and_does_not_jump_when_shift_is_let_go() -> None:
    def at(x: float) -> tuple[float, float]:
        return LAYOUT.pixel_of(x, 0.5)

    shift = pygame.Event(pygame.KEYDOWN, key=pygame.K_LSHIFT, mod=pygame.KMOD_LSHIFT, unicode="")
    no_shift = pygame.Event(pygame.KEYUP, key=pygame.K_LSHIFT, mod=0, unicode="")
    move = pygame.MOUSEMOTION
    events = [mouse(pygame.MOUSEBUTTONDOWN, at(0.3)), shift, mouse(move, at(0.3)), mouse(move, at(0.5))]
    events += [no_shift, mouse(move, at(0.5)), mouse(move, at(0.6))]
    moves = [command.x for command in commands_of(events) if isinstance(command, MoveCursor)]
    assert moves == pytest.approx([0.3, 0.3, 0.32, 0.32, 0.42], abs=1e-6)


def test_the_mouse_events_that_a_touch_also_makes_do_not_move_the_cursor_twice() -> None:
    assert commands_of([mouse(pygame.MOUSEBUTTONDOWN, LAYOUT.pixel_of(0.5, 0.5), touch=True)]) == []


@pytest.mark.parametrize("name", [name for name, control in CONTROLS.items() if control.keys])
def test_each_key_of_a_control_changes_that_control(name: str) -> None:
    control = CONTROLS[name]
    for at, pressed in enumerate(control.keys):
        if control.per_voice:
            expected: object = SetVoice(name, at, 1.0)
        elif len(control.keys) == 1:
            expected = StepControl(name, 1)
        else:
            expected = StepControl(name, (-1, 1)[at])
        assert commands_of([key(pressed)]) == [expected]


ACTS = {
    "play_stop": TogglePlay(),
    "panic": Panic(),
    "next_meter": SetMeter(Meter.parse("12/8")),
    "previous_meter": SetMeter(Meter.parse("12/8")),
    "next_beats": SetMeter(SEVEN),  # the first that the model learned of as many beats
    "next_clip": GoToClip(2),
    "previous_clip": GoToClip(0),
    "quit": Quit(),
    "take_gesture": TakeGesture(),
    "drop_gesture": DropGestures(),
    "drop_gestures": DropGestures(all=True),
    "unpin": Unpin(),
    "record": ToggleRecording(),
    "export_pattern": Export(0),
    "play_in": PlayIn("clip"),
    "find": PlayIn("find"),
    "undo": Undo(),
    "redo": Redo(),
    "learn": LearnKnob(),
    "forget": ForgetKnob(),
    "models": ShowPanel("models"),
    "kit": ShowPanel("kit"),
    "dropped": ShowPanel("dropped"),
    "devices": ShowPanel("devices"),
    "next_panel": NextPanel(),
    "next_row": StepRow(1),
    "previous_row": StepRow(-1),
    "choose_row": ChooseRow(),
}


@pytest.mark.parametrize("name", [name for name, action in ACTIONS.items() if action.keys])
def test_each_key_of_an_action_does_it(name: str) -> None:
    for pressed in ACTIONS[name].keys:
        triggers = tuple(re.findall("lt\\+|rt\\+", pressed))[::-1]  # in any order
        look, commands = respond(key(pressed), LAYOUT, snapshot(cursor=(0.5, 0.7)), Look(triggers=triggers))
        if name in ("help", "full_screen", "audience"):
            assert commands == ()
            changed = {"help": look.help_shown, "full_screen": look.full_screen, "audience": look.audience}
            assert [each for each, is_so in changed.items() if is_so] == [name]
        elif name in ("store_scene", "recall_scene"):
            kind = StoreScene if name == "store_scene" else RecallScene
            assert commands == (kind("_abxy".index(pressed[-1]) if "pad" in pressed else int(pressed[-1])),)
        elif name == "export":
            assert commands == (Export({"f2": 1, "f3": 2, "f4": 4, "f5": 8}.get(pressed, 4)),)
        elif name == "next_view":
            assert look.view == 1
        elif name == "move":
            assert isinstance(commands[0], MoveCursor)
            right, up = commands[0].x - 0.5, commands[0].y - 0.7
            way = pressed.removeprefix("shift+").removeprefix("pad-")
            assert {"left": right < 0, "right": right > 0, "up": up > 0, "down": up < 0}[way]
        else:
            assert commands == (ACTS[name],)
            assert look.closing == (name == "quit")


def test_digits_strike_voices_while_something_is_played_in() -> None:
    playing_in = snapshot(take=TakeState("clip", "runs"))
    assert respond(key("1"), LAYOUT, playing_in, Look())[1] == (StrikePad(0, 100),)
    assert respond(key("1"), LAYOUT, snapshot(), Look())[1] == (SetVoice("mute", 0, 1.0),)


def test_a_question_mark_shows_help_on_any_keyboard() -> None:
    look, _ = respond(key("shift+/", unicode="?"), LAYOUT, snapshot(), Look())
    assert look.help_shown


def test_plus_makes_it_faster_where_it_shares_no_key_with_the_equals_sign() -> None:
    plus = pygame.Event(pygame.KEYDOWN, key=pygame.K_PLUS, mod=0, unicode="+")
    assert commands_of([plus]) == [StepControl("tempo", 1)]


def test_a_held_key_repeats_steps_but_neither_play_nor_mute() -> None:
    assert len(commands_of([key("="), key("=")])) == 2
    assert commands_of([key("space"), key("space")]) == [TogglePlay()]
    assert commands_of([key("1"), key("1")]) == [SetVoice("mute", 0, 1.0)]
    assert len(commands_of([key("space"), key("space", kind=pygame.KEYUP), key("space")])) == 2


def axis(number: int, value: Any) -> pygame.Event:
    return pygame.Event(pygame.CONTROLLERAXISMOTION, axis=number, value=value, instance_id=0)


def test_a_controllers_stick_pushes_the_cursor_while_it_is_held_and_rests_in_its_middle() -> None:
    moment = snapshot(cursor=(0.5, 0.5))
    look, _ = respond(axis(pygame.CONTROLLER_AXIS_LEFTX, 32767), LAYOUT, moment, Look())
    look, _ = respond(axis(pygame.CONTROLLER_AXIS_LEFTY, -32768), LAYOUT, moment, look)
    (move,) = pushed_by_sticks(look, moment, 1 / 60)
    assert isinstance(move, MoveCursor)
    assert 0.5 < move.x < 0.55
    assert 0.5 < move.y < 0.55  # away from oneself is up
    look, _ = respond(axis(pygame.CONTROLLER_AXIS_LEFTX, 2000), LAYOUT, moment, look)
    look, _ = respond(axis(pygame.CONTROLLER_AXIS_LEFTY, -2000), LAYOUT, moment, look)
    assert pushed_by_sticks(look, moment, 1 / 60) == ()


def test_the_other_stick_changes_the_density_and_unplugging_lets_go() -> None:
    moment = snapshot()
    look, _ = respond(axis(pygame.CONTROLLER_AXIS_RIGHTY, 32767), LAYOUT, moment, Look())
    (command,) = pushed_by_sticks(look, moment, 1 / 60)
    assert isinstance(command, SetControl)
    assert command.name == "density"
    assert command.value < 0.5
    look, _ = respond(pygame.Event(pygame.CONTROLLERDEVICEREMOVED, instance_id=0), LAYOUT, moment, look)
    assert pushed_by_sticks(look, moment, 1 / 60) == ()


def test_panic_works_while_help_is_shown() -> None:
    _, commands = respond(key("escape"), LAYOUT, snapshot(), Look(help_page=1))
    assert commands == (Panic(),)


def test_the_audiences_window_cannot_be_played_by_accident_but_by_keys() -> None:
    shown = Look(audience=True)

    def answer(event: pygame.Event, look: Look = shown) -> tuple[Look, tuple[object, ...]]:
        return respond_for_audience(event, LAYOUT, snapshot(), look)

    assert answer(mouse(pygame.MOUSEBUTTONDOWN, LAYOUT.plane.center)) == (shown, ())
    assert answer(key("space"))[1] == (TogglePlay(),)
    full, commands = answer(key("f"))
    assert (full.audience_full_screen, full.full_screen, commands) == (True, False, ())
    closed, commands = answer(pygame.Event(pygame.WINDOWCLOSE))
    assert (closed.audience, closed.closing, commands) == (False, False, ())


def test_a_held_key_fills_the_audiences_screen_once() -> None:
    look = Look(audience=True)
    for _ in range(3):
        look, _ = respond_for_audience(key("f"), LAYOUT, snapshot(), look)
    assert look.audience_full_screen
    for kind in (pygame.KEYUP, pygame.KEYDOWN):
        look, _ = respond_for_audience(key("f", kind=kind), LAYOUT, snapshot(), look)
    assert not look.audience_full_screen


def test_a_window_that_gets_another_size_lets_go_of_what_is_dragged() -> None:
    middle = LAYOUT.pixel_of(0.5, 0.5)
    other = pygame.Event(pygame.WINDOWSIZECHANGED, x=1600, y=1000)
    events = [mouse(pygame.MOUSEBUTTONDOWN, middle), other, mouse(pygame.MOUSEMOTION, (10, 10))]
    assert len(commands_of(events, clips=())) == 1, "pixels of another window mean nothing in this one"
    x, y = middle
    kinds = (pygame.FINGERDOWN, pygame.WINDOWSIZECHANGED, pygame.FINGERMOTION)
    touches = [pygame.Event(kind, finger_id=1, touch_id=1, x=x / 1280, y=y / 800) for kind in kinds]
    assert len(commands_of(touches, clips=())) == 1


def test_a_sign_that_is_typed_with_alt_is_what_it_says_on_keyboards_where_it_needs_that() -> None:
    typed = pygame.Event(pygame.KEYDOWN, key=pygame.K_8, mod=pygame.KMOD_RALT, unicode="[")
    assert commands_of([typed]) == [StepControl("density", -1)]
    for unicode in ("", "8", "\u2022"):  # others type nothing, the digit, or what means nothing here
        plain = pygame.Event(pygame.KEYDOWN, key=pygame.K_8, mod=pygame.KMOD_LALT, unicode=unicode)
        assert commands_of([plain]) == [SetVoice("freeze", 7, 1.0)]


def test_a_click_on_a_voice_mutes_it_and_another_lets_it_sound() -> None:
    click = mouse(pygame.MOUSEBUTTONDOWN, LAYOUT.names[3].center)
    assert commands_of([click]) == [SetVoice("mute", 3, 1.0)]
    assert commands_of([click], mute=(3,)) == [SetVoice("mute", 3, 0.0)]


def test_the_wheel_over_a_voice_changes_its_density() -> None:
    at = LAYOUT.names[2].center
    over = mouse(pygame.MOUSEMOTION, at, buttons=(0, 0, 0))
    wheel = pygame.Event(pygame.MOUSEWHEEL, x=0, y=1, touch=False, flipped=False)
    assert commands_of([over, wheel]) == [SetVoice("voice_density", 2, pytest.approx(0.55))]


def test_the_bar_is_played_with_the_mouse() -> None:
    tempo = LAYOUT.item("tempo")
    change = LAYOUT.item("change")
    density = LAYOUT.item("density")
    assert tempo
    assert change
    assert density
    press = pygame.MOUSEBUTTONDOWN
    assert commands_of([mouse(press, box_of("play").center)]) == [TogglePlay()]
    assert commands_of([mouse(press, box_of("panic").center)]) == [Panic()]
    assert commands_of([mouse(press, tempo.lower.center)]) == [StepControl("tempo", -1)]
    assert commands_of([mouse(press, tempo.raise_.center)]) == [StepControl("tempo", 1)]
    assert commands_of([mouse(press, box_of("meter").center)]) == [SetMeter(Meter.parse("12/8"))]
    for index, part in enumerate(segments(change, 3)):
        assert commands_of([mouse(press, part.center)]) == [SetControl("quantum", float(index))]
    rail = fader(density)
    assert commands_of([mouse(press, (rail.left, rail.centery))]) == [SetControl("density", 0.0)]
    dragged = commands_of([mouse(press, rail.center), mouse(pygame.MOUSEMOTION, (rail.right + 300, 0))])
    assert dragged[-1] == SetControl("density", 1.0)


def test_a_drag_on_the_tempo_goes_from_where_it_was() -> None:
    at = box_of("tempo").center
    moved = commands_of(
        [mouse(pygame.MOUSEBUTTONDOWN, at), mouse(pygame.MOUSEMOTION, (at[0] + LAYOUT.unit * 5, at[1]))]
    )
    assert moved == [SetControl("tempo", 130.0)]


def test_a_key_for_which_there_is_nothing_to_do_says_why() -> None:
    asked = [
        *commands_of([key("m")], meter=SIX, meters=(SIX,)),
        *commands_of([key("b")], beats=(4,), meter=FOUR),
        *commands_of([key("tab")], clips=()),
        *commands_of([key("3")], kit=Kit("two", STANDARD_KIT.voices[:2])),
    ]
    assert asked == [
        Explain("6/8 is the only meter of 2 beats here"),
        Explain("this model has learned bars of 4 beats only"),
        Explain("no clip has bars of 4 beats"),
        Explain("there is no voice 3: this kit has 2"),
    ]


def test_tab_goes_round_all_places_of_clips_also_where_some_have_the_same() -> None:
    first, second, third = Blend().clips[:3]
    clips = (first, second, replace(third, point=first.point), third)
    hand, been = first.point, []
    for _ in range(3):
        (command,) = commands_of([key("tab")], clips=clips, cursor=first.point, hand=hand)  # a glide is on its way
        assert isinstance(command, GoToClip)
        been.append(command.clip)
        hand = clips[command.clip].point
    assert been == [1, 3, 0]
    (command,) = commands_of([key("shift+tab")], clips=clips, cursor=first.point)
    assert command == GoToClip(3)


def test_the_digits_are_the_upper_row_whatever_a_keyboard_has_there() -> None:
    def pressed(code: int, mod: int, scancode: int, unicode: str) -> list[object]:
        return commands_of([pygame.Event(pygame.KEYDOWN, key=code, mod=mod, scancode=scancode, unicode=unicode)])

    row, shift, ctrl = pygame.KSCAN_1, pygame.KMOD_LSHIFT, pygame.KMOD_LCTRL
    assert pressed(pygame.K_AMPERSAND, 0, row, "&") == [SetVoice("mute", 0, 1.0)], "as a French one has it"
    assert pressed(pygame.K_MINUS, 0, row + 5, "-") == [SetVoice("mute", 5, 1.0)]
    assert pressed(pygame.K_AMPERSAND, shift, row, "1") == [RecallScene(1)]
    assert pressed(pygame.K_AMPERSAND, ctrl, row, "") == [StoreScene(1)]
    assert pressed(pygame.K_2, shift, row + 1, "@") == [RecallScene(2)]
    assert pressed(pygame.K_MINUS, 0, pygame.KSCAN_MINUS, "-") == [StepControl("tempo", -1)]


def test_closing_the_window_asks_the_stage_to_end() -> None:
    look, commands = respond(pygame.Event(pygame.QUIT), LAYOUT, snapshot(), Look())
    assert look.closing
    assert commands == (Quit(),)


@given(
    size=st.tuples(st.integers(1, 600), st.integers(1, 600)),
    at=st.tuples(st.floats(-50, 650), st.floats(-50, 650)),
)
def test_a_click_anywhere_in_any_window_is_never_an_error(size: tuple[int, int], at: tuple[float, float]) -> None:
    layout = Layout.of(*size, voices=len(Blend.kit))
    look, _ = respond(mouse(pygame.MOUSEBUTTONDOWN, at), layout, snapshot(), Look())
    respond(mouse(pygame.MOUSEMOTION, (at[1], at[0])), layout, snapshot(), look)


def in_lane(voice: int, tick: float, state: Snapshot) -> tuple[float, float]:
    track = LAYOUT.tracks[voice]
    return float(tick_x(track, state.meter, state.pattern.bars, tick)), float(track.centery)


def test_a_click_on_an_onset_holds_it_the_next_silences_it_the_next_lets_go() -> None:
    state = snapshot()
    voice, tick = (int(places[0]) for places in np.nonzero(state.pattern.onset))
    click = mouse(pygame.MOUSEBUTTONDOWN, in_lane(voice, tick + float(state.pattern.microtiming[voice, tick]), state))
    held, silent = Pin(192, voice, tick, 0.8), Pin(192, voice, tick)
    for pins, expected in (((), "onset"), ((held,), "rest"), ((silent,), None)):
        assert commands_of([click], pins=pins) == [PinPlace(voice, tick, expected)]


def test_a_click_beside_an_onset_means_the_nearest_sixteenth_or_sixth() -> None:
    for meter, step in ((FOUR, 6), (SIX, 4)):
        state = snapshot(meter=meter, pattern=Pattern.silent(meter))
        for tick in (step, 5 * step):
            click = mouse(pygame.MOUSEBUTTONDOWN, in_lane(2, tick + step * 0.3, state))
            changed = {"meter": meter, "pattern": state.pattern}
            assert commands_of([click], **changed) == [PinPlace(2, tick, "onset")]


def test_the_other_button_freezes_a_voice_and_silences_a_place() -> None:
    state = snapshot()
    name = LAYOUT.names[3].center
    assert commands_of([mouse(pygame.MOUSEBUTTONDOWN, name, button=3)]) == [SetVoice("freeze", 3, 1.0)]
    frozen = tuple(voice == 3 for voice in range(9))
    assert commands_of([mouse(pygame.MOUSEBUTTONDOWN, name, button=3)], freeze=frozen) == [SetVoice("freeze", 3, 0.0)]
    click = mouse(pygame.MOUSEBUTTONDOWN, in_lane(4, 48, state), button=3)
    assert commands_of([click]) == [PinPlace(4, 48, "rest")]
    assert commands_of([click], pins=(Pin(192, 4, 48),)) == [PinPlace(4, 48, None)]
    assert commands_of([mouse(pygame.MOUSEBUTTONDOWN, LAYOUT.plane.center, button=3)]) == []


def test_while_scenes_are_mixed_a_touch_on_a_clip_or_a_number_means_the_place() -> None:
    clip = Blend().clips[4]
    mixing = CONTROLS_AT_FIRST | {"mix": 1.0}
    for place, rest in ((clip.point, {}), ((0.3, 0.3), {"scenes": ((1, (0.3, 0.3)),)})):
        click = mouse(pygame.MOUSEBUTTONDOWN, LAYOUT.pixel_of(*place))
        (move,) = commands_of([click], controls=mixing, **rest)
        assert isinstance(move, MoveCursor)
        assert (move.x, move.y) == pytest.approx(place, abs=1e-3)


def test_arrow_keys_go_on_from_where_the_hand_is_not_from_where_a_glide_has_come_to() -> None:
    (move,) = commands_of([key("right")], cursor=(0.1, 0.5), hand=(0.6, 0.5))
    assert move == MoveCursor(pytest.approx(0.625), 0.5)


@pytest.mark.parametrize("name", [name for name, control in CONTROLS.items() if control.pads])
def test_each_button_of_a_control_changes_that_control_while_its_trigger_is_held(name: str) -> None:
    control = CONTROLS[name]
    for at, pressed in enumerate(control.pads):
        trigger = pressed[4:6]
        events = [key(pressed)]
        if trigger in ("lt", "rt"):
            side = {"lt": pygame.CONTROLLER_AXIS_TRIGGERLEFT, "rt": pygame.CONTROLLER_AXIS_TRIGGERRIGHT}[trigger]
            events = [axis(side, 32767), *events, axis(side, 0)]
        steps = 1 if len(control.pads) == 1 else (-1, 1)[at % 2]
        expected = SetVoice(name, at, 1.0) if control.per_voice else StepControl(name, steps)
        assert commands_of(events) == [expected]


def test_a_trigger_let_go_or_unplugged_means_nothing_any_more() -> None:
    held = axis(pygame.CONTROLLER_AXIS_TRIGGERLEFT, 32767)
    for end in (
        axis(pygame.CONTROLLER_AXIS_TRIGGERLEFT, 0),
        pygame.Event(pygame.CONTROLLERDEVICEREMOVED, instance_id=0),
    ):
        assert commands_of([held, end, key("pad-a")]) == [TogglePlay()]
    assert commands_of([held, key("pad-a")]) == [RecallScene(1)]


def test_both_triggers_have_buttons_of_their_own_and_else_the_last_one_counts() -> None:
    left, right = (
        axis(side, 32767) for side in (pygame.CONTROLLER_AXIS_TRIGGERLEFT, pygame.CONTROLLER_AXIS_TRIGGERRIGHT)
    )
    again = axis(pygame.CONTROLLER_AXIS_TRIGGERLEFT, 32000)
    for both in ([left, right, again], [right, left, again]):
        assert commands_of([*both, key("pad-leftstick")]) == [PlayIn("find")]
    assert commands_of([left, right, again, key("pad-a")]) == [StoreScene(1)]
    assert commands_of([right, left, key("pad-a")]) == [RecallScene(1)]
    assert commands_of([left, right, axis(pygame.CONTROLLER_AXIS_TRIGGERLEFT, 0), key("pad-a")]) == [StoreScene(1)]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, "far"])
@pytest.mark.parametrize("number", [pygame.CONTROLLER_AXIS_LEFTX, pygame.CONTROLLER_AXIS_TRIGGERLEFT, 99])
def test_a_controller_that_sends_nonsense_moves_nothing(number: int, value: Any) -> None:
    look, commands = respond(axis(number, value), LAYOUT, snapshot(), Look())
    assert (look, commands) == (Look(), ())


def test_help_has_pages_and_goes_after_the_last() -> None:
    look, pages = Look(), []
    for _ in range(len(help_pages()) + 1):
        for kind in (pygame.KEYDOWN, pygame.KEYUP):
            look, _ = respond(key("h", kind=kind), LAYOUT, snapshot(), look)
        pages.append(look.help_page)
    assert pages == [*range(1, len(help_pages()) + 1), 0]


@pytest.mark.parametrize(
    ("item", "target"), [("tempo", "tempo"), ("density", "density"), ("change", "quantum"), ("play", "play_stop")]
)
def test_the_other_button_on_the_bar_learns_a_knob_for_what_is_there(item: str, target: str) -> None:
    assert commands_of([mouse(pygame.MOUSEBUTTONDOWN, box_of(item).center, button=3)]) == [LearnKnob(target)]


def test_the_other_button_on_what_has_no_value_learns_nothing() -> None:
    for item in ("panic", "help", "meter"):
        assert commands_of([mouse(pygame.MOUSEBUTTONDOWN, box_of(item).center, button=3)]) == []
