"""What a process can ask of the system so that it is woken in time. Each part is taken where it is allowed, and told
of.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import sys
import threading
from collections.abc import Callable

PRIORITY = 60
"""The beat's."""

SOUND_PRIORITY = 55
ASIDE_PRIORITY = 10
_MCL_CURRENT_AND_FUTURE = 3
# What is used stays, without all that is only set aside being filled first: that took a sound library's start a third
# of a second longer, and 200 MB. Linux has it since 4.4.
_MCL_ON_FAULT = 4
_PR_SET_TIMERSLACK = 29


def take_realtime(priority: int = PRIORITY) -> str:
    """Ask for real-time priority and locked memory, and `hold_still`.

    Returns a line that says what was got and, where something was refused, how to allow it. Call it before any thread
    is started: threads inherit the priority.
    """
    hold_still()
    if not sys.platform.startswith("linux"):
        return "normal priority (real-time priority is taken on Linux only)"
    taken = (("real-time priority", _take_priority(priority)), ("locked memory", _lock_memory()))
    got = [name for name, is_taken in taken if is_taken]
    if len(got) == 2:
        return " and ".join(got)
    return f"{got[0] if got else 'normal priority'} only; for more, let the user have rtprio and memlock (group audio)"


def hold_still() -> None:
    """What any process may do to be in time: exact timers, and no garbage collector that comes when it likes."""
    gc.collect()
    gc.freeze()
    gc.disable()  # the engine makes no cycles; its loop collects while stopped
    _sharpen_timers()


def give_back_realtime() -> None:
    """Go on at normal priority: this thread, and those that it starts."""
    with contextlib.suppress(OSError, AttributeError):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def _take_priority(priority: int) -> bool:
    try:
        # Threads of sound and MIDI drivers that are started later choose their own.
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
    except (OSError, AttributeError):
        return False
    return True


def _lock_memory() -> bool:
    try:
        lock = ctypes.CDLL(None).mlockall
        return any(lock(_MCL_CURRENT_AND_FUTURE | how) == 0 for how in (_MCL_ON_FAULT, 0))
    except (OSError, AttributeError):
        return False


def _sharpen_timers() -> None:
    if not sys.platform.startswith("linux"):
        return
    try:
        ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
    except (OSError, AttributeError):
        return


def run_aside(work: Callable[[], None]) -> None:
    """Do something that may take long on a thread that gives way to the beat and ends with the process at the latest.

    Where the beat has real-time priority the thread has some too, a lower one: at normal priority a busy machine would
    let it wait while it holds the interpreter, and the beat with it.
    """

    def run() -> None:
        with contextlib.suppress(OSError, AttributeError):
            if os.sched_getscheduler(0) == os.SCHED_FIFO:  # inherited
                os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(ASIDE_PRIORITY))
        work()

    threading.Thread(target=run, name="aside", daemon=True).start()


class AwakeProcessor:
    """Keeps the processor from deep sleep, from which it wakes late, while it is held. Linux, where allowed."""

    def __init__(self) -> None:
        self._file: int | None = None
        try:
            self._file = os.open("/dev/cpu_dma_latency", os.O_WRONLY)
            os.write(self._file, (0).to_bytes(4, sys.byteorder))
        except OSError:
            self.close()

    @property
    def is_held(self) -> bool:
        """Whether the system allowed it."""
        return self._file is not None

    def close(self) -> None:
        """Let it sleep again."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
