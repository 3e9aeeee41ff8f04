"""What would be learned from some files, what would not, and why, and what a model has learned from which music.

Figures for programs, a report for people.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich import progress
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rvae.account import Dropped, ImportReport
from rvae.corpus import Corpus, Progress
from rvae.counts import several
from rvae.findings import Findings, find
from rvae.wording import beat_missed, called, echoed, is_tempo_question, kit_doubted, not_taken, passed_over

if TYPE_CHECKING:
    from rvae.model import Model

_NAMES_SHOWN = 3
_CERTAINTY = re.compile(r" \(\d+%( certain)?\)")  # is each clip's own: files of one text are told in one line
_TWINS_SHOWN = 10


@contextmanager
def import_progress(console: Console) -> Iterator[Progress]:
    """A bar on the terminal while files are read; nothing where nobody looks."""
    bar = progress.Progress(console=console, transient=True, disable=not console.is_terminal)
    with bar:
        task = bar.add_task("reading clips", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def figures(corpus: Corpus, findings: Findings | None = None) -> dict[str, object]:
    """The account of a corpus, and what it would have one look at, as plain JSON values.

    `onsets` + `collisions` + the counts of `unmapped_notes` + the `onsets` of `dropped` = `note_ons`.
    """
    report = corpus.report
    looked = find(corpus) if findings is None else findings
    return {
        "files": report.files,
        "clips": len(corpus.clips),
        "patterns": len(corpus.patterns),
        "bars": sum(clip.bars for clip in report.clips),
        "note_ons": report.note_ons,
        "onsets": report.onsets,
        "meters": _meters(corpus),
        "ticks_per_beat": corpus.ticks_per_beat,
        "bars_per_pattern": corpus.bars,
        "kit": corpus.kit.name,
        "voices": _voices(corpus),
        "collisions": report.collisions,
        "early": report.early,
        "unmapped_notes": {str(pitch): count for pitch, count in report.unmapped.items()},
        "read_notes": {str(pitch): count for pitch, count in report.read.items()},
        "dropped": [{"file": gone.file, "reason": gone.reason, "onsets": gone.onsets} for gone in report.dropped],
        "notes": [{"file": clip.file, "note": note} for clip in report.clips for note in clip.notes],
        "cards": [card.as_mapping() for card in corpus.cards],
        "lean_ms": {clip.file: round(clip.lean_ms, 1) for clip in report.clips if clip.patterns},
        "meter_estimates": [
            {
                "file": clip.file,
                "meter": clip.estimate.meter.label,
                "certainty": round(clip.estimate.certainty, 3),
                "or": clip.estimate.other.label,
                "taken": clip.estimate.is_certain,
            }
            for clip in report.clips
            if clip.estimate is not None
        ],
        "tempo_estimates": [
            {
                "file": clip.file,
                "bpm": round(clip.tempo.bpm, 1),
                "certainty": round(clip.tempo.certainty, 3),
                "or": None if clip.tempo.other_bpm is None else round(clip.tempo.other_bpm, 1),
                "taken": clip.tempo.is_certain,
            }
            for clip in report.clips
            if clip.tempo is not None
        ],
        "doubts": [
            {"file": doubt.file, "label": doubt.label.label, "proposal": doubt.proposed.label, "why": doubt.why}
            for doubt in looked.doubts
        ],
        "duplicates": [
            {"file": twin.file, "other": twin.other, "exact": twin.exact, "onset_f1": round(twin.onset_f1, 3)}
            for twin in looked.twins
        ],
        "near_refused": [
            {"file": twin.file, "other": twin.other, "onset_f1": round(twin.onset_f1, 3)} for twin in looked.echoes
        ],
        "others": dict(report.others),
        "kit_doubt": None if looked.kit_doubt is None else asdict(looked.kit_doubt),
        "beatless": looked.beatless,
        "kit_proposals": [{"kit": kit.name, "onsets": kit.onsets, "notes": list(kit.pitches)} for kit in looked.kits],
    }


def _meters(corpus: Corpus) -> dict[str, dict[str, int]]:
    """By name of meter: the files that have it, and their bars and onsets in it; the commonest first."""
    files: Counter[str] = Counter()
    bars: Counter[str] = Counter()
    onsets: Counter[str] = Counter()
    for clip in corpus.report.clips:
        for meter, (meter_bars, meter_onsets) in clip.meters.items():
            files[meter.name] += 1
            bars[meter.name] += meter_bars
            onsets[meter.name] += meter_onsets
    return {name: {"files": count, "bars": bars[name], "onsets": onsets[name]} for name, count in files.most_common()}


def _voices(corpus: Corpus) -> dict[str, int]:
    total = Counter(dict.fromkeys(corpus.kit.names, 0))
    for clip in corpus.report.clips:
        total.update(clip.voices)
    return dict(total)


def print_report(corpus: Corpus, console: Console, findings: Findings | None = None) -> None:
    """The account of a corpus for people, and what it would have them look at."""
    looked = find(corpus) if findings is None else findings
    report = corpus.report
    bars = sum(clip.bars for clip in report.clips)
    found = f"{several(bars, 'bar')}, {several(len(corpus.patterns), 'pattern')} of {several(corpus.bars, 'bar')}"
    _say(console, f"{len(corpus.clips)} of {report.files} files are clips: {found}")
    grid = f"{corpus.ticks_per_beat} ticks per beat, kit {corpus.kit.name}"
    _say(console, f"{report.onsets} of {report.note_ons} notes are kept, on {grid}")
    for card in corpus.cards:
        said = (card.name, card.licence, ", ".join(card.people))
        _say(console, f"card: {'; '.join(filter(None, said)) or 'empty'}")
    console.print()
    console.print(_meter_table(corpus))
    console.print()
    console.print(_voice_table(corpus))
    names = called(report)
    _print_losses(corpus, console, names)
    _print_findings(corpus, looked, console, names)
    notes = [(_CERTAINTY.sub("", note), clip.file) for clip in report.clips for note in clip.notes]
    _print_grouped(console, "What was done to clips", (pair for pair in notes if "?" not in pair[0]), names)
    asked = [*_tempo_questions(report), *(pair for pair in notes if "?" in pair[0])]
    _print_grouped(console, "Questions that only you can answer", asked, names)  # last: a terminal shows its end


def _tempo_questions(report: ImportReport) -> Iterator[tuple[str, str]]:
    """Of takes that are left out until their tempo is said."""
    waiting = (entry for clip in filter(is_tempo_question, report.clips) for entry in clip.dropped)
    yield from ((f"not taken yet: {text}", file) for text, file in _reasons(waiting))


def _reasons(gone: Iterable[Dropped]) -> Iterator[tuple[str, str]]:
    """Why each was not taken, with the notes of all that were not for this reason; and its file."""
    onsets: Counter[str] = Counter()
    entries = [(_CERTAINTY.sub("", entry.reason), entry) for entry in gone]
    for reason, entry in entries:
        onsets[reason] += entry.onsets
    for reason, entry in entries:
        yield f"{reason} [{onsets[reason]} notes]" if onsets[reason] else reason, entry.file


def model_figures(model: Model) -> dict[str, object]:
    """What a model says of itself, as plain JSON values. `figures`: as `rvae train` measured them."""
    return {
        "preset": model.preset,
        "seed": model.seed,
        "bars_per_pattern": model.bars,
        "beats": list(model.beats),
        "meters": {meter.name: sum(clip.meter == meter for clip in model.clips) for meter in model.meters},
        "kit": {"name": model.kit.name, "voices": {voice.name: voice.pitch_out for voice in model.kit.voices}},
        "clips": [
            {
                "name": clip.name,
                "source": clip.source,
                "first_bar": clip.first_bar,
                "meter": clip.meter.name,
                "qpm": clip.qpm,
                "point": list(clip.point),
            }
            for clip in model.clips
        ],
        "figures": dict(model.figures),
        "card": dict(model.card),
    }


def print_model(model: Model, console: Console) -> None:
    """What a model says of itself, for people."""
    cycle = "1 bar" if model.bars == 1 else f"{model.bars} bars"
    sources = len({clip.source for clip in model.clips})
    _say(console, f"a model of {len(model.clips)} patterns of {cycle} from {sources} files")
    _say(console, f"preset {model.preset}, seed {model.seed}, kit {model.kit.name}: {', '.join(model.kit.names)}")
    for key, value in model.card.items():
        text = "; ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        if text:
            _say(console, f"{key}: {text}")
    if model.figures:
        plane = model.figures.get("plane")
        measured = [*model.figures.items(), *(plane.items() if isinstance(plane, dict) else ())]
        said = [f"{key} {value:.3g}" for key, value in measured if isinstance(value, int | float)]
        console.print()
        _say(console, f"What it remembers of its own clips: {', '.join(said)}")
    console.print()
    console.print(_clip_table(model))


def _clip_table(model: Model) -> Table:
    table = Table("clip", "from bar", "meter", box=None, pad_edge=False)
    for heading in ("qpm", "x", "y"):
        table.add_column(heading, justify="right")
    for clip in model.clips:
        x, y = clip.point
        numbers = (f"{clip.qpm:.1f}", f"{x:.3f}", f"{y:.3f}")
        table.add_row(Text(_printable(clip.name)), str(clip.first_bar + 1), clip.meter.name, *numbers)
    return table


def _meter_table(corpus: Corpus) -> Table:
    table = Table("meter", box=None, pad_edge=False)
    for heading in ("clips", "bars", "onsets"):
        table.add_column(heading, justify="right")
    for name, counts in _meters(corpus).items():
        table.add_row(Text(name), *(str(counts[key]) for key in ("files", "bars", "onsets")))
    return table


def _voice_table(corpus: Corpus) -> Table:
    table = Table("voice", box=None, pad_edge=False)
    table.add_column("onsets", justify="right")
    table.add_column("of all", justify="right")
    voices = _voices(corpus)
    total = max(1, sum(voices.values()))
    for name, count in voices.items():
        table.add_row(Text(name), str(count), f"{count / total:.1%}")
    return table


def _print_losses(corpus: Corpus, console: Console, names: Mapping[str, str]) -> None:
    report = corpus.report
    console.print()
    if report.early:
        _say(console, f"{report.early} notes were played just before a barline and belong to it")
    if report.collisions:
        _say(console, f"{report.collisions} notes fell on a tick of their voice that a louder one has")
    if report.unmapped:
        pitches = ", ".join(f"{pitch} ({count} times)" for pitch, count in report.unmapped.items())
        unmapped = f"{sum(report.unmapped.values())} unmapped notes, which no voice of the kit reads"
        _say(console, f"{unmapped}: {pitches}; --kit brings another kit")
    _print_grouped(console, "Not taken", _reasons(not_taken(report)), names)
    if report.onsets == report.note_ons and not report.dropped:
        _say(console, "nothing was lost")
    if report.others:
        _say(console, f"{passed_over(report.others)}; clips are MIDI: a sound has to be exported as notes")


def _print_findings(corpus: Corpus, findings: Findings, console: Console, names: Mapping[str, str]) -> None:
    if findings.kit_doubt is not None:
        _say(console, kit_doubted(findings.kit_doubt))
    if findings.beatless:
        _say(console, beat_missed(findings.beatless))
    for kit in findings.kits[:1]:
        _say(console, f"--kit {kit.name} would read {kit.onsets} of the unmapped: {', '.join(map(str, kit.pitches))}")
    leans = [clip.lean_ms for clip in corpus.report.clips if clip.patterns]
    if leans and max(map(abs, leans)) >= 1:
        low, middle, high = sorted(leans)[0], sorted(leans)[len(leans) // 2], sorted(leans)[-1]
        spread = f"{middle:+.0f} ms in the middle, {low:+.0f} to {high:+.0f}"
        _say(console, f"takes as a whole are early (-) or late (+): {spread}; --on-time takes it away")
    doubts = (
        (f"{doubt.label.label}, or {doubt.proposed.label}? {doubt.kind}", doubt.file) for doubt in findings.doubts
    )
    _print_grouped(console, "Labels that the music contradicts; they stand", doubts, names)
    if findings.echoes:
        console.print()
    for twin in findings.echoes:
        _say(console, echoed(twin, names))
    if findings.twins:
        console.print()
        _say(console, "The same music twice:")
    for twin in findings.twins[:_TWINS_SHOWN]:
        how = "to the note" if twin.exact else f"{twin.onset_f1:.0%} of the onsets"
        _say(console, f"  {names[twin.file]} and {names[twin.other]}: {how}")
    if len(findings.twins) > _TWINS_SHOWN:
        _say(console, f"  and {len(findings.twins) - _TWINS_SHOWN} more pairs: -o PAGE.html shows all")


def _print_grouped(console: Console, heading: str, lines: Iterable[tuple[str, str]], names: Mapping[str, str]) -> None:
    """Each text once, with the files it is about."""
    files: dict[str, list[str]] = {}
    for text, file in lines:
        files.setdefault(text, []).append(names[file])
    if not files:
        return
    console.print()
    _say(console, f"{heading}:")
    for text, of in sorted(files.items(), key=lambda group: -len(group[1])):
        more = f" and {len(of) - _NAMES_SHOWN} more" if len(of) > _NAMES_SHOWN else ""
        _say(console, f"  {text}: {', '.join(of[:_NAMES_SHOWN])}{more}")


def _say(console: Console, text: str) -> None:
    """One line as it is: brackets in a file name are no markup."""
    console.print(Text(_printable(text)), soft_wrap=True)


def _printable(text: str) -> str:
    """Text without what a terminal would obey: a stranger's file may hold anything."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
