"""The table of ours beside the published network: what is learned and held out, what is a miss, what programs read."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from rvae.__main__ import main
from rvae.corpus import Corpus, read_corpus
from rvae.errors import CorpusError
from rvae.learning_bench import Task, conditions, measure, median_row, searched, subsets, tasks
from rvae.learning_page import OURS, PUBLISHED, SEARCHED, Figures, Row, as_json, misses, page
from rvae.model import Model
from rvae.pattern import Pattern
from rvae.training import train

ROOT = Path(__file__).resolve().parents[1]
GOOD = Figures(
    onset_f1=1.0,
    onset_f1_exact=1.0,
    velocity_mae=1.0,
    microtiming_mae_ms=0.2,
    held_out_f1=0.6,
    unique=0.9,
    clip_recall=1.0,
    dead_moves=0.01,
    jumps=0.02,
    evenness=0.7,
    blown_out=0,
    outside=0,
    seconds=9.0,
    first_s=1.0,
    decode_p50_ms=0.1,
    decode_p99_ms=0.2,
    file_mb=0.4,
)
POOR = replace(GOOD, onset_f1=0.7, held_out_f1=0.5, decode_p50_ms=0.5, decode_p99_ms=2.0, file_mb=17.0)


def row(ours: Figures = GOOD, *, name: str = "mine", clips: int = 24, published: Figures = POOR) -> Row:
    return Row(name, clips, clips, "5 folds", True, {OURS: ours, PUBLISHED: published, SEARCHED: published}, 0.4)


def corpus_of(count: int) -> Corpus:
    return read_corpus(sorted((ROOT / "datasets" / "straight-four").glob("*.mid"))[:count])


def barely_trained(corpus: Corpus, *, seed: int, preset: str, on_model: Callable[[Model], None] | None = None) -> Model:
    """The real training, stopped after its first step."""
    model = train(corpus, seed=seed, preset=preset, stop=lambda: True)
    if on_model is not None and preset == "rvae":
        on_model(model)
    return model


def test_figures_that_reach_everything_miss_nothing() -> None:
    assert misses([row()]) == []
    text = page([row()], conditions([0]))
    assert "MISS" not in text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("onset_f1", 0.98),
        ("onset_f1_exact", 0.98),
        ("velocity_mae", 4.0),
        ("microtiming_mae_ms", 1.0),
        ("held_out_f1", 0.49),
        ("clip_recall", 0.99),
        ("dead_moves", 0.1),
        ("evenness", 0.49),
        ("blown_out", 1),
        ("outside", 0.01),
        ("seconds", 15.0),
        ("first_s", 3.0),
        ("decode_p99_ms", 0.5),
        ("file_mb", 2.0),
    ],
)
def test_a_figure_that_falls_short_is_marked_as_a_miss_in_words(field: str, value: float) -> None:
    short = row(replace(GOOD, **{field: value}))
    assert field in [miss.field for miss in misses([short])]
    text = page([short], conditions([0]))
    (ours,) = [line for line in text.splitlines() if line.startswith("| mine |")]
    assert ours.count("MISS") == 1
    assert f"- MISS: mine: `{field}`" in text


def test_what_is_to_be_reached_depends_on_how_many_clips_there_are() -> None:
    leapy = replace(GOOD, jumps=0.2, onset_f1=0.975, onset_f1_exact=0.975, clip_recall=0.98, seconds=30.0)
    assert [miss.field for miss in misses([row(leapy, clips=12)])] == [
        "onset_f1",
        "onset_f1_exact",
        "clip_recall",
        "jumps",
        "seconds",
    ]
    assert misses([row(leapy, clips=48)]) == []


def test_a_decode_is_to_take_a_third_of_the_published_one_even_where_that_is_fast() -> None:
    fast = replace(POOR, decode_p99_ms=0.3)
    assert [miss.field for miss in misses([row(published=fast)])] == ["decode_p99_ms"]


def test_too_small_a_gain_over_the_corpora_of_one_style_is_a_miss_of_its_own() -> None:
    barely = row(replace(GOOD, held_out_f1=0.52))
    (miss,) = misses([barely])
    assert miss.field == "held_out_f1"
    assert miss.value == pytest.approx(0.04)
    assert misses([replace(barely, one_style=False)]) == []


def test_the_figures_of_several_seeds_are_medians() -> None:
    rows = [row(replace(GOOD, held_out_f1=value)) for value in (0.2, 0.9, 0.6)]
    assert median_row(rows).lines[OURS].held_out_f1 == 0.6


def test_subsets_take_one_cycle_a_file_and_hold_out_other_files() -> None:
    found = list(subsets(corpus_of(37), "four", seed=3, sizes=(6, 12, 48), one_style=True))
    assert [task.name for task in found] == ["four 6", "four 12"]
    for task in found:
        learned = [pattern.source for pattern in task.corpus.patterns]
        held_out = [pattern.source for pattern in task.held_out]
        assert len(learned) == len(set(learned))
        assert len(held_out) == len(set(held_out)) == 24
        assert not set(learned) & set(held_out)
    assert found[0].held_out == found[1].held_out
    again = next(subsets(corpus_of(37), "four", seed=3, sizes=(6,), one_style=True))
    assert again.corpus.patterns[0].same_as(found[0].corpus.patterns[0])


def test_a_file_cannot_be_learned_and_held_out() -> None:
    corpus = corpus_of(3)
    with pytest.raises(CorpusError, match="both learned and held out"):
        Task("leak", corpus, corpus.patterns[:1])


def test_both_are_measured_on_the_same_split() -> None:
    corpus = corpus_of(4)
    seen: list[tuple[str, tuple[str, ...]]] = []

    def recording(part: Corpus, *, seed: int, preset: str, on_model: Callable[[Model], None] | None = None) -> Model:
        seen.append((preset, part.clips))
        return barely_trained(part, seed=seed, preset=preset, on_model=on_model)

    found = measure(Task("four", corpus), recording, seed=0, count=2)
    ours = [clips for preset, clips in seen if preset == "rvae"]
    assert ours == [clips for preset, clips in seen if preset == "rvae-2020"]
    assert len(ours) == 3  # all clips, and two folds
    assert found.held_out == "2 folds"
    assert set(found.lines) == {OURS, PUBLISHED, SEARCHED}
    assert found.lines[OURS].first_s <= found.lines[OURS].first_s + found.lines[OURS].seconds
    assert found.lines[OURS].file_mb < found.lines[PUBLISHED].file_mb
    assert 0 < found.nearest_clip_f1 <= 1


def test_a_search_finds_a_place_that_plays_the_pattern() -> None:
    corpus = corpus_of(3)
    model = barely_trained(corpus, seed=0, preset="rvae")
    meter = corpus.patterns[0].meter
    wanted: Sequence[Pattern] = [model.pattern((x, y), meter=meter) for x, y in ((0.2, 0.3), (0.9, 0.1))]
    for point, pattern in zip(searched(model, wanted), wanted, strict=True):
        assert np.array_equal(model.pattern(point, meter=meter).onset, pattern.onset)


def test_programs_read_every_figure_of_every_line() -> None:
    found = as_json([row()], conditions([0, 1]), ["elsewhere"])
    read = json.loads(json.dumps(found))
    assert set(read) == {
        "conditions",
        "absent",
        "rows",
        "one_style_gain",
        "one_style_gain_searched",
        "misses",
    }
    assert read["conditions"]["seeds"] == [0, 1]
    assert read["absent"] == ["elsewhere"]
    (mine,) = read["rows"]
    assert set(mine["lines"]) == {OURS, PUBLISHED, SEARCHED}
    assert set(mine["lines"][OURS]) == {item.name for item in fields(Figures)}


def test_without_the_other_collections_the_bundled_corpora_are_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RVAE_SHARED", str(tmp_path))
    assert [task.name for task in tasks([], seed=0)] == sorted(
        folder.name for folder in (ROOT / "datasets").iterdir() if (folder / "dataset.toml").is_file()
    )
    assert "Bundled corpora only" in page([row()], conditions([0]), ["groove-midi"])


def test_the_page_names_the_machine_the_date_and_the_seeds() -> None:
    here = replace(conditions([0, 1]), processor="A Processor", cores=2, date="2001-02-03")
    text = page([row()], here)
    for words in ("A Processor, 2 cores", "2001-02-03", "Seeds: 0, 1", "torch"):
        assert words in text


def test_no_seed_at_all_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench-learning", "--seeds", "0"]) == 2
    assert "1 or more" in capsys.readouterr().err
