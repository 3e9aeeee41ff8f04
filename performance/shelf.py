"""The shelf: the models and sessions at hand, as a panel. It is looked through in a thread while the panel is open."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from performance.commands import OpenModel
from performance.folders import BUNDLED, cache_folder
from performance.opening import MODEL_SUFFIX
from performance.panel import Row
from performance.recents import recent_files
from performance.session import SUFFIX, read_session
from performance.snapshot import Snapshot
from rvae.errors import RvaeError, UsageError
from rvae.meter import Meter
from rvae.modelfile import read_header

_LOOK_S = 2.0
_MOST = 200
_MOST_NAMES = 8
_MOST_METERS = 5


@dataclass(frozen=True, slots=True)
class Volume:
    """A file on the shelf. `about`: what is in it, or why it cannot be read."""

    file: Path
    about: str
    is_readable: bool
    stamp: tuple[int, int]


class Shelf:
    """See `panels.Source`. `played`: the file of what is played, empty where it is none; whoever opens one sets it."""

    title = "Models"
    hint = "Return, or a click: played from the next bar on  ·  Page up, page down  ·  F7 closes"

    def __init__(self, played: str = "") -> None:
        self.played = played
        self._volumes: tuple[Volume, ...] = ()
        self._end: threading.Event | None = None

    def opened(self) -> None:
        """Begin to look."""
        self._end = threading.Event()
        threading.Thread(target=self._look, args=(self._end,), name="shelf", daemon=True).start()

    def closed(self) -> None:
        """Look no longer."""
        if self._end is not None:
            self._end.set()
            self._end = None

    def rows(self, snapshot: Snapshot) -> tuple[Row, ...]:
        """A row for each file; what is played first, also where it is no file."""
        rows = [_row(volume, self.played) for volume in self._volumes]
        if not any(row.is_on for row in rows):
            rows.insert(0, Row(" ", snapshot.model_name, "not a file of its own", "played", is_on=True))
        return tuple(rows)

    def file_of(self, name: str) -> Path:
        """The first file in the list that has this name, with its suffix or without. Looks through folders. Raises
        UsageError with the names there are.
        """
        files = list(dict.fromkeys(self._files()))
        wanted = name.strip().lower()
        for file in files:
            if wanted in (_name(file).lower(), file.name.lower()):
                return file
        names = list(dict.fromkeys(map(_name, files)))
        there = ", ".join(names[:_MOST_NAMES]) + (", ..." if len(names) > _MOST_NAMES else "")
        raise UsageError(f"no model or session '{name}' at hand; there are {there or 'none'}; f7 lists them")

    def _look(self, end: threading.Event) -> None:
        while True:
            self._volumes = tuple(self._found())
            if end.wait(_LOOK_S):
                return

    def _found(self) -> Iterator[Volume]:
        known = {volume.file: volume for volume in self._volumes}
        for file in list(dict.fromkeys(self._files()))[:_MOST]:
            try:
                status = file.stat()
            except OSError:
                continue  # it has gone
            stamp = (status.st_mtime_ns, status.st_size)
            before = known.get(file)
            yield before if before is not None and before.stamp == stamp else _volume(file, stamp)

    def _files(self) -> Iterator[Path]:
        """The folder of what is played, the current one, what was opened lately with the folders it lies in, and what
        came with rvae. A file stays in its place when it is opened.
        """
        recent = recent_files()
        own = [Path(self.played)] if self.played else []
        for folder in dict.fromkeys((*(file.parent for file in own), Path.cwd())):
            yield from sorted(_inside(folder, MODEL_SUFFIX, SUFFIX))
        yield from sorted((*own, *recent))
        for folder in sorted({file.parent for file in recent}):
            yield from sorted(_inside(folder, MODEL_SUFFIX))
        yield from sorted(_inside(cache_folder(), MODEL_SUFFIX))


def _inside(folder: Path, *suffixes: str) -> list[Path]:
    try:
        return [file for file in folder.absolute().iterdir() if file.suffix.lower() in suffixes]
    except OSError:
        return []


def _volume(file: Path, stamp: tuple[int, int]) -> Volume:
    try:
        return Volume(file, _about(file), True, stamp)
    except (RvaeError, OSError, KeyError, TypeError, ValueError) as error:
        why = str(error).removeprefix(f"{file}: ") if isinstance(error, RvaeError) else "not a whole rvae model"
        return Volume(file, why, False, stamp)


def _about(file: Path) -> str:
    """What is in a file, in a few words. Raises RvaeError, KeyError, TypeError or ValueError for what is none."""
    if file.suffix.lower() == SUFFIX:
        session, _ = read_session(file)
        name = Path(session.model).stem if session.model else "clips"
        return f"session with {name}, {session.settings.meter.label}, {len(session.settings.scenes)} scenes"
    header = read_header(file)
    meters = [Meter.parse(name).label for name in header["meters"]]
    shown = ", ".join(meters[:_MOST_METERS]) + (", ..." if len(meters) > _MOST_METERS else "")
    voices, clips = str(header["kit"]).count("[[voice]]"), len(header["clips"])
    return f"{shown}  ·  {voices} voices  ·  {clips} patterns"


def _row(volume: Volume, played: str) -> Row:
    is_on = bool(played) and volume.file == Path(played)
    where = "" if _is_bundled(volume.file) else f"  ·  {_short(volume.file.parent)}"
    state = "played" if is_on else "" if volume.is_readable else "cannot be read"
    return Row(
        str(volume.file),
        _name(volume.file),
        f"{volume.about}{where}" if volume.is_readable else volume.about,
        state,
        is_on,
        () if is_on or not volume.is_readable else (OpenModel(str(volume.file)),),
    )


def _is_bundled(file: Path) -> bool:
    return file.parent == cache_folder() and file.name.startswith(BUNDLED)


def _name(file: Path) -> str:
    """What a file is called in the list."""
    return "bundled corpora" if _is_bundled(file) else file.stem


def _short(folder: Path) -> str:
    """A folder as one reads it: from the current one, or from home, where it lies within."""
    for base, name in ((Path.cwd(), "here"), (Path.home(), "~")):
        if folder.is_relative_to(base):
            inner = folder.relative_to(base)
            return name if inner == Path() else f"{name}/{inner.as_posix()}"
    return str(folder)
