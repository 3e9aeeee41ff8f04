"""The page of an audit: one HTML file that needs nothing else, for a reader who was not there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from rvae.audit.figure import Cell, Figure, Layer, Measure, Picture, Row, Subject, Table

_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #222; background: #fff; max-width: 60rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; line-height: 1.2; } h2 { margin-top: 3rem; border-bottom: 2px solid #222; }
h3 { margin-top: 2.5rem; } h4 { margin: 2rem 0 .3rem; }
table { border-collapse: collapse; margin: .5rem 0; font-size: .9rem; }
th, td { padding: .2rem .7rem .2rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid #ddd; }
th { border-bottom: 1px solid #222; } td.figure, th.figure { text-align: right; font-variant-numeric: tabular-nums; }
small { color: #555; display: block; line-height: 1.2; white-space: nowrap; } .wide { overflow-x: auto; }
figure { margin: 1.5rem 0; break-inside: avoid; }
figcaption { font-size: .9rem; color: #333; } svg { width: 100%; height: auto; }
dt { font-weight: 600; } dd { margin: 0 0 .5rem 1.2rem; } details { font-size: .9rem; } summary { cursor: pointer; }
ol.first li { margin: .4rem 0; } .question { font-style: italic; }
.unsaid { background: #f4f4f4; padding: .5rem 1rem; margin: 1rem 0; } .unsaid h4 { margin-top: 0; }
code { white-space: nowrap; } .facts th { border-bottom-color: #ddd; }
td:first-child { overflow-wrap: anywhere; min-width: 8rem; }
@page { size: A4; margin: 15mm; }
@media print { body { max-width: none; margin: 0; padding: 0; font-size: 10pt; } table { font-size: 7.5pt; }
  th, td { padding-right: .4rem; } td:first-child { min-width: 4rem; } .wide { overflow-x: visible; }
  h2.part { break-before: page; } h3, h4 { break-after: avoid; } tr { break-inside: avoid; } nav { display: none; } }
"""


_CHOICE = (
    "The first finding of every part, then the second ones, until there are five; what if somebody were left out, "
    "where that was asked, comes before all others. Which of them matters, and what is missing among them, is for the "
    "reader to say."
)


@dataclass(frozen=True, slots=True)
class Head:
    """What stands above the parts: `title`; `made`: by what and when; `about`: what the page is, in a paragraph;
    `sentences`: the first findings; `method`: how the figures are to be read; `words`: words and what they mean here.
    """

    title: str
    made: str
    about: str
    sentences: tuple[str, ...]
    method: tuple[str, ...]
    words: tuple[tuple[str, str], ...]


def page(head: Head, subjects: Sequence[Subject]) -> str:
    """The whole page."""
    parts = [
        f"<p>{escape(head.about)}</p><p>{escape(head.made)}</p>",
        f'<h2>In short</h2><p>{_CHOICE}</p><ol class="first">{_items(head.sentences)}</ol>',
        f"<h2>How to read the figures</h2><ul>{_items(head.method)}</ul>",
        f"<h2>Words</h2><dl>{_pairs(head.words)}</dl>",
        _contents(subjects),
    ]
    for number, subject in enumerate(subjects, 1):
        parts += _subject(subject, number)
    return document(head.title, parts)


def document(title: str, parts: Iterable[str]) -> str:
    """A page of these parts below its title, which needs nothing but itself."""
    head = [
        "<!DOCTYPE html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<style>{_STYLE}</style></head><body>",
        f"<h1>{escape(title)}</h1>",
    ]
    return "\n".join([*head, *parts, "</body></html>", ""])


def _items(lines: Iterable[str]) -> str:
    return "".join(f"<li>{escape(line)}</li>" for line in lines)


def _pairs(words: Iterable[tuple[str, str]]) -> str:
    return "".join(f"<dt>{escape(word)}</dt><dd>{escape(meaning)}</dd>" for word, meaning in words)


def _contents(subjects: Sequence[Subject]) -> str:
    """Where to find what."""
    rows = []
    for number, subject in enumerate(subjects, 1):
        layers = "".join(
            f'<li><a href="#{_anchor(number, layer)}">{escape(layer.title)}</a></li>' for layer in subject.layers
        )
        rows.append(f'<li><a href="#part-{number}">{escape(subject.name)}</a><ul>{layers}</ul></li>')
    return f"<nav><h2>What is on this page</h2><ul>{''.join(rows)}</ul></nav>"


def _anchor(number: int, layer: Layer) -> str:
    return f"part-{number}-{layer.name}"


def _subject(subject: Subject, number: int) -> list[str]:
    facts = "".join(f"<tr><th>{escape(key)}</th><td>{escape(words)}</td></tr>" for key, words in subject.facts)
    parts = [
        f'<h2 class="part" id="part-{number}">{escape(subject.name)}</h2>',
        f'<table class="facts">{facts}</table>' if facts else "",
    ]
    for layer in subject.layers:
        parts += _layer(layer, _anchor(number, layer))
    return parts


