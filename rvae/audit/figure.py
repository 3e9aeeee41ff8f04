"""What an audit is made of: figures with unit, n, interval, definition and source; tables, pictures, layers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

Json = dict[str, object]
CSV_HEAD = (
    "subject", "layer", "table", "of", "measure", "value", "unit", "n", "n_of", "low", "high", "definition", "source",
)  # fmt: skip

COUNTERFACTUAL = "counterfactual "
"""How the names of layers begin that answer what somebody asked: what if."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What is measured. `unit`: %, ms, onsets, ...; `n_of`: what `n` counts; `definition`: how it is computed, in a
    sentence or two that need nothing else on the page; `source`: where the definition comes from, or nothing where it
    is ours; `decimals`: as it is shown.
    """

    name: str
    unit: str
    n_of: str
    definition: str
    source: str = ""
    decimals: int = 1


@dataclass(frozen=True, slots=True)
class Figure:
    """One value of a measure, in its unit.

    `of`: what it is a figure of, as pairs like ("meter", "3/4"), ("grid", "4"). `value`: None where it cannot be said,
    for want of anything to measure. `n`: how many things it rests on. `interval`: 95 %, for an estimate; None for a
    count or where there are too few files for one. Raises ValueError.
    """

    measure: Measure
    value: float | None
    n: int
    of: tuple[tuple[str, str], ...] = ()
    interval: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.n < 0:
            raise ValueError(f"{self.measure.name}: n is {self.n}; it counts things")
        if self.value is not None and not math.isfinite(self.value):
            raise ValueError(f"{self.measure.name}: {self.value} is no figure; give None where nothing can be said")
        if self.interval is not None and not self.interval[0] <= self.interval[1]:
            raise ValueError(f"{self.measure.name}: an interval from {self.interval[0]} to {self.interval[1]}; turn it")

    @property
    def is_count(self) -> bool:
        """Whether it counts itself: nothing else to rest on. A likeness of 1.000 of one pair is no count."""
        return not self.measure.unit and not self.measure.decimals and self.value == self.n

    @property
    def text(self) -> str:
        """The value as it is shown, without its unit; a dash where there is none."""
        return "–" if self.value is None else f"{self.value:z,.{self.measure.decimals}f}"

    @property
    def interval_text(self) -> str:
        """`3.1 to 4.2`, or nothing."""
        if self.interval is None:
            return ""
        low, high = self.interval
        return f"{low:z,.{self.measure.decimals}f} to {high:z,.{self.measure.decimals}f}"

    def as_json(self) -> Json:
        return {
            "of": dict(self.of),
            "measure": self.measure.name,
            "value": self.value,
            "unit": self.measure.unit,
            "n": self.n,
            "n_of": self.measure.n_of,
            "interval": None if self.interval is None else list(self.interval),
        }


Cell = Figure | str | None


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table: what it is about, and a cell for each column: a figure, words, or nothing."""

    label: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Figures side by side. `head`: the heading of the first column, then one for each cell. Raises ValueError.

    `note`: what a reader needs to know to read it, in a sentence or two.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[Row, ...]
    note: str = ""

    def __post_init__(self) -> None:
        if any(len(row.cells) != len(self.head) - 1 for row in self.rows):
            raise ValueError(f"table '{self.title}': a row has not as many cells as there are headings")

    @property
    def figures(self) -> tuple[Figure, ...]:
        return tuple(cell for row in self.rows for cell in row.cells if isinstance(cell, Figure))

    @property
    def measures(self) -> tuple[Measure, ...]:
        """What is measured, each once, in order."""
        return tuple(dict.fromkeys(figure.measure for figure in self.figures))


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing for the page: `svg` is one whole `<svg>` element; `caption` says what one sees, for who cannot too."""

    title: str
    svg: str
    caption: str


@dataclass(frozen=True, slots=True)
class Unsaid:
    """Something that could not be said, and why; `remedy`: what would help, where anything would."""

    what: str
    why: str
    remedy: str = ""

    @property
    def text(self) -> str:
        return f"{self.what}: {self.why}" + (f"; {self.remedy}" if self.remedy else "")


@dataclass(frozen=True, slots=True)
class Layer:
    """One part of an audit: `name` for programs (grid, map, corpus, model, ...), `title` and `question` for people.

    `sentences`: what matters most first, each a whole sentence with its figures in it.
    """

    name: str
    title: str
    question: str
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()
    sentences: tuple[str, ...] = ()
    unsaid: tuple[Unsaid, ...] = ()

    @property
    def measures(self) -> tuple[Measure, ...]:
        """What is measured in all tables, each once, in order."""
        return tuple(dict.fromkeys(measure for table in self.tables for measure in table.measures))

    def find(self, measure: str, **of: str) -> Figure:
        """The first figure of a measure of these things: `find("lost", meter="3/4")`. Raises KeyError."""
        for table in self.tables:
            for figure in table.figures:
                if figure.measure.name == measure and dict(of).items() <= dict(figure.of).items():
                    return figure
        raise KeyError(f"no figure '{measure}' of {of} in layer {self.name}")

    def as_json(self) -> Json:
        return {
            "layer": self.name,
            "title": self.title,
            "question": self.question,
            "sentences": list(self.sentences),
            "tables": [
                {"title": table.title, "note": table.note, "figures": [figure.as_json() for figure in table.figures]}
                for table in self.tables
            ],
            "definitions": {
                measure.name: {"unit": measure.unit, "definition": measure.definition, "source": measure.source}
                for measure in self.measures
            },
            "unsaid": [{"what": gap.what, "why": gap.why, "remedy": gap.remedy} for gap in self.unsaid],
        }


@dataclass(frozen=True, slots=True)
class Subject:
    """What was audited: a corpus, a model or both, under the name it has on the page, and the layers about it.

    `facts`: pairs of words for the head of its part: where from, how many clips, how read.
    """

    name: str
    facts: tuple[tuple[str, str], ...]
    layers: tuple[Layer, ...]

    def as_json(self) -> Json:
        return {"name": self.name, "facts": dict(self.facts), "layers": [layer.as_json() for layer in self.layers]}


def csv_rows(subjects: Iterable[Subject]) -> Iterator[Sequence[object]]:
    """Every figure as a line, `CSV_HEAD` first: long form, which any statistics program reads."""
    yield CSV_HEAD
    for subject in subjects:
        for layer in subject.layers:
            for table in layer.tables:
                for figure in table.figures:
                    yield _csv_row(subject.name, layer.name, table.title, figure)


def _csv_row(subject: str, layer: str, table: str, figure: Figure) -> Sequence[object]:
    measure = figure.measure
    low, high = figure.interval or ("", "")
    of = "; ".join(f"{kind}={name}" for kind, name in figure.of)
    value = "" if figure.value is None else figure.value
    return (
        subject, layer, table, of, measure.name, value, measure.unit, figure.n, measure.n_of, low, high,
        measure.definition, measure.source,
    )  # fmt: skip
