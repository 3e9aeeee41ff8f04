"""Models as a player meets them: points of the plane, patterns, density, meters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_models import (
    FOUR,
    THREE,
    mixed_corpus,
    mixed_model,
    pattern_of,
    published_model,
    straight_corpus,
    straight_model,
    three_voices,
)

from rvae import Clip, Meter, Model
from rvae.errors import MeterError, PatternError
from rvae.measures import lattice

MODELS = [straight_model, mixed_model, published_model]
places = st.tuples(st.floats(0, 1), st.floats(0, 1))
anywhere = st.tuples(*2 * [st.floats(allow_nan=False, allow_infinity=False)])


@pytest.fixture(params=MODELS, ids=lambda found: found.__name__)
def model(request: pytest.FixtureRequest) -> Model:
    made: Callable[[], Model] = request.param
    return made()


def test_every_place_plays_in_every_meter(model: Model) -> None:
    for meter in model.meters:
        onset, velocity, microtiming = model.decode(lattice(7), beats=meter.beats)
        shape = (49, len(model.kit), model.bars * meter.bar_ticks)
        for part, low, high in ((onset, 0, 1), (velocity, 0, 1), (microtiming, -3, 3)):
            assert part.shape == shape
            assert np.all((part >= low) & (part <= high))
        assert any(model.pattern(point, meter=meter).onsets for point in lattice(7))


@given(places)
def test_what_is_played_is_what_is_decoded(point: tuple[float, float]) -> None:
    for model in (straight_model(), published_model()):
        onset, velocity, microtiming = (part[0] for part in model.decode(point, beats=4))
        played = model.pattern(point, meter=FOUR)
        sounding = played.onset == 1
        np.testing.assert_array_equal(onset > 0.5, sounding)
        np.testing.assert_allclose(played.velocity[sounding], np.maximum(velocity[sounding], 1 / 127), atol=1e-6)
        np.testing.assert_allclose(played.microtiming[sounding], microtiming[sounding], atol=1e-6)


@given(anywhere)
def test_a_point_outside_plays_as_the_edge_does(point: tuple[float, float]) -> None:
    model = straight_model()
    assert model.pattern(point, meter=FOUR).same_as(model.pattern(np.clip(point, 0, 1), meter=FOUR))


@given(places, st.floats(0, 1), st.floats(0, 1))
def test_density_adds_onsets_to_those_there_are(point: tuple[float, float], one: float, other: float) -> None:
    model = straight_model()
    silent, sparse, dense = (
        model.pattern(point, meter=FOUR, density=density) for density in (0.0, *sorted([one, other]))
    )
    assert silent.onsets == 0
    assert np.all(sparse.onset <= dense.onset)


@given(places, st.integers(0, 8), st.floats(0, 1))
def test_the_density_of_a_voice_changes_that_voice_alone(point: tuple[float, float], row: int, density: float) -> None:
    model = straight_model()
    densities = [0.5] * len(model.kit)
    densities[row] = density
    middle, changed = model.pattern(point, meter=FOUR), model.pattern(point, meter=FOUR, density=densities)
    others = np.arange(len(model.kit)) != row
    np.testing.assert_array_equal(middle.onset[others], changed.onset[others])
    np.testing.assert_array_equal(changed.onset[row], model.pattern(point, meter=FOUR, density=density).onset[row])


@given(places)
def test_a_cell_that_no_clip_used_stays_silent_at_any_density(point: tuple[float, float]) -> None:
    used = np.any([pattern.onset == 1 for pattern in straight_corpus().patterns], axis=0)
    assert not np.any(straight_model().pattern(point, meter=FOUR, density=1.0).onset[~used])


@pytest.mark.parametrize("density", [-0.1, 1.1, np.nan, [0.5, 0.5], [0.5] * 8 + [2.0]])
def test_a_density_that_is_none_is_refused(density: float) -> None:
    with pytest.raises(PatternError, match="density"):
        straight_model().pattern((0.5, 0.5), meter=FOUR, density=density)


@pytest.mark.parametrize("point", [(np.nan, 0.5), (0.5, np.inf), (0.5,), [(0.1, 0.2), (0.3, 0.4)]])
def test_what_is_no_place_is_refused(point: object) -> None:
    with pytest.raises(PatternError):
        straight_model().pattern(point, meter=FOUR)  # type: ignore[arg-type]


def test_a_pattern_is_played_in_any_meter_of_as_many_beats() -> None:
    model = straight_model()
    plain = model.pattern((0.3, 0.6), meter=FOUR)
    for name in ("12/8", "2/2(1+1)", "9/8(2+2+2+3)"):
        meter = Meter.parse(name)
        if meter.beats == 4:
            crossed = model.pattern((0.3, 0.6), meter=meter)
            assert crossed.meter == meter
            assert crossed.same_as(model.pattern((0.3, 0.6), meter=name))
            assert crossed.in_meter(FOUR).same_as(plain)


def test_beats_that_were_not_learned_are_refused_with_those_that_were() -> None:
    for ask in (
        lambda: mixed_model().pattern((0.5, 0.5), meter=Meter.parse("5/4")),
        lambda: mixed_model().decode((0.5, 0.5), beats=5),
        lambda: mixed_model().encode([pattern_of([(0, 0)], Meter.parse("5/4"))]),
    ):
        with pytest.raises(MeterError, match=r"5 beats .*has learned bars of 2, 3, 4 \(3/4, 6/8, 4/4\)"):
            ask()


def test_meters_are_kept_apart() -> None:
    """Ask for a waltz, get what the clips in three had, and nothing else."""
    model = mixed_model()
    for meter in (THREE, Meter.parse("6/8"), FOUR):
        used = np.any(
            [pattern.onset == 1 for pattern in mixed_corpus().patterns if pattern.meter.beats == meter.beats], axis=0
        )
        for point in lattice(5):
            assert not np.any(model.pattern(point, meter=meter, density=1.0).onset[~used])
        assert {clip.meter.beats for clip in model.clips_of(meter.beats)} == {meter.beats}


def test_each_clip_has_its_place_name_and_tempo() -> None:
    model, corpus = mixed_model(), mixed_corpus()
    assert len(model.clips) == len(corpus.patterns)
    for clip, pattern in zip(model.clips, corpus.patterns, strict=True):
        assert pattern.source.endswith(f"/{clip.source}")
        assert clip.source == f"{clip.name}.mid"
        assert (clip.meter, clip.first_bar) == (pattern.meter, pattern.first_bar)
        assert clip.qpm == pytest.approx(pattern.qpm)
    np.testing.assert_allclose(model.encode(corpus.patterns), [clip.point for clip in model.clips], atol=1e-5)


def test_playing_starts_in_the_meter_that_most_clips_have() -> None:
    counts = Counter(pattern.meter for pattern in mixed_corpus().patterns)
    assert counts[mixed_model().meter] == max(counts.values())
    assert straight_model().meter == FOUR


def test_no_patterns_are_nowhere(model: Model) -> None:
    assert model.encode([]).shape == (0, 2)


def test_patterns_read_otherwise_than_the_models_clips_are_refused() -> None:
    for stranger in (pattern_of([(0, 0)], bars=1), pattern_of([(0, 0)], kit=three_voices())):
        with pytest.raises(PatternError, match="read the clips with these"):
            straight_model().encode([stranger])


@pytest.mark.parametrize(
    ("point", "qpm", "first_bar"),
    [((0.5, 1.5), 120.0, 0), ((np.nan, 0), 120.0, 0), ((0, 0), 0.0, 0), ((0, 0), 1.0, -1)],
)
def test_a_clip_that_is_nowhere_is_refused(point: tuple[float, float], qpm: float, first_bar: int) -> None:
    with pytest.raises(PatternError, match="clip a"):
        Clip("a", "a.mid", FOUR, point, qpm, first_bar)
