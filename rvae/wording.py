"""What was made of a clip, in a musician's words: the same on a page and on the screen."""

from __future__ import annotations

from collections.abc import Mapping

from rvae.account import ClipReport, Dropped, ImportReport
from rvae.audit.percussion import name_of
from rvae.counts import several
from rvae.findings import KitDoubt, Twin
from rvae.names import short_names
from rvae.stretches import NO_SIGNATURE

_KINDS_SHOWN = 6


def called(report: ImportReport) -> dict[str, str]:
    """What each file is called: its name, with as much of its path as tells it from others of that name."""
    return short_names([*(clip.file for clip in report.clips), *(entry.file for entry in report.dropped)])


def facts(clip: ClipReport) -> list[str]:
    """What is in it, what was kept, and what was not, in a few words each."""
    meters = (f"{several(bars, 'bar')} of {meter.label}" for meter, (bars, _) in clip.meters.items())
    kept = "all" if clip.onsets == clip.note_ons else f"{clip.onsets:,} of"
    found = [
        ", ".join(meters) or "no bars",
        several(clip.patterns, "pattern"),
        f"{kept} {several(clip.note_ons, 'note')} kept" if clip.note_ons else "no notes",
        f"{clip.qpm:.0f} quarters a minute",
    ]
    if clip.collisions:
        found.append(f"{several(clip.collisions, 'note')} too close to a louder one")
    if clip.unmapped:
        missing = ", ".join(f"{pitch} ({name_of(pitch)}) {count}" for pitch, count in clip.unmapped.items())
        found.append(f"not read: {missing}")
    return [*found, early_or_late(clip.lean_ms) + " as a whole"] if abs(clip.lean_ms) >= 1 else found


def done(clip: ClipReport) -> list[str]:
    """What was done to it, and what was not taken of it, with why."""
    found = list(clip.notes)
    for entry in clip.dropped:
        notes = f" ({several(entry.onsets, 'note')})" if entry.onsets else ""  # those of no voice are told by pitch
        found.append(f"not taken: {entry.reason}{notes}")
    return found


def is_question(clip: ClipReport) -> bool:
    """Whether its meter is one that only its maker can tell."""
    return clip.estimate is not None and bool(clip.patterns) and not clip.estimate.is_certain


def is_tempo_question(clip: ClipReport) -> bool:
    """Whether it was played freely, at a tempo that only its maker can tell: it is not taken until then."""
    return clip.tempo is not None and not clip.tempo.is_certain and not clip.patterns


def other_questions(clip: ClipReport) -> list[str]:
    """What else is asked of it, among the words on what was done to it."""
    return [note for note in clip.notes if "?" in note and not (is_question(clip) and note.startswith(NO_SIGNATURE))]


def not_taken(report: ImportReport) -> list[Dropped]:
    """All that was not taken, but for takes that wait for their tempo: these are questions."""
    waiting = {clip.file for clip in filter(is_tempo_question, report.clips)}
    return [entry for entry in report.dropped if entry.file not in waiting]


def kit_doubted(doubt: KitDoubt) -> str:
    """A question whether the clips are of another maker's kit."""
    return (
        f"hardly any hi-hat ({doubt.heard:,} of {several(doubt.notes, 'note')}): are the clips made for another kit? "
        f"--kit {doubt.name} would read {doubt.hats:,} as hi-hat; if they are of General MIDI, leave it"
    )


def beat_missed(onsets: int) -> str:
    """A question whether clips with neither kick nor snare are of an own kit."""
    return (
        f"no kick and no snare among {several(onsets, 'onset')}: are these notes other drums in your set? "
        "A kit of your own says which (--kit FILE, or f9 in the window); if it is percussion, leave it"
    )


def echoed(twin: Twin, names: Mapping[str, str]) -> str:
    """A clip that is learned and nearly one whose makers have not agreed, with what to do about it."""
    return (
        f"{names[twin.file]} is {twin.onset_f1:.0%} the onsets of {names[twin.other]}, whose makers have not agreed; "
        f"it is learned: if it is theirs, rvae card FOLDER --clip NAME --consent no"
    )


def passed_over(others: Mapping[str, int]) -> str:
    """Files that are no clips, by the end of their name."""
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in list(others.items())[:_KINDS_SHOWN])
    more = ", ..." if len(others) > _KINDS_SHOWN else ""
    return f"{several(sum(others.values()), 'other file')} passed over: {kinds}{more}"


def early_or_late(ms: float) -> str:
    """Milliseconds from the click in words."""
    return "on time" if abs(ms) < 1 else f"{abs(ms):.0f} ms {'early' if ms < 0 else 'late'}"