def _layer(layer: Layer, anchor: str) -> list[str]:
    parts = [f'<h3 id="{anchor}">{escape(layer.title)}</h3>', f'<p class="question">{escape(layer.question)}</p>']
    if layer.sentences:
        parts.append(f"<ul>{_items(layer.sentences)}</ul>")
    if layer.unsaid:  # before the figures: who stops reading there has read it
        gaps = _items(gap.text for gap in layer.unsaid)
        parts.append(f'<div class="unsaid"><h4>What could not be said</h4><ul>{gaps}</ul></div>')
    parts += [_picture(picture) for picture in layer.pictures]
    parts += [_table(table) for table in layer.tables]
    if layer.measures:
        parts.append(_definitions(layer.measures))
    return parts


def _picture(picture: Picture) -> str:
    caption = f"<strong>{escape(picture.title)}.</strong> {escape(picture.caption)}"
    return f"<figure>{picture.svg}<figcaption>{caption}</figcaption></figure>"


def _table(table: Table) -> str:
    columns = list(zip(*(row.cells for row in table.rows), strict=True)) or [()] * (len(table.head) - 1)
    units = [_unit(column) for column in columns]
    written = any(all(_is_n(row, cell) for row, cell in zip(table.rows, column, strict=True)) for column in columns)
    own_n = any(len(set(_counts(row))) > 1 for row in table.rows) or not any(map(_counts, table.rows))
    counted = {figure.measure.n_of for figure in table.figures if not figure.is_count}
    what = f", {escape(counted.pop())}" if len(counted) == 1 else ""
    numbers = "" if own_n or written else f'<th class="figure">n{what}</th>'
    heads = "".join(
        f"<th{'' if unit is None else ' class=figure'}>{escape(head)}{f', {escape(unit)}' if unit else ''}</th>"
        for head, unit in zip(table.head[1:], units, strict=True)
    )
    rows = "".join(_row(row, units, own_n=own_n, alone=not (own_n or written)) for row in table.rows)
    note = f"<p>{escape(table.note)}</p>" if table.note else ""
    head = f"<thead><tr><th>{escape(table.head[0])}</th>{numbers}{heads}</tr></thead>"
    return f'<h4>{escape(table.title)}</h4>{note}<div class="wide"><table>{head}<tbody>{rows}</tbody></table></div>'


def _unit(cells: Sequence[Cell]) -> str | None:
    """The unit that all figures of a column have, which may be none; None where it has no figures or several units."""
    units = {cell.measure.unit for cell in cells if isinstance(cell, Figure)}
    return units.pop() if len(units) == 1 else None


def _counts(row: Row) -> list[int]:
    """What the figures of a row rest on, themselves left out."""
    return [cell.n for cell in row.cells if isinstance(cell, Figure) and not cell.is_count]


def _is_n(row: Row, cell: Cell) -> bool:
    """Whether a cell is a count that says already what the figures of its row rest on."""
    return isinstance(cell, Figure) and cell.is_count and all(cell.n == n for n in _counts(row))


def _row(row: Row, units: Sequence[str | None], *, own_n: bool, alone: bool) -> str:
    """A line; `own_n`: n below each figure; `alone`: n in a column of its own."""
    counts = _counts(row)
    number = "" if not alone else f'<td class="figure">{f"{counts[0]:,}" if counts else ""}</td>'
    cells = "".join(_cell(cell, unit, own_n=own_n) for cell, unit in zip(row.cells, units, strict=True))
    return f"<tr><td>{escape(row.label)}</td>{number}{cells}</tr>"


def _cell(cell: Cell, unit: str | None, *, own_n: bool) -> str:
    """A figure, and below it what it rests on; its unit only where its column has several."""
    if not isinstance(cell, Figure):
        return f"<td>{escape(cell or '')}</td>"
    if cell.value is None:
        return '<td class="figure">–</td>'
    own_unit = f" {cell.measure.unit}" if unit is None and cell.measure.unit else ""
    below = [cell.interval_text, f"n {cell.n:,}" if own_n and not cell.is_count else ""]
    small = "".join(f"<small>{escape(words)}</small>" for words in below if words)
    return f'<td class="figure">{escape(cell.text)}{escape(own_unit)}{small}</td>'


def _definitions(measures: Sequence[Measure]) -> str:
    return f"<h4>What the figures mean</h4><dl>{_pairs(map(_defined, measures))}</dl>"


def _defined(measure: Measure) -> tuple[str, str]:
    """A measure with its unit, and what it means."""
    unit = f" ({measure.unit})" if measure.unit else ""
    source = f" Source: {measure.source}." if measure.source else ""
    return f"{measure.name}{unit}", f"{measure.definition} n counts {measure.n_of}.{source}"
