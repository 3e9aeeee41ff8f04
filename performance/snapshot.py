"""Snapshots: the state of the instrument at one moment, as values that cannot change under the one who reads them.

`EngineStatus` crosses from the engine's process a hundred times a second; `Snapshot` is made of it by the stage, once a
frame, and is all that the window draws from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from performance.panel import Panel
from performance.pins import Pin
from performance.transport import Transport
from rvae.counts import several
from rvae.kit import Kit
from rvae.meter import Meter
from rvae.pattern import Floats, Pattern

if TYPE_CHECKING:
    from rvae.model import Clip


@dataclass(frozen=True, slots=True)
class Message:
    """One line for the player. `number` grows by one with every message; `is_error` where something needs doing."""

    number: int
    text: str
    is_error: bool = False


def unheard(messages: Sequence[Message], heard: int) -> tuple[Message, ...]:
    """Those after the number that was heard last; first, where some came and went since, a line that counts them."""
    found = tuple(message for message in messages if message.number > heard)
    lost = found[0].number - heard - 1 if found else 0
    if not lost:
        return found
    text = f"{several(lost, 'line')} before this came too fast to be kept"
    return Message(found[0].number - 1, text), *found


@dataclass(frozen=True, slots=True)
class OutputState:
    """An output as it is: `kind` is midi, osc or audio; `name` what was asked for; `is_open` whether it sounds.

    For sound made here, since its device was opened, and for MIDI through JACK: `underruns`, blocks that the device or
    the server missed; `late`, onsets that came after their sample had gone and sounded at once; `missed`, those that
    came over 0.1 s too late and did not sound; `stalls`, how often time had to be tied to the frames anew, since the
    device stood still or its clock goes wrong. For sound also `load`, the share of a block's time that making it took,
    at worst in the last tenth of a second. `offset_ms`: how much later than the music it is to play.
    """

    kind: str
    name: str
    is_open: bool
    detail: str = ""
    underruns: int = 0
    late: int = 0
    missed: int = 0
    load: float = 0.0
    stalls: int = 0
    offset_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Lateness:
    """How late events went out, in ms, over the last few thousand of them; `late` counts those above 5 ms since the
    start.

    `events`: all that went since the start. `slips`: how often the engine itself was held up so long that the music
    waited for it (see `engine.Engine`).
    """

    events: int = 0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    max_ms: float = 0.0
    late: int = 0
    slips: int = 0


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """What the engine says of itself. `now_ns` and `transport` are on the monotonic clock that all processes here
    share.

    `transport` is None while stopped. `realtime`: what it got of priority and locked memory, as one line for a person.
    `first_sound_ns`: when the first onset went out, or None. `sync`: the leader that is followed, as a few words; empty
    where there is none. `led_qpm`: the tempo that came from it, also when it is gone; None where the player's holds.
    `recording`: whether what is played is being kept.
    """

    now_ns: int = 0
    transport: Transport | None = None
    lateness: Lateness = field(default_factory=Lateness)
    outputs: tuple[OutputState, ...] = ()
    messages: tuple[Message, ...] = ()
    horizon_ms: float = 0.0
    realtime: str = ""
    first_sound_ns: int | None = None
    sync: str = ""
    led_qpm: float | None = None
    recording: bool = False


@dataclass(frozen=True, slots=True)
class TakeState:
    """How it stands with what is being played in: to be kept as a `clip`, or to `find` its place.

    `phase`: it `counts` until the take begins, it `runs`, it `ends` with this bar, it `thinks`, it is `done`. `beat`:
    of the bar, from 1, 0 where nothing is heard yet; `bar`: of the take, from 1, or below before it; `of_bars`: how
    many it takes, 0 for as many as one likes. `strokes`: how many are in it. `text`: what came of it, when it is done.
    """

    purpose: Literal["clip", "find"]
    phase: Literal["counts", "runs", "ends", "thinks", "done"]
    beat: int = 0
    bar: int = 0
    of_bars: int = 0
    strokes: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class Playhead:
    """Where the music is. `bar` and `beat` count from 1. `ticks`: within the bar, not whole. `cycle_ticks`: within the
    pattern's columns, 0 to T, also not whole. All stand at the start while stopped.
    """

    bar: int = 1
    beat: int = 1
    ticks: float = 0.0
    cycle_ticks: float = 0.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that the window draws from.

    `cursor`: x and y, 0 to 1. `pattern`: what is played at the cursor, `[V, T]`, in `meter`; mutes are not in it.
    `probability`: float32 `[V, T]`, the onset probability behind it. `meters`: those that can be played on this plane,
    which have as many beats. `beats`: the numbers of beats the model learned, a plane each; `learned_meters`: the
    meters of all its clips. `clips`: those of this plane. `controls`: the value of each control that is not per voice,
    by name; the tempo is a leader's where there is one. `voice_density`, `mute`: by row of the kit. `status`: the
    engine's own report. `engine_lives`: False when its process has gone. `messages`: the last few, oldest first, from
    stage and engine. `scenes`: number and place of those on this plane. `hand`: where a hand would take hold of the
    cursor, as a point of the plane, or of the square of four scenes where they are mixed. `target`: where a jump
    lands. `pins`: those of this cycle. `freeze`: by row of the kit. `gestures`: how many go round; `is_taking`:
    whether one is recorded. `morphs`: whether it is on its way to a scene. `credits`: whose clips the pattern is made
    of, as one line; empty where that is not known. `nudge`: ms, by row of the kit. `panel`: the list that is open.
    `take`: what is being played in, or None. `kit`: the model's voices, with the notes that the player gives them;
    `own_kit`: the player's, which may have others, or None. `prompt`: what learning waits for, as one line; empty
    while nothing is learned. `learned`: what knobs and pads of MIDI devices were put on, and which they are ("mute
    snare", "note 38").
    """

    model_name: str
    kit: Kit
    cursor: tuple[float, float]
    pattern: Pattern
    probability: Floats
    playing: bool
    playhead: Playhead
    meter: Meter
    meters: tuple[Meter, ...]
    beats: tuple[int, ...]
    clips: tuple[Clip, ...]
    controls: Mapping[str, float]
    voice_density: tuple[float, ...]
    mute: tuple[bool, ...]
    status: EngineStatus
    engine_lives: bool
    messages: tuple[Message, ...]
    learned_meters: tuple[Meter, ...] = ()
    scenes: tuple[tuple[int, tuple[float, float]], ...] = ()
    hand: tuple[float, float] = (0.5, 0.5)
    target: tuple[float, float] | None = None
    pins: tuple[Pin, ...] = ()
    freeze: tuple[bool, ...] = ()
    gestures: int = 0
    is_taking: bool = False
    morphs: bool = False
    credits: str = ""
    nudge: tuple[float, ...] = ()
    panel: Panel | None = None
    take: TakeState | None = None
    own_kit: Kit | None = None
    prompt: str = ""
    learned: tuple[tuple[str, str], ...] = ()

    @property
    def makes_sound(self) -> bool:
        """Whether sound is made here."""
        return any(output.kind == "audio" and output.is_open for output in self.status.outputs)
