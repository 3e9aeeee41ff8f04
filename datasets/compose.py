"""Turn the written rhythms of the bundled corpora into MIDI files and cards: `python datasets/compose.py [--check]`.

Each corpus is a folder with `rhythms.txt`, the rhythms in a text notation (explained in docs/corpora.md), and
`dataset.toml`, whose upper part is written by hand. From these the script makes one .mid file per rhythm and the lower
part of the card. The same text always gives the same bytes; `--check` compares and writes nothing.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import mido

from rvae.errors import RvaeError
from rvae.meter import TICKS_PER_BEAT, Meter

PPQ = 480
NOTE_MIDI_TICKS = 60
MAX_MICROTIMING_TICKS = 2.5
FLAM_MS = 35.0
DRUM_CHANNEL = 9
MARKER = "# --- from here on written by compose.py from rhythms.txt: do not edit by hand ---"
VELOCITIES: Mapping[str, int] = {"g": 32, "o": 60, "x": 88, "X": 114, "f": 88, "F": 114}
VOICES: Mapping[str, int] = {  # General MIDI pitches
    "kick": 36, "rim": 37, "snare": 38, "clap": 39, "floortom": 41, "hat": 42, "lowtom": 43, "pedal": 44, "open": 46,
    "midtom": 47, "crash": 49, "hightom": 50, "ride": 51, "bell": 53, "tamb": 54, "cowbell": 56, "conga-mute": 62,
    "conga-open": 63, "conga-low": 64, "maracas": 70, "guiro": 73, "claves": 75, "wood": 76, "triangle": 81,
    "shaker": 82,
}  # fmt: skip
REQUIRED = ("title", "meter", "qpm", "tags", "note")
TIMING = ("swing", "push", "lean", "feel")


class RhythmError(ValueError):
    """A rhythm that cannot be read: which clip, what was given, what is allowed."""


@dataclass(frozen=True)
class Feel:
    """How a clip's onsets leave their ticks; all but `push_ms` in ticks (1/24 beat), late is positive."""

    swing_percent: float
    push_ms: Mapping[str, float]
    lean_ticks: tuple[float, ...]
    slot_ticks: tuple[float, ...]

    @classmethod
    def read(cls, fields: Mapping[str, str], beats: int) -> Feel:
        """The timing lines of a clip; without them everything lies on its tick."""
        push = {voice: float(ms) for voice, ms in (item.split() for item in fields.get("push", "").split(",") if item)}
        lean = tuple(map(float, fields.get("lean", "").split()))
        if lean and len(lean) != beats:
            raise RhythmError(f"lean has {len(lean)} numbers, the meter has {beats} beats")
        if not set(push) <= set(fields):
            raise RhythmError(f"push names a voice that does not play: {', '.join(sorted(set(push) - set(fields)))}")
        return cls(float(fields.get("swing", "50")), push, lean, tuple(map(float, fields.get("feel", "").split())))

    def microtiming_ticks(
        self, voice: str, beat: int, slot: int, slots: int, eighths: Fraction, tick_ms: float
    ) -> float:
        """Sum of the voice's push, the beat's lean, the slot's feel and the swing of every second 8th or 16th."""
        ticks = self.push_ms.get(voice, 0.0) / tick_ms
        ticks += self.lean_ticks[beat] if self.lean_ticks else 0.0
        ticks += self.slot_ticks[slot] if slots == len(self.slot_ticks) else 0.0
        if slot % 2 == 1 and (slots == 2 * eighths or slots == eighths == 2):
            ticks += (self.swing_percent - 50) / 50 * TICKS_PER_BEAT / slots
        if abs(ticks) > MAX_MICROTIMING_TICKS:
            raise RhythmError(f"beat {beat + 1} lies {ticks:+.2f} ticks off, {MAX_MICROTIMING_TICKS} are allowed")
        return ticks


@dataclass(frozen=True, order=True)
class Note:
    """One note of the file, `start` in MIDI ticks."""

    start: int
    pitch: int
    velocity: int


@dataclass(frozen=True)
class Clip:
    """A rhythm as written: its card entries and its notes in order. `meter_name` as written, with its grouping."""

    name: str
    title: str
    meter_name: str
    bars: int
    qpm: float
    tags: tuple[str, ...]
    note: str
    notes: tuple[Note, ...]

    @property
    def meter(self) -> Meter:
        """The bar as the library reads it."""
        return Meter.parse(self.meter_name)


