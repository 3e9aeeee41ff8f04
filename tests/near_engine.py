"""A real engine without its process, for tests of what stands before it, and a stage with one on a virtual clock."""

from __future__ import annotations

from collections.abc import Iterator

from performance.clock import NS_PER_MS, Clock, MonotonicClock, VirtualClock
from performance.commands import EngineCommand, Quit, SetPattern, StageCommand
from performance.engine import Engine
from performance.outputs.memory import MemoryOutput
from performance.snapshot import EngineStatus, Snapshot
from performance.stage import Stage
from rvae.model import Model


class NearEngine:
    """It steps when it is asked how it stands. `output`: all it has sent; `commands`: all it was asked."""

    def __init__(self, model: Model, clock: Clock | None = None) -> None:
        self.output = MemoryOutput()
        pattern = model.pattern((0.5, 0.5), meter=model.meter)
        self.engine = Engine(clock or MonotonicClock(), pattern, [self.output])
        self.engine.open_outputs(model.kit)
        self.commands: list[EngineCommand] = []
        self.is_alive = True

    def do(self, command: EngineCommand) -> bool:
        self.commands.append(command)
        self.engine.do(command)
        return self.is_alive

    def status(self) -> EngineStatus:
        self.engine.step()
        return self.engine.status()

    def close(self) -> None:
        self.engine.do(Quit())
        self.is_alive = False

    def patterns(self) -> list[SetPattern]:
        return [command for command in self.commands if isinstance(command, SetPattern)]


class Player:
    """A stage that is played frame by frame, 120 felt beats a minute unless told otherwise."""

    def __init__(self, model: Model, **rest: object) -> None:
        self.clock = VirtualClock()
        self.near = NearEngine(model, self.clock)
        self.stage = Stage(model, self.near, clock=self.clock, bpm=120, **rest)  # type: ignore[arg-type]  # the stage's own
        self.seen = self.stage.tick()

    def do(self, *commands: StageCommand) -> Snapshot:
        for command in commands:
            self.stage.do(command)
        self.seen = self.stage.tick()
        return self.seen

    def frames(self, count: int = 1) -> Iterator[Snapshot]:
        for _ in range(count):
            end_ns = self.clock.now_ns() + 16 * NS_PER_MS
            while self.clock.now_ns() < end_ns:
                self.near.engine.step()
                self.clock.sleep_until(self.clock.now_ns() + 4 * NS_PER_MS)
            self.seen = self.stage.tick()
            yield self.seen

    def until_bar(self, bar: float) -> Snapshot:
        """On to a bar, counted from 0 and not whole."""
        for now in self.frames(100_000):
            if now.playhead.bar - 1 + now.playhead.ticks / now.meter.bar_ticks >= bar:
                return now
        raise AssertionError("the bar never came")

    @property
    def said(self) -> str:
        return self.seen.messages[-1].text
