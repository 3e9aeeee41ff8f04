"""What the stage is joined to: the engine, a training, and the surface, each as what is asked of it."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from performance.commands import EngineCommand, StageCommand
from performance.session import Session
from performance.settings import Settings
from performance.snapshot import EngineStatus, Snapshot
from rvae.model import Model


class StageLike(Protocol):
    """What a surface needs of a stage; `Stage` is one, and a surface's tests may bring their own."""

    @property
    def model(self) -> object:
        """The `rvae.model.Model` that is played, for drawing the plane (`Model.patterns(points, meter=, density=)`)."""

    def do(self, command: StageCommand) -> None:
        """Do what was asked. Never raises for what a player can ask: it becomes a message in the snapshot."""

    def say(self, text: str, *, is_error: bool = False) -> None:
        """Leave a line for the player."""

    def tick(self) -> Snapshot:
        """Hear OSC and the engine, decode if the cursor or a control moved, and say how everything stands.

        Takes ~1 ms.
        """

    def close(self) -> None:
        """End the engine, silence and close everything. May be called twice."""


class EngineLink(Protocol):
    """What the stage needs of an engine: `process.EngineProcess`, or one on a virtual clock in tests."""

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""

    def do(self, command: EngineCommand) -> bool:
        """Send a command; False where it is lost."""

    def status(self) -> EngineStatus:
        """The latest it said."""

    def close(self) -> None:
        """End it."""


class ModelFeed(Protocol):
    """Where better models come from while it plays: `learning.Learning`."""

    @property
    def progress(self) -> str:
        """How far it is, as a line; empty when it is over."""

    def poll(self) -> Model | str | None:
        """A new model, a line that says why there will be none, or None."""

    def close(self) -> None:
        """End it."""


class SettingsKeeper(Protocol):
    """What keeps the settings while they change: `session.Keeper`."""

    def offer(self, settings: Settings) -> None:
        """The settings as they are now. Takes no time."""

    def keep(self, name: str, value: object) -> None:
        """Keep something more, by a name of its own."""

    def turn_to(self, session: Session, file: Path | None = None) -> None:
        """Keep another session from now on; `file`: where, None for the same place."""

    def news(self) -> list[str]:
        """Lines for the player since the last time."""

    def close(self) -> None:
        """Keep the last of it."""
