"""The plane: what each place of the unit square is made of.

Between the square and the latent lies a square lattice of nodes; each node is a blend of the clips (weights that sum to
one), places between nodes are interpolated. So every place says which clips it comes from, and no place leaves the
music that was learned. `rvae.layout` puts the clips on the square, `rvae.training` fits the weights.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from rvae.errors import CreditsError, PatternError
from rvae.pattern import Floats

Points = npt.NDArray[np.floating]
SHARES = 2**15


def checked_points(points: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Points of the unit square as float64 `[N, 2]`; a place outside is moved to the edge. Raises PatternError."""
    array = np.atleast_2d(np.asarray(points, dtype=np.float64))
    if array.ndim != 2 or array.shape[1] != 2 or not np.all(np.isfinite(array)):
        raise PatternError(f"points have shape {array.shape}; give finite numbers x, y in 0..1 as rows [N, 2]")
    return np.clip(array, 0.0, 1.0)


def corners(points: Points, side: int) -> tuple[npt.NDArray[np.int64], Floats]:
    """The four nodes around each point, and their bilinear weights.

    `[N, 4]` each. Node (row, column) is row * side + column.
    """
    scaled = np.asarray(points, dtype=np.float64) * (side - 1)
    low = np.clip(np.floor(scaled).astype(np.int64), 0, max(0, side - 2))
    part = scaled - low
    column, row = low[:, 0], low[:, 1]
    right, up = np.minimum(column + 1, side - 1), np.minimum(row + 1, side - 1)
    nodes = np.stack([row * side + column, row * side + right, up * side + column, up * side + right], axis=1)
    x, y = part[:, 0], part[:, 1]
    weights = np.stack([(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y], axis=1)
    return nodes, weights.astype(np.float32)


def interpolated(nodes: Floats, points: Points) -> Floats:
    """Values at points, between the nodes of a square lattice. `nodes`: `[G * G, C]`; returns `[N, C]`."""
    if len(points) == 1:
        return _interpolated_at(nodes, float(points[0, 0]), float(points[0, 1]))
    index, weights = corners(points, round(len(nodes) ** 0.5))
    values: Floats = (weights[:, None, :] @ nodes[index])[:, 0, :]
    return values


def _interpolated_at(nodes: Floats, x: float, y: float) -> Floats:
    """The same at one point, `[1, C]`: plain numbers are faster than arrays of one, and a moving hand asks for one."""
    side = round(len(nodes) ** 0.5)
    across, up = x * (side - 1), y * (side - 1)
    column, row = min(int(across), side - 2), min(int(up), side - 2)
    right, over = across - column, up - row
    node = row * side + column
    lower = nodes[node] * np.float32(1 - right) + nodes[node + 1] * np.float32(right)
    upper = nodes[node + side] * np.float32(1 - right) + nodes[node + side + 1] * np.float32(right)
    value: Floats = lower * np.float32(1 - over) + upper * np.float32(over)
    return value[None]


@dataclass(frozen=True, eq=False)
class Plane:
    """Which clips each place is made of.

    `weights`: float32 `[G * G, M]`, one row a node, each row sums to one; M anchors, the clips that are spread over
    the plane.
    `places`: float64 `[M, 2]`, where each anchor stands, on a node that is that clip alone. `owners`: int64 `[P, 2]`,
    pairs of an anchor and a clip (by its number) that it stands for; those of one anchor share it equally. Without any
    pair it is not known whose the anchors are.
    """

    weights: Floats
    places: npt.NDArray[np.float64]
    owners: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 2), np.int64))

    def __post_init__(self) -> None:
        side = round(len(self.weights) ** 0.5)
        if self.weights.ndim != 2 or side * side != len(self.weights) or side < 2:
            raise PatternError(f"plane weights have shape {self.weights.shape}; a square lattice of nodes is needed")
        if self.places.shape != (self.weights.shape[1], 2):
            raise PatternError(f"{self.places.shape[0]} places for {self.weights.shape[1]} anchors; give one each")
        # Compared this way round, so that what is not a number is refused too.
        if not np.all(self.weights >= 0) or not np.allclose(self.weights.sum(axis=1), 1.0, atol=1e-3):
            raise PatternError("plane weights must be 0 or more and each row must sum to one; train the model again")
        if not np.all((self.places >= 0) & (self.places <= 1)):
            raise PatternError("the places of the anchors must lie in the unit square; train the model again")
        owned = self.owners[:, 0] if self.owners.ndim == 2 and self.owners.shape[1] == 2 else None
        if owned is None or (len(owned) and set(owned.tolist()) != set(range(len(self.places)))):
            raise PatternError("each anchor needs a clip that it stands for; train the model again")
        if np.any(self.owners < 0):
            raise PatternError("the clips of the anchors are counted from 0; train the model again")

    @classmethod
    def of(
        cls, weights: npt.NDArray[Any], places: npt.NDArray[np.float64], owners: npt.NDArray[np.int64] | None = None
    ) -> Self:
        """A plane as its file keeps it: each row made to sum to one, in whole shares.

        Shares that are left over go to the largest remainders, so that a plane that was kept comes back the same.
        """
        with np.errstate(invalid="ignore", divide="ignore"):  # rows that sum to nothing are refused below
            exact = weights / weights.sum(axis=1, keepdims=True, dtype=np.float64) * SHARES
            parts = np.floor(exact)
            rank = (parts - exact).argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
            parts += rank < SHARES - parts.sum(axis=1, keepdims=True)
        kept = (parts / SHARES).astype(np.float32)
        return cls(kept, places) if owners is None else cls(kept, places, owners)

    @property
    def shares(self) -> npt.NDArray[np.uint16]:
        """The weights in whole shares, as the file keeps them."""
        return np.rint(self.weights * SHARES).astype(np.uint16)

    @property
    def side(self) -> int:
        """G, nodes along one edge."""
        side: int = round(len(self.weights) ** 0.5)
        return side

    def credits(self, points: npt.ArrayLike) -> Floats:
        """How much of each anchor is in each place: `[N, M]`, rows that sum to one."""
        return interpolated(self.weights, checked_points(points))

    def clip_credits(self, points: npt.ArrayLike, clips: int) -> Floats:
        """How much of each of so many clips is in each place: `[N, clips]`, rows that sum to one.

        An anchor's credit is divided equally among the clips that it stands for. Raises CreditsError where that is not
        known.
        """
        if not len(self.owners):
            raise CreditsError("this model was made before it was kept whose the anchors are; train it again")
        anchors, owners = self.owners.T
        shares = np.zeros((len(self.places), clips), np.float32)
        np.add.at(shares, (anchors, owners), 1 / np.bincount(anchors)[anchors])
        found: Floats = self.credits(points) @ shares
        return found
