"""The commands that learn: `rvae train` and `rvae evaluate`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rvae.arguments import DEFAULT_BARS, Command, add_reading_arguments, corpus_of, print_json, seed_number
from rvae.corpus import Corpus, read_corpus
from rvae.errors import CorpusError, FileError, UsageError
from rvae.evaluation import Json, evaluate
from rvae.meter import TICKS_PER_BEAT, Meter
from rvae.model import Model, load
from rvae.modelfile import MODEL_SUFFIX
from rvae.progress import training_bar
from rvae.sketch import MOST_ANCHORS

_PRESETS = ("rvae", "rvae-2020")


def _train_arguments(parser: argparse.ArgumentParser) -> None:
    add_reading_arguments(parser)
    parser.add_argument("-o", "--output", required=True, metavar="MODEL", help=f"the model file, NAME{MODEL_SUFFIX}")
    parser.add_argument(
        "--seed", type=seed_number, default=0, help="the same seed and clips give the same model (default: 0)"
    )
    parser.add_argument("--seeds", type=int, metavar="N", help="train N seeds side by side and keep the best plane")
    parser.add_argument(
        "--preset", default="rvae", choices=_PRESETS, help="rvae, or rvae-2020 for the published network"
    )
    parser.add_argument(
        "--places",
        type=int,
        metavar="N",
        help="at most N patterns get a place of their own: fewer make a smoother plane that remembers less "
        f"(default: {MOST_ANCHORS})",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _train(arguments: argparse.Namespace) -> int:
    output = Path(arguments.output)
    check_output(output)
    if arguments.seeds is not None and arguments.seeds < 1:
        raise UsageError(f"--seeds {arguments.seeds}: 1 or more are possible; choose a number of seeds")
    if arguments.places is not None:
        _check_places(arguments)
    corpus = corpus_of(arguments)
    cycle = "1 bar" if corpus.bars == 1 else f"{corpus.bars} bars"
    _say(f"{len(corpus.clips)} clips, {len(corpus.patterns)} patterns of {cycle}; {_meters(corpus)}")
    _say_dropped(corpus)
    begun_s = time.monotonic()
    if arguments.seeds is None:
        model = _trained(corpus, arguments.seed, arguments.preset, arguments.places or MOST_ANCHORS)
    else:
        model = _best_of(corpus, range(arguments.seed, arguments.seed + arguments.seeds), arguments.preset)
    spent_s = time.monotonic() - begun_s
    model.save(output)  # before it is measured: what was learned is kept, whatever happens now
    found = evaluate(model, corpus.patterns)
    replace(model, figures=found).save(output)
    report: Json = {
        "model": str(output),
        "seconds": round(spent_s, 3),
        "clips": len(corpus.clips),
        "patterns": len(corpus.patterns),
        "parameters": parameters(model),
        "seed": model.seed,
        "preset": model.preset,
        **found,
    }
    if arguments.json:
        print_json(report)
    else:
        _print_figures(found, "remembers (the clips it learned from)")
        print(f"{output}: trained in {spent_s:.1f} s; play it with: rvae play {output}")  # noqa: T201  # the product
    return 0


def parameters(model: Model) -> int:
    """Numbers in the model's arrays."""
    return sum(array.size for space in model.spaces for array in space.arrays().values())


def _check_places(arguments: argparse.Namespace) -> None:
    if not 2 <= arguments.places <= MOST_ANCHORS:
        raise UsageError(f"--places {arguments.places}: 2 to {MOST_ANCHORS} are possible; choose another number")
    if arguments.seeds is not None or arguments.preset != _PRESETS[0]:
        raise UsageError("--places goes neither with --seeds nor with another preset; leave one of them out")


def _trained(corpus: Corpus, seed: int, preset: str, places: int) -> Model:
    from rvae.fitting import Recipe
    from rvae.training import train  # torch, only where training happens

    recipe = Recipe(most_anchors=places)
    with _interruptible() as interrupted, training_bar() as show:
        model = train(corpus, seed=seed, preset=preset, recipe=recipe, on_progress=show, stop=interrupted)
    if interrupted():
        _say("interrupted: keeping what was learned so far")
    return model


