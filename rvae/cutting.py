"""One clip cut at its barlines into patterns, with an account of every note-on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import zip_longest
from math import ceil, floor

import numpy as np

from rvae.account import ClipReport, Dropped
from rvae.card import ClipCard
from rvae.errors import UsageError
from rvae.grid import GRIDS, QUANTISERS, Ints, Quantiser, Reals, quantise
from rvae.kit import STANDARD_KIT, Kit
from rvae.measures import lean_ms
from rvae.meter import TICKS_PER_BEAT, Meter
from rvae.metrical import Estimate
from rvae.midi import DEFAULT_US_PER_QUARTER, DRUM_CHANNEL, MidiClip, grouping_text
from rvae.pattern import CYCLE_BARS, MAX_MICROTIMING_TICKS, MAX_MIDI_VELOCITY, Pattern
from rvae.stretches import Stretch, find_stretches, meter_doubt, positions
from rvae.time import us_per_quarter_to_qpm
from rvae.warping import Warped, warp

NO_CONSENT = "its makers have not agreed to training (dataset.toml); ask them, then say so with rvae card"
# What one clip may take of the memory, in cells of its grid and in patterns: some 9,000 bars of 4/4 in nine voices.
_MOST_CELLS = 8_000_000
_MOST_PATTERNS = 10_000
_LEAST_LEAN_MS = 1.0
_LEAST_IN_LINE = 6
LOOP_BARS = max(CYCLE_BARS)  # a clip of no more bars goes round: its end is its start


@dataclass(frozen=True)
class Reading:
    """How clips are read; see `read_corpus`. Raises UsageError for an argument out of range."""

    bars: int = 2
    kit: Kit = STANDARD_KIT
    channel: int | None = None
    ticks_per_beat: int = TICKS_PER_BEAT
    quantise: Quantiser = "subdivision"
    groupings: tuple[Meter, ...] = ()
    on_time: bool = False

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
class _Filled:
    """A stretch with its bars and what stands in them: (velocity, microtiming) by (tick, row). `number`: of its first
    bar in the file, from 1; None after bars that were refused.
    """

    stretch: Stretch
    number: int | None
    bars: int = 0
    cells: dict[tuple[int, int], tuple[int, float]] = field(default_factory=dict)

    @classmethod
    def after(cls, before: _Filled | None, stretch: Stretch) -> _Filled:
        """A stretch without notes yet, after another or at the beginning."""
        if before is None:
            return cls(stretch, 1 if stretch.start == 0 else None)
        end = before.stretch.end
        if before.number is None or end is None or end != stretch.start:
            return cls(stretch, None)
        return cls(stretch, before.number + ceil(before.stretch.bars_to(end)))


@dataclass(frozen=True)
class _Early:
    """An onset that is meant for the barline of the next stretch; `exact`: its place in ticks of its own."""

    pulse: int
    row: int
    velocity: int
    exact: float


class _Cutter:
    """The work on one clip; `cut` below is the way in."""

    def __init__(self, clip: MidiClip, source: str, reading: Reading) -> None:
        self.clip = clip
        self.source = source
        self.reading = reading
        self.notes: list[str] = list(clip.skipped)
        self.dropped: list[Dropped] = []
        self.unmapped: Counter[int] = Counter()
        self.read: Counter[int] = Counter()
        self.collisions = 0
        self.early = 0
        self.channel: int | None = None
        self.is_one_line = False
        self.taken: list[Ints] = []
        self.estimate: Estimate | None = None
        self.doubt: Meter | None = None
        self.used_cells = 0
        self.used_patterns = 0
        self._tempo_pulses = np.array([pulse for pulse, _ in clip.tempos], dtype=np.int64)
        self._tempos = np.array([DEFAULT_US_PER_QUARTER, *(tempo for _, tempo in clip.tempos)], dtype=np.int64)

    def drop(self, reason: str, onsets: int) -> None:
        self.dropped.append(Dropped(self.source, reason, onsets))

    def heard(self) -> Ints:
        """The notes of the drums as (pulse, row, velocity); the others are accounted for."""
        channels, pitches = self.clip.notes[:, 1], self.clip.notes[:, 2]
        self.channel = drum_channel(self.clip, self.reading)
        on_channel = np.full(len(channels), True) if self.channel is None else channels == self.channel
        if self.channel is None and len(channels):
            self.is_one_line = _is_one_line(self.clip)
            self.notes.append(_all_drums(sorted(set(channels.tolist())), is_one_line=self.is_one_line))
        if not on_channel.all():
            self.drop(f"not on the drum channel ({self.channel})", int((~on_channel).sum()))
        row_of = np.array(
            [-1 if (row := self.reading.kit.row_of_pitch(pitch)) is None else row for pitch in range(128)]
        )
        rows = row_of[pitches]
        self.unmapped.update(pitches[on_channel & (rows < 0)].tolist())
        kept = on_channel & (rows >= 0)
        self.read.update(pitches[kept].tolist())
        return np.column_stack((self.clip.notes[kept, 0], rows[kept], self.clip.notes[kept, 3]))

    def us_per_quarter(self, pulse: int | Fraction) -> int:
        """The tempo in force."""
        return int(self._tempos[np.searchsorted(self._tempo_pulses, floor(max(pulse, 0)), side="right")])

    def qpm(self, pulse: int | Fraction) -> float:
        return float(us_per_quarter_to_qpm(self.us_per_quarter(pulse)))

    def place(self, heard: Ints, card: ClipCard) -> list[_Filled]:
        """Quantise each stretch; what is early before a change of meter goes over to the next."""
        pulses = heard[:, 0]
        where = find_stretches(self.clip, self.reading.groupings, card, self.reading.kit)
        self.notes += where.notes
        self.estimate = where.estimate
        if self.estimate is None and card.meter is None and len(where.found) == 1 and not where.refused:
            self.doubt = meter_doubt(self.clip, where.found[0].meter, self.reading.kit)
        for refused in where.refused:
            self.drop(refused.reason, len(heard[_between(pulses, refused.start, refused.end)]))
        filled: list[_Filled] = []
        for stretch in where.found:
            filled.append(_Filled.after(filled[-1] if filled else None, stretch))
        early: list[tuple[int, _Early]] = []
        for place, (stretch, following) in enumerate(zip_longest(where.found, where.found[1:])):
            adjacent = following is not None and following.start == stretch.end
            inside = heard[_between(pulses, ceil(stretch.start), stretch.end)]
            loop = len(filled) == 1 and stretch.end is None
            leaving = self._fill(filled[place], inside, may_loop=loop, adjacent=adjacent)
            early += [(place, onset) for onset in leaving]
        for place, onset in early:
            self._hand_over(filled[place], filled[place + 1], onset)
            self.early += 1
        return filled

    def _fill(self, filled: _Filled, heard: Ints, *, may_loop: bool, adjacent: bool) -> list[_Early]:
        """Place the notes of a stretch; returns those that belong to the barline where the next one begins."""
        if not len(heard):
            return []
        stretch, grid = filled.stretch, self.reading.ticks_per_beat
        meter, bar_ticks = stretch.meter, stretch.meter.beats * grid
        pulses, rows, velocities = heard.T
        beats, places = positions(pulses, stretch)
        filled.bars = bars_of(stretch, self.clip.end, int(beats.max()), self.reading.bars)
        loop = may_loop and filled.bars <= LOOP_BARS
        found = quantise(
            beats, places, rows, velocities, meter,
            tick_ms=self._tick_ms(pulses, beats, meter),
            cycle_beats=filled.bars * meter.beats if loop else None,
            ticks_per_beat=grid,
            mode=self.reading.quantise,
        )  # fmt: skip
        self.collisions += found.collisions
        self.taken.append(heard[found.kept])
        exact = (beats + places / TICKS_PER_BEAT) * grid
        length = _ticks(stretch, grid) if adjacent else float("inf")
        leaving = found.kept & ((found.ticks >= length) | (exact >= length - 0.5))
        staying = found.kept & ~leaving
        keys = zip(found.ticks[staying].tolist(), rows[staying].tolist(), strict=True)
        values = zip(velocities[staying].tolist(), found.microtiming[staying].tolist(), strict=True)
        filled.cells = dict(zip(keys, values, strict=True))
        self.early += int(((found.ticks % bar_ticks == 0) & (found.microtiming < 0))[staying].sum())
        if not loop and staying.any():  # one that is early for a bar beyond the last adds that bar
            filled.bars = max(filled.bars, int(found.ticks[staying].max()) // bar_ticks + 1)
        gone = np.flatnonzero(leaving)
        return [_Early(int(pulses[i]), int(rows[i]), int(velocities[i]), float(exact[i])) for i in gone]

    def _tick_ms(self, pulses: Ints, beats: Ints, meter: Meter) -> Reals:
        """How long 1/24 beat lasts at each onset."""
        here = self._tempos[np.searchsorted(self._tempo_pulses, pulses, side="right")]
        beat_quarters = np.array([float(beat / 2) for beat in meter.beat_eighths])[beats % meter.beats]
        tick_ms: Reals = here / 1000 * beat_quarters / TICKS_PER_BEAT
        return tick_ms

    def _hand_over(self, filled: _Filled, following: _Filled, onset: _Early) -> None:
        """Put an early onset on the barline of the following stretch, or back on the last tick that is left for it."""
        grid, after = self.reading.ticks_per_beat, following.stretch
        tick_quarters = after.meter.beat_eighths[-1] / 2 / grid
        microtiming = float((onset.pulse - after.start) / after.ppq / tick_quarters)
        length = _ticks(filled.stretch, grid)
        key, cells = (0, onset.row), following.cells
        taken = key in cells and onset.exact < length - 0.5
        if microtiming < -MAX_MICROTIMING_TICKS or taken:
            tick = min(floor(onset.exact + 0.5), ceil(length) - 1)
            key, cells, microtiming = (tick, onset.row), filled.cells, onset.exact - tick
            filled.bars = max(filled.bars, tick // (filled.stretch.meter.beats * grid) + 1)
        if key in cells:
            self.collisions += 1
        if key not in cells or cells[key][0] < onset.velocity:
            cells[key] = (onset.velocity, microtiming)
        if cells is following.cells:
            following.bars = max(following.bars, 1)

    def has_room_for(self, filled: _Filled) -> bool:
        """Whether the patterns of a stretch are still within what one clip may take; if so, they are counted."""
        cycle_ticks = self.reading.bars * filled.stretch.meter.beats * self.reading.ticks_per_beat
        cycles = len({tick // cycle_ticks for tick, _ in filled.cells})
        cells = cycles * cycle_ticks * len(self.reading.kit)
        if self.used_cells + cells > _MOST_CELLS or self.used_patterns + cycles > _MOST_PATTERNS:
            return False
        self.used_cells += cells
        self.used_patterns += cycles
        return True

    def patterns(self, filled: _Filled) -> list[Pattern]:
        """The stretch as cycles: the last is completed with its own first bars, silent ones are passed over."""
        cycle_bars = self.reading.bars
        cycle_ticks = cycle_bars * filled.stretch.meter.beats * self.reading.ticks_per_beat
        cycles: dict[int, dict[tuple[int, int], tuple[int, float]]] = {}
        for (tick, row), value in filled.cells.items():
            cycles.setdefault(tick // cycle_ticks, {})[row, tick % cycle_ticks] = value
        self._note_cycles(filled, len(cycles))
        return [
            self._pattern(filled.stretch, cycle, cells, min(cycle_bars, filled.bars - cycle * cycle_bars))
            for cycle, cells in sorted(cycles.items())
        ]

    def _note_cycles(self, filled: _Filled, sounding: int) -> None:
        """Say what was done to fill the cycles."""
        stretch, cycle_bars = filled.stretch, self.reading.bars
        whole = stretch.end is None and stretch.start == 0
        start = f"quarter {stretch.start_quarter:g}" if filled.number is None else f"bar {filled.number}"
        where = "the clip" if whole else f"{stretch.meter} from {start}"
        silent = ceil(filled.bars / cycle_bars) - sounding
        if silent:
            self.notes.append(f"{where}: {_several(silent, 'silent pattern')} passed over")
        left = filled.bars % cycle_bars
        own = "completed with its own first bars"
        if left and filled.bars < cycle_bars:
            self.notes.append(
                f"{where} has {_several(left, 'bar')}: {own if cycle_bars % left else f'tiled to {cycle_bars} bars'}"
            )
        elif left:
            self.notes.append(f"{where}: the last pattern has {left} of {cycle_bars} bars: {own}")

    def _pattern(
        self, stretch: Stretch, cycle: int, cells: dict[tuple[int, int], tuple[int, float]], bars: int
    ) -> Pattern:
        """One cycle of `bars` bars, by (row, tick), repeated to a whole one."""
        reading = self.reading
        bar_ticks = stretch.meter.beats * reading.ticks_per_beat
        shape = (len(reading.kit), bars * bar_ticks)
        onset = np.zeros(shape, np.int8)
        velocity, microtiming = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        for place, (loud, off) in cells.items():
            onset[place], velocity[place], microtiming[place] = 1, loud / MAX_MIDI_VELOCITY, off
        columns = np.arange(reading.bars * bar_ticks) % shape[1]
        first_bar = cycle * reading.bars
        return Pattern(
            onset[:, columns],
            velocity[:, columns],
            microtiming[:, columns],
            stretch.meter,
            reading.bars,
            reading.kit,
            self.source,
            self.qpm(stretch.start + first_bar * stretch.bar_pulses),
            first_bar,
            reading.ticks_per_beat,
        )


def _several(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _between(pulses: Ints, start: int, end: int | None) -> slice:
    """The notes from `start` to before `end`."""
    first, last = np.searchsorted(pulses, [start, np.iinfo(np.int64).max if end is None else end])
    return slice(int(first), int(last))


def bars_of(stretch: Stretch, clip_end: int, last_beat: int, cycle_bars: int) -> int:
    """The bars of a stretch: to its last onset, and silent ones after it only as far as they fill a cycle.

    `clip_end` in pulses; `last_beat`: the felt beat of its last onset, from its start.
    """
    sounding_bars = last_beat // stretch.meter.beats + 1
    whole_bars = floor(stretch.bars_to(clip_end if stretch.end is None else stretch.end))
    return max(sounding_bars, min(whole_bars, ceil(sounding_bars / cycle_bars) * cycle_bars))


def drum_channel(clip: MidiClip, reading: Reading) -> int | None:
    """The channel asked for, or 10 where it has notes, or None: all are drums."""
    if reading.channel is None and np.any(clip.notes[:, 1] == DRUM_CHANNEL):
        return DRUM_CHANNEL
    return reading.channel


def _is_one_line(clip: MidiClip) -> bool:
    """Whether never two of more than a few notes come at once: so are bass lines, and one drum beat in 80."""
    at, pitches = np.sort(clip.notes[:, 0]), np.unique(clip.notes[:, 2])
    return len(at) >= _LEAST_IN_LINE and len(pitches) > 2 and bool(np.all(np.diff(at) > clip.ppq / TICKS_PER_BEAT))


def _all_drums(channels: list[int], *, is_one_line: bool) -> str:
    """Of a file with nothing on the drum channel, which may as well be a bass line or a whole song."""
    if len(channels) == 1:
        read = f"nothing on channel {DRUM_CHANNEL}: channel {channels[0]} was read as drums"
        return f"{read}, though it is one line, as of a bass: if it is, take it out" if is_one_line else read
    named = ", ".join(map(str, channels))
    return f"nothing on channel {DRUM_CHANNEL}: channels {named} were all read as drums; --channel N takes one"


def _ticks(stretch: Stretch, ticks_per_beat: int) -> float:
    """How long a stretch with an end is, in ticks of the grid."""
    quarters = ((stretch.end or 0) - stretch.start) / stretch.ppq
    return float(stretch.meter.ticks_at(quarters) * ticks_per_beat / TICKS_PER_BEAT)


def cut(
    clip: MidiClip, source: str, reading: Reading, card: ClipCard | None = None, *, withheld: str = ""
) -> tuple[list[Pattern], ClipReport]:
    """The patterns of one clip, and the account of its notes. `source`: the file as given; `card`: what is known of it.

    A clip whose makers have not agreed to training, or that is `withheld` for another reason, gives none, nor does one
    that was played freely and whose beats are not clear.
    """
    known = card or ClipCard()
    if known.is_refused or withheld:
        return [], _withheld(clip, source, reading, withheld or NO_CONSENT)
    warped = with_beats(clip, reading, known)
    patterns, report = _cut(warped, source, reading, known)
    if reading.on_time and abs(report.lean_ms) >= _LEAST_LEAN_MS:
        return _cut_on_time(warped, source, reading, known, report.lean_ms)
    return patterns, report


def with_beats(clip: MidiClip, reading: Reading, card: ClipCard) -> Warped:
    """A clip on its beats: as it is, or, where it was played freely, moved onto those that are found."""
    channel = drum_channel(clip, reading)
    drums = clip.notes if channel is None else clip.notes[clip.notes[:, 1] == channel]
    return warp(clip, drums, reading.kit, card, reading.groupings)


def _cut(warped: Warped, source: str, reading: Reading, known: ClipCard) -> tuple[list[Pattern], ClipReport]:
    clip, work = warped.clip, _Cutter(warped.clip, source, reading)
    patterns: list[Pattern] = []
    meters: dict[Meter, tuple[int, int]] = {}
    voices: Counter[int] = Counter()
    if not warped.is_readable:
        work.drop(warped.note, len(clip.notes))
    elif warped.note:
        work.notes.append(warped.note)
    for filled in work.place(work.heard(), known) if warped.is_readable else []:
        if filled.cells and not work.has_room_for(filled):
            length = f"{filled.bars:,} bars of {filled.stretch.meter.label}"
            work.drop(f"{length}, more than one clip may have; cut it into several", len(filled.cells))
        elif filled.cells:
            patterns += work.patterns(filled)
            bars, onsets = meters.get(filled.stretch.meter, (0, 0))
            meters[filled.stretch.meter] = (bars + filled.bars, onsets + len(filled.cells))
            voices.update(row for _, row in filled.cells)
    if not patterns and not work.dropped:
        missing = ", ".join(map(str, sorted(work.unmapped)))
        unread = f"kit {reading.kit.name} has no voice for its notes ({missing}); bring a kit that has"
        work.drop(unread if missing else "no notes in it; give a clip with drum notes", 0)
    report = ClipReport(
        source, len(clip.notes), voices.total(), work.collisions, len(patterns), meters,
        {name: voices[row] for row, name in enumerate(reading.kit.names)},
        dict(sorted(work.unmapped.items())), tuple(work.dropped), tuple(work.notes), work.channel, work.qpm(0),
        work.early, work.estimate, lean_ms(patterns), dict(sorted(work.read.items())), warped.estimate,
        work.doubt, is_one_line=work.is_one_line,
    )  # fmt: skip
    return patterns, report


def _withheld(clip: MidiClip, source: str, reading: Reading, why: str) -> ClipReport:
    """The account of a clip that is not even looked into."""
    work = _Cutter(clip, source, reading)
    work.drop(why, len(clip.notes))
    nothing = dict.fromkeys(reading.kit.names, 0)
    return ClipReport(
        source, len(clip.notes), 0, 0, 0, {}, nothing, {}, tuple(work.dropped), (), None, work.qpm(0), 0,
        is_withheld=True,
    )  # fmt: skip


def _cut_on_time(
    warped: Warped, source: str, reading: Reading, known: ClipCard, early_or_late_ms: float
) -> tuple[list[Pattern], ClipReport]:
    """The same clip, moved by as much as it is early or late as a whole."""
    patterns, report = _cut(replace(warped, clip=moved(warped.clip, -early_or_late_ms)), source, reading, known)
    side = "early" if early_or_late_ms < 0 else "late"
    note = f"{abs(early_or_late_ms):.0f} ms {side} as a whole: moved on time, as asked"
    return patterns, replace(report, notes=(*report.notes, note), lean_ms=early_or_late_ms)


def moved(clip: MidiClip, by_ms: float) -> MidiClip:
    """The clip with its notes so much later, or earlier; none leaves it at its beginning."""
    tempo_pulses = np.array([pulse for pulse, _ in clip.tempos], dtype=np.int64)
    tempos = np.array([DEFAULT_US_PER_QUARTER, *(tempo for _, tempo in clip.tempos)], dtype=np.int64)
    notes = clip.notes.copy()
    us_per_quarter = tempos[np.searchsorted(tempo_pulses, notes[:, 0], side="right")]
    notes[:, 0] = np.maximum(notes[:, 0] + np.rint(by_ms * 1000 / us_per_quarter * clip.ppq).astype(np.int64), 0)
    return replace(clip, notes=notes[np.argsort(notes[:, 0], kind="stable")])


def cleaned(
    clip: MidiClip, reading: Reading, card: ClipCard | None = None, *, with_collisions: bool = False
) -> MidiClip:
    """The clip as it was understood: the onsets that are taken, as the kit plays them, with their meters said.

    Times, tempos and length are those of the clip, which is on its beats: see `with_beats`. `with_collisions`: with the
    onsets too that lost their tick. How freely a take was played is judged from all its onsets, so that now and then
    one is understood otherwise without them.
    """
    work = _Cutter(clip, "", reading)
    known = card or ClipCard()
    heard = work.heard()
    work.place(heard, known)
    where = find_stretches(clip, reading.groupings, known, reading.kit)
    if with_collisions:
        work.taken = [heard]
    taken = np.concatenate(work.taken) if work.taken else np.zeros((0, 3), np.int64)
    pitches = np.array([voice.pitch_read for voice in reading.kit.voices], dtype=np.int64)
    notes = np.column_stack((taken[:, 0], np.full(len(taken), DRUM_CHANNEL), pitches[taken[:, 1]], taken[:, 2]))
    texts = tuple((sign.pulse, text) for sign, meter in where.felt.items() if (text := grouping_text(meter)))
    return MidiClip(clip.ppq, notes, clip.tempos, tuple(where.signatures), texts, clip.end)
