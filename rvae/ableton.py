"""The drum clips of a set of Ableton Live (.als): gzipped XML, as Live 8 to 12 write it.

Its format is not published; what is read here is what people who opened many sets agree on. A `MidiTrack` is a drum
track where a Drum Rack stands on it or its name says so. Its `MidiClip`s have their notes by pitch (`KeyTrack`), their
times in quarters from where the clip's content begins; what is heard of it is its `Loop`. The set is walked, never
built: it may unpack to hundreds of times its size, and it comes from strangers.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isfinite
from xml.parsers import expat

import numpy as np

from rvae.errors import MidiFileError
from rvae.midi import DRUM_CHANNEL, MidiClip, TimeSignature

SET_SUFFIX = ".als"
MAX_SET_BYTES = 20_000_000
MAX_UNPACKED_BYTES = 64_000_000
_PPQ = 960
_MAX_CLIPS = 2_000
_MAX_NOTES = 100_000
_MAX_QUARTERS = 40_000
_MAX_DEPTH = 200
_MAX_ELEMENTS = 1_500_000
_CHUNK = 65_536
_DRUM_NAME = re.compile(r"drum|kit|beat|perc|kick|snare|hat|clap|tom", re.IGNORECASE)
_USUAL_QPM = 120.0


@dataclass
class _Clip:
    """A clip as its elements say it: times in quarters."""

    name: str = ""
    loop: dict[str, float] = field(default_factory=dict)
    notes: list[tuple[float, int, float]] = field(default_factory=list)  # time, pitch, velocity
    silent: int = 0
    is_off: bool = False
    signatures: list[dict[str, float]] = field(default_factory=list)
    times: int = 1  # how often the set has it


@dataclass
class _Track:
    name: str = ""
    is_drums: bool = False
    clips: list[_Clip] = field(default_factory=list)


def parse_set(data: bytes) -> tuple[dict[str, MidiClip], dict[str, str]]:
    """The drum clips of a set by name (`track/clip`), and what else it has by name with why it is not read.

    Raises MidiFileError for what is no set, or too large a one.
    """
    if len(data) > MAX_SET_BYTES:
        raise MidiFileError(f"larger than {MAX_SET_BYTES // 1_000_000} MB; save the drum tracks as a set of their own")
    walker = _Walker()
    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = walker.start, walker.end
    parser.StartDoctypeDeclHandler = _refuse_definitions
    try:
        for chunk in _unpacked(data):
            parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except (expat.ExpatError, zlib.error, LookupError) as error:  # the last for an encoding that does not exist
        raise MidiFileError(f"no Live set that can be read ({error}); save it from Live again") from None
    except (ValueError, OverflowError) as error:
        raise MidiFileError(f"a number in it makes no sense ({error}); save it from Live again") from None
    if not walker.is_set:
        raise MidiFileError("no set of Ableton Live; give a .als file that Live has saved")
    return _clips(walker.tracks, walker.qpm, is_tempo_automated=walker.is_tempo_automated)


def _refuse_definitions(*_: object) -> None:
    raise MidiFileError("has definitions of its own, which Live never writes; save it from Live again")


def _unpacked(data: bytes) -> Iterator[bytes]:
    if data[:2] != b"\x1f\x8b":
        raise MidiFileError("no Live set (it is not gzipped); save it from Live again")
    engine, left, size = zlib.decompressobj(31), data, 0
    while not engine.eof:
        chunk = engine.decompress(left, _CHUNK)
        left = engine.unconsumed_tail
        if not chunk and not left:
            raise MidiFileError("cut short; copy the set again")
        size += len(chunk)
        if size > MAX_UNPACKED_BYTES:
            raise MidiFileError(
                f"unpacks to more than {MAX_UNPACKED_BYTES // 1_000_000} MB; save the drum tracks as a set of their own"
            )
        yield chunk


class _Walker:
    """Takes what is wanted of the elements as they come by."""

    def __init__(self) -> None:
        self.is_set = False
        self.qpm = _USUAL_QPM
        self._tempo_id: str | None = None
        self._envelope = ""  # what the envelope at hand is of
        self._level: float | None = None  # and its value so far
        self._changing: set[str] = set()
        self.tracks: list[_Track] = []
        self._path: list[str] = []
        self._track: _Track | None = None
        self._clip: _Clip | None = None
        self._row: list[tuple[float, float]] = []
        self._pitch: int | None = None
        self._notes = self._count = self._elements = 0

    def start(self, name: str, values: dict[str, str]) -> None:
        self._path.append(name)
        self._elements += 1
        if self._elements > _MAX_ELEMENTS:
            raise MidiFileError("too large a set; save the drum tracks as a set of their own")
        if len(self._path) > _MAX_DEPTH:
            raise MidiFileError("nested deeper than Live writes; save it from Live again")
        above = self._path[-2] if len(self._path) > 1 else ""
        if self._clip is not None:
            self._in_clip(self._clip, name, above, values)
        elif name == "LiveSet" and above == "Ableton":
            self.is_set = True
        elif len(self._path) > 2 and self._path[2] in ("MasterTrack", "MainTrack"):
            self._in_main(name, above, values)
        elif name == "MidiTrack":
            self._track = _Track()
            self.tracks.append(self._track)
        elif self._track is not None:
            self._in_track(self._track, name, values)

    def _in_main(self, name: str, above: str, values: dict[str, str]) -> None:
        """On the track that all others go to: the tempo, and whether an envelope moves it."""
        if above == "Tempo" and name == "Manual":
            self.qpm = min(max(_number(values), 10.0), 999.0)
        elif above == "Tempo" and name == "AutomationTarget":
            self._tempo_id = values.get("Id")
        elif name == "AutomationEnvelope":
            self._envelope, self._level = "", None
        elif above == "EnvelopeTarget" and name == "PointeeId":
            self._envelope = values.get("Value", "")
        elif above == "Events" and name == "FloatEvent":
            level = _number(values)
            if self._level is not None and level != self._level:
                self._changing.add(self._envelope)
            self._level = level

    @property
    def is_tempo_automated(self) -> bool:
        return self._tempo_id in self._changing

    def _in_track(self, track: _Track, name: str, values: dict[str, str]) -> None:
        if name == "DrumGroupDevice":
            track.is_drums = True
        elif name in ("UserName", "EffectiveName") and self._path[-3:-1] == ["MidiTrack", "Name"]:
            track.name = values.get("Value", "") or track.name
        elif (
            name == "MidiClip" and "TakeLanes" not in self._path
        ):  # the takes that were not chosen, and a copy of the one
            self._count += 1
            if self._count > _MAX_CLIPS:
                raise MidiFileError(f"more than {_MAX_CLIPS:,} clips; save the drum tracks as a set of their own")
            self._clip = _Clip()

    def _in_clip(self, clip: _Clip, name: str, above: str, values: dict[str, str]) -> None:
        if name == "MidiNoteEvent":
            if values.get("IsEnabled") == "false":
                clip.silent += 1
                return
            self._row.append((_number(values, "Time"), _number(values, "Velocity")))
            self._notes += 1
            if self._notes > _MAX_NOTES:
                raise MidiFileError(f"more than {_MAX_NOTES:,} notes; save the drum tracks as a set of their own")
        elif name == "MidiKey" and above == "KeyTrack":
            self._pitch = int(_number(values))
        elif above == "Loop" and name in ("LoopStart", "LoopEnd"):
            clip.loop[name] = _number(values)
        elif above == "MidiClip" and name == "Name":
            clip.name = values.get("Value", "")
        elif above == "MidiClip" and name == "Disabled":
            clip.is_off = values.get("Value") == "true"
        elif name == "RemoteableTimeSignature":
            clip.signatures.append({})
        elif above == "RemoteableTimeSignature" and clip.signatures:
            clip.signatures[-1][name] = _number(values)

    def end(self, name: str) -> None:
        self._path.pop()
        if name == "KeyTrack" and self._clip is not None:
            if self._row and (self._pitch is None or not 0 <= self._pitch <= 127):
                raise ValueError(f"note {self._pitch}")
            self._clip.notes += [(time, self._pitch or 0, velocity) for time, velocity in self._row]
            self._row, self._pitch = [], None
        elif name == "MidiClip" and self._clip is not None and self._track is not None:
            self._track.clips.append(self._clip)
            self._clip = None
        elif name == "MidiTrack":
            self._track = None


def _number(values: dict[str, str], key: str = "Value") -> float:
    number = float(values.get(key, ""))
    if not isfinite(number):
        raise ValueError(values.get(key))
    return number


def _clips(tracks: list[_Track], qpm: float, *, is_tempo_automated: bool) -> tuple[dict[str, MidiClip], dict[str, str]]:
    """Drum clips, and the rest with the reason; a clip that stands several times in a track is one."""
    found: dict[str, MidiClip] = {}
    refused: dict[str, str] = {}
    for number, track in enumerate(tracks, 1):
        place = _plain(f"{number} {track.name}")
        if not track.clips:
            continue
        if not track.is_drums and not _DRUM_NAME.search(track.name):
            why = (
                "neither a Drum Rack on the track nor drums in its name; if it is drums, rename it, or export its clips"
            )
            refused[place] = f"{why} (clips it has: {len(track.clips)})"
            continue
        for clip in _once(track.clips):
            name = f"{place}/{_plain(clip.name) or 'clip'}"
            ways = (name, *(f"{name} {again}" for again in range(2, _MAX_CLIPS + 2)))
            way = next(way for way in ways if way not in found and way not in refused)
            if clip.is_off:
                refused[way] = "switched off in the set"
                continue
            try:
                found[way] = _clip(clip, qpm, is_tempo_automated=is_tempo_automated)
            except (ValueError, OverflowError) as error:
                refused[way] = f"a number in it makes no sense ({error}); cut the clip to its music in Live"
    return found, refused


def _plain(name: str) -> str:
    """A name that is one part of a path."""
    return "".join("-" if letter in '/\\:*?"<>|' or not letter.isprintable() else letter for letter in name).strip(" .")


def _once(clips: list[_Clip]) -> list[_Clip]:
    """Clips that differ: an arrangement has the same one many times."""
    different: dict[object, _Clip] = {}
    for clip in clips:
        key = (tuple(clip.notes), tuple(sorted(clip.loop.items())), clip.is_off)
        if key in different:
            different[key].times += 1
        else:
            different[key] = clip
    return list(different.values())


def _clip(clip: _Clip, qpm: float, *, is_tempo_automated: bool) -> MidiClip:
    """What is heard of a clip: the notes inside its loop, from the loop's start on."""
    start, last = clip.loop.get("LoopStart", 0.0), max((time for time, _, _ in clip.notes), default=0.0)
    end = clip.loop.get("LoopEnd", last)
    if not 0 <= end - start <= _MAX_QUARTERS:
        raise ValueError(f"{end - start:g} quarters long")
    rows = [
        (round((time - start) * _PPQ), DRUM_CHANNEL, pitch, min(max(round(velocity), 1), 127))
        for time, pitch, velocity in clip.notes
        if start <= time < end
    ]
    notes = np.array(rows, dtype=np.int64).reshape(-1, 4)
    signatures: dict[int, TimeSignature] = {}
    for sign in sorted(clip.signatures, key=lambda sign: sign.get("Time", 0.0)):
        pulse = max(0, round((min(sign.get("Time", 0.0), end) - start) * _PPQ))
        numerator, denominator = sign.get("Numerator", 4.0), sign.get("Denominator", 4.0)
        if not (1 <= numerator <= 255 and 1 <= denominator <= 255):
            raise ValueError(f"{numerator:g}/{denominator:g}")
        signatures[pulse] = TimeSignature(pulse, int(numerator), int(denominator))
    words = (
        (clip.times - 1, f"stands {clip.times} times in its track: read once"),
        (len(clip.notes) - len(rows), f"passed over {len(clip.notes) - len(rows)} notes outside its loop"),
        (clip.silent, f"passed over {clip.silent} notes that are switched off"),
        (is_tempo_automated, f"the set's tempo is automated: {qpm:g} bpm, as it was when saved, is taken throughout"),
    )
    return MidiClip(
        _PPQ,
        notes[np.argsort(notes[:, 0], kind="stable")],
        ((0, round(60_000_000 / qpm)),),
        tuple(signatures.values()),
        (),
        round((end - start) * _PPQ),
        tuple(text for count, text in words if count),
    )
