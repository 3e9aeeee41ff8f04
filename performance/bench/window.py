"""The window while it is measured: how long its frames take, in the view that changes most."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from performance.bench.computing import busy_pattern
from performance.bench.spread import Json, spread
from performance.commands import Play
from performance.devices import has_display
from performance.process import EngineProcess, OutputSpec
from performance.stage import Stage
from rvae.model import Model

_FIRST_FRAMES = 60  # while the plane's picture is still being found; their share is stated


def draw_in_memory_without_a_display() -> str:
    """Where there is no screen, have the same pixels drawn in memory; where they are drawn, in words."""
    if has_display():
        return "the window on this screen"
    os.environ["SDL_VIDEODRIVER"] = "dummy"
    return "no screen here: the window's pixels are drawn in memory"


def until_over(stage: Stage, turns: Iterator[float]) -> list[float]:
    """A window in the pulse view until `turns` is through, each of which says how long to wait; ms of each frame."""
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    import pygame  # where a window is measured

    from performance.surface.views import PULSE
    from performance.surface.window import run

    work_ms: list[float] = []
    next_s = time.perf_counter()

    def on_frame(work_s: float) -> bool:
        nonlocal next_s
        if not work_ms:
            for _ in range(PULSE):
                pygame.event.post(pygame.Event(pygame.KEYDOWN, key=pygame.K_v, mod=0, unicode="v"))
                pygame.event.post(pygame.Event(pygame.KEYUP, key=pygame.K_v, mod=0, unicode="v"))
        work_ms.append(work_s * 1e3)
        while time.perf_counter() >= next_s:
            wait_s = next(turns, None)
            if wait_s is None:
                return False
            next_s += wait_s
        return True

    run(stage, on_frame=on_frame)
    return work_ms


def frame_ms(model: Model, *, seconds: float) -> Json:
    """Frames of the pulse view at 1280 x 800 while it plays, with the sound on where there is a device.

    `first_max`: the longest of the first second, while the plane's picture is being found; the others are without it.
    """
    engine = EngineProcess(busy_pattern(model), [OutputSpec("audio")])
    begun_s = time.perf_counter()
    stage = Stage(model, engine, density=1.0)

    def turns() -> Iterator[float]:
        engine.do(Play())
        yield seconds

    try:
        work_ms = until_over(stage, turns())
        length_s = time.perf_counter() - begun_s
        (sound,) = engine.status().outputs or (None,)
    finally:
        engine.close()
    sounds = sound is not None and sound.is_open
    return {
        **spread(work_ms[_FIRST_FRAMES:] or work_ms),
        "first_max": round(max(work_ms[:_FIRST_FRAMES]), 4),
        "frames_per_s": round(len(work_ms) / length_s, 1),
        "sound": "on" if sounds else f"off: {'' if sound is None else sound.detail}",
    }
