"""A pattern on its grid, as a picture for a page."""

from __future__ import annotations

import numpy as np

from rvae.audit.drawing import BLUE, FAINT, GREY, INK, dot, line, svg, text
from rvae.meter import TICKS_PER_BEAT
from rvae.pattern import Pattern

_LEFT, _LANE, _HEAD, _WIDTH = 92, 13, 18, 720


def picture(pattern: Pattern, name: str) -> str:
    """A cycle on its grid as SVG, with real lengths: a long beat is long."""
    onset, velocity, microtiming = pattern.onset, pattern.velocity, pattern.microtiming
    rows = [row for row in range(len(pattern.kit)) if onset[row].any()]
    meter = pattern.meter
    room = _WIDTH - _LEFT - 8
    bottom = _HEAD + len(rows) * _LANE
    quarters = float(pattern.quarters)
    per_beat = pattern.ticks_per_beat / TICKS_PER_BEAT

    borders = np.concatenate([[0.0], np.cumsum([float(beat) / 2 for beat in meter.beat_eighths])])
    numbers, bar_quarters = np.arange(len(borders)), float(meter.bar_quarters)

    def x(ticks: float) -> float:
        bar, inside = divmod(ticks / per_beat / TICKS_PER_BEAT, meter.beats)
        at = bar * bar_quarters + float(np.interp(inside, numbers, borders))
        return _LEFT + at / quarters * room

    parts = [text(_LEFT, 11, f"{meter.label}, from bar {pattern.first_bar + 1}", size=10)]
    for lane, row in enumerate(reversed(rows)):
        y = _HEAD + lane * _LANE + _LANE / 2
        parts.append(text(_LEFT - 6, y + 3.5, pattern.kit.names[row].replace("_", " "), anchor="end", size=10))
        parts.append(line(_LEFT, y, _LEFT + room, y, FAINT))
    for beat in range(pattern.bars * meter.beats + 1):
        edge = beat % meter.beats == 0
        at = x(beat * pattern.ticks_per_beat)
        parts.append(line(at, _HEAD - 3, at, bottom, INK if edge else GREY, width=1.5 if edge else 0.6))
    for lane, row in enumerate(reversed(rows)):
        for tick in np.flatnonzero(onset[row]).tolist():
            loud = float(velocity[row, tick])
            at = x(max(0.0, tick + float(microtiming[row, tick])))
            parts.append(dot(at, _HEAD + lane * _LANE + _LANE / 2, 1.5 + 3 * loud, BLUE, opacity=0.35 + 0.65 * loud))
    return svg(parts, bottom + 4, title=f"{name} on its grid", width=_WIDTH)
