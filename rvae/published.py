"""The published R-VAE (Vigliensoni, McCallum, Maestre and Fiebrink, 2020) as a space: the baseline to measure against.

Its grid has 12 columns where ours has 24 ticks, its plane is z in [-3, 3)^2, its threshold 0.25. The layers are
those of
`rvae-2020`; normalisation stays at its initial statistics, as published, and is folded into them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from rvae.decoder import in_range, sigmoid
from rvae.errors import PatternError
from rvae.meter import TICKS_PER_BEAT
from rvae.pattern import Floats, Pattern
from rvae.plane import Points

COLUMNS_PER_BEAT = 12
PLANE_RADIUS = 3.0
THRESHOLD = 0.25
_TICKS_PER_COLUMN = TICKS_PER_BEAT // COLUMNS_PER_BEAT
_SLOPE = 0.3
_BRANCHES = ("onset", "velocity", "timeshift")
Layer = tuple[Floats, Floats]


def published_columns(patterns: Sequence[Pattern]) -> Floats:
    """Patterns on the published grid: onset, velocity and timeshift (half columns, -1 to 1), `[N, 3, V * columns]`.

    An onset goes to the nearest column; of two in one column the last wins, as published.
    """
    first = patterns[0]
    columns = first.ticks // _TICKS_PER_COLUMN
    out = np.zeros((len(patterns), 3, len(first.kit), columns), np.float32)
    for index, pattern in enumerate(patterns):
        velocity, microtiming = pattern.velocity, pattern.microtiming
        for row, tick in np.argwhere(pattern.onset == 1):
            place = (tick + microtiming[row, tick]) / _TICKS_PER_COLUMN
            column = round(place)
            shift = np.clip(2 * (place - column), -1, 1)
            out[index, :, row, column % columns] = 1, velocity[row, tick], shift
    return out.reshape(len(patterns), 3, -1)


@dataclass(frozen=True, eq=False)
class PublishedSpace:
    """The published network. `layers`: weights `[in, out]` and biases `[out]` by name, normalisation folded in."""

    beats: int
    bars: int
    voices: int
    layers: Mapping[str, Layer]
    kind: ClassVar[str] = "rvae-2020"

    def __post_init__(self) -> None:
        columns = self.voices * self.bars * self.beats * COLUMNS_PER_BEAT
        for branch in _BRANCHES:
            units = self._checked_width(columns, f"encoder/{branch}")
            heads = (f"decoder/{branch}_in", f"decoder/{branch}_out")
            if self._checked_width(2, "decoder/trunk", *heads) != columns:
                raise PatternError(f"the {branch} head does not have {columns} cells; train the model again")
        if self._checked_width(len(_BRANCHES) * units, "encoder/joined", "encoder/mean") != 2:
            raise PatternError("the encoder does not end on a plane; train the model again")

    def _checked_width(self, inputs: int, *names: str) -> int:
        """The outputs of layers that follow each other."""
        for name in names:
            weight, bias = self.layers[name]
            whole = bias.ndim == 1 and weight.shape == (inputs, bias.size)
            if not whole or not in_range(weight) or not in_range(bias):
                raise PatternError(f"layer {name}: {inputs} rows of numbers are needed; train the model again")
            inputs = bias.size
        return inputs

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        weights = {f"{name}/weight": layer[0] for name, layer in self.layers.items()}
        return weights | {f"{name}/bias": layer[1] for name, layer in self.layers.items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]], *, beats: int, bars: int, voices: int) -> Self:
        """The inverse of `arrays`. Raises KeyError or PatternError where something is missing or does not fit."""
        names = sorted(name.removesuffix("/weight") for name in arrays if name.endswith("/weight"))
        layers = {name: (arrays[f"{name}/weight"], arrays[f"{name}/bias"]) for name in names}
        return cls(beats, bars, voices, layers)

    def _dense(self, name: str, values: Floats, *, bent: bool = True) -> Floats:
        weight, bias = self.layers[name]
        out = values @ weight + bias
        bent_out: Floats = np.where(out > 0, out, _SLOPE * out) if bent else out
        return bent_out

    def _head(self, name: str, trunk: Floats) -> Floats:
        return self._dense(f"decoder/{name}_out", self._dense(f"decoder/{name}_in", trunk), bent=False)

    def _trunk(self, points: Points) -> Floats:
        latents = ((2 * np.asarray(points) - 1) * PLANE_RADIUS).astype(np.float32)
        return self._dense("decoder/trunk", latents)

    def _on_ticks(self, columns: Floats, empty: float) -> Floats:
        out = np.full((len(columns), self.voices, self.bars * self.beats * TICKS_PER_BEAT), empty, np.float32)
        out[:, :, ::_TICKS_PER_COLUMN] = columns.reshape(len(columns), self.voices, -1)
        return out

    def onset_logits(self, points: Points) -> Floats:
        logits = self._head("onset", self._trunk(points)) - np.float32(np.log(THRESHOLD / (1 - THRESHOLD)))
        return self._on_ticks(logits, -np.inf)

    def decode(self, points: Points) -> tuple[Floats, Floats, Floats]:
        trunk = self._trunk(points)
        logits = self._head("onset", trunk) - np.float32(np.log(THRESHOLD / (1 - THRESHOLD)))
        onset = sigmoid(logits)
        velocity = sigmoid(self._head("velocity", trunk))
        shift_ticks = np.tanh(self._head("timeshift", trunk)) * np.float32(_TICKS_PER_COLUMN / 2)
        return self._on_ticks(onset, 0.0), self._on_ticks(velocity, 0.0), self._on_ticks(shift_ticks, 0.0)

    @property
    def plane(self) -> None:
        return None

    def encode(self, patterns: Sequence[Pattern]) -> npt.NDArray[np.float64]:
        if not patterns:
            return np.zeros((0, 2))
        columns = published_columns(patterns)
        branches = [self._dense(f"encoder/{name}", columns[:, plane]) for plane, name in enumerate(_BRANCHES)]
        joined = self._dense("encoder/joined", np.concatenate(branches, axis=1))
        mean = self._dense("encoder/mean", joined, bent=False)
        return np.clip((mean / PLANE_RADIUS + 1) / 2, 0.0, 1.0).astype(np.float64)
