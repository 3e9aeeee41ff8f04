"""The stage: model, cursor and controls, between the hands (window, keys, OSC) and the engine.

It lives in the window's process and draws nothing. `do` takes commands; `tick`, called once a frame, decodes where
something has changed, passes it to the engine and gives back a `Snapshot`. Decoding happens here and never on the
beat's path.
"""

from __future__ import annotations

from typing import Protocol

from performance.commands import StageCommand
from performance.snapshot import Snapshot


class StageLike(Protocol):
    """What a surface needs of a stage; `Stage` is one, and a surface's tests may bring their own."""

    @property
    def model(self) -> object:
        """The `rvae.model.Model` that is played, for drawing the plane (`Model.patterns(points, meter=, density=)`)."""

    def do(self, command: StageCommand) -> None:
        """Do what was asked. Never raises for what a player can ask: it becomes a message in the snapshot."""

    def tick(self) -> Snapshot:
        """Hear OSC and the engine, decode if the cursor or a control moved, and say how everything stands. Takes ~1
        ms.
        """

    def close(self) -> None:
        """End the engine, silence and close everything. May be called twice."""
