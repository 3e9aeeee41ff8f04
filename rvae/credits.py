"""Credits: whose clips places of the plane are made of.

The latent of each place is a blend of the clips' latents whose weights sum to one (`rvae.plane`): these weights are
the credits. At its own place a clip has all of it; a clip without credit at a place can be taken out of the blends and
the place plays the same. What they are not: the decoder has learned from all clips, so each had a hand in how every
blend sounds, which is in no credit; and they say how much of a clip is in a place, not which of its onsets are whose.
Clips with the same onsets share what is theirs equally, as do the people of one clip. Of more than 160 different
patterns those without a seat have no credit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from rvae.card import NOBODY
from rvae.errors import PatternError
from rvae.pattern import Floats

if TYPE_CHECKING:
    from rvae.model import Clip

_SHOWN = 0.05  # less than this of a place is not worth a name in one line


@dataclass(frozen=True, eq=False)
class Credits:
    """How much of each of C clips is in each of N places. `weights`: float32 `[N, C]`, rows that sum to one."""

    weights: Floats
    clips: tuple[Clip, ...]

    def __post_init__(self) -> None:
        if self.weights.ndim != 2 or self.weights.shape[1] != len(self.clips):
            raise PatternError(
                f"credits of shape {self.weights.shape} for {len(self.clips)} clips; give one column each"
            )

    def over(self, shares: npt.ArrayLike) -> Credits:
        """The places as one, each counted so much; equally where all count nothing. `shares`: `[N]`, 0 or more."""
        counted = np.asarray(shares, np.float64)
        whole = counted.sum()
        mean = counted @ self.weights / whole if whole > 0 else self.weights.mean(axis=0)
        return Credits(mean[None].astype(np.float32), self.clips)

    def by_person(self) -> dict[str, Floats]:
        """How much of each contributor is in each place, `[N]` each, most first; together they are one."""
        return self._grouped(lambda clip: clip.people or (NOBODY,), shared=True)

    def by_clip(self) -> dict[str, Floats]:
        """How much of each clip, by its name, is in each place, `[N]` each, most first; together they are one."""
        return self._grouped(lambda clip: (clip.name,), shared=True)

    def by_tag(self) -> dict[str, Floats]:
        """How much of each tag is in each place, `[N]` each, most first. A clip counts for each tag it has."""
        return self._grouped(lambda clip: clip.tags, shared=False)

    def _grouped(self, names: Callable[[Clip], Iterable[str]], *, shared: bool) -> dict[str, Floats]:
        found: dict[str, Floats] = {}
        for column, clip in enumerate(self.clips):
            own = tuple(names(clip))
            part: Floats = self.weights[:, column] / np.float32(len(own) if shared else 1)
            for name in own:
                found[name] = found.get(name, np.zeros(len(self.weights), np.float32)) + part
        return dict(sorted(found.items(), key=lambda item: -float(item[1].sum())))

    def line(self, name_of: Callable[[str], str] = str) -> str:
        """The first place as one line for people: its clips, and whose they are where more than one person's are."""
        clips = _listed({name_of(name): float(part[0]) for name, part in self.by_clip().items()})
        people = self.by_person()
        if len(people) < 2:
            return clips
        return f"{_listed({name: float(part[0]) for name, part in people.items()})}: {clips}"


def _listed(shares: dict[str, float]) -> str:
    """`Ada 62 %, Ben 30 %, 8 % of others`."""
    named = [f"{name} {share:.0%}" for name, share in shares.items() if share >= _SHOWN]
    rest = sum(share for share in shares.values() if share < _SHOWN)
    return ", ".join([*named, *([f"{rest:.0%} of others"] if rest >= 0.005 else [])])
