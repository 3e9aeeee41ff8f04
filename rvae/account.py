"""The account of an import: what became of every note-on of every file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from rvae.meter import Meter
from rvae.metrical import Estimate
from rvae.tempo import TempoEstimate


@dataclass(frozen=True, slots=True)
class Dropped:
    """Something that was not taken: the file, why, and how many note-ons went with it (0 where they cannot be read)."""

    file: str
    reason: str
    onsets: int = 0


@dataclass(frozen=True, slots=True)
class ClipReport:
    """What was made of one file. `onsets` + `collisions` + unmapped + dropped = `note_ons`, always.

    `meters`: (bars, onsets) by meter. `voices`: onsets by voice. `unmapped`: note-ons by pitch that no voice of the
    kit has; `read`: by pitch that a voice has, collisions and all. `dropped`: what else was not taken. `notes`: words
    on what was done to the clip: tiled, completed, moved. `channel`: 1..16, or None where all were read. `qpm`: its
    first tempo. `early`: onsets played before a barline and held against it. `estimate`: of the meter, where neither
    the file nor its card says any. `lean_ms`: how early (negative) or late the take is as a whole. `tempo`: of a take
    that was played freely. `doubt`: a meter that its music has rather than the one it says.
    `is_withheld`: not taken for want of consent. `is_one_line`: read from another channel than the drums' and never two
    notes at once, as in a bass line. Copies made to fill a cycle are counted nowhere.
    """

    file: str
    note_ons: int
    onsets: int
    collisions: int
    patterns: int
    meters: Mapping[Meter, tuple[int, int]]
    voices: Mapping[str, int]
    unmapped: Mapping[int, int]
    dropped: tuple[Dropped, ...]
    notes: tuple[str, ...]
    channel: int | None
    qpm: float
    early: int
    estimate: Estimate | None = None
    lean_ms: float = 0.0
    read: Mapping[int, int] = field(default_factory=dict)
    tempo: TempoEstimate | None = None
    doubt: Meter | None = None
    is_withheld: bool = False
    is_one_line: bool = False

    @property
    def bars(self) -> int:
        """Bars in all meters, as they stand in the file."""
        return sum(bars for bars, _ in self.meters.values())


@dataclass(frozen=True)
class ImportReport:
    """What was made of all files: `clips`, those that could be read, and `unreadable`, those that could not.

    `others`: files beside them that are no clips, such as sound, counted by the end of their name.
    """

    clips: tuple[ClipReport, ...] = ()
    unreadable: tuple[Dropped, ...] = ()
    others: Mapping[str, int] = field(default_factory=dict)

    @property
    def dropped(self) -> tuple[Dropped, ...]:
        """All that was not taken, whole files first."""
        return self.unreadable + tuple(entry for clip in self.clips for entry in clip.dropped)

    @property
    def files(self) -> int:
        """Files looked at, readable or not."""
        return len(self.clips) + len(self.unreadable)

    @property
    def note_ons(self) -> int:
        """Note-ons in the files that could be read."""
        return sum(clip.note_ons for clip in self.clips)

    @property
    def onsets(self) -> int:
        """Note-ons that are in the patterns, each counted once."""
        return sum(clip.onsets for clip in self.clips)

    @property
    def early(self) -> int:
        """Onsets that were played just before a barline and belong to it."""
        return sum(clip.early for clip in self.clips)

    @property
    def collisions(self) -> int:
        """Note-ons that lost their tick to a louder one of their voice."""
        return sum(clip.collisions for clip in self.clips)

    @property
    def unmapped(self) -> dict[int, int]:
        """Note-ons by pitch that no voice has."""
        return _added(clip.unmapped for clip in self.clips)

    @property
    def read(self) -> dict[int, int]:
        """Note-ons by pitch that a voice has, those that collided too."""
        return _added(clip.read for clip in self.clips)


def _added(counts: Iterable[Mapping[int, int]]) -> dict[int, int]:
    total: Counter[int] = Counter()
    for count in counts:
        total.update(count)
    return dict(sorted(total.items()))
