"""What the surface's tests draw: a small model-like blend of written patterns, and snapshots of it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np

from performance import controls
from performance.commands import MoveCursor, StageCommand, TogglePlay
from performance.snapshot import EngineStatus, Lateness, Message, OutputState, Playhead, Snapshot
from rvae.kit import STANDARD_KIT
from rvae.meter import Meter
from rvae.model import Clip
from rvae.pattern import Pattern

FOUR = Meter.parse("4/4")
SIX = Meter.parse("6/8")
SEVEN = Meter.parse("7/8(2+2+3)")

# Voice: steps of a sixteenth (or a sixth of a compound beat); X loud, x softer, g ghost.
_RHYTHMS: dict[str, tuple[tuple[float, float], dict[str, str]]] = {
    "house-01-four-on-floor-offbeat-hat": (
        (0.12, 0.82),
        {
            "kick": "X...X...X...X...",
            "clap": "....X.......X...",
            "open_hat": "..x...x...x...x.",
            "closed_hat": "g.ggg.ggg.ggg.gg",
        },
    ),
    "rock-02-eighths-with-ghosts": (
        (0.55, 0.75),
        {"kick": "X.....X.X.......", "snare": "....X..g.g..X..g", "closed_hat": "X.x.X.x.X.x.X.x."},
    ),
    "funk-04-linear-sixteenths": (
        (0.86, 0.66),
        {"kick": "X..x..X...x..X..", "snare": "..g.X..g.g.gX.g.", "closed_hat": "XgxgXgxgXgxgXgxg"},
    ),
    "techno-01-rolling": (
        (0.2, 0.3),
        {"kick": "X...X...X...X...", "cymbal": "..X...X...X...X.", "low_tom": ".xx..xx..xx..xx."},
    ),
    "tom-groove": (
        (0.5, 0.14),
        {
            "kick": "X.......X.......",
            "high_tom": "..X..X..........",
            "mid_tom": "......X..X......",
            "low_tom": "..........X.XXXX",
        },
    ),
    "half-time-03-sparse": (
        (0.84, 0.2),
        {"kick": "X.........x.....", "snare": "........X.......", "cymbal": "X...x...x...x..."},
    ),
}
_LOUD = {"X": 0.95, "x": 0.62, "g": 0.3}


class Blend:
    """Decodes as a model does: patterns mixed by their distance from the point."""

    kit = STANDARD_KIT
    bars = 2
    meters = (FOUR, Meter.parse("12/8"), SEVEN, Meter.parse("3/4"))
    beats = (3, 4)

    def __init__(self) -> None:
        self.clips = tuple(Clip(name, f"{name}.mid", FOUR, point, 120.0) for name, (point, _) in _RHYTHMS.items())
        self._loud = np.stack([self._read(rows) for _, rows in _RHYTHMS.values()])

    def _read(self, rows: dict[str, str]) -> np.ndarray[Any, Any]:
        loud = np.zeros((len(self.kit), 96), np.float32)
        for voice, steps in rows.items():
            for step, sign in enumerate(steps):
                loud[self.kit.row_of_name(voice), step * 6] = _LOUD.get(sign, 0.0)
        return np.tile(loud, 2)

    def decode(self, points: Any, *, beats: int) -> tuple[Any, Any, Any]:
        away = np.linalg.norm(np.asarray(points)[:, None] - np.array([clip.point for clip in self.clips]), axis=2)
        weights = np.exp(-((away / 0.16) ** 2)) + 1e-6
        weights /= weights.sum(axis=1, keepdims=True)
        loud = self._loud.reshape(len(self.clips), len(self.kit), 2, 4, 24)[
            :, :, :, [index % 4 for index in range(beats)]
        ]
        loud = loud.reshape(len(self.clips), len(self.kit), -1)
        probability = np.einsum("nc,cvt->nvt", weights, (loud > 0).astype(np.float32))
        velocity = np.einsum("nc,cvt->nvt", weights, loud) / np.maximum(probability, 1e-3)
        microtiming = np.where(np.arange(loud.shape[2]) % 12 == 6, 1.2, 0.0) * np.ones_like(probability)
        return probability.astype(np.float32), velocity.astype(np.float32), microtiming.astype(np.float32)

    def pattern(self, point: tuple[float, float], *, meter: Meter, density: float = 0.5) -> Pattern:
        probability, velocity, microtiming = (part[0] for part in self.decode([point], beats=meter.beats))
        return Pattern.of_arrays(
            (probability > 1 - density).astype(np.int8), velocity, microtiming, meter, bars=self.bars, kit=self.kit
        )


def snapshot(
    *,
    cursor: tuple[float, float] = (0.4, 0.7),
    meter: Meter = FOUR,
    playing: bool = True,
    mute: tuple[int, ...] = (),
    messages: tuple[Message, ...] = (),
    **changes: Any,
) -> Snapshot:
    """A moment of a performance with the blend."""
    model = Blend()
    probability = model.decode([cursor], beats=meter.beats)[0][0]
    whole = Snapshot(
        model_name="straight-four",
        kit=model.kit,
        cursor=cursor,
        pattern=model.pattern(cursor, meter=meter),
        probability=probability,
        playing=playing,
        playhead=Playhead(1, 2, 30.0, 30.0),
        meter=meter,
        meters=tuple(known for known in (*model.meters, SIX) if known.beats == meter.beats),
        beats=model.beats,
        clips=model.clips,
        controls=controls.defaults(),
        voice_density=(0.5,) * len(model.kit),
        mute=tuple(row in mute for row in range(len(model.kit))),
        status=EngineStatus(
            lateness=Lateness(4000, 0.1, 1.7, 4.0),
            outputs=(OutputState("midi", "rvae", True), OutputState("audio", "default", True)),
        ),
        engine_lives=True,
        messages=messages,
        learned_meters=model.meters,
        hand=cursor,
        freeze=(False,) * len(model.kit),
    )
    return replace(whole, **changes)


class LocalStage:
    """A stage without an engine, for the window alone: it does what is asked and the playhead runs by the clock."""

    def __init__(self) -> None:
        self.model = Blend()
        self.done: list[object] = []
        self.closed = False
        self._now = snapshot(playing=False)
        self._start_s = time.perf_counter()

    def do(self, command: StageCommand) -> None:
        self.done.append(command)
        match command:
            case MoveCursor(x, y):
                self._now = replace(
                    self._now,
                    cursor=(x, y),
                    hand=(x, y),
                    pattern=self.model.pattern((x, y), meter=self._now.meter),
                    probability=self.model.decode([(x, y)], beats=self._now.meter.beats)[0][0],
                )
            case TogglePlay():
                self._start_s = time.perf_counter()
                self._now = replace(self._now, playing=not self._now.playing)

    def say(self, text: str, *, is_error: bool = False) -> None:
        raise AssertionError(text)  # a frame failed: no test looks away from that

    def tick(self) -> Snapshot:
        if not self._now.playing:
            return replace(self._now, playhead=Playhead())
        quarters = (time.perf_counter() - self._start_s) * 2
        ticks = float(quarters * 24 % self._now.pattern.ticks)
        return replace(self._now, playhead=Playhead(1, 1, ticks % 96, ticks))

    def close(self) -> None:
        self.closed = True