def _best_of(corpus: Corpus, seeds: range, preset: str) -> Model:
    from rvae.seeds import train_seeds

    with _interruptible() as interrupted:
        _say(f"training {len(seeds)} seeds side by side")
        trials = train_seeds(
            corpus,
            seeds,
            preset,
            stop=interrupted,
            on_trial=lambda trial: _say(f"seed {trial.seed}: score {trial.score:.3f}"),
        )
    if interrupted():
        _say("interrupted: keeping the best of what was learned so far")
    margin = f", {trials[0].score - trials[1].score:.3f} ahead of seed {trials[1].seed}" if len(trials) > 1 else ""
    _say(f"seed {trials[0].seed} has the best plane: score {trials[0].score:.3f}{margin}")
    return Model.from_bytes(trials[0].model)


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Ctrl-C once: the training ends with what it has. Twice: it is given up."""
    asked = False

    def ask(_number: int, _frame: object) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)


def check_output(output: Path) -> None:
    """Say that a model cannot be written before it is trained, not after."""
    folder = output.parent
    if os.path.isdir(output):  # os.path answers no where a folder above may not be looked into, pathlib raises
        raise FileError(f"{output}: a folder; give the name of a file, such as {output / ('mine' + MODEL_SUFFIX)}")
    if not os.path.isdir(folder):
        raise FileError(f"{output}: there is no folder {folder} for you; make it, or choose another place")
    if os.path.exists(output) and not os.path.isfile(output):
        return  # a device takes what it is given
    try:
        with tempfile.NamedTemporaryFile(prefix=f".{output.name}.", suffix=".part", dir=folder):
            pass  # as saving will do it
    except OSError as error:
        raise FileError(f"{output}: cannot be written ({error.strerror or error}); choose another place") from None


def _say_dropped(corpus: Corpus) -> None:
    dropped = corpus.report.dropped
    lost = sum(corpus.report.unmapped.values())
    if dropped or lost or corpus.report.collisions:
        _say(
            f"left out: {len(dropped)} entries, {lost} notes of unknown pitch, {corpus.report.collisions} collisions; "
            "rvae inspect says which"
        )
    if withheld := sum(clip.is_withheld for clip in corpus.report.clips):
        clips = "1 clip" if withheld == 1 else f"{withheld} clips"
        _say(f"{clips} not learned for want of consent, with any copies of them; rvae card says which")


def _meters(corpus: Corpus) -> str:
    counts = {meter: sum(pattern.meter == meter for pattern in corpus.patterns) for meter in corpus.meters}
    return ", ".join(f"{meter.label}: {count}" for meter, count in counts.items())


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)  # noqa: T201  # words go to standard error


def _evaluate_arguments(parser: argparse.ArgumentParser) -> None:
    add_reading_arguments(parser)
    parser.set_defaults(bars=None, kit=None, grid=None)  # a model has its own
    parser.add_argument(
        "--cross-validate", action="store_true", help="train on parts of the clips and test on the others"
    )
    parser.add_argument("--folds", type=int, default=5, help="parts for --cross-validate (default: 5)")
    parser.add_argument("--seed", type=seed_number, default=0, help="for --cross-validate (default: 0)")
    parser.add_argument("--preset", default="rvae", choices=_PRESETS, help="for --cross-validate (default: rvae)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _evaluate(arguments: argparse.Namespace) -> int:
    return _cross_validate(arguments) if arguments.cross_validate else _evaluate_model(arguments)


def _evaluate_model(arguments: argparse.Namespace) -> int:
    if len(arguments.paths) < 2:
        raise UsageError(f"only {arguments.paths[0]} given: evaluate needs a model and clips; see rvae evaluate --help")
    for name, value in (("bars", arguments.bars), ("kit", arguments.kit), ("grid", arguments.grid)):
        if value is not None:
            raise UsageError(f"--{name} {value}: clips are read as the model's own were; leave --{name} out")
    model = load(arguments.paths[0])
    corpus = read_corpus(
        arguments.paths[1:],
        bars=model.bars,
        kit=model.kit,
        channel=arguments.channel,
        quantise=arguments.quantise,
        groupings=tuple(Meter.parse(name) for name in arguments.meter),
    )
    _say_dropped(corpus)
    if not any(pattern.meter.beats in model.beats for pattern in corpus.patterns):
        raise CorpusError(
            f"no clip has {' or '.join(map(str, model.beats))} beats in a bar, which is what {arguments.paths[0]} has "
            "learned; give clips in its meters"
        )
    found = evaluate(model, corpus.patterns)
    if found["patterns_skipped"]:
        _say(f"{found['patterns_skipped']} patterns skipped: the model has not learned their number of beats")
    if arguments.json:
        print_json(found)
    else:
        _print_figures(found, "these clips, each at its best place on the plane")
    return 0


def _cross_validate(arguments: argparse.Namespace) -> int:
    if arguments.folds < 2:
        raise UsageError(f"--folds {arguments.folds}: 2 or more are possible; choose a number of parts")
    if Path(arguments.paths[0]).suffix == MODEL_SUFFIX:
        raise UsageError(f"{arguments.paths[0]}: --cross-validate trains its own models; give clips only")
    from rvae.cross_validation import cross_validate
    from rvae.training import train  # torch

    arguments.bars, arguments.grid = arguments.bars or DEFAULT_BARS, arguments.grid or TICKS_PER_BEAT
    corpus = corpus_of(arguments)
    _say_dropped(corpus)

    def learn(part: Corpus) -> Model:
        return train(part, seed=arguments.seed, preset=arguments.preset)

    held_out = cross_validate(
        corpus,
        learn,
        count=arguments.folds,
        seed=arguments.seed,
        on_fold=lambda done, of: _say(f"part {done} of {of} done"),
    )
    found = evaluate(learn(corpus), corpus.patterns)
    if arguments.json:
        print_json({**found, "held_out": held_out})
    else:
        _print_figures(found, "remembers (a model of all clips, tested on the clips it learned from)")
        _print_figures(
            held_out, f"generalises (each clip tested on a model that never saw its file, {held_out['folds']} parts)"
        )
    return 0


def _print_figures(found: Json, title: str) -> None:
    lines = [
        f"{title}:",
        f"  onsets      F1 {found['onset_f1']:.3f} (same tick {found['onset_f1_exact']:.3f}), precision "
        f"{found['onset_precision']:.3f}, recall {found['onset_recall']:.3f}, n = {found['onsets']}",
        f"  velocity    off by {found['velocity_mae']:.1f} of 127 on average",
        f"  microtiming off by {found['microtiming_mae_ms']:.1f} ms on average",
    ]
    by_meter = found["by_meter"]
    if isinstance(by_meter, dict) and len(by_meter) > 1:
        lines += [
            f"  {name:<11} F1 {part['onset_f1']:.3f}, {part['patterns']} patterns" for name, part in by_meter.items()
        ]
    plane = found.get("plane")
    if isinstance(plane, dict):
        lines += [
            f"  plane       {plane['clip_recall']:.0%} of the clips on it, {plane['unique']:.0%} of places differ, "
            f"{plane['dead_moves']:.1%} of moves change nothing,",
            f"              {plane['jumps']:.1%} change over a quarter, evenness {plane['evenness']:.2f}, "
            f"{plane['blown_out']} places blown out",
        ]
    print("\n".join(lines))  # noqa: T201  # the product


TRAIN = Command("train", "learn a model from clips", _train_arguments, _train)
EVALUATE = Command(
    "evaluate", "figures of a model on clips, or leave-clips-out figures", _evaluate_arguments, _evaluate
)
