"""How processes of the instrument are started: from nothing, or forked from one that has loaded what they need.

A process that loads numpy and the engine by itself is ready after a third of a second of a processor's time; on two
processors, three of them that start together keep each other waiting.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import signal
import sys
from collections.abc import Callable
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import Any

_LOADED = ["performance.beat", "performance.outputs.audio", "performance.outputs.speaker"]
_PR_SET_NAME = 15
_SOON_S = 2.5


def forking() -> BaseContext:
    """Start the process that others are forked from, which goes on loading by itself; ends with this one.

    Elsewhere than on Linux each starts from nothing: sound and MIDI libraries of macOS break where a process is forked.
    """
    if not sys.platform.startswith("linux"):
        return multiprocessing.get_context("spawn")
    from multiprocessing import forkserver

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_LOADED)
    forkserver.ensure_running()
    return context


def start(
    target: Callable[..., None], *args: Any, name: str, context: BaseContext | None = None, daemon: bool = False
) -> BaseProcess:
    """Start a process that is called `name`, up to 15 characters, also by the system's own tools; without a `context`
    from nothing.
    """
    made = (context or multiprocessing.get_context("spawn")).Process  # type: ignore[attr-defined]  # each context's own
    process: BaseProcess = made(target=_run, args=(name, target, args), name=name, daemon=daemon)
    process.start()
    return process


def _run(name: str, target: Callable[..., None], args: tuple[Any, ...]) -> None:
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode(), 0, 0, 0)
    target(*args)


def outlive_the_terminal() -> None:
    """In a process of the instrument: Ctrl-C, and a terminal that is closed, go to the whole group. Whoever started us
    tells us, and what has begun is brought to its end.
    """
    for name in ("SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


def see_out(say: Callable[[str], None]) -> None:
    """At the very end: wait for processes that have something to finish, and say so where it takes long."""
    for process in multiprocessing.active_children():
        if process.daemon:
            continue
        process.join(_SOON_S)
        if process.is_alive():
            say("the files of the recording are being made, which may take a minute; Ctrl-C leaves that to go on alone")
            process.join()
