"""Fitting one rhythm space: a variational autoencoder and the plane over it, from a few dozen patterns.

1. The clips are laid out on the square (`rvae.seating`), and every node of the plane is given a blend of them such that
   each step of the hand changes about as many onsets as any other.
2. The autoencoder learns the clips and, as targets of their own, the blends that the plane asks for (mixup in the
   latent: Verma et al., 2019), so that the onset probability halfway between clips means what it says. Velocity and
   microtiming count only where there are onsets.
3. The plane is fitted again, now to what the decoder really plays, and each cell's threshold is set between the clips
   that sound it and those that do not.

Cells have thresholds of their own, spread by metric weight: on the way from clip to clip the strong onsets of the next
enter first and the strong ones of the last leave last, one by one instead of all at the border.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from rvae.measures import LATTICE
from rvae.network import RhythmVae
from rvae.pattern import Pattern
from rvae.plane import Plane, corners
from rvae.seating import Seating
from rvae.sketch import MOST_ANCHORS, THRESHOLDS, sketched_space
from rvae.space import Space


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a space is fitted. The values were chosen by experiment: `docs/learning.md` has what else was tried.

    `latent`: Z. `hidden`, `encoder_hidden`: units. `steps`: of the autoencoder, and `steps_per_anchor` more for each
    clip on the plane; `plane_steps`: of the plane, before and after. `batch`: patterns, and places of the plane, in one
    step. `learning_rate`, `plane_rate`: of Adam. `kl_weight`: of the divergence from the prior. `blend_weight`: of the
    blends against the clips themselves. `value_weight`: of velocity and timing. `threshold_low`, `threshold_high`: the
    range that thresholds are spread over, as probabilities. `most_anchors`: clips that are spread over the plane.
    `softness`: of an onset while the plane is fitted.
    """

    latent: int = 24
    hidden: int = 96
    encoder_hidden: int = 64
    steps: int = 450
    steps_per_anchor: int = 4
    plane_steps: int = 220
    batch: int = 128
    learning_rate: float = 5e-3
    plane_rate: float = 0.06
    kl_weight: float = 0.02
    blend_weight: float = 3.0
    value_weight: float = 20.0
    threshold_low: float = THRESHOLDS[0]
    threshold_high: float = THRESHOLDS[1]
    most_anchors: int = MOST_ANCHORS
    softness: float = 0.015


