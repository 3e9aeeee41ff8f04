"""Mappings: what a knob, fader, pad or key of a MIDI device does. Pure: bytes and a snapshot in, commands out.

A mapping goes from a `Source` ("cc 21", "note 36 on 10") to a target: a control ("density"), one of a voice ("mute
snare"), an axis of the cursor ("x", "y") or an action ("play_stop", "recall_scene 3", "clip 5").

Values follow the MIDI 1.0 specification: controllers 0 to 31 may have their fine part in 32 to 63, pitch bend has 14
bits. Endless knobs send steps in one of three ways: two's complement (1 up, 127 down), around 64 (65 up, 63 down), or
with 64 as the sign (1 up, 65 down).
"""

from __future__ import annotations

from collections.abc import Mapping as Table
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, cast

from performance.asking import NUMBERED_ACTIONS, PLAIN_ACTIONS, asked, name_of_command
from performance.commands import (
    MoveCursor,
    SetControl,
    SetVoice,
    StageCommand,
    StepControl,
)
from performance.controls import CONTROLS, Control
from performance.scenes import scene_number
from performance.snapshot import Snapshot
from rvae.errors import UsageError
from rvae.kit import Kit

Kind = Literal["cc", "cc14", "note", "bend"]
Reading = Literal["absolute", "twos", "offset", "sign"]
READINGS: tuple[Reading, ...] = ("absolute", "twos", "offset", "sign")
AXES = ("x", "y")
_LIMITS: dict[Kind, int] = {"cc": 127, "cc14": 31, "note": 127, "bend": 0}
_NEAR = 1.5 / 127  # so near to where the control stands, a knob takes it over
_ALIKE = 3  # the same value so often in a row: an endless knob
_FASTEST = 16  # steps in one message; what is further from the middle is no endless knob of this way


@dataclass(frozen=True, slots=True)
class Source:
    """Where a message comes from. `number`: of the controller (below 32 for cc14) or note, 0 for bend. `channel`: 1 to
    16, None any. Raises UsageError.
    """

    kind: Kind
    number: int = 0
    channel: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in _LIMITS or not 0 <= self.number <= _LIMITS[self.kind]:
            raise UsageError(f"'{self}': cc, note (0 to 127), cc14 (0 to 31) or bend are possible; mend it")
        if self.channel is not None and not 1 <= self.channel <= 16:
            raise UsageError(f"'{self}': channels are 1 to 16; mend it")

    def __str__(self) -> str:
        name = self.kind if self.kind == "bend" else f"{self.kind} {self.number}"
        return name if self.channel is None else f"{name} on {self.channel}"

    @classmethod
    def parse(cls, text: str) -> Source:
        """From "cc 21", "cc14 1 on 2", "note 36 on 10", "bend". Raises UsageError."""
        name, _, channel = text.partition(" on ")
        kind, _, number = name.strip().partition(" ")
        try:
            numbers = int(number or 0), int(channel) if channel else None
        except ValueError:
            raise UsageError(f"'{text}': write it like cc 21, note 36 on 10, cc14 1 or bend") from None
        return cls(cast(Kind, kind), *numbers)

    def hears(self, other: Source) -> bool:
        """Whether what comes from `other` is ours."""
        same = (self.kind, self.number) == (other.kind, other.number)
        return same and self.channel in (None, other.channel)


@dataclass(frozen=True, slots=True)
class Touch:
    """One message of a hand. `value`: 0 to 1; `raw`: as it was sent, 0 to 127, or 16383 where it has 14 bits."""

    source: Source
    raw: int

    @property
    def value(self) -> float:
        return self.raw / (16383 if self.source.kind in ("cc14", "bend") else 127)


@dataclass(frozen=True, slots=True)
class Touches:
    """Reads the messages of one device; `coarse`: the last coarse parts, by (channel, controller)."""

    coarse: Table[tuple[int, int], int] = field(default_factory=dict)

    def read(self, data: bytes) -> tuple[Touches, tuple[Touch, ...]]:
        """The touches that a message is: none for what no hand sends; a fine part is two, itself and the whole."""
        if len(data) < 3 or not 0x80 <= data[0] < 0xF0 or max(data[1:3]) > 127:
            return self, ()
        channel, first, second = data[0] % 16 + 1, data[1], data[2]
        match data[0] & 0xF0:
            case 0x80:
                return self, (Touch(Source("note", first, channel), 0),)
            case 0x90:
                return self, (Touch(Source("note", first, channel), second),)
            case 0xE0:
                return self, (Touch(Source("bend", 0, channel), second << 7 | first),)
            case 0xB0:
                plain = Touch(Source("cc", first, channel), second)
                if first < 32:
                    return Touches({**self.coarse, (channel, first): second}), (plain,)
                above = self.coarse.get((channel, first - 32)) if first < 64 else None
                if above is None:
                    return self, (plain,)
                return self, (plain, Touch(Source("cc14", first - 32, channel), above << 7 | second))
        return self, ()


