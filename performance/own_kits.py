"""The player's own kits: each a small file in a folder, written whenever one is changed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from performance.folders import settings_folder
from rvae.errors import FileError, KitError, UsageError
from rvae.kit import Kit
from rvae.kitfile import find_kit, kit_names
from rvae.midi import write_text

SUFFIX = ".toml"


def kits_folder() -> Path:
    """Where they lie. It may not exist yet."""
    return settings_folder() / "kits"


def with_files(words: Sequence[str]) -> list[str]:
    """The words of a command, with the file for a kit of the player's own that `--kit` names, as the window does."""
    found: list[str] = []
    for word in words:
        option, sign, name = word.partition("=")
        if found and found[-1] == "--kit":
            found.append(_file_of(word))
        else:
            found.append(f"{option}{sign}{_file_of(name)}" if option == "--kit" and sign else word)
    return found


def _file_of(name: str) -> str:
    file = kits_folder() / f"{name.removesuffix(SUFFIX)}{SUFFIX}"
    try:
        is_own = Path(name).name == name and name not in kit_names() and not Path(name).exists() and file.is_file()
    except OSError:  # longer than a file's name may be: whoever looks for it says so
        return name
    return str(file) if is_own else name


def kit_asked(name: str, own: Kit, say: Callable[[str], None]) -> Kit:
    """The kit of `--kit`, for a model that learned by `own`. Raises UsageError where they have nothing in common."""
    kit = find_kit(name)
    strange = [voice for voice in kit.names if voice not in own.names]
    if len(strange) == len(kit):
        raise UsageError(
            f"--kit {name}: none of its voices is one of this model ({', '.join(own.names)}); to learn by it: "
            f"rvae train CLIPS --kit {name}"
        )
    if strange:
        say(f"--kit {name}: {', '.join(strange)} came too late for this model; the next training learns them")
    return kit


class OwnKits:
    """No file that holds another kit is ever written over: a kit whose file is there goes on in it, and one that is
    new to us is given a name that is free when it is first changed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names: set[str] = set()
        self._ours: set[Kit] = set()  # what has been in the files of these names
        self._kept: Kit | None = None

    def file(self, kit: Kit) -> Path:
        """The file of a kit, by its name."""
        return self._folder / f"{kit.name}{SUFFIX}"

    def at_hand(self) -> tuple[Kit, ...]:
        """Those that come with rvae, and those that lie here and can be read."""
        found = [find_kit(name) for name in kit_names()]
        for file in sorted(self._folder.glob(f"*{SUFFIX}")):
            with suppress(KitError):
                found.append(replace(find_kit(str(file)), name=file.stem))
        return tuple(found)

    def named(self, kit: Kit) -> Kit:
        """A changed kit under the name of its file: its own, or the next that is free. One that comes with rvae needs
        none.
        """
        if kit.name in kit_names() and find_kit(kit.name) == kit:
            return kit
        if kit.name in self._names:
            self._ours.add(kit)
            return kit
        base = _as_name(kit.name)
        base = base if base.startswith("my-") else f"my-{base}"
        number = 1
        while (name := base if number == 1 else f"{base}-{number}") in self._names or self._is_taken(name):
            number += 1
        self._names.add(name)
        self._ours.add(named := replace(kit, name=name))
        return named

    def _is_taken(self, name: str) -> bool:
        return (self._folder / f"{name}{SUFFIX}").exists()

    def keep(self, kit: Kit | None) -> None:
        """Write it, where it is another than before; one that came from elsewhere (a session, a file) lies there.

        Raises FileError.
        """
        if kit is None or kit == self._kept:
            return
        self._kept = kit
        if kit not in self._ours:
            self._names.discard(kit.name)  # another of that name: what is made of it begins a file of its own
            if kit.name == _as_name(kit.name) and self._holds(kit):
                self._names.add(kit.name)
                self._ours.add(kit)
            return
        self._names.add(kit.name)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            why = error.strerror or error
            raise FileError(f"{self._folder}: cannot be made ({why}); set RVAE_HOME to a folder of yours") from None
        write_text(self.file(kit), kit.to_toml())

    def _holds(self, kit: Kit) -> bool:
        """Whether its file is there, and holds this very kit."""
        try:
            return self.file(kit).is_file() and find_kit(str(self.file(kit))) == kit
        except KitError:
            return False

    def has(self, kit: Kit) -> bool:
        """Whether the kit lies in a file here."""
        return kit.name in self._names

    def quoted(self, kit: Kit) -> str:
        """The file of a kit as one writes it in a terminal."""
        return shlex.quote(str(self.file(kit)))


def _as_name(text: str) -> str:
    """Of a kit's name what makes a plain file name."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-")[:40] or "kit"
