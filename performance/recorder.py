"""The recorder: a process that writes down what the engine plays, so that neither beat nor window waits for a disk.

It outlives both: when the engine's process ends, however it ends, what was played is written to the last line, and the
MIDI file and the WAV file are made of it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path

from performance.forking import outlive_the_terminal, start
from performance.journal import Closed, Entry, Lost
from performance.journal_file import SUFFIX, JournalWriter
from performance.memory import give_back_memory
from performance.recent import Excerpt
from performance.wire import Wire, WireFull
from rvae.errors import OutputError, RvaeError

DEFAULT_FOLDER = "rvae-out"
FLUSH_S = 0.25
_MOST_ENTRIES = 50_000  # minutes of the densest music: a recorder that does not read for so long is gone
_BATCH = 2_000
_LAST_WORDS_S = 1.0
_NICE = 10
_RECORDERS = 8  # one after the other, in one performance


@dataclass(frozen=True, slots=True)
class Words:
    """What the recorder has to say to the player; `is_error` where something needs doing."""

    text: str
    is_error: bool = False


_GONE = Words(
    "recording: its process has gone; what it wrote is there, the music goes on; record again and another writes", True
)


class RecorderLine:
    """The engine's end: a journal that goes to the recorder. `flush`, at quiet moments, never waits.

    `ends`: a line to each recorder that there may be; where one has gone, the next is taken when one is asked for.
    """

    def __init__(self, ends: Sequence[socket.socket]) -> None:
        self._wire, *self._spare = map(Wire, ends)
        self._kept: list[Entry | str | Excerpt] = []
        self._lost = 0
        self._words: list[Words] = []

    @property
    def has_gone(self) -> bool:
        """Whether nobody writes at the moment, and nobody will until asked for."""
        return self._wire.is_closed

    def to(self, folder: str) -> RecorderLine:
        """Begin a recording in a folder: what is noted next is its journal. Raises OutputError."""
        self._find("recording", "record")
        self._kept.append(folder)
        return self

    def export(self, excerpt: Excerpt) -> None:
        """Have a clip written. Raises OutputError."""
        self._find("export", "export")
        self._kept.append(excerpt)

    def _find(self, what: str, again: str) -> None:
        self._hear()
        if not self._wire.is_closed:
            return
        if not self._spare:
            raise OutputError(f"{what}: its process has gone; start rvae again to {again}, the music goes on")
        self._wire, self._lost = self._spare.pop(0), 0

    def _hear(self) -> None:
        if self._wire.is_closed:
            return
        self._words += self._wire.receive()
        if self._wire.is_closed:
            self._kept.clear()
            self._words.append(_GONE)

    def note(self, entry: Entry) -> None:
        """Keep an entry until the next `flush`."""
        if len(self._kept) >= _MOST_ENTRIES or self._wire.is_closed:
            self._lost += 1
            return
        if self._lost:
            self._kept.append(Lost(self._lost))
            self._lost = 0
        self._kept.append(entry)
        if isinstance(entry, Closed):
            self.flush()  # what comes after it may take long, or never end

    def flush(self) -> list[Words]:
        """Send what is kept, as far as it goes at once. Returns what the recorder has to say."""
        self._wire.flush()
        if self._kept and self._wire.is_clear and not self._wire.is_closed:
            with contextlib.suppress(WireFull):
                self._wire.send(self._kept[:_BATCH])
                del self._kept[:_BATCH]
        self._hear()
        words, self._words = self._words, []
        return words

    def close(self) -> None:
        """Send the last, for a second at the most."""
        until_s = time.perf_counter() + _LAST_WORDS_S
        while (self._kept or not self._wire.is_clear) and not self._wire.is_closed and time.perf_counter() < until_s:
            self.flush()
            if not self._wire.is_clear:
                select.select([], [self._wire], [], 0.01)
        for wire in (self._wire, *self._spare):
            wire.close()


class Recorder:
    """The window's end: starts the process when it is first needed, and another where it has gone.

    `folder`: where recordings go unless told; `context`: how processes are started, see `forking`.
    """

    def __init__(self, folder: str = DEFAULT_FOLDER, context: BaseContext | None = None) -> None:
        self._folder, self._context = folder, context
        # The engine has its ends from the beginning: they cannot be handed to it later.
        pairs = [socket.socketpair() for _ in range(_RECORDERS)]
        self._here, self.engine_ends = [here for here, _ in pairs], tuple(there for _, there in pairs)
        self._process: BaseProcess | None = None

    def start(self) -> None:
        """Have a process that records, as long as there are lines: what one that ended had begun to read is gone."""
        if not self.is_alive and self._here:
            here = self._here.pop(0)
            # Not a daemon: at the end of the program it is waited for until its files are whole.
            self._process = start(recorder_main, here, self._folder, name="rvae-recorder", context=self._context)
            here.close()

    @property
    def pid(self) -> int | None:
        """The process's id, once it was needed."""
        return None if self._process is None else self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it is needed and runs."""
        return self._process is not None and self._process.is_alive()

    def close(self) -> None:
        """No recording will be begun any more; one that runs ends with the engine. May be called twice."""
        for here in self._here:
            here.close()

    def wait(self, seconds: float) -> bool:
        """Wait until it has written everything, which it begins to do when the engine is gone; whether it has."""
        if self._process is not None:
            self._process.join(seconds)
        return not self.is_alive


def recorder_main(end: socket.socket, folder: str) -> None:
    """The recorder's process from start to end: until the engine's end of the line is closed, or SIGTERM."""
    ending: list[int] = []
    outlive_the_terminal()
    signal.signal(signal.SIGTERM, lambda number, _frame: ending.append(number))
    with contextlib.closing(Wire(end)) as wire:
        _Recorder(wire, folder).run(ending)


class _Recorder:
    """Takes what comes down the line: folders, each of which begins a recording, and entries."""

    def __init__(self, wire: Wire, folder: str) -> None:
        self._wire = wire
        self._folder = folder
        self._recording: _Recording | None = None
        self._stuck: list[_Recording] = []  # ended, but there is no room for the last of them
        self._makings: list[_Making] = []

    def run(self, ending: list[int]) -> None:
        """Until the line is closed or something is in `ending`."""
        next_flush_s = 0.0
        while not ending and (self._wire.has_more or not self._wire.is_closed):
            if not self._wire.has_more:
                with contextlib.suppress(InterruptedError):
                    select.select([self._wire], [], [], FLUSH_S)
            for batch in self._wire.receive(1):  # what has piled up is unpacked bit by bit
                for item in batch:
                    self._take(item)
            if time.monotonic() >= next_flush_s:
                next_flush_s = time.monotonic() + FLUSH_S
                self._tend()
        self._finish(make=not ending)
        for recording in self._stuck:
            self._say(recording.rescue())
        for making in self._makings:
            self._say(making.wait())

    def _take(self, item: Entry | str | Excerpt) -> None:
        if isinstance(item, Excerpt):
            self._say(_written(item, Path(self._folder)))
            give_back_memory()  # it takes half a megabyte for a moment
        elif isinstance(item, str):
            self._finish()
            self._recording = _Recording(Path(item or self._folder))
            self._say(Words(f"recording to {self._recording.writer.path}"))
        elif self._recording is not None:
            self._recording.writer.note(item)
            if isinstance(item, Closed):
                self._finish()

    def _tend(self) -> None:
        if self._recording is not None:
            for words in self._recording.flush():
                self._say(words)
        stuck, self._stuck = self._stuck, []
        for recording in stuck:
            self._end(recording)
        for making in [making for making in self._makings if making.is_done]:
            self._makings.remove(making)
            self._say(making.wait())

    def _finish(self, *, make: bool = True) -> None:
        recording, self._recording = self._recording, None
        if recording is not None:
            self._end(recording, make=make)

    def _end(self, recording: _Recording, *, make: bool = True) -> None:
        recording.writer.close()
        give_back_memory()
        if recording.writer.problem:
            self._stuck.append(recording)  # tried again, as long as there is time
        elif make:
            self._makings.append(_Making(recording.stem))

    def _say(self, words: Words) -> None:
        if not self._wire.is_closed:
            with contextlib.suppress(WireFull):
                self._wire.send(words)
        if self._wire.is_closed:  # the engine has gone: to the terminal
            print(words.text, file=sys.stderr, flush=True)  # noqa: T201  # the line is the product


def _written(excerpt: Excerpt, folder: Path) -> Words:
    """Write a clip under a name of its own; what came of it."""
    bars = f"{excerpt.bars}-bar{'s' if excerpt.bars > 1 else ''}"
    name = datetime.now().astimezone().strftime(f"clip-%Y-%m-%d-%H%M%S-{bars}")
    number, file = 1, folder / f"{name}.mid"
    while file.exists():
        number += 1
        file = folder / f"{name}-{number}.mid"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        excerpt.write(file, name=file.stem)
    except (RvaeError, OSError) as error:
        return Words(f"export: {error}", True)
    return Words(f"exported: {file}")


def _file(stem: Path, suffix: str) -> Path:
    return stem.with_name(stem.name + suffix)


class _Recording:
    """One recording: a journal in a folder, named by the time at which it was begun."""

    def __init__(self, folder: Path) -> None:
        now = datetime.now().astimezone()
        name, number = now.strftime("set-%Y-%m-%d-%H%M%S"), 1
        self.stem = folder / name
        while _file(self.stem, SUFFIX).exists():
            number += 1
            self.stem = folder / f"{name}-{number}"
        self.writer = JournalWriter(_file(self.stem, SUFFIX), now.isoformat(timespec="seconds"))
        self._said = ""

    def flush(self) -> Iterator[Words]:
        """Write what is kept; yields what the player should know, once."""
        self.writer.flush()
        path, problem, lost = self.writer.path, self.writer.problem, self.writer.lost
        if problem and not self._said:
            yield Words(f"recording: {path} cannot be written ({problem}); it is kept in memory, make some room", True)
        elif self._said and not problem:
            yield Words(f"recording: there is room again, {f'{lost} entries are' if lost else 'nothing is'} lost")
        self._said = problem

    def rescue(self) -> Words:
        """At the very end, where there is still no room: the whole journal elsewhere."""
        path = self.writer.path
        for folder in (Path.home(), Path(tempfile.gettempdir())):
            with contextlib.suppress(OSError):
                return Words(f"recording: {path} had no room, the whole journal is {self.writer.rescue(folder)}", True)
        return Words(f"recording: the end of {path} could not be written anywhere; what is there is whole", True)


class _Making:
    """The MIDI file and the WAV file of a journal, made by a program of its own that gives way to the others."""

    def __init__(self, stem: Path) -> None:
        self._stem = stem
        files = ["--midi", str(_file(stem, ".mid")), "--wav", str(_file(stem, ".wav"))]
        files += ["--credits", str(_file(stem, ".csv"))]
        command = [sys.executable, "-m", "performance.cli", "replay", str(_file(stem, SUFFIX)), *files]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
        )
        with contextlib.suppress(OSError, AttributeError):
            os.setpriority(os.PRIO_PROCESS, self._process.pid, _NICE)

    @property
    def is_done(self) -> bool:
        return self._process.poll() is not None

    def wait(self) -> Words:
        """When it is over, what came of it."""
        _, said = self._process.communicate()
        if self._process.returncode == 0:
            return Words(f"recorded: {self._stem}{SUFFIX}, .mid, .wav, and .csv with the credits")
        *_, why = said.decode(errors="replace").strip().splitlines() or ["no word of why"]
        return Words(f"recorded: {self._stem}{SUFFIX}; no MIDI and WAV file of it: {why.removeprefix('rvae: ')}", True)
