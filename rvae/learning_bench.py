"""The command `rvae bench --learning`: ours and the published R-VAE on the same clips and the same splits.

Three lines a corpus: ours; the published network as published; and the published network given our search over its
plane, so that what differs is the learner and not the way a clip is looked up. `rvae.learning_page` writes the table.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import io
import os
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rvae.arguments import Command, print_json
from rvae.corpus import Corpus, bundled_corpora, read_corpus
from rvae.cross_validation import FOLDS, folds
from rvae.errors import CorpusError, UsageError
from rvae.evaluation import plane_figures
from rvae.learning_page import OURS, PUBLISHED, SEARCHED, Conditions, Figures, Row, as_json, page
from rvae.measures import Match, exact_f1, lattice, match
from rvae.meter import Meter
from rvae.midi import write_whole
from rvae.model import Model
from rvae.pattern import Pattern

SIZES = (12, 24, 48)
HELD_OUT_CLIPS = 24
FEWEST_ONSETS = 8
_SHARED = "RVAE_SHARED"
_SEARCH_SIDE = 91
_FINE_SIDE = 9
_DECODES = 200
_ROUNDS = 15
_MB = 1e6
Train = Callable[..., Model]
PUBLISHED_PRESET = "rvae-2020"
# Which preset each line of the table is trained with.
_LINES = {OURS: "rvae", PUBLISHED: PUBLISHED_PRESET, SEARCHED: PUBLISHED_PRESET}


@dataclass(frozen=True)
class Task:
    """A corpus to learn and patterns of other files to be tested on; without these, the corpus itself in folds."""

    name: str
    corpus: Corpus
    held_out: tuple[Pattern, ...] = ()
    one_style: bool = True

    def __post_init__(self) -> None:
        shared = set(self.corpus.clips) & {pattern.source for pattern in self.held_out}
        if shared:
            raise CorpusError(f"{min(shared)} is both learned and held out; a file belongs to one side only")


def subsets(corpus: Corpus, name: str, *, seed: int, sizes: Sequence[int] = SIZES, one_style: bool) -> Iterator[Task]:
    """Tasks of so many clips each, one cycle a file, with the same 24 further clips held out of all of them.

    The cycle is chosen at random for a seed, of those in 4/4 with at least eight onsets. Sizes that the corpus is too
    small for are left out.
    """
    chooser = random.Random(seed)
    by_file: dict[str, list[Pattern]] = {}
    for pattern in corpus.patterns:
        if pattern.meter == Meter.parse("4/4") and pattern.onsets >= FEWEST_ONSETS:
            by_file.setdefault(pattern.source, []).append(pattern)
    chosen = [chooser.choice(by_file[source]) for source in sorted(by_file)]
    chooser.shuffle(chosen)
    held_out, rest = chosen[:HELD_OUT_CLIPS], chosen[HELD_OUT_CLIPS:]
    for size in sizes:
        if size <= len(rest):
            yield Task(f"{name} {size}", replace(corpus, patterns=tuple(rest[:size])), tuple(held_out), one_style)


def tasks(paths: Sequence[str], *, seed: int) -> Iterator[Task]:
    """What there is to measure: the given clips; without any, the collections beside the checkout and the bundled."""
    if paths:
        for path in paths:
            yield Task(Path(path).name, read_corpus(path))
        return
    shared = shared_data()
    if (shared / "groove-midi").is_dir():
        yield from subsets(read_corpus(shared / "groove-midi"), "groove", seed=seed, one_style=False)
    if (shared / "drumset-patterns").is_dir():
        drumset = read_corpus(shared / "drumset-patterns")
        yield from subsets(drumset, "drumset", seed=seed, one_style=True)
        yield Task("drumset, all", drumset)
    for name, folder in bundled_corpora().items():
        yield Task(name, read_corpus(folder))


def shared_data() -> Path:
    """The folder of other people's clips, which are not part of rvae."""
    return Path(os.environ.get(_SHARED, "../shared")) / "data"


def searched(model: Model, patterns: Sequence[Pattern]) -> npt.NDArray[np.float64]:
    """The place of any model's plane that is most like each pattern, `[N, 2]`, found as ours is: by looking at places.

    Likeness is the mean of the onset F1 on the same tick and (from above) within one tick.
    """
    found = np.zeros((len(patterns), 2))
    step = 1 / (_SEARCH_SIDE - 1)
    around = (lattice(_FINE_SIDE) * 2 - 1) * step
    points = lattice(_SEARCH_SIDE)
    for beats in sorted({pattern.meter.beats for pattern in patterns}):
        sounding = _sounding(model, points, beats)
        for index, pattern in enumerate(patterns):
            if pattern.meter.beats != beats:
                continue
            best = points[_likeness(sounding, pattern).argmax()]
            near = np.clip(np.concatenate([best[None], best + around]), 0.0, 1.0)
            found[index] = near[_likeness(_sounding(model, near, beats), pattern).argmax()]
    return found


