"""The command `inspect`, as a program and as a person call it."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from strategies import midi, on, signature, track

from rvae import read_corpus
from rvae.__main__ import main
from rvae.inspection import figures, print_report
from rvae.kit import STANDARD_KIT
from rvae.names import short_names

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    clips = tmp_path / "clips"
    clips.mkdir()
    (clips / "four.mid").write_bytes(
        midi(track((0, on(36)), (1, on(35, 50)), (96, on(38)), (384, on(42)), (390, on(90))))
    )
    (clips / "six [live].mid").write_bytes(midi(track((0, signature(6, 3)), (0, on(36)), (72, on(38, 80, 2)))))
    (clips / "broken.mid").write_bytes(b"MThd")
    return clips


def inspect(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    code = main(["inspect", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def test_json_is_one_object_with_the_agreed_keys_and_nothing_else(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = inspect(capsys, folder, "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert (found["files"], found["clips"], found["patterns"], found["bars"]) == (3, 2, 2, 3)
    assert found["meters"] == {
        "4/4": {"files": 1, "bars": 2, "onsets": 3},
        "6/8": {"files": 1, "bars": 1, "onsets": 1},
    }
    assert found["ticks_per_beat"] == 24
    assert found["voices"] == dict.fromkeys(STANDARD_KIT.names, 0) | {"kick": 2, "snare": 1, "closed_hat": 1}
    assert found["collisions"] == 1
    assert found["unmapped_notes"] == {"90": 1}
    assert [Path(entry["file"]).name for entry in found["dropped"]] == ["broken.mid", "six [live].mid"]
    assert all(entry["reason"] for entry in found["dropped"])


@pytest.mark.parametrize(
    "arguments", [(), ("--bars", "1"), ("--bars", "4"), ("--grid", "4"), ("--quantise", "nearest")]
)
def test_the_figures_add_up_to_what_the_files_hold(
    folder: Path, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = inspect(capsys, folder, "--json", *arguments)
    found = json.loads(out)
    lost = found["collisions"] + sum(found["unmapped_notes"].values()) + sum(e["onsets"] for e in found["dropped"])
    assert found["onsets"] + lost == found["note_ons"] == 7
    assert sum(found["voices"].values()) == found["onsets"]


def test_the_report_says_in_words_what_is_kept_and_what_is_not(folder: Path) -> None:
    out = io.StringIO()
    print_report(read_corpus(folder), Console(file=out, width=100))
    text = out.getvalue()
    for part in ("2 of 3 files are clips", "4 of 7 notes are kept", "6/8", "kick", "90 (1 times)", "six [live].mid"):
        assert part in text
    assert "\x1b" not in text


def test_files_of_one_name_are_told_apart_by_as_much_of_their_path_as_it_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bar = midi(track((0, signature(4, 2)), (0, on(36)), (96, on(38)), end=288))
    for name in ("mon/a/beat.mid", "tue/a/beat.mid", "tue/b/beat.mid", "one.mid"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(bar)
    page = tmp_path / "page.html"
    code, out, _ = inspect(capsys, tmp_path, "-o", page)
    assert code == 0
    text = page.read_text(encoding="utf-8")
    for shown in (out, text):
        assert {"mon/a/beat.mid", "tue/a/beat.mid", "b/beat.mid"} <= set(re.findall(r"[\w/]+beat\.mid", shown))
        assert "/one.mid" not in shown
    assert short_names(["x/a.mid", "a.mid", "b.mid"]) == {"x/a.mid": "x/a.mid", "a.mid": "a.mid", "b.mid": "b.mid"}


def test_a_kit_and_a_channel_can_be_brought(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kit = tmp_path / "kit.toml"
    kit.write_text('name = "mine"\n[[voice]]\nname = "tock"\nin = [38]\nout = 38\n', encoding="utf-8")
    code, out, _ = inspect(capsys, folder, "--json", "--kit", kit, "--channel", "2")
    assert code == 0
    assert json.loads(out)["voices"] == {"tock": 1}


def test_how_a_meter_is_felt_can_be_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.mid").write_bytes(midi(track((0, signature(7, 3)), (0, on(36)))))
    _, out, _ = inspect(capsys, tmp_path, "--json", "--meter", "7/8(3+2+2)")
    assert list(json.loads(out)["meters"]) == ["7/8(3+2+2)"]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["frobnicate"],
        ["inspect"],
        ["inspect", "nowhere"],
        ["inspect", "{empty}"],
        ["inspect", "{clips}", "--bars", "3"],
        ["inspect", "{clips}", "--bars", "x"],
        ["inspect", "{clips}", "--grid", "16"],
        ["inspect", "{clips}", "--channel", "17"],
        ["inspect", "{clips}", "--quantise", "magic"],
        ["inspect", "{clips}", "--kit", "nowhere.toml"],
        ["inspect", "{clips}", "--kit", "{clips}"],
        ["inspect", "{clips}", "--meter", "7/9"],
        ["inspect", "{clips}/broken.mid", "--json"],
        ["inspect", "{clips}", "--colour"],
    ],
)
def test_wrong_usage_and_unusable_input_are_one_line_and_exit_2(
    arguments: list[str], folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    code = main([part.format(clips=folder, empty=tmp_path / "empty") for part in arguments])
    out, err = capsys.readouterr()
    assert code == 2
    assert out == ""
    assert err.startswith("rvae")
    assert err.count("\n") == 1


def test_help_is_on_standard_output_and_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--help"], ["inspect", "--help"]):
        assert main(arguments) == 0
        assert "usage: rvae" in capsys.readouterr().out


def run(*arguments: str | Path, **rest: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "rvae", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **rest)  # type: ignore[call-overload]


def test_as_a_command_it_prints_the_same(folder: Path) -> None:
    with run("inspect", folder, "--json") as process:
        out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert json.loads(out) == figures(read_corpus(folder))


@pytest.mark.skipif(os.name != "posix", reason="file names are bytes on POSIX only")
def test_a_file_name_that_is_no_text_is_no_trouble(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.mid"
    try:
        Path(os.fsdecode(path)).write_bytes(midi(track((0, on(36)), (400, on(100)))))
    except OSError:
        pytest.skip("this file system has text names only")
    for arguments in ((), ("--json",)):
        with run("inspect", tmp_path, *arguments) as process:
            out, err = process.communicate()
        assert (process.returncode, err) == (0, "")
        assert out


@pytest.mark.skipif(os.name != "posix", reason="SIGINT is sent to a process on POSIX")
def test_interrupted_it_ends_quietly(folder: Path) -> None:
    for number in range(2000):
        (folder / f"no-clip-{number:04}.mid").write_bytes(b"none")
    with run("inspect", folder, "--json") as process:
        assert process.stdout is not None
        process.stdout.read(1)  # more is to come than the line holds: it waits for its reader
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert (process.returncode, err) == (130, "")


@pytest.mark.skipif(os.name != "posix", reason="a closed pipe is EPIPE on POSIX")
@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_a_reader_that_goes_away_is_met_with_silence(folder: Path, arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "rvae", "inspect", str(folder), *arguments]
    done = subprocess.run(command, cwd=ROOT, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert done.stderr == ""
    assert done.returncode != 2


def test_human_takes_are_accounted_for_to_the_note(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = inspect(capsys, shared / "data" / "groove-midi", "--json")
    found = json.loads(out)
    assert code == 0
    assert (found["files"], found["clips"], found["unmapped_notes"], found["dropped"]) == (126, 126, {}, [])
    assert list(found["meters"]) == ["4/4"]
    assert found["onsets"] + found["collisions"] == found["note_ons"]


def test_malformed_files_end_in_a_report(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = inspect(capsys, shared / "data" / "malformed", "--json")
    found = json.loads(out)
    assert (code, err, found["files"]) == (0, "", 72)
    lost = found["collisions"] + sum(found["unmapped_notes"].values()) + sum(e["onsets"] for e in found["dropped"])
    assert found["onsets"] + lost == found["note_ons"]
