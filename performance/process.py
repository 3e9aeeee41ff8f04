"""The engine in a process of its own, with neither window nor torch nor model, and the line to it.

It plays on while the window hangs. It ends, silent, when told to, on SIGTERM, and when the window's process is gone.
"""

from __future__ import annotations

import atexit
import contextlib
import socket
from collections.abc import Sequence
from multiprocessing.context import BaseContext
from typing import Any

from performance.commands import EngineCommand, Export, Quit, StartRecording
from performance.forking import start
from performance.outputs.audio import start_speaker
from performance.recorder import DEFAULT_FOLDER, Recorder
from performance.snapshot import EngineStatus
from performance.specs import LeaderSpec, OutputSpec
from performance.wire import Wire, WireFull
from rvae.pattern import Pattern

_CLOSE_S = 3.0


class EngineProcess:
    """The window's end: starts the process, sends commands, hears how it stands; never waits for it but at the end.

    `context`: how processes are started, see `forking`. `speaker`: the line to a process for sound that runs already.
    """

    def __init__(
        self,
        pattern: Pattern,
        outputs: Sequence[OutputSpec] = (),
        *,
        realtime: bool = True,
        leader: LeaderSpec | None = None,
        recordings: str = DEFAULT_FOLDER,
        context: BaseContext | None = None,
        speaker: socket.socket | None = None,
        strikes: socket.socket | None = None,
    ) -> None:
        here, there = socket.socketpair()
        self._wire = Wire(here)
        self._status = EngineStatus()
        self.recorder = Recorder(recordings, context)
        # Beside the engine, not by it: each takes its time to start.
        if speaker is None and any(spec.kind == "audio" for spec in outputs):
            speaker = start_speaker(context)
        args = (there, self.recorder.engine_ends, pattern, tuple(outputs), realtime, leader, speaker, strikes)
        self._process = start(_keep_time, *args, name="rvae-engine", context=context)
        # Before multiprocessing waits for it. It is no daemon, which would be ended then: those have no children.
        atexit.register(self.close)
        for end in filter(None, (there, *self.recorder.engine_ends, speaker, strikes)):
            end.close()

    @property
    def pid(self) -> int | None:
        """The process's id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it runs. The line tells: where the process has gone that it was forked from, it seems to have ended
        and plays on.
        """
        if not self._process.is_alive():
            self.status()
        return not self._wire.is_closed

    def do(self, command: EngineCommand) -> bool:
        """Send a command. False where the engine has stopped listening and the command is lost."""
        if isinstance(command, StartRecording | Export) and not self._wire.is_closed:
            self.recorder.start()
        try:
            self._wire.send(command)
        except WireFull:
            return False
        return not self._wire.is_closed

    def status(self) -> EngineStatus:
        """The latest the engine said."""
        self._wire.flush()
        for status in self._wire.receive(limit=4096):
            self._status = status
        return self._status

    def close(self) -> None:
        """Ask it to end, silent, and see to it that it does. May be called twice."""
        atexit.unregister(self.close)
        if not self._wire.is_closed:
            with contextlib.suppress(WireFull):
                self._wire.send(Quit())
        self._process.join(_CLOSE_S)
        self._wire.close()
        self.recorder.close()
        if self._process.is_alive():
            self._process.terminate()
            self._process.join(_CLOSE_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def _keep_time(*given: Any) -> None:
    from performance.beat import keep_time  # which loads the engine: only there

    keep_time(*given)