@dataclass(frozen=True, slots=True)
class Mapping:
    """One source to one target. `reading`: how its values are meant. Raises UsageError for a target nobody knows."""

    source: Source
    target: str
    reading: Reading = "absolute"

    def __post_init__(self) -> None:
        _check_target(self.target)
        if self.reading not in READINGS:
            raise UsageError(f"'{self.reading}': a mapping is {', '.join(READINGS)}; choose one of them")
        if self.reading != "absolute" and self.source.kind != "cc":
            raise UsageError(f"{self.source}: only a cc sends steps; leave '{self.reading}' out")


def _check_target(target: str) -> None:
    name, _, rest = target.partition(" ")
    if name in NUMBERED_ACTIONS:
        try:
            number = int(rest)
        except ValueError:
            raise UsageError(f"'{target}': it needs a number, like {name} 3") from None
        if number < 1:
            raise UsageError(f"'{target}': numbers begin at 1; mend it")
        if name.endswith("scene"):
            scene_number(number)
    elif name in CONTROLS:
        if CONTROLS[name].per_voice != bool(rest):
            raise UsageError(f"'{target}': write it like density, or mute snare for one voice")
    elif rest or name not in (*AXES, *PLAIN_ACTIONS):
        there = ", ".join((*AXES, *CONTROLS, *PLAIN_ACTIONS, *NUMBERED_ACTIONS))
        raise UsageError(f"no control '{target}'; there are {there}")


def target_of(command: StageCommand, snapshot: Snapshot) -> str:
    """What a command that a hand has just given sets or does, as a target; empty where no knob could."""
    match command:
        case SetControl(name) | StepControl(name):
            return name
        case SetVoice(name, voice) if voice < len(snapshot.kit):
            return f"{name} {snapshot.kit.names[voice]}"
        case MoveCursor(x, y):
            across, up = abs(x - snapshot.hand[0]), abs(y - snapshot.hand[1])
            return "" if across == up else "x" if across > up else "y"
    return name_of_command(command)


def label_of(target: str) -> str:
    """The target as a person reads it."""
    name, _, rest = target.partition(" ")
    if name in AXES:
        return "the cursor's place across" if name == "x" else "the cursor's height"
    label = CONTROLS[name].label if name in CONTROLS else name.replace("_", " ")
    return f"{label} {rest}".strip().lower()


def is_fader(target: str) -> bool:
    """Whether it has a range to go through, so that a knob must not make it jump."""
    name = target.partition(" ")[0]
    known = CONTROLS.get(name)
    return name in AXES or (known is not None and not known.is_switch and not known.choices)


def reading_of(raws: Sequence[int], target: str) -> Reading | None:
    """How the first values after learning are meant, of a knob that was turned up; None where that is open."""
    if not is_fader(target) or len(raws) < _ALIKE:
        return None
    first = raws[0]
    if len(set(raws[:_ALIKE])) > 1:
        return "absolute"
    if 64 < first <= 64 + _FASTEST:
        return "offset"
    if not 0 < first <= _FASTEST:
        return "absolute"
    down = next((raw for raw in raws if raw >= 64), None)
    return "sign" if down is not None and down <= 64 + _FASTEST else "twos"


def steps_of(raw: int, reading: Reading) -> int:
    """How many steps a message of an endless knob is; more is up."""
    match reading:
        case "twos":
            return raw if raw < 64 else raw - 128
        case "offset":
            return raw - 64
        case "sign":
            return raw if raw < 64 else 64 - raw
    return 0


