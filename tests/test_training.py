"""Training: what is learned of a corpus, of a strange one too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from small_models import (
    FOUR,
    THREE,
    TINY,
    corpus_of,
    learned_model,
    mixed_corpus,
    pattern_of,
    random_pattern,
    straight_corpus,
    three_voices,
)

from rvae import Meter, Model, Pattern, read_corpus, train
from rvae.errors import TrainingError, UsageError
from rvae.evaluation import evaluate
from rvae.measures import LATTICE, Match, exact_f1, lattice, match
from rvae.training import Progress


def given_back(model: Model, patterns: Sequence[Pattern]) -> list[Match]:
    points = model.encode(patterns)
    return [match(model.pattern(point, meter=true.meter), true) for point, true in zip(points, patterns, strict=True)]


def test_a_dozen_clips_are_remembered_on_an_even_plane() -> None:
    found = evaluate(learned_model(), straight_corpus().patterns)
    plane = found["plane"]
    assert isinstance(plane, dict)
    assert float(str(found["onset_f1"])) >= 0.99
    assert float(str(found["velocity_mae"])) < 4
    assert float(str(found["microtiming_mae_ms"])) < 1
    assert plane["clip_recall"] == 1.0
    assert plane["dead_moves"] < 0.10
    assert plane["evenness"] >= 0.5
    assert plane["blown_out"] == 0


def test_a_full_model_is_a_small_file() -> None:
    assert len(learned_model().to_bytes()) < 2 * 10**6


def test_ghost_notes_stay_ghosts_and_accents_accents() -> None:
    patterns = straight_corpus().patterns
    points = learned_model().encode(patterns)
    for point, true in zip(points, patterns, strict=True):
        ours = learned_model().pattern(point, meter=true.meter)
        both = (ours.onset == 1) & (true.onset == 1)
        assert np.abs(ours.velocity - true.velocity)[both].max() < 0.2


def playable(model: Model) -> None:
    """Fails where a place of a plane gives something that is no pattern, or the whole plane is silent."""
    for meter in model.meters:
        played = [model.pattern(point, meter=meter, density=0.75) for point in lattice(6)]
        assert any(pattern.onsets for pattern in played)
        assert np.all(np.isfinite(model.decode(lattice(6), beats=meter.beats)))


def single_onsets() -> list[Pattern]:
    return [pattern_of([(index % 9, 13 * index % 192)], source=f"{index}.mid") for index in range(8)]


def twins() -> list[Pattern]:
    return [random_pattern(1, source="one.mid"), random_pattern(1, source="other.mid")]


def four_meters() -> list[Pattern]:
    meters = [Meter.parse(name) for name in ("4/4", "3/4", "6/8", "7/8(2+2+3)")]
    return [random_pattern(index, meters[index % 4], source=f"{index}.mid") for index in range(12)]


def with_a_silent_one() -> list[Pattern]:
    return [random_pattern(1), Pattern.silent(FOUR), random_pattern(2)]


STRANGE: dict[str, Callable[[], Sequence[Pattern]]] = {
    "one clip": lambda: [random_pattern(1)],
    "one onset in all": lambda: [pattern_of([(0, 0)])],
    "two identical clips": twins,
    "clips with one onset each": single_onsets,
    "four meters at once": four_meters,
    "one bar": lambda: [random_pattern(seed, bars=1) for seed in range(3)],
    "four bars": lambda: [random_pattern(seed, bars=4) for seed in range(3)],
    "a kit of three": lambda: [random_pattern(seed, kit=three_voices()) for seed in range(3)],
    "a silent one among others": with_a_silent_one,
    "sixteen beats": lambda: [random_pattern(seed, Meter.parse("16/4"), bars=1) for seed in range(2)],
    "one beat": lambda: [random_pattern(seed, Meter.parse("1/4"), bars=1) for seed in range(2)],
    "every cell": lambda: [pattern_of([(row, tick) for row in range(9) for tick in range(192)])],
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_corpus_gives_something_to_play_with_its_clips_in_it(name: str) -> None:
    corpus = corpus_of(STRANGE[name]())
    model = train(corpus, recipe=TINY)
    playable(model)
    assert len(model.clips) == len(corpus.patterns)
    assert set(model.meters) == {pattern.meter for pattern in corpus.patterns}


def test_one_clip_and_its_parts_are_learned_by_heart() -> None:
    one = random_pattern(1)
    model = train(corpus_of([one]), recipe=replace(TINY, steps=250, hidden=64))
    assert given_back(model, [one])[0].onset_f1 == 1.0
    assert len({model.pattern(point, meter=FOUR).onset.tobytes() for point in lattice(6)}) > 3


def test_a_thousand_patterns_are_no_trouble() -> None:
    patterns = [random_pattern(seed, bars=1, step_ticks=12) for seed in range(1000)]
    model = train(corpus_of(patterns), recipe=replace(TINY, steps=20, plane_steps=3))
    playable(model)
    assert len(model.clips) == 1000
    assert len(model.to_bytes()) < 2 * 10**6


def test_nothing_but_silence_is_refused_by_name() -> None:
    with pytest.raises(TrainingError, match="the clips in 3/4 are silent"):
        train(corpus_of([random_pattern(1), Pattern.silent(THREE)]), recipe=TINY)


def test_another_grid_seed_or_preset_is_refused() -> None:
    with pytest.raises(TrainingError, match="a grid of 12 ticks"):
        train(read_corpus(straight_corpus().clips[:2], ticks_per_beat=12))
    with pytest.raises(UsageError, match="seed -1"):
        train(straight_corpus(), seed=-1)
    with pytest.raises(UsageError, match="preset 'best'"):
        train(straight_corpus(), preset="best")


def test_straight_and_ternary_feel_of_one_meter_are_both_on_the_plane() -> None:
    straight = [random_pattern(seed, step_ticks=12, source=f"straight {seed}.mid") for seed in range(3)]
    ternary = [random_pattern(seed, step_ticks=8, source=f"ternary {seed}.mid") for seed in range(3)]
    model = train(corpus_of(straight + ternary), recipe=replace(TINY, steps=250, hidden=64))
    onsets = model.onsets(lattice(), beats=4).reshape(LATTICE**2, -1)
    clips = np.stack([pattern.onset.ravel() == 1 for pattern in straight + ternary])
    assert np.all(exact_f1(onsets, clips).max(axis=0) >= 0.9)


def test_progress_counts_every_step_up_to_the_last() -> None:
    seen: list[Progress] = []
    train(mixed_corpus(), recipe=replace(TINY, steps=12, plane_steps=5), on_progress=seen.append)
    assert [progress.step for progress in seen] == list(range(1, len(seen) + 1))
    assert {progress.steps for progress in seen} == {len(seen)}
    assert all(np.isfinite(progress.loss) and progress.left_s >= 0 for progress in seen)
    assert seen[-1].left_s == 0


@pytest.mark.parametrize("steps", [1, 25, 60, 100])
def test_a_training_that_is_stopped_gives_what_it_has_and_that_can_be_played(steps: int) -> None:
    seen: list[Progress] = []
    model = train(straight_corpus(), recipe=TINY, on_progress=seen.append, stop=lambda: len(seen) == steps)
    assert len(seen) == steps
    playable(model)
    plane = evaluate(model, straight_corpus().patterns)["plane"]
    assert isinstance(plane, dict)
    assert plane["blown_out"] == 0


def test_a_first_model_comes_before_the_first_step_and_has_the_clips_where_they_stay() -> None:
    seen: list[Progress] = []
    first: list[tuple[int, Model]] = []
    learned = train(
        straight_corpus(),
        recipe=TINY,
        on_progress=seen.append,
        on_model=lambda model: first.append((len(seen), model)),
    )
    ((steps, model),) = first
    assert steps == 0
    playable(model)
    assert [clip.name for clip in model.clips] == [clip.name for clip in learned.clips]
    assert min(found.onset_f1 for found in given_back(model, straight_corpus().patterns)) >= 0.9
