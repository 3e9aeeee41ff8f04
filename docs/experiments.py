"""What was tried with the learner: `python docs/experiments.py` writes docs/experiments.md.

Each variant changes one thing of the recipe, or what the patterns are before they are learned, and is trained on three
corpora. It takes a quarter of an hour and more for each seed; the page is written again after each variant.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import mean

import numpy as np

from rvae.assembly import assemble, by_beats
from rvae.corpus import Corpus, bundled_corpora, read_corpus
from rvae.cross_validation import folds
from rvae.evaluation import plane_figures
from rvae.fitting import Recipe, SpaceFitting
from rvae.learning_bench import Task, conditions, shared_data, subsets
from rvae.measures import Match, lattice, match
from rvae.model import Model
from rvae.pattern import Pattern
from rvae.space import Space

PAGE = Path(__file__).with_name("experiments.md")
Transform = Callable[[Corpus, int], Corpus]


@dataclass(frozen=True)
class Variant:
    """One thing changed. `warm_up`: the divergence counts from nothing to its whole over the first half of training."""

    name: str
    recipe: Recipe = field(default_factory=Recipe)
    transform: Transform | None = None
    warm_up: bool = False


@dataclass(frozen=True)
class Result:
    """What one training came to. `encoder_f1`: held-out clips looked up by the encoder alone, without a search."""

    onset_f1: float
    held_out_f1: float
    encoder_f1: float
    clip_recall: float
    dead_moves: float
    jumps: float
    evenness: float
    velocity_mae: float
    seconds: float


def jittered(corpus: Corpus, seed: int) -> Corpus:
    """Each pattern once more, louder or softer by about 8 of 127 and off by about a third of a tick, onset by onset."""
    rng = np.random.default_rng(seed)

    def shaken(pattern: Pattern) -> Pattern:
        velocity = pattern.velocity + rng.normal(0, 8 / 127, pattern.velocity.shape)
        off = pattern.microtiming + rng.normal(0, 0.35, pattern.microtiming.shape)
        return _like(pattern, pattern.onset, velocity, off)

    return _with(corpus, shaken)


def rotated(corpus: Corpus, seed: int) -> Corpus:
    """Each pattern once more, begun some whole beats later."""
    rng = np.random.default_rng(seed)

    def turned(pattern: Pattern) -> Pattern:
        ticks = int(rng.integers(1, pattern.bars * pattern.meter.beats)) * pattern.ticks_per_beat
        parts = (np.roll(part, ticks, axis=1) for part in (pattern.onset, pattern.velocity, pattern.microtiming))
        return _like(pattern, *parts)

    return _with(corpus, turned)


def without_a_voice(corpus: Corpus, seed: int) -> Corpus:
    """Each pattern once more with one of its voices silent."""
    rng = np.random.default_rng(seed)

    def thinner(pattern: Pattern) -> Pattern:
        sounding = np.flatnonzero(pattern.onset.any(axis=1))
        onset = pattern.onset.copy()
        if len(sounding) > 1:
            onset[rng.choice(sounding)] = 0
        return _like(pattern, onset, pattern.velocity, pattern.microtiming)

    return _with(corpus, thinner)


def _with(corpus: Corpus, change: Callable[[Pattern], Pattern]) -> Corpus:
    return replace(corpus, patterns=(*corpus.patterns, *map(change, corpus.patterns)))


def _like(pattern: Pattern, *arrays: np.ndarray) -> Pattern:
    rest = {"bars": pattern.bars, "kit": pattern.kit, "source": pattern.source, "qpm": pattern.qpm}
    return Pattern.of_arrays(*arrays, pattern.meter, **rest)


# The most telling ones first: an interrupted run leaves a page of those.
VARIANTS = (
    Variant("as kept"),
    Variant("no blends learned", Recipe(blend_weight=0.0)),
    Variant("one threshold for all cells", Recipe(threshold_low=0.5, threshold_high=0.5)),
    Variant("plane_steps 0", Recipe(plane_steps=0)),
    *(Variant(f"latent {size}", Recipe(latent=size)) for size in (2, 8)),
    Variant("jitter of velocity and timing", transform=jittered),
    Variant("a voice silent", transform=without_a_voice),
    Variant("rotation by beats", transform=rotated),
    *(Variant(f"steps {steps}", Recipe(steps=steps, steps_per_anchor=0)) for steps in (150, 1200)),
    *(Variant(f"kl_weight {weight:g}", Recipe(kl_weight=weight)) for weight in (0.2, 1.0)),
    *(Variant(f"plane_steps {steps}", Recipe(plane_steps=steps)) for steps in (160, 640)),
    *(Variant(f"latent {size}", Recipe(latent=size)) for size in (4, 48)),
    *(Variant(f"hidden {size}", Recipe(hidden=size)) for size in (48, 192)),
    *(Variant(f"softness {value:g}", Recipe(softness=value)) for value in (0.06, 0.015)),
    Variant("value_weight 5", Recipe(value_weight=5.0)),
    Variant("kl_weight 0.002", Recipe(kl_weight=0.002)),
    Variant("kl_weight 0.2, warmed up", Recipe(kl_weight=0.2), warm_up=True),
)


def corpora(seed: int) -> list[Task]:
    """Groove and drumset, 24 clips each, where they are; and two thirds of a bundled corpus."""
    found = []
    for name in ("groove-midi", "drumset-patterns"):
        if (shared_data() / name).is_dir():
            whole = read_corpus(shared_data() / name)
            found += list(subsets(whole, name.split("-")[0], seed=seed, sizes=(24,), one_style=False))
    fold = folds(read_corpus(bundled_corpora()["straight-four"]), 3, seed=seed)[0]
    return [*found, Task(f"straight-four {len(fold.learned.clips)}", fold.learned, fold.held_out)]


def fitted(corpus: Corpus, variant: Variant, seed: int) -> Model:
    """A model by a variant's recipe."""
    spaces = []
    for patterns in by_beats(corpus.patterns).values():
        fitting = SpaceFitting(patterns, variant.recipe, seed)
        for step in range(fitting.steps):
            if variant.warm_up:
                share = min(1.0, step / max(1, fitting.steps / 2))
                fitting.recipe = replace(variant.recipe, kl_weight=variant.recipe.kl_weight * share)
            fitting.step()
        spaces.append(fitting.space())
    return assemble(corpus, tuple(spaces), preset="rvae", seed=seed)


