"""What every output is: opened, sent to, silenced, closed. A subclass writes only the parts with an underscore."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from fractions import Fraction
from typing import ClassVar

from performance.pulse import PULSES_PER_QUARTER, ClockContinue, ClockEvent, ClockPulse
from performance.sequencer import Event, Onset, Release
from performance.snapshot import OutputState
from rvae.errors import what_went_wrong
from rvae.kit import Kit

_NS_PER_MS = 1_000_000
MAX_LATE_NS = 100_000_000
"""An onset that comes later than this is not played any more: after a stall they would all come at once."""


class Output:
    """A place for events to go, and a null output as it stands.

    `takes_ahead`: True where events are handed over as soon as they are made and find their moment there (audio
    frames, OSC timetags); False where they must be sent when they are due. `lead_ns`: how long before its due time an
    event must be made for this output, at the least. `opens_slowly`: whether to open it may take seconds. `offset_ns`:
    how much later than the music it plays, or, below 0, earlier: what makes up for the latency of the others or of its
    own. `sends_clock`: whether it is given MIDI clock.

    An output that fails while it plays is not open any more and says why in its `state`; the music goes on without it.
    It can be opened again with `reopen`, then `resume`.
    """

    kind: ClassVar[str] = "output"
    takes_ahead: ClassVar[bool] = False
    opens_slowly: ClassVar[bool] = False
    lead_ns: int = 0

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_open = False
        self.detail = ""
        self.offset_ns = 0
        self.sends_clock = False
        self._sounding: dict[int, int] = {}
        self._rejoins = False

    def open(self, kit: Kit) -> None:
        """Get ready to play the voices of a kit. Raises OutputError with what to do about it."""
        if self.is_open:
            return
        self._open(kit)
        self.is_open = True

    def send(self, event: Event, due_ns: int) -> None:
        """Pass an event on; `due_ns` has the offset in it. Never raises: see `state`."""
        if not self.is_open or (isinstance(event, ClockEvent) and not self.sends_clock):
            return
        if isinstance(event, Release) and event.pitch not in self._sounding:
            return  # its onset never came here: it fell into a time when this output was gone
        if isinstance(event, ClockEvent):
            rejoined = self._rejoined(event)
            if rejoined is None:
                return
            event = rejoined
        self._guard("send", event, due_ns)
        if not self.is_open:
            return
        if isinstance(event, Onset):
            self._sounding[event.pitch] = event.voice
        elif isinstance(event, Release):
            self._sounding.pop(event.pitch, None)

    def _rejoined(self, event: ClockEvent) -> ClockEvent | None:
        """What a follower is sent that has lost the clock: no pulses until a continue takes the place of the one before
        the next sixteenth, where a song can be entered.
        """
        if self._rejoins and isinstance(event, ClockPulse):
            following = event.quarters + Fraction(1, PULSES_PER_QUARTER)
            if (following * 4).denominator != 1:
                return None
            event = ClockContinue(following)
        self._rejoins = False
        return event

    def silence(self, now_ns: int) -> None:
        """Take back what was scheduled and end every note that sounds."""
        if self.is_open:
            self._guard("silence", dict(self._sounding), now_ns)
        if self.is_open:
            self._sounding.clear()

    def panic(self, now_ns: int) -> None:
        """End everything that may sound, whether we began it or not."""
        self.silence(now_ns)
        if self.is_open:
            self._guard("panic", now_ns)

    def close(self, now_ns: int) -> None:
        """Silence, then let the device go. May be called twice."""
        if not self.is_open:
            return
        self.silence(now_ns)
        self.is_open = False
        try:
            self._close()
        except Exception as error:  # noqa: BLE001  # the other outputs are still to be silenced
            self.detail = what_went_wrong(error)

    def take_kit(self, kit: Kit) -> None:
        """Play the voices of another kit from now on. Never raises: see `state`."""
        if self.is_open:
            self._guard("take_kit", kit)

    def check(self) -> None:
        """Notice a device that has gone, also while nothing is played. Never raises, takes microseconds."""
        if self.is_open:
            self._guard("check")

    def let_go(self) -> None:
        """Let go what is left of a device that has gone. May take long and run on any thread: nobody uses the output
        until `resume`.
        """
        with contextlib.suppress(Exception):  # whatever a driver's library raises: it is opened anew all the same
            self._discard()

    def reopen(self, kit: Kit) -> None:
        """Open anew what has gone. May take long and run on any thread: nobody uses the output until `resume`.

        Raises OutputError.
        """
        self._discard()
        self._open(kit)

    def resume(self, now_ns: int, kit: Kit) -> None:
        """Use what was opened anew. Notes that sounded when it went are ended first, and all of the kit: the last
        that was sent may not have arrived.
        """
        self.is_open = True
        self._rejoins = self.sends_clock
        self.silence(now_ns)
        if self.is_open:
            self._guard("recover", tuple(voice.pitch_out for voice in kit.voices))

    def click(self, level: int, due_ns: int) -> None:
        """A click (see `click`), where the sound is made here."""

    def strike(self, voice: int, velocity: int, at_ns: int) -> bool:  # noqa: ARG002  # the signature for all of them
        """A drum that was struck just now: at once, where the sound is made here. Whether it is."""
        return False

    @property
    def unheard(self) -> int:
        """How many strokes were taken, but not heard, when it went."""
        return 0

    def set_volume(self, volume: float) -> None:
        """How loud, 0 to 1, where the sound is made here."""

    @property
    def state(self) -> OutputState:
        """How it stands, for the screen."""
        return OutputState(self.kind, self.name, self.is_open, self.detail, offset_ms=self.offset_ns / _NS_PER_MS)

    def _guard(self, action: str, *arguments: object) -> None:
        try:
            getattr(self, f"_{action}")(*arguments)
        except Exception as error:  # noqa: BLE001  # whatever a driver's library raises: the beat goes on
            self.is_open = False
            self.detail = f"{self.kind} {self.name} is gone ({what_went_wrong(error)}); the music goes on without it"

    def _open(self, kit: Kit) -> None:
        """Open the device. Raises OutputError."""

    def _send(self, event: Event, due_ns: int) -> None:
        """Play an event. Raises OSError or OutputError where the device has gone."""

    def _silence(self, sounding: dict[int, int], now_ns: int) -> None:
        """Drop what is scheduled, end the given notes (pitch to voice)."""

    def _panic(self, now_ns: int) -> None:
        """End all notes there can be."""

    def _take_kit(self, kit: Kit) -> None:
        """Get ready for the voices of another kit. Raises OSError or OutputError where the device has gone."""

    def _recover(self, pitches: Sequence[int]) -> None:
        """End these notes at the far end of what has come back, whether they sound or not."""

    def _check(self) -> None:
        """Raises OSError or OutputError where the device has gone."""

    def _close(self) -> None:
        """Let the device go."""

    def _discard(self) -> None:
        """Let go what is left of a device that has gone; may be called twice."""
