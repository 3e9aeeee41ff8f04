"""Evaluation: the figures that others read, and that held-out clips are held out."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_models import (
    FOUR,
    THREE,
    TINY,
    corpus_of,
    mixed_corpus,
    mixed_model,
    pattern_of,
    published_model,
    random_pattern,
    straight_corpus,
    straight_model,
)

from rvae import Corpus, Meter, Model, Pattern, train
from rvae.cross_validation import Fold, cross_validate, folds
from rvae.errors import CorpusError, MeterError
from rvae.evaluation import evaluate, matches
from rvae.measures import lattice

ONSET_KEYS = {"onset_f1", "onset_f1_exact", "onset_precision", "onset_recall", "velocity_mae", "microtiming_mae_ms"}
SHARES = ONSET_KEYS - {"velocity_mae", "microtiming_mae_ms"}
PLANE_KEYS = {"resolution", "unique", "dead_moves", "jumps", "evenness", "blown_out", "clip_recall"}


def figures_are_whole(found: object) -> None:
    assert isinstance(found, dict)
    assert found.keys() >= ONSET_KEYS
    assert all(isinstance(found[key], float) and math.isfinite(found[key]) for key in ONSET_KEYS)
    assert all(0 <= found[key] <= 1 for key in SHARES)
    assert 0 <= found["velocity_mae"] <= 127
    assert found["onset_f1_exact"] <= found["onset_f1"]


@pytest.mark.parametrize("made", [straight_model, mixed_model, published_model])
def test_the_agreed_keys_are_there_and_in_range(made: Callable[[], Model]) -> None:
    model = made()
    meter = model.meter
    patterns = [random_pattern(seed, meter, bars=model.bars, kit=model.kit) for seed in range(4)]
    found = evaluate(model, patterns)
    figures_are_whole(found)
    by_meter, plane = found["by_meter"], found["plane"]
    assert isinstance(by_meter, dict)
    assert isinstance(plane, dict)
    assert set(by_meter) == {meter.name}
    figures_are_whole(by_meter[meter.name])
    assert plane.keys() >= PLANE_KEYS
    assert (plane["resolution"], type(plane["blown_out"])) == (30, int)
    assert all(0 <= plane[key] <= 1 for key in PLANE_KEYS - {"resolution", "blown_out"})


def test_meters_and_voices_add_up_to_the_whole() -> None:
    found = evaluate(mixed_model(), mixed_corpus().patterns)
    for part in (found["by_meter"], found["by_voice"]):
        assert isinstance(part, dict)
        assert sum(figures["onsets"] for figures in part.values()) == found["onsets"]
        for figures in part.values():
            figures_are_whole(figures)
    assert found["onsets"] == mixed_corpus().onsets
    plane = found["plane"]
    assert isinstance(plane, dict)
    assert set(plane["by_beats"]) == {"2", "3", "4"}


def test_patterns_of_other_beats_are_counted_and_left_out() -> None:
    five = random_pattern(1, Meter.parse("5/4"))
    found = evaluate(straight_model(), [*straight_corpus().patterns, five])
    assert found["patterns_skipped"] == 1
    assert found["onsets"] == straight_corpus().onsets
    with pytest.raises(MeterError, match="5 beats"):
        matches(straight_model(), [five])


def test_evaluating_changes_nothing() -> None:
    before = straight_model().to_bytes()
    assert evaluate(straight_model(), straight_corpus().patterns) == evaluate(
        straight_model(), straight_corpus().patterns
    )
    assert straight_model().to_bytes() == before


def fingerprinted(files: int, cycles: int = 1) -> Corpus:
    """Files that share a beat, each with one cell that no other file ever sounds."""
    return corpus_of(
        pattern_of([(0, 0), (1, 96), (2, 12 * cycle + 24), (4, 6 * index + 3)], source=f"{index}.mid")
        for index in range(files)
        for cycle in range(cycles)
    )


def fingerprint(source: str) -> int:
    """The flat cell that is a file's own."""
    return 4 * 192 + 6 * int(source.removesuffix(".mid")) + 3


