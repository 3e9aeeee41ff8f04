"""Pictures of real bars: as played and on each grid, and windows against barlines."""

from __future__ import annotations

import numpy as np

from rvae.audit.drawing import BLUE, FAINT, GREY, INK, ORANGE, WIDTH, cross, dot, line, rect, svg, text
from rvae.audit.figure import Picture
from rvae.audit.material import Material, Notes
from rvae.grid import GRIDS, Ints, Quantised, quantise
from rvae.meter import TICKS_PER_BEAT, Meter

_LEFT, _RIGHT, _LANE, _HEAD, _GAP = 100, 20, 18, 22, 16
_WINDOW_QUARTERS = 8


def _x(meter: Meter, ticks: float) -> float:
    """Where a place of the bar stands, in real time: a long beat is long."""
    lengths = [0.0, *np.cumsum([float(beat) for beat in meter.beat_eighths]).tolist()]
    share = np.interp(ticks / TICKS_PER_BEAT, range(len(lengths)), lengths) / lengths[-1]
    return float(_LEFT + share * (WIDTH - _LEFT - _RIGHT))


def before_and_after(material: Material, notes: Notes, title: str, how: str) -> Picture:
    """One bar as played, and on 4, 12 and 24 ticks per beat. `notes`: the onsets of the bar; `how`: why this one."""
    run = material.runs[int(notes.run[0])]
    meter, clip = run.meter, material.clips[run.clip]
    beat = notes.beat % meter.beats
    rows = sorted(set(notes.row.tolist()))
    lane = {row: place for place, row in enumerate(reversed(rows))}
    height = _HEAD + len(rows) * _LANE + _GAP
    parts: list[str] = []
    for panel, grid in enumerate((None, *GRIDS)):
        top = panel * height + 4
        words = "as played" if grid is None else f"{grid} ticks per felt beat"
        parts += _panel(material, meter, rows, top, words, grid)
        parts += _onsets(notes, beat, meter, lane, top + _HEAD, grid)
    number = int(notes.beat[0]) // meter.beats + 1
    lost = [int((~_on_grid(notes, beat, meter, grid).kept).sum()) for grid in GRIDS]
    caption = (
        f"Bar {number} of {clip.name} ({meter.label}), {len(notes)} onsets; {how}. Large and dark is loud. An orange "
        "line leads from where an onset was to where the grid puts it; a red cross is an onset that is lost: "
        f"{lost[0]} on 4 ticks, {lost[1]} on 12, {lost[2]} on 24."
    )
    return Picture(title, svg(parts, 4 * height, title=title), caption)


def _on_grid(notes: Notes, beat: Ints, meter: Meter, grid: int) -> Quantised:
    return quantise(beat, notes.place, notes.row, notes.velocity, meter, ticks_per_beat=grid, mode="nearest")


def _panel(material: Material, meter: Meter, rows: list[int], top: float, words: str, grid: int | None) -> list[str]:
    """Lanes, lines of the grid, the beats."""
    bottom = top + _HEAD + len(rows) * _LANE
    parts = [text(_LEFT, top + 13, words, size=13)]
    names = material.corpus.kit.names
    for place, row in enumerate(reversed(rows)):
        y = top + _HEAD + place * _LANE + _LANE / 2
        parts.append(text(_LEFT - 8, y + 4, names[row].replace("_", " "), anchor="end", size=11))
        parts.append(line(_LEFT, y, WIDTH - _RIGHT, y, FAINT))
    if grid is not None:
        step = TICKS_PER_BEAT // grid
        places = [_x(meter, tick) for tick in range(0, meter.bar_ticks, step)]
        parts += [line(x, top + _HEAD, x, bottom, FAINT, width=0.6) for x in places]
    for beat in range(meter.beats + 1):
        x = _x(meter, beat * TICKS_PER_BEAT)
        parts.append(line(x, top + _HEAD - 3, x, bottom, GREY if 0 < beat < meter.beats else INK))
    return parts


