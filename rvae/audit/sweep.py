"""Many trainings of the same kind: several at once, each result kept, so that what was interrupted goes on.

joblib spreads them over the cores of this machine, or over a cluster: see `docs/bias-lab.md`.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rvae.audit.measured import Measured, Value, measure
from rvae.corpus import Corpus
from rvae.errors import FileError, TrainingError
from rvae.meter import TICKS_PER_BEAT
from rvae.midi import write_whole

if TYPE_CHECKING:
    from rvae.fitting import Recipe

_FORMAT = 2  # of what is kept; raised where a measure changes its meaning
FOLDER = "trainings"


@dataclass(frozen=True, eq=False)
class Job:
    """One training. `learned`: what from; `reference`: what it is measured against; `grid`: that of `learned`;
    `condition`: for people.
    """

    condition: str
    learned: Corpus
    reference: Corpus
    seed: int
    grid: int = TICKS_PER_BEAT
    recipe: Recipe | None = None

    @property
    def key(self) -> str:
        """The same for the same clips, people, tags, seed, grid and recipe."""
        from rvae.fitting import Recipe  # torch, only where training happens

        digest = hashlib.sha256(repr((_FORMAT, self.seed, self.grid, self.recipe or Recipe())).encode())
        for corpus in (self.learned, self.reference):
            digest.update(repr((corpus.kit, corpus.bars)).encode())
            for pattern in corpus.patterns:
                known = pattern.source, corpus.makers_of(pattern.source), pattern.meter, pattern.qpm, pattern.first_bar
                digest.update(repr(known).encode())
                for array in (pattern.onset, pattern.velocity, pattern.microtiming):
                    digest.update(array.tobytes())
        return digest.hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Done:
    """How far a sweep is. `left_s`: seconds left at the pace so far; `kept`: how many were there already."""

    done: int
    jobs: int
    kept: int
    condition: str
    seed: int
    left_s: float


def sweep(jobs: Sequence[Job], folder: Path, on_done: Callable[[Done], None] = lambda _: None) -> list[Measured]:
    """What each job measured, in order; those in `folder` from before are not trained again.

    As many at once as `joblib.parallel_config(n_jobs=...)` around the call says, by its backend. Raises FileError
    where the folder cannot be written, TrainingError where a training was ended from outside.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"{folder}: no folder can be made there ({error.strerror}); choose another with -o") from None
    files = [folder / f"{job.key}.json" for job in jobs]
    found = {number: old for number, file in enumerate(files) if (old := _read(file)) is not None}
    waiting = [number for number in range(len(jobs)) if number not in found]
    kept, begun_s = len(found), time.monotonic()
    for number, measured in _trained(jobs, waiting):
        found[number] = measured
        _write(files[number], measured)
        each_s = (time.monotonic() - begun_s) / (len(found) - kept)
        job = jobs[number]
        left_s = each_s * (len(jobs) - len(found))
        on_done(Done(len(found), len(jobs), kept, job.condition, job.seed, left_s))
    return [found[number] for number in range(len(jobs))]


def _trained(jobs: Sequence[Job], waiting: Sequence[int]) -> Iterator[tuple[int, Measured]]:
    import joblib  # only where training happens: it looks at the machine when it is imported

    parallel = joblib.Parallel(return_as="generator_unordered")
    try:
        yield from parallel(joblib.delayed(_train)(number, jobs[number]) for number in waiting)
    except joblib.externals.loky.process_executor.TerminatedWorkerError:
        raise TrainingError(
            "a training was ended from outside, perhaps for want of memory; the same command goes on from here, "
            "with fewer --jobs"
        ) from None


def _train(number: int, job: Job) -> tuple[int, Measured]:
    from rvae.training import train  # torch, only where training happens

    model = train(job.learned, seed=job.seed, recipe=job.recipe)
    return number, measure(model, job.reference, grid=job.grid)


def _write(file: Path, measured: Measured) -> None:
    rows = [[name, [list(pair) for pair in of], each.value, each.n] for (name, of), each in measured.items()]
    data = json.dumps({"format": _FORMAT, "measured": rows}).encode()
    write_whole(file, lambda out: out.write(data))  # type: ignore[arg-type]  # the count is not needed


def _read(file: Path) -> Measured | None:
    """What was kept, or None where there is nothing whole."""
    try:
        kept = json.loads(file.read_bytes())
        if kept["format"] != _FORMAT:
            return None
        return {
            (str(name), tuple((str(kind), str(of)) for kind, of in pairs)): Value(float(value), int(n))
            for name, pairs, value, n in kept["measured"]
        }
    except (OSError, ValueError, KeyError, TypeError):
        return None
