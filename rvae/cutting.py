"""One clip cut at its barlines into patterns, with an account of every note-on."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor, lcm
from pathlib import Path

import numpy as np

from rvae.account import ClipReport, Dropped
from rvae.card import Card
from rvae.errors import MeterError, UsageError
from rvae.grid import GRIDS, QUANTISERS, Ints, Quantiser, Reals, quantise
from rvae.kit import STANDARD_KIT, Kit
from rvae.meter import TICKS_PER_BEAT, Meter
from rvae.midi import DEFAULT_US_PER_QUARTER, DRUM_CHANNEL, MidiClip, TimeSignature
from rvae.pattern import CYCLE_BARS, MAX_MICROTIMING_TICKS, MAX_MIDI_VELOCITY, Pattern
from rvae.time import us_per_quarter_to_qpm

_METER_TEXT = re.compile(r"\s*meter\s+(\S.*)", re.IGNORECASE)
_LOOP_BARS = max(CYCLE_BARS)


@dataclass(frozen=True)
class Reading:
    """How clips are read; see `read_corpus`. Raises UsageError for an argument out of range."""

    bars: int = 2
    kit: Kit = STANDARD_KIT
    channel: int | None = None
    ticks_per_beat: int = TICKS_PER_BEAT
    quantise: Quantiser = "subdivision"
    groupings: tuple[Meter, ...] = ()

    def __post_init__(self) -> None:
        if self.bars not in CYCLE_BARS:
            raise UsageError(f"a pattern of {self.bars} bars is not possible; choose 1, 2 or 4")
        if self.channel is not None and not 1 <= self.channel <= 16:
            raise UsageError(f"MIDI channel {self.channel} does not exist; choose 1 to 16, or none to have it found")
        if self.ticks_per_beat not in GRIDS:
            raise UsageError(f"a grid of {self.ticks_per_beat} ticks per beat is not possible; choose 4, 12 or 24")
        if self.quantise not in QUANTISERS:
            raise UsageError(f"'{self.quantise}' is no way to quantise; choose {' or '.join(QUANTISERS)}")


@dataclass
class _Stretch:
    """Bars of one meter in a clip: from `start` to before `end`, in pulses; what was placed in them by (tick, row)."""

    meter: Meter
    start: Fraction
    end: int | None
    bars: int = 0
    cells: dict[tuple[int, int], tuple[int, float]] = field(default_factory=dict)  # velocity, microtiming

    def bar_pulses(self, ppq: int) -> Fraction:
        return self.meter.bar_quarters * ppq


@dataclass(frozen=True)
class _Early:
    """An onset that is meant for the barline of the next stretch; `exact`: its place in ticks of its own."""

    pulse: int
    row: int
    velocity: int
    exact: float


class _Cutter:
    """The work on one clip; `cut` below is the way in."""

    def __init__(self, clip: MidiClip, source: str, reading: Reading, card: Card | None) -> None:
        self.clip = clip
        self.source = source
        self.reading = reading
        self.card = card
        self.notes: list[str] = list(clip.skipped)
        self.dropped: list[Dropped] = []
        self.unmapped: Counter[int] = Counter()
        self.collisions = 0
        self.early = 0
        self.channel: int | None = None
        self._said = _meters_said(clip.texts)
        self._tempo_pulses = np.array([pulse for pulse, _ in clip.tempos], dtype=np.int64)
        self._tempos = np.array([DEFAULT_US_PER_QUARTER, *(tempo for _, tempo in clip.tempos)], dtype=np.int64)

    def drop(self, reason: str, onsets: int) -> None:
        self.dropped.append(Dropped(self.source, reason, onsets))

    def heard(self) -> Ints:
        """The notes of the drums as (pulse, row, velocity); the others are accounted for."""
        channels, pitches = self.clip.notes[:, 1], self.clip.notes[:, 2]
        self.channel = self.reading.channel
        if self.channel is None and np.any(channels == DRUM_CHANNEL):
            self.channel = DRUM_CHANNEL
        on_channel = np.full(len(channels), True) if self.channel is None else channels == self.channel
        if not on_channel.all():
            self.drop(f"not on the drum channel ({self.channel})", int((~on_channel).sum()))
        row_of = np.array(
            [-1 if (row := self.reading.kit.row_of_pitch(pitch)) is None else row for pitch in range(128)]
        )
        rows = row_of[pitches]
        self.unmapped.update(pitches[on_channel & (rows < 0)].tolist())
        kept = on_channel & (rows >= 0)
        return np.column_stack((self.clip.notes[kept, 0], rows[kept], self.clip.notes[kept, 3]))

    def us_per_quarter(self, pulse: int | Fraction) -> int:
        """The tempo in force."""
        return int(self._tempos[np.searchsorted(self._tempo_pulses, floor(max(pulse, 0)), side="right")])

    def qpm(self, pulse: int | Fraction) -> float:
        return float(us_per_quarter_to_qpm(self.us_per_quarter(pulse)))

    # --- meters

    def meter(self, signature: TimeSignature) -> Meter:
        """The meter of a time signature. Raises MeterError.

        As asked for; as the card says of this clip; as a text in the file says; as the card says of all; as is usual.
        """
        card = self.card or Card()
        of_clip = card.clip_meters.get(Path(self.source).name)
        said = self._said_in_file(signature)
        for meter in (*self.reading.groupings, *filter(None, (of_clip, said)), *card.groupings):
            if (meter.numerator, meter.denominator) == signature[1:]:
                return meter
        return Meter.of(signature.numerator, signature.denominator)

    def _said_in_file(self, signature: TimeSignature) -> Meter | None:
        """The grouping that the last text at or before a time signature gives for it."""
        pulses, meters = self._said.get((signature.numerator, signature.denominator), ([], []))
        place = bisect_right(pulses, signature.pulse)
        return meters[place - 1] if place else None

    def signatures(self) -> list[TimeSignature]:
        """One time signature per pulse, from the start on."""
        by_pulse = {signature.pulse: signature for signature in self.clip.signatures}  # the last at a pulse stands
        if not by_pulse:
            said = (self.card or Card()).clip_meters.get(Path(self.source).name)
            self.notes.append(f"no time signature: taken as {said or '4/4'}")
            return [TimeSignature(0, said.numerator, said.denominator) if said else TimeSignature(0, 4, 4)]
        if 0 not in by_pulse:
            by_pulse[0] = TimeSignature(0, 4, 4)
            self.notes.append("no time signature at the start: taken as 4/4 until the first")
        return [by_pulse[pulse] for pulse in sorted(by_pulse)]

    def stretches(self, pulses: Ints) -> list[_Stretch]:
        """The clip as stretches of one meter each; those in a meter that cannot be held are dropped by name."""
        ppq = self.clip.ppq
        found: list[_Stretch | None] = []
        signatures = self.signatures()
        for signature, following in zip(signatures, [*signatures[1:], None], strict=True):
            end = None if following is None else following.pulse
            before = found[-1] if found else None
            try:
                meter = self.meter(signature)
            except MeterError as error:
                if before is not None:
                    before.end = signature.pulse
                onsets = self._count(pulses, signature.pulse, end)
                self.drop(f"from quarter {signature.pulse / ppq:g}: {error}", onsets)
                found.append(None)
                continue
            if before is not None:
                bars = (signature.pulse - before.start) / before.bar_pulses(ppq)
                if before.meter == meter and bars.denominator == 1:
                    before.end = end  # said again at a barline
                    continue
            found.append(_Stretch(meter, Fraction(signature.pulse), end))
        return self._with_pickup([stretch for stretch in found if stretch is not None])

    def _with_pickup(self, stretches: list[_Stretch]) -> list[_Stretch]:
        """A short first stretch is a pickup: it stands at the end of a bar of the meter that it leads to."""
        if len(stretches) < 2 or stretches[0].end != stretches[1].start:
            return stretches
        first, second = stretches[:2]
        ppq, barline = self.clip.ppq, stretches[1].start
        length, own_bar, bar = barline - first.start, first.bar_pulses(ppq), second.bar_pulses(ppq)
        if length < bar and (length < own_bar or length * 2 <= bar):
            self.notes.append(
                f"a pickup of {float(length / ppq):g} quarters: kept at the end of a bar of {second.meter} before"
            )
            return [_Stretch(second.meter, barline - bar, first.end), *stretches[1:]]
        return stretches

    @staticmethod
    def _count(pulses: Ints, start: int, end: int | None) -> int:
        first, last = np.searchsorted(pulses, [start, 2**62 if end is None else end])
        return int(last - first)

    # --- placing

    def place(self, stretches: list[_Stretch], heard: Ints) -> None:
        """Quantise each stretch into its cells; what is early before a change of meter goes over to the next."""
        early: list[tuple[int, _Early]] = []
        for place, stretch in enumerate(stretches):
            self._note_cut_bar(stretch)
            first, last = np.searchsorted(
                heard[:, 0], [ceil(stretch.start), 2**62 if stretch.end is None else stretch.end]
            )
            adjacent = place + 1 < len(stretches) and stretches[place + 1].start == stretch.end
            leaving = self._fill(stretch, heard[first:last], alone=len(stretches) == 1, adjacent=adjacent)
            early += [(place, onset) for onset in leaving]
        for place, onset in early:
            self._hand_over(stretches[place], stretches[place + 1], onset)
            self.early += 1

    def _quarter(self, stretch: _Stretch) -> str:
        return f"{float(stretch.start / self.clip.ppq):g}"

    def _note_cut_bar(self, stretch: _Stretch) -> None:
        if stretch.end is None:
            return
        bars = (stretch.end - stretch.start) / stretch.bar_pulses(self.clip.ppq)
        if bars.denominator != 1:
            at = stretch.end / self.clip.ppq
            self.notes.append(f"bar {ceil(bars)} of {stretch.meter} is cut short by a time signature at quarter {at:g}")

    def _fill(self, stretch: _Stretch, heard: Ints, *, alone: bool, adjacent: bool) -> list[_Early]:
        """Place the notes of a stretch; returns those that belong to the barline where the next one begins."""
        if not len(heard):
            return []
        pulses, rows, velocities = heard.T
        meter, ppq, grid = stretch.meter, self.clip.ppq, self.reading.ticks_per_beat
        beats, places = _positions(pulses, stretch.start, meter, ppq)
        stretch.bars = self._bars(stretch, int(beats.max()) // meter.beats + 1)
        loop = alone and stretch.bars <= _LOOP_BARS
        found = quantise(
            beats, places, rows, velocities, meter,
            tick_ms=self._tick_ms(pulses, beats, meter),
            cycle_beats=stretch.bars * meter.beats if loop else None,
            ticks_per_beat=grid,
            mode=self.reading.quantise,
        )  # fmt: skip
        self.collisions += found.collisions
        length = _ticks(stretch, ppq, grid) if adjacent else float("inf")
        exact = (beats + places / TICKS_PER_BEAT) * grid
        leaving = found.kept & ((found.ticks >= length) | (exact >= length - 0.5))
        staying = found.kept & ~leaving
        ticks, row_list = found.ticks[staying].tolist(), rows[staying].tolist()
        values = zip(velocities[staying].tolist(), found.microtiming[staying].tolist(), strict=True)
        stretch.cells = dict(zip(zip(ticks, row_list, strict=True), values, strict=True))
        bar_ticks = meter.beats * grid
        self.early += int(((found.ticks % bar_ticks == 0) & (found.microtiming < 0))[staying].sum())
        if not loop and not adjacent and ticks:
            stretch.bars = max(stretch.bars, max(ticks) // bar_ticks + 1)
        gone = np.flatnonzero(leaving)
        return [_Early(int(pulses[i]), int(rows[i]), int(velocities[i]), float(exact[i])) for i in gone]

    def _bars(self, stretch: _Stretch, sounding_bars: int) -> int:
        """The bars of a stretch: to its last onset, and silent ones after it only as far as they fill a cycle."""
        end = self.clip.end if stretch.end is None else stretch.end
        whole_bars = floor((end - stretch.start) / stretch.bar_pulses(self.clip.ppq))
        cycle_bars = self.reading.bars
        return max(sounding_bars, min(whole_bars, ceil(sounding_bars / cycle_bars) * cycle_bars))

    def _tick_ms(self, pulses: Ints, beats: Ints, meter: Meter) -> Reals:
        """How long 1/24 beat lasts at each onset."""
        here = self._tempos[np.searchsorted(self._tempo_pulses, pulses, side="right")]
        beat_quarters = np.array([float(beat / 2) for beat in meter.beat_eighths])[beats % meter.beats]
        tick_ms: Reals = here / 1000 * beat_quarters / TICKS_PER_BEAT
        return tick_ms

    def _hand_over(self, stretch: _Stretch, following: _Stretch, onset: _Early) -> None:
        """Put an early onset on the barline of the following stretch, or back on the last tick that is left for it."""
        grid = self.reading.ticks_per_beat
        tick_quarters = following.meter.beat_eighths[-1] / 2 / grid
        microtiming = float((onset.pulse - following.start) / self.clip.ppq / tick_quarters)
        length = _ticks(stretch, self.clip.ppq, grid)
        key, cells = (0, onset.row), following.cells
        taken = key in cells and onset.exact < length - 0.5
        if microtiming < -MAX_MICROTIMING_TICKS or taken:
            tick = min(floor(onset.exact + 0.5), ceil(length) - 1)
            key, cells, microtiming = (tick, onset.row), stretch.cells, onset.exact - tick
        if key in cells:
            self.collisions += 1
        if key not in cells or cells[key][0] < onset.velocity:
            cells[key] = (onset.velocity, microtiming)
        following.bars = max(following.bars, 1)

    # --- cycles

    def patterns(self, stretch: _Stretch) -> list[Pattern]:
        """The stretch as cycles: the last is completed with its own first bars, silent ones are passed over."""
        cycle_bars, grid = self.reading.bars, self.reading.ticks_per_beat
        bar_ticks = stretch.meter.beats * grid
        cycles: dict[int, list[tuple[int, int, int, float]]] = {}
        for (tick, row), (velocity, microtiming) in stretch.cells.items():
            cycle, in_cycle = divmod(tick, cycle_bars * bar_ticks)
            cycles.setdefault(cycle, []).append((row, in_cycle, velocity, microtiming))
        found = [
            self._pattern(stretch, cycle, cells, min(cycle_bars, stretch.bars - cycle * cycle_bars))
            for cycle, cells in sorted(cycles.items())
        ]
        where = (
            "the clip"
            if stretch.end is None and stretch.start == 0
            else f"{stretch.meter} from quarter {self._quarter(stretch)}"
        )
        silent = ceil(stretch.bars / cycle_bars) - len(cycles)
        if silent:
            self.notes.append(f"{where}: {_several(silent, 'silent cycle')} passed over")
        left = stretch.bars % cycle_bars
        if left and stretch.bars < cycle_bars:
            done = "tiled to a cycle" if cycle_bars % left == 0 else "completed with its own first bars"
            self.notes.append(f"{where} has {_several(left, 'bar')}: {done}")
        elif left:
            self.notes.append(
                f"{where}: the last cycle has {left} of {cycle_bars} bars: completed with its own first bars"
            )
        return found

    def _pattern(self, stretch: _Stretch, cycle: int, cells: list[tuple[int, int, int, float]], bars: int) -> Pattern:
        reading = self.reading
        shape = (len(reading.kit), bars * stretch.meter.beats * reading.ticks_per_beat)
        onset, velocity, microtiming = (
            np.zeros(shape, np.int8),
            np.zeros(shape, np.float32),
            np.zeros(shape, np.float32),
        )
        for row, tick, loud, off in cells:
            onset[row, tick] = 1
            velocity[row, tick] = loud / MAX_MIDI_VELOCITY
            microtiming[row, tick] = off
        columns = np.arange(shape[1] // bars * reading.bars) % shape[1]
        first_bar = cycle * reading.bars
        return Pattern(
            onset[:, columns], velocity[:, columns], microtiming[:, columns], stretch.meter, reading.bars, reading.kit,
            self.source,
            self.qpm(stretch.start + first_bar * stretch.bar_pulses(self.clip.ppq)),
            first_bar,
            reading.ticks_per_beat,
        )  # fmt: skip


def _several(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


_Said = dict[tuple[int, int], tuple[list[int], list[Meter]]]


def _meters_said(texts: tuple[tuple[int, str], ...]) -> _Said:
    """The groupings that texts give, `meter 7/8(2+2+3)`: by written signature, from which pulse on which meter."""
    found: _Said = {}
    for pulse, text in texts:
        match = _METER_TEXT.fullmatch(text)
        if match is None:
            continue
        try:
            meter = Meter.parse(match[1])
        except MeterError:
            continue  # any text may begin so; one that names no meter says nothing
        pulses, meters = found.setdefault((meter.numerator, meter.denominator), ([], []))
        pulses.append(pulse)
        meters.append(meter)
    return found


def _positions(pulses: Ints, start: Fraction, meter: Meter, ppq: int) -> tuple[Ints, Reals]:
    """Felt beats from `start`, and the place in the beat in 1/24 beat; in integers up to the last division."""
    lengths = [beat * ppq / 2 for beat in meter.beat_eighths]
    scale = lcm(start.denominator, *(length.denominator for length in lengths))
    whole = np.array([int(length * scale) for length in lengths], dtype=np.int64)
    edges = np.concatenate(([0], np.cumsum(whole)))
    bar, in_bar = np.divmod(pulses * scale - int(start * scale), edges[-1])
    beat = np.searchsorted(edges, in_bar, side="right") - 1
    return bar * meter.beats + beat, TICKS_PER_BEAT * (in_bar - edges[beat]) / whole[beat]


def _ticks(stretch: _Stretch, ppq: int, ticks_per_beat: int) -> float:
    """How long a stretch with an end is, in ticks of the grid."""
    assert stretch.end is not None
    return float(stretch.meter.ticks_at((stretch.end - stretch.start) / ppq) * ticks_per_beat / TICKS_PER_BEAT)


def cut(clip: MidiClip, source: str, reading: Reading, card: Card | None = None) -> tuple[list[Pattern], ClipReport]:
    """The patterns of one clip, and the account of its notes. `source`: the file as given; `card`: its folder's."""
    work = _Cutter(clip, source, reading, card)
    heard = work.heard()
    stretches = work.stretches(heard[:, 0])
    work.place(stretches, heard)
    patterns: list[Pattern] = []
    meters: dict[Meter, tuple[int, int]] = {}
    voices: Counter[int] = Counter()
    for stretch in stretches:
        if stretch.cells:
            patterns += work.patterns(stretch)
            bars, onsets = meters.get(stretch.meter, (0, 0))
            meters[stretch.meter] = (bars + stretch.bars, onsets + len(stretch.cells))
            voices.update(row for _, row in stretch.cells)
    if not patterns and not work.dropped:
        missing = ", ".join(map(str, sorted(work.unmapped)))
        unread = f"kit {reading.kit.name} has no voice for its notes ({missing}); bring a kit that has"
        work.drop(unread if missing else "no notes in it; give a clip with drum notes", 0)
    report = ClipReport(
        source, len(clip.notes), voices.total(), work.collisions, len(patterns), meters,
        {name: voices[row] for row, name in enumerate(reading.kit.names)},
        dict(sorted(work.unmapped.items())), tuple(work.dropped), tuple(work.notes), work.channel, work.qpm(0),
        work.early,
    )  # fmt: skip
    return patterns, report
