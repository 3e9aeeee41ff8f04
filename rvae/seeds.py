"""Several seeds side by side: train each in a process of its own, keep the plane that plays best."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from rvae.corpus import Corpus
from rvae.evaluation import evaluate
from rvae.model import Model
from rvae.training import train


@dataclass(frozen=True, slots=True)
class Trial:
    """One seed's model as its file's bytes, and the score of its planes."""

    seed: int
    score: float
    model: bytes


def plane_score(plane: object) -> float:
    """One number for the `plane` figures, higher is better: recall and evenness, less dead moves and jumps."""
    assert isinstance(plane, dict)
    return float(2 * plane["clip_recall"] + plane["evenness"] - plane["dead_moves"] - plane["jumps"])


def train_seeds(corpus: Corpus, seeds: Sequence[int], preset: str = "rvae") -> list[Trial]:
    """A trial for each seed, the best first."""
    workers = max(1, min(len(seeds), os.cpu_count() or 1))
    # A fresh interpreter each: torch's threads do not survive a fork.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        trials = list(pool.map(_trial, [corpus] * len(seeds), seeds, [preset] * len(seeds)))
    return sorted(trials, key=lambda trial: -trial.score)


def _trial(corpus: Corpus, seed: int, preset: str) -> Trial:
    model: Model = train(corpus, seed=seed, preset=preset)
    return Trial(seed, plane_score(evaluate(model, corpus.patterns)["plane"]), model.to_bytes())
