"""Transcript: a journal written down, as a MIDI file with its tempos and meters and as sound, exact to the sample.

Both begin with the first bar that is heard. In the MIDI file the music stands as it was felt: a machine that was held
up left no gap there, and each start after a stop opens a bar, as many bars later as the pause was long. The sound has
every onset at the very time it was due.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

from performance.clock import NS_PER_S
from performance.commands import SetControl, SetPattern
from performance.journal import Applied, Closed, Entry, Opened, Went
from performance.sequencer import Onset, Release
from performance.timeline import Begin, End, Tempo, Wait
from performance.transport import Barline, Bars, Transport
from performance.wav import RATE_HZ, Hit, Hush, Loudness, NewKit, Sound, write_wav
from rvae.errors import FileError
from rvae.kit import Kit
from rvae.meter import Meter
from rvae.midi import DRUM_CHANNEL, MidiNote, write_midi

_SHORTEST_QUARTERS = Fraction(1, 480)


@dataclass(slots=True)
class Score:
    """Music on the time of a MIDI file: everything in quarters from its start, tempos in quarters a minute."""

    notes: list[MidiNote] = field(default_factory=list)
    tempos: list[tuple[Fraction, float]] = field(default_factory=list)
    meters: list[tuple[Fraction, Meter]] = field(default_factory=list)
    length_quarters: Fraction = Fraction(0)


def _heard(begin: Begin) -> Begin:
    """The beginning without its count-in."""
    if begin.quarters >= 0:
        return begin
    return replace(begin, at_ns=begin.at_ns + round(-begin.quarters * 60 * NS_PER_S / begin.qpm), quarters=Fraction(0))


class _Scribe:
    """Takes a journal's entries and writes the score. `_shift` brings quarters of the music to quarters of the file."""

    def __init__(self) -> None:
        self.score = Score()
        self._shift = Fraction(0)
        self._before: tuple[int, Fraction] = (0, Fraction(0))  # events due before this moment have that shift
        self._transport: Transport | None = None
        self._barline = Barline(0, Fraction(0), Meter.parse("4/4"))
        self._begun: Begin | None = None
        self._ended_ns: int | None = None
        self._sounding: dict[int, tuple[Fraction, int]] = {}

    def take(self, entry: Entry) -> None:
        match entry:
            case Opened():
                self._open(entry)
            case Applied(_, _, Begin() as begin):
                self._begun = _heard(begin)  # its barline comes next
            case Applied(_, _, Barline() as barline):
                self._meet(barline)
            case Applied(position, _, Tempo(qpm)) if self._transport is not None:
                self._transport = self._transport.with_qpm(qpm, position)
                self._tempo(position + self._shift, qpm)
            case Applied(_, _, Wait(length_ns)) if self._transport is not None:
                self._transport = self._transport.delayed(length_ns)
            case Applied(_, _, End(at_ns)) | Closed(_, at_ns):
                self._end(at_ns)
            case Went(Onset() as onset, due_ns, _):
                self._sounding[onset.pitch] = (self._place(onset.quarters, due_ns), onset.velocity)
            case Went(Release() as release, due_ns, _):
                self._release(release.pitch, self._place(release.quarters, due_ns))

    def _open(self, entry: Opened) -> None:
        transport = entry.state.transport
        if transport is None:
            return
        self._begun = _heard(Begin(entry.at_ns, transport.quarters_at(entry.at_ns), transport.qpm))
        here = self._begun.quarters
        bars = entry.state.sequencer.bars
        self._meet(bars.in_force(bars.place_at(here).bar))
        for change in bars.changes:
            if change.quarters > here and change.quarters <= entry.state.sequencer.position:
                self._meet(change)

    def _meet(self, barline: Barline) -> None:
        if self._begun is None:
            self._meter(barline.quarters + self._shift, barline.meter)
        else:
            begun, self._begun = self._begun, None
            at = self._next_bar(begun.at_ns)
            inside = (begun.quarters - barline.quarters) % barline.meter.bar_quarters
            self._before = (begun.at_ns, self._shift)
            self._shift = at + inside - begun.quarters
            self._transport = Transport(begun.at_ns, begun.quarters, begun.qpm, Bars.of(barline.meter))
            self._meter(at, barline.meter)
            self._tempo(at, begun.qpm)
        self._barline = Barline(barline.bar, barline.quarters + self._shift, barline.meter)

    def _next_bar(self, at_ns: int) -> Fraction:
        """Where in the file the music goes on that begins at a time: at a barline, after the pause."""
        if self._transport is None:
            return Fraction(0)
        gone = self._transport.quarters_at(at_ns) + self._shift
        self.score.length_quarters = max(self.score.length_quarters, gone)
        bars = math.ceil((self.score.length_quarters - self._barline.quarters) / self._barline.meter.bar_quarters)
        return self._barline.quarters + bars * self._barline.meter.bar_quarters

    def _place(self, quarters: Fraction, due_ns: int) -> Fraction:
        before_ns, shift = self._before
        at = max(Fraction(0), quarters + (shift if due_ns < before_ns else self._shift))
        self.score.length_quarters = max(self.score.length_quarters, at)
        return at

    def _release(self, pitch: int, at: Fraction) -> None:
        if pitch in self._sounding:
            began, velocity = self._sounding.pop(pitch)
            self.score.notes.append(MidiNote(began, max(at - began, _SHORTEST_QUARTERS), DRUM_CHANNEL, pitch, velocity))

    def _tempo(self, at: Fraction, qpm: Fraction) -> None:
        if not self.score.tempos or self.score.tempos[-1][1] != float(qpm):
            self.score.tempos.append((at, float(qpm)))

    def _meter(self, at: Fraction, meter: Meter) -> None:
        if not self.score.meters or self.score.meters[-1][1] != meter:
            self.score.meters.append((at, meter))

    def _end(self, at_ns: int) -> None:
        if self._transport is not None:
            self.cut(self._transport.quarters_at(at_ns) + self._shift)

    def cut(self, at: Fraction) -> None:
        """End what sounds."""
        for pitch in list(self._sounding):
            self._release(pitch, at)


