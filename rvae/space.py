"""A rhythm space: everything that is learned of the clips of one number of beats, and how it is played and searched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import numpy.typing as npt

from rvae.decoder import Decoder, Encoder, cell_features, in_range
from rvae.errors import PatternError
from rvae.meter import TICKS_PER_BEAT
from rvae.pattern import Floats, Pattern
from rvae.plane import Plane, Points, checked_points, interpolated

Logits = Floats
# The plane is searched at so many places along an edge, then at so many around the best one.
_SEARCH_SIDE = 91
_FINE_STEPS = 9
_SEARCHED_AT_ONCE = 256
_HOME = 2e-3


class RhythmSpace(Protocol):
    """What a model asks of the space of one number of beats. V voices, T ticks of the cycle."""

    @property
    def beats(self) -> int:
        """Felt beats in a bar."""

    @property
    def kind(self) -> str:
        """Which of the spaces it is, in the model file."""

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What it is made of, for the model file."""

    def onset_logits(self, points: Points) -> Logits:
        """`[N, 2]` to log-odds of an onset, `[N, V, T]`: it sounds above 0, and never at minus infinity."""

    def decode(self, points: Points) -> tuple[Floats, Floats, Floats]:
        """`[N, 2]` to onset probability, velocity and microtiming, `[N, V, T]` each."""

    def encode(self, patterns: Sequence[Pattern]) -> npt.NDArray[np.float64]:
        """Where on the plane patterns are, `[N, 2]`."""

    @property
    def plane(self) -> Plane | None:
        """Which clips each place is made of; None where no account is kept of it."""


