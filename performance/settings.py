"""Settings: all that a player has set, as one value. It is what undo brings back and what a session keeps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from performance.controls import CONTROLS, control, defaults
from performance.cursor import Point
from performance.gestures import Gesture
from performance.motion import KINDS, Manner
from performance.pins import Pins
from performance.scenes import Scene
from performance.undo import Part
from rvae.kit import Kit
from rvae.meter import Meter

# `freeze` is per voice too, but what is frozen is kept with its onsets, in `pins`.
_VOICE_CONTROLS = ("voice_density", "mute", "nudge")
CURSOR: Part = ("cursor",)
_WHOLE = ("meter", "layers", "pins", "kit")


@dataclass(frozen=True, slots=True)
class Settings:
    """`controls`: the value of each that is not per voice, by name; `voices`: the others, by name and row of the kit.

    `layers`: the gestures that go round. `kit`: the player's own, by which the voices that the model has too are read
    and played; None: as the model has them. `hand`: where a hand has the cursor, which gestures or a glide have
    elsewhere, or its place among the scenes that are mixed; None: where the cursor is.
    """

    cursor: Point
    meter: Meter
    controls: Mapping[str, float]
    voices: Mapping[str, tuple[float, ...]]
    scenes: Mapping[int, Scene] = field(default_factory=dict)
    layers: tuple[Gesture, ...] = ()
    pins: Pins = field(default_factory=Pins)
    kit: Kit | None = None
    hand: Point | None = None

    @classmethod
    def at_first(cls, cursor: Point, meter: Meter, voices: int) -> Settings:
        """Everything at its default, for a kit of so many voices."""
        return cls(cursor, meter, defaults(), {name: (CONTROLS[name].default,) * voices for name in _VOICE_CONTROLS})

    def with_control(self, name: str, value: float) -> Settings:
        """With one control at a value, kept within its range. Raises UsageError."""
        return replace(self, controls={**self.controls, name: control(name).clamp(value)})

    def with_voice(self, name: str, voice: int, value: float) -> Settings:
        """With a control of one voice at a value, kept within its range. Raises UsageError."""
        old = self.voices[name]
        return self._with_voices({name: (*old[:voice], control(name).clamp(value), *old[voice + 1 :])})

    def _with_voices(self, changed: Mapping[str, tuple[float, ...]]) -> Settings:
        return replace(self, voices={**self.voices, **changed})

    def with_mutes(self, mute: Sequence[bool]) -> Settings:
        """With these voices muted and no others."""
        return self._with_voices({"mute": tuple(map(float, mute))})

    @property
    def mute(self) -> tuple[bool, ...]:
        """Which voices are muted, by row of the kit."""
        return tuple(value >= 0.5 for value in self.voices["mute"])

    @property
    def densities(self) -> tuple[float, ...]:
        """How dense each voice is decoded: the density, with what its own lies above or below the middle."""
        whole = self.controls["density"]
        return tuple(min(1.0, max(0.0, whole + own - 0.5)) for own in self.voices["voice_density"])

    @property
    def manner(self) -> Manner:
        """How the cursor moves."""
        chosen = self.controls
        return Manner(
            KINDS[round(chosen["motion"])],
            chosen["glide"],
            chosen["bounce"],
            chosen["reach"],
            chosen["round"],
            round(chosen["seed"]),
            "bar" if round(chosen["quantum"]) == 2 else "beat",
        )

    def scene(self) -> Scene:
        """How it sounds now, as a scene to keep."""
        return Scene(
            self.cursor,
            self.meter,
            self.controls["tempo"],
            self.controls["density"],
            self.voices["voice_density"],
            self.mute,
            self.voices["nudge"],
            self.kit,
        )

    def with_scene(self, scene: Scene) -> Settings:
        """As a scene has it; its tempo and its kit where scenes bring theirs."""
        return replace(
            self.with_sound(scene),
            cursor=scene.cursor,
            hand=None,
            meter=scene.meter,
            kit=scene.kit if self.controls["scene_kit"] >= 0.5 else self.kit,
            voices={
                "voice_density": scene.voice_density,
                "mute": tuple(map(float, scene.mute)),
                "nudge": scene.nudge_ms,
            },
        )

    def with_sound(self, mix: Scene) -> Settings:
        """Between scenes: with the mix's place, densities, nudges and tempo, but the player's own mutes and meter.

        Voices that are muted all over the mix have density 0 where the player has not muted them too.
        """
        tempo = {"tempo": mix.tempo_bpm} if self.controls["scene_tempo"] >= 0.5 else {}
        voices = zip(mix.mute, self.mute, mix.voice_density, strict=True)
        density = tuple(0.0 if muted and not by_hand else own for muted, by_hand, own in voices)
        changed = self._with_voices({"voice_density": density, "nudge": mix.nudge_ms})
        return replace(changed, cursor=mix.cursor, controls={**self.controls, "density": mix.density, **tempo})

    def differing(self, other: Settings) -> frozenset[Part]:
        """The parts that are not the same in both."""
        found: set[Part] = {(name,) for name in _WHOLE if getattr(self, name) != getattr(other, name)}
        if (self.cursor, self.hand) != (other.cursor, other.hand):
            found.add(CURSOR)
        found |= {("controls", name) for name, value in self.controls.items() if value != other.controls.get(name)}
        for name, values in self.voices.items():
            found |= {("voices", name, row) for row, value in enumerate(values) if value != other.voices[name][row]}
        numbers = {*self.scenes, *other.scenes}
        found |= {("scenes", number) for number in numbers if self.scenes.get(number) != other.scenes.get(number)}
        return frozenset(found)

    @property
    def sound(self) -> frozenset[Part]:
        """The parts that a morph or a mix of scenes changes by and by."""
        tempo = {("controls", "tempo")} if self.controls["scene_tempo"] >= 0.5 else set()
        own = {("voices", name, row) for name, values in self.voices.items() for row in range(len(values))}
        return frozenset({CURSOR, ("meter",), ("kit",), ("controls", "density"), ("controls", "mix"), *tempo, *own})

    def with_parts_of(self, other: Settings, parts: Iterable[Part]) -> Settings:
        """With these parts as others have them."""
        found = self
        for part in parts:
            match part:
                case ("controls", str(name)):
                    found = replace(found, controls={**found.controls, name: other.controls[name]})
                case ("voices", str(name), int(row)):
                    values = found.voices[name]
                    found = found._with_voices({name: (*values[:row], other.voices[name][row], *values[row + 1 :])})
                case ("scenes", int(number)):
                    kept = {known: scene for known, scene in found.scenes.items() if known != number}
                    there = {number: other.scenes[number]} if number in other.scenes else {}
                    found = replace(found, scenes=kept | there)
                case ("cursor",):
                    found = replace(found, cursor=other.cursor, hand=other.hand)
                case (str(name),):
                    found = replace(found, **{name: getattr(other, name)})
        return found
