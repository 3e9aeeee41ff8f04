"""The whole instrument as a player starts it: how soon it sounds, how much memory and processor it takes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from performance.bench.processes import family, memory_mb, spent_s
from performance.bench.spread import Json
from rvae.errors import OutputError

_WAIT_S = 60.0
_AGAIN_S = 0.02
_SETTLED_S = 2.0
RVAE = "import sys; from performance.start import main; sys.exit(main())"


def measure_instrument(model_file: Path, *, seconds: float, starts: int) -> Json:
    """`first_sound_s` from the command to the moment the first onset is due, told to play as soon as it listens, the
    median of some starts; `memory_mb` of all its processes while it plays; `processor` while it plays and while it is
    stopped with its window open: how much of one core. Raises OutputError where it does not play.
    """
    first, bare, found = [], [], {}
    for start in range(starts):
        bare.append(_bare_start_s())
        with _Running(model_file) as instrument:
            first.append(instrument.first_sound_s())
            if start == 0:
                found = instrument.use(seconds)
    return {
        "first_sound_s": round(median(first), 3),
        "first_sound_longest_s": round(max(first), 3),
        "bare_start_s": round(median(bare), 3),
        **found,
    }


def _bare_start_s() -> float:
    """What it stands beside: a Python that loads numpy and pygame, and ends."""
    begun_s = time.perf_counter()
    words = [sys.executable, "-c", "import numpy, pygame"]
    subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment(), check=False)
    return time.perf_counter() - begun_s


class _Running:
    """`rvae play` with its window, and a line to and from it."""

    def __init__(self, model_file: Path) -> None:
        self._ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._ear.bind(("127.0.0.1", 0))
        self._ear.settimeout(_AGAIN_S)
        self._target = ("127.0.0.1", _free_port())
        words = [sys.executable, "-c", RVAE, "play", str(model_file.absolute()), "--osc-in", str(self._target[1])]
        words += ["--osc", f"127.0.0.1:{self._ear.getsockname()[1]}"]
        self._folder = tempfile.TemporaryDirectory(prefix="rvae-bench-")
        self._begun_s = time.time()
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(words, stdout=quiet, stderr=quiet, cwd=self._folder.name, env=environment())

    def __enter__(self) -> _Running:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(_WAIT_S)
        self._ear.close()
        self._folder.cleanup()

    def _tell(self, address: str) -> None:
        from pythonosc.osc_message_builder import OscMessageBuilder

        self._ear.sendto(OscMessageBuilder(address).build().dgram, self._target)

    def first_sound_s(self) -> float:
        """From the command to the moment at which the first onset is due."""
        from pythonosc.osc_bundle import OscBundle

        until_s = time.time() + _WAIT_S
        while time.time() < until_s and self._process.poll() is None:
            self._tell("/rvae/play")
            try:
                data = self._ear.recv(65536)
            except (TimeoutError, ConnectionError):  # refused: it does not listen yet
                time.sleep(_AGAIN_S)
                continue
            if b"/rvae/onset" in data:
                return float(OscBundle(data).timestamp) - self._begun_s
        what = "it ended by itself" if self._process.poll() is not None else f"no onset came in {_WAIT_S:.0f} s"
        raise OutputError(f"{what}; run `rvae play` to see why")

    def use(self, seconds: float) -> Json:
        """Memory and processor."""
        time.sleep(_SETTLED_S)
        playing = self._share(seconds)
        pids = family(self._process.pid)
        memory = {name: found.pss for name, pid in pids.items() if (found := memory_mb(pid)) is not None}
        self._tell("/rvae/stop")
        time.sleep(_SETTLED_S)
        idle = self._share(seconds)
        return {
            "memory_mb": round(sum(memory.values()), 1) if memory else None,  # only Linux tells
            "memory_by_process_mb": {name: round(mb, 1) for name, mb in memory.items()},
            "processor": {"playing": playing, "idle": idle},
        }

    def _share(self, seconds: float) -> float | None:
        pids = list(family(self._process.pid).values())
        before, begun_s = spent_s(pids), time.monotonic()
        time.sleep(seconds)
        after = spent_s(pids)
        return None if before is None or after is None else round((after - before) / (time.monotonic() - begun_s), 3)


def environment() -> dict[str, str]:
    """For a process that is to find rvae too where it is not installed but run from its folder."""
    here = str(Path(__file__).resolve().parents[2])
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))}


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