@dataclass(frozen=True, eq=False)
class Space:
    """Plane, latents, decoder and encoder. M anchors, Z latent dimensions, K cells in use.

    `latents`: float32 `[M, Z]`, the means of the anchors. `cells`: `[K]`, which of the V x T cells are in use,
    ascending.
    """

    beats: int
    bars: int
    voices: int
    cells: npt.NDArray[np.int64]
    plane: Plane
    latents: Floats
    decoder: Decoder
    encoder: Encoder
    kind: ClassVar[str] = "rvae"

    def __post_init__(self) -> None:
        everything = self.voices * self.ticks
        if self.cells.shape != (self.decoder.cells,) or np.any(np.diff(self.cells) <= 0):
            raise PatternError(f"{len(self.cells)} cells for a decoder of {self.decoder.cells}; one each, ascending")
        if len(self.cells) and not 0 <= self.cells[0] <= self.cells[-1] < everything:
            raise PatternError(f"cells must be 0 to {everything - 1}; the largest is {self.cells[-1]}")
        if self.latents.shape != (len(self.plane.places), self.decoder.latent):
            raise PatternError(
                f"latents have shape {self.latents.shape}, one row for each of the plane's anchors is needed"
            )
        if not in_range(self.latents):
            raise PatternError("a latent is out of range; train the model again")
        if len(self.encoder.layer_in) != 3 * len(self.cells) or self.encoder.mean.shape[1] != self.decoder.latent:
            raise PatternError(
                f"the encoder makes {len(self.encoder.layer_in)} features {self.encoder.mean.shape[1]} dimensions; "
                f"{3 * len(self.cells)} and {self.decoder.latent} are needed"
            )

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        return {
            "cells": self.cells,
            "latents": self.latents,
            "plane/shares": self.plane.shares,
            "plane/places": self.plane.places,
            "plane/owners": self.plane.owners,
            **{f"decoder/{name}": array for name, array in packed(self.decoder).items()},
            **{f"encoder/{name}": array for name, array in packed(self.encoder).items()},
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]], *, beats: int, bars: int, voices: int) -> Self:
        """The inverse of `arrays`. Raises KeyError or RvaeError where something is missing or does not fit."""
        owners = arrays.get("plane/owners", np.zeros((0, 2), np.int64))  # models of before credits have none
        if arrays["cells"].dtype.kind not in "iu" or owners.dtype.kind not in "iu":
            raise PatternError("cells and owners must be whole numbers; train the model again")
        parts = {
            room: {item.name: arrays[f"{room}/{item.name}"].astype(np.float32) for item in fields(kind)}
            for room, kind in (("decoder", Decoder), ("encoder", Encoder))
        }
        return cls(
            beats,
            bars,
            voices,
            arrays["cells"].astype(np.int64),
            Plane.of(arrays["plane/shares"], arrays["plane/places"].astype(np.float64), owners.astype(np.int64)),
            arrays["latents"].astype(np.float32),
            Decoder(**parts["decoder"]),
            Encoder(**parts["encoder"]),
        )

    @property
    def ticks(self) -> int:
        """T, ticks of the cycle."""
        return self.bars * self.beats * TICKS_PER_BEAT

    @cached_property
    def _node_latents(self) -> Floats:
        latents: Floats = self.plane.weights @ self.latents
        return latents

    def latents_at(self, points: Points) -> Floats:
        """`[N, 2]` to `[N, Z]`."""
        return interpolated(self._node_latents, points)

    def onset_logits(self, points: Points) -> Logits:
        logits = np.full((len(points), self.voices * self.ticks), -np.inf, np.float32)
        logits[:, self.cells] = self.decoder.onset_logits(self.latents_at(points))
        return logits.reshape(len(points), self.voices, self.ticks)

    def decode(self, points: Points) -> tuple[Floats, Floats, Floats]:
        onset, velocity, timing = self.decoder.decode(self.latents_at(points))
        out = np.zeros((3, len(onset), self.voices * self.ticks), np.float32)
        out[0][:, self.cells], out[1][:, self.cells], out[2][:, self.cells] = onset, velocity, timing
        spread = out.reshape(3, len(onset), self.voices, self.ticks)
        return spread[0], spread[1], spread[2]

    @cached_property
    def _candidates(self) -> _Places:
        """Where a search looks first."""
        side = np.linspace(0.0, 1.0, _SEARCH_SIDE)
        across, up = np.meshgrid(side, side)
        return self._looked_at(np.concatenate([self.plane.places, np.stack([across.ravel(), up.ravel()], axis=1)]))

    def _looked_at(self, points: npt.NDArray[np.float64]) -> _Places:
        latents = self.latents_at(points)
        return _Places(points, latents, (self.decoder.onset_logits(latents) > 0).astype(np.float32))

    def encode(self, patterns: Sequence[Pattern]) -> npt.NDArray[np.float64]:
        """The place whose pattern is most like each given one: by onset F1, between equals by the encoder's own guess.

        The encoder alone is a poor guide to a plane of few clips (a held-out clip has a better place than the one it
        names), so the plane is searched, and the encoder decides only between places that play alike.
        """
        parts = [patterns[begin : begin + _SEARCHED_AT_ONCE] for begin in range(0, len(patterns), _SEARCHED_AT_ONCE)]
        return np.concatenate([np.zeros((0, 2)), *(self._search(part) for part in parts)])

    def _search(self, patterns: Sequence[Pattern]) -> npt.NDArray[np.float64]:
        wanted = _Wanted.of(patterns, self.cells, self.latent_means(patterns))
        likeness, anchors = self._candidates.likeness(wanted), len(self.plane.places)
        likeness[:anchors] += _HOME  # a clip's own place, where others play the same
        coarse = likeness.argmax(axis=0)
        step = 1 / (_SEARCH_SIDE - 1)
        around = np.stack(np.meshgrid(*2 * [np.linspace(-step, step, _FINE_STEPS)]), axis=-1).reshape(-1, 2)
        found = np.zeros((len(patterns), 2))
        for row, best in enumerate(self._candidates.points[coarse]):
            if coarse[row] < anchors:
                found[row] = best
                continue
            near = self._looked_at(checked_points(np.concatenate([best[None], best + around])))
            found[row] = near.points[near.likeness(wanted.only(row))[:, 0].argmax()]
        return found

    def latent_means(self, patterns: Sequence[Pattern]) -> Floats:
        """The encoder's own answer, `[N, Z]`."""
        features = cell_features(
            np.stack([pattern.onset for pattern in patterns]),
            np.stack([pattern.velocity for pattern in patterns]),
            np.stack([pattern.microtiming for pattern in patterns]),
            self.cells,
        )
        return self.encoder.encode(features)[0]


