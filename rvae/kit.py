"""Kits: the ordered voices of a pattern with the MIDI notes they come from and go to."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass, replace
from functools import cached_property

from rvae.errors import KitError

MAX_VOICES = 16
_VOICE_NAME = re.compile(r"[a-z][a-z0-9_]{0,23}")


@dataclass(frozen=True, slots=True)
class Voice:
    """One row of a pattern.

    `name`: lower-case letters, digits and _, at most 24, e.g. `closed_hat`. `pitches_in`: MIDI notes (0..127) that
    are read as this voice; none: it is played, and never read. `pitch_out`: the MIDI note it plays. Raises KitError.
    """

    name: str
    pitches_in: tuple[int, ...]
    pitch_out: int

    def __post_init__(self) -> None:
        if not _VOICE_NAME.fullmatch(self.name):
            raise KitError(
                f"voice '{self.name}': a name has lower-case letters, digits and _ only, 24 at most; rename it"
            )
        for pitch in (*self.pitches_in, self.pitch_out):
            if not 0 <= pitch <= 127:
                raise KitError(f"voice {self.name}: note {pitch} is outside 0..127; mend the kit")

    @property
    def pitch_read(self) -> int:
        """A MIDI note that is read as this voice, the one it plays where that is one of them; or else what it plays."""
        own = not self.pitches_in or self.pitch_out in self.pitches_in
        return self.pitch_out if own else self.pitches_in[0]

    def without(self, pitch: int) -> Voice:
        """Not read from a note any more."""
        return replace(self, pitches_in=tuple(own for own in self.pitches_in if own != pitch))


@dataclass(frozen=True)
class Kit:
    """Voices in the order of a pattern's rows. No pitch is read as two voices. Raises KitError."""

    name: str
    voices: tuple[Voice, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.voices) <= MAX_VOICES:
            raise KitError(f"kit {self.name}: {len(self.voices)} voices, 1 to {MAX_VOICES} are possible; mend the kit")
        names = [voice.name for voice in self.voices]
        if len(set(names)) != len(names):
            raise KitError(f"kit {self.name}: a voice name stands twice in {', '.join(names)}; rename one")
        seen: dict[int, str] = {}
        for voice in self.voices:
            for pitch in voice.pitches_in:
                if pitch in seen:
                    raise KitError(
                        f"kit {self.name}: note {pitch} is both {seen[pitch]} and {voice.name}; leave it in one of them"
                    )
                seen[pitch] = voice.name

    @cached_property
    def _rows_by_pitch(self) -> dict[int, int]:
        return {pitch: row for row, voice in enumerate(self.voices) for pitch in voice.pitches_in}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The voices' names in row order."""
        return tuple(voice.name for voice in self.voices)

    def row_of_pitch(self, pitch: int) -> int | None:
        """The row that a MIDI note is read as, or None where this kit does not know it."""
        return self._rows_by_pitch.get(pitch)

    def row_of_name(self, name: str) -> int:
        """The row of a voice. Raises KitError with the names there are."""
        if name not in self.names:
            raise KitError(f"no voice '{name}' in kit {self.name}; it has {', '.join(self.names)}")
        return self.names.index(name)

    def __len__(self) -> int:
        return len(self.voices)

    # Changed: each of these is another kit, and raises KitError where there can be none.

    def with_note(self, pitch: int, row: int | None) -> Kit:
        """A note is read as the voice of a row and as no other; None: as no voice."""
        voices = [voice.without(pitch) for voice in self.voices]
        if row is not None:
            pitches = self.voices[self._checked(row)].pitches_in
            voices[row] = replace(voices[row], pitches_in=pitches if pitch in pitches else (*pitches, pitch))
        return replace(self, voices=tuple(voices))

    def with_out(self, row: int, pitch: int) -> Kit:
        """A voice plays another note."""
        return self._with_voice(row, replace(self.voices[self._checked(row)], pitch_out=pitch))

    def renamed(self, row: int, name: str) -> Kit:
        """A voice has another name."""
        return self._with_voice(row, replace(self.voices[self._checked(row)], name=name))

    def with_voice(self, name: str, pitch: int) -> Kit:
        """One more voice, the last: a note is read as it and as no other, and is what it plays."""
        others = self.with_note(pitch, None).voices
        return replace(self, voices=(*others, Voice(name, (pitch,), pitch)))

    def without_voice(self, row: int) -> Kit:
        """One voice less; its notes are read as none."""
        self._checked(row)
        return replace(self, voices=(*self.voices[:row], *self.voices[row + 1 :]))

    def with_notes_of(self, other: Kit) -> Kit:
        """The same voices, with the notes in and out that another kit gives to voices of their names. A voice that the
        other does not have keeps its own, but for those that went to one of these.
        """
        notes = {voice.name: voice for voice in other.voices if voice.name in self.names}
        given = {pitch for voice in notes.values() for pitch in voice.pitches_in}
        voices = []
        for own in self.voices:
            left = tuple(pitch for pitch in own.pitches_in if pitch not in given)
            voices.append(notes.get(own.name) or replace(own, pitches_in=left))
        return replace(self, voices=tuple(voices))

    def _with_voice(self, row: int, voice: Voice) -> Kit:
        return replace(self, voices=(*self.voices[:row], voice, *self.voices[row + 1 :]))

    def _checked(self, row: int) -> int:
        if not 0 <= row < len(self.voices):
            raise KitError(f"kit {self.name}: no voice {row + 1}, there are {len(self.voices)}; choose one of them")
        return row

    @classmethod
    def from_toml(cls, text: str, *, where: str = "kit") -> Kit:
        """A kit from TOML text: `name`, then a `[[voice]]` with `name`, `in = [notes]`, `out = note` for each row."""
        try:
            table = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise KitError(f"{where}: not a TOML file ({error}); see docs/kits.md for one to start from") from None
        rows = table.get("voice")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise KitError(f"{where}: no [[voice]] tables; see docs/kits.md for a kit to start from")
        voices: list[Voice] = []
        for row in rows:
            name, pitches, out = row.get("name"), row.get("in"), row.get("out")
            whole = isinstance(pitches, list) and all(type(pitch) is int for pitch in pitches) and type(out) is int
            if not isinstance(name, str) or not whole:
                raise KitError(
                    f"{where}: a [[voice]] needs name = text, in = [whole numbers], out = a whole number; mend it"
                )
            voices.append(Voice(name, tuple(pitches), out))
        return cls(str(table.get("name", where)), tuple(voices))

    def to_toml(self) -> str:
        """The kit as the TOML text that `from_toml` reads."""
        # a JSON string is a TOML string, but for one character that TOML wants escaped too
        lines = [f"name = {json.dumps(self.name, ensure_ascii=False)}".replace("\x7f", "\\u007f")]
        for voice in self.voices:
            lines += [
                "",
                "[[voice]]",
                f'name = "{voice.name}"',
                f"in = {list(voice.pitches_in)}",
                f"out = {voice.pitch_out}",
            ]
        return "\n".join(lines) + "\n"


