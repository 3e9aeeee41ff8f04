"""The commands `train` and `evaluate`, as a program and as a person call them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from small_models import THREE, clip_bytes, straight_corpus, straight_files, straight_model

import rvae
from rvae.__main__ import main
from rvae.evaluation import evaluate
from rvae.learning import parameters
from rvae.measures import lattice

ROOT = Path(__file__).resolve().parents[1]
KEYS = {"model", "seconds", "clips", "patterns", "parameters", "seed", "onset_f1", "velocity_mae", "by_meter", "plane"}
KIT = """name = "two"
[[voice]]
name = "kick"
in = [36]
out = 36
[[voice]]
name = "snare"
in = [38]
out = 38
"""


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three small clips and a kit for them."""
    folder = tmp_path_factory.mktemp("clips")
    for index in range(3):
        onsets = [(0, 36), (96 * (index + 1), 38), (24 + 48 * index, 36)]
        (folder / f"{index}.mid").write_bytes(clip_bytes(onsets, bars=1))
    (folder / "kit.toml").write_text(KIT, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a tiny model of twelve clips in 4/4."""
    path = tmp_path_factory.mktemp("models") / "straight.rvae"
    straight_model().save(path)
    return path


def command(*arguments: object) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "rvae", *map(str, arguments)]
    return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def done(*arguments: object) -> tuple[int, str, str]:
    with command(*arguments) as process:
        out, err = process.communicate()
    return process.returncode, out, err


def test_train_writes_a_model_and_says_how_good_it_is(clips: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.rvae"
    code, out, err = done("train", clips, "--bars", 1, "--seed", 7, "-o", path, "--json")
    assert code == 0, err
    found = json.loads(out)
    assert found.keys() >= KEYS
    assert (found["model"], found["clips"], found["patterns"], found["seed"]) == (str(path), 3, 3, 7)
    assert found["seconds"] > 0
    model = rvae.load(path)
    assert found["parameters"] == parameters(model)
    assert (model.seed, model.bars, [clip.name for clip in model.clips]) == (7, 1, ["0", "1", "2"])
    assert model.figures["onset_f1"] == found["onset_f1"] == 1.0
    assert "3 patterns of 1 bar; 4/4: 3" in err
    assert "step" in err
    assert "left" in err


PUBLISHED = ("--bars", 1, "--kit", "{kit}", "--preset", "rvae-2020")


def published(clips: Path) -> list[str]:
    """Arguments for the published network, which is quick to train on clips as small as these."""
    return [str(part).format(kit=clips / "kit.toml") for part in PUBLISHED]


def test_cross_validation_has_both_what_is_remembered_and_what_is_not(clips: Path) -> None:
    code, out, err = done("evaluate", "--cross-validate", "--folds", 2, clips, *published(clips), "--json")
    assert code == 0, err
    found = json.loads(out)
    assert found.keys() >= {"onset_f1", "plane", "held_out"}
    assert found["held_out"].keys() >= {"onset_f1", "onset_precision", "onset_recall", "by_meter", "folds"}
    assert (found["held_out"]["folds"], found["held_out"]["patterns"]) == (2, 3)
    assert "part 2 of 2 done" in err


def test_evaluate_gives_the_figures_of_a_model_on_clips(straight: Path) -> None:
    code, out, err = done("evaluate", straight, *straight_files(), "--json")
    assert code == 0, err
    assert json.loads(out) == evaluate(straight_model(), straight_corpus().patterns)
    code, out, err = done("evaluate", straight, *straight_files())
    assert (code, "F1" in out, "plane" in out) == (0, True, True)


def test_what_is_left_out_of_the_figures_is_said(straight: Path, tmp_path: Path) -> None:
    (tmp_path / "waltz.mid").write_bytes(clip_bytes([(0, 36)], 3))
    code, out, err = done("evaluate", straight, straight_files()[0], tmp_path, "--json")
    assert (code, json.loads(out)["patterns_skipped"]) == (0, 1)
    assert "1 patterns skipped" in err


WRONG = [
    ["train", "{clips}", "-o", "{tmp}/m.rvae", "--places", "1"],
    ["train", "{clips}", "-o", "{tmp}/m.rvae", "--places", "12", "--seeds", "2"],
    ["train"],
    ["train", "{clips}"],
    ["train", "-o", "{tmp}/x.rvae"],
    ["train", "{tmp}/nowhere", "-o", "{tmp}/x.rvae"],
    ["train", "{tmp}", "-o", "{tmp}/x.rvae"],
    ["train", "{clips}", "-o", "{tmp}/nowhere/x.rvae"],
    ["train", "{clips}", "-o", "{tmp}"],
    ["train", "{clips}", "-o", "{tmp}/" + 300 * "x"],
    ["train", "{clips}", "-o", "{tmp}/x.rvae", "--seeds", "0"],
    ["train", "{clips}", "-o", "{tmp}/x.rvae", "--seed", "-1"],
    ["train", "{clips}", "-o", "{tmp}/x.rvae", "--seed", "x"],
    ["train", "{clips}", "-o", "{tmp}/x.rvae", "--preset", "best"],
    ["train", "{clips}", "-o", "{tmp}/x.rvae", "--grid", "12"],
    ["train", "{clips}", "-o", "{tmp}/x.rvae", "--bars", "3"],
    ["evaluate"],
    ["evaluate", "{model}"],
    ["evaluate", "{clips}", "{clips}"],
    ["evaluate", "{clips}/0.mid", "{clips}"],
    ["evaluate", "{tmp}/nowhere.rvae", "{clips}"],
    ["evaluate", "{model}", "{tmp}/waltz.mid"],
    ["evaluate", "{model}", "{tmp}/nowhere"],
    ["evaluate", "{model}", "{clips}", "--bars", "4"],
    ["evaluate", "{model}", "{clips}", "--kit", "standard"],
    ["evaluate", "--cross-validate", "{model}", "{clips}"],
    ["evaluate", "--cross-validate", "{clips}", "--folds", "1"],
    ["evaluate", "--cross-validate", "{clips}/0.mid"],
    ["evaluate", "--cross-validate", "{clips}", "--grid", "12"],
]


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_wrong_usage_and_unusable_input_are_one_line_and_exit_2(
    arguments: list[str], clips: Path, straight: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if any("waltz" in part for part in arguments):
        (tmp_path / "waltz.mid").write_bytes(clip_bytes([(0, 36)], THREE.numerator))
    before = sorted(tmp_path.iterdir())
    code = main([part.format(clips=clips, model=straight, tmp=tmp_path) for part in arguments])
    out, err = capsys.readouterr()
    *words, last = err.splitlines()
    assert (code, out) == (2, "")
    assert last.startswith("rvae")
    assert not words or "patterns of" in words[0]  # what was read, before what is wrong with it
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.skipif(os.name != "posix", reason="SIGINT is sent to a process on POSIX")
def test_interrupted_a_training_ends_with_a_model_that_plays(tmp_path: Path) -> None:
    path = tmp_path / "early.rvae"
    with command("train", *straight_files(), "-o", path, "--json") as process:
        assert process.stderr is not None
        assert any(line.startswith("step") for line in iter(process.stderr.readline, ""))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert process.returncode == 0, err
    assert "interrupted: keeping what was learned so far" in err
    model = rvae.load(path)
    assert len(model.clips) == json.loads(out)["patterns"] == len(straight_corpus().patterns)
    assert any(model.pattern(point, meter=model.meter).onsets for point in lattice(5))


@pytest.mark.skipif(os.name != "posix", reason="SIGINT is sent to a process on POSIX")
def test_of_several_seeds_the_better_is_kept_and_the_margin_said_even_when_interrupted(tmp_path: Path) -> None:
    path = tmp_path / "early.rvae"
    with command("train", *straight_files(), "--seed", 3, "--seeds", 2, "-o", path, "--json") as process:
        assert process.stderr is not None
        assert any("side by side" in line for line in iter(process.stderr.readline, ""))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert "interrupted: keeping the best of what was learned so far" in err
    scores = {int(seed): float(score) for seed, score in re.findall(r"^seed (\d): score ([\d.]+)$", err, re.MULTILINE)}
    assert set(scores) == {3, 4}
    best = rvae.load(path).seed
    other = 7 - best
    assert best == json.loads(out)["seed"]
    assert scores[best] >= scores[other]
    found = re.search(rf"seed {best} has the best plane: score [\d.]+, ([\d.]+) ahead of seed {other}", err)
    assert found is not None
    assert float(found[1]) == pytest.approx(scores[best] - scores[other], abs=0.0011)


def test_inspecting_a_model_shows_whose_music_is_in_it(straight: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(straight), "--json"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    model = straight_model()
    assert err == ""
    assert (found["seed"], found["preset"], found["beats"], found["bars_per_pattern"]) == (0, "rvae", [4], 2)
    assert found["meters"] == {"4/4": len(model.clips)}
    assert [clip["source"] for clip in found["clips"]] == [clip.source for clip in model.clips]
    assert list(found["kit"]["voices"]) == list(model.kit.names)
    assert found["card"] == json.loads(json.dumps(dict(model.card)))
    assert main(["inspect", str(straight)]) == 0
    out, _ = capsys.readouterr()
    for part in (*(clip.name for clip in model.clips), *model.kit.names, "4/4", "seed 0"):
        assert part in out
    assert str(model.card["licence"]) in out


def test_inspecting_shows_what_a_model_remembers_and_obeys_nothing_in_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "strange.rvae"
    card = {"name": "[red]\x1b[2J", "people": ["Ada", "\x07Bo"]}
    strange = {"onset_f1": 0.987, "plane": {"jumps": 0.25, "evenness": "\x1b[31m"}}
    replace(straight_model(), figures=strange, card=card).save(path)
    assert main(["inspect", str(path)]) == 0
    out, _ = capsys.readouterr()
    assert "onset_f1 0.987, jumps 0.25" in out
    assert "[red]" in out
    assert "people: Ada;  Bo" in out
    assert "\x1b" not in out


def test_inspecting_what_is_no_model_is_one_line_and_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "broken.rvae").write_bytes(b"MThd")
    for name in ("broken.rvae", "absent.rvae"):
        assert main(["inspect", str(tmp_path / name)]) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert name in err
