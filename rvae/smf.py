"""The events of a track of a Standard MIDI file, from its bytes.

As in the Standard MIDI Files 1.0 specification, read leniently where programs do not keep to it: running status goes on
over meta events and system exclusives. Strangers' files come through here: nothing is built but what a rhythm needs,
and every list has an end.
"""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass, field

from rvae.errors import MidiFileError

MAX_NOTES = 100_000  # ten a second for three hours
MAX_METER_CHANGES = 2_000
MAX_TEMPOS = 50_000
MAX_TEXTS = 10_000
_DRUMS = re.compile(
    r"\b(drum ?(kit|set)|drums?|drms?|kit|percussions?|perkussion|perc|kicks?|snares?|hi-?hats?|hats?|claps?|toms"
    r"|cymbals?|batteri[ae]?|bater[ií]a|schlagzeug|slagverk|slagwerk|trommer|trummor|rummut|perkusja|bicí|ударные)\b"
    r"|ドラム|打楽器|鼓",
    re.IGNORECASE,
)
_LONGEST_NUMBER = 4  # bytes
_TEXT, _NAME, _MARKER, _END, _TEMPO, _SIGNATURE = 0x01, 0x03, 0x06, 0x2F, 0x51, 0x58
_SYSTEM_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1, 0xF6: 0, 0xF8: 0, 0xFA: 0, 0xFB: 0, 0xFC: 0, 0xFE: 0}


@dataclass
class Events:
    """What the tracks of one file hold, each with the pulse it comes at.

    `notes`: rows of (pulse, channel 1..16, pitch, velocity 1..127), one after the other. `tempos`: microseconds per
    quarter. `signatures`: numerator and denominator. `odd`: words on what was passed over. `end`: of the last track.
    `tracks`: of each the name, and the row of `notes` at which it ends.
    """

    last_pulse: int
    notes: array[int] = field(default_factory=lambda: array("q"))
    tempos: list[tuple[int, int]] = field(default_factory=list)
    signatures: list[tuple[int, int, int]] = field(default_factory=list)
    texts: list[tuple[int, str]] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)
    end: int = 0
    tracks: list[tuple[str, int]] = field(default_factory=list)
    _name: str = ""

    def add(self, data: bytes) -> None:
        """Take the bytes of one track. Raises MidiFileError where they are no track, or one longer than any clip."""
        self._name = ""
        try:
            self._walk(data)
        except IndexError:
            raise MidiFileError("an event is cut short") from None
        self.tracks.append((self._name, len(self.notes) // 4))

    def _walk(self, data: bytes) -> None:
        place, size, pulse, running = 0, len(data), 0, 0
        last_pulse, take_note = self.last_pulse, self.notes.extend
        while place < size:
            delta = data[place]
            place += 1
            if delta & 0x80:
                delta, place = _number(data, place - 1)
            pulse += delta
            if pulse > last_pulse:
                raise _too_long()
            status = data[place]
            if status & 0x80:
                place += 1
            elif running:
                status = running
            else:
                raise MidiFileError(f"a data byte {status} where an event should begin")
            if status < 0xF0:
                running = status
                first = second = data[place]
                place += 1
                if not 0xC0 <= status < 0xE0:
                    second = data[place]
                    place += 1
                if (first | second) & 0x80:
                    raise MidiFileError(f"a data byte above 127 in event {status:#x}")
                if second and status & 0xF0 == 0x90:  # velocity 0 is a note-off by another name
                    take_note((pulse, (status & 0xF) + 1, first, second))
            elif status == 0xFF:
                kind = data[place]
                length, place = _number(data, place + 1)
                if place + length > size:
                    raise IndexError
                if kind == _END:
                    if place + length < size:
                        self.odd.append(f"passed over {size - place - length} bytes after the end of a track")
                    break
                self._meta(pulse, kind, data[place : place + min(length, 1000)])
                place += length
            elif status in (0xF0, 0xF7):
                length, place = _number(data, place)
                if place + length > size:
                    raise IndexError
                place += length
            elif status in _SYSTEM_BYTES:
                place += _SYSTEM_BYTES[status]
            else:
                raise MidiFileError(f"event {status:#x}, which does not exist")
        self.end = max(self.end, pulse)
        if len(self.notes) > 4 * MAX_NOTES:
            raise MidiFileError(f"more than {MAX_NOTES:,} notes, which no drum clip has; cut it to its music")

    def _meta(self, pulse: int, kind: int, data: bytes) -> None:
        if kind == _TEMPO and len(data) >= 3:
            tempo = int.from_bytes(data[:3], "big")
            if not tempo:
                self._say("passed over a tempo of 0 microseconds per quarter")
            elif len(self.tempos) < MAX_TEMPOS:
                self.tempos.append((pulse, tempo))
            else:
                raise MidiFileError(f"more than {MAX_TEMPOS:,} tempos, which no music has")
        elif kind == _SIGNATURE:
            if len(data) < 2:
                raise MidiFileError("a time signature is cut short")
            self.signatures.append((pulse, data[0], 2 ** data[1]))
            if len(self.signatures) > MAX_METER_CHANGES:
                raise MidiFileError(f"more than {MAX_METER_CHANGES:,} time signatures, which no music has")
        elif kind == _NAME:
            self._name = self._name or _words(data)
        elif kind in (_TEXT, _MARKER):
            if len(self.texts) < MAX_TEXTS:
                self.texts.append((pulse, _words(data)))
            else:
                self._say(f"passed over all texts but the first {MAX_TEXTS:,}")

    def _say(self, words: str) -> None:
        if words not in self.odd:
            self.odd.append(words)


def is_drums(name: str) -> bool:
    """Whether a track that is called so is one of drums."""
    return _DRUMS.search(name) is not None and "steel" not in name.lower()


def _number(data: bytes, place: int) -> tuple[int, int]:
    """A number of seven bits a byte, and the place after it."""
    value = 0
    for byte in data[place : place + _LONGEST_NUMBER]:
        place += 1
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            return value, place
    if place >= len(data):
        raise IndexError
    raise MidiFileError("a number without an end")


def _words(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _too_long() -> MidiFileError:
    return MidiFileError("longer than any clip: a delta time is corrupt, or a note far away; cut the clip to its music")
