"""Where clips come from: files, folders, archives with and without malice, Hydrogen; folders as they are in life."""

from __future__ import annotations

import contextlib
import io
import os
import stat
import struct
import threading
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import midi, on, track

from rvae import Corpus, read_corpus
from rvae.__main__ import main
from rvae.corpus import read_files
from rvae.errors import CorpusError, FileError, MidiFileError
from rvae.hydrogen import parse_hydrogen
from rvae.meter import Meter
from rvae.midi import MAX_FILE_BYTES
from rvae.sources import MAX_LIST_BYTES, Sources, read_clip

BEAT = midi(track((0, on(36)), (96, on(38))))


def archive(path: Path, entries: dict[str, bytes | str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name, data in entries.items():
            out.writestr(name, data)
    return path


def names(corpus: Corpus) -> list[str]:
    return [Path(clip).name for clip in corpus.clips]


def refusals(corpus: Corpus) -> dict[str, str]:
    return {Path(entry.file).name: entry.reason for entry in corpus.report.dropped}


# --- archives


def test_an_archive_is_read_like_a_folder(tmp_path: Path) -> None:
    entries = {"b.mid": BEAT, "grooves/a.MIDI": BEAT, "späte Δ 김.mid": BEAT, "read me.txt": "x", "grooves/": ""}
    corpus = read_corpus(archive(tmp_path / "clips.zip", entries))
    assert names(corpus) == ["b.mid", "a.MIDI", "späte Δ 김.mid"]
    assert corpus.clips[1] == str(tmp_path / "clips.zip" / "grooves" / "a.MIDI")
    assert len(read_clip(corpus.clips[1]).notes) == 2


def test_an_archive_in_a_folder_is_read_too_and_one_clip_of_it_can_be_named(tmp_path: Path) -> None:
    archive(tmp_path / "clips.ZIP", {"a.mid": BEAT, "b.mid": BEAT})
    (tmp_path / "c.mid").write_bytes(BEAT)
    assert names(read_corpus(tmp_path)) == ["c.mid", "a.mid", "b.mid"]
    assert names(read_corpus(tmp_path / "clips.ZIP" / "b.mid")) == ["b.mid"]


def test_the_card_in_an_archive_speaks_for_its_clips_and_the_one_beside_it_where_there_is_none(tmp_path: Path) -> None:
    card = 'people = ["Ana"]\n[clips."b.mid"]\nconsent = "no"\n'
    other = midi(track((0, on(36)), (48, on(42)), (96, on(38))))
    clips: dict[str, bytes | str] = {"a.mid": BEAT, "sub/b.mid": other}
    corpus = read_corpus(archive(tmp_path / "clips.zip", {**clips, "dataset.toml": card}))
    assert names(corpus) == ["a.mid"]
    assert corpus.makers_of(corpus.clips[0]).people == ("Ana",)
    (tmp_path / "dataset.toml").write_text('people = ["Ben"]', encoding="utf-8")
    corpus = read_corpus(archive(tmp_path / "clips.zip", clips))
    assert corpus.makers_of(corpus.clips[1]).people == ("Ben",)


def test_a_folder_of_archives_takes_the_memory_of_one(tmp_path: Path) -> None:
    """As packs of sounds are sold: a few clips beside much that is none."""
    filling = os.urandom(2_000_000)
    for number in range(10):
        archive(tmp_path / f"pack {number}.zip", {f"{number}.mid": BEAT, "sounds.wav": filling})
    tracemalloc.start()
    try:
        files = read_files(tmp_path)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(files.clips) == 10
    assert most < 3 * len(filling)


def test_a_broken_card_in_an_archive_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"clips\.zip/dataset\.toml"):
        read_corpus(archive(tmp_path / "clips.zip", {"a.mid": BEAT, "dataset.toml": "name = "}))


def linked(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("../up.mid", "leads out"),
        ("a/../../up.mid", "leads out"),
        ("/etc/up.mid", "leads out"),
        ("C:/up.mid", "leads out"),
        ("a\\..\\up.mid", "leads out"),
        ("./up.mid", "leads out"),
        ("inner.zip", "archive in an archive"),
        (linked("up.mid"), "a link"),
    ],
)
def test_tricks_in_an_archive_are_refused_by_name_and_the_rest_is_read(
    name: str | zipfile.ZipInfo, part: str, tmp_path: Path
) -> None:
    before = sorted(tmp_path.parent.rglob("up.mid"))
    with zipfile.ZipFile(tmp_path / "clips.zip", "w") as out:
        out.writestr("good.mid", BEAT)
        out.writestr(name, BEAT)
    corpus = read_corpus(tmp_path / "clips.zip")
    assert names(corpus) == ["good.mid"]
    ((reason),) = [entry.reason for entry in corpus.report.dropped]
    assert part in reason
    assert sorted(tmp_path.parent.rglob("up.mid")) == before


