"""Memory that is free, given back to the system.

glibc keeps what is freed between two things that stay. Models and planes are megabytes that come and go, and an hour of
them had a window keep half as much again as it used.
"""

from __future__ import annotations

import ctypes
import sys


def give_back_memory() -> None:
    """Give back whole pages that are free, where the system's C library can; takes some milliseconds."""
    if not sys.platform.startswith("linux"):
        return
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError):  # a C library that has no such thing
        return
