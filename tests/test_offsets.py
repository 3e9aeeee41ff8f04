"""Latency offsets are kept from one run to the next, each for its output."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from performance import cli, playing
from performance.offsets import keep_offsets, offsets_file, pads_ms, read_offsets
from performance.specs import OutputSpec
from rvae.errors import UsageError

SPECS = [OutputSpec("midi", "TR-8S"), OutputSpec("osc", "127.0.0.1:9000"), OutputSpec("audio", "")]


@pytest.fixture(autouse=True)
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("RVAE_HOME", str(tmp_path / "of" / "mine"))
    return []


def play(said: list[str], *words: str, specs: list[OutputSpec] = SPECS) -> list[float]:
    """The offsets that a run of `rvae play` with these words gives its outputs."""
    said.clear()
    arguments = cli._parser().parse_args(["play", *words])
    return [spec.offset_ms for spec in playing._placed(arguments, specs, said.append)]


def test_an_offset_is_there_again_the_next_time_and_it_is_said(said: list[str]) -> None:
    assert play(said, "--offset", "TR-8S=-12", "--offset", "audio=4.5") == [-12, 0, 4.5]
    assert said == []
    assert play(said) == [-12, 0, 4.5]
    assert len(said) == 2
    assert "tr-8s: -12 ms" in said[0]
    assert play(said, specs=[OutputSpec("midi", "tr-8s"), OutputSpec("midi", "other")]) == [-12, 0]


def test_one_that_is_given_anew_replaces_the_kept_one_and_zero_ends_it(said: list[str]) -> None:
    play(said, "--offset", "midi=-12", "--offset", "osc=3")
    assert play(said, "--offset", "midi=7") == [7, 3, 0]
    assert play(said, "--offset", "midi=0") == [0, 3, 0]
    assert read_offsets(said.append) == {"osc 127.0.0.1:9000": 3}


def test_what_is_not_there_today_is_kept_for_tomorrow(said: list[str]) -> None:
    play(said, "--offset", "TR-8S=-12")
    play(said, "--offset", "audio=5", specs=[OutputSpec("audio", "")])
    assert play(said) == [-12, 0, 5]


def test_a_word_that_is_wrong_leaves_what_was_kept(said: list[str]) -> None:
    play(said, "--offset", "TR-8S=-12")
    for wrong in ("TR-8S=900", "TR-8S=soon", "nothing=3"):
        with pytest.raises(UsageError):
            play(said, "--offset", wrong)
    assert play(said) == [-12, 0, 0]


@pytest.mark.parametrize(
    "torn",
    [
        b"",
        b'{"midi tr-8s": -1',
        b"\xff\xfe\x00",
        b"[1, 2]",
        b'{"audio": 9000}',
        b'{"audio": NaN}',
        b'{"audio": true}',
        b'{"audio": "4"}',
        b"[" * 100_000,
    ],
)
def test_a_file_that_is_torn_is_told_in_a_line_and_put_aside(torn: bytes, said: list[str]) -> None:
    file = offsets_file()
    file.parent.mkdir(parents=True)
    for number in ("", "1"):
        file.write_bytes(torn)
        assert play(said) == [0, 0, 0]
        assert len(said) == 1
        assert len(said[0].splitlines()) == 1
        assert f"{file.name}.broken{number}" in said[0]
        assert file.with_name(f"{file.name}.broken{number}").read_bytes() == torn
    assert play(said, "--offset", "audio=4") == [0, 0, 4]
    assert play(said) == [0, 0, 4]


@given(
    st.binary(max_size=60) | st.recursive(st.none() | st.floats() | st.text(), st.lists).map(json.dumps).map(str.encode)
)
def test_no_file_whatever_is_in_it_stops_the_music(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RVAE_HOME", str(tmp_path_factory.mktemp("home")))
        offsets_file().write_bytes(data)
        said: list[str] = []
        found = read_offsets(said.append)
        assert found == {} or not said
        assert all(-500 <= ms <= 500 for ms in found.values())


def test_a_place_that_cannot_be_written_is_told_and_the_music_plays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    (tmp_path / "file").write_text("a file, no folder")
    monkeypatch.setenv("RVAE_HOME", str(tmp_path / "file" / "home"))
    assert play(said, "--offset", "audio=4") == [0, 0, 4]
    assert len([line for line in said if "not kept" in line]) == 1


def test_devices_lists_what_is_kept_and_forgets_it(said: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    keep_offsets({"midi tr-8s": -12.5, "audio": 4}, said.append)
    assert cli.main(["devices"]) == 0
    assert "midi tr-8s  -12.5 ms" in capsys.readouterr().out
    assert cli.main(["devices", "--json", "--forget-offset", "midi TR-8S"]) == 0
    assert json.loads(capsys.readouterr().out)["offsets_ms"] == {"audio": 4}
    assert cli.main(["devices", "--forget-offset", "midi TR-8S"]) == 2
    assert "there are: audio" in capsys.readouterr().err


def test_the_way_of_pads_has_an_offset_too(said: list[str]) -> None:
    assert pads_ms([], said.append) == (0.0, [])
    assert pads_ms(["TR-8S=-12", "Pads=14.5"], said.append) == (14.5, ["TR-8S=-12"])
    assert play(said, "--offset", "TR-8S=-12")[0] == -12, "those of outputs are kept beside it"
    assert pads_ms([], said.append) == (14.5, [])
    assert pads_ms(["pads=0"], said.append) == (0.0, [])
    assert "pads" not in read_offsets(said.append)


@pytest.mark.parametrize("text", ["pads=", "pads=soon", "pads=900", "pads=nan"])
def test_an_offset_of_pads_that_is_none_is_refused(text: str, said: list[str]) -> None:
    with pytest.raises(UsageError):
        pads_ms([text], said.append)
