"""`rvae bench`: every row has its figures or says why not; how large they are decides nothing here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from performance.bench.beside import Beside, Rhythm, bare_loop, mido_loop
from performance.bench.computing import busy_pattern, decoding_ms, mixing_load, sequencing_ms
from performance.bench.instrument import RVAE, environment
from performance.bench.others import clock_following, osc_timetags
from performance.bench.report import page, report, rows
from performance.bench.spread import absent, spread
from rvae.model import Model

pytestmark = pytest.mark.timeout(900)  # it measures a dozen things one after the other


@pytest.fixture(scope="module")
def measured(model_file: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    """The figures of the command, and the page it wrote."""
    written = tmp_path_factory.mktemp("bench") / "timing.md"
    words = [sys.executable, "-c", RVAE, "bench", model_file.name, "--seconds", "0.5", "--json", "-o", str(written)]
    here, own = model_file.parent, environment()  # the model by its name alone, as one types it
    done = subprocess.run(words, cwd=here, env=own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), written.read_text()


def test_the_command_gives_all_figures_in_the_keys_that_others_read(measured: tuple[dict[str, Any], str]) -> None:
    found, _ = measured
    assert set(found["decode_ms"]) == {"p50", "p99"}
    assert found["first_sound_s"] > 0
    lateness = found["midi_lateness_ms"]
    assert set(lateness) in (
        {"idle", "window", "window_training"},
        {name + suffix for name in ("idle", "window", "window_training") for suffix in ("", "_realtime")},
    )
    for name, row in lateness.items():
        assert {"p50", "p99", "max", "reference_p99"} <= set(row), name
        assert row["events"] > 0
        assert 0 <= row["p50"] <= row["p99"] <= row["max"]
    for key in ("sequence_ms", "frame_ms", "mix_load", "osc_timetag_ms", "clock_following_ms"):
        assert {"p50", "p99", "max"} <= set(found[key]), found[key]
    if sys.platform.startswith("linux"):
        assert found["memory_mb"] > 10
        assert found["instrument"]["processor"]["idle"] >= 0
    assert found["audio"].keys() & {"absent", "underruns"}
    read = found["import"]
    assert read["files"] == 100
    assert read["seconds"] > 0
    assert read["unaccounted"] == 0
    assert read["same_again"] == read["clips"]
    assert all(row.keys() & {"absent", "p99"} for row in found["link_phase_ms"].values())


def test_the_page_shows_what_was_found_and_how(measured: tuple[dict[str, Any], str]) -> None:
    found, written = measured
    assert json.loads(written.partition("```json")[2].partition("```")[0]) == found
    for row in rows(found):
        assert f"| {row.name} | {row.ours} |" in written
    assert "## How it is measured" in written


def test_a_miss_is_shown_as_a_miss_and_an_absence_with_its_reason(measured: tuple[dict[str, Any], str]) -> None:
    found = json.loads(json.dumps(measured[0]))
    late = {"p50": 1.0, "p99": 1.6, "max": 2.0, "reference_p99": 1.0, "events": 9}
    found["midi_lateness_ms"] = {"window": late, "window_realtime": late, "idle": {**late, "p99": 1.1}}
    found["audio"] = absent("sound: no device")
    found["frame_ms"] = absent("no window: no pygame")
    by_name = {row.name: row for row in rows(found)}
    assert by_name["events late, window, p99"].reached is False
    assert by_name["events late, window realtime, p99"].reached is False
    assert by_name["events late, idle, p99"].reached is True
    for text in (report(found), page(found, seconds=1, date="2026-01-01")):
        assert "missed" in text
        assert "sound: no device" in text
        assert "no window: no pygame" in text


def test_what_is_computed_is_measured(model: Model) -> None:
    pattern = busy_pattern(model)
    assert decoding_ms(model)["p50"] > 0  # type: ignore[operator]
    assert sequencing_ms(pattern)["events_per_bar"] > pattern.meter.beats  # type: ignore[operator]
    assert mixing_load(pattern)["p50"] > 0  # type: ignore[operator]


def test_the_loops_beside_us_wait_for_the_moments_of_our_pattern(model: Model) -> None:
    rhythm = Rhythm.of(busy_pattern(model), 240)  # type: ignore[arg-type]
    moments = list(rhythm.until(300_000_000))
    assert moments == sorted(set(moments))
    for loop in (bare_loop, mido_loop):
        beside = Beside(loop, rhythm, realtime=False)
        try:
            beside.turn(0.3)
            beside.turn(0.3)
            late_ms = beside.found_ms()
        finally:
            beside.close()
        assert len(late_ms) == 2 * len(moments)
        assert min(late_ms) >= 0


def test_timetags_say_when_each_onset_is_due(model: Model) -> None:
    pattern = busy_pattern(model)
    # Where the machine stood still the music waited for it: once more.
    found = next(found for _ in range(60) if not (found := osc_timetags(pattern, seconds=1.0)).get("slips"))
    assert found["bundles"] > 5  # type: ignore[operator]
    assert found["p99"] < 0.1  # type: ignore[operator]  # arithmetic


def test_the_beat_after_a_clock_that_scatters_is_right_and_does_not_drift(model: Model) -> None:
    found = clock_following(busy_pattern(model), minutes=1)
    assert found["p99"] < 2  # type: ignore[operator]
    assert abs(found["drift"]) < 0.5  # type: ignore[arg-type]


def test_many_values_become_three() -> None:
    assert spread([1.0, 2.0, 3.0], prefix="own_") == {"own_p50": 2.0, "own_p99": 2.98, "own_max": 3.0}
