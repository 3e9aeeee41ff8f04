"""Models, meters and panics in the middle of everything: no note hangs, no beat is missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from jack_support import jack_server, wait_for
from playing_support import Ear, OscLog

from performance.commands import MoveCursor, Panic, Play, SetControl, SetMeter, StageCommand, Stop
from performance.process import EngineProcess
from performance.specs import OutputSpec
from performance.stage import Stage
from rvae.model import Model, load


class Swapping:
    """Hands over another model whenever it is told to."""

    progress = ""

    def __init__(self, model_file: Path) -> None:
        self._file = model_file
        self.is_asked = False

    def poll(self) -> Model | str | None:
        asked, self.is_asked = self.is_asked, False
        return load(self._file) if asked else None

    def close(self) -> None:
        """Nothing to let go of."""


class Music:
    """A stage with an engine in its process, a real MIDI port, and another program at it."""

    def __init__(self, model_file: Path) -> None:
        model = load(model_file)
        self.ear, self.log, self.swapping = Ear(), OscLog(), Swapping(model_file)
        outputs = [OutputSpec("midi", "synth:in"), OutputSpec("osc", self.log.address)]
        self.engine = EngineProcess(model.pattern((0.5, 0.5), meter=model.meter), outputs)
        self.stage = Stage(model, self.engine, bpm=240, density=0.8, learning=self.swapping)

    def run(self, *, beats: int) -> None:
        """Frames, until so many beats were heard."""
        until = self.log.read() + beats
        assert wait_for(lambda: self.stage.tick() and self.log.read() >= until)

    def do(self, *commands: StageCommand) -> None:
        for command in commands:
            self.stage.do(command)

    def close(self) -> None:
        self.stage.close()
        self.ear.close()
        self.log.close()


@pytest.fixture
def music(monkeypatch: pytest.MonkeyPatch, model_file: Path) -> Iterator[Music]:
    with jack_server(monkeypatch):
        music = Music(model_file)
        try:
            yield music
        finally:
            music.close()


def test_models_and_meters_swapped_at_every_beat_leave_the_beat_whole(music: Music) -> None:
    music.do(SetControl("quantum", 0), Play())
    music.run(beats=4)
    meters = music.stage.tick().learned_meters
    places = len(music.stage.tick().clips)
    for number in range(24):
        music.swapping.is_asked = True
        music.do(SetMeter(meters[number % len(meters)]), MoveCursor(number % 7 / 6, number % 5 / 4))
        music.run(beats=1)
    assert places > 0
    music.do(Stop())
    assert wait_for(lambda: not music.stage.tick().playing)
    assert music.ear.falls_silent()
    assert music.ear.wrong == []
    music.log.check()


@pytest.mark.parametrize("ending", [Stop(), Panic()])
def test_stop_and_panic_at_any_moment_end_every_note(music: Music, ending: StageCommand) -> None:
    for _ in range(8):
        music.do(Play())
        assert wait_for(lambda: music.stage.tick().playing and music.ear.sounding)
        music.do(ending)
        assert wait_for(lambda: not music.stage.tick().playing)
        assert music.ear.falls_silent()
    assert music.ear.wrong == []
