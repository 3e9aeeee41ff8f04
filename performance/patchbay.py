"""The patchbay: outputs and inputs as a panel, opened and closed while the music goes on.

A process of its own looks for devices while the panel is open: to ask the drivers may take a second.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from performance.commands import CloseOutput, HearDevice, OpenOutput
from performance.devices import Plugs, watch_devices
from performance.forking import start
from performance.panel import Row
from performance.snapshot import OutputState, Snapshot
from rvae.counts import several

_KINDS = {"midi": "MIDI out", "audio": "sound", "osc": "OSC"}
_NO_MIDI = {
    "linux": "plug a device in or start a synthesiser; or --virtual",
    "darwin": "plug a device in or switch on the IAC bus; or --virtual",
    "win32": "plug a device in, or install loopMIDI",
}
_LOOK_S, _END_S = 0.2, 2.0


class Watch(Protocol):
    """What looks for devices until it is told to end."""

    def __call__(self, found: Callable[[Plugs], None], end: threading.Event) -> None: ...


def watch_aside(found: Callable[[Plugs], None], end: threading.Event) -> None:
    """Have a process look, and pass on what it finds; another, where a sound server that died took it along."""
    while not end.is_set():
        ours, theirs = multiprocessing.Pipe()
        process = start(watch_devices, theirs, name="rvae-devices", daemon=True)
        theirs.close()
        with contextlib.suppress(EOFError, OSError):
            while not end.is_set():
                if ours.poll(_LOOK_S):
                    found(ours.recv())
        ours.close()  # it ends when nobody listens
        process.join(_END_S)
        if process.is_alive():
            process.kill()
        end.wait(_LOOK_S)


class Patchbay:
    """See `panels.Source`. `offsets_ms`: those that are kept, by kind and name; `heard`: the MIDI inputs that are."""

    title = "Devices"
    hint = "Return or a click: open or close it  ·  Page up, down  ·  F8 closes"

    def __init__(
        self,
        heard: Callable[[], frozenset[str]] = frozenset,
        offsets_ms: Mapping[str, float] | None = None,
        watch: Watch = watch_aside,
    ) -> None:
        self._heard, self._offsets_ms, self._watch = heard, dict(offsets_ms or {}), watch
        self._plugs: Plugs | None = None
        self._end: threading.Event | None = None

    def opened(self) -> None:
        """Begin to look."""
        self._end = end = threading.Event()
        threading.Thread(target=self._watch, args=(self._take, end), name="patchbay", daemon=True).start()

    def _take(self, plugs: Plugs) -> None:
        self._plugs = plugs

    def closed(self) -> None:
        """Look no longer."""
        if self._end is not None:
            self._end.set()
            self._end = None

    def output(self, kind: str, name: str) -> OpenOutput:
        """What opens an output, with the offset that is kept for it."""
        return OpenOutput(kind, name, self._offsets_ms.get(f"{kind} {name}".lower(), 0.0))

    def rows(self, snapshot: Snapshot) -> tuple[Row, ...]:
        """The outputs that are open, then those that could be, then what can be heard."""
        return tuple(self._rows(snapshot))

    def _rows(self, snapshot: Snapshot) -> Iterator[Row]:
        outputs = snapshot.status.outputs
        late_ms = snapshot.status.lateness.p99_ms
        for state in outputs:
            yield _output_row(state, late_ms)
        if self._plugs is None:
            yield Row("looks", "looking for devices ...")
            return
        for kind, names in (("midi", self._plugs.outputs), ("audio", self._plugs.sound)):
            taken = {_played_by(state, names) for state in outputs if state.kind == kind}
            for name in names:
                if name not in taken:
                    yield Row(f"{kind} {name}", name, _KINDS[kind], "", commands=(self.output(kind, name),))
        heard = self._heard()
        for name in self._plugs.inputs:
            is_heard = name in heard
            yield Row(
                f"in {name}", name, "MIDI in", "heard" if is_heard else "", is_heard, (HearDevice(name, not is_heard),)
            )
        yield from _missing(self._plugs, {state.kind for state in outputs})


def _missing(plugs: Plugs, played: set[str]) -> Iterator[Row]:
    """For each kind of thing of which there is none: what to plug in, which is listed within seconds."""
    if not plugs.outputs and "midi" not in played:
        yield Row("no midi", "no MIDI to play to", _NO_MIDI.get(sys.platform, _NO_MIDI["linux"]))
    if not plugs.sound and "audio" not in played:
        yield Row("no sound", "no sound device", "plug one in; on Linux a sound server must run too")
    if not plugs.inputs:
        yield Row("no hands", "no MIDI to hear", "plug in pads, knobs or a keyboard, to play by hand")


def _output_row(state: OutputState, late_ms: float) -> Row:
    said = state.detail.removeprefix(f"{state.kind} {state.name} is ").partition("; the music")[0]
    facts = [_KINDS.get(state.kind, state.kind), said]
    if state.offset_ms:
        facts.append(f"offset {state.offset_ms:+g} ms")
    if state.is_open and state.kind != "audio":
        facts.append(f"late by {late_ms:.1f} ms (p99)")
    if state.underruns or state.missed:
        facts.append(f"{several(state.underruns, 'underrun')}, {several(state.missed, 'onset')} missed")
    word = "open" if state.is_open else "opening" if state.detail == "is being opened" else "not open"
    detail = "  ·  ".join(fact for fact in facts if fact)
    again = (CloseOutput(state.kind, state.name),)
    return Row(f"{state.kind} {state.name}", state.name, detail, word, state.is_open, again)


def _played_by(state: OutputState, names: Sequence[str]) -> str | None:
    """Which device an output plays to, if any: it may have been asked for by a part of its name, or as the usual."""
    if state.kind == "audio":
        return next((name for name in names if state.detail.startswith(f"{name},") or state.name == name), None)
    near = [name for name in names if state.name.lower() in name.lower()]
    return state.name if state.name in near else next(iter(near), None)
