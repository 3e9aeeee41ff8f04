"""Layout: where the clips stand on the plane, similar ones near each other, spread over the whole square."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Places = npt.NDArray[np.float64]
Distances = npt.NDArray[np.float64]


def onset_distances(onsets: npt.NDArray[np.bool_]) -> Distances:
    """The square root of the number of onsets in which two patterns differ. `[N, C]` to `[N, N]`."""
    bits = onsets.astype(np.float32)
    count = bits.sum(axis=1)
    differing = count[:, None] + count[None, :] - 2 * bits @ bits.T
    root: Distances = np.sqrt(np.maximum(differing, 0)).astype(np.float64)
    return root


def spread_anchors(distances: Distances, most: int) -> npt.NDArray[np.int64]:
    """At most `most` patterns that stand for all: none twice, and each next one the farthest from those taken.

    Farthest-point sampling (Gonzalez, 1985), from the medoid on; returned in their first order.
    """
    taken = [int(distances.sum(axis=1).argmin())]
    nearest = distances[taken[0]].copy()
    while len(taken) < min(most, len(distances)) and nearest.max() > 0:
        taken.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, distances[taken[-1]])
    return np.sort(np.array(taken, dtype=np.int64))


def even_places(count: int, rng: np.random.Generator, rounds: int = 60) -> Places:
    """Places spread evenly over the unit square: a centroidal Voronoi tessellation by Lloyd's method. `[count, 2]`."""
    samples = rng.random((max(2000, 40 * count), 2))
    places = rng.random((count, 2))
    for _ in range(rounds):
        owner = ((samples[:, None] - places[None]) ** 2).sum(axis=-1).argmin(axis=1)
        for index in range(count):
            own = samples[owner == index]
            places[index] = own.mean(axis=0) if len(own) else rng.random(2)
    return places


def scaled_places(distances: Distances, rounds: int = 200) -> Places:
    """Two-dimensional scaling: classical, then SMACOF (de Leeuw, 1977); each axis as ranks, 0 to 1. `[N, 2]`."""
    count = len(distances)
    centring = np.eye(count) - 1 / count
    values, vectors = np.linalg.eigh(-0.5 * centring @ distances**2 @ centring)
    places = np.zeros((count, 2))
    places[:, : min(2, count)] = (vectors * np.sqrt(np.maximum(values, 1e-9)))[:, ::-1][:, :2]
    for _ in range(rounds):
        between = np.linalg.norm(places[:, None] - places[None], axis=-1) + 1e-9
        ratio = -distances / between
        np.fill_diagonal(ratio, 0.0)
        np.fill_diagonal(ratio, -ratio.sum(axis=1))
        places = ratio @ places / count
    ranks = places.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable")
    return (ranks + 0.5) / count


def layout(distances: Distances, rng: np.random.Generator, swaps: int = 6000) -> Places:
    """A place for each pattern: evenly spread, and neighbours alike. `[N, 2]` in the unit square.

    Patterns are scaled to two dimensions and assigned to even places at least cost (Kuhn, 1955); then pairs are swapped
    while that brings similar ones nearer.
    """
    count = len(distances)
    if count == 1:
        return np.array([[0.5, 0.5]])
    places = even_places(count, rng)
    wanted = scaled_places(distances)
    from scipy.optimize import linear_sum_assignment  # half a second to import, and only here is it needed

    _, seat = linear_sum_assignment(((wanted[:, None] - places[None]) ** 2).sum(axis=-1))
    near = np.exp(-((places[:, None] - places[None]) ** 2).sum(axis=-1) * count / 2)
    np.fill_diagonal(near, 0.0)
    for _ in range(swaps):
        one, other = rng.integers(count, size=2)
        # Moving two patterns changes only their own rows; their mutual term stays.
        gain = (distances[one] - distances[other]) * (near[seat[one]][seat] - near[seat[other]][seat])
        gain[[one, other]] = 0.0
        if gain.sum() > 1e-12:
            seat[one], seat[other] = seat[other], seat[one]
    return np.asarray(places[seat], dtype=np.float64)


def seated_nodes(places: Places, side: int) -> npt.NDArray[np.int64]:
    """The node of a `side` x `side` lattice that each place is moved to; no node twice. `[N]`."""
    taken: dict[int, int] = {}
    nodes = np.zeros(len(places), dtype=np.int64)
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2)
    for index, place in enumerate(places):
        order = ((grid - place * (side - 1)) ** 2).sum(axis=1).argsort(kind="stable")
        node = next(int(candidate) for candidate in order if int(candidate) not in taken)
        taken[node] = index
        nodes[index] = node
    return nodes
