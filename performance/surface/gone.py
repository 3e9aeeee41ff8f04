"""When the screen goes away the music goes on: with no window, told what to do over OSC and MIDI, until Ctrl-C.

The library of X ends a process that has lost its server and never comes back from the call that noticed. So the rest of
the performance is played from within that call. It ends one of whose requests the server has refused, too: that of an
answer to a file manager that has crashed with a drag over the window, for instance. That is told of instead.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import ClassVar

from performance.forking import see_out
from performance.links import StageLike
from performance.surface.x11 import x11
from performance.telling import ENGINE_GONE, Teller

FRAME_S = 1 / 60
INTERRUPTED = 130
_GONE = "the screen is gone, and the window with it; the music goes on: OSC and MIDI are heard, Ctrl-C quits"


class _Refused(ctypes.Structure):
    """`XErrorEvent`: a request that the server did not do."""

    _fields_: ClassVar = [
        ("type", ctypes.c_int),
        ("display", ctypes.c_void_p),
        ("resource", ctypes.c_ulong),
        ("serial", ctypes.c_ulong),
        ("error", ctypes.c_ubyte),
        ("request", ctypes.c_ubyte),
        ("minor", ctypes.c_ubyte),
    ]


@contextmanager
def outliving_the_screen(stage: StageLike) -> Iterator[None]:
    """Meanwhile, where an X server goes away, `play_on`; the process ends when that has ended. What the server refuses
    is told of, once for each kind. To be entered before the screen is opened: SDL passes on to what it finds.
    """
    library = x11()
    if library is None:
        yield
        return
    for setter in (library.XSetIOErrorHandler, library.XSetErrorHandler):
        setter.argtypes, setter.restype = [ctypes.c_void_p], ctypes.c_void_p

    def lost(_display: int | None) -> int:
        code = play_on(stage)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        see_out(say_if_heard)
        os._exit(code)  # to unwind through what holds the lost screen would end in the library again

    kinds: set[tuple[int, int]] = set()

    def refused(_display: int | None, at: int) -> int:
        what = _Refused.from_address(at)
        if (kind := (what.error, what.request)) not in kinds:
            kinds.add(kind)
            stage.say(f"the screen refused a request (X error {kind[0]} of request {kind[1]}); the music goes on")
        return 0

    on_loss = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(lost)
    on_refusal = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(refused)
    before_loss = library.XSetIOErrorHandler(ctypes.cast(on_loss, ctypes.c_void_p))
    before_refusal = library.XSetErrorHandler(ctypes.cast(on_refusal, ctypes.c_void_p))
    try:
        yield
    finally:
        library.XSetErrorHandler(before_refusal)
        library.XSetIOErrorHandler(before_loss)


def play_on(stage: StageLike, say: Callable[[str], None] | None = None) -> int:
    """Play with no window until told to end, or until the engine has ended; the exit code. The stage is closed."""
    tell = say or say_if_heard
    try:
        now = stage.tick()
        if now.engine_lives:
            tell(_GONE)
        known = max((message.number for message in now.messages), default=0)
        lines = Teller(lambda message: tell(message.text), known)
        while (snapshot := stage.tick()).engine_lives:
            lines.hear(snapshot.messages)
            time.sleep(FRAME_S)
        lines.hear(snapshot.messages)
    except KeyboardInterrupt:
        return INTERRUPTED
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else ENGINE_GONE
    finally:
        stage.close()
    return ENGINE_GONE


def say_if_heard(text: str) -> None:
    """A line for the terminal, where there still is one."""
    with suppress(OSError, ValueError):  # the terminal may have been on that screen
        print(text, file=sys.stderr, flush=True)  # noqa: T201  # the line is the product
