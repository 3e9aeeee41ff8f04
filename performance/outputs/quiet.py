"""Driver libraries write to standard error by themselves; what they say there helps no player. Some never return."""

from __future__ import annotations

import faulthandler
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_PATIENCE_S = 12.0


@contextmanager
def patience() -> Iterator[None]:
    """Where a library never returns the process ends, whatever it holds."""
    faulthandler.dump_traceback_later(_PATIENCE_S, exit=True, file=2)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


@contextmanager
def quiet_drivers() -> Iterator[None]:
    """Send what C libraries write to standard error nowhere, meanwhile."""
    try:
        sys.stderr.flush()
        kept = os.dup(2)
    except (OSError, AttributeError):  # there is no standard error
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
