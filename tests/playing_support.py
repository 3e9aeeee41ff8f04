"""`rvae play` as a performer has it, in processes of its own, and what others hear of it."""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import secrets
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from checker import check_journal
from jack_support import MidiInput, wait_for
from journals import entries, journals
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_message_builder import OscMessageBuilder

from performance.bench.processes import family
from performance.journal import Closed
from performance.journal_file import JournalFile
from performance.process import EngineProcess
from performance.snapshot import EngineStatus

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_S = 60.0
_ROOM_BYTES = 4_000_000
_SO_RCVBUFFORCE = 33  # of Linux, for root; Python does not name it


def free_udp_port() -> int:
    """A UDP port that nobody listens on, for a program that is yet to start. None of those that the system gives to who
    asks for any: the tests beside these do so all the time.
    """
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
            probe.bind(("0.0.0.0", port))
            return port


def text_of(file: Path) -> str:
    """What a file has by now; nothing where it is yet to be written, as a session is in its first second."""
    with contextlib.suppress(FileNotFoundError):
        return file.read_text()
    return ""


def osc(address: str, *values: object) -> bytes:
    """An OSC message."""
    builder = OscMessageBuilder(address)
    for value in values:
        builder.add_arg(value)
    return builder.build().dgram


@contextlib.contextmanager
def own_display() -> Iterator[str]:
    """A screen of our own on a free number, gone afterwards. Skips where there is none to be had."""
    if shutil.which("Xvfb") is None or shutil.which("xdotool") is None:
        pytest.skip("needs Xvfb and xdotool: apt-get install xvfb xdotool")
    reader, writer = os.pipe()
    # Begun anew whenever its last client goes, which is the usual, it throws out who comes at that moment.
    command = ["Xvfb", "-r", "-noreset", "-displayfd", str(writer), "-screen", "0", "1600x1000x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[writer], stderr=subprocess.DEVNULL)
    os.close(writer)
    with os.fdopen(reader) as told:
        number = told.readline().strip()  # written when it is ready
    try:
        assert number, "Xvfb did not start"
        yield f":{number}"
    finally:
        server.terminate()
        server.wait()


@dataclass(frozen=True)
class Heard:
    """An OSC message that arrived: what it says, and when it is due, in NTP time."""

    address: str
    values: tuple[Any, ...]
    timetag: int


class OscLog:
    """All that an engine plays, as it tells it over OSC to a listener that stays; `check` says whether it is whole."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM_BYTES)
        with contextlib.suppress(OSError):  # where the system gives everybody little: a quarter of a minute of music
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _ROOM_BYTES)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.heard: list[Heard] = []

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._socket.getsockname()[1]}"

    def read(self) -> int:
        """Take in what has come; how many beats there are by now."""
        while self._socket.fileno() >= 0:
            try:
                bundle = OscBundle(self._socket.recv(4096))
            except BlockingIOError:
                break
            tag = int.from_bytes(bundle.dgram[8:16], "big")
            self.heard += [Heard(message.address, tuple(message.params), tag) for message in bundle]
        return len(self._of("/rvae/beat"))

    def _of(self, address: str) -> list[Heard]:
        return [one for one in self.heard if one.address == address]

    @property
    def onsets(self) -> list[Heard]:
        return self._of("/rvae/onset")

    @property
    def bars(self) -> list[int]:
        return [one.values[0] for one in self._of("/rvae/bar")]

    def check(self, beats_per_bar: int | None = None, *, may_go_on_elsewhere: bool = False) -> None:
        """No bar and no beat is missing or double, no onset is double, and none is out of its time. After a leader the
        music may go on at another bar, further on.
        """
        self.read()
        bars = self.bars
        whole = sorted(set(bars)) if may_go_on_elsewhere else list(range(1, len(bars) + 1))
        assert bars == whole, f"bars: {bars}"
        beats = [one.values[0] for one in self._of("/rvae/beat")]
        for before, after in itertools.pairwise(beats):
            assert after in (1, before + 1), f"beats: {beats}"
            assert beats_per_bar is None or (after == 1) == (before == beats_per_bar), f"beats: {beats}"
        due = [one.timetag for one in self._of("/rvae/beat")]
        assert due == sorted(due)
        keys = [(one.values[0], *one.values[2:]) for one in self.onsets]
        assert len(keys) == len(set(keys)), "an onset was played twice"

    def close(self) -> None:
        """Take in the last, and let the port go."""
        if self._socket.fileno() >= 0:
            self.read()
        self._socket.close()


def status_now(engine: EngineProcess) -> EngineStatus:
    """How an engine stands now: after a while unheard, what waits on the line first is old."""
    now_ns = time.perf_counter_ns()
    assert wait_for(lambda: engine.status().now_ns >= now_ns)
    return engine.status()


def children_of(pid: int) -> list[int]:
    """The processes that a process has started, on Linux."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that waits to be buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def resident_kb(pid: int) -> int:
    """How much memory of its own a process holds."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))


class Played:
    """`rvae play` with these words, told what to do over OSC, its engine heard over OSC and recorded."""

    def __init__(self, *words: str, folder: Path, display: str | None = None) -> None:
        self._folder = folder
        self.log = OscLog()
        self.port = free_udp_port()
        self._mouth = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._environment = {
            **{name: value for name, value in os.environ.items() if name not in ("SDL_VIDEODRIVER", "DISPLAY")},
            **({"DISPLAY": display} if display else {"SDL_VIDEODRIVER": "dummy"}),
            "SDL_FRAMEBUFFER_ACCELERATION": "0",
            "PYTHONPATH": str(ROOT),
        }
        run = "from performance.start import main; raise SystemExit(main())"
        command = [sys.executable, "-W", "error", "-c", run, "play", *words]
        command += ["--osc", self.log.address, "--osc-in", str(self.port), "--record", str(folder)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=self._environment, text=True
        )

    def tell(self, *packets: bytes) -> None:
        """Send OSC to it."""
        for packet in packets:
            self._mouth.sendto(packet, ("127.0.0.1", self.port))

    def play(self, *, beats: int = 4) -> None:
        """Start, and wait until so many beats were heard."""

        def begun() -> bool:
            if self.log.read() == 0:
                self.tell(osc("/rvae/play"))
            return self.log.read() >= beats

        if not wait_for(begun):
            self.process.kill()
            raise AssertionError(f"it does not play: {self.process.communicate()[1]}")

    def plays_on(self, beats: int = 8) -> bool:
        """Whether so many more beats come."""
        until = self.log.read() + beats
        return wait_for(lambda: self.log.read() >= until)

    def stops(self) -> bool:
        """Whether it stops when it is told to: no beat comes for a second."""
        for _ in range(10):
            self.tell(osc("/rvae/stop"))
            beats = self.log.read()
            if not wait_for(lambda beats=beats: self.log.read() > beats, seconds=1):
                return True
        return False

    @property
    def engine(self) -> int:
        """The engine's process."""
        return family(self.process.pid)["rvae-engine"]

    def window(self) -> str:
        """The number of its window."""
        return self.hands("search", "--sync", "--pid", str(self.process.pid)).split()[0]

    def hands(self, *words: str | int) -> str:
        """Let xdotool do something."""
        done = subprocess.run(
            ["xdotool", *map(str, words)], env=self._environment, capture_output=True, text=True, timeout=PATIENCE_S
        )
        return done.stdout

    def press_cross(self, window: str) -> None:
        """What a window manager sends when somebody presses the cross of a window; xdotool cannot."""
        x11 = ctypes.CDLL("libX11.so.6")
        x11.XOpenDisplay.restype = ctypes.c_void_p
        screen = ctypes.c_void_p(x11.XOpenDisplay(self._environment["DISPLAY"].encode()))
        assert screen.value
        atoms = [x11.XInternAtom(screen, name, 0) for name in (b"WM_PROTOCOLS", b"WM_DELETE_WINDOW")]
        # XClientMessageEvent: type 33, serial, sent, display, window, message type, format, data; padded to an XEvent.
        event = struct.pack("@iLiPLLi5l96x", 33, 0, 1, screen.value, int(window), atoms[0], 32, atoms[1], 0, 0, 0, 0)
        x11.XSendEvent(screen, ctypes.c_ulong(int(window)), 0, ctypes.c_long(0), event)
        x11.XCloseDisplay(screen)

    def check(self) -> int:
        """When it has ended: all that was played, by the streaming checker; how many onsets these were."""
        self.log.check()

        def is_whole() -> bool:
            return any(isinstance(entry, Closed) for path in found for entry in entries(path))

        # Where all was over soon, what writes it has only just begun.
        assert wait_for(lambda: journals(self._folder))
        found = journals(self._folder)
        assert len(found) == 1
        assert wait_for(is_whole)
        assert wait_for(found[0].with_suffix(".wav").exists), "the files of it are made"
        return check_journal(JournalFile(found[0])).onsets

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        assert self.process.stderr
        self.process.stderr.close()
        self._mouth.close()
        self.log.close()


class Ear:
    """A JACK program with an input for MIDI, which hears every message and knows what sounds. `xruns`: how often the
    server went on without somebody, and the period that an end was in may be lost.
    """

    def __init__(self, name: str = "synth") -> None:
        import jack

        self.client: Any = jack.Client(name, no_start_server=True)
        self._in = MidiInput(self.client)
        self.sounding: set[int] = set()
        self.frames: list[int] = []
        self.xruns = 0
        self._begun: dict[int, int] = {}  # how many of these there were when a note began
        self._doubled: list[tuple[int, int]] = []
        self._frame = 0
        self.client.set_process_callback(self._process)
        self.client.set_xrun_callback(self._xrun)
        self.client.activate()

    def _process(self, frames: int) -> None:
        for offset, data in self._in.take():
            status, pitch, *_ = data
            if status == 0x99:
                self.frames.append(self._frame + offset)
                if pitch in self.sounding:
                    self._doubled.append((pitch, self._begun[pitch]))
                self.sounding.add(pitch)
                self._begun[pitch] = self.xruns
            elif status == 0x89:
                self.sounding.discard(pitch)
        self._frame += frames

    def _xrun(self, _delay: float) -> None:
        self.xruns += 1

    @property
    def wrong(self) -> list[str]:
        """The notes that began before they had ended, though the server has lost nothing since they first did."""
        return [f"{pitch} begins before it ended" for pitch, xruns in self._doubled if xruns == self.xruns]

    @property
    def ons(self) -> int:
        """How many notes have begun; `frames` has when."""
        return len(self.frames)

    def falls_silent(self) -> bool:
        """Whether every note has ended, now or soon."""
        return wait_for(lambda: not self.sounding)

    def close(self) -> None:
        self.client.deactivate(ignore_errors=True)
        self.client.close(ignore_errors=True)
