"""Corpora: clips from files and folders, cut at their barlines into patterns, with an account of every note."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rvae.account import ClipReport, Dropped, ImportReport
from rvae.card import CARD_NAME, Card, ClipCard, Makers, merge_cards
from rvae.copies import copies
from rvae.cutting import Reading, cut
from rvae.errors import CorpusError, MidiFileError
from rvae.grid import Quantiser
from rvae.kit import STANDARD_KIT, Kit
from rvae.meter import TICKS_PER_BEAT, Meter
from rvae.midi import MidiClip
from rvae.pattern import Pattern
from rvae.sources import Sources

Progress = Callable[[int, int], None]  # steps done, of how many


@dataclass(frozen=True)
class Corpus:
    """The patterns a model learns from, and where they come from.

    `cards`: the cards of the folders, each once. `report`: the account of every note-on in the files. `card_of`: the
    card that speaks for a file, where there is one. `withheld`: patterns of clips whose makers have not agreed, for
    finding what is like them; nothing is ever learned from these.
    """

    patterns: tuple[Pattern, ...]
    kit: Kit = STANDARD_KIT
    bars: int = 2
    ticks_per_beat: int = TICKS_PER_BEAT
    cards: tuple[Card, ...] = ()
    report: ImportReport = field(default_factory=ImportReport)
    card_of: Mapping[str, Card] = field(default_factory=dict)
    withheld: tuple[Pattern, ...] = ()

    def __post_init__(self) -> None:
        if not self.patterns:
            raise CorpusError("a corpus without patterns; give at least one clip with drum notes in it")
        shape = (self.kit, self.bars, self.ticks_per_beat)
        if any((pattern.kit, pattern.bars, pattern.ticks_per_beat) != shape for pattern in self.patterns):
            raise CorpusError(
                "the patterns of a corpus have one kit, one number of bars and one grid; read them together"
            )

    @property
    def clips(self) -> tuple[str, ...]:
        """The files that patterns came from, each once, in order."""
        return tuple(dict.fromkeys(pattern.source for pattern in self.patterns))

    @property
    def meters(self) -> tuple[Meter, ...]:
        """The meters of the patterns, each once, in order."""
        return tuple(dict.fromkeys(pattern.meter for pattern in self.patterns))

    @property
    def card(self) -> Card:
        """All cards as one, with what holds for the clips that are here."""
        if not self.card_of:
            return merge_cards(self.cards)
        cards = ((clip, self.card_of.get(clip)) for clip in self.clips)
        return merge_cards(self.cards, (ClipCard() if card is None else card.of_clip(clip) for clip, card in cards))

    @property
    def onsets(self) -> int:
        """Onsets in all patterns, copies made to fill a cycle included."""
        return sum(pattern.onsets for pattern in self.patterns)

    def makers_of(self, clip: str) -> Makers:
        """Whose a clip is and what it is called, by its file."""
        card = self.card_of.get(clip)
        return Makers() if card is None else card.makers_of(clip)

    def of_clips(self, clips: Iterable[str]) -> Corpus:
        """The part of the corpus that came from these files, without the cards of folders of which nothing is left.

        Raises CorpusError where no file is left.
        """
        wanted = set(clips)
        kept = tuple(report for report in self.report.clips if report.file in wanted)
        patterns = tuple(pattern for pattern in self.patterns if pattern.source in wanted)
        card_of = {file: card for file, card in self.card_of.items() if file in wanted}
        left, all_known = ({id(card) for card in found.values()} for found in (card_of, self.card_of))
        cards = tuple(card for card in self.cards if id(card) in left or id(card) not in all_known)
        return replace(self, patterns=patterns, report=ImportReport(kept), cards=cards, card_of=card_of)

    def without(self, clips: Iterable[str]) -> Corpus:
        """The part that came from other files. Raises CorpusError where no file is left."""
        gone = set(clips)
        return self.of_clips(clip for clip in self.clips if clip not in gone)


def read_corpus(
    paths: Iterable[str | Path] | str | Path,
    *,
    bars: int = 2,
    kit: Kit = STANDARD_KIT,
    channel: int | None = None,
    ticks_per_beat: int = TICKS_PER_BEAT,
    quantise: Quantiser = "subdivision",
    groupings: Sequence[Meter] = (),
    on_time: bool = False,
    progress: Progress | None = None,
) -> Corpus:
    """Read clips from MIDI files, and from folders and zip archives with all that is in them.

    `bars`: 1, 2 or 4, the bars of one pattern. `channel`: 1..16 where the drums are; without it channel 10 if it has
    notes, otherwise every channel. `groupings`: how meters are felt, e.g. `Meter.parse("7/8(3+2+2)")`; otherwise a
    text in the file says so, then the card (`dataset.toml` in the clip's folder or the nearest above it), then custom.
    `on_time`: move each take by as much as it is early or late as a whole. `progress`: told the steps done, and of how
    many. A clip whose makers have not agreed to training gives no patterns, nor does a copy of it, and a file that
    cannot be read is no error: all are in `report.dropped`. Raises CorpusError where no file leaves anything,
    UsageError for an argument out of range, FileError for a card that cannot be read.
    """
    reading = Reading(bars, kit, channel, ticks_per_beat, quantise, tuple(groupings), on_time)
    return cut_corpus(read_files(paths, progress), reading, progress)


@dataclass(frozen=True, eq=False)
class Files:
    """Clips as they stand in their files, each with the card that speaks for it, and what cannot be read.

    `others`: files beside them that are no clips, counted by the end of their name.
    """

    clips: tuple[tuple[Path, MidiClip, Card | None], ...]
    unreadable: tuple[Dropped, ...] = ()
    others: Mapping[str, int] = field(default_factory=dict)


def read_files(paths: Iterable[str | Path] | str | Path, progress: Progress | None = None) -> Files:
    """Read files and folders and archives of them, as they are. Raises CorpusError, FileError as `read_corpus` does."""
    sources = Sources()
    clips: list[tuple[Path, MidiClip, Card | None]] = []
    unreadable: list[Dropped] = []
    found = sources.find(paths)
    for number, path in enumerate(found):
        if progress is not None:
            progress(number, 2 * len(found))
        card = sources.card(path)
        try:
            clips.append((path, sources.read(path), card))
        except MidiFileError as error:
            unreadable.append(Dropped(str(path), str(error).removeprefix(f"{path}: ")))
    return Files(tuple(clips), (*sources.refused, *unreadable), dict(sources.others.most_common()))


def cut_corpus(files: Files, reading: Reading, progress: Progress | None = None) -> Corpus:
    """Cut clips at their barlines into patterns. Raises CorpusError where none is left."""
    patterns: list[Pattern] = []
    reports: list[ClipReport] = []
    card_of: dict[str, Card] = {}
    withheld: list[Pattern] = []
    copied = copies(files.clips)
    for number, (path, clip, card) in enumerate(files.clips):
        if progress is not None:
            progress(len(files.clips) + number, 2 * len(files.clips))
        known = ClipCard() if card is None else card.of_clip(path)
        why = _is_a_copy(copied[path]) if path in copied else ""
        found, report = cut(clip, str(path), reading, known, withheld=why)
        patterns += found
        reports.append(report)
        if known.is_refused:
            withheld += cut(clip, str(path), reading, replace(known, consent=""))[0]
        if card is not None:
            card_of[report.file] = card
    account = ImportReport(tuple(reports), files.unreadable, files.others)
    if not patterns:
        raise CorpusError(_nothing(account))
    taken = {pattern.source for pattern in patterns}
    kept = tuple({id(card): card for clip, card in card_of.items() if clip in taken}.values())
    return Corpus(
        tuple(patterns), reading.kit, reading.bars, reading.ticks_per_beat, kept, account, card_of, tuple(withheld)
    )


def _is_a_copy(of: Path) -> str:
    own = "if it is no copy, rvae card FOLDER --clip NAME --consent yes"
    return f"has the onsets of {of.name}, whose makers have not agreed to training; {own}"


def _nothing(report: ImportReport) -> str:
    """Why nothing is left of the files."""
    if report.files == 0:
        return (
            "no .mid, .midi, .h2song, .h2pattern or .als file found; give MIDI files, or a folder or zip that has some"
        )
    if report.files == 1:
        return "; ".join(f"{entry.file}: {entry.reason}" for entry in report.dropped)
    why = Counter(entry.reason for entry in report.dropped)
    reasons = "; ".join(reason for reason, _ in why.most_common(3)) or "no note in them"
    return f"nothing usable in {report.files} files: {reasons}"


def bundled_corpora() -> dict[str, Path]:
    """The corpora that come with rvae, by name: in the installed package, or beside it in a checkout."""
    here = Path(__file__).resolve().parent
    for home in (here / "_datasets", here.parent / "datasets"):
        if home.is_dir():
            return {folder.name: folder for folder in sorted(home.iterdir()) if (folder / CARD_NAME).is_file()}
    return {}
