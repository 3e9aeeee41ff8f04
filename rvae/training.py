"""Training: from a corpus to a model. Needs torch; the stage never comes here."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Event
from typing import Protocol

import torch

from rvae.assembly import assemble, by_beats
from rvae.baseline import PublishedFitting
from rvae.corpus import Corpus
from rvae.errors import TrainingError, UsageError
from rvae.fitting import Recipe, SpaceFitting
from rvae.meter import TICKS_PER_BEAT
from rvae.model import Model
from rvae.sketch import SEEDS, sketch
from rvae.space import RhythmSpace

PRESETS = ("rvae", "rvae-2020")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a training is. `step` of `steps`; `loss` of the last one; `left_s`: seconds left at the pace so far."""

    step: int
    steps: int
    loss: float
    left_s: float


class Fitting(Protocol):
    """Something that fits one space, a step at a time."""

    @property
    def steps(self) -> int:
        """How many times `step` has something to do."""

    def step(self) -> float:
        """Go on by one step; returns its loss."""

    def space(self) -> RhythmSpace:
        """The space as far as it is fitted."""


def train(
    corpus: Corpus,
    *,
    seed: int = 0,
    preset: str = "rvae",
    recipe: Recipe | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    on_model: Callable[[Model], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Model:
    """Learn a model from a corpus.

    `seed`: the same seed and clips give the same model on one machine. `preset`: `rvae`, or `rvae-2020` for the
    published network. `on_progress` is called after each step. `on_model` is called once, soon, with a first model that
    can be played. `stop` is asked after each step: true ends the training with what it has.
    Raises TrainingError where the corpus is on another grid or silent, UsageError for an unknown preset or seed.
    """
    if preset not in PRESETS:
        raise UsageError(f"preset '{preset}': there are {', '.join(PRESETS)}; choose one")
    if not 0 <= seed < SEEDS:
        raise UsageError(f"seed {seed}: 0 to {SEEDS - 1} are possible; choose one of these")
    if corpus.ticks_per_beat != TICKS_PER_BEAT:
        raise TrainingError(
            f"a corpus on a grid of {corpus.ticks_per_beat} ticks a beat; models have {TICKS_PER_BEAT}, read it so"
        )
    if on_model is not None:
        on_model(sketch(corpus, seed=seed))
    with _one_thread():
        return _train(corpus, seed, preset, recipe or Recipe(), on_progress, stop)


def _train(
    corpus: Corpus,
    seed: int,
    preset: str,
    recipe: Recipe,
    on_progress: Callable[[Progress], None] | None,
    stop: Callable[[], bool] | None,
) -> Model:
    fittings = _fittings(corpus, preset, recipe, seed)
    total = sum(fitting.steps for fitting in fittings.values())
    begun_s = time.monotonic()
    # The published code draws from torch's one common source of random numbers: its fittings take turns.
    workers = min(len(fittings), os.cpu_count() or 1) if preset == "rvae" else 1
    with _losses(fittings, workers) as losses:
        for step, loss in enumerate(losses, 1):
            if on_progress is not None:
                on_progress(Progress(step, total, loss, (time.monotonic() - begun_s) / step * (total - step)))
            if stop is not None and stop():
                break
    return assemble(corpus, tuple(fitting.space() for fitting in fittings.values()), preset=preset, seed=seed)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Train on one thread: the matrices are too small to share; on a busy machine sharing takes ten times as long."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _fittings(corpus: Corpus, preset: str, recipe: Recipe, seed: int) -> Mapping[int, Fitting]:
    return {
        beats: SpaceFitting(patterns, recipe, seed) if preset == "rvae" else PublishedFitting(patterns, seed)
        for beats, patterns in by_beats(corpus.patterns).items()
    }


@contextmanager
def _losses(fittings: Mapping[int, Fitting], workers: int) -> Iterator[Iterator[float]]:
    """The losses of all steps as they are done, several spaces side by side; leaving the block ends the work.

    Each fitting has its own random numbers and stays on one thread, so the result does not depend on who is first.
    """
    done: SimpleQueue[float | BaseException] = SimpleQueue()
    ended = Event()

    def work(fitting: Fitting) -> None:
        torch.set_num_threads(1)  # what the main thread set does not hold here
        try:
            for _ in range(fitting.steps):
                if ended.is_set():
                    return
                done.put(fitting.step())
        except BaseException as error:  # noqa: BLE001  # it is raised where the losses are read
            done.put(error)

    with ThreadPoolExecutor(workers) as pool:
        try:
            longest_first = sorted(fittings.values(), key=lambda fitting: -fitting.steps)
            for fitting in longest_first:
                pool.submit(work, fitting)
            yield _taken(done, sum(fitting.steps for fitting in longest_first))
        finally:
            ended.set()


def _taken(done: SimpleQueue[float | BaseException], count: int) -> Iterator[float]:
    for _ in range(count):
        loss = done.get()
        if isinstance(loss, BaseException):
            raise loss
        yield loss
