"""The report of an import as a page: one HTML file that needs nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape

import numpy as np

from rvae.account import ClipReport, ImportReport
from rvae.audit.page import document
from rvae.audit.percussion import name_of
from rvae.card import ClipCard
from rvae.certainty import told
from rvae.corpus import Corpus
from rvae.counts import several
from rvae.findings import Findings, KitProposal
from rvae.grid_picture import picture
from rvae.kitfile import find_kit
from rvae.pattern import Pattern
from rvae.wording import (
    beat_missed,
    called,
    done,
    early_or_late,
    echoed,
    facts,
    is_question,
    is_tempo_question,
    kit_doubted,
    not_taken,
    other_questions,
    passed_over,
)

_MOST_PICTURES = 300
_MOST_OPEN = 15  # rows of a table that stands open: a longer one opens at a click
_MOST_ASKED = 60  # and of one that asks for something
_LEAN_WORTH_SAYING_MS = 5.0
_NAMES_SHOWN = 5

_SAY_METER = "<code>rvae card FOLDER --clip NAME --meter M</code>"
_SAY_TEMPO = "<code>rvae card FOLDER --clip NAME --bpm N</code>"

Row = Sequence[str]


def import_page(corpus: Corpus, findings: Findings) -> str:
    """The whole page: what matters, then each file with a picture of its first pattern."""
    report, names = corpus.report, _names(corpus.report)
    bars = sum(clip.bars for clip in report.clips)
    kept = "All" if report.onsets == report.note_ons else f"{report.onsets:,} of"
    says = [
        f"{len(corpus.clips)} of {several(report.files, 'file')} can be learned from: {several(bars, 'bar')}, which "
        f"make {several(len(corpus.patterns), 'pattern')} of {several(corpus.bars, 'bar')}. {kept} "
        f"{several(report.note_ons, 'note')} are kept.",
        *_losses(corpus, findings, names),
    ]
    parts = [
        "<p>What rvae would learn from these files and what it would not. Nothing here was changed in them.</p>",
        f"<h2>In short</h2><ol>{_items(says)}</ol>",
        *_questions(report.clips, names),
        *_tempo_questions(report.clips, names),
        *_other_questions(report.clips, names),
        *_doubts(findings, names),
        *_dropped(report, names),
        *_unmapped(corpus, findings),
        *_echoes(findings, names),
        *_twins(findings, names),
        *_whose(corpus),
        *_meters(corpus),
        *_drums(corpus),
        *_overview(report.clips, names),
        f"<h2>Each file</h2><p>{escape(_LEGEND)}</p>",
        *_clips(corpus, names),
    ]
    return document("What is in these clips", parts)


_LEGEND = (
    "The picture shows the first pattern: one lane for each drum that plays, a line for each beat, thicker lines for "
    "bars; a dot is a note, large and dark where it is loud, and stands where it was played, beside its line if it "
    "was early or late. Tiled: repeated until a pattern is full. Completed: the last pattern is filled up with its own "
    "beginning."
)


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def _losses(corpus: Corpus, findings: Findings, names: Mapping[str, str]) -> list[str]:
    report = corpus.report
    says = []
    if report.unmapped:
        count = sum(report.unmapped.values())
        says.append(f"{several(count, 'note')} {_is(count)} of drums that kit {corpus.kit.name} does not read.")
    if findings.kit_doubt is not None:
        says.append(_sentence(kit_doubted(findings.kit_doubt)))
    if findings.beatless:
        says.append(_sentence(beat_missed(findings.beatless)))
    if report.others:
        says.append(_sentence(passed_over(report.others)))
    if report.collisions:
        says.append(
            f"{several(report.collisions, 'note')} came so close to a louder one of the same voice (a flam, a roll, a "
            "doubled note, two drums that the kit reads as one) that the grid has room for one: the louder stays."
        )
    if gone := not_taken(report):
        lost, count = sum(entry.onsets for entry in gone), len(gone)
        what = "1 file, or part of one," if count == 1 else f"{count} files, or parts of files,"
        notes = f", with {several(lost, 'note')}" if lost else ""  # those of no voice are counted as such
        says.append(f"{what} {'was' if count == 1 else 'were'} not taken{notes}.")
    leaning = [clip for clip in report.clips if abs(clip.lean_ms) >= _LEAN_WORTH_SAYING_MS]
    if leaning:
        middle = float(np.median([clip.lean_ms for clip in report.clips]))
        says.append(
            f"{several(len(leaning), 'take')} {_is(len(leaning))} {_LEAN_WORTH_SAYING_MS:g} ms or more early or late "
            f"as a whole (the middle one of all files: {early_or_late(middle)}). That is kept, as feel; if it is a "
            "delay of your interface, inspect and train with --on-time takes it away."
        )
    if findings.twins:
        exact = sum(twin.exact for twin in findings.twins)
        how = f", {exact} of them to the note" if exact else ""
        says.append(f"{several(len(findings.twins), 'pair')} of files {_has(len(findings.twins))} the same music{how}.")
    if findings.doubts:
        says.append(
            f"{several(len(findings.doubts), 'file')} {_has(len(findings.doubts))} a meter that the music contradicts."
        )
    elsewhere = [clip for clip in report.clips if clip.channel is None and clip.patterns]
    if elsewhere:
        count = len(elsewhere)
        says.append(
            f"{several(count, 'file')} {_has(count)} nothing on channel 10, where drums are: all notes were read as "
            f"drums there. If it is music without drums, take it out: {_some(elsewhere, names)}."
        )
    lines = [clip for clip in elsewhere if clip.is_one_line]
    if lines:
        says.append(
            f"Never two notes at once, as in a bass line or a melody: {_some(lines, names)}. If so, take it out."
        )
    asked = [clip for clip in report.clips if is_question(clip)]
    if asked:
        says.append(
            f"{several(len(asked), 'file')} {_has(len(asked))} a meter that only you can tell: see the questions."
        )
    free = sum(map(is_tempo_question, report.clips))
    if free:
        says.append(
            f"{several(free, 'take')} {_has(free)} a tempo that only you can tell, and {_is(free)} not taken until you "
            "do: see the questions."
        )
    others = sum(bool(other_questions(clip)) for clip in report.clips)
    if others:
        says.append(f"Of {several(others, 'file')} something else is asked: see the questions.")
    return says or ["Nothing was lost, and nothing asks for a second look."]


def _some(clips: Sequence[ClipReport], names: Mapping[str, str]) -> str:
    """The first of some files, by name."""
    more = f" and {len(clips) - _NAMES_SHOWN} more" if len(clips) > _NAMES_SHOWN else ""
    return ", ".join(names[clip.file] for clip in clips[:_NAMES_SHOWN]) + more


def _questions(clips: Sequence[ClipReport], names: Mapping[str, str]) -> Iterable[str]:
    found = [(clip, clip.estimate) for clip in clips if clip.estimate is not None and clip.patterns]
    asked = [(clip, estimate) for clip, estimate in found if not estimate.is_certain]
    taken = [(clip, estimate) for clip, estimate in found if estimate.is_certain]
    if asked:
        rows = [
            (names[clip.file], estimate.meter.label, told(estimate.certainty), estimate.other.label)
            for clip, estimate in asked
        ]
        why = (
            "These files do not say their meter, and their music does not tell it clearly. They are read in 4/4 until "
            f"you say: {_SAY_METER}."
        )
        head = ("file", "perhaps", "certain", "or")
        yield f"<h2>Questions: which meter?</h2><p>{why}</p>{_table(head, rows, 'files', _MOST_ASKED)}"
    if taken:
        heard = [(names[clip.file], estimate.meter.label, told(estimate.certainty)) for clip, estimate in taken]
        why = (
            "These files do not say their meter; it was taken from their music. If it is wrong, say the right one: "
            f"{_SAY_METER}."
        )
        yield f"<h2>Meters heard in the music</h2><p>{why}</p>{_table(('file', 'meter', 'certain'), heard, 'files')}"


def _tempo_questions(clips: Sequence[ClipReport], names: Mapping[str, str]) -> Iterable[str]:
    found = [(clip, clip.tempo) for clip in clips if clip.tempo is not None and is_tempo_question(clip)]
    if found:
        rows = [
            (
                names[clip.file],
                f"{tempo.bpm:.0f}",
                told(tempo.certainty),
                "" if tempo.other_bpm is None else f"{tempo.other_bpm:.0f}",
                f"{clip.note_ons:,}",
            )
            for clip, tempo in found
        ]
        why = (
            "These takes say no tempo and keep to no grid: they were played freely, and their beat is not clear. They "
            f"are not learned from until you say it, in felt beats per minute, about right: {_SAY_TEMPO}."
        )
        head = ("file", "perhaps", "certain", "or", "notes that wait")
        yield f"<h2>Questions: which tempo?</h2><p>{why}</p>{_table(head, rows, 'files', _MOST_ASKED)}"


def _other_questions(clips: Sequence[ClipReport], names: Mapping[str, str]) -> Iterable[str]:
    rows = [(names[clip.file], asked) for clip in clips for asked in other_questions(clip)]
    if rows:
        yield f"<h2>Questions: what else?</h2>{_table(('file', 'what is asked'), rows, 'questions', _MOST_ASKED)}"


def _doubts(findings: Findings, names: Mapping[str, str]) -> Iterable[str]:
    if findings.doubts:
        rows = [(names[doubt.file], doubt.label.label, doubt.proposed.label, doubt.why) for doubt in findings.doubts]
        why = (
            "What the file says stands; the proposal is for you to judge. If you agree, set the time signature in "
            f"your program, or say it: {_SAY_METER}. What is ternary inside may stay as it is: the grid holds a "
            "shuffle in 4/4 as exactly as one in 12/8."
        )
        head = ("file", "says", "proposal", "why")
        yield f"<h2>Meters that the music contradicts</h2><p>{why}</p>{_table(head, rows, 'files', _MOST_ASKED)}"


def _echoes(findings: Findings, names: Mapping[str, str]) -> Iterable[str]:
    if findings.echoes:
        items = _items(echoed(twin, names) for twin in findings.echoes)
        yield f"<h2>Nearly clips that may not be learned</h2><ul>{items}</ul>"


def _whose(corpus: Corpus) -> Iterable[str]:
    """Who made the clips, under what licence, and whether they agreed: each answer with how many clips have it."""
    said: Counter[tuple[str, str, str]] = Counter()
    for clip in corpus.report.clips:
        card = corpus.card_of.get(clip.file)
        known = ClipCard() if card is None else card.of_clip(clip.file)
        said["; ".join(known.people), known.licence, known.consent] += 1
    rows = [(*(part or "not said" for part in answers), f"{count:,}") for answers, count in said.most_common()]
    why = "What their cards say (<code>rvae card FOLDER</code> asks). Who said no is not learned from."
    table = _table(("who", "licence", "agreed to training", "files"), rows, "answers", _MOST_ASKED)
    yield f"<h2>Whose they are</h2><p>{why}</p>{table}"


def _twins(findings: Findings, names: Mapping[str, str]) -> Iterable[str]:
    if not findings.compared:
        yield "<h2>Duplicates</h2><p>Too many patterns to compare all with all: not looked for.</p>"
    elif findings.twins:
        rows = [
            (names[twin.file], names[twin.other], "to the note" if twin.exact else f"{twin.onset_f1:.0%} of the notes")
            for twin in findings.twins
        ]
        why = "A rhythm that is there twice weighs twice when it is learned: take one away if you do not want that."
        yield f"<h2>Duplicates</h2><p>{why}</p>{_table(('file', 'has the music of', 'how alike'), rows, 'pairs')}"


def _unmapped(corpus: Corpus, findings: Findings) -> Iterable[str]:
    unmapped = corpus.report.unmapped
    if unmapped:
        rows = [(str(pitch), name_of(pitch), f"{count:,}") for pitch, count in unmapped.items()]
        also = [_proposed(kit) for kit in findings.kits] or [
            "No kit that comes with rvae reads most of them. Make one of your own: rvae play, then F9, and a voice for "
            "each note; or write it as a small file (docs/kits.md)."
        ]
        head = ("note", "is usually", "times")
        why = "They are left out. If the clips were made with one of these, name its kit:" if findings.kits else ""
        table = _table(head, rows, "notes")
        yield f"<h2>Notes that no voice of the kit reads</h2>{table}<p>{why}</p><ul>{_items(also)}</ul>"


def _proposed(proposal: KitProposal) -> str:
    kit = find_kit(proposal.name)
    by_voice: dict[str, list[str]] = {}
    for pitch in proposal.pitches:
        row = kit.row_of_pitch(pitch)
        if row is not None:
            by_voice.setdefault(kit.names[row].replace("_", " "), []).append(str(pitch))
    how = "; ".join(f"{', '.join(pitches)} as {voice}" for voice, pitches in by_voice.items())
    return f"--kit {proposal.name} would read {proposal.onsets:,} of them: {how}"


def _meters(corpus: Corpus) -> Iterable[str]:
    found: dict[str, list[int]] = {}
    for clip in corpus.report.clips:
        for meter, (bars, onsets) in clip.meters.items():
            counts = found.setdefault(meter.label, [0, 0, 0])
            for place, count in enumerate((1, bars, onsets)):
                counts[place] += count
    rows = [
        (name, *(f"{count:,}" for count in counts))
        for name, counts in sorted(found.items(), key=lambda item: -item[1][0])
    ]
    yield f"<h2>Meters</h2>{_table(('meter', 'files', 'bars', 'notes'), rows, 'meters')}"


def _drums(corpus: Corpus) -> Iterable[str]:
    """What each voice got, and of which notes it was merged."""
    kept: Counter[str] = Counter()
    for clip in corpus.report.clips:
        kept.update(clip.voices)
    read = corpus.report.read
    rows = []
    for voice in corpus.kit.voices:
        made = sorted(((read[pitch], pitch) for pitch in voice.pitches_in if pitch in read), reverse=True)
        of = ", ".join(f"{count:,} {name_of(pitch)} ({pitch})" for count, pitch in made)
        rows.append((voice.name.replace("_", " "), f"{kept[voice.name]:,}", of or "none of its notes is in the files"))
    why = (
        f"Kit {corpus.kit.name} reads them as {len(corpus.kit)} voices. Drums that are read as one voice are one from "
        "here on; a kit of your own can keep them apart (docs/kits.md)."
    )
    yield f"<h2>Drums</h2><p>{escape(why)}</p>{_table(('voice', 'notes kept', 'read from'), rows, 'voices', 16)}"


def _dropped(report: ImportReport, names: Mapping[str, str]) -> Iterable[str]:
    if entries := not_taken(report):
        rows = [(names[gone.file], gone.reason, f"{gone.onsets:,}" if gone.onsets else "") for gone in entries]
        yield f"<h2>What was not taken</h2>{_table(('file', 'why', 'notes'), rows, 'entries')}"


def _overview(clips: Sequence[ClipReport], names: Mapping[str, str]) -> Iterable[str]:
    rows = []
    for number, clip in enumerate(clips):
        meters = ", ".join(meter.label for meter in clip.meters) or "none"
        numbers = (str(clip.bars), str(clip.patterns), f"{clip.onsets:,}", f"{_lost(clip):,}" if _lost(clip) else "")
        rows.append(
            (
                f"#file-{number}",
                names[clip.file],
                meters,
                *numbers,
                early_or_late(clip.lean_ms) if clip.patterns else "",
            )
        )
    head = ("file", "meters", "bars", "patterns", "notes kept", "lost", "as a whole")
    links = [f'<a href="{row[0]}">{escape(row[1])}</a>' for row in rows]
    table = _table(head, [("", *row[2:]) for row in rows], "files", firsts=links)
    yield f"<h2>All files</h2>{table}"


def _lost(clip: ClipReport) -> int:
    return clip.collisions + sum(clip.unmapped.values()) + sum(gone.onsets for gone in clip.dropped)


def _clips(corpus: Corpus, names: Mapping[str, str]) -> Iterable[str]:
    """Each file: its account, what was done to it, and a picture."""
    first: dict[str, Pattern] = {}
    for pattern in corpus.patterns:
        first.setdefault(pattern.source, pattern)
    shown = 0
    for number, clip in enumerate(corpus.report.clips):
        yield f'<h3 id="file-{number}">{escape(names[clip.file])}</h3><p>{escape("; ".join(facts(clip)))}</p>'
        if words := done(clip):
            yield f"<ul>{_items(words)}</ul>"
        if clip.file in first and shown < _MOST_PICTURES:
            shown += 1
            yield f"<figure>{picture(first[clip.file], names[clip.file])}</figure>"
    if shown == _MOST_PICTURES:
        yield f"<p>Pictures of the first {_MOST_PICTURES} files; inspect the others by themselves to see them.</p>"


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def _has(count: int) -> str:
    return "has" if count == 1 else "have"


def _names(report: ImportReport) -> dict[str, str]:
    """What each file is called, without what a page would not show."""
    found = called(report).items()
    return {file: "".join(letter if letter.isprintable() else " " for letter in name) for file, name in found}


def _items(lines: Iterable[str]) -> str:
    return "".join(f"<li>{escape(line)}</li>" for line in lines)


def _table(head: Row, rows: Sequence[Row], what: str, most: int = _MOST_OPEN, *, firsts: Sequence[str] = ()) -> str:
    """A table; a long one is folded, and says how many of `what` it has. `firsts`: its first cells, as HTML."""
    heads = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = ""
    for number, row in enumerate(rows):
        cells = [escape(cell) for cell in row]
        if firsts:
            cells[0] = firsts[number]
        body += f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
    table = f'<div class="wide"><table><tr>{heads}</tr>{body}</table></div>'
    return table if len(rows) <= most else f"<details><summary>All {len(rows):,} {what}</summary>{table}</details>"