@dataclass(frozen=True, slots=True, eq=False)
class _Wanted:
    """Patterns to search for: their onsets on the cells in use, on the tick and within one, `[N, K]`, the number of
    all their onsets, `[N]`, and the encoder's guesses, `[N, Z]`.
    """

    exact: Floats
    near: Floats
    onsets: Floats
    guesses: Floats

    @classmethod
    def of(cls, patterns: Sequence[Pattern], cells: npt.NDArray[np.int64], guesses: Floats) -> Self:
        onset = np.stack([pattern.onset for pattern in patterns]).astype(np.float32)
        near = onset.copy()
        near[:, :, 1:] = np.maximum(near[:, :, 1:], onset[:, :, :-1])
        near[:, :, :-1] = np.maximum(near[:, :, :-1], onset[:, :, 1:])
        flat, flat_near = (part.reshape(len(patterns), -1)[:, cells] for part in (onset, near))
        return cls(flat, flat_near, onset.sum(axis=(1, 2)), guesses)

    def only(self, row: int) -> Self:
        """One of them."""
        one = slice(row, row + 1)
        return type(self)(self.exact[one], self.near[one], self.onsets[one], self.guesses[one])


@dataclass(frozen=True, slots=True, eq=False)
class _Places:
    """Places of the plane, `[P, 2]`, their latents, `[P, Z]`, and the cells that sound there, 0 or 1, `[P, K]`."""

    points: npt.NDArray[np.float64]
    latents: Floats
    sounding: Floats

    def likeness(self, wanted: _Wanted) -> Floats:
        """How like each pattern each place is, `[P, N]`: F1 on the tick and within one, then nearness in the latent."""
        both = np.maximum(self.sounding.sum(axis=1)[:, None] + wanted.onsets, 1)
        exact = 2 * (self.sounding @ wanted.exact.T) / both
        # Two sounding ticks may share one true onset here, so the hits are kept to what there is to hit.
        near = 2 * np.minimum(self.sounding @ wanted.near.T, wanted.onsets) / both
        squares = (self.latents**2).sum(axis=1)[:, None] + (wanted.guesses**2).sum(axis=1)
        far = np.sqrt(np.maximum(squares - 2 * self.latents @ wanted.guesses.T, 0.0))
        likeness: Floats = 0.5 * exact + 0.5 * near - 1e-3 * far / (1 + far)
        return likeness


def packed(weights: Decoder | Encoder) -> dict[str, npt.NDArray[Any]]:
    """Weights for the file: matrices as float16, which training has rounded them to, the rest as they are."""
    values = {item.name: getattr(weights, item.name) for item in fields(weights)}
    return {name: array.astype(np.float16) if array.ndim == 2 else array for name, array in values.items()}


def sounding_cells(logits: Logits, density: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Which cells of one place sound. `logits`: `[V, T]`; `density`: `[V]`, 0..1 for each voice; returns `[V, T]`.

    At 0.5 the cells above their threshold, as many as the clips had there. Below and above, that number is scaled, from
    none at 0 to twice as many at 1, and filled in the order of probability: the same proportion everywhere on the
    plane.
    """
    sounding = logits > 0
    for row in np.flatnonzero(density != 0.5):
        possible = int(np.isfinite(logits[row]).sum())
        wanted = min(possible, round(2 * float(density[row]) * int(sounding[row].sum())))
        order = np.argsort(-logits[row], kind="stable")
        sounding[row] = False
        sounding[row, order[:wanted]] = True
    return sounding
