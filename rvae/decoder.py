"""The decoder: latents to onset probability, velocity and microtiming, in numpy alone, as the stage needs it.

A trunk of residual layers and one linear head for each of the three. Only cells (voice and tick) that some clip has
used have a row in the heads: a cell that no clip ever sounded cannot sound.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
import numpy.typing as npt

from rvae.errors import PatternError
from rvae.pattern import MAX_MICROTIMING_TICKS, MAX_MIDI_VELOCITY, Floats

LARGEST_WEIGHT = 1000.0  # far above any that training gives


_HALF = np.float32(0.5)


def sigmoid(values: Floats) -> Floats:
    """The logistic function, without overflow."""
    halves: Floats = _HALF + _HALF * np.tanh(_HALF * values)
    return halves


def silu(values: Floats) -> Floats:
    """x * sigmoid(x) (Elfwing et al., 2018)."""
    smooth: Floats = values * sigmoid(values)
    return smooth


@dataclass(frozen=True, eq=False)
class Decoder:
    """Trunk and heads. H hidden units, Z latent dimensions, K cells in use.

    `trunk_in`: `[Z, H]` and `[H]`; `trunk_1`, `trunk_2`: residual layers `[H, H]` and `[H]`; `onset`, `velocity`,
    `timing`:
    heads `[H, K]` and `[K]`. `threshold`: `[K]`, the logit at which a cell of the plane begins to sound. All float32.
    """

    trunk_in: Floats
    trunk_in_bias: Floats
    trunk_1: Floats
    trunk_1_bias: Floats
    trunk_2: Floats
    trunk_2_bias: Floats
    onset: Floats
    onset_bias: Floats
    velocity: Floats
    velocity_bias: Floats
    timing: Floats
    timing_bias: Floats
    threshold: Floats

    def __post_init__(self) -> None:
        latent, hidden = self.trunk_in.shape
        cells = self.onset.shape[1]
        shapes = {
            "trunk_in": (latent, hidden),
            "trunk_in_bias": (hidden,),
            **{f"trunk_{layer}": (hidden, hidden) for layer in (1, 2)},
            **{f"trunk_{layer}_bias": (hidden,) for layer in (1, 2)},
            **dict.fromkeys(("onset", "velocity", "timing"), (hidden, cells)),
            **{f"{head}_bias": (cells,) for head in ("onset", "velocity", "timing")},
            "threshold": (cells,),
        }
        _check_weights(self, shapes)

    @property
    def latent(self) -> int:
        """Z, latent dimensions."""
        return int(self.trunk_in.shape[0])

    @property
    def cells(self) -> int:
        """K, cells in use."""
        return int(self.onset.shape[1])

    def hidden(self, latents: Floats) -> Floats:
        """`[N, Z]` to `[N, H]`."""
        state = latents @ self.trunk_in + self.trunk_in_bias
        state = state + silu(state) @ self.trunk_1 + self.trunk_1_bias
        final: Floats = state + silu(state) @ self.trunk_2 + self.trunk_2_bias
        return final

    def onset_logits(self, latents: Floats) -> Floats:
        """Log-odds of an onset in each cell above its threshold: above 0 it sounds. `[N, Z]` to `[N, K]`."""
        logits: Floats = self.hidden(latents) @ self.onset + (self.onset_bias - self.threshold)
        return logits

    def decode(self, latents: Floats) -> tuple[Floats, Floats, Floats]:
        """Onset probability, velocity (1/127 to 1), microtiming (ticks, -3 to 3) of the cells in use, `[N, K]` each."""
        weights, biases = self._heads
        bent = np.tanh(self.hidden(latents) @ weights + biases)
        onset, velocity, timing = bent[:, : self.cells], bent[:, self.cells : -self.cells], bent[:, -self.cells :]
        loud = np.maximum(_HALF + _HALF * velocity, np.float32(1 / MAX_MIDI_VELOCITY))
        return _HALF + _HALF * onset, loud, timing * np.float32(MAX_MICROTIMING_TICKS)

    @cached_property
    def _heads(self) -> tuple[Floats, Floats]:
        """The three heads as one, `[H, 3K]` and `[3K]`: a hand on the plane waits for this product and one tanh.

        The logistic function of x is (1 + tanh(x / 2)) / 2, so the halves go into the weights.
        """
        weights = np.concatenate([_HALF * self.onset, _HALF * self.velocity, self.timing], axis=1)
        odds = _HALF * (self.onset_bias - self.threshold)
        return weights, np.concatenate([odds, _HALF * self.velocity_bias, self.timing_bias])


@dataclass(frozen=True, eq=False)
class Encoder:
    """Clips to the mean and log variance of their latent. `[3K]` features (onset, velocity, microtiming / 3) to `[Z]`.

    `layer_in`: `[3K, E]`, `layer_1`: residual `[E, E]`, `mean` and `log_variance`: `[E, Z]`, each with its bias.
    """

    layer_in: Floats
    layer_in_bias: Floats
    layer_1: Floats
    layer_1_bias: Floats
    mean: Floats
    mean_bias: Floats
    log_variance: Floats
    log_variance_bias: Floats

    def __post_init__(self) -> None:
        features, hidden = self.layer_in.shape
        latent = self.mean.shape[1]
        shapes = {
            "layer_in": (features, hidden),
            "layer_1": (hidden, hidden),
            **dict.fromkeys(("layer_in_bias", "layer_1_bias"), (hidden,)),
            **dict.fromkeys(("mean", "log_variance"), (hidden, latent)),
            **dict.fromkeys(("mean_bias", "log_variance_bias"), (latent,)),
        }
        _check_weights(self, shapes)

    def encode(self, features: Floats) -> tuple[Floats, Floats]:
        """`[N, 3K]` to means and log variances, `[N, Z]` each."""
        state = silu(features @ self.layer_in + self.layer_in_bias)
        state = state + silu(state @ self.layer_1 + self.layer_1_bias)
        return state @ self.mean + self.mean_bias, state @ self.log_variance + self.log_variance_bias


def in_range(weights: npt.NDArray[np.floating]) -> bool:
    """Whether all are numbers, and none so large that layers could overflow."""
    return bool(np.all(np.abs(weights) <= LARGEST_WEIGHT))


def _check_weights(weights: Decoder | Encoder, shapes: Mapping[str, tuple[int, ...]]) -> None:
    for item in fields(weights):
        given: Floats = getattr(weights, item.name)
        if given.shape != shapes[item.name] or not in_range(given):
            raise PatternError(
                f"{type(weights).__name__.lower()} {item.name}: shape {given.shape}, needs {shapes[item.name]} numbers "
                f"of {LARGEST_WEIGHT:.0f} at most; train the model again"
            )


def cell_features(
    onset: npt.NDArray[np.int8], velocity: Floats, microtiming: Floats, cells: npt.NDArray[np.int64]
) -> Floats:
    """What the encoder reads of patterns `[N, V, T]`: onset, velocity, microtiming / 3 of its cells, `[N, 3K]`."""
    count = len(onset)
    planes = [part.reshape(count, -1)[:, cells] for part in (onset, velocity, microtiming / MAX_MICROTIMING_TICKS)]
    return np.concatenate(planes, axis=1).astype(np.float32)
