"""A whole set with one kind of hands only: keys alone, then a game controller alone, in the real instrument."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pygame
import pytest
from test_surface_input import axis, key

from performance.desk import Desk
from performance.hands import Hands
from performance.midi_in import MidiIn
from performance.process import EngineProcess
from performance.snapshot import Snapshot
from performance.stage import Stage
from performance.surface.window import run
from rvae.midi import read_midi
from rvae.model import load

PATIENCE_S = 60.0
LEFT, RIGHT = pygame.CONTROLLER_AXIS_TRIGGERLEFT, pygame.CONTROLLER_AXIS_TRIGGERRIGHT


def pad(name: str) -> list[pygame.Event]:
    """A button of a controller, with the trigger that goes with it."""
    side = {"lt": LEFT, "rt": RIGHT}.get(name.split("+")[0].removeprefix("pad-"))
    if side is None:
        return [key(name)]
    return [axis(side, 32767), key(name), axis(side, 0)]


def keys(name: str) -> list[pygame.Event]:
    down = key(name)
    return [down, pygame.Event(pygame.KEYUP, key=down.key, mod=0)]


def rows(now: Snapshot) -> list[str]:
    """What the panel that is open lists."""
    return [] if now.panel is None else [row.text for row in now.panel.rows]


# What is done, by keys and by buttons, and how one sees that it was.
Seen = Callable[["Run", Snapshot], bool]
SET: tuple[tuple[str, str, str, Seen], ...] = (
    ("play", "space", "pad-a", lambda run, now: now.playing),
    ("look for models", "f7", "pad-rt+back", lambda run, now: "other" in rows(now)),
    ("go to one", "page down", "pad-lt+rightstick", lambda run, now: rows(now)[now.panel.chosen] == "other"),
    ("open it", "return", "pad-rt+rightstick", lambda run, now: now.model_name == "other" and now.playing),
    ("it goes on", "f8", "pad-rt+back", lambda run, now: now.panel.name == "devices" and now.playhead.bar > 3),
    ("keep a scene", "ctrl+1", "pad-rt+a", lambda run, now: [number for number, _ in now.scenes] == [1]),
    ("move", "right", "pad-right", lambda run, now: now.cursor != run.first.cursor),
    ("keep another", "ctrl+2", "pad-rt+b", lambda run, now: len(now.scenes) == 2),
    ("go back", "shift+1", "pad-lt+a", lambda run, now: now.cursor == run.first.cursor),
    ("morph over a bar", "end", "pad-rt+rightshoulder", lambda run, now: now.controls["morph"] == 1),
    ("morph", "shift+2", "pad-lt+b", lambda run, now: now.cursor == now.scenes[1][1] and not now.morphs),
    ("mute", "1", "pad-lt+left", lambda run, now: now.mute[0]),
    ("change the meter", "m", "pad-rightshoulder", lambda run, now: now.meter != run.first.meter),
    ("undo that", "z", "pad-lt+rightshoulder", lambda run, now: now.meter == run.first.meter),
    ("record", "r", "pad-lt+start", lambda run, now: now.status.recording),
    ("a gesture", "e", "pad-leftstick", lambda run, now: now.is_taking),
    ("of a move", "right", "pad-right", lambda run, now: now.playhead.bar > 12),
    ("goes round", "e", "pad-leftstick", lambda run, now: now.gestures == 1),
    ("another motion", "g", "pad-rightstick", lambda run, now: now.controls["motion"] == 1),
    ("export", "f4", "pad-lt+leftshoulder", lambda run, now: any("exported" in m.text for m in now.messages)),
    ("end the recording", "r", "pad-lt+start", lambda run, now: not now.status.recording),
    ("stop", "space", "pad-a", lambda run, now: not now.playing),
)


@dataclass
class Run:
    """One set: what is still to be done, and what is seen."""

    stage: Desk
    first: Snapshot
    todo: list[tuple[str, list[pygame.Event], Seen]]
    last: list[pygame.Event]
    done: list[str] = field(default_factory=list)
    waits: Seen | None = None
    end_s: float = field(default_factory=lambda: time.monotonic() + PATIENCE_S)

    def frame(self, _work_s: float) -> bool:
        """Do the next thing as soon as the one before is seen."""
        assert time.monotonic() < self.end_s, f"waited in vain after {self.done}"
        if self.waits is not None and not self.waits(self, self.stage.tick()):
            return True
        if not self.todo:
            for event in self.last:
                pygame.event.post(event)
            self.waits = lambda run, now: False
            return True
        name, events, self.waits = self.todo.pop(0)
        self.end_s = time.monotonic() + PATIENCE_S
        self.done.append(name)
        for event in events:
            pygame.event.post(event)
        return True


@pytest.mark.parametrize("hands", ["keys", "controller"])
def test_a_whole_set_by(hands: str, model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.setenv("RVAE_HOME", str(tmp_path / "home"))
    shelf = tmp_path / "models"
    shelf.mkdir()
    played = shelf / "first.rvae"
    for name in ("first", "other"):
        shutil.copy(model_file, shelf / f"{name}.rvae")
    model = load(played)
    engine = EngineProcess(model.pattern((0.5, 0.5), meter=model.meter), realtime=False, recordings=str(tmp_path))
    stage = Desk(Stage(model, engine, name="first", bpm=300), Hands(MidiIn()), file=str(played))
    by_keys = hands == "keys"
    todo = [(name, keys(pressed) if by_keys else pad(button), seen) for name, pressed, button, seen in SET]
    whole = Run(stage, stage.tick(), todo, keys("ctrl+q") if by_keys else pad("pad-lt+back"))
    assert run(stage, size=(640, 400), on_frame=whole.frame) == 0
    assert whole.done == [name for name, *_ in SET]
    assert not engine.is_alive
    assert engine.recorder.wait(PATIENCE_S)
    (clip,) = tmp_path.glob("clip-*-4-bars.mid")
    assert len(read_midi(clip).notes)
    assert {file.suffix for file in tmp_path.glob("set-*")} >= {".rvjournal", ".mid", ".wav"}
