"""The player's own kits: each a small file in a folder, written whenever one is changed."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path

from performance.folders import settings_folder
from rvae.errors import FileError
from rvae.kit import Kit
from rvae.midi import write_text

SUFFIX = ".toml"


def kits_folder() -> Path:
    """Where they lie. It may not exist yet."""
    return settings_folder() / "kits"


class OwnKits:
    """`begun`: the kit that is gone on with, which keeps its file if it has one in the folder.

    No other file there is ever written over: a kit that is new to us is given a name that is free.
    """

    def __init__(self, folder: Path, begun: Kit | None = None) -> None:
        self._folder = folder
        self._names: set[str] = set()
        self._kept = begun
        if begun is not None and begun.name == _as_name(begun.name) and self.file(begun).is_file():
            self._names.add(begun.name)

    def file(self, kit: Kit) -> Path:
        """The file of a kit, by its name."""
        return self._folder / f"{kit.name}{SUFFIX}"

    def named(self, kit: Kit) -> Kit:
        """The kit under the name of its file: its own, or the next that is free."""
        if kit.name in self._names:
            return kit
        base = _as_name(kit.name)
        base = base if base.startswith("my-") else f"my-{base}"
        number = 1
        while (name := base if number == 1 else f"{base}-{number}") in self._names or self._is_taken(name):
            number += 1
        self._names.add(name)
        return replace(kit, name=name)

    def _is_taken(self, name: str) -> bool:
        return (self._folder / f"{name}{SUFFIX}").exists()

    def keep(self, kit: Kit | None) -> None:
        """Write it, where it is another than before. Raises FileError."""
        if kit is None or kit == self._kept:
            return
        self._kept = kit
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            why = error.strerror or error
            raise FileError(f"{self._folder}: cannot be made ({why}); set RVAE_HOME to a folder of yours") from None
        write_text(self.file(kit), kit.to_toml())

    def quoted(self, kit: Kit) -> str:
        """The file of a kit as one writes it in a terminal."""
        return shlex.quote(str(self.file(kit)))


def _as_name(text: str) -> str:
    """Of a kit's name what makes a plain file name."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-")[:40] or "kit"