def read_bars(text: str, meter: Meter) -> list[list[str]]:
    """Bars of one voice, each a list of beats; `%` repeats the bar before it."""
    bars: list[list[str]] = []
    for number, bar in enumerate(text.split("|"), start=1):
        beats = bars[-1] if bars and bar.split() == ["%"] else bar.split()
        if len(beats) != meter.beats:
            raise RhythmError(f"bar {number}: {len(beats)} beats written, {meter.label} has {meter.beats}")
        for beat in beats:
            if TICKS_PER_BEAT % len(beat) or not set(beat) <= {".", *VELOCITIES}:
                raise RhythmError(f"bar {number}: beat {beat!r} is not 1, 2, 3, 4, 6, 8, 12 or 24 of . g o x X f F")
        bars.append(beats)
    if set(text) <= set(" .|%"):
        raise RhythmError("it never plays: leave the line out")
    return bars


def place(voice: str, bars: list[list[str]], meter: Meter, qpm: float, feel: Feel) -> Iterator[Note]:
    """The notes of one voice, at most MAX_MICROTIMING_TICKS from their ticks and never before the file's start."""
    strokes = (
        (bar * meter.beats + beat, slot, len(marks), mark)
        for bar, beats in enumerate(bars)
        for beat, marks in enumerate(beats)
        for slot, mark in enumerate(marks)
        if mark != "."
    )
    for beat, slot, slots, mark in strokes:
        eighths = meter.beat_eighths[beat % meter.beats]
        tick_ms = 60_000 / qpm * float(eighths) / 2 / TICKS_PER_BEAT
        in_beat = slot * TICKS_PER_BEAT // slots
        micro = feel.microtiming_ticks(voice, beat % meter.beats, slot, slots, eighths, tick_ms)
        tick = max(Fraction(0), beat * TICKS_PER_BEAT + in_beat + Fraction(micro))
        # A little more on the beat and most on the first of the bar, a little less between the eighths.
        shade = (2 if beat % meter.beats else 5) if in_beat == 0 else (0 if in_beat in (8, 12, 16) else -4)
        if mark in "fF":
            grace = tick - max(1, round(FLAM_MS / tick_ms))
            if grace < 0:
                raise RhythmError("no room for a flam on the first beat of a file")
            yield Note(round(meter.quarters_at(grace) * PPQ), VOICES[voice], VELOCITIES["g"])
        yield Note(round(meter.quarters_at(tick) * PPQ), VOICES[voice], VELOCITIES[mark] + shade)


def read_clip(name: str, fields: Mapping[str, str]) -> Clip:
    """One block of rhythms.txt: the fields that describe it, every other line a voice."""
    missing = [key for key in REQUIRED if key not in fields]
    voices = [key for key in fields if key not in REQUIRED + TIMING]
    unknown = [key for key in voices if key not in VOICES]
    if missing or unknown or not voices:
        raise RhythmError(f"lacks {missing}, does not know {unknown}; the voices are {', '.join(VOICES)}")
    meter, qpm = Meter.parse(fields["meter"]), float(fields["qpm"])
    feel = Feel.read(fields, meter.beats)
    lengths: set[int] = set()
    notes: list[Note] = []
    for voice in voices:
        try:
            bars = read_bars(fields[voice], meter)
            notes += place(voice, bars, meter, qpm, feel)
        except RhythmError as error:
            raise RhythmError(f"{voice}: {error}") from error
        lengths.add(len(bars))
    if len(lengths) != 1 or not lengths <= {1, 2, 4}:
        raise RhythmError(f"every voice has the same 1, 2 or 4 bars; given {sorted(lengths)}")
    tags = tuple(tag.strip() for tag in fields["tags"].split(","))
    return Clip(name, fields["title"], fields["meter"], lengths.pop(), qpm, tags, fields["note"], tuple(sorted(notes)))


def read_rhythms(text: str) -> list[Clip]:
    """All clips of a rhythms.txt; raises RhythmError naming the clip."""
    clips: list[Clip] = []
    for block in re.split(r"^(?=\[)", text, flags=re.MULTILINE)[1:]:
        lines = [line.rstrip() for line in block.splitlines() if line.strip() and not line.startswith("#")]
        name, fields = lines[0].strip("[]"), {}
        try:
            for key, _, value in (line.partition(" ") for line in lines[1:]):
                if key in fields:
                    raise RhythmError(f"{key} is written twice")
                fields[key] = value.strip()
            clips.append(read_clip(name, fields))
        except (ValueError, RvaeError) as error:
            raise RhythmError(f"[{name}] {error}") from error
    names = [clip.name for clip in clips]
    if len(set(names)) != len(names):
        raise RhythmError(f"two clips are called {next(name for name in names if names.count(name) > 1)}")
    return clips


