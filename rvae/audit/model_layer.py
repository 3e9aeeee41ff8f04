"""The model's layer: what the plane makes of the clips, who pays for being few, what is copied and what is new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

import numpy as np

from rvae.audit.drawing import BLUE, GREEN, GREY, ORANGE, RED, rect, share_bars, svg, text
from rvae.audit.figure import Figure, Layer, Measure, Picture, Row, Table, Unsaid
from rvae.audit.measured import Measured, Of, measure, unmatched
from rvae.audit.model_measures import MEASURES
from rvae.card import NOBODY
from rvae.corpus import Corpus
from rvae.errors import CreditsError
from rvae.measures import LATTICE, lattice
from rvae.model import Model

FEWEST_SEEDS = 3
_NOTABLE_POINTS = 2.0
_SAME = 1e-9
SEEDS_WORDS = "95 % intervals here: Student's t over trainings that differ in nothing but the seed"
Figures = Mapping[tuple[str, Of], Figure]

_COLUMNS = (
    "share of the clips",
    "share of the plane",
    "amplification",
    "credit",
    "error at its place",
    "error around its place",
    "pays",
    "timing error",
    "loudness error",
)
_KINDS = (
    ("contributor", "Contributors", "whose clips they are, by the card"),
    ("meter", "Meters", "as written and felt"),
    ("tag", "Tags", "as the card has them, of single clips or else of their folder"),
    ("voice", "Voices", "of the kit"),
)
_FEEL = (
    ("microtiming", "how far onsets lie from their tick"),
    ("microtiming spread", "how differently they lie"),
    ("ghost notes", "soft onsets"),
    ("loudness spread", "how differently loud"),
)


def model_layer(model: Model, corpus: Corpus | None) -> Layer:
    """The layer of one model. `corpus`: the clips it learned; without them it says what it can."""
    layer = measured_layer([measure(model, corpus)])
    unsaid = [*layer.unsaid]
    if corpus is None:
        unsaid.append(
            Unsaid("Errors at the clips' own places", "the clips were not given", "give their folder beside the model")
        )
    elif missing := unmatched(model, corpus):
        unsaid.append(
            Unsaid(
                f"{missing} of {len(model.clips)} patterns as they were played",
                "they are not in the clips given, so what the model plays at their places stands for them",
                "give the folders that it was trained on",
            )
        )
    return Layer(
        layer.name,
        layer.title,
        layer.question,
        layer.tables,
        (*_planes_drawn(model), *layer.pictures),
        layer.sentences,
        tuple(unsaid),
    )


def measured_layer(trainings: Sequence[Measured], *, name: str = "model", title: str = "Layer 4: the model") -> Layer:
    """The layer of one training, or of several that differ in the seed: their mean, with intervals."""
    figures = summary(trainings)
    tables = sorted([*_group_tables(figures), *_other_tables(figures)], key=lambda table: table.head[0] == "tag")
    unsaid = []
    if len(trainings) < FEWEST_SEEDS:
        unsaid.append(
            Unsaid(
                "How far the figures of this layer move with the seed",
                f"they rest on {len(trainings)} training{'s' if len(trainings) > 1 else ''}",
                "give the clips and --seeds 8",
            )
        )
    if not any(name == "credit" for name, _ in figures):
        unsaid.append(
            Unsaid("Credits", "the model keeps no account of whose clips a place is made of", "train it with this rvae")
        )
    if set(_groups(figures, "contributor")) == {NOBODY}:
        unsaid.append(Unsaid("Figures by contributor", "no card names anybody", "write one with `rvae card`"))
    return Layer(
        name,
        title,
        "What does the plane make of the clips, who pays for being few, and what is only copied?",
        tuple(tables),
        _amplified(figures),
        tuple(_sentences(figures)),
        tuple(unsaid),
    )


def summary(trainings: Sequence[Measured]) -> dict[tuple[str, Of], Figure]:
    """The mean over trainings of what all of them have, with an interval where they are enough."""
    common = [key for key in trainings[0] if all(key in each for each in trainings)]
    return {
        (name, of): figure_of(
            MEASURES[name],
            of,
            [each[name, of].value for each in trainings],
            trainings[0][name, of].n,
            signed=name == "pays",
        )
        for name, of in common
    }


def figure_of(what: Measure, of: Of, values: Sequence[float], n: int, *, signed: bool = False) -> Figure:
    """The mean of values from several trainings; 95 % by Student's t from three on, where they are not the same.

    `signed`: whether the measure can be below 0; otherwise its interval is not either.
    """
    mean = float(np.mean(values))
    if len(values) < FEWEST_SEEDS or np.ptp(values) < _SAME:
        return Figure(what, mean, n, of)
    from scipy import stats  # half a second to import, and every command of the library comes by here

    half = float(stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5)
    low = mean - half if signed else max(0.0, mean - half)
    return Figure(what, mean, n, of, (low, mean + half))


def _groups(figures: Figures, kind: str) -> list[str]:
    """The names of a kind, most patterns first."""
    shares = {of[0][1]: figure.value or 0 for (name, of), figure in figures.items() if _is(name, of, kind)}
    return sorted(shares, key=lambda name: (-shares[name], name))


def _is(name: str, of: Of, kind: str) -> bool:
    return name == "share of the clips" and of[0][0] == kind


def _group_tables(figures: Figures) -> list[Table]:
    tables = []
    for kind, title, words in _KINDS:
        names = _groups(figures, kind)
        columns = [column for column in _COLUMNS if any((column, ((kind, name),)) in figures for name in names)]
        rows = [Row(name, tuple(figures.get((column, ((kind, name),))) for column in columns)) for name in names]
        if kind == "contributor":
            rows.append(Row("all together", tuple(figures.get((column, ())) for column in columns)))
        if names and (len(names) > 1 or kind == "contributor"):
            tables.append(Table(f"{title}: {words}", (kind, *columns), tuple(rows)))
    return tables


def _other_tables(figures: Figures) -> list[Table]:
    def cells(*names: str) -> tuple[Figure | None, ...]:
        return tuple(figures.get((name, ())) for name in names)

    feel = [Row(f"{name}: {words}", cells(f"{name}, clips", f"{name}, plane", f"{name} kept")) for name, words in _FEEL]
    division = [Row(name, cells(f"{name}, clips", f"{name}, plane")) for name in ("ternary", "straight")]
    memory = ("clips kept whole", "copies", "from the nearest clip", "between the clips", "originality")
    return [
        Table("What becomes of the feel", ("feel", "in the clips", "on the plane", "kept"), tuple(feel)),
        Table(
            "Ternary and straight",
            ("division", "of the clips", "of the plane"),
            tuple(division),
            "Ternary: more onsets on thirds and sixths of a felt beat than on halves, quarters and eighths; "
            "straight: fewer.",
        ),
        Table(
            "Remembered, copied, new",
            ("measure", "value"),
            tuple(Row(name, cells(name)) for name in memory),
            "Copies: places that play a clip exactly. A memoriser has places that are copies; a generaliser has "
            "places between the clips, and none as far away "
            "from all of them as they are from each other.",
        ),
    ]


def _value(figures: Figures, name: str, of: Of = ()) -> float | None:
    figure = figures.get((name, of))
    return None if figure is None else figure.value


def _sentences(figures: Figures) -> list[str]:
    said = [_who_pays(figures), _division_said(figures), _copied(figures), _feel_said(figures), _favoured(figures)]
    return [sentence for sentence in said if sentence]


def _who_pays(figures: Figures) -> str:
    """Of the first kind with a rare group (below half an even share): the rarest; of those, the one that fades most."""
    for kind in ("contributor", "meter", "tag"):
        names = _groups(figures, kind)
        mean = _value(figures, "error around its place")
        if len(names) < 2 or mean is None:
            continue
        share = {name: _value(figures, "share of the clips", ((kind, name),)) or 0.0 for name in names}
        error = {name: _value(figures, "error around its place", ((kind, name),)) or 0.0 for name in names}
        least = min(share.values())
        if least * len(names) >= 50:
            continue
        few = max((name for name in names if share[name] == least), key=lambda name: error[name])
        plane = _value(figures, "share of the plane", ((kind, few),)) or 0.0
        sure = figures["pays", ((kind, few),)].interval
        is_shown = error[few] > mean + _NOTABLE_POINTS if sure is None else sure[0] > 0
        how = "pays for being few" if is_shown else "is few, and is not shown to pay for it"
        return (
            f"{few} ({kind}) {how}: {share[few]:.1f} % of the clips, {plane:.1f} % of the plane, and a step away from "
            f"its clips the rhythm is another by {error[few]:.0f} %, against {mean:.0f} % over all clips."
        )
    return ""


def _division_said(figures: Figures) -> str:
    clips, plane = _value(figures, "ternary, clips"), _value(figures, "ternary, plane")
    if clips is None or plane is None or (clips == 0 and plane == 0):
        return ""
    return f"{clips:.0f} % of the clips are ternary (felt beats mostly in thirds), and {plane:.0f} % of the plane."


def _copied(figures: Figures) -> str:
    far, between = _value(figures, "from the nearest clip"), _value(figures, "between the clips")
    copies, original = _value(figures, "copies"), _value(figures, "originality")
    if far is None or between is None or original is None:
        return ""
    return (
        f"{copies:.0f} % of the places copy a clip; on average a place differs from the nearest clip by {far:.0f} %, "
        f"where a clip differs from the nearest other by {between:.0f} % (originality {original:.2f}; 0: all copies)."
    )


def _feel_said(figures: Figures) -> str:
    said = []
    for name, words in (("ghost notes", "ghost notes among the onsets"), ("loudness spread", "spread of loudness")):
        kept = _value(figures, f"{name} kept")
        before, after = (figures.get((f"{name}, {where}", ())) for where in ("clips", "plane"))
        if kept is not None and before is not None and after is not None:
            unit = before.measure.unit
            there = f"{before.text} {unit} in the clips, {after.text} {unit} on the plane"
            said.append(f"{words}: {there}, {kept:.0f} % kept")
    return f"What becomes of the feel: {'; '.join(said)}." if said else ""


def _favoured(figures: Figures) -> str:
    found = [
        (of, figure.value)
        for (name, of), figure in figures.items()
        if name == "amplification" and figure.value and _learned(figures, of) >= _FEWEST_TO_NAME
    ]
    if not found:
        return ""
    (of, value) = max(found, key=lambda item: abs(np.log(item[1])))
    if abs(np.log(value)) < 0.05:
        return ""
    clips, plane = (_value(figures, f"share of the {what}", of) or 0.0 for what in ("clips", "plane"))
    favours = "favours" if value > 1 else "fades"
    what = "onsets" if of[0][0] == "voice" else "patterns"
    return (
        f"Of what has {_FEWEST_TO_NAME} patterns or more, the plane {favours} {of[0][1]} ({of[0][0]}) most: "
        f"{clips:.1f} % of "
        f"the clips ({_learned(figures, of):.0f} {what}), {plane:.1f} % of the plane."
    )


_FEWEST_TO_NAME = 3  # one pattern has as much of a plane as it happens to have


def _learned(figures: Figures, of: Of) -> float:
    """How many patterns of a group were learned; of a voice, how many onsets."""
    figure = figures[("share of the clips", of)]
    return figure.n * (figure.value or 0.0) / 100


def _amplified(figures: Figures) -> tuple[Picture, ...]:
    """A bar for each group of the kinds that have several."""
    rows, marks = [], []
    for kind in ("contributor", "meter", "voice"):
        names = _groups(figures, kind)
        for name in names if len(names) > 1 else ():
            figure = figures["amplification", ((kind, name),)]
            rows.append((f"{name} ({kind})", figure.value or 0.0, f"{figure.text} times"))
            marks.append(figure.interval)
    if not rows:
        return ()
    drawn = share_bars(rows, title="Amplification", marks=marks, even=1.0)
    words = "Share of the plane by share of the clips: 1 (dashed) is even, 2 twice as much as was learned. " + (
        "Thin lines: intervals over seeds."
        if any(marks)
        else "No intervals, for want of three trainings: another seed gives other lengths."
    )
    return (Picture("Whom the plane favours", drawn, words),)


_HUES = (BLUE, ORANGE, GREEN, RED)
_CELL = 10


def _planes_drawn(model: Model) -> tuple[Picture, ...]:
    """Each plane in the colours of those who have most credit, the stronger the more of it is theirs."""
    pictures = []
    for beats in model.beats:
        try:
            credit = model.credits(lattice(LATTICE), beats=beats)
        except CreditsError:
            return ()
        shares = credit.by_person()
        who = "contributor"
        if len(shares) < 2:
            shares, who = credit.by_clip(), "clip"
        if len(shares) < 2:
            continue
        names = list(shares)[: len(_HUES)]
        whole = np.stack(list(shares.values()), axis=1)
        parts = []
        shades = list(zip(np.minimum(whole.argmax(axis=1), len(_HUES)), np.ceil(5 * whole.max(axis=1)), strict=True))
        for row in range(LATTICE):
            x = 0
            for (best, shade), same in groupby(shades[row * LATTICE : (row + 1) * LATTICE]):
                width = _CELL * len(list(same))
                hue = (*_HUES, GREY)[best]
                parts.append(rect(x, (LATTICE - 1 - row) * _CELL, width, _CELL, hue, opacity=float(shade) / 5))
                x += width
        for row, name in enumerate(names):
            x, y = LATTICE * _CELL + 20, 10 + 22 * row
            parts += [rect(x, y, 14, 14, _HUES[row]), text(x + 20, y + 12, name)]
        if len(shares) > len(names):
            y = 10 + 22 * len(names)
            parts += [rect(LATTICE * _CELL + 20, y, 14, 14, GREY), text(LATTICE * _CELL + 40, y + 12, "others")]
        drawn = svg(parts, LATTICE * _CELL, title=f"Credits on the plane of {beats} beats")
        words = (
            f"Each place in the colour of the {who} with most credit there, paler where less of it is theirs; x to the "
            "right, y up, as in the player's window. Named are those with most credit on the whole plane."
        )
        pictures.append(Picture(f"Whose the plane of {beats} beats is", drawn, words))
    return tuple(pictures)
