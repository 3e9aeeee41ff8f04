"""A JACK server of our own for a test, with the dummy driver: started and ended here, under a name nobody else has."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def jack_server(monkeypatch: pytest.MonkeyPatch, *, period: int = 256) -> Iterator[str]:
    """Run a server at 48 kHz that is exact to the frame; its name. Skips where JACK is not installed."""
    for program in ("jackd", "jack_wait"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    try:
        importlib.import_module("jack")
    except (ImportError, OSError) as error:  # the package is there without the library: OSError
        pytest.skip(f"JACK cannot be used from Python: {error}")
    name = f"rvae-{uuid.uuid4().hex[:8]}"
    for key, value in (("NO_AUDIO_RESERVATION", "1"), ("NO_START_SERVER", "1"), ("DEFAULT_SERVER", name)):
        monkeypatch.setenv(f"JACK_{key}", value)
    command = ["jackd", "-n", name, "-S", "-d", "dummy", "-r", "48000", "-p", str(period), "-C", "2", "-P", "2"]
    if os.geteuid() == 0:
        command[3:3] = ["-R", "-P", "70"]
    else:
        command[3:3] = ["-r"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            waited = subprocess.run(
                ["jack_wait", "-s", name, "-w", "-t", "20"], capture_output=True, check=False, env=os.environ.copy()
            )
            if waited.returncode != 0 or server.poll() is not None:
                pytest.skip("the JACK server does not start here")
            yield name
        finally:
            server.terminate()
            try:
                server.wait(5)
            except subprocess.TimeoutExpired:
                server.kill()


def wait_for(condition: object, *, seconds: float = 15) -> bool:
    """Poll a condition until it holds."""
    assert callable(condition)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.01)
    return bool(condition())
