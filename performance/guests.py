"""Guests: clips that were dropped on the window, as points where they belong on the plane. They teach nothing: the
plane stays as it is, and a touch goes to the place that is the most like them.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import numpy as np

from rvae.errors import RvaeError
from rvae.kit import Kit
from rvae.model import Clip, Model

if TYPE_CHECKING:
    from rvae.corpus import Corpus

_END_S = 2.0


class Guests:
    """Reads what is dropped in a thread, so that no file holds up a picture."""

    def __init__(self) -> None:
        self._clips: tuple[Clip, ...] = ()
        self._found: list[tuple[Clip, ...]] = []
        self._news: list[tuple[str, bool]] = []
        self._threads: list[threading.Thread] = []
        self._moves = 0
        self.files: tuple[str, ...] = ()

    def invite(self, file: str, model: Model, kit: Kit) -> None:
        """Read a clip, or a folder or archive of them, by a kit with the model's voices. Never waits."""
        self.files = tuple(dict.fromkeys((*self.files, str(Path(file).absolute()))))
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        self._threads.append(threading.Thread(target=self._read, args=(file, model, kit, self._moves), daemon=True))
        self._threads[-1].start()

    def _read(self, file: str, model: Model, kit: Kit, moves: int) -> None:
        from rvae.corpus import read_corpus  # what reads clips is not needed before there is one

        name = PurePath(file).name
        try:
            corpus = read_corpus(file, bars=model.bars, kit=kit)
            clips, line = placed(corpus, model)
        except (RvaeError, OSError, MemoryError) as error:
            self._news.append((f"{name}: not on the plane: {error}", True))
            return
        if moves == self._moves:  # otherwise they are read again, for another model
            self._found.append(clips)
            self._news.append((f"{name}: {line}", not clips))

    def seat(self, clips: tuple[Clip, ...]) -> None:
        """Show these too."""
        self._found.append(clips)

    def seated(self, model: Model) -> Model:
        """The model with all guests among its clips; itself where they are. Another model keeps them too."""
        found, self._found = self._found, []
        for clips in found:
            self._clips += tuple(clip for clip in clips if clip not in self._clips)
        there = {id(clip) for clip in model.clips}
        new = tuple(clip for clip in self._clips if id(clip) not in there and clip.meter.beats in model.beats)
        return replace(model, clips=(*model.clips, *new)) if new else model

    def move(self, model: Model, kit: Kit, also: Sequence[str] = ()) -> None:
        """Another model is played: all guests, and those of these files, find their places on its planes."""
        files, self._clips, self._found, self.files = (*self.files, *also), (), [], ()
        self._moves += 1
        for file in dict.fromkeys(files):
            self.invite(file, model, kit)

    def news(self) -> list[tuple[str, bool]]:
        """Lines for the player since the last time, and whether each is a trouble."""
        news, self._news = self._news, []
        return news

    def close(self) -> None:
        """Wait a moment for what is being read."""
        for thread in self._threads:
            thread.join(_END_S)


def placed(corpus: Corpus, model: Model) -> tuple[tuple[Clip, ...], str]:
    """The patterns of clips where they belong, and a line on them. Raises RvaeError."""
    known = [pattern for pattern in corpus.patterns if pattern.meter.beats in model.beats]
    strange = sorted({pattern.meter.name for pattern in corpus.patterns if pattern.meter.beats not in model.beats})
    left = f"{', '.join(strange)} has other beats than this model learned" if strange else ""
    if not known:
        return (), f"not on the plane: {left}; train with it: rvae play --train"
    points: Sequence[Sequence[float]] = np.clip(model.encode(known), 0, 1).tolist()
    clips = tuple(
        Clip(
            PurePath(pattern.source).stem,
            PurePath(pattern.source).name,
            pattern.meter,
            (x, y),
            float(pattern.qpm),
            pattern.first_bar,
            corpus.makers_of(pattern.source).people,
            corpus.makers_of(pattern.source).tags,
        )
        for pattern, (x, y) in zip(known, points, strict=True)
    )
    meters = ", ".join(sorted({pattern.meter.name for pattern in known}))
    count = f"{len(clips)} pattern{'' if len(clips) == 1 else 's'}"
    return clips, f"{count} in {meters} on the plane{f'; {left}' if left else ''}"