def midi_bytes(clip: Clip) -> bytes:
    """The clip as a format 0 file whose last event is the barline that ends it."""
    end = round(clip.bars * clip.meter.bar_quarters * PPQ)
    events: list[tuple[int, mido.Message]] = []
    for index, note in enumerate(clip.notes):
        again = next((later.start for later in clip.notes[index + 1 :] if later.pitch == note.pitch), end)
        drum = {"channel": DRUM_CHANNEL, "note": note.pitch}
        events.append((note.start, mido.Message("note_on", velocity=note.velocity, **drum)))
        events.append((min(note.start + NOTE_MIDI_TICKS, again), mido.Message("note_off", velocity=64, **drum)))
    events.sort(key=lambda event: (event[0], event[1].type == "note_on"))
    track = mido.MidiTrack()
    track.append(mido.MetaMessage("track_name", name=clip.title))
    track.append(mido.MetaMessage("text", text=f"meter {clip.meter_name}"))
    track.append(mido.MetaMessage("set_tempo", tempo=round(60_000_000 / clip.qpm)))
    signature = {"numerator": clip.meter.numerator, "denominator": clip.meter.denominator}
    track.append(mido.MetaMessage("time_signature", **signature))
    now = 0
    for time, message in events:
        track.append(message.copy(time=time - now))
        now = time
    track.append(mido.MetaMessage("end_of_track", time=end - now))
    buffer = io.BytesIO()
    mido.MidiFile(type=0, ticks_per_beat=PPQ, tracks=[track]).save(file=buffer)
    return buffer.getvalue()


def card_text(head: str, clips: list[Clip]) -> str:
    """The card: the hand-written head, then what follows from the rhythms."""
    tempi = [clip.qpm for clip in clips]
    meters = json.dumps(list(dict.fromkeys(clip.meter_name for clip in clips)))
    parts = [head.rstrip(), "", MARKER, f"meters = {meters}", f"tempo_qpm = [{min(tempi):g}, {max(tempi):g}]"]
    for clip in clips:
        parts += ["", f'[clips."{clip.name}.mid"]', f"title = {json.dumps(clip.title)}", f'meter = "{clip.meter_name}"']
        parts += [f"bars = {clip.bars}", f"qpm = {clip.qpm:g}", f"tags = {json.dumps(clip.tags)}"]
        parts += [f"note = {json.dumps(clip.note)}"]
    return "\n".join(parts) + "\n"


def compose(folder: Path) -> dict[Path, bytes]:
    """What the folder's files should hold: its card and one .mid per rhythm."""
    try:
        clips = read_rhythms((folder / "rhythms.txt").read_text(encoding="utf-8"))
    except RhythmError as error:
        raise RhythmError(f"{folder.name}/rhythms.txt {error}") from error
    card = folder / "dataset.toml"
    head = card.read_text(encoding="utf-8").partition(MARKER)[0]
    return {card: card_text(head, clips).encode(), **{folder / f"{clip.name}.mid": midi_bytes(clip) for clip in clips}}


def main() -> int:
    """Write the files, or with --check list those that differ; 0 when all is well."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing, list the files that differ")
    check = parser.parse_args().check
    here = Path(__file__).resolve().parent
    try:
        folders = sorted(text.parent for text in here.glob("*/rhythms.txt"))
        made = {path: data for folder in folders for path, data in compose(folder).items()}
    except RhythmError as error:
        sys.stderr.write(f"compose: {error}\n")
        return 2
    stale = [path for path, data in made.items() if not path.is_file() or path.read_bytes() != data]
    orphans = sorted(path for path in here.glob("*/*.mid") if path not in made)
    for path in orphans:
        sys.stderr.write(f"{path.relative_to(here)} has no rhythm in its rhythms.txt: remove it\n")
    for path in stale:
        sys.stderr.write(f"{'differs' if check else 'wrote'}: {path.relative_to(here)}\n")
        if not check:
            path.write_bytes(made[path])
    return 1 if orphans or (check and stale) else 0


if __name__ == "__main__":
    sys.exit(main())
