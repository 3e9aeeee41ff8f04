"""Consent withdrawn: the model is trained again without somebody's clips, and proves it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from small_models import TINY, clip_bytes

from rvae import load, read_corpus, train
from rvae.__main__ import main
from rvae.fitting import Recipe
from rvae.forgetting import FORGOTTEN, card_without, proof


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """Six clips: two of Ada's, three of Ben's, one of both."""
    folder = tmp_path / "clips"
    folder.mkdir()
    entries = []
    for number, people in enumerate((["Ada"], ["Ada"], ["Ben"], ["Ben"], ["Ben"], ["Ada", "Ben"])):
        hits = [(0, 36), (96 * (number % 3 + 1), 38), *((24 * k, 42) for k in range(1, 9 + number))]
        (folder / f"{number}.mid").write_bytes(clip_bytes(hits))
        entries.append(f'[clips."{number}.mid"]\npeople = {json.dumps(people)}\n')
    (folder / "dataset.toml").write_text(
        'name = "Ours"\npeople = ["Ada (played)", "Ben"]\nsources = ["recorded at Ada\'s", "adagio sessions"]\n'
        'consent = "yes"\ndescription = "By Ada and Ben."\n' + "".join(entries)
    )
    return folder


@pytest.fixture
def model(tmp_path: Path, clips: Path) -> Path:
    path = tmp_path / "ours.rvae"
    train(read_corpus(clips), recipe=Recipe(steps=5, steps_per_anchor=0, plane_steps=2)).save(path)
    return path


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The trainings of the command are short here: how good they are is tested elsewhere."""
    import rvae.training

    real = rvae.training.train
    monkeypatch.setattr(rvae.training, "train", lambda corpus, **rest: real(corpus, **{**rest, "recipe": TINY}))


def forget(*words: object) -> int:
    return main(["forget", *map(str, words)])


