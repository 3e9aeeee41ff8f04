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
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jack_support import wait_for
from playing_support import own_display

from performance.surface.lanes import tick_x
from performance.surface.layout import Layout
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
    window.until(lambda line: line.get("command") == "MoveCursor")  # in one frame with what follows it would be no way
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
def test_jump_orbit_drift_morph_and_mix_with_a_real_mouse_and_keys(window: Driven, model_file: Path) -> None:
    model = load(model_file)
    layout = Layout.of(1280, 800, voices=len(model.kit))
    start, other, *_ = free_places(model)

    def key(*names: str) -> None:
        for name in names:
            seen = len(window.lines)
            window.hands("key", "--window", "WINDOW", name)
            window.until(lambda _, seen=seen: any("command" in line for line in window.lines[seen:]))

    def click(place: tuple[float, float]) -> None:
        window.hands("mousemove", "--window", "WINDOW", *map(round, layout.pixel_of(*place)), "click", 1)

    def way(until: Callable[[list[tuple[float, float]]], bool]) -> list[tuple[float, float]]:
        """The places that are shown from now on, until they are what is waited for."""
        seen = len(window.lines)

        def places() -> list[tuple[float, float]]:
            return [tuple(line["cursor"]) for line in window.lines[seen:] if "cursor" in line]

        window.until(lambda _: until(places()))
        return places()

    def is_near(place: tuple[float, float], goal: tuple[float, float]) -> bool:
        return place == pytest.approx(goal, abs=0.01)

    click(start)
    window.until(lambda line: line.get("cursor") == pytest.approx(list(start), abs=0.01))
    key("ctrl+1", "ctrl+4", "g", "g", "space")  # a jump
    click(other)
    jumped = way(lambda places: bool(places) and is_near(places[-1], other))
    assert all(is_near(place, start) or is_near(place, other) for place in jumped), "and nowhere between"
    key("ctrl+2", "ctrl+3", "g")
    assert len(set(way(lambda places: len(set(places)) > 8))) > 8, "an orbit goes on by itself"
    key("g")
    assert len(set(way(lambda places: len(set(places)) > 8))) > 8, "and so does a drift"
    key("g", "End", "shift+1")
    window.until(lambda line: line.get("cursor") == pytest.approx(list(start), abs=0.01))
    for number, goal in ((2, other), (1, start)) * 5:  # a machine that stands still as long as a morph takes shows none
        key(f"shift+{number}")
        morphed = way(lambda places, goal=goal: bool(places) and is_near(places[-1], goal))
        if any(not is_near(place, start) and not is_near(place, other) for place in morphed):
            break
    else:
        raise AssertionError(f"no morph was seen on its way: {morphed}")
    key("Home", "w")
    for place in ((0.9, 0.1), (0.3, 0.4)):
        before = next(line["cursor"] for line in reversed(window.lines) if "cursor" in line)
        click(place)
        x, y = window.until(lambda line, before=before: line.get("cursor", before) != before)["cursor"]
        across = (x - start[0]) * (other[1] - start[1]) - (y - start[1]) * (other[0] - start[0])
        assert across == pytest.approx(0, abs=0.01), "a mix lies between its scenes"


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
def test_what_is_dragged_from_a_file_manager_arrives_whatever_it_is_called(
    window: Driven, display: str, tmp_path: Path
) -> None:
    pytest.importorskip("Xlib", reason="needs python-xlib, which drags as a file manager does")
    from drag_source import FILES, TEXT, drag_source

    names = ("plain.mid", "two words.mid", "100%.mid", "50%25#1?.mid", "schön.mid", "太鼓.mid", "🥁.mid", "a\nb.mid")
    odd = [tmp_path / name for name in (*names, "a folder", "clips.zip", os.fsdecode(b"caf\xe9.mid"), "last.mid")]
    many = [tmp_path / f"{number}.mid" for number in range(500)]
    one = odd[0]

    def uris(*files: Path) -> bytes:
        return "".join(f"{file.as_uri()}\r\n" for file in files).encode()

    window.hands("key", "--window", "WINDOW", "space")
    window.until(lambda line: line.get("playing") is True)
    with drag_source(display) as source:

        def dropped(count: int, **offered: bytes) -> list[tuple[str, str]]:
            seen, kinds = len(window.lines), {"files": FILES, "text": TEXT, "other": "image/png"}

            def told() -> list[tuple[str, str]]:
                lines = [line for line in window.lines[seen:] if "command" in line]
                return [(line["command"], line.get("file", line.get("text"))) for line in lines]

            taken = source.drag({kinds[kind]: data for kind, data in offered.items()}, int(window.window), (400, 300))
            assert taken == (count > 0)
            if count:
                window.until(lambda _: len(told()) == count)
            return told()

        assert dropped(len(odd), files=uris(*odd)) == [("DropClip", str(file)) for file in odd]
        assert dropped(500, files=uris(*many)) == [("DropClip", str(file)) for file in many]
        assert dropped(1, files=uris(tmp_path / "friday.rvae")) == [("OpenModel", str(tmp_path / "friday.rvae"))]
        assert dropped(1, files=b"# one\r\n" + uris(one)) == [("DropClip", str(one))], "a remark is no file"
        # Some offer text first, which then is the file's name.
        assert dropped(1, text=uris(one).strip(), files=uris(one)) == [("DropClip", str(one))]
        assert dropped(1, text=str(one).encode(), files=uris(one)) == [("DropClip", str(one))]
        assert dropped(1, text=b"kick kick\nsnare") == [("DropNothing", "kick kick")]
        assert dropped(1, text=b"caf\xe9") == [("DropNothing", os.fsdecode(b"caf\xe9"))]
        assert dropped(1, files=b"https://example.org/a.mid\r\n") == [("DropNothing", "")]
        assert dropped(1, files=b"file://elsewhere/a.mid\r\n") == [("DropNothing", "")]
        assert dropped(0, other=b"\x89PNG") == []
        source.vanish_above(int(window.window))
    window.hands("key", "--window", "WINDOW", "space")
    window.until(lambda line: line.get("playing") is False)


@needs_display
def test_full_screen_and_back_goes_on_playing(window: Driven) -> None:
    for size in ("1600x1000", "1280x800"):  # also with no window manager, as here, that would see to it
        window.hands("key", "--window", "WINDOW", "f")
        assert wait_for(lambda size=size: f"Geometry: {size}" in window.hands("getwindowgeometry", "WINDOW"))
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
