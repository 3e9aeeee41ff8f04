"""The real loop of the window without a screen: events of fingers, keys, mice and controllers posted to SDL."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pygame
import pytest

from performance.commands import DropClip, MoveCursor, SetControl, SetMeter, SetVoice, TogglePlay
from performance.snapshot import Snapshot
from performance.surface.drawing import Kept, draw
from performance.surface.field import LATTICE
from performance.surface.input import respond
from performance.surface.layout import Layout
from performance.surface.look import Look
from performance.surface.window import in_pixels, run
from rvae.errors import OutputError


def test_events_on_dense_displays_are_told_in_pixels() -> None:
    event = pygame.Event(pygame.MOUSEBUTTONDOWN, pos=(100, 50), button=1)
    assert in_pixels(event, (640, 400), (1280, 800)).pos == (200, 100)
    assert in_pixels(event, (640, 400), (640, 400)) is event
    key = pygame.Event(pygame.KEYDOWN, key=pygame.K_a)
    assert in_pixels(key, (640, 400), (1280, 800)) is key


@pytest.mark.parametrize("environment", [{"SDL_VIDEODRIVER": "x11"}, {"DISPLAY": ":none"}])
def test_no_display_is_one_line_and_the_stage_is_closed(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    from surface_support import LocalStage

    for name in ("SDL_VIDEODRIVER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    stage = LocalStage()
    with pytest.raises(OutputError, match="no window"):
        run(stage)
    assert stage.closed


def test_a_frame_that_fails_ends_neither_the_window_nor_the_music(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from surface_support import LocalStage

    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    said: list[str] = []
    shown: list[int] = []

    class Telling(LocalStage):
        def say(self, text: str, *, is_error: bool = False) -> None:
            assert is_error
            said.append(text)

    def drawn(target: pygame.Surface, *rest: Any) -> None:
        shown.append(len(shown))
        if 2 <= len(shown) < 5:
            raise ZeroDivisionError("division by zero")
        draw(target, *rest)

    def press(_work_s: float) -> bool:
        pygame.event.post(pygame.Event(pygame.MOUSEMOTION, pos=(1, 1), rel=(0, 0), buttons=(0, 0, 0)))
        return len(shown) < 8

    monkeypatch.setattr("performance.surface.window.draw", drawn)
    stage = Telling()
    assert run(stage, size=(320, 200), on_frame=press) == 0
    assert said == ["the window stumbled (ZeroDivisionError: division by zero); the music goes on"]
    assert capsys.readouterr().err.count("Traceback") == 1
    assert stage.closed


def test_an_event_that_fails_takes_no_other_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from surface_support import LocalStage

    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    said: list[str] = []

    class Telling(LocalStage):
        def say(self, text: str, *, is_error: bool = False) -> None:
            said.append(text)

    def answer(event: pygame.Event, *rest: Any) -> Any:
        if event.type == pygame.MOUSEMOTION:
            raise ZeroDivisionError("division by zero")
        return respond(event, *rest)

    frames: list[float] = []

    def move(work_s: float) -> bool:
        frames.append(work_s)
        pygame.event.post(pygame.Event(pygame.MOUSEMOTION, pos=(1, 1), rel=(0, 0), buttons=(0, 0, 0)))
        if len(frames) == 65:
            pygame.event.post(pygame.Event(pygame.KEYDOWN, key=pygame.K_SPACE, mod=0, unicode=" "))
        return len(frames) < 66

    monkeypatch.setattr("performance.surface.window.respond", answer)
    monkeypatch.setattr("performance.surface.window.FRAMES_HZ", 1000)
    stage = Telling()
    assert run(stage, size=(320, 200), on_frame=move) == 0
    assert said == ["the window stumbled (ZeroDivisionError: division by zero); the music goes on"]
    assert stage.done == [TogglePlay()]


def test_a_window_that_fails_for_good_leaves_the_music_without_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from surface_support import LocalStage

    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")

    class Ending(LocalStage):
        alone = 0

        def say(self, text: str, *, is_error: bool = False) -> None:
            pass

        def tick(self) -> Snapshot:
            self.alone += not pygame.display.get_init()
            return replace(super().tick(), engine_lives=self.alone < 9)

    def drawn(*_all: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("performance.surface.window.draw", drawn)
    stage = Ending()
    assert run(stage, size=(320, 200)) == 1, "which ends when the engine does"
    assert stage.alone == 9
    assert stage.closed
    assert "the music goes on: OSC and MIDI are heard" in capsys.readouterr().err


def test_the_frame_after_the_pointer_has_moved_shows_the_new_pattern(monkeypatch: pytest.MonkeyPatch) -> None:
    from surface_support import LocalStage, snapshot

    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    stage, size = LocalStage(), (1280, 800)
    layout = Layout.of(*size, voices=len(stage.model.kit))
    lanes = layout.lanes
    places = [(0.3, 0.5), (0.7, 0.4), (0.35, 0.9)]
    shown: list[bytes] = []  # what each frame that was drawn shows of the pattern

    def drawn(target: pygame.Surface, *rest: Any) -> None:
        draw(target, *rest)
        shown.append(pygame.image.tobytes(target.subsurface(lanes), "RGB"))

    def expected(place: tuple[float, float]) -> bytes:
        target = pygame.Surface(size)
        draw(target, snapshot(cursor=place, playing=False), Look(), Kept())
        return pygame.image.tobytes(target.subsurface(lanes), "RGB")

    frames: list[tuple[float, float]] = []

    def move(_work_s: float) -> bool:
        if frames:
            # The pointer moved when the frame before was done: this frame has it all.
            assert len(shown) == len(frames) + 1
            x, y = layout.point_at(frames[-1])
            assert shown[-1] == expected((x, y))
        if len(frames) == len(places):
            return False
        pixel = layout.pixel_of(*places[len(frames)])
        if not frames:
            pygame.event.post(pygame.Event(pygame.MOUSEBUTTONDOWN, pos=pixel, button=1))
        else:
            pygame.event.post(pygame.Event(pygame.MOUSEMOTION, pos=pixel, rel=(0, 0), buttons=(1, 0, 0)))
        frames.append(pixel)
        return True

    monkeypatch.setattr("performance.surface.window.draw", drawn)
    assert run(stage, size=size, on_frame=move) == 0
    assert len(set(shown[1:])) == len(places), "the places play different patterns"


def test_all_that_hands_do_within_one_frame_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    from surface_support import LocalStage

    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    stage, size = LocalStage(), (1280, 800)
    name = Layout.of(*size, voices=len(stage.model.kit)).names[2].center
    x, y = stage.tick().hand

    def post(_work_s: float) -> bool:
        if stage.done:
            return False
        for button in (pygame.CONTROLLER_BUTTON_DPAD_RIGHT, pygame.CONTROLLER_BUTTON_DPAD_UP):
            pygame.event.post(pygame.Event(pygame.CONTROLLERBUTTONDOWN, button=button, instance_id=0))
        pygame.event.post(pygame.Event(pygame.MOUSEMOTION, pos=name, rel=(0, 0), buttons=(0, 0, 0)))
        for _ in range(3):
            pygame.event.post(pygame.Event(pygame.MOUSEWHEEL, x=0, y=1, flipped=False))
        for button in (3, 3):
            pygame.event.post(pygame.Event(pygame.MOUSEBUTTONDOWN, pos=name, button=button))
        for key in (pygame.K_m, pygame.K_m):
            pygame.event.post(pygame.Event(pygame.KEYDOWN, key=key, mod=0, unicode="m"))
            pygame.event.post(pygame.Event(pygame.KEYUP, key=key, mod=0))
        return True

    assert run(stage, size=size, on_frame=post) == 0
    moves = [command for command in stage.done if isinstance(command, MoveCursor)]
    assert (moves[-1].x, moves[-1].y) == pytest.approx((x + 1 / 40, y + 1 / 40)), "aslant"
    assert stage.done[2:5] == [SetVoice("voice_density", 2, pytest.approx(value)) for value in (0.55, 0.6, 0.65)]
    assert stage.done[5:7] == [SetVoice("freeze", 2, 1.0), SetVoice("freeze", 2, 0.0)]
    assert len({command.meter for command in stage.done if isinstance(command, SetMeter)}) == 2, "there and back"


@pytest.mark.parametrize("size", [(1, 1), (1, 800), (1280, 1)])
def test_a_window_of_a_pixel_plays_in_every_view_and_with_help(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    from surface_support import LocalStage

    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    keys = [pygame.K_SPACE, *[pygame.K_v] * 7, *[pygame.K_h] * 3, pygame.K_a, pygame.K_RIGHT]
    stage, mouse = LocalStage(), iter([pygame.MOUSEBUTTONDOWN, pygame.MOUSEBUTTONUP])

    def press(_work_s: float) -> bool:
        if keys:
            pygame.event.post(pygame.Event(pygame.KEYDOWN, key=keys.pop(0), mod=0, unicode=""))
            return True
        if (kind := next(mouse, None)) is not None:
            pygame.event.post(pygame.Event(kind, pos=(0, 0), button=1))
            return True
        return False

    assert run(stage, size=size, on_frame=press) == 0
    assert stage.done[0] == TogglePlay()
    assert any(isinstance(command, MoveCursor) for command in stage.done)


def test_a_controller_alone_plays_moves_and_quits_nothing_by_accident(monkeypatch: pytest.MonkeyPatch) -> None:
    from surface_support import LocalStage

    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    pressed = [
        pygame.Event(pygame.CONTROLLERBUTTONDOWN, button=pygame.CONTROLLER_BUTTON_A, instance_id=0),
        pygame.Event(pygame.CONTROLLERAXISMOTION, axis=pygame.CONTROLLER_AXIS_LEFTX, value=32767, instance_id=0),
        pygame.Event(pygame.CONTROLLERBUTTONDOWN, button=pygame.CONTROLLER_BUTTON_GUIDE, instance_id=0),
    ]

    def press(_work_s: float) -> bool:
        if pressed:
            pygame.event.post(pressed.pop(0))
            return True
        return not any(isinstance(command, MoveCursor) for command in stage.done)

    stage = LocalStage()
    start = stage.tick().cursor
    assert run(stage, size=(640, 400), on_frame=press) == 0
    assert stage.done[0] == TogglePlay()
    assert stage.tick().cursor[0] > start[0]


def test_two_fingers_in_the_loop_have_cursor_and_density(monkeypatch: pytest.MonkeyPatch) -> None:
    from surface_support import LocalStage

    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    stage, size = LocalStage(), (1280, 800)
    layout = Layout.of(*size, voices=len(stage.model.kit))

    def finger(kind: int, number: int, x: float, y: float) -> pygame.Event:
        across, down = layout.pixel_of(x, y)
        place = {"x": across / size[0], "y": down / size[1], "dx": 0.0, "dy": 0.0, "pressure": 1.0}
        return pygame.Event(kind, touch_id=1, finger_id=number, **place)

    down, motion, up = pygame.FINGERDOWN, pygame.FINGERMOTION, pygame.FINGERUP
    # (a finger does something, and the mouse event that SDL makes of the first one's touch)
    hands = [
        [finger(down, 5, 0.3, 0.45), mouse_of_touch(pygame.MOUSEBUTTONDOWN, layout.pixel_of(0.3, 0.45))],
        [finger(motion, 5, 0.35, 0.5), mouse_of_touch(pygame.MOUSEMOTION, layout.pixel_of(0.35, 0.5))],
        [finger(down, 6, 0.8, 0.5)],
        [finger(motion, 6, 0.8, 0.7)],
        [finger(motion, 5, 0.4, 0.55), mouse_of_touch(pygame.MOUSEMOTION, layout.pixel_of(0.4, 0.55))],
        [finger(up, 6, 0.8, 0.7)],
        [finger(up, 5, 0.4, 0.55), mouse_of_touch(pygame.MOUSEBUTTONUP, layout.pixel_of(0.4, 0.55))],
        [finger(motion, 6, 0.1, 0.1)],
    ]

    def touch(_work_s: float) -> bool:
        for event in hands[0] if hands else ():
            pygame.event.post(event)
        return bool(hands.pop(0) if hands else None)

    assert run(stage, size=size, on_frame=touch) == 0
    near = pytest.approx
    assert stage.done == [
        MoveCursor(near(0.3, abs=1e-6), near(0.45, abs=1e-6)),
        MoveCursor(near(0.35, abs=1e-6), near(0.5, abs=1e-6)),
        SetControl("density", near(0.7, abs=0.005)),
        MoveCursor(near(0.4, abs=1e-6), near(0.55, abs=1e-6)),
    ]
    assert stage.tick().cursor == near((0.4, 0.55), abs=1e-6)


def test_a_file_dropped_in_the_loop_reaches_the_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    from surface_support import LocalStage

    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    files = ["/clips/new.mid", "/clips"]
    stage = LocalStage()

    def drop(_work_s: float) -> bool:
        for file in files:
            pygame.event.post(pygame.Event(pygame.DROPFILE, file=file))
        files.clear()
        return len(stage.done) < 2

    assert run(stage, size=(640, 400), on_frame=drop) == 0
    assert stage.done == [DropClip("/clips/new.mid"), DropClip("/clips")]


def mouse_of_touch(kind: int, at: tuple[float, float]) -> pygame.Event:
    """What SDL makes of the first finger for those who know of mice only."""
    more = {"rel": (0, 0), "buttons": (1, 0, 0)} if kind == pygame.MOUSEMOTION else {"button": 1}
    return pygame.Event(kind, pos=at, touch=True, **more)


def test_a_model_that_was_learned_while_playing_gets_its_own_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    from surface_support import Blend, LocalStage

    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")

    class Asked(Blend):
        places = 0

        def decode(self, points: Any, *, beats: int) -> tuple[Any, Any, Any]:
            self.places += len(points)
            return super().decode(points, beats=beats)

    stage, learned = LocalStage(), Asked()

    def learn(_work_s: float) -> bool:
        stage.model = learned
        return learned.places < LATTICE**2

    run(stage, size=(640, 400), on_frame=learn)
    assert learned.places >= LATTICE**2


def test_a_window_is_no_larger_than_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    from surface_support import LocalStage

    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    sizes: list[tuple[tuple[int, int], tuple[int, int]]] = []

    def drawn(target: pygame.Surface, *_all: object) -> None:
        sizes.append((target.get_size(), pygame.display.get_desktop_sizes()[0]))

    monkeypatch.setattr("performance.surface.window.draw", drawn)
    assert run(LocalStage(), on_frame=lambda _work_s: False) == 0
    ((width, height), (most_wide, most_high)) = sizes[0]
    assert most_wide < 1280, "SDL's screen that is none is a small one"
    assert (width, height) == (min(1280, most_wide), min(800, most_high))


def test_a_window_whose_engine_had_gone_says_so_in_its_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    from surface_support import LocalStage

    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")

    class Gone(LocalStage):
        def tick(self) -> Snapshot:
            return replace(super().tick(), engine_lives=False)

    def close(_work_s: float) -> bool:
        pygame.event.post(pygame.Event(pygame.KEYDOWN, key=pygame.K_q, mod=pygame.KMOD_CTRL, unicode="q"))
        return True

    assert run(Gone(), size=(320, 200), on_frame=close) == 1


def test_the_loop_runs_without_a_screen_and_ends_when_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from surface_support import LocalStage

    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    frames: list[float] = []

    def count(work_s: float) -> bool:
        frames.append(work_s)
        return len(frames) < 5

    stage = LocalStage()
    assert run(stage, size=(320, 240), on_frame=count) == 0
    assert len(frames) == 5
    assert stage.closed
