"""The pattern: a lane per voice over the true beats of its meter, with a playhead."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pygame

from performance.pins import Pin
from performance.surface.layout import Layout
from performance.surface.theme import (
    BAND_COLOURS,
    LOUD,
    MUTED,
    NIGHT,
    PANEL,
    QUIET,
    RAISED,
    RULE,
    Colour,
    Words,
    band_of,
    mix,
    write,
)
from rvae.meter import TICKS_PER_BEAT, Meter
from rvae.pattern import Pattern

_FAINTEST = 0.04  # onset probability below which nothing is drawn
_GLOW_QUARTERS = 0.3  # how long a name stays lit after its voice has sounded


@dataclass(frozen=True)
class Score:
    """What the lanes show.

    `probability`: `[V, T]` onset probability behind the pattern, or None. `muted`: for each voice. `playhead_ticks`:
    place in the cycle, or None where nothing plays. `densities`: of each voice, 0.5 as all are; empty where not known.
    `pins`: the onsets and rests that are held. `frozen`: for each voice.
    """

    pattern: Pattern
    muted: tuple[bool, ...]
    playhead_ticks: float | None = None
    probability: npt.NDArray[np.float32] | None = None
    densities: tuple[float, ...] = ()
    pins: tuple[Pin, ...] = ()
    frozen: tuple[bool, ...] = ()


def share_of_ticks(meter: Meter, bars: int, ticks: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Where ticks lie in the time of a cycle, 0..1: a beat of three eighths is half as long again as one of two."""
    lengths = np.array([float(beat) for beat in meter.beat_eighths] * bars)
    ends = np.concatenate(([0.0], np.cumsum(lengths) / lengths.sum()))
    starts_ticks = np.arange(len(ends)) * float(TICKS_PER_BEAT)
    return np.interp(np.asarray(ticks, np.float64), starts_ticks, ends)


