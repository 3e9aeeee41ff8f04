"""The window: it pumps events to commands and draws snapshots, sixty times a second, and owns nothing else."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Callable
from contextlib import suppress

import pygame
from pygame._sdl2 import controller
from pygame._sdl2.controller import Controller

from performance.asking import foreseen
from performance.links import StageLike
from performance.snapshot import Snapshot
from performance.surface.bar import status_text
from performance.surface.drawing import Kept, draw, draw_for_audience
from performance.surface.drops import next_event
from performance.surface.gone import INTERRUPTED, outliving_the_screen, play_on, say_if_heard
from performance.surface.input import respond, respond_for_audience
from performance.surface.layout import Layout
from performance.surface.look import Look, at_time
from performance.surface.pads import pushed_by_sticks
from performance.surface.planes import PlaneColours, Planes
from performance.surface.x11 import is_managed
from performance.telling import ENGINE_GONE
from rvae.errors import OutputError, what_went_wrong

FRAMES_HZ = 60
_SIZE, _AUDIENCE_SIZE = (1280, 800), (720, 720)
_UNSEEN = "offscreen"  # what SDL draws on where it finds no screen: nobody would see it
_DECODE_S = 0.004  # of each frame's 16 ms, while the plane's picture is still being found
_FAILED_FRAMES = 60  # in a row: then it plays on with no window
_MOST_TOLD = 20
_MOST_EVENTS = 10_000  # in a frame; the rest waits for the next
_REPEAT_MS = (350, 50)  # a held key: first wait, then each

Paint = Callable[[pygame.Surface, Snapshot, Look, Kept, PlaneColours], None]


def run(
    stage: StageLike, *, size: tuple[int, int] | None = None, on_frame: Callable[[float], bool] | None = None
) -> int:
    """Open the window and play until it is closed; the exit code. The stage is closed at the end, whatever happens.

    `size`: in SDL's units; without one as usual, and no larger than the screen.
    `on_frame` is told how long each frame's work took, in seconds, and ends the run by answering False (for measuring).
    Raises OutputError where no window can be opened.
    """
    # Told before SDL starts: a window of true pixels on Windows too.
    os.environ.setdefault("SDL_WINDOWS_DPI_AWARENESS", "permonitorv2")
    try:
        with outliving_the_screen(stage):
            screen = _open(size)
            try:
                engine_lives = _play(screen, stage, on_frame)
            finally:
                controller.quit()
                screen.window.destroy()
                pygame.display.quit()
    except KeyboardInterrupt:
        return INTERRUPTED
    except _Broken:
        return play_on(stage)
    finally:
        stage.close()
    return 0 if engine_lives else ENGINE_GONE


class _Screen:
    """A window, and what it last showed."""

    def __init__(self, title: str, size: tuple[int, int]) -> None:
        self.window = pygame.Window(title, size, resizable=True, allow_high_dpi=True)
        self.kept = Kept()
        self._shown: object = None
        self._is_full = False
        self._before: tuple[tuple[int, int], tuple[int, int]] | None = None  # size and place, where nobody keeps them

    def fill_screen(self, full: bool) -> None:
        """Fill the screen it is on, or not."""
        if full == self._is_full:
            return
        self._is_full, window = full, self.window
        if not full:
            window.set_windowed()
            if self._before is not None:
                window.size, window.position = self._before
            return
        before = (window.size, window.position)
        window.set_fullscreen(desktop=True)
        is_done = is_managed(pygame.display.get_driver())
        self._before = None if is_done else before
        if not is_done:  # nobody has heard that: what it was to become it makes itself
            size, at = window.size, window.position
            window.set_windowed()
            window.size, window.position = size, at

    def show(self, paint: Paint, snapshot: Snapshot, look: Look, colours: PlaneColours, *, anew: bool) -> None:
        """Draw a frame. What would look the same is not drawn: a stopped instrument leaves the processor alone."""
        target = self.window.get_surface()
        picture = (what_shows(snapshot, look), colours.key, target.get_size())
        if anew or picture != self._shown:
            paint(target, snapshot, look, self.kept, colours)
            self.window.flip()
            self._shown = picture


def _open(size: tuple[int, int] | None) -> _Screen:
    try:
        pygame.display.init()  # not pygame.init(): that would also take the audio device
        if pygame.display.get_driver() == _UNSEEN and not os.environ.get("SDL_VIDEODRIVER"):
            raise pygame.error(f"no screen answers (DISPLAY is '{os.environ.get('DISPLAY', '')}')")
        screen = _Screen("rvae", size or _on_screen(_SIZE))
    except pygame.error as error:
        pygame.display.quit()
        raise OutputError(f"no window: {error}; play without one with `rvae play --headless`") from None
    with suppress(pygame.error):  # no controllers on this machine is no reason not to play
        controller.init()
    pygame.key.set_repeat(*_REPEAT_MS)
    return screen


def _on_screen(size: tuple[int, int]) -> tuple[int, int]:
    """A size, or as much of it as the screen has."""
    width, height = pygame.display.get_desktop_sizes()[0]
    return min(size[0], width), min(size[1], height)


def _play(screen: _Screen, stage: StageLike, on_frame: Callable[[float], bool] | None) -> bool:
    """Show frame after frame until the window is closed; whether the engine lived until then."""
    frames, clock, failed = _Frames(screen, stage), pygame.time.Clock(), 0
    while not frames.look.closing:
        start_s = time.perf_counter()
        try:
            frames.step(start_s)
            failed = 0
        except Exception as error:  # a fault of ours in one picture must not end the music
            failed += 1
            frames.stumbled(error)
            if failed >= _FAILED_FRAMES:
                raise _Broken from error
        if on_frame is not None and not on_frame(time.perf_counter() - start_s):
            break
        clock.tick(FRAMES_HZ)
    return frames.engine_lived


class _Broken(Exception):  # noqa: N818  # it says how things stand
    """No picture comes any more, whatever is tried."""


class _Frames:
    """What goes on from frame to frame."""

    def __init__(self, screen: _Screen, stage: StageLike) -> None:
        self._screen, self._stage = screen, stage
        self._planes = Planes(stage.model)
        self._audience: _Screen | None = None
        self._pads: dict[int, Controller] = {}
        self._snapshot = stage.tick()
        self._told: set[str] = set()
        self.look = Look()

    @property
    def engine_lived(self) -> bool:
        """Whether the engine lived when it was last asked."""
        return self._snapshot.engine_lives

    def step(self, start_s: float) -> None:
        """Hear what hands do, have it done, and show how everything stands. `start_s`: when the frame began."""
        stage = self._stage
        events = _events()
        self._pads = _plugged(self._pads, events)
        now = self._hear(events)
        if self.look.closing:
            return
        self._screen.fill_screen(self.look.full_screen)
        self._audience = _audience(self._audience, self.look)
        for command in pushed_by_sticks(self.look, now, start_s - self.look.now_s):
            stage.do(command)
        self._snapshot = snapshot = stage.tick()
        self.look = at_time(self.look, snapshot, start_s)
        self._planes = self._planes.of(stage.model)  # a better one may have been learned
        self._planes.step(snapshot.meter.beats, _DECODE_S)
        colours = self._planes.colours(snapshot, self.look.view)
        self._screen.show(draw, snapshot, self.look, colours, anew=bool(events))
        if self._audience is not None:
            self._audience.show(draw_for_audience, snapshot, self.look, colours, anew=bool(events))

    def _hear(self, events: list[pygame.Event]) -> Snapshot:
        """Pass what events ask for to the stage; the snapshot with what they have set: the next event of the same frame
        goes on from there. One that fails takes no other with it.
        """
        window, snapshot = self._screen.window, self._snapshot
        size = window.get_surface().get_size()
        layout = Layout.of(*size, voices=len(snapshot.kit))
        for event in events:
            is_audience = self._audience is not None and getattr(event, "window", None) is self._audience.window
            answer = respond_for_audience if is_audience else respond
            try:
                self.look, commands = answer(in_pixels(event, window.size, size), layout, snapshot, self.look)
                for command in commands:
                    self._stage.do(command)
                    snapshot = foreseen(snapshot, command)
            except Exception as error:  # noqa: BLE001  # a fault of ours in one event
                self.stumbled(error)
        return snapshot

    def stumbled(self, error: Exception) -> None:
        """Tell of a frame that failed: the player in a line, whoever mends it in full; each once."""
        what = what_went_wrong(error)
        if what not in self._told and len(self._told) < _MOST_TOLD:
            self._told.add(what)
            say_if_heard("".join(traceback.format_exception(error)))
            self._stage.say(f"the window stumbled ({what}); the music goes on", is_error=True)


def _events() -> list[pygame.Event]:
    """What hands did since the last frame."""
    found: list[pygame.Event] = []
    while len(found) < _MOST_EVENTS and (event := next_event()).type != pygame.NOEVENT:
        found.append(event)
    return found


def _audience(audience: _Screen | None, look: Look) -> _Screen | None:
    """The audience's window, opened or closed as the look has it."""
    if not look.audience:
        if audience is not None:
            audience.window.destroy()
        return None
    if audience is None:
        audience = _Screen("rvae: the plane", _on_screen(_AUDIENCE_SIZE))
    audience.fill_screen(look.audience_full_screen)
    return audience


