"""Standard MIDI files in and out. MIDI's own words (time signature, ppq, pulses of a file) stay on this side.

Reading: the chunks are walked here, so that foreign chunks are passed over and a cut or lying file is noticed before
anything is built from it; their events are walked in `smf`. Writing is mido's.
"""

from __future__ import annotations

import io
import os
import secrets
import stat
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rvae.errors import FileError, MidiFileError
from rvae.grid import pattern_to_onsets
from rvae.meter import Meter
from rvae.pattern import CYCLE_BARS, Pattern
from rvae.smf import Events, is_drums

Ints = npt.NDArray[np.int64]

DRUM_CHANNEL = 10
DEFAULT_US_PER_QUARTER = 500_000
WRITE_PPQ = (
    960  # every tick of every meter is a whole number of pulses, and 1/40 tick of a quarter is the least of them
)
MAX_FILE_BYTES = 2_000_000
MAX_QUARTERS = 40_000  # 10,000 bars of 4/4, five hours at 120
_NAME_TOLD, _NAMES_TOLD = 40, 4  # letters of one, and how many
_NOTE_QUARTERS = Fraction(1, 8)
_MAX_TRACKS = 1_000
_HEADER = struct.Struct(">4sIHHH")
_CHUNK = struct.Struct(">4sI")


class TimeSignature(NamedTuple):
    """From `pulse` on, bars of `numerator`/`denominator`."""

    pulse: int
    numerator: int
    denominator: int


@dataclass(frozen=True, eq=False)
class MidiClip:
    """What a rhythm needs of one file. Times are pulses from its start, `ppq` of them to a quarter.

    `notes`: int64 `[N, 4]`, the note-ons as (pulse, channel 1..16, pitch 0..127, velocity 1..127) by pulse. `tempos`:
    (pulse, microseconds per quarter), by pulse. `end`: where the last track ends. `skipped`: words on what was passed
    over. `is_real_time`: the file's time is seconds; the one tempo says only how long a pulse is here, and the quarters
    are none. `drums_from`: the channels that notes on the channel of drums had in the file, where only the name of
    their track says what they are.
    """

    ppq: int
    notes: Ints
    tempos: tuple[tuple[int, int], ...]
    signatures: tuple[TimeSignature, ...]
    texts: tuple[tuple[int, str], ...]
    end: int
    skipped: tuple[str, ...] = ()
    is_real_time: bool = False
    drums_from: frozenset[int] = frozenset()


def read_midi(path: str | Path) -> MidiClip:
    """Read a Standard MIDI file of format 0 or 1. Raises MidiFileError, whose text begins with the path."""
    data = read_bytes(path)
    try:
        return parse_midi(data)
    except MidiFileError as error:
        raise MidiFileError(f"{path}: {error}") from None


def read_bytes(path: str | Path, most: int = MAX_FILE_BYTES) -> bytes:
    """What is in a file, as far as a clip can go and one byte more. Raises MidiFileError."""
    try:
        mode = Path(path).stat().st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # a pipe may never begin, a device never end
            raise MidiFileError(f"{path}: cannot be read (a pipe or a device); give a file")
        with Path(path).open("rb") as file:
            return file.read(most + 1)
    except OSError as error:
        raise MidiFileError(
            f"{path}: cannot be read ({error.strerror or error}); check the name and its permissions"
        ) from None


def parse_midi(data: bytes) -> MidiClip:
    """Read the bytes of a Standard MIDI file. Raises MidiFileError for what is none, or too large to be a clip."""
    division, chunks, skipped = _split(data)
    ppq, frame_us = _resolution(division)
    events = Events(MAX_QUARTERS * ppq)
    for number, chunk in enumerate(chunks, 1):
        try:
            events.add(chunk)
        except MidiFileError as error:
            raise MidiFileError(f"track {number} is corrupt ({error}); export the clip again") from None
    notes = np.array(events.notes, dtype=np.int64).reshape(-1, 4)
    named = _named_drums(notes, events.tracks)
    drums_from = frozenset(notes[named, 1].tolist())
    if drums_from:
        names = list(dict.fromkeys(name[:_NAME_TOLD] for name, _ in events.tracks if is_drums(name)))
        told = ", ".join(names[:_NAMES_TOLD]) + (", ..." if len(names) > _NAMES_TOLD else "")
        skipped.append(f"nothing on channel {DRUM_CHANNEL}: of its tracks {told} was read as drums, by its name")
        notes[named, 1] = DRUM_CHANNEL
    tempos = sorted(events.tempos, key=lambda tempo: tempo[0])
    if frame_us and tempos:
        skipped.append("passed over its tempos: its time is frames a second, which have none")
    return MidiClip(
        ppq,
        notes[np.argsort(notes[:, 0], kind="stable")],
        ((0, frame_us),) if frame_us else tuple(tempos),
        tuple(TimeSignature(*sign) for sign in sorted(events.signatures, key=lambda sign: sign[0])),
        tuple(sorted(events.texts, key=lambda text: text[0])),
        events.end,
        tuple(dict.fromkeys((*skipped, *events.odd))),
        frame_us > 0,
        drums_from,
    )