def test_a_model_that_forgot_a_person_has_no_credit_for_them_anywhere(
    model: Path, clips: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = proof(load(model), "Ada")
    assert before.clips == 3
    assert before.credit == pytest.approx(1, abs=1e-3)
    assert forget(model, clips, "--person", "ada", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["clips_forgotten"] == ["0.mid", "1.mid", "5.mid"]
    assert (said["clips_left"], said["credit"], said["clips_of_person"], said["still_named_in"]) == (3, 0, 0, [])
    after = load(model)
    assert proof(after, "Ada").is_clean
    assert {clip.people for clip in after.clips} == {("Ben",)}
    assert "Ada" not in model.read_bytes().decode("latin-1")


def test_the_card_says_when_and_names_nobody(model: Path, clips: Path) -> None:
    assert forget(model, clips, "--person", "Ada") == 0
    card = load(model).card
    assert card["people"] == ["Ben"]
    assert card["sources"] == ["adagio sessions"]
    (line,) = card[FORGOTTEN]  # type: ignore[misc]  # a list in the file
    assert "3 clips of a contributor who withdrew consent" in line
    assert line[:2] == "20"


def test_the_clips_are_marked_and_no_training_takes_them_again(model: Path, clips: Path) -> None:
    assert forget(model, clips, "--person", "Ada") == 0
    assert {Path(clip).name for clip in read_corpus(clips).clips} == {"2.mid", "3.mid", "4.mid"}
    text = (clips / "dataset.toml").read_text()
    assert text.count("withdrawn on 20") == 3
    assert 'name = "Ours"' in text


def test_two_people_can_be_forgotten_one_after_the_other(
    model: Path, clips: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (clips / "dataset.toml").write_text(
        (clips / "dataset.toml").read_text().replace('["Ben"]\n[clips."4', '["Cy"]\n[clips."4')
    )
    train(read_corpus(clips), recipe=TINY).save(model)
    assert forget(model, clips, "--person", "Ada") == 0
    assert forget(model, clips, "--person", "Cy") == 0  # Ada's clips are refused now, and that is no obstacle
    assert len(load(model).card[FORGOTTEN]) == 2  # type: ignore[arg-type]  # a list in the file
    assert {clip.people for clip in load(model).clips} == {("Ben",)}


def test_who_was_named_and_said_no_only_after_the_training_is_forgotten_too(
    model: Path, clips: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert forget(model, clips, "--person", "Dora") == 2
    assert main(["card", str(clips), "--clip", "4.mid", "--people", "Dora", "--consent", "no"]) == 0
    capsys.readouterr()
    assert forget(model, clips, "--person", "Dora", "--json") == 0
    assert json.loads(capsys.readouterr().out)["clips_forgotten"] == ["4.mid"]
    assert {clip.source for clip in load(model).clips} == {"0.mid", "1.mid", "2.mid", "3.mid", "5.mid"}


def test_elsewhere_the_old_model_stays_and_it_is_said(
    model: Path, clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = model.read_bytes()
    assert forget(model, clips, "--person", "Ada", "-o", tmp_path / "new.rvae") == 0
    assert model.read_bytes() == before
    out = capsys.readouterr().out
    assert f"{model} still has their clips: delete it" in out
    assert "credit for Ada at any place: 0" in out


def test_a_name_that_still_stands_in_a_file_name_of_others_is_told(
    model: Path, clips: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (clips / "2.mid").rename(clips / "for-ada.mid")
    card = clips / "dataset.toml"
    card.write_text(card.read_text().replace("2.mid", "for-ada.mid"))
    train(read_corpus(clips), recipe=TINY).save(model)
    assert forget(model, clips, "--person", "Ada") == 0
    assert "the name still stands in the clip for-ada.mid" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--person", "Eva"], "nobody of that name is in the model or the cards; there are Ada, Ben"),
        (["--person", " "], "--person needs a name"),
        (["--person", "Ada", "-o", "/no/such/folder/m.rvae"], "there is no folder"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_changes_nothing(
    words: Sequence[str], said: str, model: Path, clips: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = model.read_bytes(), (clips / "dataset.toml").read_text()
    assert forget(model, clips, *words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert (model.read_bytes(), (clips / "dataset.toml").read_text()) == before


def test_clips_of_others_that_are_not_given_are_not_lost_silently(
    model: Path, clips: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = model.read_bytes()
    (clips / "3.mid").unlink()
    assert forget(model, clips, "--person", "Ada") == 2
    assert "1 clip of others not in the folders given (3.mid)" in capsys.readouterr().err
    assert model.read_bytes() == before


def test_where_all_is_theirs_nothing_is_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "hers"
    folder.mkdir()
    (folder / "a.mid").write_bytes(clip_bytes([(0, 36), (96, 38)]))
    (folder / "dataset.toml").write_text('people = ["Ada"]\n')
    file = tmp_path / "hers.rvae"
    train(read_corpus(folder), recipe=TINY).save(file)
    assert forget(file, folder, "--person", "Ada") == 2
    assert "delete the model" in capsys.readouterr().err


def test_a_card_without_a_name_keeps_all_other_words() -> None:
    card = {"name": "Adagio", "people": ["Ada (played)", "Ben"], "consent": "given by Ada", "tags": ["slow"], "n": 3}
    assert card_without(card, "Ada", said="today") == {
        "name": "Adagio",
        "people": ["Ben"],
        "tags": ["slow"],
        "n": 3,
        FORGOTTEN: ["today"],
    }


def test_a_copy_of_theirs_under_another_name_goes_with_them(
    model: Path, clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (clips / "mine.mid").write_bytes((clips / "0.mid").read_bytes())
    card = (clips / "dataset.toml").read_text()
    (clips / "dataset.toml").write_text(f'{card}[clips."mine.mid"]\npeople = ["Cleo"]\n')
    path = tmp_path / "with the copy.rvae"
    train(read_corpus(clips), recipe=Recipe(steps=5, steps_per_anchor=0, plane_steps=2)).save(path)
    assert "mine.mid" in {clip.source for clip in load(path).clips}
    assert forget(path, clips, "--person", "Ada", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["copies_forgotten"] == ["mine.mid"]
    assert sorted(clip.source for clip in load(path).clips) == ["2.mid", "3.mid", "4.mid"]
    assert forget(model, clips, "--person", "Ada") == 0  # the next model: what is withdrawn by now is no reason to stop
