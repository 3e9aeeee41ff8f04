"""What the model would play at each place of the plane.

A lattice of points is decoded a slice at a time, coarse places first, so that a window is never held up. No pygame in
here: arrays in, arrays out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from rvae.kit import Kit

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

LATTICE = 64  # places along each side
_COARSEST = 8  # every 8th place first, then every 4th, 2nd, all
_SLICE = 48  # places decoded at once: a few milliseconds on a small machine


class Decoder(Protocol):
    """What of a model the picture needs: see rvae.model.Model."""

    @property
    def kit(self) -> Kit:
        """The rows of what it decodes."""
        ...

    def decode(self, points: Floats, *, beats: int) -> tuple[Floats, Floats, Floats]:
        """Onset probability, velocity and microtiming at points `[N, 2]`, each `[N, V, T]`."""
        ...


@dataclass(frozen=True)
class Field:
    """What is heard over the plane, for one number of beats.

    `loudness`: uint8 `[side, side, V, T]`, `sounding` x velocity x 255 at each place; row 0 is the bottom of the plane
    (y = 0), column 0 its left (x = 0). `played`: bool, the onsets above the standard threshold. `done`: places decoded
    so far; the others show their nearest one.
    """

    beats: int
    kit: Kit
    loudness: Bytes
    played: npt.NDArray[np.bool_]
    done: int

    @property
    def is_complete(self) -> bool:
        """Whether every place is decoded."""
        return bool(self.done >= self.loudness.shape[0] * self.loudness.shape[1])


class FieldBuilder:
    """Decodes the lattice for one number of beats; `step` does a slice of a few milliseconds."""

    def __init__(self, model: Decoder, beats: int, *, side: int = LATTICE) -> None:
        self._model = model
        self._beats = beats
        self._side = side
        self._order = _coarse_first(side)
        self._done = 0
        self._loudness: Bytes | None = None
        self._played = np.zeros(0, np.bool_)
        self.rounds = 0  # finished levels of detail: a picture is worth making anew when this grows

    @property
    def is_complete(self) -> bool:
        """Whether every place is decoded."""
        return self._done >= len(self._order)

    def step(self) -> None:
        """Decode the next slice; nothing where all is done."""
        if self.is_complete:
            return
        block = self._order[self._done : self._done + _SLICE]
        reach = int(block[0, 2])
        block = block[block[:, 2] == reach]  # a slice stays within one level of detail
        points = (block[:, [1, 0]] / max(1, self._side - 1)).astype(np.float32)
        probability, velocity, _ = self._model.decode(points, beats=self._beats)
        loudness = np.rint(sounding(probability) * np.clip(velocity, 0.0, 1.0) * 255).astype(np.uint8)
        if self._loudness is None:
            # In memory a tick lies together: the pulse asks for some ticks of all places with every frame.
            voices, ticks = loudness.shape[1:]
            self._loudness = np.zeros((ticks, self._side, self._side, voices), np.uint8).transpose(1, 2, 3, 0)
            self._played = np.zeros(self._loudness.shape, np.bool_)
        for (row, column, _), heard, onsets in zip(block.tolist(), loudness, probability > 0.5, strict=True):
            self._loudness[row : row + reach, column : column + reach] = heard
            self._played[row : row + reach, column : column + reach] = onsets
        self._done += len(block)
        if self.is_complete or self._order[self._done, 2] != reach:
            self.rounds += 1

    def field(self) -> Field | None:
        """What is known by now, or None before the first slice."""
        if self._loudness is None:
            return None
        return Field(self._beats, self._model.kit, self._loudness, self._played, self._done)


def sounding(probability: Floats) -> Floats:
    """How much an onset counts, 0 to 1: those above 0.5 are heard; a soft edge about it keeps the picture smooth."""
    return np.asarray(np.clip((probability - 0.3) / 0.4, 0.0, 1.0), np.float32)


def _coarse_first(side: int) -> npt.NDArray[np.int64]:
    """All places once, coarse ones first, as (row, column, reach); `reach`: the square it stands for till then."""
    levels: list[tuple[int, int, int]] = []
    seen: set[tuple[int, int]] = set()
    reach = _COARSEST
    while reach >= 1:
        for row in range(0, side, reach):
            for column in range(0, side, reach):
                if (row, column) not in seen:
                    seen.add((row, column))
                    levels.append((row, column, reach))
        reach //= 2
    return np.array(levels, np.int64)


def enlarge(colours: Bytes, width: int, height: int) -> Bytes:
    """A small picture `[rows, columns, 3]` as a smooth one `[height, width, 3]` (Catmull-Rom), in the same order."""
    rows, columns = _weights(colours.shape[0], height), _weights(colours.shape[1], width)
    small = colours.astype(np.float32)
    tall = (rows @ small.reshape(len(small), -1)).reshape(height, *small.shape[1:])
    wide = (columns @ tall.swapaxes(0, 1).reshape(small.shape[1], -1)).reshape(width, *tall.shape[::2])
    return np.asarray(np.rint(wide.clip(0.0, 255.0)), np.uint8).swapaxes(0, 1)


def _weights(count: int, size: int) -> Floats:
    """`[size, count]`: what each sample counts for each pixel; the first and last lie on the first and last."""
    at = np.linspace(0.0, count - 1.0, size)
    left = np.floor(at).astype(np.int64)
    t = at - left
    parts = (
        -0.5 * t + t**2 - 0.5 * t**3,
        1 - 2.5 * t**2 + 1.5 * t**3,
        0.5 * t + 2 * t**2 - 1.5 * t**3,
        -0.5 * t**2 + 0.5 * t**3,
    )
    weights = np.zeros((size, count), np.float32)
    for offset, part in zip((-1, 0, 1, 2), parts, strict=True):
        np.add.at(weights, (np.arange(size), (left + offset).clip(0, count - 1)), part.astype(np.float32))
    return weights