def _sounding(model: Model, points: npt.NDArray[np.float64], beats: int) -> npt.NDArray[np.bool_]:
    """What sounds at places, `[P, V * T]`; a part at a time, for the published network has many cells."""
    parts = [model.onsets(part, beats=beats) for part in np.array_split(points, -(-len(points) // 1000))]
    return np.concatenate([part.reshape(len(part), -1) for part in parts])


def _likeness(sounding: npt.NDArray[np.bool_], pattern: Pattern) -> npt.NDArray[np.float32]:
    onset = pattern.onset == 1
    near = onset.copy()
    near[:, 1:] |= onset[:, :-1]
    near[:, :-1] |= onset[:, 1:]
    hits = np.minimum(sounding.astype(np.float32) @ near.ravel().astype(np.float32), pattern.onsets)
    within = 2 * hits / np.maximum(sounding.sum(axis=1) + pattern.onsets, 1)
    likeness: npt.NDArray[np.float32] = 0.5 * exact_f1(sounding, onset.reshape(1, -1))[:, 0] + 0.5 * within
    return likeness


def measure(
    task: Task, train: Train, *, seed: int, count: int = FOLDS, say: Callable[[str], None] = lambda _: None
) -> Row:
    """Train both on a task and measure them. `train(corpus, seed=, preset=, on_model=)` as `rvae.train`."""
    found: dict[str, Figures] = {}
    for preset in dict.fromkeys(_LINES.values()):
        model, seconds, first_s = _timed(task.corpus, train, preset, seed)
        say(f"{task.name}, {preset}: {len(task.corpus.patterns)} patterns learned in {seconds:.1f} s")
        lines = [line for line, own in _LINES.items() if own == preset]
        held_out = _held_out(task, model, train, preset, seed, count, lines)
        p50_ms, p99_ms = decode_ms(model)
        for line in lines:
            found[line] = Figures(
                **_remembered(model, task.corpus.patterns, line),
                held_out_f1=held_out[line].onset_f1,
                outside=_outside(model, task.corpus.patterns),
                seconds=seconds,
                first_s=first_s,
                decode_p50_ms=p50_ms,
                decode_p99_ms=p99_ms,
                file_mb=len(model.to_bytes()) / _MB,
            )
        say(f"{task.name}, {preset}: held-out F1 {', '.join(f'{held_out[line].onset_f1:.3f}' for line in lines)}")
    how = f"{len(task.held_out)} other clips" if task.held_out else f"{min(count, len(task.corpus.clips))} folds"
    nearest = _nearest_clip(task, seed, count).onset_f1
    return Row(task.name, len(task.corpus.clips), len(task.corpus.patterns), how, task.one_style, found, nearest)


def _timed(corpus: Corpus, train: Train, preset: str, seed: int) -> tuple[Model, float, float]:
    """A model, how long it took, and how long until there was a first one to play (the same where there is none).

    Seconds of processor time, as training has one thread: on a machine of its own these are seconds on the clock, and
    on a shared one the others do not count.
    """
    first: list[float] = []
    begun = time.process_time()
    # The published code has no early model.
    early = None if preset == PUBLISHED_PRESET else lambda _: first.append(time.process_time() - begun)
    model = train(corpus, seed=seed, preset=preset, on_model=early)
    whole = time.process_time() - begun
    # The first model is made beforehand: a training that does not ask for it is that much shorter.
    return model, whole - sum(first), first[0] if first else whole


def _points(model: Model, patterns: Sequence[Pattern], line: str) -> npt.NDArray[np.float64]:
    return searched(model, patterns) if line == SEARCHED else model.encode(patterns)


def _given(model: Model, patterns: Sequence[Pattern], line: str) -> list[Pattern]:
    points = _points(model, patterns, line)
    return [model.pattern(point, meter=pattern.meter) for point, pattern in zip(points, patterns, strict=True)]


def _compared(given: Sequence[Pattern], true: Sequence[Pattern]) -> Match:
    return sum((match(ours, theirs) for ours, theirs in zip(given, true, strict=True)), Match())


def _remembered(model: Model, patterns: Sequence[Pattern], line: str) -> dict[str, float]:
    given = _given(model, patterns, line)
    total = _compared(given, patterns)
    plane = plane_figures(model, patterns, given)
    names = ("unique", "dead_moves", "jumps", "evenness", "blown_out", "clip_recall")
    return {
        "onset_f1": total.onset_f1,
        "onset_f1_exact": total.onset_f1_exact,
        "velocity_mae": total.velocity_mae,
        "microtiming_mae_ms": total.microtiming_mae_ms,
        **{name: float(plane[name]) for name in names},  # type: ignore[arg-type]  # numbers, as plane_figures says
    }


def _held_out(
    task: Task, model: Model, train: Train, preset: str, seed: int, count: int, lines: Sequence[str]
) -> dict[str, Match]:
    """Clips of files that were not learned. Patterns whose number of beats was not learned are left out, for both."""
    total = dict.fromkeys(lines, Match())
    for learned, patterns in _splits(task, seed, count):
        tested = model if learned is task.corpus else train(learned, seed=seed, preset=preset)
        known = [pattern for pattern in patterns if pattern.meter.beats in tested.beats]
        for line in lines:
            total[line] += _compared(_given(tested, known, line), known)
    return total


def _splits(task: Task, seed: int, count: int) -> list[tuple[Corpus, tuple[Pattern, ...]]]:
    """What is learned, and the patterns of other files to be tested on."""
    if task.held_out:
        return [(task.corpus, task.held_out)]
    return [(fold.learned, fold.held_out) for fold in folds(task.corpus, count, seed=seed)]


def _nearest_clip(task: Task, seed: int, count: int) -> Match:
    """Held-out patterns answered with the learned clip most like each: what a plane without blends could do at best."""
    total = Match()
    for learned, patterns in _splits(task, seed, count):
        for true in patterns:
            alike = [pattern for pattern in learned.patterns if pattern.meter.beats == true.meter.beats]
            results = [match(pattern.in_meter(true.meter), true) for pattern in alike]
            total += max(results, key=lambda result: result.onset_f1, default=Match())
    return total


def _outside(model: Model, patterns: Sequence[Pattern]) -> float:
    """Share of places with fewer than half the onsets of the emptiest clip, or half as many again as the fullest."""
    outside = 0.0
    for beats in model.beats:
        counts = [pattern.onsets for pattern in patterns if pattern.meter.beats == beats]
        onsets = _sounding(model, lattice(), beats).sum(axis=1)
        share = np.mean((onsets < 0.5 * min(counts)) | (onsets > 1.5 * max(counts)))
        outside += float(share) * len(counts) / len(patterns)
    return outside


def decode_ms(model: Model) -> tuple[float, float]:
    """Median and 99th percentile of decoding one place, in ms of processor time: the medians of some rounds."""
    points = np.random.default_rng(0).random((_DECODES, 2))
    beats = model.meter.beats
    rounds = []
    for _ in range(_ROUNDS):
        spent = []
        for point in points:
            begun = time.process_time_ns()
            model.decode(point[None], beats=beats)
            spent.append((time.process_time_ns() - begun) / 1e6)
        rounds.append(np.percentile(spent, [50, 99]))
    p50, p99 = np.median(rounds, axis=0)
    return float(p50), float(p99)


def median_row(rows: Sequence[Row]) -> Row:
    """One row of the same task with several seeds: each figure's median."""

    def median(line: str) -> Figures:
        values = {
            item.name: statistics.median(getattr(row.lines[line], item.name) for row in rows)
            for item in fields(Figures)
        }
        return Figures(**values)

    nearest = statistics.median(row.nearest_clip_f1 for row in rows)
    return replace(rows[0], lines={line: median(line) for line in rows[0].lines}, nearest_clip_f1=nearest)


def conditions(seeds: Sequence[int]) -> Conditions:
    """This machine, today."""
    versions = {"python": platform.python_version()}
    for name in ("rvae", "numpy", "torch"):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:  # run from a checkout
            versions[name] = "of this checkout"
    threads = os.environ.get("OMP_NUM_THREADS", "as many as there are cores")
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    return Conditions(_processor(), os.cpu_count() or 1, platform.system(), today, versions, tuple(seeds), threads)


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="*", metavar="PATH", help="folders of clips (default: all there are)")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="medians of so many seeds (default: 1)")
    parser.add_argument("-o", "--output", metavar="PAGE", help="write the table as a Markdown page")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _run(arguments: argparse.Namespace) -> int:
    from rvae.training import train  # torch, only where training happens

    if arguments.seeds < 1:
        raise UsageError(f"--seeds {arguments.seeds}: 1 or more are possible; choose a number of seeds")
    seeds = range(arguments.seeds)
    absent = [] if arguments.paths else [name for name in _COLLECTIONS if not (shared_data() / name).is_dir()]
    if absent:
        _say(f"{' and '.join(absent)} not found: bundled corpora only; name their folder's folder with {_SHARED}")
    found: dict[str, list[Row]] = {}
    for seed in seeds:
        for task in tasks(arguments.paths, seed=seed):
            if not found:  # the first training of a process loads what PyTorch loads late
                train(task.corpus, stop=lambda: True)
            found.setdefault(task.name, []).append(measure(task, train, seed=seed, say=_say))
    rows = [median_row(of_seeds) for of_seeds in found.values()]
    here = conditions(seeds)
    if arguments.output:
        text = page(rows, here, absent).encode()

        def write(out: io.BufferedWriter) -> None:
            out.write(text)

        write_whole(arguments.output, write)
        _say(f"{arguments.output}: {len(rows)} corpora")
    if arguments.json:
        print_json(as_json(rows, here, absent))
    elif not arguments.output:
        print(page(rows, here, absent))  # noqa: T201  # the product
    return 0


_COLLECTIONS = ("groove-midi", "drumset-patterns")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201  # every word that is no result


BENCH = Command("bench-learning", "ours beside the published network, as a table", _arguments, _run)
