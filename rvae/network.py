"""The networks in torch, for training only. The stage plays their weights with numpy (`rvae.decoder`)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from rvae.decoder import Decoder, Encoder
from rvae.pattern import Floats


class RhythmVae(nn.Module):
    """A small variational autoencoder (Kingma and Welling, 2014) over the cells in use.

    Shapes: features `[B, 3K]`, latents `[B, Z]`, onset logits, velocity logits and timing (before tanh) `[B, K]`.
    One trunk for all heads; residual layers, so that a blend of latents can come out as a blend of patterns.
    """

    def __init__(self, cells: int, *, latent: int, hidden: int, encoder_hidden: int) -> None:
        super().__init__()
        self.layer_in = nn.Linear(3 * cells, encoder_hidden)
        self.layer_1 = nn.Linear(encoder_hidden, encoder_hidden)
        self.mean = nn.Linear(encoder_hidden, latent)
        self.log_variance = nn.Linear(encoder_hidden, latent)
        self.trunk_in = nn.Linear(latent, hidden)
        self.trunk_1 = nn.Linear(hidden, hidden)
        self.trunk_2 = nn.Linear(hidden, hidden)
        self.onset = nn.Linear(hidden, cells)
        self.velocity = nn.Linear(hidden, cells)
        self.timing = nn.Linear(hidden, cells)

    def encode(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Means and log variances."""
        state = nn.functional.silu(self.layer_in(features))
        state = state + nn.functional.silu(self.layer_1(state))
        return self.mean(state), self.log_variance(state).clamp(-12.0, 4.0)

    def hidden(self, latents: Tensor) -> Tensor:
        """The trunk."""
        state: Tensor = self.trunk_in(latents)
        state = state + self.trunk_1(nn.functional.silu(state))
        deeper: Tensor = state + self.trunk_2(nn.functional.silu(state))
        return deeper

    def decode(self, latents: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Onset logits, velocity logits, timing before its tanh."""
        hidden = self.hidden(latents)
        return self.onset(hidden), self.velocity(hidden), self.timing(hidden)

    def round_to_half(self) -> None:
        """Round the matrices to float16: the model file keeps them so, and no figure may differ from the file's."""
        with torch.no_grad():
            for parameter in self.parameters():
                if parameter.ndim == 2:
                    parameter.copy_(parameter.half().float())

    def numpy_decoder(self, threshold: Floats) -> Decoder:
        """The decoder for the stage. `threshold`: logits, `[K]`."""
        parts = ("trunk_in", "trunk_1", "trunk_2", "onset", "velocity", "timing")
        return Decoder(**_weights(self, parts), threshold=threshold.astype(np.float32))

    def numpy_encoder(self) -> Encoder:
        """The encoder for the stage."""
        return Encoder(**_weights(self, ("layer_in", "layer_1", "mean", "log_variance")))


def _weights(net: nn.Module, names: tuple[str, ...]) -> dict[str, Floats]:
    out: dict[str, Floats] = {}
    for name in names:
        layer = getattr(net, name)
        out[name] = np.ascontiguousarray(layer.weight.detach().numpy().T).copy()
        out[f"{name}_bias"] = layer.bias.detach().numpy().copy()
    return out
