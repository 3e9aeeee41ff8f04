"""MIDI through JACK, every message at its frame.

The port library's wheels hold a JACK client too old for today's servers, and would round to the start of a period;
this one uses the JACK library of the system, through the optional package JACK-Client (`pip install rvae[jack]`).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from performance.outputs.frames import FrameLine
from performance.outputs.midi import CHANNEL, VIRTUAL_NAME, clock_messages
from performance.outputs.output import MAX_LATE_NS, Output
from performance.pulse import ClockPulse
from performance.sequencer import BeatStart, Event, Onset, Release
from performance.snapshot import OutputState
from rvae.errors import OutputError, what_went_wrong
from rvae.kit import Kit

_QUEUE = 4096
_STANDSTILL_NS = 2_500_000_000
_AGAIN_NS = 250_000_000
_ONCE_MORE_S = 0.2
_LET_GO_S = 1.0
_NOTE_ON, _NOTE_OFF, _CONTROL = 0x90, 0x80, 0xB0


def jack_client(name: str) -> Any:
    """A client of a running JACK server. Raises OutputError where there is none."""
    try:
        import jack
    except (ImportError, OSError):
        raise OutputError(
            'JACK: not installed; `pip install "rvae[jack]"` and the system\'s JACK library bring it'
        ) from None
    for report in (jack.set_error_function, jack.set_info_function):
        report(lambda _text: None)  # the library writes to standard error by itself
    try:
        return jack.Client(name, no_start_server=True)
    except jack.JackError:
        raise OutputError("JACK: no server is running; start one, or a PipeWire that stands in for it") from None


def _jack_error() -> Any:
    import jack

    return jack.JackError


def jack_ports() -> list[str]:
    """The MIDI inputs of other JACK programs, by their full names; none where JACK does not run."""
    return jack_ports_of_all()[0]


def jack_ports_of_all() -> tuple[list[str], list[str]]:
    """The MIDI inputs of other JACK programs, and their outputs, likewise."""
    try:
        client = jack_client("rvae-devices")
    except OutputError:
        return [], []
    try:
        found = [client.get_ports(is_midi=True, **{way: True}) for way in ("is_input", "is_output")]
        return [port.name for port in found[0]], [port.name for port in found[1]]
    except (_jack_error(), RuntimeError):  # the server, or a port, has gone meanwhile
        return [], []
    finally:
        client.close()


def is_running() -> bool:
    """Whether a JACK server can be reached."""
    try:
        jack_client("rvae-devices").close()
    except OutputError:
        return False
    return True


class JackMidiOutput(Output):
    """Plays the notes of the kit on channel 10, and MIDI clock where it `sends_clock`, from a JACK port of our own,
    `rvae:out`.

    `name`: all or a part of the name of a JACK port to connect it to, or empty to leave that to others.

    A server that was held up goes on without the programs that kept it waiting, and what they wrote in that period
    arrives nowhere. Where it says so (an xrun), all that has ended is ended once more.
    """

    kind = "midi"
    takes_ahead = True

    def __init__(self, name: str = "", *, client_name: str = VIRTUAL_NAME) -> None:
        super().__init__(name or f"{client_name}:out")
        self._wanted = name
        self._client_name = client_name
        self._queue: deque[tuple[int, bytes, int]] = deque()
        self._at_once: deque[bytes] = deque()
        self._epoch = 0
        self._epoch_heard = 0
        self._ringing: set[int] = set()
        self._ended: set[int] = set()
        self._gone = ""
        self._line = FrameLine(1)  # the real one when it is open
        self._client: Any = None
        self._connected = ""
        self._xruns = self._late = self._missed = 0
        self._xruns_heard = 0
        self._again_ns = 0

    def _open(self, kit: Kit) -> None:  # noqa: ARG002  # the notes come with the events
        clock_messages(ClockPulse(Fraction(0)))  # loads what it needs, now and not in the beat
        self._client = jack_client(self._client_name)
        self._gone, self._frame, self._periods = "", 0, 0
        self._called_ns = time.perf_counter_ns()
        self._queue.clear()
        self._at_once.clear()
        try:
            self._out = self._client.midi_outports.register("out")
            self._line = FrameLine(int(self._client.samplerate))
            self._cycle = self._client.last_frame_time
            self.lead_ns = 2 * self._client.blocksize * 1_000_000_000 // self._client.samplerate
            self._client.set_process_callback(self._process)
            self._client.set_shutdown_callback(self._shutdown)
            self._client.set_xrun_callback(self._xrun)
            self._activate()
            if self._wanted:
                port = self._find()
                self._client.connect(self._out, port)
                self._connected = port.name
            self._wait_for_periods()
        except _jack_error() as error:
            self._discard()
            raise OutputError(f"JACK: {error}; is the server still running?") from None
        except BaseException:
            self._discard()
            raise
        self.detail = f"JACK port {self._out.name}"

    def _wait_for_periods(self) -> None:
        # A connection counts from one of the next periods on: what is written before goes nowhere.
        wanted = self._periods + 3
        until = time.perf_counter() + 2
        while self._periods < wanted:
            if time.perf_counter() > until or self._gone:
                raise OutputError("JACK: the server stands still; start it again")
            time.sleep(0.002)

    def _find(self) -> Any:
        ports = self._client.get_ports(is_midi=True, is_input=True)
        near = [port for port in ports if self._wanted.lower() in port.name.lower()]
        if not near:
            there = ", ".join(port.name for port in ports) or "none at all"
            raise OutputError(f"MIDI: no JACK port '{self._wanted}'; there are: {there}; see `rvae devices`")
        # One that comes back is connected to the very port it had, if that is there.
        exact = [port for name in (self._connected, self._wanted) for port in near if port.name == name]
        return (exact or near)[0]

    @property
    def state(self) -> OutputState:
        """How it stands, for the screen."""
        return replace(
            super().state,
            underruns=self._xruns,
            late=self._late,
            missed=self._missed,
            stalls=self._line.ties,
        )

    def _shutdown(self, _status: Any, _reason: str) -> None:
        self._gone = "the JACK server has ended"

    def _xrun(self, _delayed_us: float) -> None:
        self._xruns += 1

    def _send(self, event: Event, due_ns: int) -> None:
        self._check_server()
        if len(self._queue) >= _QUEUE:
            raise OutputError("the JACK server does not take what it is given")
        match event:
            case Onset():
                messages = [bytes((_NOTE_ON | CHANNEL, event.pitch, event.velocity))]
            case Release():
                messages = [_note_off(event.pitch)]
            case BeatStart():
                return
            case _:
                messages = [bytes(message.bytes()) for message in clock_messages(event)]
        self._queue.extend((due_ns, message, self._epoch) for message in messages)

    def _check(self) -> None:
        self._check_server()
        # Whoever pulls the plug may: what is not there any more will be looked for.
        if self._connected and not self._out.number_of_connections and not self._is_there(self._connected):
            raise OutputError("its program has ended")

    def _is_there(self, name: str) -> bool:
        try:
            self._client.get_port_by_name(name)
        except _jack_error():
            return False
        return True

    def _check_server(self) -> None:
        if self._gone:
            raise OutputError(self._gone)
        if time.perf_counter_ns() - self._called_ns > _STANDSTILL_NS:
            raise OutputError("the JACK server stands still")

    def _silence(self, sounding: dict[int, int], now_ns: int) -> None:  # noqa: ARG002  # the callback knows what sounds
        self._epoch += 1

    def _panic(self, now_ns: int) -> None:  # noqa: ARG002  # the template's signature
        for channel in range(16):
            self._at_once.extend(bytes((_CONTROL | channel, control, 0)) for control in (120, 123))
        self._at_once.extend(_note_off(pitch) for pitch in range(128))

    def _recover(self, pitches: Sequence[int]) -> None:
        self._at_once.append(bytes((_CONTROL | CHANNEL, 123, 0)))
        self._at_once.extend(_note_off(pitch) for pitch in pitches)

    def _close(self) -> None:
        # The last note-offs leave with the next period; an ended server never asks for one.
        until = time.perf_counter() + 0.25
        while (self._at_once or self._epoch_heard != self._epoch) and not self._gone and time.perf_counter() < until:
            time.sleep(0.002)
        time.sleep(self.lead_ns / 1e9)
        self._discard()

    def _activate(self) -> None:
        try:
            self._client.activate()
        except _jack_error():  # a server that takes another client in at the same moment may refuse, once
            time.sleep(_ONCE_MORE_S)
            self._client.activate()

    def _discard(self) -> None:
        client, self._client = self._client, None
        if client is None:
            return

        def let_go() -> None:
            client.deactivate(ignore_errors=True)
            client.close(ignore_errors=True)

        # A server that stands still never answers: nobody waits for that long.
        thread = threading.Thread(target=let_go, daemon=True)
        thread.start()
        thread.join(_LET_GO_S)

    def _process(self, frames: int) -> None:
        try:
            self._write(frames)
        except Exception as error:  # noqa: BLE001  # the server would never call again, and nobody would know
            self._gone = what_went_wrong(error)

    def _write(self, frames: int) -> None:
        now_ns = self._called_ns = time.perf_counter_ns()
        cycle = self._client.last_frame_time  # counts periods that went by without us, too; in 32 bits
        self._frame += (cycle - self._cycle) % (1 << 32)
        self._cycle = cycle
        self._line.begin_block(self._frame, now_ns)
        self._out.clear_buffer()
        self._end_notes(now_ns)
        last = 0
        while self._queue and (frame := self._line.frame_at(self._queue[0][0]) - self._frame) < frames:
            due_ns, message, when = self._queue.popleft()
            if when != self._epoch_heard:
                continue
            if message[0] == _NOTE_ON | CHANNEL:
                if now_ns - due_ns > MAX_LATE_NS:  # the server stood still: they would all come at once
                    self._missed += 1
                    continue
                self._ringing.add(message[1])
            elif message[0] == _NOTE_OFF | CHANNEL:
                self._ringing.discard(message[1])
                self._ended.add(message[1])
            self._late += frame < 0
            last = max(last, frame)  # JACK wants them in order; a late one goes at once
            self._out.write_midi_event(last, message)
        self._periods += 1

    def _end_notes(self, now_ns: int) -> None:
        """Whatever is to end now, at the first frame of a period."""
        if self._epoch_heard != self._epoch:
            self._epoch_heard = self._epoch
            for pitch in self._ringing:
                self._out.write_midi_event(0, _note_off(pitch))
            self._ended |= self._ringing
            self._ringing.clear()
        if self._xruns_heard != self._xruns:
            self._xruns_heard = self._xruns
            self._end_again()
            self._again_ns = now_ns + _AGAIN_NS  # this period may be one of those that arrive nowhere
        elif self._again_ns and now_ns >= self._again_ns:
            self._again_ns = 0
            self._end_again()
        while self._at_once:
            self._out.write_midi_event(0, self._at_once.popleft())

    def _end_again(self) -> None:
        for pitch in self._ended - self._ringing:
            self._out.write_midi_event(0, _note_off(pitch))


def _note_off(pitch: int) -> bytes:
    return bytes((_NOTE_OFF | CHANNEL, pitch, 0))
