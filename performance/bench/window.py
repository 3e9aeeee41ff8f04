"""The window while it is measured: how long its frames take, in the view that changes most."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

from performance.bench.computing import busy_pattern
from performance.bench.spread import Json, spread
from performance.clock import NS_PER_MS
from performance.commands import Play
from performance.devices import has_display
from performance.process import EngineProcess
from performance.specs import OutputSpec
from performance.stage import Stage
from rvae.model import Model

_FIRST_FRAMES = 60  # while the plane's picture is still being found
_OPEN_S = 20.0
_SIZE = (1280, 800)


def draw_in_memory_without_a_display() -> str:
    """Where there is no screen, have the same pixels drawn in memory; where they are drawn, in words."""
    if has_display():
        return "the window on this screen"
    os.environ["SDL_VIDEODRIVER"] = "dummy"
    return "no screen here: the window's pixels are drawn in memory"


@dataclass(frozen=True, slots=True)
class Frame:
    """What a frame took, in ms: by the clock, and of a processor, which does not depend on what else is running."""

    work: float
    processor: float


def until_over(stage: Stage, turns: Iterator[float]) -> list[Frame]:
    """A window in the pulse view until `turns` is through, each of which says how long to wait; its frames."""
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    import pygame  # where a window is measured

    from performance.surface.views import PULSE
    from performance.surface.window import run

    frames: list[Frame] = []
    spent_ns = time.thread_time_ns()
    next_s = time.perf_counter()

    def on_frame(work_s: float) -> bool:
        nonlocal next_s, spent_ns
        if not frames:
            for _ in range(PULSE):
                pygame.event.post(pygame.Event(pygame.KEYDOWN, key=pygame.K_v, mod=0, unicode="v"))
                pygame.event.post(pygame.Event(pygame.KEYUP, key=pygame.K_v, mod=0, unicode="v"))
        before_ns, spent_ns = spent_ns, time.thread_time_ns()
        frames.append(Frame(work_s * 1e3, (spent_ns - before_ns) / NS_PER_MS))
        while time.perf_counter() >= next_s:
            wait_s = next(turns, None)
            if wait_s is None:
                return False
            next_s += wait_s
        return True

    run(stage, size=_SIZE, on_frame=on_frame)
    return frames


def frame_ms(model: Model, *, seconds: float) -> Json:
    """Frames of the pulse view at 1280 x 800 while it plays, with the sound on where there is a device.

    `first_max`: the longest of the first second, while the plane's picture is being found; the others are without it.
    """
    engine = EngineProcess(busy_pattern(model), [OutputSpec("audio")])
    begun_s = 0.0

    def turns() -> Iterator[float]:
        nonlocal begun_s
        begun_s = time.perf_counter()
        engine.do(Play())
        yield seconds

    try:
        wait_for_outputs(engine)
        frames = until_over(Stage(model, engine, density=1.0), turns())
        length_s = time.perf_counter() - begun_s
        (sound,) = engine.status().outputs or (None,)
    finally:
        engine.close()
    settled = frames[_FIRST_FRAMES:] or frames
    sounds = sound is not None and sound.is_open
    return {
        **spread([frame.work for frame in settled]),
        **spread([frame.processor for frame in settled], prefix="processor_"),
        "first_max": round(max(frame.work for frame in frames[:_FIRST_FRAMES]), 4),
        "frames_per_s": round(len(frames) / length_s, 1),
        "sound": "on" if sounds else f"off: {'' if sound is None else sound.detail}",
    }


def wait_for_outputs(engine: EngineProcess) -> None:
    """Until its outputs are open, or cannot be."""
    until_s = time.monotonic() + _OPEN_S
    while not engine.status().outputs and time.monotonic() < until_s:
        time.sleep(0.01)