def test_what_has_no_name_in_an_archive_is_refused_and_the_rest_is_read(tmp_path: Path) -> None:
    data = archive(tmp_path / "clips.zip", {"good.mid": BEAT, "x.mid": BEAT}).read_bytes()
    (tmp_path / "clips.zip").write_bytes(data.replace(b"x.mid", b"\0.mid"))  # what comes after the zero is cut off
    corpus = read_corpus(tmp_path / "clips.zip")
    assert names(corpus) == ["good.mid"]
    assert "nowhere" in refusals(corpus)["clips.zip"]  # it has no name to be called by


def test_a_name_that_stands_twice_is_read_once_and_said(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "clips.zip", "w") as out:
        out.writestr("a.mid", BEAT)
        with pytest.warns(UserWarning, match="Duplicate"):
            out.writestr("a.mid", BEAT)
    corpus = read_corpus(tmp_path / "clips.zip")
    assert names(corpus) == ["a.mid"]
    assert "twice" in refusals(corpus)["a.mid"]


def test_what_unpacks_to_too_much_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    corpus = read_corpus(archive(tmp_path / "one.zip", {"a.mid": BEAT, "bomb.mid": b"\0" * (MAX_FILE_BYTES + 1)}))
    assert "unpacks to more than" in refusals(corpus)["bomb.mid"]
    many = archive(tmp_path / "many.zip", {f"{number}.mid": b"\0" * 1_900_000 for number in range(110)})
    with pytest.raises(CorpusError, match="unpacks to 209 MB"):
        read_corpus(many)


def test_a_file_that_lies_about_its_size_is_read_no_further(tmp_path: Path) -> None:
    path = archive(tmp_path / "lie.zip", {"lie.mid": b"\0" * 20_000_000, "a.mid": BEAT})
    data = path.read_bytes().replace(struct.pack("<L", 20_000_000), struct.pack("<L", 1_000))
    path.write_bytes(data)
    corpus = read_corpus(path)
    assert names(corpus) == ["a.mid"]
    assert "cannot be unpacked" in refusals(corpus)["lie.mid"]


def test_a_locked_archive_is_refused_by_name(tmp_path: Path) -> None:
    path = archive(tmp_path / "locked.zip", {"a.mid": BEAT})
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(CorpusError, match="password"):
        read_corpus(path)


def test_an_endless_list_of_files_is_refused_before_it_is_read(tmp_path: Path) -> None:
    for data in (
        b"PK\x05\x06" + struct.pack("<4H2LH", 0, 0, 9, 9, MAX_LIST_BYTES + 1, 0, 0),
        b"PK\x06\x07" + bytes(16) + b"PK\x05\x06" + struct.pack("<4H2LH", 0, 0, 9, 9, 10, 0, 0),
    ):
        (tmp_path / "list.zip").write_bytes(bytes(100) + data)
        with pytest.raises(CorpusError, match="list of its files"):
            read_corpus(tmp_path / "list.zip")


@pytest.mark.parametrize("data", [b"", b"PK", b"not a zip", b"PK\x05\x06" + bytes(17)])
def test_no_archive_at_all_is_one_line(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(data)
    with pytest.raises(CorpusError, match="archive") as refusal:
        read_corpus(tmp_path / "x.zip")
    assert "\n" not in str(refusal.value)


def whole() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("a.mid", BEAT)
        zipped.writestr("dataset.toml", 'name = "x"')
    return out.getvalue()


WHOLE = whole()


@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=12), st.integers(0, 60))
@settings(max_examples=150)
def test_a_damaged_archive_is_read_or_refused_never_more(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]], cut: int
) -> None:
    data = bytearray(WHOLE)
    for place, value in changes:
        data[place] = value
    path = tmp_path_factory.mktemp("zip") / "x.zip"
    path.write_bytes(data[: len(data) - cut])
    with contextlib.suppress(CorpusError, FileError):
        read_corpus(path)


# --- folders as they are in life


def test_ten_thousand_files_are_found(tmp_path: Path) -> None:
    for folder in range(20):
        (tmp_path / f"{folder}").mkdir()
        for number in range(500):
            (tmp_path / f"{folder}" / f"{number}.mid").touch()
    assert len(Sources().find(tmp_path)) == 10_000


