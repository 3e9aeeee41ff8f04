"""How far a training is, on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import rich.progress
from rich.console import Console

if TYPE_CHECKING:
    from rvae.training import Progress


@contextmanager
def training_bar() -> Iterator[Callable[[Progress], None]]:
    """A live bar on a terminal, a line for each tenth elsewhere; on standard error."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _progress_lines()
        return
    columns = (
        rich.progress.TextColumn("training"),
        rich.progress.BarColumn(),
        rich.progress.TextColumn("step {task.completed} of {task.total}, loss {task.fields[loss]:.2f}"),
        rich.progress.TextColumn("{task.fields[left_s]:.0f} s left"),
    )
    with rich.progress.Progress(*columns, console=console) as bar:
        task = bar.add_task("training", total=None, loss=0.0, left_s=0.0)

        def show(progress: Progress) -> None:
            bar.update(task, total=progress.steps, completed=progress.step, loss=progress.loss, left_s=progress.left_s)

        yield show


def _progress_lines() -> Callable[[Progress], None]:
    tenth = 0

    def show(progress: Progress) -> None:
        nonlocal tenth
        if progress.step * 10 // progress.steps > tenth:
            tenth = progress.step * 10 // progress.steps
            said = f"step {progress.step} of {progress.steps}, loss {progress.loss:.2f}, {progress.left_s:.0f} s left"
            print(said, file=sys.stderr, flush=True)  # noqa: T201  # words go to standard error

    return show
