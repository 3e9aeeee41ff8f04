"""The command begins before numpy does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BEGUN = """
import sys
import performance.start
assert "numpy" not in sys.modules, "too late to choose its threads"
sys.argv = ["rvae", "--help"]
performance.start.main()
import os
print("threads", os.environ["OPENBLAS_NUM_THREADS"])
"""


@pytest.mark.parametrize(("asked", "used"), [(None, "1"), ("4", "4")])
def test_matrices_have_one_thread_unless_somebody_asks_for_more(asked: str | None, used: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    if asked:
        environment["OPENBLAS_NUM_THREADS"] = asked
    done = subprocess.run(
        [sys.executable, "-c", BEGUN], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"threads {used}" in done.stdout


WAITS = """
import atexit, sys
import performance.start
sys.argv = ["rvae", "--help"]
performance.start.main()
def wait():
    print("waits", flush=True)
    sys.stdin.read()
atexit.register(wait)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_at_the_very_end_leaves_no_traceback(number: signal.Signals) -> None:
    command = [sys.executable, "-c", WAITS]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert "waits\n" in iter(process.stdout.readline, "")
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert errors == ""
    assert process.returncode == -number