def _plugged(pads: dict[int, Controller], events: list[pygame.Event]) -> dict[int, Controller]:
    """The controllers that are open: SDL tells of what is pressed on those only."""
    for event in events:
        if event.type == pygame.CONTROLLERDEVICEADDED:
            with suppress(pygame.error):  # unplugged again already
                pad = Controller(event.device_index)
                pads = {**pads, pad.id: pad}
        elif event.type == pygame.CONTROLLERDEVICEREMOVED:
            pads = {number: pad for number, pad in pads.items() if number != event.instance_id}
    return pads


def what_shows(snapshot: Snapshot, look: Look) -> tuple[object, ...]:
    """All of a snapshot and a look that a picture depends on, colours aside: equal values give equal pictures."""
    return (
        *(snapshot.cursor, snapshot.pattern, snapshot.playing, snapshot.playhead, snapshot.meter, snapshot.mute),
        *(tuple(snapshot.controls.items()), snapshot.voice_density, snapshot.clips, snapshot.scenes),
        *(snapshot.hand, snapshot.target, snapshot.pins, snapshot.freeze),
        *(snapshot.gestures, snapshot.is_taking, snapshot.morphs, snapshot.status.recording, snapshot.take),
        *(snapshot.panel, snapshot.learned),
        *(snapshot.status.led_qpm is None, snapshot.makes_sound),
        *(status_text(snapshot, look), look.help_page, look.view, look.pointer, look.held, look.trail),
    )


def in_pixels(event: pygame.Event, window: tuple[int, int], pixels: tuple[int, int]) -> pygame.Event:
    """The event with its place in pixels: on dense displays SDL tells it in larger units."""
    if window == pixels or not hasattr(event, "pos"):
        return event
    across, down = pixels[0] / max(1, window[0]), pixels[1] / max(1, window[1])
    return pygame.Event(event.type, {**event.dict, "pos": (event.pos[0] * across, event.pos[1] * down)})