def tried(task: Task, variant: Variant, seed: int) -> Result:
    """Train a variant and measure it on the patterns as they were before it changed them."""
    corpus = variant.transform(task.corpus, seed) if variant.transform else task.corpus
    begun = time.process_time()
    model = fitted(corpus, variant, seed)
    seconds = time.process_time() - begun
    own, others = task.corpus.patterns, task.held_out
    given = _given(model, own, model.encode(own))
    remembered = _compared(given, own)
    held_out = _compared(_given(model, others, model.encode(others)), others)
    by_encoder = _compared(_given(model, others, _by_encoder(model, others)), others)
    plane = plane_figures(model, own, given)
    shares = [float(str(plane[name])) for name in ("clip_recall", "dead_moves", "jumps", "evenness")]
    f1 = (remembered.onset_f1, held_out.onset_f1, by_encoder.onset_f1)
    return Result(*f1, *shares, remembered.velocity_mae, seconds)


def _given(model: Model, patterns: Sequence[Pattern], points: np.ndarray) -> list[Pattern]:
    return [model.pattern(point, meter=pattern.meter) for point, pattern in zip(points, patterns, strict=True)]


def _by_encoder(model: Model, patterns: Sequence[Pattern]) -> np.ndarray:
    """The place whose latent is nearest to the one that the encoder names."""
    points = lattice(121)
    found = []
    for pattern in patterns:
        space = model.space(pattern.meter.beats)
        assert isinstance(space, Space)
        away = np.linalg.norm(space.latents_at(points) - space.latent_means([pattern]), axis=1)
        found.append(points[away.argmin()])
    return np.array(found)


def _compared(given: Sequence[Pattern], true: Sequence[Pattern]) -> Match:
    return sum((match(ours, theirs) for ours, theirs in zip(given, true, strict=True)), Match())


_TITLES = (
    "variant",
    "held-out F1",
    "... by the encoder alone",
    "F1 of learned clips",
    "velocity error",
    "clip_recall",
    "dead_moves",
    "jumps",
    "evenness",
    "seconds",
)


def page(found: dict[tuple[str, str], list[Result]], seeds: Sequence[int]) -> str:
    """The page: a table a corpus, means over seeds."""
    here = conditions(seeds)
    versions = ", ".join(f"{name} {version}" for name, version in here.versions.items())
    lines = [
        "# What was tried",
        "",
        "Written by `python docs/experiments.py`. Each row changes one thing of the recipe in `rvae/fitting.py`; 24 "
        "clips of each corpus are learned, clips of other files are held out. Figures are means over the seeds "
        f"{', '.join(map(str, seeds))}; differences of 0.01 to 0.02 in held-out F1 are within what another seed does. "
        "What the figures mean is in [how the learner works](learning.md).",
        "",
        f"{here.processor}, {here.cores} cores, {here.date}; {versions}. Seconds are processor "
        "time on one thread, on a machine that others were using.",
    ]
    for corpus in dict.fromkeys(name for name, _ in found):
        lines += [
            "",
            f"## {corpus}",
            "",
            f"| {' | '.join(_TITLES)} |",
            f"| {' | '.join(['---'] * len(_TITLES))} |",
        ]
        for variant in VARIANTS:
            results = found.get((corpus, variant.name))
            if results:
                lines.append(_row(variant.name if len(results) == len(seeds) else f"{variant.name} (seed 0)", results))
    return "\n".join([*lines, "", PROBE, KEPT])


