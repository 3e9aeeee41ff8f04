"""Learning while playing: a training in a process of its own, and the models it makes, handed over when they are whole.

The plane opens with a sketch; when the training has ended its model takes the sketch's place. Clips keep their places.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from rvae.kit import STANDARD_KIT
from rvae.kitfile import find_kit
from rvae.model import Model, load

_END_S = 5.0
_LOOK_S = 0.5


class Learning:
    """A training that runs beside the stage. `sketched`: the model to begin with."""

    def __init__(self, paths: Sequence[str], sketched: Model, kit: str | None = None) -> None:
        self.sketched = sketched
        self._folder = tempfile.TemporaryDirectory(prefix="rvae-", ignore_cleanup_errors=True)
        self._file = Path(self._folder.name) / "learned.rvae"
        self._words = Path(self._folder.name) / "words.txt"
        command = [sys.executable, "-m", "rvae", "train", *paths, "-o", str(self._file), "--json"]
        command += [] if kit is None else ["--kit", kit]
        with self._words.open("wb") as words:
            # Ctrl-C at the terminal is for the player; the training is ended by `close`.
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=words, start_new_session=True
            )
        self._said, self._look_again_s = "", 0.0
        self._closed = False
        self._loader: threading.Thread | None = None
        self._found: list[Model | str] = []

    @classmethod
    def of(cls, paths: Sequence[str], kit: str | None = None) -> Self:
        """Read clips, sketch their plane and begin to train; `kit`: as `--kit` names it. Raises RvaeError where there
        is nothing to learn.
        """
        from rvae.corpus import read_corpus  # as scipy: playing a model does without
        from rvae.sketch import sketch

        known = STANDARD_KIT if kit is None else find_kit(kit)
        return cls(paths, sketch(read_corpus(paths, kit=known)), kit)

    @property
    def progress(self) -> str:
        """The last the training said, as a line; empty only when it is over. Looked up twice a second at most."""
        if self._loader is not None:
            return ""
        if time.monotonic() >= self._look_again_s:
            self._look_again_s = time.monotonic() + _LOOK_S
            self._said = self._last_words() or "begins"  # to read many clips takes a while
        return self._said

    def _last_words(self) -> str:
        try:
            lines = self._words.read_text(encoding="utf-8", errors="replace").split("\n")
        except OSError:  # somebody tidied up
            return ""
        return next((line for line in reversed(lines) if line.strip()), "")

    def poll(self) -> Model | str | None:
        """A model that has just become whole, a line that says why there is none, or None. Never waits."""
        if self._loader is None and not self._closed and self._process.poll() is not None:
            # Reading a model takes a few frames: not on the window's time.
            self._loader = threading.Thread(target=self._load, daemon=True)
            self._loader.start()
        return self._found.pop() if self._found else None

    def _load(self) -> None:
        try:
            self._found.append(load(self._file))
        except Exception:  # noqa: BLE001  # whatever a file makes go wrong, the player waits for a line
            self._found.append(f"the training ended without a model: {self._last_words() or 'it said nothing'}")

    def close(self) -> None:
        """End the training, if it is not over. May be called twice."""
        self._closed = True
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_END_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._loader is not None:
            self._loader.join(_END_S)
        self._folder.cleanup()
