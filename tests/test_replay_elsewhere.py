"""A journal replays to the same event log elsewhere: another process, locale, time zone, hash seed, kind of processor.

With RVAE_OTHER_PYTHON naming the interpreter of another Python that has numpy, platformdirs and safetensors, under that
one too.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fuzzing_files import KINDS

from performance.journal_file import JournalFile
from performance.replay import replay

ROOT = Path(__file__).resolve().parents[1]
ELSEWHERE = {"TZ": "Asia/Kathmandu", "LC_ALL": "tr_TR.UTF-8", "PYTHONHASHSEED": "7", "OPENBLAS_CORETYPE": "Prescott"}
CODE = """
import sys
from performance.journal_file import JournalFile
from performance.replay import replay
for timed in replay(JournalFile(sys.argv[1])):
    print(repr(timed))
"""


@pytest.mark.parametrize("interpreter", [sys.executable, os.environ.get("RVAE_OTHER_PYTHON", "")])
def test_a_journal_replays_to_the_same_event_log_elsewhere(interpreter: str, tmp_path: Path) -> None:
    if not interpreter:
        pytest.skip("no other Python; name one with RVAE_OTHER_PYTHON")
    file = tmp_path / "set.rvjournal"
    file.write_bytes(KINDS["journal"].make())
    here = "".join(f"{timed!r}\n" for timed in replay(JournalFile(file)))
    done = subprocess.run(
        [interpreter, "-c", CODE, file],
        env={**os.environ, **ELSEWHERE, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(here) > 1000
    assert done.stdout == here
