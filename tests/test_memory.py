"""What is no longer used goes back to the system."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

import pytest

from performance.memory import give_back_memory


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or not hasattr(ctypes.CDLL(None), "malloc_trim"),
    reason="this C library gives back what it likes",
)
def test_what_lies_free_between_things_that_stay_is_given_back() -> None:
    pieces = [b"x" * 100_000 for _ in range(600)]  # pages of zeros may never have been there
    stays = pieces[::60]
    full_kb = _resident_kb()
    del pieces
    give_back_memory()
    assert full_kb - _resident_kb() > 30_000, "of 60 MB, of which 1 MB stays"
    assert all(piece == b"x" * 100_000 for piece in stays)


def _resident_kb() -> int:
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1])