def _row(name: str, results: Sequence[Result]) -> str:
    def of(part: str) -> float:
        return mean(getattr(result, part) for result in results)

    figures = [f"{of(part):.3f}" for part in ("held_out_f1", "encoder_f1", "onset_f1")]
    figures.append(f"{of('velocity_mae'):.1f}")
    figures += [f"{of(part):.3f}" for part in ("clip_recall", "dead_moves", "jumps")]
    figures += [f"{of('evenness'):.2f}", f"{of('seconds'):.0f}"]
    return f"| {' | '.join([name, *figures])} |"


PROBE = """## Before this code

A probe in PyTorch on the published grid of 96 columns, 24 Groove clips unless said otherwise, clips looked up by the
encoder alone, F1 on the same column. It told where to start.

| tried | F1 of learned clips | held-out F1 | other |
| --- | --- | --- | --- |
| the published network | 0.54 to 0.64 | 0.40 to 0.41 | velocity off by 38 to 43 of 127 |
| one trunk for all heads, two residual layers, values at onsets only | 1.00 | 0.28 to 0.39 | velocity off by 1 |
| the same, latent of 4, 8, 16 | 1.00 | 0.35, 0.42, 0.39 | |
| two plain layers | 0.997 | 0.36 | 0.935 with 48 clips |
| velocity and timing counted on empty cells too | | | velocity off by 16 to 32 |
| Fourier features of the position | 1.00 | | more cliffs |
| a decoder shared over steps, with time features | 0.60 | | too weak |
| convolutions | 1.00 | | twice the time |
| rotation by beats | 0.91 | lower | |
| jitter of velocity and timing | 1.00 | 0.38 to 0.42 | |
| density noise at the encoder | 0.96 | 0.38 to 0.40 | |
| dropout of 0.3 in the encoder | | 0.40 | |
| free bits | | | nothing gained: all dimensions are in use |
| 150 steps; 1200 steps | 0.81; 1.00 | ; 0.28 | too few; the least general |
"""

KEPT = """## What was kept, and why

Written from seed 0 of the tables above; run them again before you rely on a small difference.

- **What makes a plane playable is the plane, not the network.** Without fitting it (`plane_steps 0`) half of all moves
  change nothing and a fifth are jumps, on all three corpora. With one threshold for all cells a tenth of the moves are
  dead and nearly a fifth are jumps. Both are kept for that. 160 steps would do nearly as well as 320 in two thirds of
  the time, with three to five times the dead moves, still few; 640 gain little.
- **A search instead of the encoder's word** is what moves the held-out figure: by 0.04 and more in every row, and
  it costs no training. The encoder still decides between places that play alike.
- **Blends as targets** take a third to a half of the jumps away. They do not generalise better, and the
  loudness of learned clips is a little less exact. Kept for the plane's sake.
- **The latent**: with two dimensions clips get lost (F1 0.95 to 0.98, and an eighth of the Groove clips not on the
  plane). From four on memory is exact; 24 is a little better in loudness and for the encoder, and costs nothing. Eight
  would do.
- **Steps**: 150 leave clips incomplete; 1200 gain nothing but loudness.
- **The divergence** hardly matters between 0.002 and 1. The plane needs no prior, as it never leaves the hull of the
  clips; a little of it stays to give the latents a scale.
- **Held-out F1 is hard to move.** Almost every row lies within 0.02 of the one that was kept. *One threshold* loses
  0.03 on Groove and gains 0.02 on drumset. *A voice silent* gains 0.04 on drumset, 0.01 on straight-four and nothing on
  Groove, *rotation by beats* less than 0.01; both put the patterns they make on the plane and pay with two to nine
  times the jumps. They are not kept: the plane is for the artist's own clips.
- **Softness**: 0.015 halves the jumps once more, on all three corpora, at no cost that these tables show. It was found
  last. *As kept* in the tables of seed 0 is the recipe before that: softness 0.03, 320 steps for the plane, 550 for the
  network, a batch of 192. Since then it is 0.015, 220, 450 and 128: half the time, half the jumps, and on clips that
  are not in these tables the other figures where they were.
- **Jitter** changes nothing. Fourier features, convolutions and free bits stayed with the probe. Ensembles were not
  tried: several decoders take longer to play. Several seeds, of which the best is kept, are `rvae train --seeds`.
"""


def main() -> None:
    """Run all variants, seed by seed."""
    parser = argparse.ArgumentParser(description="What was tried with the learner, as a page.")
    parser.add_argument("--seeds", type=int, default=2, metavar="N", help="how many seeds (default: 2)")
    parser.add_argument("-o", "--output", type=Path, default=PAGE, metavar="PAGE", help="default: docs/experiments.md")
    arguments = parser.parse_args()
    found: dict[tuple[str, str], list[Result]] = {}
    for seed in range(arguments.seeds):
        tasks = corpora(seed)
        for variant in VARIANTS:
            for task in tasks:
                result = tried(task, variant, seed)
                found.setdefault((task.name, variant.name), []).append(result)
                print(f"seed {seed}, {task.name}, {variant.name}: {result}", file=sys.stderr, flush=True)  # noqa: T201  # progress
            arguments.output.write_text(page(found, range(seed + 1)), encoding="utf-8")


if __name__ == "__main__":
    import torch

    torch.set_num_threads(1)
    main()
