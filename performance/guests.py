"""Guests: clips that were dropped on the window, as points where they belong on the plane. They teach nothing: the
plane stays as it is, and a touch goes to the place that is the most like them.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from queue import SimpleQueue
from typing import TYPE_CHECKING

import numpy as np

from rvae.counts import several
from rvae.errors import what_went_wrong
from rvae.kit import Kit
from rvae.model import Clip, Model

if TYPE_CHECKING:
    from rvae.corpus import Corpus

_END_S = 2.0
_TEXT_LETTERS = 40
_TROUBLES_TOLD = 3  # of many: the rest is in the panel


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


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What came of one that was read, for the model that was played after so many moves."""

    moves: int
    clips: tuple[Clip, ...]
    told: tuple[Told, ...]
    line: str
    is_error: bool


@dataclass(slots=True)
class _Batch:
    """What was dropped together: one file has a line, many have one that counts them, beside the first troubles."""

    files: int = 0
    patterns: int = 0
    troubles: int = 0

    def told(self, outcome: _Outcome, *, left: int) -> list[tuple[str, bool]]:
        """The lines on one more of them. `left`: how many still wait."""
        self.files += 1
        self.patterns += len(outcome.clips)
        self.troubles += outcome.is_error
        is_told = (not left and self.files == 1) or (outcome.is_error and self.troubles <= _TROUBLES_TOLD)
        lines = [(outcome.line, outcome.is_error)] if is_told else []
        if left and self.files == 1:
            lines.append((f"reading what was dropped, {left} more: they are on the plane as they are read", False))
        if not left and self.files > 1:
            count = f"{several(self.patterns, 'pattern')} on the plane"
            gone = f", {self.troubles} not taken" if self.troubles else ""
            lines.append((f"{self.files} dropped: {count}{gone}; Shift+F9 tells of each file", self.troubles > 0))
        return lines


class Guests:
    """Reads what is dropped in a thread, one after the other, so that no file holds up a picture."""

    def __init__(self) -> None:
        self._clips: tuple[Clip, ...] = ()
        self._told: list[Told] = []
        self._news: list[tuple[str, bool]] = []
        self._asked: SimpleQueue[tuple[str, Model, Kit, int] | None] = SimpleQueue()
        self._outcomes: SimpleQueue[_Outcome] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self._moves = 0
        self._awaited, self._batch = 0, _Batch()
        self.files: tuple[str, ...] = ()

    def invite(self, file: str, model: Model, kit: Kit) -> None:
        """Read a clip, or a folder or archive of them, by a kit with the model's voices. Never waits."""
        self.files = tuple(dict.fromkeys((*self.files, str(Path(file).absolute()))))
        if not self._awaited:
            self._batch = _Batch()
        self._awaited += 1
        self._asked.put((file, model, kit, self._moves))
        if self._thread is None:
            self._thread = threading.Thread(target=self._read, name="guests", daemon=True)
            self._thread.start()

    def _read(self) -> None:
        while (asked := self._asked.get()) is not None and not self._is_closed:
            file, model, kit, moves = asked
            if moves != self._moves:
                continue  # it is read again, for another model
            try:
                outcome = _outcome(file, model, kit, moves)
            except Exception as error:  # noqa: BLE001  # whatever a file makes go wrong, the next one is read
                name, why = PurePath(file).name, what_went_wrong(error).replace(f"{Path(file)}: ", "")
                told = Told(name, "not taken", done=(why,))
                outcome = _Outcome(moves, (), (told,), f"{name}: not on the plane: {why}", True)
            self._outcomes.put(outcome)

    def _come_out(self) -> None:
        while not self._outcomes.empty():
            outcome = self._outcomes.get()
            if outcome.moves == self._moves:
                self.seat(outcome.clips)
                self._told += outcome.told
                self._awaited -= 1
                self._news += self._batch.told(outcome, left=self._awaited)

    def told(self) -> Sequence[Told]:
        """What became of each file that was dropped so far, oldest first."""
        return self._told

    def seat(self, clips: tuple[Clip, ...]) -> None:
        """Show these too."""
        self._clips += tuple(clip for clip in clips if clip not in self._clips)

    def seated(self, model: Model) -> Model:
        """The model with all guests among its clips; itself where they are. Another model keeps them too."""
        self._come_out()
        there = {id(clip) for clip in model.clips}
        new = tuple(clip for clip in self._clips if id(clip) not in there and clip.meter.beats in model.beats)
        return replace(model, clips=(*model.clips, *new)) if new else model

    def move(self, model: Model, kit: Kit, also: Sequence[str] = ()) -> None:
        """Another model is played: all guests, and those of these files, find their places on its planes."""
        files, self._clips, self._told, self.files = (*self.files, *also), (), [], ()
        self._moves += 1
        self._awaited = 0
        for file in dict.fromkeys(files):
            self.invite(file, model, kit)

    def news(self) -> list[tuple[str, bool]]:
        """Lines for the player since the last time, and whether each is a trouble."""
        self._come_out()
        news, self._news = self._news, []
        return news

    def close(self) -> None:
        """Wait a moment for what is being read. May be called twice."""
        self._is_closed = True
        self._asked.put(None)
        if self._thread is not None:
            self._thread.join(_END_S)


def no_file(text: str) -> str:
    """A line on something that was dropped and is no file; `text`: how it begins, where it is text."""
    begun = text if len(text) <= _TEXT_LETTERS else f"{text[:_TEXT_LETTERS]}..."
    what = f"text was dropped, not a file ({begun})" if text else "nothing that was dropped is a file on this computer"
    return f"{what}: drop clips, or a folder or zip of them, from a folder on this computer"


def _outcome(file: str, model: Model, kit: Kit, moves: int) -> _Outcome:
    from rvae.corpus import read_corpus  # what reads clips is not needed before there is one

    corpus = read_corpus(file, bars=model.bars, kit=kit)
    clips, line = placed(corpus, model)
    gone = corpus.report.files - len(corpus.clips)
    line += f"; {gone} of {several(corpus.report.files, 'file')} not taken" if gone else ""
    line = f"{PurePath(file).name}: {line}; Shift+F9 tells of each file"
    return _Outcome(moves, clips, tuple(_told(corpus, model)), line, not clips)


def _told(corpus: Corpus, model: Model) -> list[Told]:
    """Of each file in its words, what cannot be learned from included."""
    from rvae.findings import find
    from rvae.wording import done, facts, is_question, is_tempo_question

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
        if clip.tempo is not None and is_tempo_question(clip):
            or_else = "" if clip.tempo.other_bpm is None else f", or {clip.tempo.other_bpm:.0f}"
            asked.append(f"played freely: perhaps {clip.tempo.bpm:.0f} bpm{or_else}; it is left out until you say")
            asked.append("say its tempo: rvae card FOLDER --clip NAME --bpm N")
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
    count = several(len(clips), "pattern")
    return clips, f"{count} in {meters} on the plane{f'; {left}' if left else ''}"
