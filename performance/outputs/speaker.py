"""Sound in a process of its own: the device, the mixer and the callback that fills each block.

A callback in Python needs the interpreter every few milliseconds, and so does the beat: each has its own. What is to
sound comes over a line with the time it is due, ahead of it; the callback reads the line itself, at the beginning of
each block, so nothing in this process waits for anything. A straight line from time to frames (see `frames`) gives each
onset its frame. What is heard is late by the device's own latency, always by the same.

A device that hangs takes its process with it: whoever needs sound starts another. It ends, silent, when told to, on
SIGTERM, and when the other end of the line is gone.
"""

from __future__ import annotations

import contextlib
import heapq
import os
import select
import signal
import socket
import time
from typing import TYPE_CHECKING, Any

from performance.forking import outlive_the_terminal
from performance.outputs.frames import FrameLine
from performance.outputs.mixer import Mixer
from performance.outputs.orders import (
    Answer,
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
from performance.outputs.output import MAX_LATE_NS
from performance.outputs.quiet import patience, quiet_drivers
from performance.realtime import ASIDE_PRIORITY, SOUND_PRIORITY, give_back_realtime, take_realtime
from performance.wire import Wire, WireFull
from rvae.errors import OutputError
from rvae.kit import Kit

if TYPE_CHECKING:
    from rvae.pattern import Floats

_NS_PER_S = 1_000_000_000
_MAX_BLOCK = 4096
_AT_ONCE = 4096
_LOOK_S = 0.02
_REPORT_NS = 100_000_000
_STANDSTILL_NS = 2_500_000_000  # sound servers stall for a second or two and go on by themselves


def sounddevice() -> Any:
    """The sounddevice module. Raises OutputError where PortAudio is missing."""
    try:
        import sounddevice as sd
    except (ImportError, OSError):
        raise OutputError(
            "sound: the PortAudio library is missing; install it (Debian, Ubuntu: apt install libportaudio2)"
        ) from None
    return sd


def speaker_main(end: socket.socket) -> None:
    """The process from start to end."""
    take_realtime(ASIDE_PRIORITY)  # somebody waits for the first sound, and the beat has the right of way
    speaker = Speaker(Wire(end))
    outlive_the_terminal()
    signal.signal(signal.SIGTERM, lambda _number, _frame: speaker.leave())
    with quiet_drivers():
        speaker.run()


class Speaker:
    """Plays what comes over the line. `run` returns when it has been told to leave."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._leaves = False
        self._tried = False
        self._volume = 0.8
        self._mixer: Mixer | None = None
        self._new_kit: Kit | None = None
        self._stream: Any = None

    def leave(self) -> None:
        """Fall silent and end soon."""
        self._leaves = True

    def run(self) -> None:
        """Do what the line says until it says to leave, or is gone."""
        with contextlib.suppress(OutputError), patience():
            sounddevice()  # the library looks for devices when it is loaded: meanwhile the engine starts
        while not self._leaves and not self._wire.is_closed:
            if not self._wire.has_more:
                select.select([self._wire], [], [], 10 * _LOOK_S)
            for order in self._wire.receive(limit=1):
                if isinstance(order, OpenDevice):
                    self._try(order)
                else:
                    self._obey(order)

    def _try(self, order: OpenDevice) -> None:
        try:
            with patience():
                opened = self._open(order)
        except OutputError as error:
            self._answer(Refused(str(error)))
            return
        self._answer(opened)
        self._play()

    def _open(self, order: OpenDevice) -> Opened:
        if self._tried:
            give_back_realtime()  # to look again and again is work for idle moments
        sd = sounddevice()
        try:
            if self._tried:
                # Devices are listed when the library starts; one that was plugged in since shows only in a new list.
                sd._terminate()
                sd._initialize()
            self._tried = True
            device = _device(sd, order)
            info = sd.query_devices(device, "output")
            rate_hz = int(info["default_samplerate"])
            self._mixer = Mixer(order.kit, rate_hz, _MAX_BLOCK)
            self._mixer.volume = self._volume
            self._begin(rate_hz)
            take_realtime(SOUND_PRIORITY)  # the library's threads inherit it
            self._stream = sd.OutputStream(
                samplerate=rate_hz,
                blocksize=order.block_frames,
                device=device,
                channels=2,
                dtype="float32",
                latency="low",
                callback=self._callback,
            )
            self._stream.start()
        except (sd.PortAudioError, ValueError) as error:
            raise OutputError(
                f"sound: no device could be opened ({str(error).splitlines()[0]}); `rvae devices` lists what is there, "
                "--no-audio plays without"
            ) from None
        latency_ms = self._stream.latency * 1000
        return Opened(
            os.getpid(),
            (info["name"], _host(sd, info)),
            lead_ns=2 * order.block_frames * _NS_PER_S // rate_hz,
            detail=f"{info['name']}, {rate_hz} Hz, {order.block_frames} frames, {latency_ms:.0f} ms",
        )

    def _begin(self, rate_hz: int) -> None:
        self._line = FrameLine(rate_hz)
        self._queue: list[tuple[int, int, Strike | Tap]] = []  # by when it is due, then by when it came
        self._came = 0
        self._frame, self._heard_ns = 0, time.perf_counter_ns()
        self._underruns = self._late = self._missed = self._strokes = 0
        self._load = 0.0
        self._is_hushed = False

    def _play(self) -> None:
        """Look after the stream until it is time to leave; the callback does the work."""
        next_report_ns = 0
        while not self._leaves and not self._wire.is_closed:
            now_ns = time.perf_counter_ns()
            if now_ns - self._heard_ns > _STANDSTILL_NS:  # a JACK server that was killed leaves its streams so
                self._end("the device asks for no more sound")
            if not self._stream.active:
                self._end("the device stopped")
            if now_ns >= next_report_ns:
                next_report_ns = now_ns + _REPORT_NS
                self._report()
            if self._mixer is not None and (kit := self._new_kit) is not None:
                self._new_kit = None
                self._mixer.take_kit(kit)
            time.sleep(_LOOK_S)
        self._leaves = True
        time.sleep(min(0.1, 0.02 + self._stream.latency))  # let the fade be heard out before the device goes
        with patience():
            self._stream.abort()
            self._stream.close()

    def _report(self) -> None:
        load, self._load = self._load, 0.0
        self._answer(Played(self._underruns, self._late, self._missed, load, self._line.ties, self._strokes))

    def _end(self, why: str) -> None:
        self._report()
        self._answer(Lost(why))
        # To close what hangs from a killed JACK server never returns, and so does the library's own clean-up.
        os._exit(1)

    def _answer(self, answer: Answer) -> None:
        with contextlib.suppress(WireFull):  # nobody listens
            self._wire.send(answer)

    def _obey(self, order: Order) -> None:
        match order:
            case Strike() | Tap():
                self._came += 1
                heapq.heappush(self._queue, (order.due_ns, self._came, order))
            case StrikeNow(voice, velocity, at_ns):
                self._strokes += 1
                if time.perf_counter_ns() - at_ns > MAX_LATE_NS:  # after a stall they would all come at once
                    self._missed += 1
                elif self._mixer is not None:
                    self._mixer.begin(voice, velocity, 0)
            case TakeKit(kit):
                self._new_kit = kit  # its drums are made where nothing waits for them
            case Silence():
                self._queue.clear()
                if self._mixer is not None:
                    self._mixer.silence()
            case SetVolume(volume):
                self._volume = volume
                if self._mixer is not None:
                    self._mixer.volume = volume
            case Leave():
                self._leaves = True

    def _callback(self, out: Floats, frames: int, _time: object, status: Any) -> None:
        now_ns = self._heard_ns = time.perf_counter_ns()
        line, mixer, queue = self._line, self._mixer, self._queue
        assert mixer is not None
        self._underruns += bool(status.output_underflow)
        for order in self._wire.receive(limit=_AT_ONCE):
            self._obey(order)
        if (self._leaves or self._wire.is_closed) and not self._is_hushed:
            self._is_hushed = True
            self._obey(Silence())
        line.begin_block(self._frame, now_ns)
        most = MAX_LATE_NS * line.rate_hz // _NS_PER_S
        while queue and (frame := line.frame_at(queue[0][0]) - self._frame) < frames:
            _, _, due = heapq.heappop(queue)
            if frame < -most:
                self._missed += 1
                continue
            self._late += frame < 0
            if isinstance(due, Tap):
                mixer.begin_click(due.level, max(0, frame))
            else:
                mixer.begin(due.voice, due.velocity, max(0, frame))
        mixer.mix(out)
        self._frame += frames
        self._load = max(self._load, (time.perf_counter_ns() - now_ns) * line.rate_hz / (frames * _NS_PER_S))


def _device(sd: Any, order: OpenDevice) -> int | None:
    devices = enumerate(sd.query_devices())
    if order.known is not None:
        # One that comes back, and no other: taking the hardware itself could keep a sound server from its return.
        for index, device in devices:
            if (device["name"], _host(sd, device)) == order.known:
                return index
        raise OutputError(f"the sound device '{order.known[0]}' is not there")
    if not order.wanted:
        return None
    for index, device in devices:
        if order.wanted.lower() in device["name"].lower() and device["max_output_channels"] >= 2:
            return index
    raise OutputError(f"no sound device has '{order.wanted}' in its name; `rvae devices` lists them")


def _host(sd: Any, device: Any) -> str:
    return str(sd.query_hostapis(device["hostapi"])["name"])
