"""Patterns as a coarser grid would have read them, on our ticks again; and as they are heard."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rvae.corpus import Corpus
from rvae.grid import onsets_to_pattern, pattern_to_onsets
from rvae.meter import TICKS_PER_BEAT
from rvae.pattern import MAX_MICROTIMING_TICKS, Pattern


def regridded(pattern: Pattern, ticks_per_beat: int) -> tuple[Pattern, int]:
    """The pattern as a grid of 4, 12 or 24 reads it, and how many onsets it lost; each onset on the nearest column.

    What is left to the column goes into microtiming, up to our 3 ticks: half a column of the 4-grid. Raises
    PatternError for another grid.
    """
    coarse, lost = onsets_to_pattern(
        pattern_to_onsets(pattern),
        pattern.meter,
        bars=pattern.bars,
        kit=pattern.kit,
        ticks_per_beat=ticks_per_beat,
        mode="nearest",
    )
    step = TICKS_PER_BEAT // ticks_per_beat
    onset, velocity = np.zeros_like(pattern.onset), np.zeros_like(pattern.velocity)
    microtiming = np.zeros_like(pattern.microtiming)
    onset[:, ::step], velocity[:, ::step] = coarse.onset, coarse.velocity
    limit = MAX_MICROTIMING_TICKS
    microtiming[:, ::step] = np.clip(coarse.microtiming * step, -limit, limit)
    return replace(pattern, onset=onset, velocity=velocity, microtiming=microtiming), lost


def as_heard(pattern: Pattern) -> Pattern:
    """The pattern with each onset on the tick nearest to where it sounds; of two in one tick the louder stays."""
    return regridded(pattern, TICKS_PER_BEAT)[0]


def regridded_corpus(corpus: Corpus, ticks_per_beat: int) -> tuple[Corpus, int]:
    """All patterns of a corpus as a coarser grid reads them, and how many onsets were lost."""
    rows = [regridded(pattern, ticks_per_beat) for pattern in corpus.patterns]
    return replace(corpus, patterns=tuple(pattern for pattern, _ in rows)), sum(lost for _, lost in rows)
