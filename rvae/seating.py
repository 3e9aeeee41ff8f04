"""Seating: what is settled before anything is learned: which clips stand where on the plane, and when each cell sounds.

Pure numpy: a sketch of the plane is drawn from it at once, and the training starts from it, so clips keep their places.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rvae.decoder import cell_features
from rvae.errors import TrainingError
from rvae.layout import layout, onset_distances, seated_nodes, spread_anchors
from rvae.pattern import Floats, Pattern
from rvae.variations import ENOUGH_PATTERNS, variations

_FEW_ANCHORS = 64
_SIDE_FEW, _SIDE_MANY = 31, 46
_REACH = 0.3
_GOLDEN = 0.6180339887498949


@dataclass(frozen=True, eq=False)
class Seating:
    """N patterns, M of them anchors, K cells in use, a plane of G x G nodes.

    `patterns`: those to learn, with variations where they are few. `cells`: `[K]`. `features`: `[N, 3K]`, as the
    encoder reads them. `anchors`: `[M]`, rows of the patterns that stand on the plane. `places`: `[M, 2]`, each on a
    node of its own, `seats`: `[M]`. `score`: `[G * G, M]`, log weights of the blends to begin with. `thresholds`:
    `[K]`, the probability at which a cell begins to sound. `owners`: `[P, 2]`, each anchor with a row of the patterns
    given that it is, is a part of, or has the same onsets as.
    """

    patterns: tuple[Pattern, ...]
    cells: npt.NDArray[np.int64]
    features: Floats
    anchors: npt.NDArray[np.int64]
    places: npt.NDArray[np.float64]
    seats: npt.NDArray[np.int64]
    score: Floats
    thresholds: Floats
    owners: npt.NDArray[np.int64]

    @classmethod
    def of(
        cls, patterns: Sequence[Pattern], rng: np.random.Generator, *, most_anchors: int, low: float, high: float
    ) -> Seating:
        """Seat patterns of one number of beats. `low`, `high`: the range that thresholds are spread over.

        Raises TrainingError where all are silent.
        """
        learned, origins = _with_variations(patterns)
        onset = np.stack([pattern.onset for pattern in learned])
        cells = np.flatnonzero(onset.any(axis=0)).astype(np.int64)
        if not len(cells):
            raise TrainingError(
                f"the clips in {patterns[0].meter} are silent: nothing to learn; give clips with notes in this meter"
            )
        velocity = np.stack([pattern.velocity for pattern in learned])
        microtiming = np.stack([pattern.microtiming for pattern in learned])
        features = cell_features(onset, velocity, microtiming, cells)
        distances = onset_distances(features[:, : len(cells)] == 1)
        anchors = spread_anchors(distances, most_anchors)
        side = _SIDE_FEW if len(anchors) <= _FEW_ANCHORS else _SIDE_MANY
        seats = seated_nodes(layout(distances[np.ix_(anchors, anchors)], rng), side)
        places = np.stack([seats % side, seats // side], axis=1) / (side - 1)
        return cls(
            tuple(learned),
            cells,
            features,
            anchors,
            places,
            seats,
            _score(places, side),
            _thresholds(learned, cells, low, high),
            _owners(patterns, [origins[anchor] for anchor in anchors]),
        )

    @property
    def side(self) -> int:
        """G, nodes along one edge."""
        side: int = round(len(self.score) ** 0.5)
        return side

    @property
    def seated(self) -> Floats:
        """1 where an anchor sits, `[G * G, M]`: these nodes are that anchor alone."""
        seated = np.zeros(self.score.shape, np.float32)
        seated[self.seats, np.arange(len(self.seats))] = 1.0
        return seated


def _with_variations(patterns: Sequence[Pattern]) -> tuple[list[Pattern], list[int]]:
    """The patterns, and parts of them where they are too few for a plane; and the row that each is, or is a part of."""
    distinct = list({pattern.onset.tobytes(): row for row, pattern in enumerate(patterns)}.values())
    made = variations([patterns[row] for row in distinct], max(0, ENOUGH_PATTERNS - len(distinct)))
    origins = [*range(len(patterns)), *(distinct[row] for _, row in made)]
    return [*patterns, *(variation for variation, _ in made)], origins


def _owners(patterns: Sequence[Pattern], origins: Sequence[int]) -> npt.NDArray[np.int64]:
    """Pairs of an anchor, by the row it comes from, and each row with the onsets of that one: nobody was first."""
    alike: dict[bytes, list[int]] = {}
    for row, pattern in enumerate(patterns):
        alike.setdefault(pattern.onset.tobytes(), []).append(row)
    pairs = [(anchor, row) for anchor, origin in enumerate(origins) for row in alike[patterns[origin].onset.tobytes()]]
    return np.array(pairs, np.int64)


def _score(places: npt.NDArray[np.float64], side: int) -> Floats:
    """Log weights that fall with the distance, as a bell, from 0 at the nearest anchor."""
    nodes = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2) / (side - 1)
    apart = ((nodes[:, None] - places[None]) ** 2).sum(axis=-1)
    score = -apart * len(places) / (2 * _REACH**2)
    relative: Floats = (score - score.max(axis=1, keepdims=True)).astype(np.float32)
    return relative


def _thresholds(patterns: Sequence[Pattern], cells: npt.NDArray[np.int64], low: float, high: float) -> Floats:
    """A threshold for each cell: the stronger its tick in the meters of the clips, the lower."""
    first = patterns[0]
    strength = np.mean([pattern.meter.metric_weights() for pattern in patterns], axis=0)
    weight = np.tile(np.tile(strength, first.bars), len(first.kit))[cells]
    # The golden ratio spreads cells of one weight over voices and bars instead of one voice after the other.
    order = np.lexsort(((cells * _GOLDEN) % 1.0, -weight))
    thresholds = np.empty(len(cells), np.float32)
    thresholds[order] = np.linspace(low, high, len(order))
    return thresholds
