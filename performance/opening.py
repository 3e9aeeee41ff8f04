"""Opening: another model or session is read while the music goes on, in a thread, and handed over when it is whole."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from performance.folders import BUNDLED, cache_folder
from performance.recents import remember
from performance.session import SUFFIX, Session, read_session
from rvae.errors import UsageError, what_went_wrong
from rvae.model import Model, load

MODEL_SUFFIX = ".rvae"
_END_S = 2.0


@dataclass(frozen=True, slots=True)
class Opened:
    """A model that has been read. `file`: its own, None where it has none; `session`: what a session kept of it, and
    `kept_in` the session's file, where it was opened by one.
    """

    file: Path | None
    name: str
    model: Model
    session: Session | None = None
    kept_in: Path | None = None


def can_open(file: str) -> bool:
    """Whether a file is, by its name, a model or a session."""
    return Path(file).suffix.lower() in (MODEL_SUFFIX, SUFFIX)


class Opening:
    """Reads one file after the other; of those that were read since the last look, the last counts."""

    def __init__(self) -> None:
        self._asked: SimpleQueue[Callable[[], Path] | None] = SimpleQueue()
        self._found: SimpleQueue[Opened] = SimpleQueue()
        self._news: SimpleQueue[tuple[str, bool]] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def ask(self, where: Callable[[], Path]) -> None:
        """Read a model, or a session and its model. Never waits. `where`: finds the file; may take long, and raise
        RvaeError.
        """
        self._asked.put(where)
        if self._thread is None:
            self._thread = threading.Thread(target=self._read, name="opening", daemon=True)
            self._thread.start()

    def _read(self) -> None:
        while (where := self._asked.get()) is not None and not self._is_closed:
            try:
                self._found.put(read(file := where()))
                remember(file)
            except Exception as error:  # noqa: BLE001  # whatever a file makes go wrong, the next one is read
                self._news.put((f"{what_went_wrong(error)}; the music goes on as it was", True))

    def found(self) -> Opened | None:
        """What has been read since the last time, if anything."""
        found = None
        while not self._found.empty():
            found = self._found.get()
        return found

    def news(self) -> list[tuple[str, bool]]:
        """Lines for the player since the last time, and whether each is a trouble."""
        return [self._news.get() for _ in range(self._news.qsize())]

    def close(self) -> None:
        """Wait a moment for what is being read."""
        self._is_closed = True
        self._asked.put(None)
        if self._thread is not None:
            self._thread.join(_END_S)


def _bundled() -> Path | None:
    """The kept model of the bundled corpora."""
    kept = sorted(cache_folder().glob(f"{BUNDLED}*{MODEL_SUFFIX}"), key=lambda file: file.stat().st_mtime)
    return kept[-1] if kept else None


def read(file: Path) -> Opened:
    """Read a model, or a session and its model. Raises RvaeError."""
    if file.suffix.lower() != SUFFIX:
        return Opened(file.absolute(), file.stem, load(file))
    session, _ = read_session(file)
    own = Path(session.model) if session.model else None if "train" in session.rest else _bundled()
    if own is None:
        raise UsageError(f"{file.name}: its model is no file; open it with rvae play --session '{file}'")
    return Opened(own, own.stem, load(own), session, file.absolute())
