"""A window for a test to drive: prints one JSON line whenever what is seen has changed."""

from __future__ import annotations

import json
import sys

from surface_support import LocalStage

from performance.commands import StageCommand
from performance.snapshot import Snapshot
from performance.surface.window import run


class Told(LocalStage):
    """Tells on standard output what it was asked for and what it shows."""

    def __init__(self) -> None:
        super().__init__()
        self._told = ""

    def do(self, command: StageCommand) -> None:
        super().do(command)
        print(json.dumps({"command": type(command).__name__}), flush=True)

    def tick(self) -> Snapshot:
        now = super().tick()
        line = json.dumps(
            {"cursor": now.cursor, "onsets": now.pattern.onset.sum(axis=1).tolist(), "playing": now.playing}
        )
        if line != self._told:
            print(line, flush=True)
            self._told = line
        return now


if __name__ == "__main__":
    stage = Told()
    code = run(stage)
    print(json.dumps({"closed": stage.closed, "code": code}), flush=True)
    sys.exit(code)
