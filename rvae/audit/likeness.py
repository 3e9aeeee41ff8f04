"""Near duplicates: patterns of one clip that are almost those of another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rvae.audit.estimate import count, ratio
from rvae.audit.figure import Figure, Measure, Row, Table
from rvae.audit.material import Material
from rvae.card import NOBODY
from rvae.measures import exact_f1
from rvae.pattern import Pattern

Ints = npt.NDArray[np.int64]

NEAR_F1 = 0.95
_ROWS = 250  # patterns compared with all others at a time: what is held in memory


@dataclass(frozen=True, slots=True)
class Nearest:
    """The pattern of another group that is most like one: its place, -1 where none is as near as `NEAR_F1`, and F1."""

    place: int
    onset_f1: float


def nearest_others(patterns: Sequence[Pattern], groups: Sequence[int]) -> list[Nearest]:
    """For each pattern the one of another group that is most like it and nearly the same, of as many bars in its meter.

    `groups`: of each pattern, its file for instance. Likeness is the onset F1 on the same tick.
    """
    found = [Nearest(-1, 0.0)] * len(patterns)
    alike: dict[tuple[object, int, int], list[int]] = {}
    for place, pattern in enumerate(patterns):
        alike.setdefault((pattern.meter, pattern.bars, pattern.ticks_per_beat), []).append(place)
    group_of = np.asarray(groups)
    for places in map(np.array, alike.values()):
        if len(np.unique(group_of[places])) < 2:
            continue
        onsets = np.stack([patterns[place].onset.ravel() == 1 for place in places.tolist()])
        onsets = onsets[:, onsets.any(axis=0)]  # cells that never sound make no difference
        best, scores = _near(onsets, group_of[places])
        for place, other, score in zip(places.tolist(), places[best].tolist(), scores.tolist(), strict=True):
            if score >= NEAR_F1:
                found[place] = Nearest(other, score)
    return found


def _near(onsets: npt.NDArray[np.bool_], groups: npt.NDArray[np.int64]) -> tuple[Ints, npt.NDArray[np.float32]]:
    """Of N rows of onsets, for each the first of those of another group that are most like it, and its F1.

    Only as far as that may be `NEAR_F1`: which it is with none that has so many more onsets, or less.
    """
    counts = onsets.sum(axis=1)
    order = np.argsort(counts, kind="stable")
    onsets, groups, counts = onsets[order], groups[order], counts[order]
    ends = np.searchsorted(counts, counts * (2 / NEAR_F1 - 1) + 1e-6, side="right")
    best, scores = np.full(len(onsets), len(onsets)), np.full(len(onsets), -1.0, np.float32)
    for first in range(0, len(onsets), _ROWS):
        rows = slice(first, min(first + _ROWS, len(onsets)))
        later = slice(first, int(ends[rows.stop - 1]))  # with those before them they have been compared
        likeness = exact_f1(onsets[rows], onsets[later])
        likeness[groups[rows, None] == groups[None, later]] = -1.0
        for of, others, each in ((later, rows, likeness), (rows, later, likeness.T)):
            score = each.max(axis=0)
            number = np.where(each == score, order[others][:, None], len(onsets)).min(axis=0)
            is_better = (score > scores[of]) | ((score == scores[of]) & (number < best[of]))
            best[of], scores[of] = np.where(is_better, number, best[of]), np.maximum(score, scores[of])
    back = np.argsort(order)
    return best[back], scores[back]


def same_notes(one: Pattern, other: Pattern) -> bool:
    """Whether two patterns are one to the note: onsets, velocities and microtiming."""
    return (
        np.array_equal(one.onset, other.onset)
        and np.array_equal(one.velocity, other.velocity)
        and np.allclose(one.microtiming, other.microtiming, atol=1e-3)
    )


DOUBLES = Measure(
    "with a near duplicate",
    "%",
    "patterns",
    f"Share of patterns for which another file has one of the same meter with an onset F1 of {NEAR_F1} or more, same "
    "voices on same ticks. Simple patterns are alike without being copies.",
)
ALIKE = Measure(
    "patterns alike", "", "patterns", "Patterns of either file whose nearest one stands in the other.", decimals=0
)
LIKENESS = Measure("onset F1", "", "pairs of patterns", "Of the pair that is most alike.", decimals=3)
_PAIRS_SHOWN = 20


def duplicates(material: Material) -> tuple[list[Table], list[Table], str]:
    """Near duplicates in other files, and in files of other people; the pairs of files; a sentence."""
    patterns = material.corpus.patterns
    files = {clip.file: number for number, clip in enumerate(material.clips)}
    clip_of = [files[pattern.source] for pattern in patterns]
    sets = {people: number for number, people in enumerate(dict.fromkeys(clip.people for clip in material.clips))}
    rows = []
    near = nearest_others(patterns, clip_of)
    whose = [sets[material.clips[clip].people] for clip in clip_of]
    owned = [
        place
        for place, clip in enumerate(clip_of)
        if not any(who.startswith(NOBODY) for who in material.clips[clip].people)
    ]
    others = nearest_others([patterns[place] for place in owned], [whose[place] for place in owned])
    for name, places, found in (
        ("in another file", list(range(len(patterns))), near),
        ("in a file of other people", owned, others),
    ):
        clips = np.array([clip_of[place] for place in places], dtype=np.int64)
        alike = np.array([each.onset_f1 >= NEAR_F1 for each in found], dtype=bool)
        above, below = np.bincount(clips[alike], minlength=len(files)), np.bincount(clips, minlength=len(files))
        rows.append(Row(name, (ratio(DOUBLES, above, below, of=(("where", name),), scale=100),)))
    found_pairs: dict[tuple[int, int], list[tuple[float, bool]]] = {}
    for place, each in enumerate(near):
        if each.onset_f1 >= NEAR_F1:
            pair = (min(clip_of[place], clip_of[each.place]), max(clip_of[place], clip_of[each.place]))
            copy = same_notes(patterns[place], patterns[each.place])
            found_pairs.setdefault(pair, []).append((each.onset_f1, copy))
    ranked = sorted(found_pairs.items(), key=lambda item: (-len(item[1]), -max(item[1])[0], item[0]))
    note = "Of other people: patterns by people whom a card names, compared with those of other named people."
    tables = [Table("Near duplicates", ("where", DOUBLES.name), tuple(rows), note)]
    pairs = []
    if ranked:
        lines = tuple(_pair(material, pair, marks) for pair, marks in ranked[:_PAIRS_SHOWN])
        more = f"The {_PAIRS_SHOWN} with most of {len(ranked)} pairs. " if len(ranked) > _PAIRS_SHOWN else ""
        note = f"{more}“To the note”: velocities and microtiming are the same too, as in a copy of a file."
        pairs.append(
            Table("Files that are alike", ("file and file", ALIKE.name, LIKENESS.name, "people", ""), lines, note)
        )
    figure = rows[0].cells[0]
    share = figure.text if isinstance(figure, Figure) else ""
    copies = sum(any(copy for _, copy in marks) for marks in found_pairs.values())
    said = f", {copies} {'pair' if copies == 1 else 'pairs'} of files to the note" if copies else ""
    return tables, pairs, f"{share} % of the patterns have a near duplicate in another file{said}."


def _pair(material: Material, pair: tuple[int, int], marks: Sequence[tuple[float, bool]]) -> Row:
    one, other = (material.clips[number] for number in pair)
    of = (("file", one.name), ("other file", other.name))
    people = "the same" if one.people == other.people else f"{', '.join(one.people)} / {', '.join(other.people)}"
    if any(who.startswith(NOBODY) for who in (*one.people, *other.people)):
        people = "not known: nobody is named"
    best = Figure(LIKENESS, max(score for score, _ in marks), len(marks), of)
    copy = "to the note" if any(copied for _, copied in marks) else ""
    return Row(f"{one.name} and {other.name}", (count(ALIKE, len(marks), of=of), best, people, copy))
