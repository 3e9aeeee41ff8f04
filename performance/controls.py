"""Controls, each declared once: its range, curve, step, unit, default, keys and OSC address.

The screen, the keys, OSC, presets and the tables in `docs/` are all served from `CONTROLS` and `ACTIONS`. Nothing
here draws, listens or plays. A value is always a float: a switch is 0 or 1, a choice is the index of one of its
`choices`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from rvae.errors import UsageError

Curve = Literal["linear", "log"]
_A_LITTLE = 1e-6  # of a step: so near, it stands on one


@dataclass(frozen=True, slots=True)
class Control:
    """One thing a player can set.

    `low`, `high`, `default` and `step` are in `unit`; `step` is what one key press or wheel click moves. `curve` says
    how a fader spreads the range: `log` gives equal ratios equal room. `choices`: the names of a choice, whose value
    is an index. `keys`: the keys for less and more, or the one key that switches or goes round, or one for each voice;
    `pads`: buttons of a game controller likewise. `osc`: its address;
    of a control with `per_voice`, which has a value for every voice of the kit, the address is followed by the
    voice's name and `osc_word`. `group`: who acts on it, the `engine` (heard within the horizon) or the `stage` (it
    changes what is decoded). Raises UsageError where these do not fit together.
    """

    name: str
    label: str
    low: float
    high: float
    default: float
    step: float
    unit: str = ""
    curve: Curve = "linear"
    choices: tuple[str, ...] = ()
    per_voice: bool = False
    keys: tuple[str, ...] = ()
    pads: tuple[str, ...] = ()
    osc: str = ""
    osc_word: str = ""
    group: Literal["engine", "stage"] = "engine"
    help: str = ""

    def __post_init__(self) -> None:
        if not self.low <= self.default <= self.high or self.low >= self.high or self.step <= 0:
            raise UsageError(
                f"control {self.name}: needs low < high, a default between them and a step above 0; mend it"
            )
        if self.curve == "log" and self.low <= 0:
            raise UsageError(f"control {self.name}: a log curve needs a range above 0; mend it")
        if self.choices and (self.low, self.high, self.step) != (0, len(self.choices) - 1, 1):
            raise UsageError(f"control {self.name}: its range must be the indexes of its choices; mend it")

    @property
    def is_switch(self) -> bool:
        """Whether it is off (0) or on (1)."""
        return not self.choices and (self.low, self.high, self.step) == (0, 1, 1)

    def clamp(self, value: float) -> float:
        """The nearest allowed value; whole for switches and choices. Raises UsageError for what is not a finite
        number.
        """
        if not math.isfinite(value):
            raise UsageError(
                f"{self.label}: {value} is not a number; give {self.text(self.low)} to {self.text(self.high)}"
            )
        kept = min(self.high, max(self.low, float(value)))
        return float(round(kept)) if self.choices or self.is_switch else kept

    def stepped(self, value: float, steps: int) -> float:
        """The value so many steps on; choices and switches go round, all others stop at the ends. From between two
        steps, the first goes to the next of them.
        """
        if self.choices or self.is_switch:
            count = round(self.high - self.low) + 1
            return float((round(value) + steps) % count)
        if not steps:
            return self.clamp(value)
        place = value / self.step
        start = math.floor(place + _A_LITTLE) if steps > 0 else math.ceil(place - _A_LITTLE)
        return self.clamp((start + steps) * self.step)

    def at(self, position: float) -> float:
        """The value at a fader's position, 0 to 1."""
        place = min(1.0, max(0.0, position))
        if self.curve == "log":
            return self.clamp(self.low * (self.high / self.low) ** place)
        return self.clamp(self.low + (self.high - self.low) * place)

    def position(self, value: float) -> float:
        """Where a fader stands for a value, 0 to 1."""
        kept = self.clamp(value)
        if self.curve == "log":
            return math.log(kept / self.low) / math.log(self.high / self.low)
        return (kept - self.low) / (self.high - self.low)

    def text(self, value: float) -> str:
        """The value as a person reads it, with its unit."""
        if self.choices:
            return self.choices[round(min(self.high, max(self.low, value)))]
        if self.is_switch:
            return "on" if value >= 0.5 else "off"
        digits = 0 if self.step >= 1 else 1 if self.step >= 0.1 else 2
        number = f"{value:.{digits}f}"
        unit = "bar" if (number, self.unit) == ("1", "bars") else self.unit
        return f"{number}{f' {unit}' if unit else ''}"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a player can do that has no value: `keys` are all the keys that do it.

    `osc` is its address if it has one, `osc_word` the word that comes first there where several share it.
    """

    name: str
    label: str
    keys: tuple[str, ...]
    osc: str = ""
    help: str = ""
    osc_word: str = ""


# Key names are SDL's, in lower case, after any of ctrl+, shift+, alt+; pad- is a button of a game controller, after lt+
# or rt+ while its left or right trigger is held, lt+rt+ while both are.
_CONTROLS = (
    Control("tempo", "Tempo", 20, 300, 120, 1, "bpm", "log", keys=("-", "="), osc="/rvae/tempo",
            help="felt beats a minute; the position does not jump"),
    Control("density", "Density", 0, 1, 0.5, 0.05, keys=("[", "]"), osc="/rvae/density", group="stage",
            help="how many onsets sound: 0 none, 0.5 as learned, 1 all that the place knows"),
    Control("voice_density", "Voice density", 0, 1, 0.5, 0.05, per_voice=True, osc="/rvae/voice", osc_word="density",
            group="stage", help="more or less of one voice: 0.5 follows the density"),
    Control("mute", "Mute", 0, 1, 0, 1, per_voice=True, keys=("1", "2", "3", "4", "5", "6", "7", "8", "9"),
            pads=tuple(f"pad-{side}+{way}" for side in ("lt", "rt") for way in ("left", "up", "right", "down")),
            osc="/rvae/voice", osc_word="mute",
            help="silences one voice; while a clip is played in, the keys strike the voices"),
    Control("nudge", "Nudge", -50, 50, 0, 1, "ms", per_voice=True, osc="/rvae/voice", osc_word="nudge",
            help="how much later one voice plays, below 0 earlier; half the shortest beat at the most"),
    Control("freeze", "Freeze", 0, 1, 0, 1, per_voice=True, keys=tuple(f"alt+{digit}" for digit in "123456789"),
            osc="/rvae/voice", osc_word="freeze", group="stage",
            help="one voice stays as it is while the others follow the cursor"),
    Control("quantum", "Change at", 0, 2, 1, 1, choices=("now", "beat", "bar"), keys=("q",), osc="/rvae/quantum",
            help="when a move is heard: at once, at the next beat, at the next bar"),
    Control("microtiming", "Microtiming", 0, 150, 100, 5, "%", keys=("k", "l"), osc="/rvae/microtiming",
            help="how much of the learned push and pull is played"),
    Control("swing", "Swing", 50, 75, 50, 1, "%", keys=("o", "p"), osc="/rvae/swing",
            help="where the half of a simple beat falls: 50 straight, 67 a triplet; compound beats keep theirs"),
    Control("volume", "Volume", 0, 1, 0.8, 0.05, keys=(",", "."), osc="/rvae/volume", help="of the sound made here"),
    Control("click", "Click", 0, 1, 0, 1, keys=("shift+c",), osc="/rvae/click",
            help="on every felt beat, in the sound made here only: never in MIDI, OSC or what is recorded"),
    Control("count_in", "Count-in", 0, 2, 1, 1, choices=("none", "1 bar", "2 bars"), keys=("shift+f12",),
            osc="/rvae/count_in", group="stage",
            help="how long it is clicked before what is played in from a standstill"),
    Control("horizon", "Horizon", 5, 200, 30, 5, "ms", "log", osc="/rvae/horizon",
            help="how far ahead events are made: shorter answers faster, longer survives a busier machine"),
    Control("motion", "Motion", 0, 4, 0, 1, choices=("free", "glide", "jump", "orbit", "drift"), keys=("g",),
            pads=("pad-rightstick",), osc="/rvae/motion", group="stage",
            help="the cursor goes with the hand, glides, jumps at the beat or bar, or goes by itself"),
    Control("glide", "Glide", 0.05, 16, 0.6, 0.1, "s", "log", keys=("t", "y"), osc="/rvae/glide", group="stage",
            help="how long a glide takes"),
    Control("bounce", "Bounce", 0, 0.95, 0, 0.05, osc="/rvae/bounce", group="stage",
            help="how much a glide swings past its place: 0 not at all"),
    Control("reach", "Reach", 0, 0.5, 0.2, 0.01, keys=("u", "i"), osc="/rvae/reach", group="stage",
            help="how far an orbit or a drift goes, in sides of the plane"),
    Control("round", "Round", 0.5, 64, 4, 0.5, "bars", "log", keys=("x", "c"), osc="/rvae/round", group="stage",
            help="how long an orbit takes, or each leg of a drift"),
    Control("seed", "Seed", 0, 999, 0, 1, keys=("j",), osc="/rvae/seed", group="stage",
            help="which way a drift takes; the same seed goes the same way"),
    Control("gesture_size", "Gesture size", -2, 2, 1, 0.1, keys=(";", "'"), osc="/rvae/gesture/size",
            group="stage", help="how far the gestures go: 1 as recorded, 0 not at all, below 0 mirrored"),
    Control("gesture_speed", "Gesture speed", 0, 4, 2, 1, choices=("1/4", "1/2", "1", "2", "4"), keys=("\\",),
            osc="/rvae/gesture/speed", group="stage", help="how fast the gestures go: 1 as recorded"),
    Control("morph", "Morph", 0, 64, 0, 1, "bars", keys=("home", "end"),
            pads=("pad-rt+leftshoulder", "pad-rt+rightshoulder"), osc="/rvae/morph", group="stage",
            help="over how many bars going back to a scene takes; 0 at once"),
    Control("mix", "Mix four scenes", 0, 1, 0, 1, keys=("w",), pads=("pad-rt+start",), osc="/rvae/mix",
            group="stage",
            help="the cursor moves between scenes 1 to 4, which stand in the corners"),
    Control("scene_tempo", "Scenes with tempo", 0, 1, 0, 1, keys=("shift+t",), osc="/rvae/scenes/tempo", group="stage",
            help="going back to a scene brings its tempo too"),
    Control("scene_kit", "Scenes with kit", 0, 1, 0, 1, keys=("shift+k",), osc="/rvae/scenes/kit", group="stage",
            help="going back to a scene brings the kit that was played then"),
)  # fmt: skip
_WAYS = ("left", "right", "up", "down")
_DIGITS = "123456789"
_FACES = ("a", "b", "x", "y")  # of a game controller: scenes 1 to 4
_ACTIONS = (
    Action("play_stop", "Play or stop", ("space", "pad-a"), help="starts at bar 1; stopping leaves silence"),
    Action("play", "Play", (), "/rvae/play"),
    Action("stop", "Stop", (), "/rvae/stop"),
    Action(
        "panic", "Panic", ("backspace", "escape", "pad-b"), "/rvae/panic", "stops, and every note on every output ends"
    ),
    Action(
        "move",
        "Move the cursor",
        (*_WAYS, *(f"shift+{way}" for way in _WAYS), *(f"pad-{way}" for way in _WAYS)),
        help="a fortieth of the plane; with shift a tenth of that",
    ),
    Action("next_meter", "Next meter", ("m", "pad-rightshoulder"), help="of those with as many beats; at the next bar"),
    Action("previous_meter", "Previous meter", ("shift+m", "pad-leftshoulder")),
    Action(
        "next_beats",
        "Next number of beats",
        ("b", "pad-back"),
        help="another plane of the same model, where it learned one",
    ),
    Action("next_clip", "Next clip", ("tab", "pad-x"), help="the cursor jumps to the next clip's place"),
    Action("previous_clip", "Previous clip", ("shift+tab",)),
    Action(
        "store_scene",
        "Keep a scene",
        (*(f"ctrl+{digit}" for digit in _DIGITS), *(f"pad-rt+{face}" for face in _FACES)),
        "/rvae/scene",
        help="place, meter, tempo, densities, mutes, nudges",
        osc_word="store",
    ),
    Action(
        "recall_scene",
        "Go back to a scene",
        (*(f"shift+{digit}" for digit in _DIGITS), *(f"pad-lt+{face}" for face in _FACES)),
        "/rvae/scene",
        help="at the next beat or bar; over the bars of Morph",
        osc_word="recall",
    ),
    Action(
        "take_gesture",
        "Record a gesture",
        ("e", "pad-leftstick"),
        "/rvae/gesture",
        "once more, and it goes round: one more layer",
        osc_word="record",
    ),
    Action(
        "drop_gesture",
        "Let a gesture go",
        ("d", "pad-lt+rt+b"),
        "/rvae/gesture",
        "the one recorded last",
        osc_word="drop",
    ),
    Action("drop_gestures", "Let all gestures go", ("shift+d",), "/rvae/gesture", osc_word="clear"),
    Action("unpin", "Let all pins go", ("delete", "pad-lt+rt+y"), "/rvae/unpin", "and all frozen voices"),
    Action(
        "undo",
        "Undo",
        ("z", "ctrl+z", "pad-lt+rightshoulder"),
        "/rvae/undo",
        "takes back what was done last, step by step",
    ),
    Action("redo", "Redo", ("shift+z", "ctrl+y", "pad-lt+rt+rightshoulder"), "/rvae/redo"),
    Action(
        "record",
        "Record the set",
        ("r", "pad-lt+start"),
        "/rvae/record",
        "as journal, MIDI and sound, until pressed again",
    ),
    Action(
        "export",
        "Keep the last bars",
        ("f2", "f3", "f4", "f5", "pad-lt+leftshoulder"),
        "/rvae/export",
        "1, 2, 4 or 8 as played, as a MIDI clip; pad: 4",
    ),
    Action(
        "export_pattern",
        "Keep the pattern",
        ("f6", "pad-lt+rt+leftshoulder"),
        help="what is played at the cursor, as a MIDI clip",
    ),
    Action(
        "play_in",
        "Play a clip in",
        ("f12", "pad-rt+leftstick"),
        "/rvae/take",
        "on pads or keys 1 to 9; once more keeps the take",
    ),
    Action(
        "find",
        "Find what I play",
        ("f10", "pad-lt+rt+leftstick"),
        "/rvae/find",
        "play a pattern on pads or keys: the cursor goes to it",
    ),
    Action(
        "learn",
        "Learn a knob",
        ("n",),
        help="touch a control, then turn a knob or hit a pad",
    ),
    Action("forget", "Forget a knob", ("shift+n",), help="of the control just touched, or the last learned"),
    Action("models", "Models", ("f7",), "/rvae/open", "those at hand: open another one while it plays"),
    Action("devices", "Devices", ("f8",), "/rvae/output", "outputs and inputs: open or close them while it plays"),
    Action("kit", "Kit", ("f9",), help="hit a pad and pick its voice, or change a voice"),
    Action("dropped", "Dropped clips", ("shift+f9",), help="what became of each file dropped on the window"),
    Action("next_panel", "Panels in turn", ("pad-rt+back",), help="and none after the last"),
    Action("next_row", "Next row", ("page down", "pad-lt+rightstick"), help="of the panel that is open"),
    Action("previous_row", "Previous row", ("page up", "pad-lt+leftstick")),
    Action("choose_row", "Choose the row", ("return", "enter", "pad-rt+rightstick"), help="of the panel that is open"),
    Action("next_view", "Next view", ("v", "pad-y"), help="what the colours of the plane tell"),
    Action("help", "Help", ("h", "f1", "pad-start")),
    Action("full_screen", "Full screen", ("f", "f11", "pad-lt+rt+start")),
    Action(
        "audience",
        "Window for the audience",
        ("a",),
        help="the plane alone; on the other screen f fills it",
    ),
    Action("quit", "Quit", ("ctrl+q", "pad-lt+back"), help="everything falls silent first"),
)

CONTROLS: Mapping[str, Control] = MappingProxyType({control.name: control for control in _CONTROLS})
ACTIONS: Mapping[str, Action] = MappingProxyType({action.name: action for action in _ACTIONS})


def control(name: str) -> Control:
    """The control of a name. Raises UsageError with the names there are."""
    if name not in CONTROLS:
        raise UsageError(f"no control '{name}'; there are {', '.join(CONTROLS)}")
    return CONTROLS[name]


def defaults() -> dict[str, float]:
    """The value that every control has at first, those of single voices left out."""
    return {name: control.default for name, control in CONTROLS.items() if not control.per_voice}
