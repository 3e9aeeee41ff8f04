"""Conditions: other ways to train on a corpus, to be compared with training on it as it is."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath

from rvae.audit.regrid import regridded_corpus
from rvae.corpus import Corpus
from rvae.errors import CorpusError, UsageError
from rvae.meter import TICKS_PER_BEAT

BALANCED = ("meter", "contributor")
_LEAST_FILES = 3


@dataclass(frozen=True, eq=False)
class Condition:
    """Another way to train. `corpus_of`: what is learned with a seed; `left_out`: files that are not."""

    name: str
    words: str
    corpus_of: Callable[[int], Corpus]
    grid: int = TICKS_PER_BEAT
    left_out: tuple[str, ...] = ()


def without(corpus: Corpus, what: str) -> Condition:
    """Training without the clips of a person, with a tag, or of a file. Raises UsageError, CorpusError."""
    gone = tuple(clip for clip in corpus.clips if _is_meant(corpus, clip, what))
    if not gone:
        people = sorted({person for clip in corpus.clips for person in corpus.makers_of(clip).people})
        tags = sorted({tag for clip in corpus.clips for tag in corpus.makers_of(clip).tags})
        known = f"people: {', '.join(people[:9])}; tags: {', '.join(tags[:9]) or 'none'}"
        raise UsageError(f"--without {what}: no clip has that person, tag or file name; there are {known}")
    if len(gone) == len(corpus.clips):
        raise CorpusError(f"--without {what}: all {len(gone)} clips are meant and nothing is left; choose another")
    rest = corpus.without(gone)
    words = (
        f"{len(gone)} of {len(corpus.clips)} files left out, "
        f"{len(corpus.patterns) - len(rest.patterns)} of {len(corpus.patterns)} patterns"
    )
    return Condition(f"without {what}", words, lambda _seed: rest, left_out=gone)


def _is_meant(corpus: Corpus, clip: str, what: str) -> bool:
    makers, path = corpus.makers_of(clip), PurePath(clip)
    names = (*makers.people, *makers.tags, clip, path.name, path.stem)
    return what.casefold() in (name.casefold() for name in names)


def on_grid(corpus: Corpus, grid: int) -> Condition:
    """Training on what a coarser grid keeps, microtiming included."""
    coarse, lost = regridded_corpus(corpus, grid)
    words = (
        f"{lost} of {corpus.onsets} onsets lost to a louder one in their column; the rest of each place is microtiming"
    )
    return Condition(f"on a grid of {grid}", words, lambda _seed: coarse, grid)


def balanced(corpus: Corpus, kind: str) -> Condition:
    """Training with as many files of each meter or contributor as the rarest has, three at least, drawn by the seed."""
    groups: dict[str, list[str]] = {}
    for clip in corpus.clips:
        groups.setdefault(_group(corpus, clip, kind), []).append(clip)
    if len(groups) < 2:
        raise UsageError(f"--balance {kind}: the clips have one only, '{next(iter(groups))}'; nothing to balance")
    most = max(_LEAST_FILES, min(len(files) for files in groups.values()))

    def drawn(seed: int) -> Corpus:
        lot = random.Random(seed)
        return corpus.of_clips(
            clip for files in groups.values() for clip in (files if len(files) <= most else lot.sample(files, most))
        )

    sizes = ", ".join(f"{name} {len(files)}" for name, files in groups.items())
    return Condition(
        f"balanced by {kind}", f"at most {most} files of each, drawn anew for each seed; of {sizes}", drawn
    )


def _group(corpus: Corpus, clip: str, kind: str) -> str:
    """A file's meter, that of most of its patterns, or its first contributor."""
    if kind == "contributor":
        return corpus.makers_of(clip).people[0]
    names = [pattern.meter.name for pattern in corpus.patterns if pattern.source == clip]
    return max(dict.fromkeys(names), key=names.count)
