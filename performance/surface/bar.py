"""The control bar and the status line."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pygame

from performance.controls import ACTIONS, CONTROLS
from performance.snapshot import Snapshot
from performance.surface.layout import Item, Layout
from performance.surface.look import READ_S, Look
from performance.surface.theme import ALARM, LOUD, NIGHT, QUIET, RAISED, RULE, WARM, Colour, Words, mix, write
from performance.telling import ENGINE_HAS_STOPPED

_OF_SOUND = ("volume", "click")
_TOLD_IF_CHANGED = ("swing", "microtiming", "volume")
_NEWS_S, _TOUCHED_S = 8.0, 2.0
_NOTES: dict[Fraction, tuple[int, bool, bool]] = {
    # quarters: flags, filled head, stem
    Fraction(4): (0, False, False),
    Fraction(2): (0, False, True),
    Fraction(1): (0, True, True),
    Fraction(1, 2): (1, True, True),
    Fraction(1, 4): (2, True, True),
    Fraction(1, 8): (3, True, True),
}


def key_text(keys: tuple[str, ...]) -> str:
    """Keys as one reads them: `-  =`, `Space`, `Ctrl+1 to 9`, `Arrows`; without the buttons of a controller."""
    keys = tuple(key for key in keys if not key.startswith("pad-"))
    if "left" in keys:
        return "Arrows"
    shown = ["+".join(part.capitalize() for part in key.split("+")) for key in keys]
    if len(keys) > 2 and len({key[:-1] for key in keys}) == 1 and all(key[-1].isdigit() for key in keys):
        return f"{shown[0]} to {shown[-1][-1]}"
    return "  ".join(shown)


def segments(item: Item, count: int) -> tuple[pygame.Rect, ...]:
    """The parts of a choice, from left to right."""
    box = value_box(item)
    edges = [box.left + round(box.width * part / count) for part in range(count + 1)]
    return tuple(pygame.Rect(left, box.top, right - left, box.height) for left, right in pairwise(edges))


def fader(item: Item) -> pygame.Rect:
    """The track of a fader: pixels from its left to its right are positions 0 to 1."""
    box = value_box(item)
    return box.inflate(-max(4, box.width // 10), 0)


def value_box(item: Item) -> pygame.Rect:
    """What is left of an item under its caption, between the ends of a stepper."""
    caption = item.box.height * 36 // 100
    box = pygame.Rect(item.box.left, item.box.top + caption, item.box.width, item.box.height - caption)
    return box.inflate(-item.lower.width - item.raise_.width, 0)


def draw_bar(target: pygame.Surface, layout: Layout, words: Words, snapshot: Snapshot, look: Look) -> None:
    """All controls of the bar with their values and keys."""
    for item in layout.items:
        if item.name == "play":
            _draw_play(target, words, item, layout.unit, playing=snapshot.playing)
        elif item.name == "panic":
            _draw_button(target, words, item, "Panic", key_text(ACTIONS["panic"].keys[1:]), ALARM)
        elif item.name == "help":
            _draw_button(target, words, item, "Help", key_text(ACTIONS["help"].keys[:1]), RAISED, on=look.help_shown)
        else:
            _draw_panel(target, item, layout.unit)
            _draw_value(target, words, item, layout.unit, snapshot)


def _radius(box: pygame.Rect) -> int:
    return max(2, box.height // 10)


def _draw_panel(target: pygame.Surface, item: Item, unit: int) -> None:
    pygame.draw.rect(target, RAISED, item.box, border_radius=_radius(item.box))
    for end, less in ((item.lower, True), (item.raise_, False)):
        if end.width:
            size = max(3, min(end.width, end.height) // 5)
            arm = -size if less else size
            x, y = end.centerx, value_box(item).centery
            points = ((x - arm // 2, y - size), (x + arm // 2, y), (x - arm // 2, y + size))
            pygame.draw.lines(target, QUIET, False, points, max(2, unit // 4))


def _caption(target: pygame.Surface, words: Words, item: Item, text: str, keys: str) -> None:
    top = pygame.Rect(item.box.left, item.box.top, item.box.width, item.box.height * 36 // 100)
    inner = top.inflate(-2 * (item.lower.width or top.height // 3), -2)
    inner.top += top.height // 10
    px = max(9, round(item.box.height * 0.235))
    both = f"{text}   {keys}" if keys else text
    shown = both if words.width(both, px) <= inner.width else text
    write(target, words, shown, px, inner, colour=QUIET, align="centre")


def _value_px(item: Item) -> int:
    return max(10, round(item.box.height * 0.46))


def _fitting_px(words: Words, text: str, px: int, width: int) -> int:
    """The largest size up to `px` at which the text has room, but never smaller than half of it."""
    while px > 10 and words.width(text, px) > width:
        px -= max(1, px // 12)
    return px


def _draw_play(target: pygame.Surface, words: Words, item: Item, unit: int, *, playing: bool) -> None:
    ground: Colour = WARM if playing else RAISED
    ink: Colour = NIGHT if playing else LOUD
    pygame.draw.rect(target, ground, item.box, border_radius=_radius(item.box))
    px = max(10, round(item.box.height * 0.34))
    word = "Stop" if playing else "Play"
    size = max(4, min(round(item.box.height * 0.3), item.box.width // 4))
    gap = size // 2
    whole = size + gap + words.width(word, px)
    sign = pygame.Rect(item.box.centerx - whole // 2, 0, size, size)
    sign.centery = item.box.centery
    if item.box.width < whole + unit:
        sign.centerx = item.box.centerx
    else:
        room = pygame.Rect(sign.right + gap, item.box.top, item.box.right - sign.right - gap, item.box.height)
        write(target, words, word, px, room, colour=ink)
    if playing:
        pygame.draw.rect(target, ink, sign)
    else:
        pygame.draw.polygon(target, ink, (sign.topleft, (sign.right, sign.centery), (sign.left, sign.bottom - 1)))


def _draw_button(
    target: pygame.Surface, words: Words, item: Item, text: str, keys: str, colour: Colour, *, on: bool = False
) -> None:
    box = item.box
    pygame.draw.rect(target, WARM if on else colour, box, border_radius=_radius(box))
    ink = LOUD if colour == RAISED and not on else NIGHT
    upper = pygame.Rect(box.left, box.top + box.height // 8, box.width, box.height // 2)
    lower = pygame.Rect(box.left, upper.bottom, box.width, box.height * 3 // 10)
    px = _fitting_px(words, text, max(10, round(box.height * 0.34)), box.width - 4)
    write(target, words, text, px, upper, colour=ink, align="centre")
    quiet = mix(ink, colour if not on else WARM, 0.25)
    write(target, words, keys, max(9, round(box.height * 0.2)), lower, colour=quiet, align="centre")


def _tempo_text(snapshot: Snapshot) -> str:
    bpm = snapshot.controls["tempo"]
    even = 0.05 if snapshot.status.led_qpm is None else 0.15  # a leader's never stands quite still
    return f"{bpm:.0f}" if abs(bpm - round(bpm)) < even else f"{bpm:.1f}"


def _draw_tempo(target: pygame.Surface, words: Words, item: Item, snapshot: Snapshot) -> None:
    control = CONTROLS["tempo"]
    is_led = snapshot.status.led_qpm is not None
    _caption(target, words, item, control.label, "led" if is_led else key_text(control.keys))
    text = f"= {_tempo_text(snapshot)}"
    box = value_box(item)
    px = _value_px(item)
    note = max(6, round(px * 0.62))
    whole = note + words.width(text, px) + px // 5
    left = box.centerx - whole // 2
    draw_note(target, words, snapshot.meter.tempo_beat_quarters, pygame.Rect(left, box.centery - px // 2, note, px))
    left += note + px // 5
    write(target, words, text, px, pygame.Rect(left, box.top, item.box.right - left, box.height))


def _draw_meter(target: pygame.Surface, words: Words, item: Item, snapshot: Snapshot) -> None:
    _caption(target, words, item, "Meter", key_text(ACTIONS["next_meter"].keys))
    box = value_box(item)
    label = snapshot.meter.label
    px = _fitting_px(words, label, _value_px(item), box.width)
    write(target, words, label, px, box, align="centre")


def _draw_density(target: pygame.Surface, words: Words, item: Item, unit: int, snapshot: Snapshot) -> None:
    control = CONTROLS["density"]
    value = snapshot.controls["density"]
    _caption(target, words, item, f"{control.label} {control.text(value)}", key_text(control.keys))
    track = fader(item)
    line = max(3, unit // 2)
    rail = pygame.Rect(track.left, track.centery - line // 2, track.width, line)
    pygame.draw.rect(target, RULE, rail, border_radius=line // 2)
    x = track.left + round(control.position(value) * (track.width - 1))
    pygame.draw.rect(target, WARM, (rail.left, rail.top, max(1, x - rail.left), line), border_radius=line // 2)
    middle = track.left + round(control.position(control.default) * (track.width - 1))
    pygame.draw.line(target, QUIET, (middle, rail.bottom + line // 2), (middle, rail.bottom + line), 2)
    pygame.draw.circle(target, LOUD, (x, track.centery), max(4, round(unit * 0.85)))


def _draw_change(target: pygame.Surface, words: Words, item: Item, unit: int, snapshot: Snapshot) -> None:
    control = CONTROLS["quantum"]
    _caption(target, words, item, control.label, key_text(control.keys))
    chosen = round(snapshot.controls["quantum"])
    px = max(10, round(item.box.height * 0.3))
    for index, (part, choice) in enumerate(zip(segments(item, len(control.choices)), control.choices, strict=True)):
        inner = part.inflate(-max(2, unit // 4), -max(4, unit // 2))
        if index == chosen:
            pygame.draw.rect(target, WARM, inner, border_radius=_radius(item.box))
        size = _fitting_px(words, choice, px, inner.width)
        write(target, words, choice, size, inner, colour=NIGHT if index == chosen else LOUD, align="centre")


def _draw_value(target: pygame.Surface, words: Words, item: Item, unit: int, snapshot: Snapshot) -> None:
    match item.name:
        case "tempo":
            _draw_tempo(target, words, item, snapshot)
        case "meter":
            _draw_meter(target, words, item, snapshot)
        case "density":
            _draw_density(target, words, item, unit, snapshot)
        case "change":
            _draw_change(target, words, item, unit, snapshot)


def draw_note(target: pygame.Surface, words: Words, quarters: Fraction, box: pygame.Rect) -> None:
    """A note value as a note, dotted where it is; as a fraction of a whole note where no one note has that length."""
    plain, dotted = (quarters, False) if quarters in _NOTES else (quarters * 2 / 3, True)
    if plain not in _NOTES:
        _draw_fraction(target, words, quarters / 4, box)
        return
    flags, filled, stem = _NOTES[plain]
    line = max(1, box.height // 14)
    head = pygame.Rect(0, 0, max(4, round(box.width * 0.62)), max(3, round(box.height * 0.26)))
    head.bottomleft = (box.left, box.bottom - box.height * 2 // 9)
    pygame.draw.ellipse(target, LOUD, head, 0 if filled else line)
    top = box.top + box.height // 12
    if stem:
        pygame.draw.line(target, LOUD, (head.right - line, head.centery), (head.right - line, top), line)
    for flag in range(flags):
        y = top + flag * box.height // 6
        end = (head.right + box.width // 3, y + box.height // 4)
        pygame.draw.line(target, LOUD, (head.right - line, y), end, line + 1)
    if dotted:
        pygame.draw.circle(target, LOUD, (head.right + box.width // 4, head.centery), max(1, round(line * 1.2)))


def _draw_fraction(target: pygame.Surface, words: Words, value: Fraction, box: pygame.Rect) -> None:
    """One number over the other, no wider than a note."""
    upper = pygame.Rect(box.left, box.top, box.width, box.height // 2)
    lower = pygame.Rect(box.left, upper.bottom, box.width, box.height - upper.height)
    for number, part in ((value.numerator, upper), (value.denominator, lower)):
        px = _fitting_px(words, str(number), max(8, part.height), box.width)
        write(target, words, str(number), px, part, align="centre")
    target.fill(LOUD, (box.left, box.centery, box.width, max(1, box.height // 24)))


def status_text(snapshot: Snapshot, look: Look) -> tuple[str, bool]:
    """The one line at the bottom, and whether it is a trouble: that comes first, then what learning waits for, what was
    just touched, a new message, and how all is. Several troubles take turns. What is done after they could be read is
    told, and good news that comes after them; neither ends them.
    """
    troubles, message = look.troubles, snapshot.messages[-1] if snapshot.messages else None
    trouble, trouble_s = troubles.line(look.now_s), look.now_s - troubles.since_s
    news_s = max(look.news[1], troubles.since_s + max(_NEWS_S, troubles.round_s)) if trouble else look.news[1]
    is_news = message is not None and not message.is_error and 0 <= look.now_s - news_s < _NEWS_S
    is_touched = look.touched is not None and look.now_s - look.touched[1] < _TOUCHED_S
    is_read = trouble_s >= troubles.read_s if snapshot.prompt else trouble_s >= READ_S and is_touched
    if trouble and not is_news and not is_read:
        return trouble, True
    if snapshot.prompt:
        return snapshot.prompt, False
    if look.touched is not None and is_touched:
        control = CONTROLS[look.touched[0]]
        if control.name == "tempo" and snapshot.status.led_qpm is not None:
            return f"{control.label}  {_tempo_text(snapshot)} bpm, of {snapshot.status.sync}", False
        unheard = control.name in _OF_SOUND and not snapshot.makes_sound
        value = control.text(snapshot.controls[control.name])
        return f"{control.label}  {value}{'; but no sound is made here: f8' if unheard else ''}", False
    if not snapshot.engine_lives:
        return ENGINE_HAS_STOPPED, True
    if message is not None and is_news:
        return message.text, False
    return outputs_text(snapshot), any(not output.is_open for output in snapshot.status.outputs)


def outputs_text(snapshot: Snapshot) -> str:
    """Model, outputs, what is not as usual and not on the bar, and lateness, as one quiet line."""
    status = snapshot.status
    # What cannot be opened stands first, since that is what is not heard.
    outputs = [
        f"{output.kind} {output.name}{'' if output.is_open else ' (closed: F8 lists devices)'}"
        for output in sorted(status.outputs, key=lambda output: output.is_open)
    ]
    parts = [snapshot.model_name, *(outputs or ["no outputs"]), status.sync]
    for name in _TOLD_IF_CHANGED:
        control = CONTROLS[name]
        if abs(snapshot.controls[name] - control.default) > control.step / 2:
            parts.append(f"{control.label.lower()} {control.text(snapshot.controls[name])}")
    if status.lateness.events:
        parts.append(f"late by {status.lateness.p99_ms:.1f} ms (p99)")
    return "   ·   ".join(part for part in parts if part)


def draw_status(target: pygame.Surface, layout: Layout, words: Words, snapshot: Snapshot, look: Look) -> None:
    """The status line."""
    box = layout.status
    if not box.height:
        return
    text, trouble = status_text(snapshot, look)
    px = max(10, round(box.height * 0.72))
    left = box.left
    if trouble:  # a sign beside the colour
        sign = pygame.Rect(box.left, box.top + box.height // 8, box.height * 3 // 4, box.height * 3 // 4)
        pygame.draw.polygon(target, ALARM, ((sign.centerx, sign.top), sign.bottomright, sign.bottomleft))
        left = sign.right + px // 2
    room = pygame.Rect(left, box.top, box.right - left, box.height)
    colour = mix(LOUD, ALARM, 0.35) if trouble else WARM if text == snapshot.prompt else QUIET
    px, lines = status_lines(words, text, px, room.width)
    height = box.height // len(lines)
    for row, line in enumerate(lines):
        write(target, words, line, px, pygame.Rect(left, box.top + row * height, room.width, height), colour=colour)


def status_lines(words: Words, text: str, px: int, width: int) -> tuple[int, list[str]]:
    """A size and the lines for the status: a long text is set smaller, then in two lines, before any of it is cut,
    since what to do stands at its end.
    """
    for size in (px, round(px * 0.86), round(px * 0.72)):
        if words.width(text, size) <= width:
            return size, [text]
    small = max(9, round(px * 0.66))
    first, *rest = words.wrap(text, small, width)
    return small, [first, words.fit(" ".join(rest), small, width)] if rest else [first]
