"""Rendering: the engine on a virtual clock, its events to MIDI and sound files.

Whole bars, every onset in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path as FilePath

from performance.clock import NS_PER_MS, NS_PER_S, VirtualClock
from performance.commands import Play, SetControl, SetPattern, SetVoice
from performance.cursor import Path
from performance.engine import Engine
from performance.outputs.memory import MemoryOutput
from performance.sequencer import Onset, Release
from performance.wav import RATE_HZ, Hit, write_wav
from rvae.card import card_texts
from rvae.errors import UsageError
from rvae.kit import Kit
from rvae.meter import TICKS_PER_BEAT, Meter
from rvae.midi import MidiNote, write_midi
from rvae.model import Model
from rvae.pattern import Pattern

MAX_BARS = 2_000
_STEP_NS = 30 * NS_PER_MS  # with its horizon well within the shortest beat: 200 ms
_CHANNEL = 10


@dataclass(frozen=True, slots=True)
class Note:
    """A note as it was played: its beginning and end in quarters, exact, and its beginning in ns from the start."""

    quarters: Fraction
    end_quarters: Fraction
    due_ns: int
    voice: int
    pitch: int
    velocity: int


@dataclass(frozen=True, slots=True)
class Performance:
    """What was played: `bars` of `meter` at `qpm`, the notes in order."""

    notes: tuple[Note, ...]
    kit: Kit
    meter: Meter
    bars: int
    qpm: Fraction
    texts: tuple[str, ...] = ()


def perform(
    model: Model,
    path: Path,
    *,
    meter: Meter,
    bars: int,
    bpm: float,
    density: float = 0.5,
    nudge_ms: Mapping[int, float] = {},
) -> Performance:
    """Play a path over a model's plane for so many bars; the pattern follows the cursor at every beat.

    Raises UsageError, MeterError for what the model cannot play.
    """
    if not 1 <= bars <= MAX_BARS:
        raise UsageError(f"{bars} bars: 1 to {MAX_BARS} can be rendered; choose another number")

    def pattern_at(beats: int) -> Pattern:
        return model.pattern(path.at(beats / meter.beats), meter=meter, density=density)

    performance = play_offline(pattern_at, model.kit, meter=meter, bars=bars, bpm=bpm, nudge_ms=nudge_ms)
    return replace(performance, texts=card_texts(model.card))


def play_offline(
    pattern_at: Callable[[int], Pattern],
    kit: Kit,
    *,
    meter: Meter,
    bars: int,
    bpm: float,
    nudge_ms: Mapping[int, float] = {},
) -> Performance:
    """Play the pattern that `pattern_at` gives for each beat, counted from the start; `nudge_ms`: by row of the kit."""
    clock, output = VirtualClock(), MemoryOutput()
    engine = Engine(clock, pattern_at(0), [output], step_ns=_STEP_NS)
    engine.open_outputs(kit)
    engine.do(SetControl("tempo", bpm))
    engine.do(SetControl("horizon", 60))
    for voice, ms in nudge_ms.items():
        engine.do(SetVoice("nudge", voice, ms))
    engine.do(Play(bars=bars))
    transport = engine.transport
    assert transport is not None
    beat = 1
    while not engine.is_idle:
        due_ns = engine.step()
        # Past the last beat, before the next: what is set now is played from the next one on.
        while beat < bars * meter.beats and engine.sequencer.position > _beat(meter, beat - 1):
            engine.do(SetPattern(pattern_at(beat), "beat"))
            beat += 1
        clock.sleep_until(due_ns)
    engine.close()
    notes = tuple(_notes((sent.event, sent.due_ns - transport.anchor_ns) for sent in output.sent))
    return Performance(notes, kit, meter, bars, transport.qpm)


def _beat(meter: Meter, beat: int) -> Fraction:
    return meter.quarters_at(beat * TICKS_PER_BEAT)


def _notes(sent: Iterator[tuple[object, int]]) -> list[Note]:
    open_notes: dict[int, tuple[int, Onset, int]] = {}
    notes: list[tuple[int, Note]] = []
    for index, (event, due_ns) in enumerate(sent):
        if isinstance(event, Onset):
            open_notes[event.pitch] = (index, event, due_ns)
        elif isinstance(event, Release):
            at, onset, began_ns = open_notes.pop(event.pitch)
            note = Note(onset.quarters, event.quarters, began_ns, onset.voice, onset.pitch, onset.velocity)
            notes.append((at, note))
    return [note for _, note in sorted(notes, key=lambda pair: pair[0])]


def write_performance_midi(file: str | FilePath, performance: Performance) -> None:
    """Write a Standard MIDI file with its time signature, its tempo and whose music it is, `bars` long.

    Raises FileError.
    """
    length = performance.meter.bar_quarters * performance.bars
    write_midi(
        file,
        [
            MidiNote(note.quarters, note.end_quarters - note.quarters, _CHANNEL, note.pitch, note.velocity)
            for note in performance.notes
        ],
        tempos=[(0, float(performance.qpm))],
        meters=[(0, performance.meter)],
        length_quarters=length,
        texts=performance.texts,
    )


def write_performance_wav(file: str | FilePath, performance: Performance) -> None:
    """Write 16-bit stereo sound at 48 kHz, each onset at its sample, with two seconds for the last to ring out.

    Raises FileError.
    """
    length_s = performance.meter.bar_quarters * performance.bars * 60 / performance.qpm
    hits = (Hit(round(note.due_ns * RATE_HZ / NS_PER_S), note.voice, note.velocity) for note in performance.notes)
    write_wav(file, sorted(hits, key=lambda hit: hit.frame), performance.kit, round(length_s * RATE_HZ))