def _onsets(notes: Notes, beat: Ints, meter: Meter, lane: dict[int, int], top: float, grid: int | None) -> list[str]:
    """The onsets as played, or where a grid puts them."""
    parts = []
    found = None if grid is None else _on_grid(notes, beat, meter, grid)
    for i in range(len(notes)):
        y = top + lane[int(notes.row[i])] * _LANE + _LANE / 2
        was = _x(meter, beat[i] * TICKS_PER_BEAT + notes.place[i])
        loud = notes.velocity[i] / 127
        if found is None or grid is None:
            parts.append(dot(was, y, 2 + 3 * loud, BLUE, opacity=0.35 + 0.65 * loud))
        elif not found.kept[i]:
            parts.append(cross(was, y, 4))
        else:
            now = _x(meter, found.ticks[i] * TICKS_PER_BEAT / grid)
            parts.append(line(was, y, now, y, ORANGE, width=2))
            parts.append(dot(now, y, 2 + 3 * loud, BLUE, opacity=0.35 + 0.65 * loud))
    return parts


def windows_against_barlines(material: Material, notes: Notes) -> list[Picture]:
    """A clip in another meter than 4/4, its barlines above and windows of two bars of 4/4 below."""
    others = [meter for meter in material.meters if meter.bar_quarters % 4]
    if not others:
        return []
    onsets = np.bincount(notes.run, minlength=len(material.runs))
    runs = [number for number, run in enumerate(material.runs) if run.meter == others[0]]
    number = max(runs, key=lambda run: int(onsets[run]))
    run, mine = material.runs[number], notes.where(notes.run == number)
    bar = float(run.meter.bar_quarters)
    length, shown = run.bars * bar, 3 * _WINDOW_QUARTERS
    rows = sorted(set(mine.row.tolist()))
    lane = {row: place for place, row in enumerate(reversed(rows))}
    room = WIDTH - _LEFT - _RIGHT
    parts: list[str] = []
    bottom = _HEAD + len(rows) * _LANE
    for bars in range(int(np.ceil(shown / bar))):
        x = _LEFT + bars * bar / shown * room
        parts.append(line(x, _HEAD - 12, x, bottom, INK, width=1.5))
        parts.append(text(x + 3, _HEAD - 6, f"bar {bars + 1}", size=10))
    for place, row in enumerate(reversed(rows)):
        y = _HEAD + place * _LANE + _LANE / 2
        parts.append(text(_LEFT - 8, y + 4, material.corpus.kit.names[row].replace("_", " "), anchor="end", size=11))
    for i in range(len(mine)):
        y = _HEAD + lane[int(mine.row[i])] * _LANE + _LANE / 2
        for again in range(int(np.ceil(shown / length))):
            quarter = float(mine.quarter[i]) % length + again * length
            if quarter < shown:
                x = _LEFT + quarter / shown * room
                parts.append(dot(x, y, 1.5 + 2.5 * mine.velocity[i] / 127, BLUE))
    for words, y in (("4/4 reader", 18), ("windows", 38)):
        parts.append(text(_LEFT - 8, bottom + y, words, anchor="end", size=11))
    for four in range(shown // 4):
        x, width = _LEFT + four * 4 / shown * room, 4 / shown * room
        parts.append(rect(x + 1, bottom + 6, width - 2, 16, FAINT))
        parts.append(text(x + 6, bottom + 18, f"“bar {four + 1}”", size=10))
    for window in range(shown // _WINDOW_QUARTERS):
        x, width = _LEFT + window * _WINDOW_QUARTERS / shown * room, _WINDOW_QUARTERS / shown * room
        parts.append(rect(x + 1, bottom + 26, width - 2, 16, ORANGE if window % 2 else GREY, opacity=0.6))
        late = -(window * _WINDOW_QUARTERS) % bar
        words = "begins on a barline" if late == 0 else f"first barline {late:g} quarters in"
        parts.append(text(x + 6, bottom + 38, words, size=10))
    clip = material.clips[run.clip]
    caption = (
        f"{clip.name} ({run.meter.label}), played over and over. Above: its own bars. Below: where a reader that "
        "knows 4/4 alone puts bars, and windows of 96 columns (two bars of 4/4). A window that knows no barlines "
        "shows a learner the same rhythm from another place each time."
    )
    return [Picture("Windows against barlines", svg(parts, bottom + 48, title="Windows against barlines"), caption)]
