"""Credits of a set: the share of each contributor and of each clip in what was played, by time and by onsets.

The time of a pattern is that from its beginning to the next one's, while the music runs, whether or not anything sounds
in it. An onset counts as the place does that it was decoded at, also one that a player has pinned there.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import get_args

from performance.journal import Applied, Closed, Entry, Lost, Opened, Went
from performance.sequencer import Onset
from performance.shares import Shares, shares_of
from performance.timeline import Begin, End, Move, Timeline
from rvae.midi import write_whole
from rvae.pattern import Pattern

UNKNOWN = "not known"
_MOVES = get_args(Move)
_NS_PER_S = 1e9
_A_LITTLE = Fraction(1, 24 * 2**16)
_KEPT = 64


@dataclass(slots=True)
class Played:
    """What a set had of each name: `seconds` that it played, `onsets` that sounded; by contributor and by clip."""

    seconds: dict[tuple[str, str], float] = field(default_factory=dict)
    onsets: dict[tuple[str, str], float] = field(default_factory=dict)

    def add(self, shares: Shares | None, *, seconds: float = 0.0, onsets: int = 0) -> None:
        """Count some time, or some onsets, as these shares say."""
        if shares is None:
            shares = Shares({UNKNOWN: 1.0}, {UNKNOWN: 1.0})
        for kind, parts in (("contributor", shares.people), ("clip", shares.clips)):
            for name, share in parts.items():
                self.seconds[kind, name] = self.seconds.get((kind, name), 0.0) + share * seconds
                self.onsets[kind, name] = self.onsets.get((kind, name), 0.0) + share * onsets

    def rows(self) -> list[tuple[str, str, float, float, float, float]]:
        """Kind, name, seconds, share of the time, onsets, share of the onsets: most time first, contributors first."""
        found = []
        for kind in ("contributor", "clip"):
            names = [name for of, name in self.seconds if of == kind]
            whole_s = sum(self.seconds[kind, name] for name in names) or 1.0
            whole = sum(self.onsets[kind, name] for name in names) or 1.0
            for name in sorted(names, key=lambda name: (-self.seconds[kind, name], name)):
                seconds, onsets = self.seconds[kind, name], self.onsets[kind, name]
                found.append((kind, name, seconds, seconds / whole_s, onsets, onsets / whole))
        return found

    def lines(self) -> tuple[str, ...]:
        """The contributors' shares as lines, for the MIDI file."""
        return tuple(
            f"credits: {name} {of_time:.1%} of the time, {of_onsets:.1%} of the onsets"
            for kind, name, _, of_time, _, of_onsets in self.rows()
            if kind == "contributor"
        )

    def as_csv(self) -> str:
        """All shares as a table."""
        out = io.StringIO()
        table = csv.writer(out, lineterminator="\n")
        table.writerow(("kind", "name", "seconds", "share_of_time", "onsets", "share_of_onsets"))
        for kind, name, seconds, of_time, onsets, of_onsets in self.rows():
            table.writerow((kind, name, f"{seconds:.3f}", f"{of_time:.6f}", f"{onsets:.3f}", f"{of_onsets:.6f}"))
        return out.getvalue()


class _Ledger:
    """Takes a journal's entries in their order and plays them once more, to know which pattern is heard when."""

    def __init__(self) -> None:
        self.played = Played()
        self._timeline: Timeline | None = None
        self._made: dict[tuple[Fraction, int], Shares | None] = {}
        # What is made ahead of its time may be taken back: spans in ns that are not counted yet.
        self._ahead: list[tuple[int, int, Shares | None]] = []
        self._known: dict[str, Shares | None] = {}

    def take(self, entry: Entry) -> None:
        match entry:
            case Opened():
                self._timeline = Timeline.of_state(entry.state)
            case Applied(position, _, what) if isinstance(what, _MOVES) and self._timeline is not None:
                self._advance(self._timeline, position)
                if isinstance(what, End):
                    self.stop(what.at_ns)
                if isinstance(what, Begin):
                    self._made.clear()
                self._timeline.apply(what)
            case Went(Onset() as onset, due_ns, _):
                self.played.add(self._of(onset), onsets=1)
                self._count_until(due_ns)
            case Lost():
                self._timeline = None  # from here on nobody knows
            case Closed(position, at_ns):
                if self._timeline is not None:
                    self._advance(self._timeline, position)
                self.stop(at_ns)

    def _of(self, onset: Onset) -> Shares | None:
        """Whose an onset is that went. It was made, so the music had come as far when it went."""
        if self._timeline is None:
            return None
        self._advance(self._timeline, onset.quarters + _A_LITTLE)
        parts = self._timeline.sequencer.state.patterns
        waited = _in_force(parts, (onset.bar, onset.tick))  # made before the journal began
        return self._made.pop((onset.quarters, onset.voice), self._shares(waited))

    def _advance(self, timeline: Timeline, to: Fraction) -> None:
        transport, since, parts = timeline.transport, timeline.position, timeline.sequencer.state.patterns
        if transport is None or to <= since:
            return
        bars = timeline.bars
        for timed in timeline.advance(to):
            if isinstance(timed.event, Onset):
                onset = timed.event
                pattern = _in_force(parts, (onset.bar, onset.tick))
                self._made[onset.quarters, onset.voice] = self._shares(pattern)
        borders = [since, *(min(to, max(since, bars.quarters_at(*place))) for place, _ in parts[1:]), to]
        for (_, pattern), begin, end in zip(parts, borders, borders[1:], strict=False):
            if end > begin:
                self._ahead.append((transport.ns_at(begin), transport.ns_at(end), self._shares(pattern)))

    def _shares(self, pattern: Pattern) -> Shares | None:
        if pattern.source not in self._known:
            self._known = {pattern.source: shares_of(pattern), **dict(list(self._known.items())[:_KEPT])}
        return self._known[pattern.source]

    def _count_until(self, ns: int) -> None:
        """Count the spans that are over; what is heard now was not taken back."""
        while self._ahead and self._ahead[0][1] <= ns:
            begin, end, shares = self._ahead.pop(0)
            self.played.add(shares, seconds=(end - begin) / _NS_PER_S)

    def stop(self, at_ns: int | None = None) -> None:
        """Count what is left, up to where the music was stopped."""
        for begin, end, shares in self._ahead:
            heard_ns = (end if at_ns is None else min(end, at_ns)) - begin
            self.played.add(shares, seconds=max(0, heard_ns) / _NS_PER_S)
        self._ahead.clear()


def _in_force(parts: Sequence[tuple[tuple[int, int], Pattern]], place: tuple[int, int]) -> Pattern:
    """The pattern of a place, of several that begin each at its own; the first before that."""
    return next((pattern for begin, pattern in reversed(parts) if begin <= place), parts[0][1])


def played_in(entries: Iterable[Entry]) -> Played:
    """Whose music a journal has, by time and by onsets. A journal without its end counts as far as it goes."""
    ledger = _Ledger()
    for entry in entries:
        ledger.take(entry)
    ledger.stop()
    return ledger.played


def write_credits(path: str | Path, played: Played) -> int:
    """Write the shares as CSV; how many contributors they have. Raises FileError."""
    data = played.as_csv().encode("utf-8", "replace")

    def put(out: io.BufferedWriter) -> None:
        out.write(data)

    write_whole(path, put)
    return sum(kind == "contributor" for kind, *_ in played.rows())
