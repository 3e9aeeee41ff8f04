"""Layer 1, the grid: how far it moves onsets, which it loses, and what barlines in the wrong place do to a bar."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rvae.audit.bar_pictures import before_and_after, windows_against_barlines
from rvae.audit.barlines import FOUR, REFUSED, four_reader, windows
from rvae.audit.estimate import ratio
from rvae.audit.figure import Figure, Layer, Measure, Picture, Row, Table, Unsaid
from rvae.audit.material import Material, Notes
from rvae.grid import GRIDS, quantise
from rvae.meter import TICKS_PER_BEAT

Flags = npt.NDArray[np.bool_]
Reals = npt.NDArray[np.float64]

HEARD_MS = 20.0
_EXACTLY_MS = 1e-6  # at some tempos many onsets lie exactly 20 ms away, which is not over
SIXTEENTHS = "16ths"

_READ = "onsets that the kit reads"
MOVED = Measure(
    "moved by",
    "ms",
    _READ,
    "How far an onset lies from the nearest line of the grid, without sign, on average, at the clip's own tempo: what "
    "a grid alone takes from its time.",
)
OVER = Measure(
    f"moved over {HEARD_MS:g} ms",
    "%",
    _READ,
    f"Share of onsets that lie more than {HEARD_MS:g} ms from the nearest line of the grid; from about there on people "
    "hear which of two sounds came first.",
    "Hirsh 1959, Auditory perception of temporal order",
)
LOST = Measure(
    "lost",
    "%",
    _READ,
    "Share of onsets whose nearest line is taken by a louder onset of the same voice: on that grid they are not there "
    "at all. In a clip of up to four bars the end meets the start.",
    decimals=2,
)
_DIVISIONS = {
    1: "the beat itself",
    2: "halves",
    3: "thirds",
    4: "fourths",
    6: "sixths",
    8: "eighths",
    12: "twelfths",
    24: "finer",
}


@dataclass(frozen=True, eq=False)
class Effect:
    """What a grid, by its name, does to N onsets: `moved_ms` float64 `[N]`, and `lost` bool `[N]`."""

    grid: str
    moved_ms: Reals
    lost: Flags


def effect_of(material: Material, notes: Notes, ticks_per_beat: int) -> Effect:
    """Put onsets on the nearest line of a grid. `notes`: of voices of the kit, in the order of the material."""
    moved_ms, lost = np.zeros(len(notes)), np.zeros(len(notes), dtype=bool)
    for number, chosen in by_run(notes):
        mine, run = notes.where(chosen), material.runs[number]
        found = quantise(
            mine.beat, mine.place, mine.row, mine.velocity, run.meter,
            cycle_beats=run.loop_beats, ticks_per_beat=ticks_per_beat, mode="nearest",
        )  # fmt: skip
        moved_ms[chosen] = np.abs(found.microtiming) * (TICKS_PER_BEAT / ticks_per_beat) * mine.tick_ms
        lost[chosen] = ~found.kept
    return Effect(str(ticks_per_beat), moved_ms, lost)


def sixteenths_of(material: Material, notes: Notes) -> Effect:
    """Put onsets on the nearest sixteenth of the quarters that are written, whatever the felt beat is."""
    moved_ms, lost = np.zeros(len(notes)), np.zeros(len(notes), dtype=bool)
    for number, chosen in by_run(notes):
        mine, run = notes.where(chosen), material.runs[number]
        length = run.bars * run.meter.bar_quarters
        loops = run.loop_beats is not None and length.denominator == 1
        quarter = np.floor(mine.quarter).astype(np.int64)
        found = quantise(
            quarter, (mine.quarter - quarter) * TICKS_PER_BEAT, mine.row, mine.velocity, FOUR,
            cycle_beats=int(length) if loops else None, ticks_per_beat=4, mode="nearest",
        )  # fmt: skip
        beat_quarters = np.array([float(beat / 2) for beat in run.meter.beat_eighths])[mine.beat % run.meter.beats]
        moved_ms[chosen] = np.abs(found.microtiming) / 4 * mine.tick_ms * TICKS_PER_BEAT / beat_quarters
        lost[chosen] = ~found.kept
    return Effect(SIXTEENTHS, moved_ms, lost)


def by_run(notes: Notes) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
    """The places of the notes of each run."""
    runs, starts = np.unique(notes.run, return_index=True)
    yield from zip(runs.tolist(), np.split(np.arange(len(notes)), starts[1:]), strict=True)


def grid_layer(material: Material) -> Layer:
    """How far 4, 12 and 24 ticks per beat move onsets, which they lose, and what a reader of 4/4 makes of them."""
    notes = material.notes.where(material.notes.row >= 0)
    question = "How far does a grid move these onsets, and which of them does it lose?"
    title = "Layer 1: the grid"
    if not len(notes):
        gap = Unsaid("everything about the grid", "the kit reads no note of these files", "bring a kit with --kit")
        return Layer("grid", title, question, unsaid=(gap,))
    effects = [effect_of(material, notes, grid) for grid in GRIDS]
    tables = [_overall(material, notes, effects)]
    tables += [_by(kind, groups, material, notes, effects) for kind, groups in _kinds(material, notes)]
    others = [meter for meter in material.meters if meter != FOUR]
    unsaid = []
    pictures = list(_bars_before_and_after(material, notes, effects))
    if others:
        tables += [four_reader(material, notes), windows(material)]
        pictures += windows_against_barlines(material, notes)
    else:
        what = "what a reader that knows 4/4 alone makes of other meters"
        unsaid.append(Unsaid(what, "every bar of these files is in 4/4", "give clips in other meters"))
    sentences = _sentences(tables)
    return Layer("grid", title, question, tuple(tables), tuple(pictures), sentences, tuple(unsaid))


def _kinds(material: Material, notes: Notes) -> Iterator[tuple[str, list[tuple[str, Flags]]]]:
    """How onsets are grouped: the kind, and the onsets of each group."""
    meter_of_run = [run.meter.label for run in material.runs]
    labels = np.array(meter_of_run)[notes.run]
    yield "meter", [(meter.label, labels == meter.label) for meter in material.meters]
    names = material.corpus.kit.names
    yield "voice", [(name, notes.row == row) for row, name in enumerate(names)]
    yield "subdivision", [(name, notes.division == division) for division, name in _DIVISIONS.items()]
    people = [clip.people for clip in material.clips]
    yield (
        "contributor",
        [(who, np.array([who in whose for whose in people])[notes.clip]) for who in material.contributors],
    )


def _overall(material: Material, notes: Notes, effects: Sequence[Effect]) -> Table:
    everything = np.ones(len(notes), dtype=bool)
    rows = [
        Row(
            "sixteenths as written" if effect.grid == SIXTEENTHS else f"{effect.grid} ticks per felt beat",
            tuple(_figures(material, notes, effect, everything, (), (MOVED, OVER, LOST))),
        )
        for effect in (sixteenths_of(material, notes), *effects)
    ]
    note = (
        "A felt beat is a quarter in 4/4, a dotted quarter in 6/8, a group of two or three eighths in 7/8; where it "
        "is a quarter, 4 ticks are sixteenths. Sixteenths as written, four to a quarter whatever the felt beat "
        "is, are the "
        "grid of step sequencers; 12 ticks to a quarter that of the published R-VAE; 24 ticks to a felt beat "
        "that of rvae. "
        "rvae itself moves nothing: it keeps what is left over as microtiming. What it loses stands in the last line. "
        "What is lost on every grid alike is mostly onsets of one voice at one moment: the doing of the kit and of the "
        "file, not of a grid (layer 2, lost by merging)."
    )
    return Table("What each grid does to all onsets", ("grid", MOVED.name, OVER.name, LOST.name), tuple(rows), note)


def _figures(
    material: Material,
    notes: Notes,
    effect: Effect,
    chosen: Flags,
    of: tuple[tuple[str, str], ...],
    measures: Sequence[Measure],
) -> Iterator[Figure]:
    """What a grid does to some of the onsets."""
    files = len(material.clips)
    clip = notes.clip[chosen]
    onsets = np.bincount(clip, minlength=files)
    above = {MOVED: effect.moved_ms, OVER: effect.moved_ms > HEARD_MS + _EXACTLY_MS, LOST: effect.lost}
    for measure in measures:
        sums = np.bincount(clip, weights=above[measure][chosen], minlength=files)
        where = (*of, ("grid", effect.grid))
        yield ratio(measure, sums, onsets, of=where, scale=100 if measure.unit == "%" else 1)


def _by(
    kind: str, groups: Sequence[tuple[str, Flags]], material: Material, notes: Notes, effects: Sequence[Effect]
) -> Table:
    head = (kind, *(f"{measure.name}, {grid} ticks" for measure in (MOVED, LOST) for grid in GRIDS))
    rows = [
        Row(
            name,
            tuple(
                figure
                for measure in (MOVED, LOST)
                for effect in effects
                for figure in _figures(material, notes, effect, chosen, ((kind, name),), (measure,))
            ),
        )
        for name, chosen in groups
        if chosen.any()
    ]
    return Table(f"By {kind}", head, tuple(rows), _NOTES.get(kind, ""))


_NOTES = {
    "subdivision": "Into how many parts the felt beat of an onset is divided, as rvae reads it: the division that "
    "explains the onsets of its beat, bar and surroundings most simply (docs/meter-and-grid.md). An estimate: "
    "swing between "
    "straight and ternary goes to one of them.",
    "contributor": "A clip of several people counts for each of them.",
    "voice": "A voice is a row of the kit: layer 2 shows which sounds it stands for.",
}

_FEWEST_ONSETS = 6


def _bars_before_and_after(material: Material, notes: Notes, effects: Sequence[Effect]) -> Iterator[Picture]:
    """A bar that the coarsest grid harms as bars of this corpus usually are, and the one it harms most."""
    coarse = effects[0]
    beats = np.array([run.meter.beats for run in material.runs])[notes.run]
    _, bar, onsets = np.unique(
        np.stack([notes.run, notes.beat // beats]), axis=1, return_inverse=True, return_counts=True
    )
    bar = bar.ravel()
    harm_ms = np.bincount(bar, weights=coarse.moved_ms) / onsets
    worse = np.bincount(
        bar, weights=coarse.lost.astype(np.int64) - effects[-1].lost
    )  # what any grid loses is not its doing
    fewest = min(_FEWEST_ONSETS, int(onsets.max()))
    candidates = np.flatnonzero(onsets >= fewest)
    ranked = candidates[np.lexsort((candidates, harm_ms[candidates], worse[candidates]))]
    by_harm = candidates[np.argsort(harm_ms[candidates], kind="stable")]
    shown = {"A bar as they usually are": by_harm[len(by_harm) // 2], "The bar that 4 ticks harm most": ranked[-1]}
    if len(candidates) == 1:
        shown = {"The only bar": ranked[-1]}
    for words, number in shown.items():
        mine = bar == number
        how = f"chosen of {len(candidates)} bars with {fewest} onsets or more: " + (
            "the median by how far onsets move on 4 ticks"
            if words.startswith("A")
            else "most onsets lost that 24 ticks keep, then moved most"
        )
        yield before_and_after(material, notes.where(mine), words, how if len(candidates) > 1 else "there is no other")


_FEWEST_TO_NAME = 30


def _sentences(tables: Sequence[Table]) -> tuple[str, ...]:
    found = {(figure.measure, figure.of[-1][1]): figure for figure in tables[0].figures}

    def shares(grid: str) -> str:
        return f"{found[OVER, grid].text} % and {found[LOST, grid].text} %"

    others = [f"on {grid} ticks {shares(str(grid))}" for grid in GRIDS[1:]]
    if shares(SIXTEENTHS) != shares("4"):
        others.insert(0, f"on sixteenths as written {shares(SIXTEENTHS)}")
    sentences = [
        f"On 4 ticks per felt beat {found[OVER, '4'].text} % of the {found[OVER, '4'].n:,} onsets move by more than "
        f"{HEARD_MS:g} ms, and {found[LOST, '4'].text} % are lost; {', '.join(others)}."
    ]
    for kind in ("meter", "subdivision", "contributor"):
        table = next(table for table in tables if table.head[0] == kind)
        moved = [
            (row.label, row.cells[0])
            for row in table.rows
            if isinstance(row.cells[0], Figure) and row.cells[0].n >= _FEWEST_TO_NAME
        ]
        moved.sort(key=lambda pair: pair[1].value or 0.0)
        if len(moved) > 1:
            (least, low), (most, high) = moved[0], moved[-1]
            sentences.append(
                f"4 ticks per felt beat move onsets most in the {kind} “{most}” ({high.text} ms on average) and "
                "least in "
                f"“{least}” ({low.text} ms), of those with {_FEWEST_TO_NAME} onsets or more."
            )
    four = [table for table in tables if table.head[-1] == REFUSED.name]
    if four:
        gone = sum(figure.value or 0.0 for figure in four[0].figures if figure.measure == REFUSED)
        sentences.insert(
            1,
            f"{gone:.0f} % of the onsets are in other meters than 4/4: a tool that knows 4/4 alone refuses them, "
            "or goes on "
            "counting fours and puts their barlines somewhere else.",
        )
    return tuple(sentences)