def score_of(entries: Iterable[Entry]) -> Score:
    """The music of a journal on the time of a MIDI file."""
    scribe = _Scribe()
    for entry in entries:
        scribe.take(entry)
    scribe.cut(scribe.score.length_quarters)
    score = scribe.score
    if score.meters:  # to the end of the last bar
        start, meter = score.meters[-1]
        bars = math.ceil((score.length_quarters - start) / meter.bar_quarters)
        score.length_quarters = start + bars * meter.bar_quarters
    return score


def write_journal_midi(path: str | Path, entries: Iterable[Entry], *, texts: Sequence[str] = ()) -> int:
    """Write a journal as a Standard MIDI file; how many notes it has. `texts`: lines for it. Raises FileError."""
    score = score_of(entries)
    if not score.notes:
        raise FileError(f"{path}: nothing was played, so there is nothing to write")
    length_quarters = score.length_quarters
    write_midi(
        path, score.notes, tempos=score.tempos, meters=score.meters, length_quarters=length_quarters, texts=texts
    )
    return len(score.notes)


def write_journal_wav(path: str | Path, entries: Iterable[Entry]) -> float:
    """Write a journal as sound, with the volume as it was; how many seconds it has. Raises FileError."""
    kit: Kit | None = None
    latest: Kit | None = None
    volume, start_ns = 0.8, None
    found: list[tuple[int, Sound]] = []
    for entry in entries:
        match entry:
            case Opened():
                kit, latest, volume = entry.kit, entry.kit, entry.volume
                if (transport := entry.state.transport) is not None:
                    start_ns = _heard(Begin(entry.at_ns, transport.quarters_at(entry.at_ns), transport.qpm)).at_ns
            case Applied(_, _, Begin() as begin):
                start_ns = _heard(begin).at_ns if start_ns is None else start_ns
            case Applied(_, at_ns, SetPattern(pattern)) if kit is not None and pattern.kit != latest:
                latest = pattern.kit
                found.append((at_ns, NewKit(0, latest)))
        found += _sounds(entry)
    if kit is None or start_ns is None or not any(isinstance(sound, Hit) for _, sound in found):
        raise FileError(f"{path}: nothing was played, so there is nothing to write")
    sounds = [_at(sound, round((ns - start_ns) * RATE_HZ / NS_PER_S)) for ns, sound in found]
    sounds.sort(key=lambda sound: sound.frame)
    last = max(sound.frame for sound in sounds if isinstance(sound, Hit))
    write_wav(path, [Loudness(-1, volume), *sounds], kit, last)
    return last / RATE_HZ


def _sounds(entry: Entry) -> Iterator[tuple[int, Sound]]:
    match entry:
        case Went(Onset(_, voice, _, velocity), due_ns, _):
            yield due_ns, Hit(0, voice, velocity)
        case Applied(_, at_ns, SetControl("volume", volume)):
            yield at_ns, Loudness(0, min(1.0, max(0.0, volume)))
        case Applied(_, _, End(at_ns)):
            yield at_ns, Hush(0)


def _at(sound: Sound, frame: int) -> Sound:
    match sound:
        case Hit(_, voice, velocity):
            return Hit(frame, voice, velocity)
        case Loudness(_, volume):
            return Loudness(frame, volume)
        case NewKit(_, kit):
            return NewKit(frame, kit)
    return Hush(frame)
