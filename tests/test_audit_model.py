"""The model's layer of an audit: corpora and planes built to show one bias each, and it is shown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_models import (
    FOUR,
    TINY,
    by_people,
    corpus_of,
    made_by,
    mixed_corpus,
    mixed_model,
    pattern_of,
    published_model,
    random_pattern,
    straight_model,
)

from rvae import Corpus, Meter, Model, Pattern, train
from rvae.audit.measured import measure
from rvae.audit.model_layer import measured_layer, model_layer
from rvae.audit.regrid import as_heard, regridded
from rvae.decoder import Decoder
from rvae.grid import pattern_to_onsets
from rvae.plane import Plane
from rvae.sketch import sketch
from rvae.space import Space


def space_of(model: Model) -> Space:
    (space,) = model.spaces
    assert isinstance(space, Space)
    return space


def with_plane(model: Model, weights: np.ndarray) -> Model:
    """The model with other blends."""
    space = space_of(model)
    return replace(model, spaces=(replace(space, plane=Plane.of(weights, space.plane.places, space.plane.owners)),))


def one_of_forty() -> Corpus:
    """Thirty-nine clips of Ada that have all but a few onsets in common, and one of Ben that has none of them."""
    random = np.random.default_rng(0)
    theme = [(0, 0), (0, 48), (1, 24), (1, 72), *((2, tick) for tick in range(0, 96, 12))]
    of_ada = [
        pattern_of(
            [*theme, *((int(voice), 3 + 6 * int(tick)) for voice, tick in random.integers(0, [3, 16], (3, 2)))], bars=1
        )
        for _ in range(39)
    ]
    of_ben = pattern_of([(5, 8), (5, 32), (6, 40), (6, 64), (7, 16), (7, 88), (8, 80), (8, 20), (4, 56)], bars=1)
    return made_by([*["Ada"] * 39, "Ben"], [*of_ada, of_ben])


def test_a_contributor_with_one_clip_of_forty_is_shown_to_pay_for_it() -> None:
    corpus = one_of_forty()
    layer = model_layer(train(corpus, recipe=TINY), corpus)
    assert layer.find("share of the clips", contributor="Ben").value == pytest.approx(2.5)
    ben, ada = (layer.find("error around its place", contributor=name).value or 0 for name in ("Ben", "Ada"))
    assert ben > 2 * ada
    assert (layer.find("pays", contributor="Ben").value or 0) > 0 > (layer.find("pays", contributor="Ada").value or 0)
    assert "Ben (contributor) pays for being few: 2.5 % of the clips" in layer.sentences[0]


def test_a_planted_memoriser_and_a_planted_generaliser_come_out_as_such() -> None:
    corpus = by_people(["Ada"] * 6)
    model = sketch(corpus)
    weights = space_of(model).plane.weights
    memoriser = with_plane(model, np.eye(weights.shape[1])[weights.argmax(axis=1)])
    # Every node halfway between two clips that are not the same from node to node.
    nodes = np.arange(len(weights))
    half = 0.5 * (np.eye(weights.shape[1])[nodes % 6] + np.eye(weights.shape[1])[(nodes // 6 + 1 + nodes) % 6])
    generaliser = with_plane(model, half)
    copied, blended = (measured_layer([measure(each, corpus)]) for each in (memoriser, generaliser))
    assert (copied.find("copies").value or 0) > 80 > 30 > (blended.find("copies").value or 0)
    assert (copied.find("originality").value or 0) < 0.1 < 0.25 < (blended.find("originality").value or 0)
    assert copied.find("between the clips").value == blended.find("between the clips").value
    assert copied.find("clips kept whole").value == 100


def test_a_plane_that_is_one_persons_alone_is_shown_to_be_amplified() -> None:
    corpus = by_people(["Ada", "Ben", "Ben", "Ben", "Ben"])
    model = sketch(corpus)
    weights = np.zeros_like(space_of(model).plane.weights)
    weights[:, 0] = 1
    layer = measured_layer([measure(with_plane(model, weights), corpus)])
    assert layer.find("credit", contributor="Ada").value == pytest.approx(100)
    assert layer.find("share of the plane", contributor="Ada").value == pytest.approx(100)
    assert layer.find("amplification", contributor="Ada").value == pytest.approx(5)
    assert layer.find("amplification", contributor="Ben").value == 0


def test_shares_of_meters_and_people_are_of_one_whole() -> None:
    layer = model_layer(mixed_model(), mixed_corpus())
    for measure_name in ("share of the clips", "share of the plane", "credit"):
        for kind in ("meter", "contributor"):
            names = {
                figure.of
                for table in layer.tables
                for figure in table.figures
                if figure.of[:1] and figure.of[0][0] == kind
            }
            total = sum(layer.find(measure_name, **dict(of)).value or 0 for of in names)
            assert total == pytest.approx(100, abs=0.01)


def test_a_decoder_that_plays_all_alike_is_shown_to_flatten() -> None:
    corpus = by_people(["Ada"] * 6)
    model = sketch(corpus)
    space = space_of(model)
    flat = replace(
        space.decoder,
        velocity=np.zeros_like(space.decoder.velocity),
        velocity_bias=np.zeros_like(space.decoder.velocity_bias),
        timing=np.zeros_like(space.decoder.timing),
        timing_bias=np.zeros_like(space.decoder.timing_bias),
    )
    assert isinstance(flat, Decoder)
    layer = measured_layer([measure(replace(model, spaces=(replace(space, decoder=flat),)), corpus)])
    assert layer.find("loudness spread kept").value == pytest.approx(0, abs=1e-3)
    assert layer.find("ghost notes kept").value == 0
    assert layer.find("microtiming kept").value == pytest.approx(0, abs=1e-3)
    kept = measured_layer([measure(model, corpus)])
    assert (kept.find("loudness spread kept").value or 0) > 50


def test_ternary_and_straight_shares_are_those_one_can_count() -> None:
    thirds = [pattern_of([(0, 0), *((2, 8 * n) for n in range(1, count))], bars=1) for count in (5, 7, 9)]
    halves = [pattern_of([(0, 0), (1, 12 * count)], bars=1) for count in (1, 3, 5)]
    neither = [pattern_of([(0, 0), (3, 24)], bars=1)]
    corpus = made_by(["Ada"] * 7, [*thirds, *halves, *neither])
    layer = measured_layer([measure(sketch(corpus), corpus)])
    assert layer.find("ternary, clips").value == pytest.approx(100 * 3 / 7)
    assert layer.find("straight, clips").value == pytest.approx(100 * 3 / 7)


def test_an_interval_stands_where_several_seeds_were_trained_and_is_missed_where_not() -> None:
    corpus = by_people(["Ada", "Ben", "Cy", "Ada", "Ben", "Cy"])
    found = [measure(sketch(corpus, seed=seed), corpus) for seed in range(3)]
    several, one = measured_layer(found), measured_layer(found[:1])
    figure = several.find("amplification", contributor="Ada")
    assert figure.interval is not None
    assert figure.interval[0] <= (figure.value or 0) <= figure.interval[1]
    assert one.find("amplification", contributor="Ada").interval is None
    assert any("seed" in gap.what for gap in one.unsaid)
    assert not any("seed" in gap.what for gap in several.unsaid)


# --- what cannot be said


def test_a_model_without_its_corpus_says_what_cannot_be_said_and_the_rest() -> None:
    layer = model_layer(mixed_model(), None)
    assert any("clips were not given" in gap.text for gap in layer.unsaid)
    assert layer.find("originality").value is not None
    with pytest.raises(KeyError):
        layer.find("error at its place")


def test_clips_of_the_model_that_are_not_in_the_corpus_are_counted() -> None:
    corpus = mixed_corpus()
    layer = model_layer(mixed_model(), corpus.without(corpus.clips[:1]))
    assert any("17 patterns" in gap.text and "not in the clips given" in gap.text for gap in layer.unsaid)


def test_a_model_of_one_clip_and_the_published_network_have_their_layer_too() -> None:
    one = corpus_of([random_pattern(1, bars=1)])
    layer = model_layer(sketch(one), one)
    assert any("no card names anybody" in gap.text for gap in layer.unsaid)
    with pytest.raises(KeyError):
        layer.find("originality")  # nothing to compare with
    published = model_layer(published_model(), None)
    assert any(gap.what == "Credits" for gap in published.unsaid)
    assert published.find("originality").value is not None


def test_a_corpus_of_meters_that_the_model_never_learned_has_no_errors() -> None:
    other = corpus_of([random_pattern(1, Meter.parse("3/4"))])
    layer = model_layer(straight_model(), other)
    assert any("not in the clips given" in gap.text for gap in layer.unsaid)


# --- other grids


def sounding(pattern: Pattern) -> list[tuple[float, int]]:
    return [(round(onset.ticks, 4), onset.voice) for onset in pattern_to_onsets(pattern)]


@pytest.mark.parametrize(("grid", "step"), [(4, 6), (12, 2), (24, 1)])
def test_a_coarser_grid_has_fewer_columns_and_keeps_where_onsets_sound(grid: int, step: int) -> None:
    pattern = pattern_of([(0, 0), (1, 8), (2, 16), (2, 40), (3, 95)], FOUR, bars=1)
    coarse, lost = regridded(pattern, grid)
    assert lost == 0
    assert not np.any(np.flatnonzero(coarse.onset.any(axis=0)) % step)
    assert sorted((place % 96, voice) for place, voice in sounding(coarse)) == sounding(pattern)
    assert as_heard(coarse).onset.tolist() == pattern.onset.tolist()


def test_two_onsets_in_one_column_of_a_coarser_grid_are_one_and_one_lost() -> None:
    coarse, lost = regridded(pattern_of([(2, 8), (2, 6), (1, 6)], bars=1), 4)
    assert (lost, coarse.onsets) == (1, 2)
