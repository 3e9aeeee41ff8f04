"""Whose a place of the plane is: shown as one line, and carried by the pattern that is played there.

A pattern has it in its `source`, beside the place it was decoded at. Journals keep patterns whole, so a recorded set
has its credits without the model. What they mean: `rvae.credits`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from rvae.card import NOBODY
from rvae.errors import CreditsError
from rvae.model import Model
from rvae.pattern import Pattern

_LEAST = 5e-4  # less than this of a place is rounding
_SHOWN = 0.05
_MOST_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Shares:
    """How much of each contributor and of each clip is in a place; each sums to one, most first."""

    people: Mapping[str, float]
    clips: Mapping[str, float]

    @property
    def line(self) -> str:
        """As one line for an audience: the clips, and whose they are where several people's are."""
        if len(self.people) < 2:
            return _listed(self.clips, _MOST_SHOWN)
        return f"{_listed(self.people, _MOST_SHOWN)}: {_listed(self.clips, _MOST_SHOWN // 2)}"


def shares_at(model: Model, point: tuple[float, float], beats: int) -> Shares | None:
    """Whose a place of the plane is; None for a model that keeps no account of it."""
    try:
        found = model.credits(point, beats=beats)
    except CreditsError:
        return None
    people: dict[str, float] = {}
    clips: dict[str, float] = {}
    for clip, weight in zip(found.clips, found.weights[0].tolist(), strict=True):
        if weight < _LEAST:
            continue
        clips[clip.name] = clips.get(clip.name, 0.0) + weight
        names = clip.people or (NOBODY,)
        for name in names:
            people[name] = people.get(name, 0.0) + weight / len(names)
    return Shares(_whole(people), _whole(clips))


def _whole(shares: Mapping[str, float]) -> dict[str, float]:
    """Shares that sum to one, most first."""
    total = sum(shares.values()) or 1.0
    return {name: share / total for name, share in sorted(shares.items(), key=lambda item: -item[1])}


def _listed(shares: Mapping[str, float], most: int) -> str:
    named = [(name, share) for name, share in shares.items() if share >= _SHOWN][:most]
    rest = 1 - sum(share for _, share in named)
    others = [f"{rest:.0%} others"] if rest >= 0.01 else []
    return ", ".join([*(f"{name} {share:.0%}" for name, share in named), *others])


def credited(pattern: Pattern, shares: Shares | None) -> Pattern:
    """The pattern with its credits in its source."""
    if shares is None:
        return pattern
    parts = {"people": shares.people, "clips": shares.clips}
    short = {what: {name: round(share, 4) for name, share in part.items()} for what, part in parts.items()}
    return replace(pattern, source=f"{pattern.source} {json.dumps(short, ensure_ascii=False)}")


def shares_of(pattern: Pattern) -> Shares | None:
    """What `credited` wrote; None where nothing is said, or something else."""
    _, brace, text = pattern.source.partition("{")
    try:
        said = json.loads(brace + text)
        parts = ({str(name): float(share) for name, share in said[what].items()} for what in ("people", "clips"))
        return Shares(*parts)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