# General MIDI 1 and 2 percussion (27..87), with the edge and rim notes of the Roland TD family: 22 and 26 are the
# hi-hat's edge, 58 the floor tom's rim. The ninth voice is the cymbals: rides carry the time in much of this music and
# crashes its form, and neither is a hat. Hand percussion goes to the voice that has its part in a kit: skins to the
# toms by height, shaken things to the closed hat, bells to the cymbal, wood and hands to the clap. `rvae inspect` shows
# what was merged.
STANDARD_KIT = Kit(
    "standard",
    (
        Voice("kick", (35, 36), 36),
        Voice("snare", (37, 38, 40), 38),
        Voice("closed_hat", (22, 42, 44, 54, 69, 70, 73, 82), 42),
        Voice("open_hat", (26, 46, 74), 46),
        Voice("low_tom", (41, 43, 58, 61, 64, 66, 79, 86, 87), 43),
        Voice("mid_tom", (45, 47, 60, 63, 65, 78), 45),
        Voice("high_tom", (48, 50, 62), 48),
        Voice("clap", (28, 31, 32, 33, 39, 75, 76, 77, 85), 39),
        Voice("cymbal", (49, 51, 52, 53, 55, 56, 57, 59, 67, 68, 80, 81, 83, 84), 51),
    ),
)
