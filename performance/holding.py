"""Holding: of several rvaes that are open, one keeps its session in a file."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from performance.folders import settings_folder

if TYPE_CHECKING:
    from filelock import BaseFileLock


def said_of(file: Path, own: Path) -> str:
    """For the player, where a file is another's and the session is kept in `own`."""
    return f"{file}: another rvae that is open keeps its session there; nothing is written to it, {own} keeps this one"


class Holds:
    """The session files that this rvae keeps; what says so lies in the settings' folder, not beside the files."""

    def __init__(self) -> None:
        self._held: dict[str, BaseFileLock] = {}

    def take(self, file: Path) -> bool:
        """Hold a file; whether no other rvae has it. Where nothing can be held, nobody is kept from it."""
        from filelock import FileLock, Timeout  # many of those who play have no session with a name

        name = os.path.realpath(file)
        if name in self._held:
            return True
        folder = settings_folder() / "held"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(folder / f"{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}.lock")
            lock.acquire(blocking=False)
        except Timeout:
            return False
        except (OSError, NotImplementedError):
            return True
        self._held[name] = lock
        return True

    def let_go(self, file: Path) -> None:
        """Leave a file to others, where it is held."""
        lock = self._held.pop(os.path.realpath(file), None)
        if lock is not None:
            lock.release()

    def close(self) -> None:
        """Leave all to others. May be called twice."""
        for name in list(self._held):
            self.let_go(Path(name))
