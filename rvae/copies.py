"""Copies of clips whose makers have not agreed to training: the same onsets under another name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rvae.card import Card, refuses
from rvae.grid import Ints, Reals
from rvae.midi import MidiClip

_APART_QUARTERS = 1 / 96 + 1e-9  # what two programs round a time by, at the coarsest resolution in use
_LEAST_NOTES = 2  # one note is no music to recognise

Known = tuple[Path, MidiClip, Card | None]


@dataclass(frozen=True, eq=False)
class _Onsets:
    """Where the notes of a clip are, from its first one on, in quarters, and which: by pitch, then in their order. What
    is all but together changes places where times are rounded.
    """

    quarters: Reals
    pitches: Ints

    @classmethod
    def of(cls, clip: MidiClip) -> _Onsets:
        at, pitches = clip.notes[:, 0], clip.notes[:, 2]
        order = np.lexsort((at, pitches))
        return cls((at[order] - at.min()) / clip.ppq, pitches[order])

    def is_like(self, other: _Onsets) -> bool:
        return bool(np.all(np.abs(self.quarters - other.quarters) <= _APART_QUARTERS))


def is_withheld(path: Path, card: Card | None) -> bool:
    """Whether the makers of a clip have not agreed."""
    return card is not None and card.of_clip(path).is_refused


class Originals:
    """Clips whose copies are looked for. Of each only its onsets are kept."""

    def __init__(self, clips: Iterable[tuple[Path, MidiClip]]) -> None:
        self._by_pitches: dict[bytes, list[tuple[Path, _Onsets]]] = {}
        for path, clip in clips:
            if len(clip.notes) >= _LEAST_NOTES:
                onsets = _Onsets.of(clip)
                self._by_pitches.setdefault(onsets.pitches.tobytes(), []).append((path, onsets))

    def copied(self, path: Path, clip: MidiClip, card: Card | None) -> Path | None:
        """The first of them that has the onsets of a clip; None where it is no copy.

        Loudness, channel, resolution and a silence before the first note make no difference. A clip whose own entry in
        a card says yes is no copy: two people may have written the same bar.
        """
        if not self._by_pitches or len(clip.notes) < _LEAST_NOTES or _agreed(path, card):
            return None
        onsets = _Onsets.of(clip)
        likes: Sequence[tuple[Path, _Onsets]] = self._by_pitches.get(onsets.pitches.tobytes(), ())
        return next((other for other, theirs in likes if onsets.is_like(theirs)), None)


def copies(clips: Iterable[Known], of: Callable[[Path, Card | None], bool] = is_withheld) -> dict[Path, Path]:
    """Clips with the onsets of others, and of which: `of` says which are those others; see `Originals`."""
    rows = tuple(clips)
    originals = Originals((path, clip) for path, clip, card in rows if of(path, card))
    found = ((path, originals.copied(path, clip, card)) for path, clip, card in rows if not of(path, card))
    return {path: original for path, original in found if original is not None}


def _agreed(path: Path, card: Card | None) -> bool:
    """Whether a clip has a consent of its own, which is no refusal."""
    consent = "" if card is None else card.own_of(path).consent
    return bool(consent) and not refuses(consent)
