"""Counterfactuals: what the model would be without somebody's clips, on a coarser grid, with meters in balance."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import rich.progress
from rich.console import Console

from rvae.audit.conditions import BALANCED, Condition, balanced, on_grid, without
from rvae.audit.difference import difference
from rvae.audit.figure import Layer
from rvae.audit.model_layer import measured_layer
from rvae.audit.sweep import FOLDER, Done, Job, sweep
from rvae.corpus import Corpus
from rvae.errors import UsageError

if TYPE_CHECKING:
    from rvae.fitting import Recipe

_USUAL_SEEDS = 3


def add_counterfactual_arguments(parser: argparse.ArgumentParser) -> None:
    """The questions that need trainings."""
    add = parser.add_argument
    add("--seeds", type=int, metavar="N", help=f"train with N seeds, for intervals (counterfactuals: {_USUAL_SEEDS})")
    add(
        "--without",
        action="append",
        default=[],
        metavar="WHAT",
        help="train without a tag, a person or a file, and show the difference (repeatable)",
    )
    add("--grid", type=int, choices=(4, 12), help="train on a grid of 4 or 12 ticks a beat, and show the difference")
    add("--balance", choices=BALANCED, help="train with as many files of each, and show the difference")
    add("--jobs", type=int, metavar="N", help="trainings at once (default: one for each core)")
    add("--cluster", metavar="HOST:PORT", help="train on the cluster of this Dask scheduler")


def asks_for_trainings(arguments: argparse.Namespace) -> bool:
    """Whether any of these questions was asked."""
    return bool(arguments.without or arguments.grid or arguments.balance or arguments.seeds)


def trained_layers(corpus: Corpus, arguments: argparse.Namespace, folder: Path) -> list[Layer]:
    """The layers that need trainings, as the arguments ask for them; what was trained is kept in a folder of `folder`.

    Raises RvaeError.
    """
    seeds = _USUAL_SEEDS if arguments.seeds is None else arguments.seeds
    if not 1 <= seeds <= 1000:
        raise UsageError(f"--seeds {seeds}: 1 to 1000 are possible; choose another number")
    if arguments.jobs is not None and arguments.jobs < 1:
        raise UsageError(f"--jobs {arguments.jobs}: 1 or more are possible; choose another number")
    conditions = [without(corpus, what) for what in dict.fromkeys(arguments.without)]
    if arguments.grid:
        conditions.append(on_grid(corpus, arguments.grid))
    if arguments.balance:
        conditions.append(balanced(corpus, arguments.balance))
    trainings = seeds * (1 + len(conditions))
    with _workers(arguments.jobs, arguments.cluster), _progress(trainings) as show:
        return compared(corpus, conditions, range(seeds), folder / FOLDER, on_done=show)


@contextmanager
def _workers(jobs: int | None, cluster: str | None) -> Iterator[None]:
    """Where trainings run: on the cores of this machine, or on a Dask cluster. Raises UsageError."""
    import joblib  # only where training happens

    if cluster is None:
        with joblib.parallel_config("loky", n_jobs=jobs or os.cpu_count() or 1, inner_max_num_threads=1):
            yield
        return
    try:
        config = joblib.parallel_config("dask", scheduler_host=cluster, n_jobs=jobs or -1)
    except (ImportError, OSError, ValueError) as error:
        raise UsageError(
            f"--cluster {cluster}: no Dask scheduler can be reached ({error}); "
            "install dask and distributed, start one, or leave --cluster out"
        ) from None
    with config:
        yield


@contextmanager
def _progress(trainings: int) -> Iterator[Callable[[Done], None]]:
    """A live bar on a terminal, a line for each training elsewhere; on standard error."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda done: print(_said(done), file=sys.stderr, flush=True)  # noqa: T201  # words go to standard error
        return
    columns = (rich.progress.BarColumn(), rich.progress.TextColumn("{task.description}"))
    with rich.progress.Progress(*columns, console=console) as bar:
        task = bar.add_task(f"0 of {trainings} trainings", total=trainings)
        yield lambda done: bar.update(task, completed=done.done, description=_said(done))


def _said(done: Done) -> str:
    kept = f", {done.kept} of them kept from before" if done.kept else ""
    left = f", {done.left_s:.0f} s left" if done.done < done.jobs else ""
    return f"{done.done} of {done.jobs} trainings{kept} (last: {done.condition}, seed {done.seed}){left}"


def compared(
    corpus: Corpus,
    conditions: Sequence[Condition],
    seeds: Sequence[int],
    folder: Path,
    *,
    recipe: Recipe | None = None,
    on_done: Callable[[Done], None] = lambda _: None,
) -> list[Layer]:
    """Train as it is and under each condition, with each seed; the model's layer, and one for each difference.

    Results are kept in `folder`. How many at once: see `sweep`. Raises RvaeError.
    """
    as_it_is = Condition("as it is", "", lambda _seed: corpus)
    jobs = [
        Job(condition.name, condition.corpus_of(seed), corpus, seed, condition.grid, recipe)
        for seed in seeds
        for condition in (as_it_is, *conditions)
    ]
    found = sweep(jobs, folder, on_done)
    rows = [found[number :: len(conditions) + 1] for number in range(len(conditions) + 1)]
    title = f"Model, trained with {len(seeds)} seed{'s' if len(seeds) > 1 else ''}"
    layers = [measured_layer(rows[0], name="trained", title=title)]
    return layers + [
        difference(condition, rows[0], changed) for condition, changed in zip(conditions, rows[1:], strict=True)
    ]
