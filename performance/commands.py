"""Commands: all that can be asked of the stage and of the engine, as small values that pickle.

`StageCommand`s come from the window, from keys and from OSC to the stage (`stage.Stage.do`). `EngineCommand`s go from
the stage to the engine, across to its process. Play, Stop, Panic, SetControl, SetVoice, StartRecording,
StopRecording, Export and Quit are both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rvae.kit import Kit
from rvae.meter import Meter
from rvae.pattern import Pattern

Quantum = Literal["now", "beat", "bar"]


@dataclass(frozen=True, slots=True)
class Play:
    """Start at the first bar; `bars`: stop after so many, None goes on. Nothing happens where it plays already.

    `count_in_bars`: with the click, which counts so many bars before and goes on until the stop. A leader is followed
    without: it counts by itself.
    """

    bars: int | None = None
    count_in_bars: int | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop at once: what was scheduled is taken back and every sounding note ends."""


@dataclass(frozen=True, slots=True)
class TogglePlay:
    """Play where stopped, stop where playing."""


@dataclass(frozen=True, slots=True)
class Panic:
    """Stop, and end every note on every channel of every output, whether or not we know of it."""


@dataclass(frozen=True, slots=True)
class SetControl:
    """Set one of `controls.CONTROLS` (not one that is `per_voice`) to a value in its unit; kept within its range."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class StepControl:
    """Move a control by so many of its steps."""

    name: str
    steps: int


@dataclass(frozen=True, slots=True)
class SetVoice:
    """Set a control that is `per_voice` for the voice of row `voice` in the kit."""

    name: str
    voice: int
    value: float


@dataclass(frozen=True, slots=True)
class MoveCursor:
    """Put the cursor at a place of the plane, 0 to 1 each; kept inside."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class GoToClip:
    """Put the cursor on a clip: its index in the snapshot's `clips`."""

    clip: int


@dataclass(frozen=True, slots=True)
class SetMeter:
    """Change the meter at the next bar. The model must have learned its number of beats; otherwise a message says
    so.
    """

    meter: Meter


@dataclass(frozen=True, slots=True)
class StoreScene:
    """Keep how it sounds now as the scene of a number, 1 to 128."""

    number: int


@dataclass(frozen=True, slots=True)
class RecallScene:
    """Go back to a scene, heard at the quantum. `bars`: morph into it over so many; None as the control `morph` says,
    0 at once. One that was never stored becomes a message.
    """

    number: int
    bars: float | None = None


@dataclass(frozen=True, slots=True)
class TakeGesture:
    """Begin to record a gesture, or end it: then it goes round in sync."""


@dataclass(frozen=True, slots=True)
class DropGestures:
    """Let the last gesture go, or all of them."""

    all: bool = False


@dataclass(frozen=True, slots=True)
class PinPlace:
    """Hold an onset or a rest at a tick of the cycle, whatever the cursor does; None lets go of it.

    An onset is held as it is played there; where there is none, one is forced, as loud as the model would have it.
    """

    voice: int
    tick: int
    hold: Literal["onset", "rest"] | None


@dataclass(frozen=True, slots=True)
class Unpin:
    """Let go of all pins and frozen voices."""


@dataclass(frozen=True, slots=True)
class SetKit:
    """Play and read by the notes that a kit gives to voices of the model's names; None: by the model's own. `what`: in
    a few words, what of it is new.
    """

    kit: Kit | None
    what: str = "the kit"


@dataclass(frozen=True, slots=True)
class Undo:
    """Take back what was done last."""


@dataclass(frozen=True, slots=True)
class Redo:
    """Do again what was taken back."""


@dataclass(frozen=True, slots=True)
class SetPattern:
    """Play a pattern from the quantum's next place on. Where its meter is another one, that place is the next bar.

    `mute`: the voices that are muted from there on, and no others; None: as they are.
    """

    pattern: Pattern
    at: Quantum = "beat"
    mute: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class StartRecording:
    """Keep all that is played from here on, in a folder: a journal, and at the end a MIDI file and a WAV file.

    `folder`: empty for the one chosen at the start. A recording that runs already is ended first.
    """

    folder: str = ""


@dataclass(frozen=True, slots=True)
class StopRecording:
    """End the recording, if one runs; its files are finished while the music goes on."""


