"""Several seeds side by side: train each in a process of its own, keep the plane that plays best."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass

from rvae.corpus import Corpus
from rvae.errors import TrainingError
from rvae.evaluation import evaluate
from rvae.model import Model
from rvae.training import train

_LOOK_S = 0.2


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


def train_seeds(
    corpus: Corpus,
    seeds: Sequence[int],
    preset: str = "rvae",
    *,
    stop: Callable[[], bool] = lambda: False,
    on_trial: Callable[[Trial], None] = lambda _: None,
) -> list[Trial]:
    """A trial for each seed, the best first; `on_trial` is called with each as it ends.

    `stop` is asked a few times a second: true ends all with what they have. Raises TrainingError.
    """
    workers = max(1, min(len(seeds), os.cpu_count() or 1))
    # A fresh interpreter each: torch's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    trials: list[Trial] = []
    with _interrupts_held_back():
        manager = context.Manager()
    with manager, ProcessPoolExecutor(workers, mp_context=context) as pool:
        ending = manager.Event()
        with _interrupts_held_back():
            waiting = {pool.submit(_trial, corpus, seed, preset, ending) for seed in seeds}
        try:
            while waiting:
                done, waiting = wait(waiting, timeout=_LOOK_S, return_when=FIRST_COMPLETED)
                for each in done:
                    trials.append(_result(each))
                    on_trial(trials[-1])
                if stop():
                    ending.set()
        except BaseException:  # leaving waits for those that still train
            ending.set()
            raise
    return sorted(trials, key=lambda trial: (-trial.score, trial.seed))


def _result(trial: Future[Trial]) -> Trial:
    try:
        return trial.result()
    except BrokenProcessPool:
        raise TrainingError(
            "a training was ended from outside, perhaps for want of memory; try fewer --seeds, or fewer clips"
        ) from None


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Ctrl-C comes when the block has ended; to processes and threads that begin in it, never."""
    if not hasattr(signal, "pthread_sigmask"):  # not on Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _trial(corpus: Corpus, seed: int, preset: str, ending: threading.Event) -> Trial:
    model: Model = train(corpus, seed=seed, preset=preset, stop=ending.is_set)
    return Trial(seed, plane_score(evaluate(model, corpus.patterns)["plane"]), model.to_bytes())
