"""One clip cut at its barlines into patterns, with an account of every note-on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import zip_longest
from math import ceil, floor

import numpy as np

from rvae.account import ClipReport, Dropped
from rvae.bars import Bars, bars_of, told
from rvae.card import ClipCard
from rvae.grid import Ints, Reals, quantise
from rvae.measures import lean_ms
from rvae.meter import TICKS_PER_BEAT, Meter
from rvae.metrical import Estimate
from rvae.midi import DEFAULT_US_PER_QUARTER, DRUM_CHANNEL, MidiClip, grouping_text
from rvae.pattern import CYCLE_BARS, MAX_MICROTIMING_TICKS, Pattern
from rvae.reading import Reading, drum_channel, rows_of
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
        self.unmapped: dict[int, int] = {}
        self.read: dict[int, int] = {}
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
            elsewhere = f"not on the drum channel ({self.channel})"
            self.drop("not on a track of drums" if self.clip.drums_from else elsewhere, int((~on_channel).sum()))
        rows = rows_of(self.reading.kit)[pitches]
        kept = on_channel & (rows >= 0)
        self.unmapped = _counted(pitches[on_channel & (rows < 0)])
        self.read = _counted(pitches[kept])
        return np.column_stack((self.clip.notes[kept, 0], rows[kept], self.clip.notes[kept, 3]))

    def qpm(self, pulse: int) -> float:
        """The tempo in force."""
        us_per_quarter = self._tempos[np.searchsorted(self._tempo_pulses, max(pulse, 0), side="right")]
        return float(us_per_quarter_to_qpm(int(us_per_quarter)))

    def place(self, heard: Ints, card: ClipCard) -> list[Bars]:
        """Quantise each stretch; what is early before a change of meter goes over to the next."""
        pulses = heard[:, 0]
        where = find_stretches(self.clip, self.reading.groupings, card, self.reading.kit)
        self.notes += where.notes
        self.estimate = where.estimate
        if self.estimate is None and card.meter is None and len(where.found) == 1 and not where.refused:
            self.doubt = meter_doubt(self.clip, where.found[0].meter, self.reading.kit)
        for refused in where.refused:
            self.drop(refused.reason, len(heard[_between(pulses, refused.start, refused.end)]))
        filled: list[Bars] = []
        for stretch in where.found:
            filled.append(Bars.after(filled[-1] if filled else None, stretch))
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

    def _fill(self, filled: Bars, heard: Ints, *, may_loop: bool, adjacent: bool) -> list[_Early]:
        """Place the notes of a stretch; returns those that belong to the barline where the next one begins."""
        if not len(heard):
            return []
        stretch, grid = filled.stretch, self.reading.ticks_per_beat
        meter, bar_ticks = stretch.meter, stretch.meter.beats * grid
        pulses, rows, velocities = heard.T
        beats, places = positions(pulses, stretch)
        filled.count = bars_of(stretch, self.clip.end, int(beats.max()), self.reading.bars)
        loop = may_loop and filled.count <= LOOP_BARS
        found = quantise(
            beats, places, rows, velocities, meter,
            tick_ms=self._tick_ms(pulses, beats, meter),
            cycle_beats=filled.count * meter.beats if loop else None,
            ticks_per_beat=grid,
            mode=self.reading.quantise,
        )  # fmt: skip
        self.collisions += found.collisions
        self.taken.append(heard[found.kept])
        exact = (beats + places / TICKS_PER_BEAT) * grid
        length = _ticks(stretch, grid) if adjacent else float("inf")
        leaving = found.kept & ((found.ticks >= length) | (exact >= length - 0.5))
        staying = found.kept & ~leaving
        filled.ticks, filled.rows = found.ticks[staying], rows[staying]
        filled.velocities, filled.microtiming = velocities[staying], found.microtiming[staying]
        self.early += int(((found.ticks % bar_ticks == 0) & (found.microtiming < 0))[staying].sum())
        if not loop and staying.any():  # one that is early for a bar beyond the last adds that bar
            filled.count = max(filled.count, int(filled.ticks.max()) // bar_ticks + 1)
        gone = np.flatnonzero(leaving)
        return [_Early(int(pulses[i]), int(rows[i]), int(velocities[i]), float(exact[i])) for i in gone]

    def _tick_ms(self, pulses: Ints, beats: Ints, meter: Meter) -> Reals:
        """How long 1/24 beat lasts at each onset."""
        here = self._tempos[np.searchsorted(self._tempo_pulses, pulses, side="right")]
        beat_quarters = np.array([float(beat / 2) for beat in meter.beat_eighths])[beats % meter.beats]
        tick_ms: Reals = here / 1000 * beat_quarters / TICKS_PER_BEAT
        return tick_ms

    def _hand_over(self, filled: Bars, following: Bars, onset: _Early) -> None:
        """Put an early onset on the barline of the following stretch, or back on the last tick that is left for it."""
        grid, after = self.reading.ticks_per_beat, following.stretch
        tick_quarters = after.meter.beat_eighths[-1] / 2 / grid
        microtiming = float((onset.pulse - after.start) / after.ppq / tick_quarters)
        length = _ticks(filled.stretch, grid)
        taken = following.has(0, onset.row) and onset.exact < length - 0.5
        if microtiming < -MAX_MICROTIMING_TICKS or taken:
            tick, bars = min(floor(onset.exact + 0.5), ceil(length) - 1), filled
            microtiming = onset.exact - tick
        else:
            tick, bars = 0, following
        self.collisions += bars.has(tick, onset.row)
        bars.put(tick, onset.row, onset.velocity, microtiming)
        bars.count = max(bars.count, tick // (bars.stretch.meter.beats * grid) + 1)

    def has_room_for(self, filled: Bars) -> bool:
        """Whether the patterns of a stretch are still within what one clip may take; if so, they are counted."""
        cycle_ticks = self.reading.bars * filled.stretch.meter.beats * self.reading.ticks_per_beat
        cycles = len(filled.cycles(self.reading))
        cells = cycles * cycle_ticks * len(self.reading.kit)
        if self.used_cells + cells > _MOST_CELLS or self.used_patterns + cycles > _MOST_PATTERNS:
            return False
        self.used_cells += cells
        self.used_patterns += cycles
        return True


def _counted(pitches: Ints) -> dict[int, int]:
    """How often each comes, in their order."""
    return {pitch: count for pitch, count in enumerate(np.bincount(pitches).tolist()) if count}


def _between(pulses: Ints, start: int, end: int | None) -> slice:
    """The notes from `start` to before `end`."""
    first, last = np.searchsorted(pulses, [start, np.iinfo(np.int64).max if end is None else end])
    return slice(int(first), int(last))


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
    read = f"nothing on channel {DRUM_CHANNEL}: channels {named} were all read as drums; --channel N takes one"
    return f"{read}. Or is it music without drums? Then take it out"


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
    voices, said = np.zeros(len(reading.kit), dtype=np.int64), list[tuple[str, str]]()
    if not warped.is_readable:
        work.drop(warped.note, len(clip.notes))
    elif warped.note:
        work.notes.append(warped.note)
    for filled in work.place(work.heard(), known) if warped.is_readable else []:
        meter = filled.stretch.meter
        if filled.onsets and not work.has_room_for(filled):
            length = f"{filled.count:,} bars of {meter.label}"
            work.drop(f"{length}, more than one clip may have; cut it into several", filled.onsets)
        elif filled.onsets:
            said += filled.words(reading)
            patterns += filled.patterns(reading, source, work.qpm)
            bars, onsets = meters.get(meter, (0, 0))
            meters[meter] = (bars + filled.count, onsets + filled.onsets)
            voices += np.bincount(filled.rows, minlength=len(voices))
    work.notes += told(said)
    if not patterns and not work.dropped:
        missing = ", ".join(map(str, sorted(work.unmapped)))
        unread = f"kit {reading.kit.name} has no voice for its notes ({missing}); bring a kit that has"
        work.drop(unread if missing else "no notes in it; give a clip with drum notes", 0)
    report = ClipReport(
        source, len(clip.notes), int(voices.sum()), work.collisions, len(patterns), meters,
        dict(zip(reading.kit.names, voices.tolist(), strict=True)),
        work.unmapped, tuple(work.dropped), tuple(work.notes), work.channel, work.qpm(0),
        work.early, work.estimate, lean_ms(patterns), work.read, warped.estimate,
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