@pytest.mark.parametrize(
    "name", ["김치 🥁.mid", "مقسوم.mid", "नमस्ते.mid", "Ωmega.MID", " a  b.mid", "a\tb.mid", "-rf.mid"]
)
def test_names_in_any_script_are_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(BEAT)
    assert names(read_corpus(tmp_path)) == [name]


def test_a_folder_that_changes_while_it_is_read_ends_in_a_report(tmp_path: Path) -> None:
    for number in range(60):
        (tmp_path / f"{number:02}.mid").write_bytes(BEAT)
    sources = Sources()
    found = sources.find(tmp_path)
    (tmp_path / "07.mid").unlink()
    (tmp_path / "08.mid").write_bytes(BEAT[:-3])
    with pytest.raises(MidiFileError, match=r"07\.mid: cannot be read"):
        sources.read(found[7])
    with pytest.raises(MidiFileError, match=r"08\.mid: cut short"):
        sources.read(found[8])
    stop = threading.Event()

    def change() -> None:
        while not stop.is_set():
            for number in range(30):
                (tmp_path / f"{number:02}.mid").unlink(missing_ok=True)
            for number in range(30):
                (tmp_path / f"{number:02}.mid").write_bytes(BEAT)

    changing = threading.Thread(target=change)
    changing.start()
    try:
        for _ in range(5):
            corpus = read_corpus(tmp_path)
            assert set(names(corpus)) >= {f"{number:02}.mid" for number in range(30, 60)}
    finally:
        stop.set()
        changing.join()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="this user may read everything")
def test_a_file_that_may_not_be_read_is_listed(tmp_path: Path) -> None:
    (tmp_path / "a.mid").write_bytes(BEAT)
    (tmp_path / "b.mid").write_bytes(BEAT)
    (tmp_path / "b.mid").chmod(0)
    assert "cannot be read" in refusals(read_corpus(tmp_path))["b.mid"]