def tick_x(track: pygame.Rect, meter: Meter, bars: int, ticks: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """The pixel columns of ticks in a lane; half an onset's width is kept free at both ends."""
    inset = min(track.width / 4, max(2.0, track.width / 90))
    return track.left + inset + share_of_ticks(meter, bars, ticks) * (track.width - 2 * inset)


def draw_score(target: pygame.Surface, layout: Layout, words: Words, score: Score) -> None:
    """Lanes with beats and bars, onsets by velocity and microtiming, probability behind them: all but what moves."""
    if not layout.tracks:
        return
    _draw_ruler(target, layout, words, score.pattern)
    lines = _beat_lines(layout.lanes, score.pattern)
    rows = zip(layout.tracks, score.pattern.kit.voices, score.muted, strict=True)
    for row, (track, voice, muted) in enumerate(rows):
        colour = MUTED if muted else BAND_COLOURS[band_of(voice)]
        pygame.draw.rect(target, PANEL, track)
        for x, shade, wide in lines:
            target.fill(shade, (x, track.top, wide, track.height))
        if score.probability is not None and not muted:
            _draw_probability(target, track, score.pattern, score.probability[row], mix(PANEL, colour, 0.3))
        _draw_onsets(target, track, score, row, colour)
        _draw_pins(target, track, score, row)
        if score.frozen and score.frozen[row]:  # a fence around what does not follow the cursor
            pygame.draw.rect(target, QUIET, track, max(2, layout.unit // 6))


def draw_voices(target: pygame.Surface, layout: Layout, words: Words, score: Score) -> None:
    """Names, lit where their voices have just sounded, and the playhead."""
    glows = _glows(score)
    rows = zip(layout.names, score.pattern.kit.voices, score.muted, strict=bool(layout.names))
    for row, (name, voice, muted) in enumerate(rows):
        colour = MUTED if muted else BAND_COLOURS[band_of(voice)]
        glow = 0.0 if muted else glows[row]
        _draw_name(target, words, name, voice.name, mix(RAISED, colour, 0.6 * glow), muted)
        if score.densities and abs(score.densities[row] - 0.5) > 0.01:
            _draw_density(target, name, score.densities[row], colour)
    if layout.tracks:
        _draw_playhead(target, layout, score)


def _draw_ruler(target: pygame.Surface, layout: Layout, words: Words, pattern: Pattern) -> None:
    box = layout.ruler
    px = max(10, round(layout.unit * 1.7))
    beats = pattern.meter.beats
    edges = tick_x(box, pattern.meter, pattern.bars, np.arange(pattern.bars * beats + 1) * TICKS_PER_BEAT)
    for index in range(pattern.bars * beats):
        bar, beat = divmod(index, beats)
        left, right = round(edges[index]), round(edges[index + 1])
        text, colour = (f"{bar + 1}", LOUD) if beat == 0 else (f"·{beat + 1}", QUIET)
        if words.width(text, px) < right - left or beat == 0:
            write(target, words, text, px, pygame.Rect(left, box.top, right - left, box.height), colour=colour)


def _beat_lines(lanes: pygame.Rect, pattern: Pattern) -> tuple[tuple[int, Colour, int], ...]:
    """(x, colour, width) of barlines, beats and their divisions: halves of a plain beat, thirds of a dotted one."""
    meter = pattern.meter
    ticks: list[int] = []
    for index in range(pattern.bars * meter.beats):
        ticks += range(index * TICKS_PER_BEAT, (index + 1) * TICKS_PER_BEAT, 8 if meter.is_ternary_beat(index) else 12)
    places = np.rint(tick_x(lanes, meter, pattern.bars, ticks)).astype(int).tolist()
    lines: list[tuple[int, Colour, int]] = []
    for tick, x in zip(ticks, places, strict=True):
        if tick and tick % meter.bar_ticks == 0:
            lines.append((x, mix(RULE, QUIET, 0.6), 2))
        else:
            lines.append((x, RULE if tick % TICKS_PER_BEAT == 0 else mix(PANEL, RULE, 0.45), 1))
    return tuple(lines)


def _draw_probability(
    target: pygame.Surface,
    track: pygame.Rect,
    pattern: Pattern,
    probability: npt.NDArray[np.float32],
    colour: Colour,
) -> None:
    ticks = np.flatnonzero(probability > _FAINTEST)
    places = tick_x(track, pattern.meter, pattern.bars, ticks)
    talls = np.rint(np.clip(probability[ticks], 0.0, 1.0) * track.height).astype(int)
    wide = _onset_width(track)
    for x, tall in zip(places.tolist(), talls.tolist(), strict=True):
        target.fill(colour, pygame.Rect(round(x - wide / 2), track.bottom - tall, wide, tall).clip(track))


def _onset_width(track: pygame.Rect) -> int:
    return max(2, min(track.height // 2, track.width // 56))


def _draw_onsets(target: pygame.Surface, track: pygame.Rect, score: Score, row: int, colour: Colour) -> None:
    pattern = score.pattern
    ticks = np.flatnonzero(pattern.onset[row])
    places = tick_x(track, pattern.meter, pattern.bars, ticks + pattern.microtiming[row, ticks])
    wide = _onset_width(track)
    for x, velocity in zip(places.tolist(), pattern.velocity[row, ticks].tolist(), strict=True):
        tall = max(2, round((0.22 + 0.78 * velocity) * (track.height - 2)))
        box = pygame.Rect(round(x - wide / 2), track.bottom - tall - 1, wide, tall).clip(track)
        pygame.draw.rect(target, mix(NIGHT, colour, 0.65 + 0.35 * velocity), box, border_radius=wide // 3)


def _draw_pins(target: pygame.Surface, track: pygame.Rect, score: Score, row: int) -> None:
    """A held onset has a nail above its foot, a held rest a cross in its place."""
    pattern = score.pattern
    for pin in score.pins:
        if pin.voice != row:
            continue
        x = float(tick_x(track, pattern.meter, pattern.bars, pin.tick + pin.microtiming))
        size = max(3, min(track.height // 9, _onset_width(track)))
        y = track.bottom - size - 2
        if pin.hold == "onset":
            pygame.draw.circle(target, NIGHT, (x, y), size + 1)
            pygame.draw.circle(target, LOUD, (x, y), size - 1)
        else:
            for way in (-1, 1):
                pygame.draw.line(
                    target, LOUD, (x - size, y - way * size), (x + size, y + way * size), max(2, size // 3)
                )


def place_at(layout: Layout, pattern: Pattern, pixel: tuple[float, float]) -> tuple[int, int] | None:
    """The voice and the tick of the cycle under a pixel of the lanes, None outside.

    On or near an onset it is that onset's; elsewhere the nearest sixteenth, or sixth of a dotted beat.
    """
    voice = next((row for row, track in enumerate(layout.tracks) if track.collidepoint(pixel)), None)
    if voice is None:
        return None
    track = layout.tracks[voice]
    ticks = np.flatnonzero(pattern.onset[voice])
    away = np.abs(tick_x(track, pattern.meter, pattern.bars, ticks + pattern.microtiming[voice, ticks]) - pixel[0])
    if len(ticks) and away.min() <= max(_onset_width(track), layout.unit // 2):
        return voice, int(ticks[away.argmin()])
    meter = pattern.meter
    steps = np.array(
        [
            tick
            for beat in range(pattern.bars * meter.beats)
            for tick in range(
                beat * TICKS_PER_BEAT, (beat + 1) * TICKS_PER_BEAT, 4 if meter.is_ternary_beat(beat) else 6
            )
        ]
    )
    return voice, int(steps[np.abs(tick_x(track, meter, pattern.bars, steps) - pixel[0]).argmin()])


def _glows(score: Score) -> list[float]:
    """0..1 for each voice: how lately it has sounded, for the light in its name."""
    pattern, now_ticks = score.pattern, score.playhead_ticks
    glows = [0.0] * len(pattern.kit)
    if now_ticks is None:
        return glows
    rows, ticks = np.nonzero(pattern.onset)
    shares = share_of_ticks(pattern.meter, pattern.bars, ticks + pattern.microtiming[rows, ticks])
    now = float(share_of_ticks(pattern.meter, pattern.bars, now_ticks))
    since = ((now - shares) % 1.0) * float(pattern.quarters)
    lately = np.flatnonzero(since < _GLOW_QUARTERS)
    for at in lately[np.argsort(since[lately])[::-1]].tolist():  # the last of a voice comes last
        row = int(rows[at])
        glows[row] = float((1.0 - since[at] / _GLOW_QUARTERS) * (0.4 + 0.6 * pattern.velocity[row, ticks[at]]))
    return glows


def _draw_name(
    target: pygame.Surface,
    words: Words,
    box: pygame.Rect,
    name: str,
    ground: Colour,
    muted: bool,
) -> None:
    pygame.draw.rect(
        target, PANEL if muted else ground, box, border_radius=max(2, min(box.height, box.width // 2) // 8)
    )
    px = max(9, min(round(box.height * 0.62), round(box.width * 0.24)))
    inner = box.inflate(-max(4, px // 2), 0)
    text = write(target, words, name.replace("_", " "), px, inner, colour=MUTED if muted else LOUD)
    if muted and text.width:  # told by more than its colour
        pygame.draw.line(target, MUTED, text.midleft, text.midright, max(1, px // 10))


def _draw_density(target: pygame.Surface, box: pygame.Rect, density: float, colour: Colour) -> None:
    """A line under the name from its middle: to the right for more onsets of this voice, to the left for fewer."""
    line = max(2, box.height // 14)
    end = round(box.left + (box.width - 1) * density)
    left, right = min(box.centerx, end), max(box.centerx, end)
    target.fill(colour, (left, box.bottom - 2 * line, right - left, line))


def _draw_playhead(target: pygame.Surface, layout: Layout, score: Score) -> None:
    if score.playhead_ticks is None:
        return
    pattern = score.pattern
    x = round(float(tick_x(layout.lanes, pattern.meter, pattern.bars, score.playhead_ticks)))
    width = max(2, layout.unit // 5)
    top = layout.ruler.top + layout.ruler.height // 2
    target.fill(LOUD, (x - width // 2, top, width, layout.lanes.bottom - top))
