"""Counterfactuals: trained again without somebody, on a coarser grid, in balance; and nothing trained twice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import joblib
import numpy as np
import pytest
from small_models import FOUR, THREE, TINY, by_people, made_by, pattern_of, random_pattern

from rvae import Corpus, Meter
from rvae.audit.conditions import Condition, balanced, on_grid, without
from rvae.audit.counterfactual import compared
from rvae.audit.figure import Layer, Subject
from rvae.audit.report import five_sentences
from rvae.audit.sweep import Done, Job, sweep
from rvae.errors import CorpusError, FileError, UsageError
from rvae.fitting import Recipe

SMALL = Recipe(steps=20, steps_per_anchor=0, plane_steps=5, latent=4, hidden=8, encoder_hidden=8)
PEOPLE = ["Ada", "Ada", "Ada", "Ada", "Ben", "Cy"]


def layers_of(corpus: Corpus, conditions: Sequence[Condition], folder: Path, *, seeds: int = 1) -> list[Layer]:
    return compared(corpus, conditions, range(seeds), folder, recipe=TINY)


def value(layer: Layer, measure: str, **of: str) -> float:
    found = layer.find(measure, **of).value
    assert found is not None
    return found


def test_without_a_person_the_plane_has_none_of_their_clips_and_plays_them_worse(tmp_path: Path) -> None:
    corpus = by_people(PEOPLE)
    as_it_is, layer = layers_of(corpus, [without(corpus, "ben")], tmp_path)
    assert value(as_it_is, "share of the plane", contributor="Ben") > 5
    assert value(layer, "share of the plane", contributor="Ben", condition="without ben") == 0
    before = value(layer, "error of those left out", condition="as it is")
    assert value(layer, "error of those left out", condition="without ben") > before + 10
    assert value(layer, "difference in error of those left out") > 10
    assert layer.sentences[0].startswith("Without ben, the error of those left out is ")
    assert any("1 seed" in gap.text for gap in layer.unsaid)


@pytest.mark.parametrize("what", ["Ada", "0.mid", "0", "SLOW"])
def test_people_files_and_tags_can_be_left_out(what: str) -> None:
    corpus = by_people(PEOPLE)
    card = corpus.cards[0]
    object.__setattr__(card.clips["0.mid"], "tags", ("slow",))
    left = without(corpus, what)
    assert "0.mid" in left.left_out
    assert "0.mid" not in left.corpus_of(0).clips


def test_what_cannot_be_left_out_is_said(tmp_path: Path) -> None:
    corpus = by_people(PEOPLE)
    with pytest.raises(UsageError, match=r"--without Eva: no clip has .* people: Ada, Ben, Cy"):
        without(corpus, "Eva")
    with pytest.raises(CorpusError, match="nothing is left"):
        without(by_people(["Ada", "Ada"]), "Ada")


def test_who_is_alone_in_their_meter_has_no_plane_to_be_looked_for_on(tmp_path: Path) -> None:
    rows = [random_pattern(number, bars=1) for number in range(5)]
    corpus = made_by([*["Ada"] * 5, "Ben"], [*rows, random_pattern(9, THREE, bars=1)])
    _, layer = layers_of(corpus, [without(corpus, "Ben")], tmp_path)
    assert any("no plane to look for them on" in gap.text for gap in layer.unsaid)
    assert value(layer, "error of the others", condition="without Ben") >= 0


def test_on_a_coarse_grid_what_it_loses_is_heard(tmp_path: Path) -> None:
    # Sixteenths and sextuplets of one voice, side by side: a grid of 4 has one column for both.
    crowded = [pattern_of([(0, 0), (1, 24 * n), (2, 24 * n + 6), (2, 24 * n + 4)], bars=1) for n in range(4)]
    corpus = made_by(["Ada"] * 4, crowded)
    condition = on_grid(corpus, 4)
    assert "4 of 16 onsets lost" in condition.words
    _, layer = layers_of(corpus, [condition], tmp_path)
    assert value(layer, "difference in error at its place") > 5


def test_triplets_on_a_grid_of_sixteenths_are_still_ternary_where_microtiming_keeps_them(tmp_path: Path) -> None:
    thirds = [pattern_of([(0, 0), *((2, 8 * n) for n in range(1, count))], bars=1) for count in (4, 6, 8, 10, 12)]
    corpus = made_by(["Ada"] * 5, thirds)
    _, layer = layers_of(corpus, [on_grid(corpus, 4)], tmp_path)
    assert value(layer, "ternary, plane", condition="on a grid of 4") > 50


def test_in_balance_no_meter_has_more_files_than_the_rarest_or_three() -> None:
    meters = [*[FOUR] * 9, *[THREE] * 4, Meter.parse("6/8")]
    corpus = made_by(["Ada"] * 14, [random_pattern(n, meter, bars=1) for n, meter in enumerate(meters)])
    condition = balanced(corpus, "meter")
    one, other = (condition.corpus_of(seed) for seed in (0, 1))
    for part in (one, other):
        counts = {meter.name: sum(pattern.meter == meter for pattern in part.patterns) for meter in part.meters}
        assert counts == {"4/4": 3, "3/4": 3, "6/8": 1}
    assert one.clips != other.clips
    assert condition.corpus_of(0).clips == one.clips
    with pytest.raises(UsageError, match="nothing to balance"):
        balanced(by_people(PEOPLE), "meter")


def test_differences_over_seeds_have_intervals_and_say_whether_they_are_more_than_chance(tmp_path: Path) -> None:
    corpus = by_people(PEOPLE)
    same = Condition("all the same", "nothing left out", lambda _seed: corpus)
    _, left, unchanged = compared(corpus, [without(corpus, "Ben"), same], range(3), tmp_path, recipe=SMALL)
    figure = left.find("difference in error of those left out")
    assert figure.interval is not None
    assert unchanged.find("difference in originality").value == 0
    assert "(no difference)" in unchanged.sentences[-1]


# --- sweeps


def jobs_of(corpus: Corpus, seeds: int) -> list[Job]:
    return [Job("as it is", corpus, corpus, seed, recipe=SMALL) for seed in range(seeds)]


def test_what_was_trained_is_not_trained_again(tmp_path: Path) -> None:
    said: list[Done] = []
    jobs = jobs_of(by_people(PEOPLE), 3)
    first = sweep(jobs[:2], tmp_path, said.append)
    assert [(each.done, each.jobs, each.kept) for each in said] == [(1, 2, 0), (2, 2, 0)]
    said.clear()
    again = sweep(jobs, tmp_path, said.append)
    assert [(each.done, each.kept, each.seed) for each in said] == [(3, 2, 2)]
    assert again[:2] == first


@pytest.mark.parametrize("left", [b"", b"{", b'{"format": 0, "measured": []}', b'{"format": 2, "measured": [[1]]}'])
def test_a_result_that_was_cut_short_is_trained_again(left: bytes, tmp_path: Path) -> None:
    (job,) = jobs_of(by_people(PEOPLE), 1)
    (tmp_path / f"{job.key}.json").write_bytes(left)
    (found,) = sweep([job], tmp_path)
    assert found
    assert sweep([job], tmp_path) == [found]


def test_the_same_question_has_the_same_key_and_another_one_another() -> None:
    corpus = by_people(PEOPLE)
    keys = [
        Job("a", corpus, corpus, 0).key,
        Job("a", corpus, corpus, 1).key,
        Job("a", corpus.without(["0.mid"]), corpus, 0).key,
        Job("a", by_people([*PEOPLE[:5], "Di"]), corpus, 0).key,
        Job("a", corpus, corpus, 0, grid=4).key,
        Job("a", corpus, corpus, 0, recipe=SMALL).key,
    ]
    assert len(set(keys)) == len(keys)
    assert Job("other words", by_people(PEOPLE), by_people(PEOPLE), 0).key == keys[0]


def test_several_at_once_find_what_one_after_the_other_finds(tmp_path: Path) -> None:
    jobs = jobs_of(by_people(PEOPLE), 2)
    alone = sweep(jobs, tmp_path / "alone")
    with joblib.parallel_config("loky", n_jobs=2):
        together = sweep(jobs, tmp_path / "together")
    for one, other in zip(alone, together, strict=True):
        assert one.keys() == other.keys()
        np.testing.assert_allclose([v.value for v in one.values()], [v.value for v in other.values()])


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileError, match="choose another with -o"):
        sweep(jobs_of(by_people(PEOPLE), 1), tmp_path / "file" / "trainings")


def test_what_was_asked_is_answered_first() -> None:
    layers = [Layer(name, name, "?", sentences=(f"{name} 1", f"{name} 2")) for name in ("grid", "map", "model")]
    asked = Layer("counterfactual without Ana", "without Ana", "?", sentences=("without Ana 1",))
    said = five_sentences([Subject("clips", (), (*layers, asked))])
    assert said == ("without Ana 1", "grid 1", "map 1", "model 1", "grid 2")
