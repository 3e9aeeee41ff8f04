"""The shelf: the models and sessions at hand, as a panel. It is looked through in a thread while the panel is open."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from performance.commands import OpenModel
from performance.folders import BUNDLED, cache_folder
from performance.opening import MODEL_SUFFIX
from performance.panel import Row
from performance.recents import recent_files
from performance.session import SUFFIX, read_session
from performance.snapshot import Snapshot
from rvae.counts import several
from rvae.errors import RvaeError, UsageError
from rvae.meter import Meter
from rvae.modelfile import read_header

_LOOK_S = 2.0
_MOST = 200
_MOST_NAMES = 8
_MOST_METERS = 4


@dataclass(frozen=True, slots=True)
class Volume:
    """A file on the shelf. `name`: what it is called; `about`: what is in it and where it lies, or why it is not read.

    All that is shown of it is found out here once, in the thread: the list is drawn with every frame.
    """

    file: Path
    name: str
    about: str
    is_readable: bool
    stamp: tuple[int, int]


class Shelf:
    """See `panels.Source`. `played`: the file of what is played, empty where it is none; whoever opens one sets it."""

    title = "Models"
    hint = "Return or a click: from the next bar on  ·  Page up, down  ·  F7 closes"

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
        played = Path(self.played) if self.played else None
        rows = [_row(volume, played) for volume in self._volumes]
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
            except (OSError, ValueError):
                continue  # it has gone, or is no name of a file
            stamp = (status.st_mtime_ns, status.st_size)
            before = known.get(file)
            yield before if before is not None and before.stamp == stamp else _volume(file, stamp)

    def _files(self) -> Iterator[Path]:
        """The folder of what is played, the current one, what was opened lately with the folders it lies in, and what
        came with rvae. A file stays in its place when it is opened.
        """
        recent = recent_files()
        own = [Path(self.played)] if self.played else []
        for folder in dict.fromkeys((*(file.parent for file in own), *_here())):
            yield from sorted(_inside(folder, MODEL_SUFFIX, SUFFIX))
        yield from sorted((*own, *recent))
        for folder in sorted({file.parent for file in recent}):
            yield from sorted(_inside(folder, MODEL_SUFFIX))
        yield from sorted(_inside(cache_folder(), MODEL_SUFFIX))


def _here() -> tuple[Path, ...]:
    """The current folder; none where it was removed, or its disk unplugged."""
    try:
        return (Path.cwd(),)
    except OSError:
        return ()


def _inside(folder: Path, *suffixes: str) -> list[Path]:
    try:
        return [file for file in folder.absolute().iterdir() if file.suffix.lower() in suffixes]
    except OSError:
        return []


def _volume(file: Path, stamp: tuple[int, int]) -> Volume:
    name = _name(file)
    try:
        where = "" if _is_bundled(file) else f"  ·  {_short(file.parent)}"
        return Volume(file, name, f"{_about(file)}{where}", True, stamp)
    except Exception as error:  # noqa: BLE001  # a file may hold anything, and the others are to be listed
        why = str(error).removeprefix(f"{file}: ") if isinstance(error, RvaeError) else "not a whole rvae model"
        return Volume(file, name, why, False, stamp)


def _about(file: Path) -> str:
    """What is in a file, in a few words. Raises RvaeError, or anything else, for what is none."""
    if file.suffix.lower() == SUFFIX:
        session, _ = read_session(file)
        name = Path(session.model).stem if session.model else "clips"
        return f"session with {name}, {session.settings.meter.label}, {several(len(session.settings.scenes), 'scene')}"
    header = read_header(file)
    patterns = Counter(clip["meter"] for clip in header["clips"])
    names = sorted(header["meters"], key=lambda name: -patterns[name])  # those of most patterns first
    meters = [Meter.parse(name).label for name in names]
    if more := len(meters) - _MOST_METERS if len(meters) > _MOST_METERS + 1 else 0:
        meters = [*meters[:_MOST_METERS], f"{more} more"]
    voices = str(header["kit"]).count("[[voice]]")
    return f"{several(patterns.total(), 'pattern')}  ·  {', '.join(meters)}  ·  {several(voices, 'voice')}"


def _row(volume: Volume, played: Path | None) -> Row:
    is_on = volume.file == played
    state = "played" if is_on else "" if volume.is_readable else "cannot be read"
    asked = () if is_on or not volume.is_readable else (OpenModel(str(volume.file)),)
    return Row(str(volume.file), volume.name, volume.about, state, is_on, asked)


def _is_bundled(file: Path) -> bool:
    return file.parent == cache_folder() and file.name.startswith(BUNDLED)


def _name(file: Path) -> str:
    """What a file is called in the list."""
    return "bundled corpora" if _is_bundled(file) else file.stem


def _short(folder: Path) -> str:
    """A folder as one reads it: from the current one, or from home, where it lies within."""
    bases = [(here, "here") for here in _here()]
    with suppress(RuntimeError):  # nobody's home
        bases.append((Path.home(), "~"))
    for base, name in bases:
        if folder.is_relative_to(base):
            inner = folder.relative_to(base)
            return name if inner == Path() else f"{name}/{inner.as_posix()}"
    return str(folder)
