"""Training of the published R-VAE, as published (`rvae.published`): network, loss, optimiser, copying and epochs.

It is handed our barlines and our felt beats, which flatters it: the published code cuts at every 96 columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from rvae.pattern import Pattern
from rvae.published import Layer, PublishedSpace, published_columns

_UNITS = 512
_EPOCHS = 150
_BATCH = 64
_FEWEST_CLIPS = 64
# A normalisation at its initial statistics divides by sqrt(1 + epsilon) and is otherwise an affine layer.
_NORMALISING = float(1 / np.sqrt(1 + 1e-3))


class _Affine(nn.Module):
    def __init__(self, units: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(units))
        self.shift = nn.Parameter(torch.zeros(units))

    def forward(self, values: Tensor) -> Tensor:
        normal: Tensor = values * self.scale * _NORMALISING + self.shift
        return normal


class _Hidden(nn.Module):
    """Linear, normalisation, leaky rectifier."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, _UNITS)
        self.affine = _Affine(_UNITS)

    def forward(self, values: Tensor) -> Tensor:
        return nn.functional.leaky_relu(self.affine(self.linear(values)), 0.3)


class PublishedVae(nn.Module):
    """The published network: three branches of 512, joined to 512, a latent of 2, a trunk of 512 and three heads."""

    def __init__(self, cells: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(_Hidden(cells) for _ in range(3))
        self.joined = _Hidden(3 * _UNITS)
        self.mean = nn.Linear(_UNITS, 2)
        self.log_variance = nn.Linear(_UNITS, 2)
        self.trunk = _Hidden(2)
        self.heads_in = nn.ModuleList(_Hidden(_UNITS) for _ in range(3))
        self.heads_out = nn.ModuleList(nn.Linear(_UNITS, cells) for _ in range(3))
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_normal_(module.weight)
                nn.init.zeros_(module.bias)

    def loss(self, clips: Tensor) -> Tensor:
        """The published loss of clips `[B, 3, C]`: velocity and timeshift count on empty cells too."""
        cells = clips.shape[2]
        state = self.joined(torch.cat([branch(clips[:, plane]) for plane, branch in enumerate(self.branches)], dim=1))
        mean, log_variance = self.mean(state), self.log_variance(state)
        trunk = self.trunk(mean + torch.randn_like(mean) * (0.5 * log_variance).exp())
        onset, velocity, shift = (out(inner(trunk)) for inner, out in zip(self.heads_in, self.heads_out, strict=True))
        entropy = nn.functional.binary_cross_entropy_with_logits(onset, clips[:, 0])
        velocity_error = (torch.sigmoid(velocity) - clips[:, 1]).square().mean()
        shift_error = (torch.tanh(shift) - clips[:, 2]).square().mean()
        divergence = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(dim=1).mean()
        total: Tensor = cells * (entropy + 2.5 * velocity_error + 5 * shift_error) + divergence
        return total


class PublishedFitting:
    """The published training, an epoch at a time. `patterns`: of one number of beats."""

    def __init__(self, patterns: Sequence[Pattern], seed: int) -> None:
        self.first = patterns[0]
        columns = torch.from_numpy(published_columns(patterns))
        copies = -(-_FEWEST_CLIPS // len(columns)) if len(columns) < _FEWEST_CLIPS else 1
        self._clips = columns.repeat(copies, 1, 1)
        torch.manual_seed(seed)
        self._net = PublishedVae(columns.shape[2])
        self._losses = self._run()

    @property
    def steps(self) -> int:
        """Epochs."""
        return _EPOCHS

    def step(self) -> float:
        """Go on by one epoch; returns its mean loss."""
        return next(self._losses)

    def _run(self) -> Iterator[float]:
        optimiser = torch.optim.Adam(self._net.parameters(), eps=1e-7)
        for _ in range(_EPOCHS):
            losses = []
            for rows in torch.split(torch.randperm(len(self._clips)), _BATCH):
                loss = self._net.loss(self._clips[rows])
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
                optimiser.step()
                losses.append(float(loss.detach()))
            yield float(np.mean(losses))

    def space(self) -> PublishedSpace:
        """The space as far as it is fitted."""
        net = self._net
        layers = {"encoder/joined": _folded(net.joined), "decoder/trunk": _folded(net.trunk)}
        layers |= {"encoder/mean": _linear(net.mean), "encoder/log_variance": _linear(net.log_variance)}
        for index, name in enumerate(("onset", "velocity", "timeshift")):
            layers[f"encoder/{name}"] = _folded(net.branches[index])
            layers[f"decoder/{name}_in"] = _folded(net.heads_in[index])
            layers[f"decoder/{name}_out"] = _linear(net.heads_out[index])
        return PublishedSpace(self.first.meter.beats, self.first.bars, len(self.first.kit), layers)


def _linear(layer: nn.Module) -> Layer:
    assert isinstance(layer, nn.Linear)
    return np.ascontiguousarray(layer.weight.detach().numpy().T).copy(), layer.bias.detach().numpy().copy()


def _folded(layer: nn.Module) -> Layer:
    """A hidden layer with its normalisation folded into weights and bias."""
    assert isinstance(layer, _Hidden)
    weight, bias = _linear(layer.linear)
    scale = layer.affine.scale.detach().numpy() * np.float32(_NORMALISING)
    return weight * scale, bias * scale + layer.affine.shift.detach().numpy()
