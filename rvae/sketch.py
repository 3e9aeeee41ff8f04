"""A sketch: the plane of a corpus at once, with nothing learned, to play while the learning goes on.

Each place blends the clips around it by their distance. It has the layout that the training will use, so clips stay
where they are; it has no encoder, is not even, and grows with the clips.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rvae.assembly import assemble, by_beats
from rvae.corpus import Corpus
from rvae.decoder import Decoder, Encoder
from rvae.model import Model
from rvae.pattern import Floats, Pattern
from rvae.plane import Plane
from rvae.seating import Seating
from rvae.space import Space

PRESET = "sketch"
MOST_ANCHORS = 160
SEEDS = 2**32  # they are counted from 0
THRESHOLDS = (0.1, 0.7)
_STEEP = 12.0  # of the odds of an onset over the blend: only the order counts, and where it crosses the threshold


def sketch(corpus: Corpus, *, seed: int = 0) -> Model:
    """The plane of a corpus, in less than a second. `seed`: that of the training that follows."""
    groups = by_beats(corpus.patterns)
    spaces = tuple(sketched_space(patterns, seed) for patterns in groups.values())
    return assemble(corpus, spaces, preset=PRESET, seed=seed)


def sketched_space(patterns: Sequence[Pattern], seed: int) -> Space:
    """The plane of patterns of one number of beats."""
    low, high = THRESHOLDS
    seating = Seating.of(patterns, np.random.default_rng(seed), most_anchors=MOST_ANCHORS, low=low, high=high)
    count, cells = len(seating.anchors), len(seating.cells)
    onset, velocity, timing = np.split(seating.features[seating.anchors], 3, axis=1)
    weights = np.exp(seating.score)
    weights = np.where(seating.seated.any(axis=1, keepdims=True), seating.seated, weights)
    flat, none = np.zeros((count, count), np.float32), np.zeros(count, np.float32)
    quiet = np.zeros(cells, np.float32)
    return Space(
        patterns[0].meter.beats,
        patterns[0].bars,
        len(patterns[0].kit),
        seating.cells,
        Plane.of(weights, seating.places, seating.owners),
        np.eye(count, dtype=np.float32),
        Decoder(
            *(np.eye(count, dtype=np.float32), none, flat, none, flat, none),
            *(_STEEP * onset, quiet),
            *(_filled(np.log(_inside(velocity) / (1 - _inside(velocity))), onset), quiet),
            *(_filled(np.arctanh(np.clip(timing, -0.99, 0.99)), onset), quiet),
            threshold=_STEEP * seating.thresholds,
        ),
        _no_encoder(3 * cells, count),
    )


def _inside(velocity: Floats) -> Floats:
    return np.clip(velocity, 0.01, 0.99)


def _filled(values: Floats, onset: Floats) -> Floats:
    """Values at onsets; elsewhere the mean of the clips that have an onset in that cell. `[M, K]`."""
    mean = (values * onset).sum(axis=0) / np.maximum(onset.sum(axis=0), 1)
    filled: Floats = np.where(onset > 0, values, mean).astype(np.float32)
    return filled


def _no_encoder(features: int, latent: int) -> Encoder:
    def zeros(*shape: int) -> Floats:
        return np.zeros(shape, np.float32)

    return Encoder(
        *(zeros(features, 1), zeros(1), zeros(1, 1), zeros(1)),
        *(zeros(1, latent), zeros(latent), zeros(1, latent), zeros(latent)),
    )
