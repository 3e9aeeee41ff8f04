"""A real engine without its process, for tests of what stands before it."""

from __future__ import annotations

from performance.clock import Clock, MonotonicClock
from performance.commands import EngineCommand, Quit, SetPattern
from performance.engine import Engine
from performance.outputs.memory import MemoryOutput
from performance.snapshot import EngineStatus
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
