"""Barlines in the wrong place: what a reader makes of other meters that knows 4/4 alone, and what fixed windows do."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from math import lcm

import numpy as np
import numpy.typing as npt

from rvae.audit.estimate import count, ratio
from rvae.audit.figure import Figure, Measure, Row, Table
from rvae.audit.material import Material, Notes
from rvae.meter import TICKS_PER_BEAT, Meter
from rvae.pattern import Pattern

Flags = npt.NDArray[np.bool_]
Reals = npt.NDArray[np.float64]

WINDOW_COLUMNS = 96
WINDOW_COLUMNS_PER_QUARTER = 12
_WINDOW_QUARTERS = Fraction(WINDOW_COLUMNS, WINDOW_COLUMNS_PER_QUARTER)
FOUR = Meter.parse("4/4")

CLIPS = Measure("clips", "", "files", "Files with bars in this meter.", decimals=0)
BARS = Measure("bars", "", "bars", "Bars in this meter, as they stand in the files.", decimals=0)
BARLINES = Measure(
    "barlines kept",
    "%",
    "barlines",
    "Share of the barlines of these runs of bars that a reader meets which counts four quarters to a bar from the "
    "start of each run, whatever the file says; a clip of up to four bars goes round.",
)
OFF_BEAT = Measure(
    "beats put off the beat",
    "%",
    "onsets played on a felt beat",
    "Share of the onsets on a felt beat (a dotted quarter in 6/8, a group in 7/8) that a reader of quarters hears "
    "between its beats.",
)
REFUSED = Measure(
    "onsets refused",
    "%",
    "onsets of the corpus that the kit reads",
    "Share of all onsets that are gone where a reader takes 4/4 only and leaves the rest out.",
)


def four_reader(material: Material, notes: Notes) -> Table:
    """What a reader makes of other meters that knows 4/4 only."""
    rows = []
    for meter in material.meters:
        if meter == FOUR:
            continue
        runs = [number for number, run in enumerate(material.runs) if run.meter == meter]
        mine = np.isin(notes.run, runs)
        of = (("meter", meter.label),)
        clips = {material.runs[number].clip for number in runs}
        rows.append(
            Row(
                meter.label,
                (
                    count(CLIPS, len(clips), of=of),
                    count(BARS, sum(material.runs[number].bars for number in runs), of=of),
                    _barlines_kept(material, runs, of),
                    _off_beat(material, notes.where(mine), meter, of),
                    ratio(REFUSED, _by_file(material, notes, mine), _by_file(material, notes), of=of, scale=100),
                ),
            )
        )
    note = (
        "Many tools read 4/4 whatever a file says. Either they go on counting fours, and barlines and beats land "
        "somewhere else; or they refuse the file, and its onsets are gone."
    )
    measures = (CLIPS, BARS, BARLINES, OFF_BEAT, REFUSED)
    head = ("meter", *(measure.name for measure in measures))
    return Table("What a reader makes of this that knows 4/4 only", head, tuple(rows), note)


def _by_file(material: Material, notes: Notes, chosen: Flags | None = None) -> Reals:
    clip = notes.clip if chosen is None else notes.clip[chosen]
    return np.bincount(clip, minlength=len(material.clips)).astype(np.float64)


def _barlines_kept(material: Material, runs: Sequence[int], of: tuple[tuple[str, str], ...]) -> Figure:
    kept, all_of = np.zeros(len(material.clips)), np.zeros(len(material.clips))
    for number in runs:
        run, bar_quarters = material.runs[number], material.runs[number].meter.bar_quarters
        if run.loop_beats is None:
            kept[run.clip] += sum((bar_quarters * bar) % 4 == 0 for bar in range(run.bars))
        else:
            kept[run.clip] += run.bars / _meets(bar_quarters, Fraction(4))
        all_of[run.clip] += run.bars
    return ratio(BARLINES, kept, all_of, of=of, scale=100)


def _off_beat(material: Material, notes: Notes, meter: Meter, of: tuple[tuple[str, str], ...]) -> Figure:
    on_beat = notes.tick % TICKS_PER_BEAT == 0
    again = meter.beats * meter.bar_quarters.denominator  # felt beats until a barline is a whole quarter again
    off = np.array([meter.quarters_at(beat * TICKS_PER_BEAT).denominator != 1 for beat in range(again)])
    beat = notes.tick // TICKS_PER_BEAT % again
    return ratio(
        OFF_BEAT, _by_file(material, notes, on_beat & off[beat]), _by_file(material, notes, on_beat), of=of, scale=100
    )


WHOLE = Measure(
    "windows that begin on a barline",
    "%",
    "windows until they meet a barline again",
    f"Of windows of {WINDOW_COLUMNS} columns, {WINDOW_COLUMNS_PER_QUARTER} to a quarter, cut one after the other as "
    "the published R-VAE cuts them: exact arithmetic of bar and window.",
    "Vigliensoni et al. 2020; its published code",
)
AGREEMENT = Measure(
    "agreement of the windows",
    "%",
    "patterns",
    f"One pattern played over and over, and cut into windows of {WINDOW_COLUMNS} columns until they repeat: how "
    "probable it is that an onset of one window is in a window drawn at random too (the sum of p squared by the sum "
    "of p, p the share of windows that have an onset in a cell), on average over patterns. Cut at barlines it is 100 "
    "%: the windows are all the same.",
)


def windows(material: Material) -> Table:
    """What fixed windows make of one pattern that repeats."""
    patterns: dict[Meter, list[Pattern]] = {}
    for pattern in material.corpus.patterns:
        patterns.setdefault(pattern.meter, []).append(pattern)
    files = {clip.file: row for row, clip in enumerate(material.clips)}
    rows = []
    for meter, mine in sorted(patterns.items(), key=lambda item: -len(item[1])):
        different = windows_to_barline(meter)
        agreed, many = np.zeros(len(files)), np.zeros(len(files))
        for pattern in mine:
            agreed[files[pattern.source]] += window_agreement(pattern)
            many[files[pattern.source]] += 1
        of = (("meter", meter.label),)
        first = Figure(WHOLE, 100 / different, different, of)
        rows.append(Row(meter.label, (first, ratio(AGREEMENT, agreed, many, of=of, scale=100))))
    note = (
        f"{WINDOW_COLUMNS} columns are two bars of 4/4. A window that knows no barlines begins at another place of "
        "the bar each time, and a learner is shown one rhythm as if it were several, none of them with its downbeat "
        "in place."
    )
    return Table("Fixed windows against barlines", ("meter", WHOLE.name, AGREEMENT.name), tuple(rows), note)


def windows_to_barline(meter: Meter) -> int:
    """How many windows it takes until one begins on a barline again."""
    return _meets(_WINDOW_QUARTERS, meter.bar_quarters)


def _meets(step: Fraction, length: Fraction) -> int:
    """After how many steps a row of them and a row of lengths begin together again."""
    both = lcm(step.denominator, length.denominator)
    return lcm(int(step * both), int(length * both)) // int(step * both)


def window_agreement(pattern: Pattern) -> float:
    """How far the windows of a pattern that repeats agree, 0 to 1; 1 for a silent one."""
    rows, ticks = np.nonzero(pattern.onset)
    if not len(rows):
        return 1.0
    bar, tick = np.divmod(ticks * (TICKS_PER_BEAT // pattern.ticks_per_beat), pattern.meter.bar_ticks)
    ahead = bar * float(pattern.meter.bar_quarters) + _quarters(pattern.meter)[tick]
    many = _meets(_WINDOW_QUARTERS, pattern.quarters)
    length = float(pattern.quarters)
    repeats = round(many * WINDOW_COLUMNS / WINDOW_COLUMNS_PER_QUARTER / length)
    places = ahead[None, :] + np.arange(repeats)[:, None] * length
    column = np.rint(places * WINDOW_COLUMNS_PER_QUARTER).astype(np.int64).ravel() % (many * WINDOW_COLUMNS)
    seen = np.zeros((len(pattern.kit), many, WINDOW_COLUMNS), dtype=bool)
    seen[np.tile(rows, repeats), column // WINDOW_COLUMNS, column % WINDOW_COLUMNS] = True
    share = seen.mean(axis=1)
    return float((share**2).sum() / share.sum())


@cache
def _quarters(meter: Meter) -> Reals:
    """Quarters from the barline to each tick of a bar."""
    ahead = np.array([float(meter.quarters_at(tick)) for tick in range(meter.bar_ticks)])
    ahead.flags.writeable = False
    return ahead