@pytest.mark.skipif(os.name != "posix", reason="links need no special rights on POSIX")
def test_a_link_to_itself_and_folders_that_link_to_each_other_end(tmp_path: Path) -> None:
    for folder, other in (("one", "two"), ("two", "one")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "over").symlink_to(tmp_path / other)
        (tmp_path / folder / f"{folder}.mid").write_bytes(BEAT)
    (tmp_path / "self.mid").symlink_to(tmp_path / "self.mid")
    corpus = read_corpus(tmp_path)
    assert sorted(names(corpus)) == ["one.mid", "two.mid"]
    assert list(refusals(corpus)) == ["self.mid"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes among files are of POSIX")
def test_a_pipe_a_device_and_a_huge_file_among_clips_are_listed_and_nothing_waits(tmp_path: Path) -> None:
    (tmp_path / "a.mid").write_bytes(BEAT)
    os.mkfifo(tmp_path / "pipe.mid")
    (tmp_path / "zero.mid").symlink_to("/dev/zero")
    with (tmp_path / "huge.mid").open("wb") as file:
        file.truncate(1 << 36)
    refused = refusals(read_corpus(tmp_path))
    assert "a pipe or a device" in refused["pipe.mid"]
    assert "a pipe or a device" in refused["zero.mid"]
    assert "larger than" in refused["huge.mid"]


# --- Hydrogen


def note(position: int, instrument: int, velocity: float = 0.8, lead: float = 0.0, more: str = "") -> str:
    inner = f"<position>{position}</position><leadlag>{lead}</leadlag><velocity>{velocity}</velocity>"
    return f"<note>{inner}<instrument>{instrument}</instrument>{more}</note>"


def pattern(*notes: str, name: str = "one", size: int = 192, denominator: int = 4) -> str:
    head = f"<name>{name}</name><size>{size}</size><denominator>{denominator}</denominator>"
    return f"<pattern>{head}<noteList>{''.join(notes)}</noteList></pattern>"


def alone(inner: str) -> bytes:
    space = 'xmlns="http://www.hydrogen-music.org/drumkit_pattern"'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<drumkit_pattern {space}>{inner}</drumkit_pattern>'.encode()


def song(patterns: list[str], groups: list[list[str]], pitches: dict[int, int], bpm: float = 90) -> bytes:
    drums = "".join(
        f"<instrument><id>{number}</id><midiOutNote>{pitch}</midiOutNote></instrument>"
        for number, pitch in pitches.items()
    )
    order = "".join(f"<group>{''.join(f'<patternID>{name}</patternID>' for name in group)}</group>" for group in groups)
    parts = f"<instrumentList>{drums}</instrumentList><patternList>{''.join(patterns)}</patternList>"
    return f"<song><bpm>{bpm}</bpm>{parts}<patternSequence>{order}</patternSequence></song>".encode()


def test_a_hydrogen_pattern_is_a_clip(tmp_path: Path) -> None:
    notes = (note(0, 0), note(48, 2, 1.0), note(96, 6, 0.5, -1.0), note(144, 6, 0.5, more="<note_off>true</note_off>"))
    (tmp_path / "one.h2pattern").write_bytes(alone(pattern(*notes)))
    clip = read_clip(tmp_path / "one.h2pattern")
    assert [(row[0] / clip.ppq, *row[1:]) for row in clip.notes.tolist()] == [
        (0, 10, 36, 102), (1, 10, 38, 127), (2 + 5 / 48, 10, 42, 64),
    ]  # fmt: skip
    assert read_corpus(tmp_path).meters == (Meter.parse("4/4"),)


@pytest.mark.parametrize(
    ("size", "denominator", "meter"),
    [(192, 4, "4/4"), (144, 4, "3/4"), (144, 8, "6/8"), (168, 8, "7/8"), (168, 4, "7/8"), (240, 4, "5/4")],
)
def test_the_length_of_a_hydrogen_pattern_says_its_meter(
    tmp_path: Path, size: int, denominator: int, meter: str
) -> None:
    (tmp_path / "a.h2pattern").write_bytes(alone(pattern(note(0, 0), size=size, denominator=denominator)))
    assert [found.name for found in read_corpus(tmp_path).meters] == [meter]


def test_a_hydrogen_song_is_its_bars_in_order_with_its_notes_and_tempo(tmp_path: Path) -> None:
    bars = [pattern(note(0, 5), name="a"), pattern(note(24, 9), name="b"), pattern(note(0, 9), name="c", size=144)]
    (tmp_path / "s.h2song").write_bytes(song(bars, [["a", "b"], ["c"], ["a"]], {5: 36, 9: 42}))
    clip = read_clip(tmp_path / "s.h2song")
    assert [(row[0] / clip.ppq, row[2]) for row in clip.notes.tolist()] == [(0, 36), (0.5, 42), (4, 42), (7, 36)]
    assert [(sign.pulse / clip.ppq, *sign[1:]) for sign in clip.signatures] == [(0, 4, 4), (4, 3, 4), (7, 4, 4)]
    assert read_corpus(tmp_path).patterns[0].qpm == pytest.approx(90, abs=1e-3)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<song",
        b"<html></html>",
        b"\xff\xfe\x00",
        b'<!DOCTYPE x [<!ENTITY a "aaaa">]><song>&a;</song>',
        alone(pattern(note(-5, 0))),
        alone(pattern(note(0, 500))),
        alone(pattern(note(0, 0, float("nan")))),
        alone(pattern(note(0, 0), size=0)),
        alone(pattern(note(0, 0), size=10**12)),
        alone(pattern("<note><position>x</position></note>")),
        b"<song>" + b"x" * MAX_FILE_BYTES + b"</song>",
        song([pattern(note(0, 0))], [["one"]] * 3000, {}),
    ],
)
def test_a_hydrogen_file_that_makes_no_sense_is_one_line(data: bytes) -> None:
    with pytest.raises(MidiFileError) as refusal:
        parse_hydrogen(data)
    assert "\n" not in str(refusal.value)


def test_a_hydrogen_song_without_a_sequence_or_notes_is_no_trouble() -> None:
    assert len(parse_hydrogen(song([pattern(note(0, 0))], [], {})).notes) == 1
    assert len(parse_hydrogen(b"<song></song>").notes) == 0


def test_files_that_are_no_clips_are_counted_by_their_kind_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = midi(track((0, on(36)), (48, on(38))))
    (tmp_path / "a.mid").write_bytes(clip)
    for name in ("loop.wav", "other.WAV", "notes.txt", "dataset.toml", ".DS_Store"):
        (tmp_path / name).write_bytes(b"")
    with zipfile.ZipFile(tmp_path / "pack.zip", "w") as archive:
        for name in ("pack/b.mid", "pack/c.wav", "__MACOSX/pack/._b.mid", "__MACOSX/pack/._c.wav"):
            archive.writestr(name, clip)
    (tmp_path / "._a.mid").write_bytes(b"what macOS keeps beside a file")
    report = read_corpus(tmp_path).report
    assert report.others == {".wav": 3, ".txt": 1}
    assert (report.files, report.dropped) == (2, ())
    assert main(["inspect", str(tmp_path)]) == 0
    assert "4 other files passed over: 3 .wav, 1 .txt" in capsys.readouterr().out