@dataclass(frozen=True, slots=True)
class Hand:
    """What mapped knobs did last, so that none makes a value jump: a knob moves a fader when it has come to where the
    fader stands (pickup). `knobs`: where each knob stands, `sent`: where it put its target, 0 to 1.
    """

    knobs: Table[Mapping, float] = field(default_factory=dict)
    sent: Table[str, float] = field(default_factory=dict)

    def touch(self, touch: Touch, mapping: Mapping, snapshot: Snapshot) -> tuple[Hand, tuple[StageCommand, ...]]:
        """The hand after a touch of a mapped source, and what is asked. Raises UsageError for a voice that this kit
        does not have.
        """
        name, _, rest = mapping.target.partition(" ")
        if mapping.reading != "absolute":
            return self, _stepped(name, rest, steps_of(touch.raw, mapping.reading), snapshot)
        if not is_fader(mapping.target):
            return self._switch(touch, mapping, snapshot)
        if touch.source.kind == "note":  # how hard a pad is hit, and nothing of when it is let go
            return self, _set(name, rest, touch.value, snapshot) if touch.raw else ()
        stands, before = _position(name, rest, snapshot), self.knobs.get(mapping)
        knobs = {**self.knobs, mapping: touch.value}
        has_it = mapping.target in self.sent and abs(self.sent[mapping.target] - stands) < _NEAR / 2
        passed = before is not None and min(before, touch.value) <= stands <= max(before, touch.value)
        if not (has_it or passed or abs(touch.value - stands) <= _NEAR):
            return Hand(knobs, {kept: at for kept, at in self.sent.items() if kept != mapping.target}), ()
        return Hand(knobs, {**self.sent, mapping.target: touch.value}), _set(name, rest, touch.value, snapshot)

    def _switch(self, touch: Touch, mapping: Mapping, snapshot: Snapshot) -> tuple[Hand, tuple[StageCommand, ...]]:
        """Pads and buttons: a press counts, letting go does not. A knob chooses by where it stands."""
        name, _, rest = mapping.target.partition(" ")
        was, is_note = self.knobs.get(mapping, 0.0), touch.source.kind == "note"
        after = replace(self, knobs={**self.knobs, mapping: touch.value})
        known = CONTROLS.get(name)
        if not is_note and known is not None and known.choices:
            return after, _set(name, rest, touch.value, snapshot)
        # A button that never says it was let go sends the same again, which no knob does.
        pressed = touch.raw > 0 if is_note else touch.value >= 0.5 and (was < 0.5 or was == touch.value == 1)
        if not pressed:
            return after, ()
        if known is not None:
            return after, _stepped(name, rest, 1, snapshot)
        return after, asked(name, snapshot, int(rest or 1))


def _voice(kit: Kit, name: str) -> int:
    if name not in kit.names:
        raise UsageError(f"no voice '{name}' in this kit; there are {', '.join(kit.names)}")
    return kit.names.index(name)


def _value(control: Control, voice: int, snapshot: Snapshot) -> float:
    """Where a control stands now."""
    if not control.per_voice:
        return snapshot.controls.get(control.name, control.default)
    values: dict[str, Sequence[float]] = {
        "voice_density": snapshot.voice_density,
        "mute": snapshot.mute,
        "freeze": snapshot.freeze,
        "nudge": snapshot.nudge,
    }
    found = values[control.name]
    return float(found[voice]) if voice < len(found) else control.default


def _position(name: str, voice: str, snapshot: Snapshot) -> float:
    """Where a fader stands, 0 to 1."""
    if name in AXES:
        return snapshot.hand[AXES.index(name)]
    control = CONTROLS[name]
    row = _voice(snapshot.kit, voice) if control.per_voice else 0
    return control.position(_value(control, row, snapshot))


def _set(name: str, voice: str, position: float, snapshot: Snapshot) -> tuple[StageCommand, ...]:
    if name in AXES:
        x, y = snapshot.hand
        return (MoveCursor(position, y) if name == "x" else MoveCursor(x, position),)
    control = CONTROLS[name]
    if control.per_voice:
        return (SetVoice(name, _voice(snapshot.kit, voice), control.at(position)),)
    return (SetControl(name, control.at(position)),)


def _stepped(name: str, voice: str, steps: int, snapshot: Snapshot) -> tuple[StageCommand, ...]:
    if not steps:
        return ()
    if name in AXES:
        return _set(name, voice, min(1.0, max(0.0, _position(name, voice, snapshot) + steps / 200)), snapshot)
    control = CONTROLS.get(name)
    if control is None:
        number = int(voice or 1)
        return asked(name, snapshot, number) if steps > 0 else ()
    if control.per_voice:
        row = _voice(snapshot.kit, voice)
        return (SetVoice(name, row, control.stepped(_value(control, row, snapshot), steps)),)
    return (StepControl(name, steps),)