def _named_drums(notes: Ints, tracks: Sequence[tuple[str, int]]) -> npt.NDArray[np.bool_]:
    """`[N]`: the notes of tracks with drums in their name, where nothing else tells them: a DAW may write every track
    on channel 1. None where there are notes on the channel of drums, or all are of such tracks.
    """
    named, start = np.zeros(len(notes), dtype=bool), 0
    for name, end in tracks:
        named[start:end] = is_drums(name)
        start = end
    if named.all() or np.any(notes[:, 1] == DRUM_CHANNEL):
        named[:] = False
    return named


def _resolution(division: int) -> tuple[int, int]:
    """Pulses to a quarter, and 0; or, for SMPTE time, pulses to some half a second, and that in microseconds."""
    if not division & 0x8000:
        return division, 0
    frames, parts = 256 - (division >> 8), division & 0xFF
    pulses = frames * parts  # to a second
    us = {24: 1_000_000, 25: 1_000_000, 29: 1_001_000, 30: 1_000_000}.get(frames)
    if us is None or not pulses:
        raise MidiFileError(
            f"its time is {frames} frames a second in {parts} parts, which does not exist; export it again"
        )
    pulses = 30 * parts if frames == 29 else pulses  # 29.97 a second: thirty in 1.001 s
    return (pulses // 2, us // 2) if pulses % 2 == 0 else (pulses, us)


def _split(data: bytes) -> tuple[int, list[bytes], list[str]]:
    """The division, the track chunks with their headers, and words on what was passed over."""
    if not data:
        raise MidiFileError("the file is empty; export the clip again")
    if len(data) > MAX_FILE_BYTES:
        raise MidiFileError(
            f"larger than {MAX_FILE_BYTES // 1_000_000} MB, which no drum clip is; export the drums alone"
        )
    if data[:4] != b"MThd":
        raise MidiFileError("not a Standard MIDI file (it does not begin with MThd); export the clip as .mid")
    if len(data) < _HEADER.size:
        raise MidiFileError("cut short in its header; export or copy the clip again")
    _, size, kind, tracks, division = _HEADER.unpack_from(data)
    if kind == 2:
        raise MidiFileError("format 2 holds separate patterns without a common time; export it as format 0 or 1")
    if kind > 2 or size < 6:
        raise MidiFileError(f"a MIDI file of format {kind} does not exist, 0 and 1 can be read; export the clip again")
    if division == 0:
        raise MidiFileError("its resolution is 0 ticks per quarter; export the clip again")
    chunks: list[bytes] = []
    skipped: list[str] = []
    place = 8 + size
    while place + _CHUNK.size <= len(data):
        name, length = _CHUNK.unpack_from(data, place)
        end = place + _CHUNK.size + length
        if end > len(data) and len(chunks) < tracks:
            raise MidiFileError(
                f"cut short or corrupt (a chunk lacks {end - len(data)} bytes); export or copy the clip again"
            )
        if name == b"MTrk":
            chunks.append(data[place + _CHUNK.size : end])
        else:
            skipped.append(f"passed over a chunk that is no track ({name.decode('ascii', 'replace')!r})")
        place = end
    if len(chunks) < max(tracks, 1) or len(chunks) > _MAX_TRACKS:
        raise MidiFileError(f"{len(chunks)} tracks where its header says {tracks}; export or copy the clip again")
    return division, chunks, skipped


class MidiNote(NamedTuple):
    """One note to write: times in quarters from the start, `channel` 1..16, `pitch` 0..127, `velocity` 1..127."""

    quarters: Fraction | float
    duration_quarters: Fraction | float
    channel: int
    pitch: int
    velocity: int


def write_midi(
    path: str | Path,
    notes: Iterable[MidiNote],
    *,
    tempos: Sequence[tuple[Fraction | float, float]] = ((0, 120.0),),
    meters: Sequence[tuple[Fraction | float, Meter]] = (),
    length_quarters: Fraction | float = 0,
    name: str = "",
    texts: Sequence[str] = (),
    ppq: int = WRITE_PPQ,
) -> None:
    """Write a Standard MIDI file of format 0, whole or not at all: what stands at `path` stays until the new one is
    complete.

    `tempos`: (quarters, qpm). `meters`: (quarters, meter); each is written as a time signature and, where its beats
    are not equal, as a text `meter 7/8(2+2+3)`, from which `read_corpus` knows the grouping. `length_quarters`: where
    the track ends, and the notes in it. `texts`: lines about the music, at its start. A note ends where the next of its
    pitch begins, at the latest. Raises FileError.
    """
    signatures: list[TimeSignature] = []
    said: list[tuple[int, str]] = []
    for quarters, meter in meters:
        if meter.numerator > 255:
            raise FileError(
                f"{path}: MIDI has no time signature for {meter}, 255 is its highest number; choose another meter"
            )
        signatures.append(TimeSignature(_pulses(quarters, ppq), meter.numerator, meter.denominator))
        if text := grouping_text(meter):
            said.append((_pulses(quarters, ppq), text))
    changes = [(_pulses(quarters, ppq), round(60_000_000 / qpm)) for quarters, qpm in tempos]
    length = _pulses(length_quarters, ppq)
    events = _meta_events(name, texts, signatures, said, changes)
    _write_track(path, [*events, *_note_events(notes, ppq, length)], length, ppq)


def write_clip(path: str | Path, clip: MidiClip, *, name: str = "", texts: Sequence[str] = ()) -> None:
    """Write a clip as a file of format 0, from which `read_midi` reads the same notes at the same pulses.

    `texts`: lines about the music, at its start. Raises FileError.
    """
    rows = clip.notes.tolist()
    notes = [MidiNote(Fraction(row[0], clip.ppq), _NOTE_QUARTERS, row[1], row[2], row[3]) for row in rows]
    events = _meta_events(name, texts, clip.signatures, clip.texts, clip.tempos)
    _write_track(path, [*events, *_note_events(notes, clip.ppq, clip.end)], clip.end, clip.ppq)


def grouping_text(meter: Meter) -> str:
    """The text that says how a meter is felt where its time signature does not; empty where it does."""
    return f"meter {meter.label}" if "(" in meter.label else ""


_Event = tuple[int, int, str, dict[str, Any]]  # pulse, order there, type of message, its values


def _meta_events(
    name: str,
    texts: Sequence[str],
    signatures: Iterable[TimeSignature],
    said: Iterable[tuple[int, str]],
    tempos: Iterable[tuple[int, int]],
) -> Iterator[_Event]:
    if name:
        yield 0, 0, "track_name", {"name": name}
    for text in texts:
        yield 0, 0, "text", {"text": text}
    for pulse, numerator, denominator in signatures:
        yield pulse, 1, "time_signature", {"numerator": numerator, "denominator": denominator}
    for pulse, text in said:
        yield pulse, 2, "text", {"text": text}
    for pulse, microseconds in tempos:
        yield pulse, 3, "set_tempo", {"tempo": max(1, min(0xFFFFFF, microseconds))}


def _write_track(path: str | Path, events: list[_Event], length: int, ppq: int) -> None:
    import mido  # type: ignore[import-untyped]  # it has no type hints; here, for who reads or plays does without

    track = mido.MidiTrack()
    before = 0
    for pulse, _, kind, values in sorted(events, key=lambda event: event[:2]):
        message = mido.Message if kind.startswith("note") else mido.MetaMessage
        track.append(message(kind, time=pulse - before, **values))
        before = pulse
    track.append(mido.MetaMessage("end_of_track", time=max(0, length - before)))
    file = mido.MidiFile(type=0, ticks_per_beat=ppq, tracks=[track], charset="utf-8")
    write_whole(path, lambda out: file.save(file=out))


def write_patterns(
    path: str | Path,
    patterns: Sequence[Pattern],
    *,
    qpm: float | None = None,
    name: str = "",
    texts: Sequence[str] = (),
) -> None:
    """Write patterns one after the other as a clip that `read_corpus` reads again. Raises FileError.

    `qpm`: one tempo for all; otherwise each has its own. A file of at most 4 bars is a loop: an onset before its
    start stands at its end. In a longer one such an onset stands at the start, which costs it its microtiming.
    """
    notes: list[MidiNote] = []
    meters: list[tuple[Fraction, Meter]] = []
    tempos: list[tuple[Fraction, float]] = []
    length = sum((pattern.quarters for pattern in patterns), Fraction(0))
    loop = sum(pattern.bars for pattern in patterns) <= max(CYCLE_BARS)
    start = Fraction(0)
    for pattern in patterns:
        if not meters or meters[-1][1] != pattern.meter:
            meters.append((start, pattern.meter))
        tempo = pattern.qpm if qpm is None else qpm
        if not tempos or tempos[-1][1] != tempo:
            tempos.append((start, tempo))
        for onset in pattern_to_onsets(pattern):
            at = start + pattern.meter.quarters_at(Fraction(onset.ticks))
            quarters = round(at * WRITE_PPQ) % (length * WRITE_PPQ) / WRITE_PPQ if loop else at
            pitch = pattern.kit.voices[onset.voice].pitch_out
            notes.append(MidiNote(quarters, _NOTE_QUARTERS, DRUM_CHANNEL, pitch, onset.velocity))
        start += pattern.quarters
    write_midi(path, notes, tempos=tempos, meters=meters, length_quarters=length, name=name, texts=texts)


def _pulses(quarters: Fraction | float, ppq: int) -> int:
    return max(0, round(quarters * ppq))


def _note_events(notes: Iterable[MidiNote], ppq: int, length: int) -> Iterator[_Event]:
    """Note-ons and note-offs as (pulse, order there, message): offs come first, so that a pitch can sound again."""
    rows = sorted((_pulses(note.quarters, ppq), note) for note in notes)
    following: dict[tuple[int, int], int] = {}
    for pulse, note in reversed(rows):
        sounding = (note.channel, note.pitch)
        end = pulse + max(1, _pulses(note.duration_quarters, ppq))
        end = min(end, max(following.get(sounding, end), pulse + 1))
        end = min(end, length) if pulse < length else end
        following[sounding] = pulse
        where = {"channel": note.channel - 1, "note": note.pitch}
        yield pulse, 5, "note_on", {**where, "velocity": note.velocity}
        yield end, 4, "note_off", {**where, "velocity": 64}


def write_whole(path: str | Path, write: Callable[[io.BufferedWriter], None]) -> None:
    """Write a file completely or leave everything as it was. Raises FileError in one line."""
    target = Path(path)
    if os.path.exists(target) and not os.path.isfile(target) and not os.path.isdir(target):
        _write_into(target, write)
        return
    draft = target.parent / f".{target.name}.{secrets.token_hex(4)}.part"
    try:
        out = draft.open("xb")  # with the rights that a new file has here
    except OSError as error:
        raise FileError(f"{path}: cannot be written ({error.strerror or error}); choose another place") from None
    try:
        with out:
            write(out)
            out.flush()
            os.fsync(out.fileno())
        os.replace(draft, target)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise FileError(
            f"{path}: cannot be written ({error.strerror or error}), what was there is unchanged; free some space or "
            "choose another place"
        ) from None
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text, whole or not at all; what is no text in it becomes a question mark. Raises FileError."""

    def put(out: io.BufferedWriter) -> None:
        out.write(text.encode("utf-8", "replace"))

    write_whole(path, put)


def _write_into(device: Path, write: Callable[[io.BufferedWriter], None]) -> None:
    """A device or a pipe takes what is written; a file in its place would be the end of it."""
    try:
        with device.open("wb") as out:
            write(out)
    except OSError as error:
        raise FileError(f"{device}: cannot be written ({error.strerror or error}); choose a file") from None
