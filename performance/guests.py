"""Guests: clips that were dropped on the window, as points where they belong on the plane. They teach nothing: the
plane stays as it is, and a touch goes to the place that is the most like them.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import numpy as np

from rvae.errors import RvaeError
from rvae.kit import Kit
from rvae.model import Clip, Model

if TYPE_CHECKING:
    from rvae.corpus import Corpus

_END_S = 2.0


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one file. `state`: in a word or two; `facts`: what is in it and what of that was kept;
    `done`: what was done to it, or why not; `asked`: what only its maker can tell.
    """

    name: str
    state: str
    facts: tuple[str, ...] = ()
    done: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()


class Guests:
    """Reads what is dropped in a thread, so that no file holds up a picture."""

    def __init__(self) -> None:
        self._clips: tuple[Clip, ...] = ()
        self._found: list[tuple[Clip, ...]] = []
        self._told: list[Told] = []
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
            self._told.append(Told(name, "not taken", done=(str(error),)))
            self._news.append((f"{name}: not on the plane: {error}", True))
            return
        if moves == self._moves:  # otherwise they are read again, for another model
            self._found.append(clips)
            self._told += _told(corpus, model)
            self._news.append((f"{name}: {line}; Shift+F9 tells of each file", not clips))

    def told(self) -> Sequence[Told]:
        """What became of each file that was dropped so far, oldest first."""
        return self._told

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
        files, self._clips, self._found, self._told, self.files = (*self.files, *also), (), [], [], ()
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


def _told(corpus: Corpus, model: Model) -> list[Told]:
    """Of each file in its words, what cannot be learned from included."""
    from rvae.findings import find
    from rvae.wording import done, facts, is_question

    looked = find(corpus, twins=False)
    found = []
    for clip in corpus.report.clips:
        beats = {meter.beats for meter in clip.meters}
        is_kept = bool(clip.patterns) and not beats.isdisjoint(model.beats)
        asked = [
            f"says {doubt.label.label}, perhaps {doubt.proposed.label}: {doubt.why}"
            for doubt in looked.doubts
            if doubt.file == clip.file
        ]
        if clip.estimate is not None and is_question(clip):
            asked.append(f"read in 4/4; perhaps {clip.estimate.meter.label}, or {clip.estimate.other.label}")
        if asked:
            asked.append("say its meter: rvae card FOLDER --clip NAME --meter M")
        if clip.unmapped and looked.kits:
            asked.append(f"another kit reads more of it: {', '.join(kit.name for kit in looked.kits)}")
        foreign = sorted({meter.label for meter in clip.meters if meter.beats not in model.beats})
        other = [f"{', '.join(foreign)}: other beats than this model learned"] if foreign else []
        state = "a question" if asked else "on the plane" if is_kept else "not taken"
        words = (tuple(facts(clip)), (*done(clip), *other), tuple(asked))
        found.append(Told(PurePath(clip.file).name, state, *words))
    gone = (Told(PurePath(one.file).name, "not taken", done=(one.reason,)) for one in corpus.report.unreadable)
    return [*found, *gone]


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
