"""The window: it pumps events to commands and draws snapshots, sixty times a second, and owns nothing else."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from typing import cast

import pygame
from pygame._sdl2 import controller
from pygame._sdl2.controller import Controller

from performance.snapshot import Snapshot
from performance.stage import StageLike
from performance.surface.bar import status_text
from performance.surface.drawing import Kept, draw
from performance.surface.field import Decoder
from performance.surface.input import pushed_by_sticks, respond
from performance.surface.layout import Layout
from performance.surface.look import Look, at_time
from performance.surface.planes import Planes
from rvae.errors import OutputError

FRAMES_HZ = 60
_SIZE = (1280, 800)
_DECODE_S = 0.004  # of each frame's 16 ms, while the plane's picture is still being found
_REPEAT_MS = (350, 50)  # a held key: first wait, then each
_INTERRUPTED = 130


def run(stage: StageLike, *, size: tuple[int, int] = _SIZE, on_frame: Callable[[float], bool] | None = None) -> int:
    """Open the window and play until it is closed; the exit code. The stage is closed at the end, whatever happens.

    `on_frame` is told how long each frame's work took, in seconds, and ends the run by answering False (for measuring).
    Raises OutputError where no window can be opened.
    """
    # Told before SDL starts: a window of true pixels on Windows too.
    os.environ.setdefault("SDL_WINDOWS_DPI_AWARENESS", "permonitorv2")
    try:
        window = _open(size)
        try:
            _play(window, stage, on_frame)
        finally:
            controller.quit()
            window.destroy()
            pygame.display.quit()
    except KeyboardInterrupt:
        return _INTERRUPTED
    finally:
        stage.close()
    return 0


def _open(size: tuple[int, int]) -> pygame.Window:
    try:
        pygame.display.init()  # not pygame.init(): that would also take the audio device
        window = pygame.Window("rvae", size, resizable=True, allow_high_dpi=True)
    except pygame.error as error:
        pygame.display.quit()
        raise OutputError(f"no window: {error}; play without one with `rvae play --headless`") from None
    with suppress(pygame.error):  # no controllers on this machine is no reason not to play
        controller.init()
    pygame.key.set_repeat(*_REPEAT_MS)
    return window


def _play(window: pygame.Window, stage: StageLike, on_frame: Callable[[float], bool] | None) -> None:
    look, kept, planes = Look(), Kept(), Planes(cast(Decoder, stage.model))
    clock = pygame.time.Clock()
    snapshot = stage.tick()
    shown: object = None
    pads: dict[int, Controller] = {}
    while True:
        start_s = time.perf_counter()
        target = window.get_surface()
        layout = Layout.of(*target.get_size(), voices=len(snapshot.kit))
        events = pygame.event.get()
        before = look.full_screen
        pads = _plugged(pads, events)
        for event in events:
            look, commands = respond(in_pixels(event, window.size, target.get_size()), layout, snapshot, look)
            for command in commands:
                stage.do(command)
        if look.closing:
            return
        if look.full_screen != before:
            window.set_fullscreen(desktop=True) if look.full_screen else window.set_windowed()
            continue
        for command in pushed_by_sticks(look, snapshot, start_s - look.now_s):
            stage.do(command)
        snapshot = stage.tick()
        look = at_time(look, snapshot, start_s)
        planes.step(snapshot.meter.beats, _DECODE_S)
        colours = planes.colours(snapshot, look.view)
        # What looks the same is not drawn again: a stopped instrument leaves the processor alone.
        picture = (what_shows(snapshot, look), colours.key, target.get_size())
        if events or picture != shown:
            draw(target, snapshot, look, kept, colours)
            window.flip()
            shown = picture
        if on_frame is not None and not on_frame(time.perf_counter() - start_s):
            return
        clock.tick(FRAMES_HZ)


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
        *(tuple(snapshot.controls.items()), snapshot.voice_density, snapshot.clips),
        *(status_text(snapshot, look), look.help_shown, look.view, look.pointer, look.held, look.trail),
    )


def in_pixels(event: pygame.Event, window: tuple[int, int], pixels: tuple[int, int]) -> pygame.Event:
    """The event with its place in pixels: on dense displays SDL tells it in larger units."""
    if window == pixels or not hasattr(event, "pos"):
        return event
    across, down = pixels[0] / max(1, window[0]), pixels[1] / max(1, window[1])
    return pygame.Event(event.type, {**event.dict, "pos": (event.pos[0] * across, event.pos[1] * down)})
