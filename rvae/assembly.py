"""Assembly: spaces and the corpus they come from, as a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath

from rvae.corpus import Corpus
from rvae.model import Clip, Model
from rvae.pattern import Pattern
from rvae.space import RhythmSpace


def by_beats(patterns: Sequence[Pattern]) -> dict[int, list[Pattern]]:
    """Patterns by their number of beats in a bar, ascending."""
    beats = sorted({pattern.meter.beats for pattern in patterns})
    return {count: [pattern for pattern in patterns if pattern.meter.beats == count] for count in beats}


def assemble(corpus: Corpus, spaces: tuple[RhythmSpace, ...], *, preset: str, seed: int) -> Model:
    """The model, with each pattern found on its plane. What is returned is what its file will say, to the last bit."""
    card = corpus.card.as_mapping()
    bare = Model(corpus.kit, corpus.bars, corpus.meters, spaces, seed=seed, preset=preset, card=card)
    points = bare.encode(corpus.patterns)
    makers = {source: corpus.makers_of(source) for source in corpus.clips}
    clips = tuple(
        Clip(
            PurePath(pattern.source).stem,
            PurePath(pattern.source).name,
            pattern.meter,
            (round(float(x), 6), round(float(y), 6)),
            round(float(pattern.qpm), 6),
            pattern.first_bar,
            makers[pattern.source].people,
            makers[pattern.source].tags,
        )
        for pattern, (x, y) in zip(corpus.patterns, points, strict=True)
    )
    return Model.from_bytes(replace(bare, clips=clips).to_bytes())
