"""Cross-validation: what a model makes of clips it has not heard.

Split by source file, before anything else is done to them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rvae.corpus import Corpus
from rvae.errors import CorpusError
from rvae.evaluation import Json, figures, matches
from rvae.measures import Match
from rvae.model import Model
from rvae.pattern import Pattern

FOLDS = 5


@dataclass(frozen=True, slots=True)
class Fold:
    """Clips to learn from, and clips to be tested on. No file is in both."""

    learned: Corpus
    held_out: tuple[Pattern, ...]

    def __post_init__(self) -> None:
        shared = set(self.learned.clips) & {pattern.source for pattern in self.held_out}
        if shared:
            raise CorpusError(f"{min(shared)} is both learned and held out; a file belongs to one side only")


def folds(corpus: Corpus, count: int = FOLDS, *, seed: int = 0) -> tuple[Fold, ...]:
    """Deal the files of a corpus to `count` folds, at random for a seed.

    Raises CorpusError where it has one file only.
    """
    files = sorted(corpus.clips)
    if len(files) < 2:
        raise CorpusError("one clip only: nothing to hold out; give at least two files, or leave --cross-validate out")
    random.Random(seed).shuffle(files)
    count = min(count, len(files))
    made = []
    for index in range(count):
        out = set(files[index::count])
        held_out = tuple(pattern for pattern in corpus.patterns if pattern.source in out)
        made.append(Fold(corpus.of_clips(name for name in files if name not in out), held_out))
    return tuple(made)


def cross_validate(
    corpus: Corpus,
    train: Callable[[Corpus], Model],
    *,
    count: int = FOLDS,
    seed: int = 0,
    on_fold: Callable[[int, int], None] | None = None,
) -> Json:
    """The `held_out` figures: each clip tested on a model that has not seen its file, all folds together (micro
    average).

    `patterns_skipped`: held-out patterns with a number of beats that none of the learned clips of their fold had.
    Raises CorpusError where that leaves none, or where the corpus has one file only.
    """
    results: list[tuple[Pattern, Match]] = []
    skipped = 0
    split = folds(corpus, count, seed=seed)
    for index, fold in enumerate(split):
        model = train(fold.learned)
        known = [pattern for pattern in fold.held_out if pattern.meter.beats in model.beats]
        results += _tested(model, known)
        skipped += len(fold.held_out) - len(known)
        if on_fold is not None:
            on_fold(index + 1, len(split))
    if not results:
        raise CorpusError(
            f"none of {skipped} held-out patterns could be tested: no other file has as many beats in a bar; give more "
            "files of each meter, or leave --cross-validate out"
        )
    return {**figures(results), "folds": len(split), "patterns_skipped": skipped}


def _tested(model: Model, patterns: Sequence[Pattern]) -> list[tuple[Pattern, Match]]:
    return list(zip(patterns, matches(model, patterns), strict=True))
