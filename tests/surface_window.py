"""`python surface_window.py MODEL`: the instrument in a window; prints a JSON line when what is seen has changed."""

from __future__ import annotations

import json
import sys

from performance.commands import StageCommand
from performance.process import EngineProcess
from performance.snapshot import Snapshot
from performance.stage import Stage
from performance.surface.window import run
from rvae.model import load


class Told(Stage):
    """Tells on standard output what it was asked for and what it shows."""

    told = ""

    def do(self, command: StageCommand) -> None:
        super().do(command)
        more = {name: getattr(command, name) for name in ("file", "text") if hasattr(command, name)}
        print(json.dumps({"command": type(command).__name__, **more}), flush=True)

    def tick(self) -> Snapshot:
        now = super().tick()
        seen = {"cursor": now.cursor, "onsets": now.pattern.onset.sum(axis=1).tolist(), "playing": now.playing}
        if (line := json.dumps(seen)) != self.told:
            print(line, flush=True)
            self.told = line
        return now


if __name__ == "__main__":
    model = load(sys.argv[1])
    engine = EngineProcess(model.pattern((0.5, 0.5), meter=model.meter))
    code = run(Told(model, engine))
    print(json.dumps({"closed": not engine.is_alive, "code": code}), flush=True)
    sys.exit(code)
