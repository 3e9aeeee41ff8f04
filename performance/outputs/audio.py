"""Sound: the synthesised kit through a sound card, every onset at its sample; this is the engine's end of it.

The device is opened and fed by a process of its own (see `speaker`). One that hangs is ended with its process, and
another process is started for it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time
from dataclasses import replace
from multiprocessing.context import BaseContext

from performance.forking import start
from performance.outputs.orders import (
    Leave,
    Lost,
    OpenDevice,
    Opened,
    Order,
    Played,
    Refused,
    SetVolume,
    Silence,
    Strike,
    StrikeNow,
    TakeKit,
    Tap,
)
from performance.outputs.output import Output
from performance.sequencer import Event, Onset
from performance.snapshot import OutputState
from performance.wire import Wire, WireFull
from rvae.errors import OutputError
from rvae.kit import Kit

_CAPACITY = 200_000  # bytes that wait for a process that does not read: some thousand onsets
_ANSWER_S = 15.0
_CLOSE_S = 1.0
_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)
_SILENT_NS = 3_000_000_000


def start_speaker(context: BaseContext | None = None) -> socket.socket:
    """Start a process for sound; the line to it. It ends by itself when that is closed. `context`: see `forking`."""
    here, there = socket.socketpair()
    start(_speak, there, name="rvae-sound", context=context, daemon=True)
    there.close()
    return here


def _speak(end: socket.socket) -> None:
    from performance.outputs.speaker import speaker_main  # which makes the drums: only there

    speaker_main(end)


class AudioOutput(Output):
    """Plays through a sound card: the system's usual one, or the first whose name holds `name`. `speaker`: the line to
    a process that has been started for it already.
    """

    kind = "audio"
    takes_ahead = True
    opens_slowly = True  # a sound server that hangs keeps one waiting

    def __init__(self, name: str = "", *, block_frames: int = 256, speaker: socket.socket | None = None) -> None:
        super().__init__(name or "default")
        self._wanted = name
        self._block_frames = block_frames
        self._device: tuple[str, str] | None = None
        self._volume = 0.8
        self._played = Played()
        self._heard_ns = 0
        self._may_ask_again = False
        self._pid: int | None = None
        self._strokes = 0
        self._wire = None if speaker is None else Wire(speaker, _CAPACITY)

    def _open(self, kit: Kit) -> None:
        self._may_ask_again = False
        self._pid = None
        if self._wire is None:
            self._wire = Wire(start_speaker(), _CAPACITY)
        self._put(SetVolume(self._volume))
        self._put(OpenDevice(self._wanted, self._device, self._block_frames, kit))
        opened = self._answer(self._wire)
        self._pid = opened.pid
        self._device, self.lead_ns, self.detail = opened.device, opened.lead_ns, opened.detail
        self._heard_ns = time.perf_counter_ns()
        self._played, self._strokes = Played(), 0

    def _answer(self, wire: Wire) -> Opened:
        until_s = time.monotonic() + _ANSWER_S
        while (left_s := until_s - time.monotonic()) > 0 and not wire.is_closed:
            select.select([wire], [], [], left_s)
            for answer in wire.receive():
                match answer:
                    case Opened():
                        return answer
                    case Refused(text):
                        self._may_ask_again = True
                        raise OutputError(text)
        self._discard()
        raise OutputError(
            "sound: the device does not open; `rvae devices` lists what is there, --no-audio plays without"
        )

    def set_volume(self, volume: float) -> None:
        """Volume, 0 to 1."""
        self._volume = volume
        if self.is_open:
            self._guard("put", SetVolume(volume))

    def _take_kit(self, kit: Kit) -> None:
        self._put(TakeKit(kit))

    def _send(self, event: Event, due_ns: int) -> None:
        if isinstance(event, Onset):
            self._put(Strike(due_ns, event.voice, event.velocity))

    def click(self, level: int, due_ns: int) -> None:
        """A click, at its sample."""
        if self.is_open:
            self._guard("put", Tap(due_ns, level))

    def strike(self, voice: int, velocity: int, at_ns: int) -> bool:
        """A drum with the next block."""
        if self.is_open:
            self._guard("put", StrikeNow(voice, velocity, at_ns))
            self._strokes += self.is_open
        return self.is_open

    @property
    def unheard(self) -> int:
        """Those that waited for a device which had gone already."""
        return max(0, self._strokes - self._played.strokes)

    def _silence(self, sounding: dict[int, int], now_ns: int) -> None:  # noqa: ARG002  # the template's signature
        self._put(Silence())

    def _put(self, order: Order) -> None:
        if self._wire is None or self._wire.is_closed:
            raise OutputError("its process has ended")
        try:
            self._wire.send(order)
        except WireFull:
            raise OutputError("the device does not take what it is given") from None

    def _check(self) -> None:
        if self._wire is None:
            return
        now_ns = time.perf_counter_ns()
        for answer in self._wire.receive():
            match answer:
                case Played():
                    self._played, self._heard_ns = answer, now_ns
                case Lost(text):
                    raise OutputError(text)
        if self._wire.is_closed:
            raise OutputError("its process has ended")
        if now_ns - self._heard_ns > _SILENT_NS:
            raise OutputError("its process does not answer")

    @property
    def state(self) -> OutputState:
        """How it stands, for the screen."""
        played = self._played
        return replace(
            super().state,
            underruns=played.underruns,
            late=played.late,
            missed=played.missed,
            load=played.load,
            stalls=played.stalls,
        )

    def _close(self) -> None:
        if self._wire is None:
            return
        self._put(Leave())
        until_s = time.monotonic() + _CLOSE_S
        while not self._wire.is_closed and (left_s := until_s - time.monotonic()) > 0:
            select.select([self._wire], [], [], left_s)
            self._wire.receive()
        self._may_ask_again = False
        self._discard()

    def _discard(self) -> None:
        if self._wire is None or self._may_ask_again:
            return
        if self._pid is not None and not self._wire.is_closed:
            # It would end by itself, but for one that is frozen; and that one keeps its sound server waiting.
            with contextlib.suppress(OSError):
                os.kill(self._pid, _KILL)
        self._wire.close()
        self._wire = None
