"""The command `card`: whose the clips are, kept beside them, and what follows from a no."""

from __future__ import annotations

import io
import json
from pathlib import Path

import mido
import numpy as np
import pytest
from strategies import midi, on, track

from rvae import carding, load, read_corpus, train
from rvae.__main__ import main
from rvae.card import Card, card_texts, refuses
from rvae.copies import Originals
from rvae.errors import CorpusError
from rvae.fitting import Recipe
from rvae.midi import MidiClip, write_midi


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, pitch in (("ana-1.mid", 36), ("ana-2.mid", 38), ("sub/ben.mid", 42)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(midi(track((0, on(pitch)), (96, on(36)))))
    return tmp_path


def card_of(folder: Path) -> Card:
    return Card.parse((folder / "dataset.toml").read_text(encoding="utf-8"))


def names(corpus_clips: tuple[str, ...]) -> list[str]:
    return [Path(clip).name for clip in corpus_clips]


def test_what_is_said_by_flags_stands_in_the_card(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ("--people", "Ana", "--people", "Ben", "--licence", "CC-BY-4.0", "--consent", "yes", "--name", "Spring")
    assert main(["card", str(folder), *flags]) == 0
    card = card_of(folder)
    assert (card.name, card.people, card.licence, card.consent) == ("Spring", ("Ana", "Ben"), "CC-BY-4.0", "yes")
    assert "Ana; Ben" in capsys.readouterr().out


def test_a_clip_whose_maker_says_no_is_never_read_and_the_report_says_so(folder: Path) -> None:
    main(["card", str(folder), "--people", "Ana", "--consent", "yes"])
    assert main(["card", str(folder), "--clip", "ben.mid", "--people", "Ben", "--consent", "no"]) == 0
    corpus = read_corpus(folder)
    assert names(corpus.clips) == ["ana-1.mid", "ana-2.mid"]
    (entry,) = corpus.report.dropped
    assert (Path(entry.file).name, entry.onsets) == ("ben.mid", 2)
    assert corpus.report.onsets + entry.onsets == corpus.report.note_ons
    with pytest.raises(CorpusError, match="not agreed"):
        read_corpus(folder / "sub")
    with pytest.raises(CorpusError, match="not agreed"):
        read_corpus(folder / "sub" / "ben.mid")


def test_a_copy_under_another_name_of_a_clip_whose_maker_said_no_is_not_read_either(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    late = track((0, on(36, 50)), (24, on(38, 60)), (60, on(36, 70)))
    for name, data in (
        ("ben.mid", midi(track((0, on(36)), (24, on(38)), (60, on(36))))),
        ("mine [2].mid", midi(late)),  # softer
        ("twice.mid", midi(track((0, on(36)), (48, on(38)), (120, on(36))), ppq=192)),  # another program's resolution
        ("own.mid", midi(track((0, on(36)), (24, on(38)), (48, on(36))))),
    ):
        (tmp_path / name).write_bytes(data)
    assert main(["card", str(tmp_path), "--people", "Ana", "--consent", "yes"]) == 0
    assert main(["card", str(tmp_path), "--clip", "ben.mid", "--people", "Ben", "--consent", "no"]) == 0
    assert "mine [2].mid: not trained on: it has the onsets of ben.mid" in capsys.readouterr().out
    corpus = read_corpus(tmp_path)
    assert names(corpus.clips) == ["own.mid"]
    why = {Path(entry.file).name: entry.reason for entry in corpus.report.dropped}
    assert "has the onsets of ben.mid, whose makers have not agreed" in why["twice.mid"]
    assert corpus.report.onsets + sum(entry.onsets for entry in corpus.report.dropped) == corpus.report.note_ons == 12
    assert main(["card", str(tmp_path), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)["clips"]
    assert [name for name, of in said.items() if of["trained_on"]] == ["own.mid"]
    # Two people may have written the same bar: a yes of its own, and it is one's own.
    assert main(["card", str(tmp_path), "--clip", "mine [2].mid", "--consent", "yes"]) == 0
    assert names(read_corpus(tmp_path).clips) == ["mine [2].mid", "own.mid"]


def test_a_played_clip_rounded_to_a_coarser_resolution_is_a_copy_too() -> None:
    def clip(ppq: int, *notes: tuple[int, int]) -> MidiClip:
        rows = np.array([(pulse, 10, pitch, 90) for pulse, pitch in notes], dtype=np.int64)
        return MidiClip(ppq, rows, (), (), (), 8 * ppq)

    played = clip(480, (1, 42), (2, 36), (478, 38), (960, 36))  # two that are all but together
    originals = Originals([(Path("hers.mid"), played)])
    for copy in (
        clip(96, (0, 36), (0, 42), (96, 38), (192, 36)),
        clip(96, (0, 42), (1, 36), (96, 38), (192, 36)),  # a pulse up, a pulse down: as far apart as rounding can do
    ):
        assert originals.copied(Path("mine.mid"), copy, None) == Path("hers.mid")
    for other in (
        clip(96, (0, 36), (0, 42), (96, 36), (192, 38)),  # the same pitches at other places
        clip(96, (0, 36), (0, 42), (98, 38), (192, 36)),
        clip(96, (0, 36), (96, 38), (192, 36)),
    ):
        assert originals.copied(Path("mine.mid"), other, None) is None


def test_a_folder_without_clips_and_a_file_say_in_a_line_what_to_give(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").write_text("x", encoding="utf-8")
    for given, said in ((tmp_path, "no clips in it; put MIDI files there"), (tmp_path / "notes.txt", "a file; give")):
        assert main(["card", str(given), "--people", "Ana"]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert said in line
    assert not (tmp_path / "dataset.toml").exists()


def test_a_no_for_the_folder_holds_for_all_but_those_who_say_yes(folder: Path) -> None:
    main(["card", str(folder), "--consent", "not asked yet"])
    with pytest.raises(CorpusError, match="not agreed"):
        read_corpus(folder)
    main(["card", str(folder), "--clip", "ana-*", "--consent", "yes, by mail"])
    corpus = read_corpus(folder)
    assert names(corpus.clips) == ["ana-1.mid", "ana-2.mid"]
    assert corpus.card.consent == "yes, by mail"


@pytest.mark.parametrize(
    "text",
    ["no", "No!", "none", "not yet", "withdrawn 2026-01-02", "refused", "Nein, danke", "não", "нет", "いいえ", "नहीं"],
)
def test_these_are_a_no(text: str) -> None:
    assert refuses(text)


@pytest.mark.parametrize("text", ["", "yes", "given by the people named", "Nora agreed", "all agreed"])
def test_these_are_not(text: str) -> None:
    assert not refuses(text)


@pytest.mark.parametrize("written", ["consent = false", 'consent = "no"'])
def test_a_no_written_by_hand_is_one(folder: Path, written: str) -> None:
    (folder / "dataset.toml").write_text(f'[clips."ana-1.mid"]\n{written}\n', encoding="utf-8")
    assert names(read_corpus(folder).clips) == ["ana-2.mid", "ben.mid"]


def test_a_model_never_holds_a_clip_of_a_no_and_carries_the_card(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["card", str(folder), "--people", "Ana", "--licence", "CC0-1.0", "--consent", "yes"])
    main(["card", str(folder), "--clip", "ben.mid", "--people", "Ben", "--consent", "no"])
    file = folder / "m.rvae"
    train(read_corpus(folder), recipe=Recipe(steps=2, steps_per_anchor=0, plane_steps=0, batch=96)).save(file)
    model = load(file)
    assert {clip.source for clip in model.clips} == {"ana-1.mid", "ana-2.mid"}
    assert "Ben" not in json.dumps(model.card)
    capsys.readouterr()
    main(["inspect", str(file)])
    shown = capsys.readouterr().out
    assert "people: Ana" in shown
    assert "consent: yes" in shown


def test_what_else_stands_in_a_card_stays_comments_and_all(folder: Path) -> None:
    before = '# ours\ntitle = "Old"   # the band\ntags = ["x"]\n\n[clips."ana-1.mid"]\nmeter = "4/4" # felt so\n'
    (folder / "dataset.toml").write_text(before, encoding="utf-8")
    main(["card", str(folder), "--licence", "CC0-1.0", "--name", "New"])
    main(["card", str(folder), "--clip", "ana-1.mid", "--consent", "yes"])
    after = (folder / "dataset.toml").read_text(encoding="utf-8")
    for part in ("# ours", "# the band", "# felt so", 'tags = ["x"]', 'title = "New"'):
        assert part in after
    card = card_of(folder)
    assert (card.name, card.licence, card.clips["ana-1.mid"].consent) == ("New", "CC0-1.0", "yes")


def test_clips_listed_as_rows_are_said_of_in_their_row(folder: Path) -> None:
    (folder / "dataset.toml").write_text('[[clips]]\nfile = "ana-1.mid"\nmeter = "4/4"\n', encoding="utf-8")
    main(["card", str(folder), "--clip", "ana-*", "--people", "Ana"])
    card = card_of(folder)
    assert [card.clips[clip].people for clip in ("ana-1.mid", "ana-2.mid")] == [("Ana",), ("Ana",)]
    assert card.clips["ana-1.mid"].meter is not None


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def answer(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("".join(f"{line}\n" for line in lines)))


def test_at_a_terminal_it_asks_and_enter_leaves_what_stands(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    main(["card", str(folder), "--licence", "CC0-1.0"])
    answer(monkeypatch, "Spring", "", "Ana, Ben", "", "yes", "")
    assert main(["card", str(folder)]) == 0
    card = card_of(folder)
    assert (card.name, card.people, card.licence, card.consent) == ("Spring", ("Ana", "Ben"), "CC0-1.0", "yes")


def test_at_a_terminal_single_clips_can_differ(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(
        monkeypatch, "", "", "Ana", "", "yes", "bem", "sub/*", "Ben", "CC0-1.0", "no", "ana-*", "", "CC-BY-4.0", "", ""
    )
    assert main(["card", str(folder)]) == 0
    card = card_of(folder)
    assert [card.of_clip(clip).licence for clip in ("ana-1.mid", "ana-2.mid")] == ["CC-BY-4.0"] * 2
    assert card.of_clip("sub/ben.mid").people == ("Ben",)
    assert card.of_clip("sub/ben.mid").is_refused
    assert card.of_clip("ana-1.mid").people == ("Ana",)


def test_answers_that_end_early_leave_everything_as_it_was(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer(monkeypatch, "Spring", "a line")
    assert main(["card", str(folder)]) == 2
    assert "nothing was written" in capsys.readouterr().err
    assert not (folder / "dataset.toml").exists()


def test_without_a_terminal_it_shows_what_is_said_and_what_is_not(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert main(["card", str(folder)]) == 0
    assert "nothing said about consent: 3 of 3 clips" in capsys.readouterr().out
    assert main(["card", str(folder), "--json", "--consent", "no"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [clip["trained_on"] for clip in shown["clips"].values()] == [False] * 3


@pytest.mark.parametrize(
    "arguments",
    [
        ["card"],
        ["card", "nowhere"],
        ["card", "{folder}/ana-1.mid"],
        ["card", "{folder}", "--clip", "ana-1.mid"],
        ["card", "{folder}", "--clip", "zoe*", "--consent", "no"],
        ["card", "{folder}", "--clip", "ana-1.mid", "--name", "x"],
    ],
)
def test_wrong_usage_is_one_line_and_writes_nothing(
    arguments: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([part.format(folder=folder) for part in arguments]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (folder / "dataset.toml").exists()


@pytest.mark.parametrize("broken", ["name = ", "\x00", 'clips = 3\n[clips."a"]\n'])
def test_a_card_that_cannot_be_read_is_not_written_over(folder: Path, broken: str) -> None:
    (folder / "dataset.toml").write_text(broken, encoding="utf-8")
    assert main(["card", str(folder), "--consent", "yes"]) == 2
    assert (folder / "dataset.toml").read_text(encoding="utf-8") == broken


def test_names_in_any_script_and_with_any_sign_are_kept(folder: Path) -> None:
    name = 'Ömer "Ö" 김\\, \n[x]'
    main(["card", str(folder), "--clip", "ana-1.mid", "--people", name])
    assert card_of(folder).clips["ana-1.mid"].people == (name,)


def texts(file: Path) -> list[str]:
    return [event.text for event in mido.MidiFile(file, charset="utf-8").tracks[0] if event.type == "text"]


def test_a_card_goes_into_a_midi_file_as_text(tmp_path: Path) -> None:
    card = Card(people=("Ana (drums)",), licence="CC0-1.0", consent="yes")
    write_midi(tmp_path / "out.mid", [], length_quarters=4, texts=card_texts(card.as_mapping()))
    assert texts(tmp_path / "out.mid") == ["people: Ana (drums)", "licence: CC0-1.0", "consent: yes"]


def test_what_is_rendered_from_a_model_says_whose_music_it_is(model_file: Path, tmp_path: Path) -> None:
    from performance.cli import main as rvae

    out = tmp_path / "out.mid"
    assert rvae(["render", str(model_file), "--at", "0.5,0.5", "--bars", "1", "--midi", str(out)]) == 0
    assert "licence: CC0-1.0" in texts(out)
    assert any(line.startswith("people: the rvae developers") for line in texts(out))


def test_what_is_asked_is_what_a_card_holds() -> None:
    assert all(hasattr(Card(), key) for key in carding._ALSO)