@dataclass(frozen=True, slots=True)
class Export:
    """Write the last so many whole bars as they were played, or, with 0, the pattern that is played, as a clip."""

    bars: int


@dataclass(frozen=True, slots=True)
class ToggleRecording:
    """Record where nothing is recorded, end the recording where one runs."""


@dataclass(frozen=True, slots=True)
class PlayIn:
    """Begin a take of what is struck on pads or keys, or end it. `purpose`: to be kept as a `clip`, or to `find` the
    place that is nearest to it.
    """

    purpose: Literal["clip", "find"]


@dataclass(frozen=True, slots=True)
class LearnKnob:
    """Put a control on the next knob or pad of a MIDI device. `target`: see `mapping`; empty for the next one that is
    touched, and asked for again: none.
    """

    target: str = ""


@dataclass(frozen=True, slots=True)
class ForgetKnob:
    """Let go of what was learned last, or of the control that learning waits with."""


@dataclass(frozen=True, slots=True)
class DropClip:
    """Show a clip, or a folder or archive of them, where it belongs on the plane; `file`: its path."""

    file: str


@dataclass(frozen=True, slots=True)
class DropNothing:
    """Something was dropped that is no file on this computer; `text`: the first line of it, where it is text."""

    text: str = ""


@dataclass(frozen=True, slots=True)
class StrikePad:
    """Sound a voice now, `velocity` 1 to 127, in the sound made here and nowhere else: a hand plays in. `at_ns`: when
    it did, on the monotonic clock; None for just now.
    """

    voice: int
    velocity: int
    at_ns: int | None = None


@dataclass(frozen=True, slots=True)
class OpenOutput:
    """Play to one more output from now on: `kind` midi, audio or osc, the `name` of its port, device or address.
    `offset_ms`: how much later than the music it plays.
    """

    kind: str
    name: str
    offset_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class CloseOutput:
    """Let an output go, with all its notes ended; `kind` and `name` as its state has them."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class HearDevice:
    """Hear a MIDI device by the whole name of its port, or hear it no longer."""

    device: str
    is_heard: bool


@dataclass(frozen=True, slots=True)
class OpenModel:
    """Read another model, or a session and its model, and play it from the next bar on; `file`: its path."""

    file: str


@dataclass(frozen=True, slots=True)
class OpenNamed:
    """The same for a model or session at hand, by its name in the list of models."""

    name: str


@dataclass(frozen=True, slots=True)
class ShowPanel:
    """Open a panel by its name, or close it where it is open; "" closes any."""

    name: str


@dataclass(frozen=True, slots=True)
class NextPanel:
    """Go round the panels: the next, and none after the last."""


@dataclass(frozen=True, slots=True)
class StepRow:
    """Go so many rows on in the panel that is open."""

    steps: int


@dataclass(frozen=True, slots=True)
class ChooseRow:
    """Do what a row of the panel is for; `key`: which, empty for the one that is chosen."""

    key: str = ""


@dataclass(frozen=True, slots=True)
class TurnPage:
    """Show another list in the panel that is open; `page`: what it is called there, empty for the first."""

    page: str


@dataclass(frozen=True, slots=True)
class Explain:
    """Nothing can be done: a line that says why."""

    why: str


@dataclass(frozen=True, slots=True)
class Quit:
    """End: everything falls silent, outputs are closed."""


EngineCommand = (
    Play
    | Stop
    | Panic
    | SetControl
    | SetVoice
    | SetPattern
    | StartRecording
    | StopRecording
    | Export
    | StrikePad
    | OpenOutput
    | CloseOutput
    | Quit
)
PanelCommand = ShowPanel | NextPanel | StepRow | ChooseRow | TurnPage
StageCommand = (
    Play
    | Stop
    | TogglePlay
    | Panic
    | SetControl
    | StepControl
    | SetVoice
    | MoveCursor
    | GoToClip
    | SetMeter
    | StoreScene
    | RecallScene
    | TakeGesture
    | DropGestures
    | PinPlace
    | Unpin
    | SetKit
    | Undo
    | Redo
    | StartRecording
    | StopRecording
    | ToggleRecording
    | LearnKnob
    | ForgetKnob
    | DropClip
    | DropNothing
    | PlayIn
    | StrikePad
    | OpenModel
    | OpenNamed
    | OpenOutput
    | CloseOutput
    | HearDevice
    | Export
    | PanelCommand
    | Explain
    | Quit
)
