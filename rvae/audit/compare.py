"""Several audits side by side: the figures that they have in common, and what differs by more than chance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, pairwise
from math import hypot

from rvae.audit.figure import Cell, Figure, Layer, Row, Subject, Table

SIDE_BY_SIDE = "Side by side"
_ALONE = ("Files that are alike", "Tags")  # about files and words of one corpus: nothing to lay beside it
_APART, _OVERLAP = "apart", "overlap"
_SAID = 3
_Key = tuple[str, str, tuple[tuple[str, str], ...]]


def side_by_side(subjects: Sequence[Subject]) -> Subject:
    """One part more, for the top of the page: every table of two subjects or more, a column for each of them."""
    names = tuple(subject.name for subject in subjects)
    layers = []
    for name in dict.fromkeys(layer.name for subject in subjects for layer in subject.layers):
        of_each = [next((layer for layer in subject.layers if layer.name == name), None) for subject in subjects]
        there = [layer for layer in of_each if layer is not None]
        if len(there) > 1:
            tables = tuple(_tables(of_each, names))
            question = (
                "Where do they differ by more than chance? “apart”: the 95 % intervals do not overlap, which is more "
                "than chance would do; “overlap”: they do, which proves nothing either way; a gap: one has no "
                "interval. What is 0 in all of them is left out."
            )
            layers.append(
                Layer(f"compare-{name}", there[0].title, question, tables, sentences=_sentences(tables, names))
            )
    return Subject(SIDE_BY_SIDE, tuple((f"{number}", name) for number, name in enumerate(names, 1)), tuple(layers))


def _tables(layers: Sequence[Layer | None], names: tuple[str, ...]) -> Iterator[Table]:
    tables = [{table.title: table for table in layer.tables} if layer else {} for layer in layers]
    for title in dict.fromkeys(title for each in tables for title in each):
        if title in _ALONE or sum(title in each for each in tables) < 2:
            continue
        figures = [
            {(figure.measure.name, figure.measure.unit, figure.of): figure for figure in each[title].figures}
            if title in each
            else {}
            for each in tables
        ]
        keys: dict[_Key, None] = dict.fromkeys(key for each in figures for key in each)
        shared = [key for key in keys if _differ([each.get(key) for each in figures])]
        if shared:
            rows = tuple(_row(key, [each.get(key) for each in figures]) for key in shared)
            yield Table(title, ("figure", *names, "intervals"), rows, _only(figures, names))


def _differ(figures: Sequence[Figure | None]) -> bool:
    """Whether two at least have the figure, and it is not nothing in all of them."""
    there = [figure for figure in figures if figure is not None]
    return len(there) > 1 and any(figure.value for figure in there)


def _only(figures: Sequence[Mapping[_Key, Figure]], names: Sequence[str]) -> str:
    """What occurs in one of them alone, and so has no line."""
    said = []
    for name, mine in zip(names, figures, strict=True):
        others = {key for other in figures if other is not mine for key in other}
        kinds = dict.fromkeys(key[2][0][1] for key in mine if key not in others and key[2])
        if kinds:
            said.append(f"Only in {name}: {', '.join(kinds)}.")
    return " ".join(said)


def _row(key: _Key, figures: Sequence[Figure | None]) -> Row:
    name, unit, of = key
    what = ", ".join(f"{kind} {value}" for kind, value in of)
    label = f"{name}{f' ({what})' if what else ''}" + (f", {unit}" if unit else "")
    cells: tuple[Cell, ...] = (*figures, _intervals([figure for figure in figures if figure is not None]))
    return Row(label, cells)


def _intervals(figures: Sequence[Figure]) -> str:
    known = sorted(figure.interval for figure in figures if figure.interval is not None)
    if len(known) < 2:
        return ""
    return _OVERLAP if any(low[1] >= high[0] for low, high in pairwise(known)) else _APART


def _sentences(tables: Sequence[Table], names: Sequence[str]) -> tuple[str, ...]:
    """The figures that are furthest apart, by how wide their intervals are."""
    apart = [row for table in tables for row in table.rows if row.cells[-1] == _APART]
    found = []
    for row in sorted(apart, key=lambda row: -_distance(row))[:_SAID]:
        pairs = zip(row.cells, names, strict=False)
        values = [f"{cell.text} {cell.measure.unit} in {name}" for cell, name in pairs if isinstance(cell, Figure)]
        found.append(f"{_words(row)}: {', '.join(values)}.")
    return tuple(found) or ("No interval is apart from the other: nothing differs by more than chance would do.",)


def _distance(row: Row) -> float:
    """How far the two most different figures of a row are apart, in half widths of their intervals together."""
    figures = [cell for cell in row.cells if isinstance(cell, Figure) and cell.interval is not None]
    marks = [(figure.value or 0.0, (high - low) / 2) for figure in figures for low, high in [figure.interval or (0, 0)]]
    return max(abs(one - other) / max(hypot(near, far), 1e-9) for (one, near), (other, far) in combinations(marks, 2))


def _words(row: Row) -> str:
    label = row.label.rsplit(", ", 1)[0]
    return label[0].upper() + label[1:]
