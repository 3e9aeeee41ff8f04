"""What `rvae play` makes of --clock-out, --clock-in, --link and --offset."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from performance import cli, playing
from performance.specs import LeaderSpec, OutputSpec
from rvae.errors import UsageError

SPECS = [
    OutputSpec("midi", "TR-8S"),
    OutputSpec("virtual", "rvae"),
    OutputSpec("osc", "127.0.0.1:9000"),
    OutputSpec("audio", ""),
]


def asked(*words: str) -> argparse.Namespace:
    return cli._parser().parse_args(["play", *words])


def test_the_clock_goes_to_the_port_that_was_named_and_to_no_other() -> None:
    found = playing._synced(asked("--clock-out", "tr-8"), SPECS)
    assert [spec.sends_clock for spec in found] == [True, False, False, False]


def test_midi_stands_for_every_midi_port_and_never_for_sound() -> None:
    found = playing._synced(asked("--clock-out", "midi", "--offset", "midi=-3"), SPECS)
    assert [spec.sends_clock for spec in found] == [True, True, False, False]
    assert [spec.offset_ms for spec in found] == [-3, -3, 0, 0]


def test_each_output_gets_the_offset_that_was_meant_for_it() -> None:
    found = playing._synced(asked("--offset", "audio=4.5", "--offset", "TR-8S=-12", "--offset", "9000=20"), SPECS)
    assert [spec.offset_ms for spec in found] == [-12, 0, 20, 4.5]
    assert [spec.make().offset_ns for spec in found] == [-12_000_000, 0, 20_000_000, 4_500_000]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--clock-out", "audio"), "no such output"),
        (("--clock-out", "synth"), "TR-8S"),
        (("--offset", "audio"), "audio=-12.5"),
        (("--offset", "=5"), "audio=-12.5"),
        (("--offset", "audio=soon"), "audio=-12.5"),
        (("--offset", "audio=900"), "-500 to 500"),
        (("--offset", "audio=nan"), "-500 to 500"),
        (("--offset", "synth=3"), "no such output"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_does(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        playing._synced(asked(*words), SPECS)


def test_one_leader_is_followed_at_a_time() -> None:
    assert playing._leader(asked()) is None
    assert playing._leader(asked("--link")) == LeaderSpec("link")
    assert playing._leader(asked("--clock-in", "TR-8S")) == LeaderSpec("midi", "TR-8S")
    with pytest.raises(UsageError, match="two leaders"):
        playing._leader(asked("--clock-in", "TR-8S", "--link"))


@pytest.mark.parametrize("nudge", ["snare", "snare=much", "snare=51", "piano=3"])
def test_a_nudge_that_cannot_be_is_refused_in_one_line(
    model_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], nudge: str
) -> None:
    words = ["render", str(model_file), "--at", "0.5,0.5", "--bars", "1", "--midi", str(tmp_path / "a.mid")]
    assert cli.main([*words, "--nudge", nudge]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert not (tmp_path / "a.mid").exists()


def test_a_nudged_voice_is_moved_in_the_file(model_file: Path, tmp_path: Path) -> None:
    words = ["render", str(model_file), "--at", "0.5,0.5", "--bars", "2", "--bpm", "120"]
    assert cli.main([*words, "--midi", str(tmp_path / "a.mid")]) == 0
    assert cli.main([*words, "--midi", str(tmp_path / "b.mid"), "--nudge", "kick=25"]) == 0
    assert (tmp_path / "a.mid").read_bytes() != (tmp_path / "b.mid").read_bytes()
