"""Recents: the models and sessions that were opened last, kept by name in the settings' folder."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from performance.folders import settings_folder
from rvae.errors import FileError
from rvae.midi import write_whole

_MOST = 20


def _file() -> Path:
    return settings_folder() / "recent.json"


def recent_files() -> tuple[Path, ...]:
    """The last first; empty where nothing is kept, or what is kept makes no sense: it is only a convenience."""
    try:
        found = json.loads(_file().read_bytes())
    except (OSError, ValueError, RecursionError):
        return ()
    names = found if isinstance(found, list) else []
    return tuple(Path(name) for name in names if isinstance(name, str) and name)[:_MOST]


def remember(opened: Path) -> None:
    """Put a file first. Where that cannot be written nothing is lost that matters."""
    with suppress(OSError, FileError, UnicodeError):
        own = opened.absolute()
        names = [str(own), *(str(name) for name in recent_files() if name != own)][:_MOST]
        data = f"{json.dumps(names, indent=1, ensure_ascii=False)}\n".encode()

        def write(out: BinaryIO) -> None:
            out.write(data)

        _file().parent.mkdir(parents=True, exist_ok=True)
        write_whole(_file(), write)
