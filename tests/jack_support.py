"""A JACK server of our own for a test, with the dummy driver: started and ended here, under a name of its own."""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


class JackServer:
    """A server at 48 kHz that is exact to the frame. `kill` and `start` it as often as a test likes."""

    def __init__(self, name: str, period: int) -> None:
        self.name = name
        self._command = [
            "jackd",
            "-n",
            name,
            "-S",
            "-d",
            "dummy",
            "-r",
            "48000",
            "-p",
            str(period),
            "-C",
            "2",
            "-P",
            "2",
        ]
        self._command[3:3] = ["-R", "-P", "70"] if os.geteuid() == 0 else ["-r"]
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> bool:
        """Start it, in place of one that did not come up; whether it runs. One that ends is not waited for."""
        self.kill()
        self._server = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 60
        while self._server.poll() is None and time.monotonic() < until:
            waited = subprocess.run(["jack_wait", "-s", self.name, "-w", "-t", "1"], capture_output=True, check=False)
            if waited.returncode == 0:
                return self._server.poll() is None
        return False

    def kill(self) -> None:
        """End it without a word to its clients."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            self._server = None

    @contextmanager
    def stalled(self) -> Iterator[None]:
        """Meanwhile it stands still."""
        assert self._server is not None
        self._server.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._server.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it as its user would."""
        if self._server is not None:
            self._server.terminate()
            try:
                self._server.wait(5)
            except subprocess.TimeoutExpired:
                self.kill()


class MidiInput:
    """An input of a client, period by period. A server that cannot wait for who writes there hands out again what lay
    there in the period before: those messages are left out and counted, as `repeated`.
    """

    def __init__(self, client: Any, name: str = "in") -> None:
        self.port = client.midi_inports.register(name)
        self.repeated = 0
        self._last: list[tuple[int, bytes]] = []

    def take(self) -> list[tuple[int, bytes]]:
        """What came in this period: the place of each message in it, in frames, and its bytes."""
        last, self._last = self._last, [(offset, bytes(data)) for offset, data in self.port.incoming_midi_events()]
        if self._last and self._last == last:
            self.repeated += len(last)
            return []
        return self._last


@contextmanager
def free_name() -> Iterator[str]:
    """One of a few names that no other test on this computer has now. Always the same few, because JACK knows eight
    servers at most and gives the place of one that was killed only to the next of its name.
    """
    import fcntl  # not on Windows, where none of these tests runs

    for number in range(8):
        with (Path(tempfile.gettempdir()) / f"rvae-test-jack-{number}-{os.geteuid()}").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            name = f"rvae-test-{number}"
            if subprocess.run(["pgrep", "-f", f"^jackd -n {name} "], capture_output=True, check=False).returncode == 0:
                continue  # of tests that were ended by force
            yield name
            return
    pytest.skip("eight JACK servers are being tested already")


@contextmanager
def jack_server(monkeypatch: pytest.MonkeyPatch, *, period: int = 256) -> Iterator[JackServer]:
    """Run a server. Skips where JACK is not installed."""
    for program in ("jackd", "jack_wait"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    try:
        importlib.import_module("jack")
    except (ImportError, OSError) as error:  # the package is there without the library: OSError
        pytest.skip(f"JACK cannot be used from Python: {error}")
    with free_name() as name:
        for key, value in (("NO_AUDIO_RESERVATION", "1"), ("NO_START_SERVER", "1"), ("DEFAULT_SERVER", name)):
            monkeypatch.setenv(f"JACK_{key}", value)
        server = JackServer(name, period)
        try:
            if not server.start():
                pytest.skip("the JACK server does not start here")
            yield server
        finally:
            server.stop()


def wait_for(condition: object, *, seconds: float = 60) -> bool:
    """Poll a condition until it holds. The limit is for what never happens: no test is decided by it."""
    assert callable(condition)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.01)
    return bool(condition())
