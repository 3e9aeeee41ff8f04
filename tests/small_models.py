"""Clips made in memory and models trained on them in a moment: for behaviour, not for how good a model is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from itertools import count
from pathlib import Path

import numpy as np
from strategies import midi, on, signature, tempo, track

from rvae import Corpus, Meter, Model, Pattern, read_corpus, train
from rvae.card import Card, ClipCard
from rvae.fitting import Recipe
from rvae.kit import STANDARD_KIT, Kit, Voice

ROOT = Path(__file__).resolve().parents[1]
TINY = Recipe(steps=80, steps_per_anchor=0, plane_steps=30, latent=8, hidden=32, encoder_hidden=32)
FOUR = Meter.parse("4/4")
THREE = Meter.parse("3/4")
Onsets = Sequence[tuple[int, int]]


def pattern_of(
    onsets: Onsets,
    meter: Meter = FOUR,
    *,
    bars: int = 2,
    kit: Kit = STANDARD_KIT,
    velocity: int = 100,
    microtiming: float = 0.0,
    source: str = "clip.mid",
    qpm: float = 120.0,
) -> Pattern:
    """A pattern with onsets at (voice, tick), all as loud and as late as said."""
    onset = np.zeros((len(kit), bars * meter.bar_ticks), np.int8)
    for row, tick in onsets:
        onset[row, tick] = 1
    return Pattern.of_arrays(
        onset,
        np.full(onset.shape, velocity / 127, np.float32),
        np.full(onset.shape, microtiming, np.float32),
        meter,
        bars=bars,
        kit=kit,
        source=source,
        qpm=qpm,
    )


def random_pattern(
    seed: int, meter: Meter = FOUR, *, bars: int = 2, kit: Kit = STANDARD_KIT, step_ticks: int = 6, source: str = ""
) -> Pattern:
    """A pattern on every `step_ticks`-th tick by lot, with the first beat sounding."""
    random = np.random.default_rng(seed)
    shape = (len(kit), bars * meter.bar_ticks)
    onset = np.zeros(shape, np.int8)
    onset[:, ::step_ticks] = random.random(onset[:, ::step_ticks].shape) < 0.2
    onset[0, 0] = 1
    velocity = random.uniform(0.1, 1, shape).astype(np.float32)
    microtiming = random.uniform(-1, 1, shape).astype(np.float32)
    name = source or f"{seed}.mid"
    return Pattern.of_arrays(onset, velocity, microtiming, meter, bars=bars, kit=kit, source=name, qpm=100.0)


def three_voices() -> Kit:
    """A kit of three."""
    return Kit("small", STANDARD_KIT.voices[:3])


def hands_kit_pattern() -> Pattern:
    """A pattern of two voices that the standard kit does not have."""
    kit = Kit("hands", (Voice("tambourine", (54,), 54), Voice("shaker", (70,), 70)))
    return pattern_of([(0, 0), (1, 24)], kit=kit)


def corpus_of(patterns: Iterable[Pattern]) -> Corpus:
    """A corpus of patterns that came from no file."""
    rows = tuple(patterns)
    return Corpus(rows, rows[0].kit, rows[0].bars)


def by_people(people: Sequence[str], *, seeds: Sequence[int] | None = None) -> Corpus:
    """A clip of each of these people, one after the other, all different unless their seeds are equal."""
    return made_by(
        people,
        [
            random_pattern(seed, bars=1, source=f"{number}.mid")
            for number, seed in enumerate(seeds or range(len(people)))
        ],
    )


def made_by(people: Sequence[str], patterns: Sequence[Pattern]) -> Corpus:
    """A corpus of patterns, each from a file of its own, and each of a person."""
    rows = [replace(pattern, source=f"{number}.mid") for number, pattern in enumerate(patterns)]
    clips = {f"{number}.mid": ClipCard(people=(name,)) for number, name in enumerate(people)}
    card = Card(name="made up", people=tuple(dict.fromkeys(people)), clips=clips)
    return replace(corpus_of(rows), cards=(card,), card_of=dict.fromkeys(clips, card))


def clip_bytes(onsets: Iterable[tuple[int, int]], numerator: int = 4, *, bars: int = 2) -> bytes:
    """A MIDI file in quarters, at 120 quarters a minute, of (pulse, pitch) at 96 pulses a quarter."""
    notes = [(pulse, on(pitch)) for pulse, pitch in onsets]
    last = max((pulse for pulse, _ in notes), default=0)
    end = numerator * 96 * bars - last
    return midi(track((0, signature(numerator, 2)), (0, tempo(500_000)), *notes, end=end))


def straight_files() -> list[Path]:
    """Twelve bundled clips in 4/4."""
    return sorted(ROOT.glob("datasets/straight-four/*.mid"))[:12]


def mixed_files() -> list[Path]:
    """Bundled clips of two, three and four beats."""
    threes, fours = sorted(ROOT.glob("datasets/threes/*.mid")), sorted(ROOT.glob("datasets/triplets-in-four/*.mid"))
    return [*threes[:4], *(file for file in threes if "six-eight" in file.name), *fours[:3]]


@cache
def straight_corpus() -> Corpus:
    return read_corpus(straight_files())


@cache
def mixed_corpus() -> Corpus:
    return read_corpus(mixed_files())


@cache
def straight_model() -> Model:
    """A tiny model of twelve clips in 4/4."""
    return train(straight_corpus(), recipe=TINY)


@cache
def mixed_model() -> Model:
    """A tiny model of clips of two, three and four beats."""
    return train(mixed_corpus(), recipe=TINY)


@cache
def published_model() -> Model:
    """The published network, trained for ten epochs on three clips of three voices."""
    epochs = count(1)
    corpus = corpus_of(random_pattern(seed, bars=1, kit=three_voices()) for seed in range(3))
    return train(corpus, preset="rvae-2020", stop=lambda: next(epochs) == 10)


@cache
def learned_model() -> Model:
    """The one model here that is trained in full."""
    return train(straight_corpus())