def test_no_part_of_a_held_out_file_reaches_training() -> None:
    corpus = fingerprinted(6)
    learned: list[tuple[Corpus, Model]] = []

    def learn(part: Corpus) -> Model:
        learned.append((part, train(part, recipe=TINY)))
        return learned[-1][1]

    found = cross_validate(corpus, learn, count=3)
    assert len(learned) == found["folds"] == 3
    held_out_in = dict.fromkeys(corpus.clips, 0)
    for part, model in learned:
        known = {clip.source for clip in model.clips}
        assert known == set(part.clips)
        loudest = [model.pattern(point, meter=FOUR, density=1.0).onset.ravel() for point in lattice(9)]
        heard = np.any(loudest, axis=0)
        possible = np.isfinite(model.space(4).onset_logits(lattice(2))[0].ravel())
        for file in set(corpus.clips) - known:
            held_out_in[file] += 1
            assert not heard[fingerprint(file)]
            assert not possible[fingerprint(file)]
        for file in known:  # where it does reach training it shows
            assert possible[fingerprint(file)]
    assert set(held_out_in.values()) == {1}
    figures_are_whole(found)
    assert found["onset_recall"] <= 3 / 4  # the fingerprints cannot be known
    assert (found["patterns"], found["patterns_skipped"]) == (6, 0)


@given(st.integers(2, 12), st.integers(1, 4), st.integers(2, 20), st.integers(0, 99))
def test_the_cycles_of_a_file_stay_together_and_each_is_held_out_once(
    files: int, cycles: int, count: int, seed: int
) -> None:
    corpus = fingerprinted(files, cycles)
    dealt = folds(corpus, count, seed=seed)
    assert len(dealt) == min(count, files)
    held_out = [id(pattern) for fold in dealt for pattern in fold.held_out]
    assert sorted(held_out) == sorted(map(id, corpus.patterns))
    for fold in dealt:
        assert not {pattern.source for pattern in fold.held_out} & set(fold.learned.clips)
        assert len(fold.held_out) + len(fold.learned.patterns) == files * cycles
    sizes = [len({pattern.source for pattern in fold.held_out}) for fold in dealt]
    assert max(sizes) - min(sizes) <= 1


def test_the_same_seed_deals_the_same_folds_whatever_the_order_of_the_files() -> None:
    corpus = fingerprinted(7)
    backwards = corpus_of(reversed(corpus.patterns))
    assert [fold.learned.clips for fold in folds(corpus)] != [fold.learned.clips for fold in folds(corpus, seed=1)]
    for one, other in zip(folds(corpus), folds(backwards), strict=True):
        assert set(one.learned.clips) == set(other.learned.clips)


def test_a_fold_with_a_file_on_both_sides_cannot_be_made() -> None:
    corpus = fingerprinted(3, cycles=2)
    with pytest.raises(CorpusError, match="a file belongs to one side only"):
        Fold(corpus, corpus.patterns[:1])


def test_one_file_cannot_be_held_out() -> None:
    with pytest.raises(CorpusError, match="nothing to hold out"):
        folds(fingerprinted(1, cycles=5))


def learn_tiny(part: Corpus) -> Model:
    return train(part, recipe=TINY)


def test_held_out_patterns_of_beats_that_no_other_file_has_are_counted() -> None:
    waltz: Pattern = random_pattern(1, THREE)
    found = cross_validate(corpus_of([*fingerprinted(2).patterns, waltz]), learn_tiny, count=3)
    assert (found["patterns"], found["patterns_skipped"]) == (2, 1)


def test_where_nothing_can_be_tested_there_are_no_figures() -> None:
    with pytest.raises(CorpusError, match="none of 2 held-out patterns could be tested"):
        cross_validate(corpus_of([random_pattern(0), random_pattern(1, THREE)]), learn_tiny)
