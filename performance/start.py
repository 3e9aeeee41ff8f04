"""Where the command `rvae` begins: what must be settled before numpy is loaded, then `performance.cli`."""

from __future__ import annotations

import os
import signal
import sys


def main() -> int:
    """Run one command; the exit code."""
    # A place of the plane is decoded by matrices so small that OpenBLAS's threads only wait for one another, spinning:
    # with two cores busy the window drew 9 frames a second with them and 43 without. Read when numpy is imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from performance.cli import main as run

    code = run()
    # All is closed; what is still written is another process's: a signal ends the wait for it, without a traceback.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    if "multiprocessing" in sys.modules:
        from performance.cli import say
        from performance.forking import see_out

        see_out(say)
    return code
