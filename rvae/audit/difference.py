"""Differences: what a condition changes in the figures of a model, seed by seed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from rvae.audit.conditions import Condition
from rvae.audit.figure import COUNTERFACTUAL, Figure, Layer, Measure, Row, Table, Unsaid
from rvae.audit.measured import Measured, Of, Value
from rvae.audit.model_layer import FEWEST_SEEDS, figure_of
from rvae.audit.model_measures import MEASURES
from rvae.meter import TICKS_PER_BEAT

_SHOWN_TAGS = 20
# What is compared of the whole model, and of each group.
_OF_ALL = (
    "error at its place",
    "error around its place",
    "ternary, plane",
    "straight, plane",
    "microtiming spread kept",
    "ghost notes kept",
    "copies",
    "from the nearest clip",
    "originality",
)
_SAID = (
    ("error at its place", "error at its place"),
    ("ternary, plane", "ternary share of the plane"),
    ("originality", "originality"),
)
_OF_GROUPS = ("error at its place", "share of the plane")
_LEFT_OUT = Measure(
    "error of those left out",
    "%",
    "onsets in the clips",
    "Error at its place of the files that were left out, the mean over files weighted by their onsets: what the best "
    "places of a plane that never heard them make of them.",
)
_KEPT = replace(
    _LEFT_OUT,
    name="error of the others",
    definition="Error at its place of the files that were learned, the mean over files weighted by their onsets.",
)


def difference(condition: Condition, before: Sequence[Measured], after: Sequence[Measured]) -> Layer:
    """What a condition changes, from trainings with the same seeds."""
    comparison = _Comparison(condition, before, after)
    # On another grid microtiming is the distance from other ticks.
    of_all = [name for name in _OF_ALL if condition.grid == TICKS_PER_BEAT or not name.startswith("microtiming")]
    tables = [comparison.table("The whole model", [(MEASURES[name], ()) for name in of_all])]
    if condition.left_out:
        tables.insert(0, comparison.parts())
    for kind, title in (("contributor", "Contributors"), ("meter", "Meters"), ("voice", "Voices"), ("tag", "Tags")):
        tables += comparison.groups(kind, title)
    unsaid: tuple[Unsaid, ...] = ()
    if condition.left_out and len(comparison.parts().rows) < 2:
        why = "nothing else has their number of beats in a bar, so there is no plane to look for them on"
        unsaid += (Unsaid("What the plane makes of the files that were left out", why),)
    if len(before) < FEWEST_SEEDS:
        unsaid += (
            Unsaid(
                "Whether a difference is more than chance",
                f"it rests on {len(before)} seed{'s' if len(before) > 1 else ''}",
                "give --seeds 8",
            ),
        )
    return Layer(
        f"{COUNTERFACTUAL}{condition.name}",
        f"Counterfactual: {condition.name}",
        f"What would the model be {condition.name}? ({condition.words})",
        tuple(table for table in tables if table.rows),
        sentences=comparison.sentences(),
        unsaid=unsaid,
    )


class _Comparison:
    """Figures of trainings before and after a change, seed by seed."""

    def __init__(self, condition: Condition, before: Sequence[Measured], after: Sequence[Measured]) -> None:
        self.condition, self.before, self.after = condition, before, after

    def row(self, what: Measure, of: Of, label: str) -> Row | None:
        """Before, after and the difference, where both have it."""
        # Who was left out has no share of the plane; other figures of theirs are then missing, not 0.
        nothing = Value(0.0, 0) if what.name == "share of the plane" else None
        pairs = [
            (before.get((what.name, of), nothing), after.get((what.name, of), nothing))
            for before, after in zip(self.before, self.after, strict=True)
        ]
        known = [(b, a) for b, a in pairs if b is not None and a is not None]
        if len(known) < len(pairs):
            return None
        return self._row(what, of, label, [b.value for b, _ in known], [a.value for _, a in known], known[0][1].n)

    def _row(self, what: Measure, of: Of, label: str, before: Sequence[float], after: Sequence[float], n: int) -> Row:
        changed = replace(
            what,
            name=f"difference in {what.name}",
            unit="points" if what.unit == "%" else what.unit,
            definition=f"'{what.name}' {self.condition.name} less as it is; the mean over seeds, seed by seed.",
        )
        with_it = (*of, ("condition", self.condition.name))
        figures = (
            figure_of(what, (*of, ("condition", "as it is")), before, n),
            figure_of(what, with_it, after, n),
            figure_of(changed, with_it, [a - b for a, b in zip(after, before, strict=True)], n, signed=True),
        )
        return Row(label, figures)

    def table(self, title: str, wanted: Iterable[tuple[Measure, Of]]) -> Table:
        rows = [self.row(what, of, what.name) for what, of in wanted]
        return Table(title, ("measure", *self._head()), tuple(row for row in rows if row is not None))

    def _head(self) -> tuple[str, str, str]:
        return "as it is", self.condition.name, "difference"

    def parts(self) -> Table:
        """What was left out, and the others."""
        rows = []
        for what, is_meant in ((_LEFT_OUT, True), (_KEPT, False)):
            before, after = ([self._part(each, is_meant) for each in side] for side in (self.before, self.after))
            if all(n for _, n in (*before, *after)):
                rows.append(self._row(what, (), what.name, [b for b, _ in before], [a for a, _ in after], after[0][1]))
        return Table("Left out, and the others", ("files", *self._head()), tuple(rows))

    def _part(self, measured: Measured, is_left_out: bool) -> tuple[float, int]:
        values = [
            each
            for (name, of), each in measured.items()
            if name == "error at its place" and of[:1] and of[0][0] == "clip"
            if (of[0][1] in self.condition.left_out) is is_left_out
        ]
        n = sum(each.n for each in values)
        return (sum(each.value * each.n for each in values) / n if n else 0.0), n

    def groups(self, kind: str, title: str) -> list[Table]:
        """A table for each measure of a kind of groups, those that change most first."""
        tables = []
        for name in _OF_GROUPS:
            of_kind = [of for (measure, of) in self.before[0] if measure == name and of[:1] and of[0][0] == kind]
            rows = [row for of in of_kind if (row := self.row(MEASURES[name], of, of[0][1])) is not None]
            rows.sort(key=lambda row: -abs(_value(row)))
            note = ""
            if len(rows) > _SHOWN_TAGS:
                note = f"The {_SHOWN_TAGS} of {len(rows)} that change most."
            if len(rows) > 1:
                head = (kind, *self._head())
                tables.append(Table(f"{title}: {name}", head, tuple(rows[:_SHOWN_TAGS]), note))
        return tables

    def sentences(self) -> tuple[str, ...]:
        """The difference that matters, and whether it is more than chance."""
        rows = list(self.parts().rows) if self.condition.left_out else []
        for name, said in _SAID:
            row = self.row(MEASURES[name], (), said)
            if row is not None and (name != "error at its place" or not rows):
                rows.append(row)
        return tuple(self._sentence(row) for row in rows if any(_values(row)))

    def _sentence(self, row: Row) -> str:
        before, after, difference = (cell for cell in row.cells if isinstance(cell, Figure))
        unit = f" {before.measure.unit}" if before.measure.unit else ""
        is_none = round(difference.value or 0.0, difference.measure.decimals) == 0
        sure = " (no difference)" if is_none else ""
        if difference.interval is not None:
            low, high = difference.interval
            sure = f" ({difference.interval_text}" + (": no difference can be told)" if low <= 0 <= high else ")")
        name = self.condition.name[:1].upper() + self.condition.name[1:]
        return (
            f"{name}, the {row.label} is {after.text}{unit} instead of {before.text}{unit}: {difference.text} "
            f"{difference.measure.unit}{sure}."
        )


def _values(row: Row) -> list[float]:
    return [cell.value or 0.0 for cell in row.cells if isinstance(cell, Figure)]


def _value(row: Row) -> float:
    last = row.cells[-1]
    return last.value or 0.0 if isinstance(last, Figure) else 0.0
