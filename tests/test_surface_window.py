"""A real window on a display of its own, driven with a real mouse and real keys."""

from __future__ import annotations

import json
import os
import selectors
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pygame
import pytest
from playing_support import own_display

from performance.commands import DropClip, MoveCursor, SetControl, TogglePlay
from performance.snapshot import Snapshot
from performance.surface.drawing import Kept, draw
from performance.surface.field import LATTICE
from performance.surface.lanes import tick_x
from performance.surface.layout import Layout
from performance.surface.look import Look
from performance.surface.window import in_pixels, run
from rvae.errors import OutputError
from rvae.model import Model, load

TESTS = Path(__file__).resolve().parent
PATIENCE_S = 60.0  # how long a loaded machine may take; nothing is measured by it

needs_display = pytest.mark.skipif(
    shutil.which("Xvfb") is None or shutil.which("xdotool") is None,
    reason="needs Xvfb and xdotool: apt-get install xvfb xdotool",
)


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    """A display of our own, for all tests of this file."""
    with own_display() as name:
        yield name


class Driven:
    """A window in a process of its own: what it tells, and hands for it."""

    def __init__(self, display: str, model: Path) -> None:
        self._environment = {
            **{name: value for name, value in os.environ.items() if name != "SDL_VIDEODRIVER"},
            "DISPLAY": display,
            "SDL_FRAMEBUFFER_ACCELERATION": "0",
            "PYTHONPATH": os.pathsep.join((str(TESTS), str(TESTS.parent))),
        }
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", str(TESTS / "surface_window.py"), str(model)],
            stdout=subprocess.PIPE,
            env=self._environment,
        )
        assert self.process.stdout
        self._lines = selectors.DefaultSelector()
        self._lines.register(self.process.stdout, selectors.EVENT_READ)
        self._rest = b""
        self.lines: list[dict[str, Any]] = []

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first line from now on that is wanted."""
        end_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < end_s:
            while b"\n" in self._rest:
                line, self._rest = self._rest.split(b"\n", 1)
                if line.startswith(b"{"):
                    self.lines.append(json.loads(line))
                    if wanted(self.lines[-1]):
                        return self.lines[-1]
            if self._lines.select(timeout=1.0):
                assert self.process.stdout
                part = os.read(self.process.stdout.fileno(), 65536)
                assert part, f"the window has gone; it told {self.lines}"
                self._rest += part
        raise AssertionError(f"waited in vain; the window told {self.lines}")

    @cached_property
    def window(self) -> str:
        """The number of the first window."""
        return self._xdotool("search", "--sync", "--pid", str(self.process.pid)).split()[0]

    def windows(self, count: int) -> set[str]:
        """The numbers of all windows, as soon as there are so many."""
        end_s = time.monotonic() + PATIENCE_S
        found: set[str] = set()
        while time.monotonic() < end_s:
            found = set(self._xdotool("search", "--onlyvisible", "--pid", str(self.process.pid), gone=True).split())
            if len(found) == count:
                return found
        raise AssertionError(f"{count} windows wanted, {found} found")

    def hands(self, *words: str | int, gone: bool = False) -> str:
        """Let xdotool do something in the window; `gone`: it may close under its hands, before the key is let go."""
        return self._xdotool(*(self.window if word == "WINDOW" else str(word) for word in words), gone=gone)

    def _xdotool(self, *words: str, gone: bool = False) -> str:
        done = subprocess.run(
            ["xdotool", *words], env=self._environment, capture_output=True, text=True, timeout=PATIENCE_S
        )
        assert gone or done.returncode == 0, done.stderr
        return done.stdout

    def end(self) -> None:
        self._lines.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        assert self.process.stdout
        self.process.stdout.close()


@pytest.fixture
def window(display: str, model_file: Path) -> Iterator[Driven]:
    driven = Driven(display, model_file)
    try:
        driven.until(lambda line: "cursor" in line)
        driven.hands("windowfocus", "WINDOW")
        yield driven
    finally:
        driven.end()


def free_places(model: Model) -> list[tuple[float, float]]:
    """Places of the plane that are on no clip, where a touch means the place itself; far ones first."""
    clips = np.array([clip.point for clip in model.clips_of(model.meter.beats)])
    places = [(x / 10, y / 10) for x in range(1, 10) for y in range(1, 10)]
    return sorted(places, key=lambda place: -np.hypot(*(clips - place).T).min())


@needs_display
def test_a_drag_moves_the_cursor_and_the_pattern_follows(window: Driven, model_file: Path) -> None:
    model = load(model_file)
    layout = Layout.of(1280, 800, voices=len(model.kit))

    def onsets(place: tuple[float, float]) -> list[int]:
        return model.pattern(place, meter=model.meter).onset.sum(axis=1).tolist()

    start, *others = free_places(model)
    end = next(place for place in others if onsets(place) != onsets(start))
    for place, button in ((start, "mousedown"), (end, "mouseup")):
        pixel = tuple(map(round, layout.pixel_of(*place)))
        window.hands("mousemove", "--window", "WINDOW", *pixel, button, 1)
        seen = window.until(lambda line, place=place: line.get("cursor") == pytest.approx(list(place), abs=0.01))
        shown = model.pattern(seen["cursor"], meter=model.meter)
        assert seen["onsets"] == shown.onset.sum(axis=1).tolist()
    assert onsets(start) != onsets(end)


@needs_display
def test_a_click_in_a_lane_forces_an_onset_and_undo_takes_it_back(window: Driven, model_file: Path) -> None:
    model = load(model_file)
    layout = Layout.of(1280, 800, voices=len(model.kit))
    (start,) = (line for line in window.lines if "onsets" in line)
    pattern = model.pattern(start["cursor"], meter=model.meter)
    voice = int(pattern.onset.sum(axis=1).argmin())
    tick = next(tick for tick in range(0, pattern.ticks, 24) if not pattern.onset[voice, tick : tick + 12].any())
    track = layout.tracks[voice]
    x = float(tick_x(track, pattern.meter, pattern.bars, tick))
    window.hands("mousemove", "--window", "WINDOW", round(x), track.centery, "click", 1)
    window.until(lambda line: "onsets" in line and line["onsets"][voice] == start["onsets"][voice] + 1)
    window.hands("key", "--window", "WINDOW", "z")
    window.until(lambda line: line.get("onsets") == start["onsets"])
    window.hands("mousemove", "--window", "WINDOW", *layout.names[voice].center, "click", 3)
    window.until(lambda line: line.get("command") == "SetVoice")


@needs_display
def test_a_gesture_of_a_hand_goes_round_by_itself(window: Driven, model_file: Path) -> None:
    model = load(model_file)
    layout = Layout.of(1280, 800, voices=len(model.kit))
    start, *others = free_places(model)
    pixels = [tuple(map(round, layout.pixel_of(*place))) for place in (start, others[0])]
    window.hands("mousemove", "--window", "WINDOW", *pixels[0], "click", 1, "key", "--window", "WINDOW", "space")
    window.until(lambda line: line.get("playing") is True)
    window.hands("key", "--window", "WINDOW", "e")
    window.until(lambda line: line.get("command") == "TakeGesture")
    window.hands("mousemove", "--window", "WINDOW", *pixels[0], "mousedown", 1)
    window.hands("mousemove", "--window", "WINDOW", *pixels[1], "mouseup", 1)
    window.until(lambda line: line.get("cursor") == pytest.approx(list(others[0]), abs=0.01))
    window.hands("key", "--window", "WINDOW", "e")
    for place in (start, others[0], start):  # without a hand
        window.until(lambda line, place=place: line.get("cursor") == pytest.approx(list(place), abs=0.01))


@needs_display
def test_a_glide_is_seen_on_its_way(window: Driven, model_file: Path) -> None:
    model = load(model_file)
    layout = Layout.of(1280, 800, voices=len(model.kit))
    start, *others = free_places(model)
    window.hands("mousemove", "--window", "WINDOW", *map(round, layout.pixel_of(*start)), "click", 1)
    window.until(lambda line: line.get("cursor") == pytest.approx(list(start), abs=0.01))
    window.hands("key", "--window", "WINDOW", "g")
    window.until(lambda line: line.get("command") == "StepControl")
    for place in [others[0], start] * 10:  # a machine that stands still as long as a glide takes shows none
        window.hands("mousemove", "--window", "WINDOW", *map(round, layout.pixel_of(*place)), "click", 1)
        window.until(lambda line: line.get("command") == "MoveCursor")
        seen = len(window.lines)
        window.until(lambda line, place=place: line.get("cursor") == pytest.approx(list(place), abs=0.01))
        way = [line["cursor"] for line in window.lines[seen:] if "cursor" in line]
        if len(way) > 3:
            return
    raise AssertionError(f"no glide was seen on its way: {way}")


@needs_display
def test_keys_play_and_panic_and_the_window_closes_cleanly(window: Driven) -> None:
    window.hands("key", "--window", "WINDOW", "space")
    window.until(lambda line: line.get("playing") is True)
    window.hands("key", "--window", "WINDOW", "Escape")
    window.until(lambda line: line.get("command") == "Panic")
    window.hands("key", "--window", "WINDOW", "h", "key", "--window", "WINDOW", "h")
    window.hands("key", "--window", "WINDOW", "ctrl+q", gone=True)
    assert window.until(lambda line: "closed" in line) == {"closed": True, "code": 0}
    assert window.process.wait(timeout=PATIENCE_S) == 0


@needs_display
def test_the_audience_gets_a_window_of_its_own_and_closing_it_ends_nothing(window: Driven) -> None:
    window.hands("key", "--window", "WINDOW", "a")
    both = window.windows(2)
    (other,) = both - {window.window}
    window.hands("key", "--window", other, "space")  # keys play there too
    window.until(lambda line: line.get("playing") is True)
    window.hands("key", "--window", "WINDOW", "a")
    window.windows(1)
    window.hands("key", "--window", "WINDOW", "space")
    window.until(lambda line: line.get("playing") is False)


@needs_display
def test_full_screen_and_back_goes_on_playing(window: Driven) -> None:
    for _ in range(2):  # how large it gets is up to a window manager, which there is none of here
        window.hands("key", "--window", "WINDOW", "f")
        window.hands("key", "--window", "WINDOW", "space")
        window.until(lambda line: line.get("command") == "TogglePlay")


@needs_display
def test_a_window_made_tiny_and_large_again_goes_on(window: Driven, model_file: Path) -> None:
    for width, height in ((1, 1), (90, 700), (1500, 900)):
        window.hands("windowsize", "WINDOW", width, height)
        window.hands("key", "--window", "WINDOW", "space")
        window.until(lambda line: line.get("command") == "TogglePlay")
    model = load(model_file)
    place = free_places(model)[0]
    x, y = Layout.of(1500, 900, voices=len(model.kit)).pixel_of(*place)
    window.hands("mousemove", "--window", "WINDOW", round(x), round(y), "click", 1)
    window.until(lambda line: line.get("cursor") == pytest.approx(list(place), abs=0.01))


def test_events_on_dense_displays_are_told_in_pixels() -> None:
    event = pygame.Event(pygame.MOUSEBUTTONDOWN, pos=(100, 50), button=1)
    assert in_pixels(event, (640, 400), (1280, 800)).pos == (200, 100)
    assert in_pixels(event, (640, 400), (640, 400)) is event
    key = pygame.Event(pygame.KEYDOWN, key=pygame.K_a)
    assert in_pixels(key, (640, 400), (1280, 800)) is key


def test_no_display_is_one_line_and_the_stage_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    from surface_support import LocalStage

    monkeypatch.setenv("SDL_VIDEODRIVER", "x11")
    monkeypatch.delenv("DISPLAY", raising=False)
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
