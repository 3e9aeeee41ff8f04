"""The report of an import as a page: one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import PurePath

import numpy as np

from rvae.account import ClipReport
from rvae.audit.drawing import BLUE, FAINT, GREY, INK, dot, line, svg, text
from rvae.audit.page import document
from rvae.audit.percussion import name_of
from rvae.corpus import Corpus
from rvae.findings import Findings
from rvae.meter import TICKS_PER_BEAT
from rvae.pattern import Pattern

_LEFT, _LANE, _HEAD, _WIDTH = 92, 13, 18, 720
_MOST_PICTURES = 300
_LEAN_WORTH_SAYING_MS = 5.0


def import_page(corpus: Corpus, findings: Findings) -> str:
    """The whole page: what matters, then each file with a picture of its first cycle."""
    report = corpus.report
    bars = sum(clip.bars for clip in report.clips)
    says = [
        f"{len(corpus.clips)} of {_several(report.files, 'file')} can be learned from: {_several(bars, 'bar')}, which "
        f"make {_several(len(corpus.patterns), 'pattern')} of {_several(corpus.bars, 'bar')}. {report.onsets} of "
        f"{report.note_ons} notes are kept.",
        *_losses(corpus, findings),
    ]
    parts = [
        "<p>What rvae would learn from these files and what it would not. Nothing here was changed in them.</p>",
        f"<h2>In short</h2><ol>{_items(says)}</ol>",
        *_questions(report.clips),
        *_doubts(findings),
        *_twins(findings),
        *_unmapped(corpus, findings),
        *_meters(corpus),
        *_dropped(corpus),
        f"<h2>The files</h2><p>{escape(_LEGEND)}</p>",
        *_clips(corpus),
    ]
    return document("What is in these clips", parts)


_LEGEND = (
    "One lane for each drum that plays, one column of lines for each beat, thicker lines for bars; a dot is an onset, "
    "large and dark where it is loud, and stands where it was played, beside its tick if it was early or late."
)


def _losses(corpus: Corpus, findings: Findings) -> list[str]:
    report = corpus.report
    says = []
    if report.unmapped:
        says.append(f"{sum(report.unmapped.values())} notes are of pitches that kit {corpus.kit.name} does not read.")
    if report.collisions:
        says.append(f"{report.collisions} notes fell on a tick of their drum that a louder one has.")
    if report.dropped:
        lost = sum(entry.onsets for entry in report.dropped)
        says.append(f"{_several(len(report.dropped), 'file or part of one')} was not taken, with {lost} notes.")
    leaning = [clip for clip in report.clips if abs(clip.lean_ms) >= _LEAN_WORTH_SAYING_MS]
    if leaning:
        middle = float(np.median([clip.lean_ms for clip in report.clips]))
        says.append(
            f"{_several(len(leaning), 'take')} {_LEAN_WORTH_SAYING_MS:g} ms or more early or late as a whole (the "
            f"middle one of all files: {_ms(middle)}). That is kept as feel; --on-time takes it away."
        )
    if findings.twins:
        exact = sum(twin.exact for twin in findings.twins)
        says.append(
            f"{_several(len(findings.twins), 'pair')} of files with the same music, {exact} of them to the note."
        )
    if findings.doubts:
        says.append(f"{_several(len(findings.doubts), 'file')} with a meter that the music contradicts.")
    return says or ["Nothing was lost, and nothing asks for a second look."]


def _ms(value: float) -> str:
    return "on time" if abs(value) < 1 else f"{abs(value):.0f} ms {'early' if value < 0 else 'late'}"


def _questions(clips: Sequence[ClipReport]) -> Iterable[str]:
    asked = [clip for clip in clips if clip.estimate is not None and clip.patterns]
    if asked:
        rows = [
            (
                _name(clip.file),
                clip.estimate.meter.label,
                f"{clip.estimate.certainty:.0%}",
                clip.estimate.other.label,
                "taken" if clip.estimate.is_certain else "a question: read in 4/4 until you say",
            )
            for clip in asked
            if clip.estimate is not None
        ]
        how = "Say it with <code>rvae card FOLDER --clip NAME --meter M</code>."
        head = ("file", "by its music", "certain", "or", "what was done")
        yield f"<h2>Files that do not say their meter</h2><p>{how}</p>{_table(head, rows)}"


def _doubts(findings: Findings) -> Iterable[str]:
    if findings.doubts:
        rows = [(_name(doubt.file), doubt.label.label, doubt.proposed.label, doubt.why) for doubt in findings.doubts]
        why = "The label stands; the proposal is for you to judge. Set the time signature in your program if you agree."
        head = ("file", "says", "proposal", "why")
        yield f"<h2>Labels that the music contradicts</h2><p>{why}</p>{_table(head, rows)}"


def _twins(findings: Findings) -> Iterable[str]:
    if not findings.compared:
        yield "<h2>Duplicates</h2><p>Too many patterns to compare all with all: not looked for.</p>"
    elif findings.twins:
        rows = [
            (_name(twin.file), _name(twin.other), "to the note" if twin.exact else f"{twin.onset_f1:.0%} of the onsets")
            for twin in findings.twins
        ]
        why = "A rhythm that is there twice weighs twice when it is learned."
        yield f"<h2>Duplicates</h2><p>{why}</p>{_table(('file', 'has the music of', 'how alike'), rows)}"


def _unmapped(corpus: Corpus, findings: Findings) -> Iterable[str]:
    unmapped = corpus.report.unmapped
    if unmapped:
        rows = [(str(pitch), name_of(pitch), str(count)) for pitch, count in unmapped.items()]
        proposals = [
            f"--kit {kit.name} would read {kit.onsets} of them (notes {', '.join(map(str, kit.pitches))})"
            for kit in findings.kits
        ]
        also = proposals or ["No kit that comes with rvae reads them: bring one of your own (docs/kits.md)."]
        head = ("note", "is usually", "times")
        yield f"<h2>Notes that no drum of the kit reads</h2>{_table(head, rows)}<ul>{_items(also)}</ul>"


def _meters(corpus: Corpus) -> Iterable[str]:
    found: dict[str, list[int]] = {}
    for clip in corpus.report.clips:
        for meter, (bars, onsets) in clip.meters.items():
            counts = found.setdefault(meter.label, [0, 0, 0])
            for place, count in enumerate((1, bars, onsets)):
                counts[place] += count
    rows = [(name, *map(str, counts)) for name, counts in sorted(found.items(), key=lambda item: -item[1][0])]
    yield f"<h2>Meters</h2>{_table(('meter', 'files', 'bars', 'onsets'), rows)}"


def _dropped(corpus: Corpus) -> Iterable[str]:
    if corpus.report.dropped:
        rows = [(_name(gone.file), gone.reason, str(gone.onsets)) for gone in corpus.report.dropped]
        yield f"<h2>What was not taken</h2>{_table(('file', 'why', 'notes'), rows)}"


def _clips(corpus: Corpus) -> Iterable[str]:
    """Each file: its account, what was done to it, and a picture."""
    first: dict[str, Pattern] = {}
    for pattern in corpus.patterns:
        first.setdefault(pattern.source, pattern)
    shown = 0
    for clip in corpus.report.clips:
        meters = (
            ", ".join(f"{_several(bars, 'bar')} of {meter.label}" for meter, (bars, _) in clip.meters.items())
            or "no bars"
        )
        lost = clip.collisions + sum(clip.unmapped.values()) + sum(gone.onsets for gone in clip.dropped)
        facts = [
            meters,
            _several(clip.patterns, "pattern"),
            f"{clip.onsets} of {clip.note_ons} notes",
            f"{clip.qpm:.0f} qpm",
        ]
        facts += [f"{lost} notes lost"] if lost else []
        facts += [_ms(clip.lean_ms) + " as a whole"] if abs(clip.lean_ms) >= 1 else []
        yield f"<h3>{escape(_name(clip.file))}</h3><p>{escape('; '.join(facts))}</p>"
        done = [*clip.notes, *(f"not taken: {gone.reason} ({gone.onsets} notes)" for gone in clip.dropped)]
        if done:
            yield f"<ul>{_items(done)}</ul>"
        if clip.file in first and shown < _MOST_PICTURES:
            shown += 1
            yield f"<figure>{picture(first[clip.file])}</figure>"
    if shown == _MOST_PICTURES:
        yield f"<p>Pictures of the first {_MOST_PICTURES} files; inspect the others by themselves to see them.</p>"


def picture(pattern: Pattern) -> str:
    """A cycle on its grid as SVG, with real lengths: a long beat is long."""
    rows = [row for row in range(len(pattern.kit)) if pattern.onset[row].any()]
    meter = pattern.meter
    room = _WIDTH - _LEFT - 8
    bottom = _HEAD + len(rows) * _LANE
    quarters = float(pattern.quarters)
    per_beat = pattern.ticks_per_beat / TICKS_PER_BEAT

    def x(ticks: float) -> float:
        bar, inside = divmod(ticks / per_beat / TICKS_PER_BEAT, meter.beats)
        lengths = np.concatenate([[0.0], np.cumsum([float(beat) / 2 for beat in meter.beat_eighths])])
        at = bar * float(meter.bar_quarters) + float(np.interp(inside, range(len(lengths)), lengths))
        return _LEFT + at / quarters * room

    parts = [text(_LEFT, 11, f"{meter.label}, from bar {pattern.first_bar + 1}", size=10)]
    for lane, row in enumerate(reversed(rows)):
        y = _HEAD + lane * _LANE + _LANE / 2
        parts.append(text(_LEFT - 6, y + 3.5, pattern.kit.names[row].replace("_", " "), anchor="end", size=10))
        parts.append(line(_LEFT, y, _LEFT + room, y, FAINT))
    for beat in range(pattern.bars * meter.beats + 1):
        edge = beat % meter.beats == 0
        at = x(beat * pattern.ticks_per_beat)
        parts.append(line(at, _HEAD - 3, at, bottom, INK if edge else GREY, width=1.5 if edge else 0.6))
    for lane, row in enumerate(reversed(rows)):
        for tick in np.flatnonzero(pattern.onset[row]).tolist():
            loud = float(pattern.velocity[row, tick])
            at = x(max(0.0, tick + float(pattern.microtiming[row, tick])))
            parts.append(dot(at, _HEAD + lane * _LANE + _LANE / 2, 1.5 + 3 * loud, BLUE, opacity=0.35 + 0.65 * loud))
    return svg(parts, bottom + 4, title=f"{_name(pattern.source)} on its grid", width=_WIDTH)


def _several(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _name(file: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in PurePath(file).name)


def _items(lines: Iterable[str]) -> str:
    return "".join(f"<li>{escape(line)}</li>" for line in lines)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    heads = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{heads}</tr>{body}</table></div>'
