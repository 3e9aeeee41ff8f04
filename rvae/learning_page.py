"""The page of `rvae bench --learning`: figures, what they are to reach, and where they miss it, as Markdown or JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

OURS = "ours"
PUBLISHED = "published"
SEARCHED = "published, our search"
NEAREST = "nearest learned clip"
_SMALL, _MIDDLE = 12, 24


@dataclass(frozen=True, slots=True)
class Figures:
    """One line of the table.

    On the learned clips: `onset_f1` (matched within 1/24 of a beat), `onset_f1_exact` (same tick), `velocity_mae` (of
    127), `microtiming_mae_ms`. On clips of other files: `held_out_f1` (within 1/24 of a beat). Of the plane: as
    `rvae.measures` says, and `outside`, the share of places with fewer than 0.5 times or more than 1.5 times the onsets
    of any clip. `first_s`: until there is a model to play. `file_mb`: the whole model, in millions of bytes.
    """

    onset_f1: float
    onset_f1_exact: float
    velocity_mae: float
    microtiming_mae_ms: float
    held_out_f1: float
    unique: float
    clip_recall: float
    dead_moves: float
    jumps: float
    evenness: float
    blown_out: float
    outside: float
    seconds: float
    first_s: float
    decode_p50_ms: float
    decode_p99_ms: float
    file_mb: float


@dataclass(frozen=True, slots=True)
class Row:
    """What was found on one corpus. `held_out`: how clips were kept apart; `lines`: figures by line of the table.

    `nearest_clip_f1`: the held-out F1 of the learned clip that is most like each held-out one.
    """

    name: str
    clips: int
    patterns: int
    held_out: str
    one_style: bool
    lines: Mapping[str, Figures]
    nearest_clip_f1: float


@dataclass(frozen=True, slots=True)
class Conditions:
    """Where and when figures were taken. `threads`: of the matrix library, as asked for."""

    processor: str
    cores: int
    system: str
    date: str
    versions: Mapping[str, str]
    seeds: tuple[int, ...]
    threads: str


@dataclass(frozen=True, slots=True)
class Column:
    """One figure: its name on the page, how it is written, and what it is to reach in a row.

    `target`: of a row, in words, or nothing where none is set; `reached`: whether ours reaches it.
    """

    field: str
    title: str
    form: str
    target: Callable[[Row], str]
    reached: Callable[[Row], bool]

    def text(self, figures: Figures) -> str:
        """The figure as it is written."""
        return self.form.format(getattr(figures, self.field))


def at_least(field: str, title: str, form: str, bound: Callable[[Row], float | None]) -> Column:
    """A figure that is to be no less than a bound, which may depend on the row; no bound, no target."""
    return _bounded(field, title, form, bound, "≥ ", lambda value, limit: value >= limit)


def below(field: str, title: str, form: str, bound: Callable[[Row], float | None]) -> Column:
    """A figure that is to be less than a bound."""
    return _bounded(field, title, form, bound, "< ", lambda value, limit: value < limit)


def _bounded(
    field: str,
    title: str,
    form: str,
    bound: Callable[[Row], float | None],
    sign: str,
    holds: Callable[[float, float], bool],
) -> Column:
    def target(row: Row) -> str:
        limit = bound(row)
        return "" if limit is None else sign + form.format(limit)

    def reached(row: Row) -> bool:
        limit = bound(row)
        return limit is None or holds(getattr(row.lines[OURS], field), limit)

    return Column(field, title, form, target, reached)


def _few(few: float | None, many: float | None, most: int = _MIDDLE) -> Callable[[Row], float | None]:
    """A bound that depends on how many clips there are."""
    return lambda row: few if row.clips <= most else many


def _always(bound: float | None) -> Callable[[Row], float | None]:
    return lambda _: bound


def _third_of_published(row: Row) -> float:
    return min(0.5, row.lines[PUBLISHED].decode_p99_ms / 3)


def _published(row: Row) -> float:
    return row.lines[PUBLISHED].held_out_f1


COLUMNS = (
    at_least("onset_f1", "F1", "{:.3f}", _few(0.99, 0.97)),
    at_least("onset_f1_exact", "F1, same tick", "{:.3f}", _few(0.99, 0.97)),
    below("velocity_mae", "velocity error, of 127", "{:.1f}", _always(4.0)),
    below("microtiming_mae_ms", "microtiming error, ms", "{:.2f}", _always(1.0)),
    at_least("held_out_f1", "held-out F1", "{:.3f}", _published),
    at_least("clip_recall", "clip_recall", "{:.3f}", _few(1.0, 0.97)),
    at_least("unique", "unique", "{:.3f}", _always(None)),
    below("dead_moves", "dead_moves", "{:.3f}", _always(0.10)),
    below("jumps", "jumps", "{:.3f}", _few(0.05, None, _SMALL)),
    at_least("evenness", "evenness", "{:.2f}", _always(0.5)),
    below("blown_out", "blown_out", "{:.0f}", _always(1)),
    below("outside", "outside", "{:.3f}", _always(0.0005)),  # none, as far as it is written
    below("seconds", "training, s", "{:.1f}", _few(15.0, None)),
    below("first_s", "first model, s", "{:.1f}", _always(3.0)),
    at_least("decode_p50_ms", "decode p50, ms", "{:.3f}", _always(None)),
    below("decode_p99_ms", "decode p99, ms", "{:.3f}", _third_of_published),
    below("file_mb", "file, MB", "{:.2f}", _always(2.0)),
)


_ONE_STYLE_GAIN = 0.10


@dataclass(frozen=True, slots=True)
class Miss:
    """A figure of ours that does not reach what it is to reach."""

    row: str
    field: str
    value: float
    target: str


def misses(rows: Sequence[Row]) -> list[Miss]:
    """Every figure of ours that misses its target; then the one over rows of one style, if it does."""
    found = [
        Miss(row.name, column.field, getattr(row.lines[OURS], column.field), column.target(row))
        for row in rows
        for column in COLUMNS
        if not column.reached(row)
    ]
    gain = one_style_gain(rows)
    if gain is not None and gain < _ONE_STYLE_GAIN:
        found.append(Miss("mean over corpora of one style", "held_out_f1", gain, "10 % above the published one"))
    return found


def one_style_gain(rows: Sequence[Row], line: str = PUBLISHED) -> float | None:
    """How much above a line of the published network ours is in held-out F1, on average over rows of one style."""
    own = [row for row in rows if row.one_style and row.lines[line].held_out_f1 > 0]
    if not own:
        return None
    return sum(row.lines[OURS].held_out_f1 / row.lines[line].held_out_f1 - 1 for row in own) / len(own)


def as_json(rows: Sequence[Row], here: Conditions, absent: Sequence[str] = ()) -> dict[str, object]:
    """The same as the page, for programs."""
    return {
        "conditions": asdict(here),
        "absent": list(absent),
        "rows": [asdict(row) for row in rows],
        "one_style_gain": one_style_gain(rows),
        "one_style_gain_searched": one_style_gain(rows, SEARCHED),
        "misses": [asdict(miss) for miss in misses(rows)],
    }


def page(rows: Sequence[Row], here: Conditions, absent: Sequence[str] = ()) -> str:
    """The page, Markdown."""
    missed = misses(rows)
    parts = [_head(here, absent), _summary(rows), _table(rows), _missed(missed), _READING]
    return "\n\n".join(parts) + "\n"


def _head(here: Conditions, absent: Sequence[str]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in here.versions.items())
    seeds = ", ".join(map(str, here.seeds))
    text = (
        "# Figures of the learner\n\n"
        "Ours and the R-VAE as published (preset `rvae-2020`), trained and tested in one run on the same clips and the "
        "same splits. Written by `rvae bench --learning -o docs/learning-figures.md` (`make figures`); what the "
        "figures mean is in [how the learner works](learning.md).\n\n"
        f"- Machine: {here.processor}, {here.cores} cores, {here.system}; threads of the matrix library: "
        f"{here.threads}. Training uses one. Others were using the machine too: times are processor time.\n"
        f"- Date: {here.date}. Versions: {versions}.\n"
        f"- Seed{'s' if len(here.seeds) > 1 else ''}: {seeds} (of the choice of clips, the folds and the training)."
    )
    if absent:
        text += f"\n- Not there, so not measured: {', '.join(absent)}. Bundled corpora only."
    return text


def _summary(rows: Sequence[Row]) -> str:
    """To reach, and how far ours and the published one are from it, over all corpora."""
    lines = [
        "## In short",
        "",
        "| figure | to reach | ours, worst to best | published, worst to best | |",
        "| --- | --- | --- | --- | --- |",
    ]
    for column in COLUMNS:
        targets = dict.fromkeys(filter(None, map(column.target, rows)))
        if not targets:
            continue
        words = _IN_WORDS.get(column.field) or " or ".join(targets)
        missed = [row.name for row in rows if not column.reached(row)]
        said = f"MISS in {len(missed)} of {len(rows)}: {', '.join(missed)}" if missed else "reached"
        ours, theirs = (_range(column, rows, line) for line in (OURS, PUBLISHED))
        lines.append(f"| {column.title} | {words} | {ours} | {theirs} | {said} |")
    gain, fair = one_style_gain(rows), one_style_gain(rows, SEARCHED)
    if gain is not None and fair is not None:
        said, harder = ("reached" if value >= _ONE_STYLE_GAIN else "MISS" for value in (gain, fair))
        lines.append(
            f"| held-out F1, mean over corpora of one style | 10 % above the published one | {gain:+.0%} | | {said}; "
            f"by the harder measure, against the published one with our search, {fair:+.0%}: {harder} |"
        )
    return "\n".join(lines)


_IN_WORDS = {
    **dict.fromkeys(("onset_f1", "onset_f1_exact"), "≥ 0.99 up to 24 clips, ≥ 0.97 above"),
    "held_out_f1": "not below the published one",
    "clip_recall": "1 up to 24 clips, ≥ 0.97 above",
    "jumps": "< 0.05 at 12 clips",
    "blown_out": "0",
    "outside": "0",
    "seconds": "< 15 up to 24 clips",
    "decode_p99_ms": "< 0.5 and less than a third of the published one",
}


def _range(column: Column, rows: Sequence[Row], line: str) -> str:
    found = sorted((row.lines[line] for row in rows), key=lambda figures: float(getattr(figures, column.field)))
    rising = column.field in ("onset_f1", "onset_f1_exact", "held_out_f1", "clip_recall", "evenness")
    worst, best = (found[0], found[-1]) if rising else (found[-1], found[0])
    return f"{column.text(worst)} to {column.text(best)}"


def _table(rows: Sequence[Row]) -> str:
    titles = ["corpus", "clips", "held out", "", *(column.title for column in COLUMNS)]
    lines = ["## All figures", "", _cells(titles), _cells(["---"] * len(titles))]
    for row in rows:
        count = f"{row.clips}" if row.clips == row.patterns else f"{row.clips} ({row.patterns} patterns)"
        for index, line in enumerate((OURS, "to reach", PUBLISHED, SEARCHED)):
            head = [row.name, count, row.held_out] if index == 0 else ["", "", ""]
            if line == "to reach":
                values = [column.target(row) for column in COLUMNS]
            else:
                values = [
                    column.text(row.lines[line]) + (" MISS" if line == OURS and not column.reached(row) else "")
                    for column in COLUMNS
                ]
            lines.append(_cells([*head, line, *values]))
        nearest = [f"{row.nearest_clip_f1:.3f}" if column.field == "held_out_f1" else "" for column in COLUMNS]
        lines.append(_cells(["", "", "", NEAREST, *nearest]))
    return "\n".join(lines)


def _cells(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _missed(missed: Sequence[Miss]) -> str:
    lines = ["## Missed", ""]
    lines += [f"- MISS: {miss.row}: `{miss.field}` is {miss.value:.3f}, to reach: {miss.target}." for miss in missed]
    return "\n".join(lines if missed else [*lines, "Nothing."])


_READING = """## How to read it

