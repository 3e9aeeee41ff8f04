"""Ten thousand inputs that no program wrote: each is read or refused, its notes accounted for, within bounds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from fuzzing import MOST_MB, ROOT, check, run
from fuzzing_files import KINDS
from fuzzing_files import run as run_files
from strategies import midi, on, signature, track

from performance.journal import Lost
from performance.journal_file import JournalFile
from performance.replay import check as play_again
from rvae.cutting import cut
from rvae.midi import parse_midi
from rvae.reading import Reading
from rvae.smf import MAX_NOTES


@pytest.mark.parametrize("seed", range(2026, 2036))
def test_ten_thousand_inputs_are_read_or_refused_a_thousand_at_a_time(seed: int) -> None:
    became = run(1_000, seed, [ROOT / "datasets"]).became
    assert became.total() == 1_000
    assert became["read"] > 200
    assert became["refused"] > 100


def test_an_onset_early_for_a_bar_beyond_the_last_before_a_change_of_meter_is_kept() -> None:
    events = [(0, signature(4, 2)), (0, on(36)), (2 * 384 - 4, on(38)), (8 * 384, signature(3, 2)), (8 * 384, on(36))]
    patterns, report = cut(parse_midi(midi(track(*events))), "a.mid", Reading(bars=2))
    assert report.onsets == 3
    assert [(pattern.meter.name, pattern.first_bar, pattern.onsets) for pattern in patterns] == [
        ("4/4", 0, 1), ("4/4", 2, 2), ("3/4", 8, 2),
    ]  # fmt: skip


def test_a_note_before_a_pickup_that_is_none_is_counted_once() -> None:
    events = [(0, signature(255, 1)), (0, on(36)), (300, on(36)), (384, signature(1, 2)), (390, on(38))]
    events += [(480, signature(4, 2)), (480, on(36))]
    check(midi(track(*events)))


def most_mb(data: bytes, tmp_path: Path) -> float:
    """What reading a file takes of the memory in a process of its own."""
    (tmp_path / "x.mid").write_bytes(data)
    code = f"""
import re, sys
from pathlib import Path
sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "tests")!r}]
import pytest
from fuzzing import check
check(open({str(tmp_path / "x.mid")!r}, "rb").read())
# Of this process alone: the resource module's figure is never below that of the process which started it.
print(int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read where Linux tells it")
def test_the_fullest_files_stay_within_bounds(tmp_path: Path) -> None:
    notes = b"".join(bytes((1, 36 + number % 16, 100)) for number in range(MAX_NOTES - 1))
    full = b"\x00\x99\x24\x64" + notes + b"\x00\xff\x2f\x00"
    for body in (
        full,  # every note there may be
        b"".join(b"\x81\x40\x99\x24\x64" for _ in range(MAX_NOTES)),  # ... each in a bar of its own, nearly
        b"\x00\x99" + bytes((0, 36, 0)) * 600_000,  # note-offs without end
        b"\x00\xff\x01\x01a" * 380_000,  # texts
        b"\x00\xff\x51\x03\x07\xa1\x20" * 270_000,  # tempos
    ):
        data = midi(b"MTrk" + len(body).to_bytes(4, "big") + body, ppq=96)
        assert most_mb(data, tmp_path) < MOST_MB


@pytest.mark.parametrize("name", KINDS)
def test_every_other_file_from_outside_is_read_or_refused_in_a_line(name: str) -> None:
    became = run_files(KINDS[name], 40 if name in ("journal", "model") else 200, 2026).became
    assert became.total() in (40, 200)
    assert became["read"] > 0


def test_a_journal_whose_values_are_of_other_kinds_is_read_around(tmp_path: Path) -> None:
    file = tmp_path / "x.rvjournal"
    lines = KINDS["journal"].make().decode().splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if '"is":"Release"' in line)
    whole = json.loads(lines[at])
    whole["event"]["quarters"] = "soon"
    lines[at] = json.dumps(whole) + "\n"
    file.write_text("".join(lines))
    assert Lost(1) in list(journal := JournalFile(file))
    assert "1 line that cannot be read" in journal.problems[0]


def test_a_journal_that_leaps_far_ahead_is_said_and_takes_no_time(tmp_path: Path) -> None:
    file = tmp_path / "x.rvjournal"
    lines = KINDS["journal"].make().decode().splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if '"is":"Tempo"' in line)
    lines[at] = json.dumps({**json.loads(lines[at]), "position": "99999999999/1"}) + "\n"
    file.write_text("".join(lines))
    assert "leaps" in play_again(JournalFile(file))