class SpaceFitting:
    """The fitting of one space, a step at a time. `patterns`: of one number of beats; `seed`: of everything random."""

    def __init__(self, patterns: Sequence[Pattern], recipe: Recipe, seed: int) -> None:
        self.recipe = recipe
        self.first = patterns[0]
        self._patterns, self._seed, self._done = patterns, seed, 0
        self._rng = np.random.default_rng(seed)
        self._torch = torch.Generator().manual_seed(seed)
        self._seating = Seating.of(
            patterns,
            self._rng,
            most_anchors=recipe.most_anchors,
            low=recipe.threshold_low,
            high=recipe.threshold_high,
        )
        self._anchors = torch.from_numpy(self._seating.anchors)
        self._features = torch.from_numpy(self._seating.features)
        self._onset, self._velocity, self._timing = self._features.chunk(3, dim=1)
        self._score = torch.tensor(self._seating.score, requires_grad=True)
        self._seated = torch.from_numpy(self._seating.seated)
        self._free = 1.0 - self._seated.sum(dim=1, keepdim=True)
        self._threshold = torch.from_numpy(self._seating.thresholds)
        torch.manual_seed(seed)
        self._net = RhythmVae(
            len(self._seating.cells), latent=recipe.latent, hidden=recipe.hidden, encoder_hidden=recipe.encoder_hidden
        )
        self._pinned: Tensor | None = None
        self._losses = self._run()

    @property
    def steps(self) -> int:
        """How many times `step` has something to do."""
        return self._network_steps + 2 * self._plane_steps

    @property
    def _network_steps(self) -> int:
        return self.recipe.steps + self.recipe.steps_per_anchor * len(self._anchors)

    @property
    def _plane_steps(self) -> int:
        return self.recipe.plane_steps if len(self._anchors) > 1 else 0

    def step(self) -> float:
        """Go on by one step; returns its loss."""
        self._done += 1
        return next(self._losses)

    def _weights(self) -> Tensor:
        """The plane: the blend of each node, `[G * G, M]`."""
        return torch.softmax(self._score, dim=1) * self._free + self._seated

    def _run(self) -> Iterator[float]:
        yield from self._fit_plane(decoded=False)
        yield from self._fit_network()
        self._settle()
        yield from self._fit_plane(decoded=True)

    def _fit_network(self) -> Iterator[float]:
        recipe, net = self.recipe, self._net
        optimiser = torch.optim.AdamW(net.parameters(), recipe.learning_rate, weight_decay=1e-4)
        rates = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, recipe.learning_rate, total_steps=max(self._network_steps, 1)
        )
        anchors = self._anchors
        weights = self._weights().detach()
        for step in range(self._network_steps):
            noise = 1.0 if step < self._network_steps / 2 else 0.1
            loss = self._network_loss(anchors, weights, noise)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            optimiser.step()
            rates.step()
            yield float(loss.detach())

    def _network_loss(self, anchors: Tensor, weights: Tensor, noise: float) -> Tensor:
        """The loss of one step: clips through their posterior, clips at their means, and blends on the plane."""
        batch, net = self.recipe.batch, self._net
        chosen = torch.arange(len(self._features))
        if len(chosen) > batch:
            chosen = torch.randperm(len(chosen), generator=self._torch)[:batch]
        rows = torch.cat([anchors, chosen])
        mean, log_variance = net.encode(self._features[rows])
        at_anchors, mean, log_variance = mean[: len(anchors)], mean[len(anchors) :], log_variance[len(anchors) :]
        posterior = mean + torch.randn(mean.shape, generator=self._torch) * (0.5 * log_variance).exp()
        blend = self._blend(weights, self._rng.random((batch, 2)))
        latents = torch.cat([posterior, mean, blend @ at_anchors])
        targets = [
            torch.cat([part[chosen], part[chosen], blended])
            for part, blended in zip(
                (self._onset, self._velocity, self._timing), self._blended(blend, anchors), strict=True
            )
        ]
        share = torch.cat(
            [
                torch.full((len(chosen),), noise / len(chosen)),
                torch.full((len(chosen),), 1 / len(chosen)),
                torch.full((batch,), self.recipe.blend_weight / batch),
            ]
        )
        divergence = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(dim=1).mean()
        return self._reconstruction(latents, targets, share[:, None]) + self.recipe.kl_weight * divergence

    def _reconstruction(self, latents: Tensor, targets: list[Tensor], share: Tensor) -> Tensor:
        onset, velocity, timing = self._net.decode(latents)
        sounding = targets[0]
        entropy = nn.functional.binary_cross_entropy_with_logits(onset, sounding, reduction="none")
        values = (torch.sigmoid(velocity) - targets[1]) ** 2 + (torch.tanh(timing) - targets[2]) ** 2
        return ((entropy + self.recipe.value_weight * values * sounding) * share).sum()

    def _blend(self, weights: Tensor, points: npt.NDArray[np.float64]) -> Tensor:
        """What places are made of, `[N, M]`; differentiable in the weights."""
        nodes, shares = corners(points, self._seating.side)
        return (torch.from_numpy(shares)[:, :, None] * weights[torch.from_numpy(nodes)]).sum(dim=1)

    def _blended(self, blend: Tensor, anchors: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Onset probability of a blend, and the velocity and timing to be expected where it sounds. `[N, K]` each."""
        onset = self._onset[anchors]
        probability = blend @ onset
        sure = probability.clamp_min(1e-6)
        return (
            probability,
            blend @ (self._velocity[anchors] * onset) / sure,
            blend @ (self._timing[anchors] * onset) / sure,
        )

    def _settle(self) -> None:
        """Fix the network and set each threshold between the anchors that sound a cell and those that do not."""
        self._net.round_to_half()
        with torch.no_grad():
            anchors = self._anchors
            self._means = self._net.encode(self._features[anchors])[0]
            logits = self._net.onset(self._net.hidden(self._means))
            sounding = self._onset[anchors] > 0.5
            lowest_on = torch.where(sounding, logits, torch.inf).amin(dim=0)
            highest_off = torch.where(sounding, -torch.inf, logits).amax(dim=0)
            margin = ((lowest_on - highest_off) / 4).clamp(0.0, 0.5)
            wished = torch.logit(self._threshold)
            kept = torch.maximum(torch.minimum(wished, lowest_on - margin), highest_off + margin)
            self._pinned = torch.where(lowest_on > highest_off, kept, wished)

    def _fit_plane(self, *, decoded: bool) -> Iterator[float]:
        steps, anchors = self._plane_steps, self._anchors
        optimiser = torch.optim.Adam([self._score], self.recipe.plane_rate)
        rates = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: max(0.02, 1 - step / max(1, steps)))
        onset = self._onset[anchors]
        count = onset.sum(dim=1)
        for parameter in self._net.parameters():
            parameter.requires_grad_(not decoded)
        for _ in range(steps):
            blend = self._blend(self._weights(), self._shaken_lattice())
            if decoded:
                assert self._pinned is not None
                odds = self._net.onset(self._net.hidden(blend @ self._means))
                above = torch.sigmoid(odds) - torch.sigmoid(self._pinned)
            else:
                above = blend @ onset - self._threshold
            sounding = torch.sigmoid(above / self.recipe.softness).reshape(LATTICE, LATTICE, -1)
            loss = _unevenness(sounding, (blend @ count).detach().reshape(LATTICE, LATTICE))
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            optimiser.step()
            rates.step()
            yield float(loss.detach())

    def _shaken_lattice(self) -> npt.NDArray[np.float64]:
        """A lattice with corner and step a little off, so that the plane is even between the measured points too."""
        step = self._rng.uniform(1 / LATTICE, 1 / (LATTICE - 1))
        corner = self._rng.random(2) * (1 - step * (LATTICE - 1))
        across, up = np.meshgrid(np.arange(LATTICE) * step, np.arange(LATTICE) * step)
        return np.stack([across.ravel(), up.ravel()], axis=1) + corner

    def space(self) -> Space:
        """The space as far as it is fitted; while the network knows too little to be played, a sketch of it."""
        if self._done < self._plane_steps + self._network_steps // 2:
            return sketched_space(self._patterns, self._seed)
        self._settle()
        assert self._pinned is not None
        with torch.no_grad():
            weights = self._weights().numpy()
        return Space(
            self.first.meter.beats,
            self.first.bars,
            len(self.first.kit),
            self._seating.cells,
            Plane.of(weights, self._seating.places, self._seating.owners),
            self._means.numpy(),
            self._net.numpy_decoder(self._pinned.numpy()),
            self._net.numpy_encoder(),
        )


def _unevenness(sounding: Tensor, expected: Tensor) -> Tensor:
    """How far a plane is from equal change for equal movement. `sounding`: `[R, R, K]`, 0..1; `expected`: onsets
    `[R, R]`.

    Moves should change as many onsets as the mean move does, at least two and at most a fifth of what sounds; and no
    place should have many more or fewer onsets than the clips it is made of.
    """
    changed = torch.cat(
        [
            (sounding[:, 1:] - sounding[:, :-1]).abs().sum(-1).ravel(),
            (sounding[1:] - sounding[:-1]).abs().sum(-1).ravel(),
        ]
    )
    count = sounding.sum(dim=-1)
    fuller = torch.cat(
        [torch.maximum(count[:, 1:], count[:, :-1]).ravel(), torch.maximum(count[1:], count[:-1]).ravel()]
    ).detach()
    mean = changed.mean().detach().clamp_min(2.5)
    uneven = ((changed / mean - 1) ** 2).mean()
    jumps = (torch.relu(changed - 0.19 * fuller) / mean).square().mean()
    dead = torch.relu(1.5 - changed).square().mean()
    strayed = (count / expected.clamp_min(1.0) - 1).square().mean()
    return uneven + 4 * jumps + dead + 0.2 * strayed