- **Corpora.** `groove` and `drumset`: 12, 24 and 48 clips of the Groove MIDI Dataset (takes of two drummers in many
  styles) and of the 4/4 drumset-patterns (programmed, counted as one style, as the bundled corpora are): one cycle of
  two bars a file, chosen at random for the seed, with at least eight onsets. Both collections are other people's and do
  not come with rvae; `RVAE_SHARED` names the folder whose `data` has them. The others are whole.
- **Held out.** For `groove` and `drumset` with a number: 24 further clips of other files, the same for the three sizes.
  For the rest: five folds by file, each clip tested on a model that never saw its file. All onsets together (micro
  average). Patterns whose number of beats none of the learned clips had are left out for both.
- **The lines.** *Ours* finds a clip on its plane by search. *Published* asks its encoder, as published. *Published, our
  search* is the same network with a search over its plane like ours, so that the two learners can be compared. A
  held-out F1 by search says how near the nearest rhythm of the plane comes to a clip that was not learned, when one
  knows what to look for. *Nearest learned clip* is the answer without any learning: of the clips that were learned,
  the one most like it.
- **F1** is windowed, within 1/24 of a beat; *same tick* is stricter and disfavours the published grid of 12 columns a
  beat, which has no place for odd ticks.
- **The published network flattered.** It gets our barlines and felt beats in every meter: the published code cuts
  every 96 columns, whatever the meter. Its threshold is 0.25 and its plane z in -3..3, as published.
- **outside**: share of a lattice of 30 x 30 places with fewer than half the onsets of the emptiest clip or more than
  one and a half times those of the fullest. The other plane figures are defined in `rvae/measures.py`; with several
  numbers of beats they are means weighted by patterns.
- **Times** are processor time, which on a machine of its own is time on the clock; on a shared one the others' work is
  left out, though they slow it down all the same. *Training* is one training from clips to a model, the interpreter and
  PyTorch already loaded. *First model*: until there is one to play; the published code has no early model, so for it
  that is the whole training, here as torch. *Decode*: one place, both networks in numpy, the median over 15 rounds of
  200.
- **file**: the whole model in millions of bytes; the published project saves its decoder alone.
- A target that depends on the number of clips (F1, clip_recall, jumps, training) is set for 12 and 24 or fewer, as the
  case may be; larger corpora have the looser one, or none."""
