"""Songs and patterns of the drum machine Hydrogen (.h2song, .h2pattern) as clips.

XML with 48 ticks to a quarter: notes have a `position`, a `velocity` of 0 to 1, and a `leadlag` of -1 (5 ticks late)
to 1 (5 ticks early). A song says the MIDI note of each instrument; in a pattern by itself the first instrument is note
36, and so on, as Hydrogen's manual has it.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from xml.etree import ElementTree

import numpy as np

from rvae.errors import MidiFileError
from rvae.midi import DRUM_CHANNEL, MAX_FILE_BYTES, MidiClip, TimeSignature

HYDROGEN_SUFFIXES = (".h2song", ".h2pattern")
_TICKS_PER_QUARTER = 48
_LEAD_TICKS = 5
_FIRST_NOTE = 36
_FINER = 20  # a lead of 0.01 is a twentieth of a tick
_PPQ = _TICKS_PER_QUARTER * _FINER
_MAX_BARS = 2_000
_MAX_NOTES = 100_000
_MAX_PATTERN_TICKS = 64 * 4 * _TICKS_PER_QUARTER
_Note = tuple[int, ...]  # four numbers, as in MidiClip.notes


def parse_hydrogen(data: bytes) -> MidiClip:
    """Read the bytes of a song or a pattern. Raises MidiFileError for what is none, or too large to be a clip."""
    if len(data) > MAX_FILE_BYTES:
        raise MidiFileError(f"larger than {MAX_FILE_BYTES // 1_000_000} MB, which no drum song is; save its patterns")
    if b"<!" in data.replace(b"<!--", b"").replace(b"<![CDATA[", b""):
        raise MidiFileError("has definitions of its own, which Hydrogen never writes; save it from Hydrogen again")
    try:
        root = ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise MidiFileError(f"not XML as Hydrogen writes it ({error}); save it from Hydrogen again") from None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]  # of what names space, the last word
    try:
        if root.tag == "song":
            return _song(root)
        if root.tag == "drumkit_pattern":
            patterns = [_pattern(element, {}) for element in root.findall("pattern")]
            return _clip([[pattern] for pattern in patterns[:1]], 120.0)
    except (ValueError, OverflowError) as error:
        raise MidiFileError(f"a number in it makes no sense ({error}); save it from Hydrogen again") from None
    raise MidiFileError(f"neither a song nor a pattern of Hydrogen but '{root.tag[:40]}'; save one from Hydrogen")


class _Pattern:
    """A pattern: how many ticks, what time signature, and its notes, in fine ticks from its start."""

    def __init__(self, ticks: int, denominator: int, notes: list[_Note]) -> None:
        if not 1 <= ticks <= _MAX_PATTERN_TICKS:
            raise ValueError(f"a pattern of {ticks} ticks")
        self.ticks = ticks
        self.notes = notes
        whole = 4 * _TICKS_PER_QUARTER
        self.denominator = denominator if denominator in (1, 2, 4, 8, 16, 32) else 4
        while ticks * self.denominator % whole and self.denominator < 32:
            self.denominator *= 2
        self.numerator = max(1, min(255, ticks * self.denominator // whole))


def _pattern(element: ElementTree.Element, pitches: dict[str, int]) -> _Pattern:
    notes: list[_Note] = []
    for note in element.iter("note"):
        if (note.findtext("note_off") or "false") == "true":
            continue
        instrument = (note.findtext("instrument") or "").strip()
        pitch = pitches[instrument] if instrument in pitches else _FIRST_NOTE + int(instrument or "0")
        place = int(note.findtext("position") or "0") * _FINER
        lead = _number(note.findtext("leadlag"), 0.0, -1, 1)
        velocity = max(1, round(_number(note.findtext("velocity"), 0.8, 0, 1) * 127))
        if not 0 <= pitch <= 127 or not 0 <= place <= _MAX_PATTERN_TICKS * _FINER:
            raise ValueError(f"note {pitch} at {place // _FINER}")
        notes.append((place - round(lead * _LEAD_TICKS * _FINER), DRUM_CHANNEL, pitch, velocity))
    size, denominator = element.findtext("size") or "192", element.findtext("denominator") or "4"
    return _Pattern(int(size), int(denominator), notes)


def _song(root: ElementTree.Element) -> MidiClip:
    pitches = dict(_instruments(root))
    patterns: dict[str, _Pattern] = {}
    for element in root.findall("patternList/pattern"):
        patterns[element.findtext("name") or ""] = _pattern(element, pitches)
    named = [
        [patterns.get(name.text or "") for name in group.findall("patternID")]
        for group in root.findall("patternSequence/group")
    ]
    groups = [[pattern for pattern in group if pattern is not None] for group in named]
    if not any(groups):
        groups = [[pattern] for pattern in patterns.values()]
    return _clip([group for group in groups if group], _number(root.findtext("bpm"), 120.0, 10, 999))


def _instruments(root: ElementTree.Element) -> Iterator[tuple[str, int]]:
    for place, element in enumerate(root.findall("instrumentList/instrument")):
        note = int(element.findtext("midiOutNote") or _FIRST_NOTE + place)
        yield (element.findtext("id") or str(place)).strip(), note


def _clip(groups: list[list[_Pattern]], qpm: float) -> MidiClip:
    """Bars one after the other; the patterns of one sound together."""
    if len(groups) > _MAX_BARS:
        raise MidiFileError(f"{len(groups):,} bars, {_MAX_BARS:,} at most are read; save a part of the song")
    notes: list[_Note] = []
    signatures: list[TimeSignature] = []
    start = 0
    for group in groups:
        longest = max(group, key=lambda pattern: pattern.ticks)
        signature = TimeSignature(start, longest.numerator, longest.denominator)
        if not signatures or signatures[-1][1:] != signature[1:]:
            signatures.append(signature)
        for pattern in group:
            notes += [(max(0, start + place), *rest) for place, *rest in pattern.notes]
        if len(notes) > _MAX_NOTES:
            raise MidiFileError(f"more than {_MAX_NOTES:,} notes, which no drum song has; save a part of it")
        start += longest.ticks * _FINER
    rows = np.array(notes, dtype=np.int64).reshape(-1, 4)
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    return MidiClip(_PPQ, rows, ((0, round(60_000_000 / qpm)),), tuple(signatures), (), start)


def _number(text: str | None, missing: float, low: float, high: float) -> float:
    value = missing if text is None or not text.strip() else float(text)
    if not isfinite(value):
        raise ValueError(text)
    return min(max(value, low), high)
