"""Corpora: clips from files and folders, cut at their barlines into patterns, with an account of every note."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rvae.account import ClipReport, Dropped, ImportReport
from rvae.card import CARD_NAME, Card, ClipCard, Makers, merge_cards
from rvae.copies import Known, Originals, is_withheld
from rvae.cutting import cut
from rvae.errors import CorpusError, MidiFileError
from rvae.grid import Quantiser
from rvae.kit import STANDARD_KIT, Kit
from rvae.kitfile import find_kit
from rvae.meter import TICKS_PER_BEAT, Meter
from rvae.midi import MidiClip
from rvae.names import short_names
from rvae.pattern import Pattern
from rvae.reading import Reading
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
    kit: Kit | str = STANDARD_KIT,
    channel: int | None = None,
    ticks_per_beat: int = TICKS_PER_BEAT,
    quantise: Quantiser = "subdivision",
    groupings: Sequence[Meter] = (),
    on_time: bool = False,
    progress: Progress | None = None,
) -> Corpus:
    """Read clips from MIDI files, and from folders and zip archives with all that is in them.

    `bars`: 1, 2 or 4, the bars of one pattern. `kit`: one, or its name or file. `channel`: 1..16 where the drums are;
    without it channel 10 if it has notes, otherwise every channel. `groupings`: how meters are felt, e.g.
    `Meter.parse("7/8(3+2+2)")`; otherwise a text in the file says so, then the card (`dataset.toml` in the clip's
    folder or the nearest above it), then custom. `on_time`: move each take by as much as it is early or late as a
    whole. `progress`: told the steps done, and of how many. A clip whose makers have not agreed to training gives no
    patterns, nor does a copy of it, and a file that cannot be read is no error: all are in `report.dropped`. Raises
    CorpusError where no file leaves anything, KitError for a kit that is none, UsageError for an argument out of range,
    FileError for a card that cannot be read.
    """
    kit = find_kit(kit) if isinstance(kit, str) else kit
    reading = Reading(bars, kit, channel, ticks_per_beat, quantise, tuple(groupings), on_time)
    sources, unreadable = Sources(), list[Dropped]()
    found = [(path, sources.card(path)) for path in sources.find(paths)]
    refused = _read(sources, [known for known in found if is_withheld(*known)], [])
    growing = _Growing(reading, Originals((path, clip) for path, clip, _ in refused))
    for path, clip, card in _read(sources, found, unreadable, progress):  # no clip is kept: there may be thousands
        growing.add(path, clip, card)
    return growing.corpus((*sources.refused, *unreadable), sources.others)


@dataclass(frozen=True, eq=False)
class Files:
    """Clips as they stand in their files, each with the card that speaks for it, and what cannot be read.

    `others`: files beside them that are no clips, counted by the end of their name.
    """

    clips: tuple[Known, ...]
    unreadable: tuple[Dropped, ...] = ()
    others: Counter[str] = field(default_factory=Counter)


def read_files(paths: Iterable[str | Path] | str | Path) -> Files:
    """Read files and folders and archives of them, as they are. Raises CorpusError, FileError as `read_corpus` does."""
    sources, unreadable = Sources(), list[Dropped]()
    found = [(path, sources.card(path)) for path in sources.find(paths)]
    clips = tuple(_read(sources, found, unreadable))
    return Files(clips, (*sources.refused, *unreadable), sources.others)


def _read(
    sources: Sources,
    found: Sequence[tuple[Path, Card | None]],
    unreadable: list[Dropped],
    progress: Progress | None = None,
) -> Iterator[Known]:
    """One clip after the other; those that cannot be read are put to the `unreadable`."""
    for number, (path, card) in enumerate(found):
        if progress is not None:
            progress(number, len(found))
        try:
            yield path, sources.read(path), card
        except MidiFileError as error:
            unreadable.append(Dropped(str(path), str(error).removeprefix(f"{path}: ")))


def cut_corpus(files: Files, reading: Reading) -> Corpus:
    """Cut clips at their barlines into patterns. Raises CorpusError where none is left."""
    refused = ((path, clip) for path, clip, card in files.clips if is_withheld(path, card))
    growing = _Growing(reading, Originals(refused))
    for path, clip, card in files.clips:
        growing.add(path, clip, card)
    return growing.corpus(files.unreadable, files.others)


class _Growing:
    """A corpus that is put together clip by clip. `originals`: those of which copies are not taken."""

    def __init__(self, reading: Reading, originals: Originals) -> None:
        self.reading = reading
        self.originals = originals
        self.patterns: list[Pattern] = []
        self.reports: list[ClipReport] = []
        self.card_of: dict[str, Card] = {}
        self.withheld: list[Pattern] = []

    def add(self, path: Path, clip: MidiClip, card: Card | None) -> None:
        """Cut one more."""
        known = ClipCard() if card is None else card.of_clip(path)
        original = None if known.is_refused else self.originals.copied(path, clip, card)
        why = "" if original is None else _is_a_copy(path, original)
        found, report = cut(clip, str(path), self.reading, known, withheld=why)
        self.patterns += found
        self.reports.append(report)
        if known.is_refused:
            self.withheld += cut(clip, str(path), self.reading, replace(known, consent=""))[0]
        if card is not None:
            self.card_of[report.file] = card

    def corpus(self, unreadable: Sequence[Dropped], others: Counter[str]) -> Corpus:
        """All that was cut. Raises CorpusError where that is nothing."""
        reading, card_of = self.reading, self.card_of
        account = ImportReport(tuple(self.reports), tuple(unreadable), dict(others.most_common()))
        if not self.patterns:
            raise CorpusError(_nothing(account))
        taken = {pattern.source for pattern in self.patterns}
        cards = tuple({id(card): card for clip, card in card_of.items() if clip in taken}.values())
        shape = (reading.kit, reading.bars, reading.ticks_per_beat)
        return Corpus(tuple(self.patterns), *shape, cards, account, card_of, tuple(self.withheld))


def _is_a_copy(path: Path, of: Path) -> str:
    own = "if it is no copy, rvae card FOLDER --clip NAME --consent yes"
    original = short_names([str(path), str(of)])[str(of)]
    return f"has the onsets of {original}, whose makers have not agreed to training; {own}"


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
