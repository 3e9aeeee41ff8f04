"""Credits: whose clips a place of the plane is made of, and that it means something."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_models import TINY, by_people, mixed_model, published_model, straight_model

from rvae import Model, train
from rvae.credits import Credits
from rvae.errors import CreditsError, PatternError
from rvae.measures import lattice
from rvae.model import Clip
from rvae.plane import Plane
from rvae.sketch import sketch
from rvae.space import Space

places = st.tuples(st.floats(0, 1), st.floats(0, 1))


@given(st.lists(places, min_size=1, max_size=9), st.sampled_from([2, 3, 4]))
def test_credits_are_shares_of_one_at_every_place(points: list[tuple[float, float]], beats: int) -> None:
    model = mixed_model()
    found = model.credits(points, beats=beats)
    assert found.clips == model.clips_of(beats)
    assert found.weights.shape == (len(points), len(found.clips))
    assert np.all(found.weights >= 0)
    np.testing.assert_allclose(found.weights.sum(axis=1), 1, atol=1e-5)
    for shares in (found.by_person(), found.by_clip()):
        np.testing.assert_allclose(sum(shares.values()), 1, atol=1e-5)


def test_at_its_own_place_a_clip_has_all_the_credit() -> None:
    model = train(by_people(["Ada", "Ben", "Cy", "Di", "Eva", "Flo"]), recipe=TINY)
    space = model.spaces[0]
    assert isinstance(space, Space)
    for anchor, clip in space.plane.owners:
        found = model.credits(space.plane.places[anchor], beats=4)
        assert found.weights[0, clip] == pytest.approx(1, abs=1e-6)


def test_clips_with_the_same_onsets_share_their_credit() -> None:
    model = sketch(by_people(["Ada", "Ben", "Cy", "Di", "Eva", "Flo"], seeds=[1, 2, 3, 4, 5, 1]))
    weights = model.credits(lattice(5), beats=4).weights
    np.testing.assert_allclose(weights[:, 0], weights[:, 5], atol=1e-6)
    assert weights[:, 0].max() == pytest.approx(0.5, abs=0.1)


def test_parts_of_a_clip_that_fill_a_small_plane_are_credited_to_it() -> None:
    model = sketch(by_people(["Ada"]))
    assert len(model.spaces[0].plane.places) > 1  # type: ignore[union-attr]  # a sketch has one
    np.testing.assert_allclose(model.credits(lattice(5), beats=4).weights, 1, atol=1e-5)
    two = sketch(by_people(["Ada", "Ben"])).credits(lattice(9), beats=4).by_person()
    assert all(part.mean() > 0.2 for part in two.values())


def test_the_people_of_one_clip_share_it() -> None:
    clip = Clip("a", "a.mid", straight_model().meter, (0.5, 0.5), people=("Ada", "Ben"), tags=("slow", "rock"))
    found = Credits(np.ones((1, 1), np.float32), (clip,))
    assert {name: float(part[0]) for name, part in found.by_person().items()} == {"Ada": 0.5, "Ben": 0.5}
    assert {name: float(part[0]) for name, part in found.by_tag().items()} == {"slow": 1.0, "rock": 1.0}


def test_places_as_one_count_as_much_as_they_are_given() -> None:
    found = sketch(by_people(["Ada", "Ben", "Cy", "Di", "Eva"])).credits(lattice(2), beats=4)
    np.testing.assert_allclose(found.over([0, 0, 3, 0]).weights[0], found.weights[2], atol=1e-6)
    np.testing.assert_allclose(found.over([0, 0, 0, 0]).weights.sum(), 1, atol=1e-5)
    with pytest.raises(PatternError):
        Credits(found.weights[:, :2], found.clips)


def test_one_line_names_the_clips_and_whose_they_are_where_there_are_several_people() -> None:
    clips = tuple(
        Clip(name, f"{name}.mid", straight_model().meter, (0, 0), people=(who,))
        for name, who in (("a", "Ada"), ("b", "Ada"), ("c", "Ben"), ("d", "Cy"))
    )
    weights = np.array([[0.5, 0.3, 0.17, 0.03]], np.float32)
    assert Credits(weights, clips).line() == "Ada 80%, Ben 17%, 3% of others: a 50%, b 30%, c 17%, 3% of others"
    alone = tuple(replace(clip, people=("Ada",)) for clip in clips)
    assert Credits(weights, alone).line(str.upper) == "A 50%, B 30%, C 17%, 3% of others"


def test_who_made_a_clip_travels_in_the_model_file() -> None:
    model = sketch(by_people(["Ada", "Ben"]))
    again = Model.from_bytes(model.to_bytes())
    assert [clip.people for clip in again.clips] == [("Ada",), ("Ben",)]
    np.testing.assert_array_equal(
        again.credits(lattice(5), beats=4).weights, model.credits(lattice(5), beats=4).weights
    )


# --- what credit means


def without_clip(space: Space, clip: int) -> Space:
    """The same space with one clip taken out of all blends; where nothing else is left, the blend stays as it is."""
    mine = space.plane.owners[space.plane.owners[:, 1] == clip, 0]
    weights = space.plane.weights.astype(np.float64)
    weights[:, mine] = 0
    empty = weights.sum(axis=1) < 1e-3
    weights[empty] = space.plane.weights[empty]
    return replace(space, plane=Plane.of(weights, space.plane.places, space.plane.owners))


def test_taking_a_clip_out_changes_the_places_with_credit_for_it_and_no_others() -> None:
    model = straight_model()
    space, points = model.spaces[0], lattice(30)
    assert isinstance(space, Space)
    credit = model.credits(points, beats=4).weights
    # A clip that shares its onsets with another cannot be taken out alone.
    alone = [clip for clip in range(len(model.clips)) if credit[:, clip].max() > 0.9]
    assert len(alone) > 8
    for clip in alone:
        now, before = (each.onset_logits(points) for each in (without_clip(space, clip), space))
        moved = np.abs(now[np.isfinite(now)] - before[np.isfinite(now)]).reshape(len(points), -1).mean(axis=1)
        none, some, much = credit[:, clip] < 1e-4, credit[:, clip] > 0.1, (credit[:, clip] > 0.3)
        assert moved[none].max(initial=0) < 1e-2  # up to the rounding of shares in the file
        much &= credit[:, clip] < 0.95  # at its own seat nothing else is left
        if some.any() and much.any():
            assert moved[much].mean() > moved[some & ~much].mean() > moved[none].mean()


def test_a_corpus_without_a_person_makes_a_model_with_no_credit_for_them_anywhere() -> None:
    corpus = by_people(["Ada", "Ben", "Cy", "Ada", "Ben", "Eva"])
    gone = [clip for clip in corpus.clips if "Ada" in corpus.makers_of(clip).people]
    model = train(corpus.without(gone), recipe=TINY)
    shares = model.credits(lattice(30), beats=4).by_person()
    assert set(shares) == {"Ben", "Cy", "Eva"}
    assert "Ada" not in json.dumps([clip.people for clip in model.clips])


# --- models that cannot say


def test_the_published_network_says_that_it_keeps_no_account() -> None:
    with pytest.raises(CreditsError, match="no account"):
        published_model().credits((0.5, 0.5), beats=4)


def test_a_model_of_before_credits_plays_and_says_that_it_must_be_trained_again() -> None:
    model = straight_model()
    space = model.spaces[0]
    assert isinstance(space, Space)
    bare = {name: array for name, array in space.arrays().items() if name != "plane/owners"}
    old = replace(model, spaces=(Space.from_arrays(bare, beats=4, bars=2, voices=len(model.kit)),))
    np.testing.assert_array_equal(old.onsets(lattice(3), beats=4), model.onsets(lattice(3), beats=4))
    with pytest.raises(CreditsError, match="train it again"):
        old.credits((0.5, 0.5), beats=4)


@pytest.mark.parametrize("owners", [[[0, 99]], [[0, -1]], [[0, 0]], [0, 1]])
def test_credit_for_a_clip_that_is_not_there_is_refused(owners: object) -> None:
    model = straight_model()
    space = model.spaces[0]
    assert isinstance(space, Space)
    arrays = {**space.arrays(), "plane/owners": np.array(owners, np.int64)}
    with pytest.raises(PatternError):
        replace(model, spaces=(Space.from_arrays(arrays, beats=4, bars=2, voices=len(model.kit)),))
