"""Sound: the synthesised kit through PortAudio, every onset at its sample.

The callback owns the mixer. Events reach it through a bounded queue, with the time they are due; a straight line from
time to frames (see `frames`) gives each its frame. What is heard is late by the device's own latency, always by the
same.
"""

from __future__ import annotations

import atexit
import contextlib
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from performance.outputs.frames import FrameLine
from performance.outputs.mixer import Mixer
from performance.outputs.output import Output
from performance.sequencer import Event, Onset
from rvae.errors import OutputError
from rvae.kit import Kit

if TYPE_CHECKING:
    from rvae.pattern import Floats

_QUEUE = 4096
_NS_PER_S = 1_000_000_000
_MAX_BLOCK = 4096
_STANDSTILL_NS = 2_500_000_000  # sound servers stall for a second or two and go on by themselves


class AudioOutput(Output):
    """Plays through a sound card: the system's usual one, or the first whose name holds `name`.

    `late`: onsets that came after their frame had gone; they sound at once. `underruns`: blocks the device missed.
    """

    kind = "audio"
    takes_ahead = True

    def __init__(self, name: str = "", *, block_frames: int = 256) -> None:
        super().__init__(name or "default")
        self._wanted = name
        self._block_frames = block_frames
        self._queue: deque[tuple[int, int, int, int]] = deque()
        self._epoch = 0
        self._epoch_heard = 0
        self._frame = 0
        self.late = 0
        self.underruns = 0
        self._heard_ns = 0
        self._device_name: tuple[str, str] | None = None
        self._mixer: Mixer | None = None
        self._stream: Any = None
        self._dead: list[Any] = []

    def _open(self, kit: Kit) -> None:
        sd = sounddevice()
        try:
            if self._dead:
                raise OutputError("sound through JACK comes back only with a new start")
            if self._device_name is not None:
                # Devices are listed when the library starts; one that was plugged in again shows only in a new list.
                sd._terminate()
                sd._initialize()
            device = self._device(sd)
            info = sd.query_devices(device, "output")
            rate_hz = int(info["default_samplerate"])
            if self._mixer is None or self._mixer.rate_hz != rate_hz:
                self._mixer = Mixer(kit, rate_hz, _MAX_BLOCK)
            self._queue.clear()
            self._frame, self._heard_ns = 0, time.perf_counter_ns()
            self._line = FrameLine(rate_hz)
            self._stream = sd.OutputStream(
                samplerate=rate_hz,
                blocksize=self._block_frames,
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
        self._device_name = info["name"], _host(sd, info)
        self.lead_ns = 2 * self._block_frames * _NS_PER_S // rate_hz
        latency_ms = self._stream.latency * 1000
        self.detail = f"{info['name']}, {rate_hz} Hz, {self._block_frames} frames, {latency_ms:.0f} ms"

    def _device(self, sd: Any) -> int | None:
        if self._device_name is not None:
            # One that comes back, and no other: taking the hardware itself could keep a sound server from its return.
            for index, device in enumerate(sd.query_devices()):
                if (device["name"], _host(sd, device)) == self._device_name:
                    return index
            raise OutputError(f"the sound device '{self._device_name[0]}' is not there")
        if not self._wanted:
            return None
        for index, device in enumerate(sd.query_devices()):
            if self._wanted.lower() in device["name"].lower() and device["max_output_channels"] >= 2:
                return index
        raise OutputError(f"no sound device has '{self._wanted}' in its name; `rvae devices` lists them")

    def set_volume(self, volume: float) -> None:
        """Volume, 0 to 1."""
        if self.is_open and self._mixer is not None:
            self._mixer.volume = volume

    def _send(self, event: Event, due_ns: int) -> None:
        if not isinstance(event, Onset):
            return
        self._check()
        if len(self._queue) >= _QUEUE:
            raise OutputError("the device does not take what it is given")
        self._queue.append((due_ns, event.voice, event.velocity, self._epoch))

    def _check(self) -> None:
        if not self._stream.active:
            raise OutputError("the device stopped")
        if self._stands_still:  # a JACK server that was killed leaves its streams active for ever
            again = "; start rvae again for sound" if self._is_jack else ""
            raise OutputError(f"the device asks for no more sound{again}")

    @property
    def _is_jack(self) -> bool:
        # As a system of PortAudio's, or behind ALSA's plug-in of that name.
        return self._device_name is not None and any("jack" in name.lower() for name in self._device_name)

    @property
    def _stands_still(self) -> bool:
        return time.perf_counter_ns() - self._heard_ns > _STANDSTILL_NS

    def _silence(self, sounding: dict[int, int], now_ns: int) -> None:  # noqa: ARG002  # the template's signature
        self._epoch += 1

    def _close(self) -> None:
        # Let the fade be heard out before the device goes.
        time.sleep(min(0.1, 0.02 + self._stream.latency))
        self._discard()

    def _discard(self) -> None:
        stream, self._stream = self._stream, None
        sd = sounddevice()
        if stream is not None:
            with contextlib.suppress(sd.PortAudioError):
                stream.abort()
            if self._stands_still and self._is_jack:
                # To close what hangs from a killed JACK server never returns, and so does the library's own clean-up.
                # Beside what is left open a new stream can make the new server's graph stand still: there is none.
                self._dead.append(stream)
                atexit.unregister(sd._exit_handler)
                return
            with contextlib.suppress(sd.PortAudioError):
                stream.close()

    def _callback(self, out: Floats, frames: int, _time: object, status: Any) -> None:
        now_ns = self._heard_ns = time.perf_counter_ns()
        assert self._mixer is not None
        if status.output_underflow:
            self.underruns += 1
        if self._epoch_heard != self._epoch:
            self._epoch_heard = self._epoch
            self._mixer.silence()
        line = self._line
        line.begin_block(self._frame, now_ns)
        while self._queue and (frame := line.frame_at(self._queue[0][0]) - self._frame) < frames:
            _, voice, velocity, epoch = self._queue.popleft()
            if epoch == self._epoch_heard:
                self.late += frame < 0
                self._mixer.begin(voice, velocity, max(0, frame))
        self._mixer.mix(out)
        self._frame += frames


def _host(sd: Any, device: Any) -> str:
    return str(sd.query_hostapis(device["hostapi"])["name"])


def sounddevice() -> Any:
    """The sounddevice module. Raises OutputError where PortAudio is missing."""
    try:
        import sounddevice as sd
    except (ImportError, OSError):
        raise OutputError(
            "sound: the PortAudio library is missing; install it (Debian, Ubuntu: apt install libportaudio2)"
        ) from None
    return sd
