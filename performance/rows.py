"""Rows: where the engine has each voice. A voice keeps its row for as long as the engine runs, whatever kit comes: so
what is muted, nudged or still to sound stays what it is while one model gives way to another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from performance.commands import EngineCommand, SetPattern, SetVoice, StrikePad
from rvae.errors import KitError
from rvae.kit import MAX_VOICES, Kit, Voice
from rvae.pattern import Pattern

_PITCHES = 128


@dataclass(frozen=True, slots=True)
class Rows:
    """`own`: the kit that is played; `engine`: its voices in the engine's rows, with those that were there before."""

    own: Kit
    engine: Kit

    @classmethod
    def of(cls, kit: Kit) -> Rows:
        """For an engine that is given its first kit, or plays nothing."""
        return cls(kit, kit)

    def with_kit(self, kit: Kit) -> Rows:
        """For another kit: voices of the same name keep their rows. Raises KitError where there are not enough rows."""
        names = list(self.engine.names)
        unused = [row for row, name in enumerate(names) if name not in self.own.names and name not in kit.names]
        for name in kit.names:
            if name in names:
                continue
            if len(names) < MAX_VOICES:
                names.append(name)
            elif unused:
                names[unused.pop()] = name
            else:
                count = len({*self.own.names, *kit.names})
                raise KitError(
                    f"kit {kit.name}: with the one that plays it has {count} voices, {MAX_VOICES} can sound at once; "
                    "stop, then open it"
                )
        return Rows(kit, kit if tuple(names) == kit.names else _merged(names, kit, self.engine))

    def sent(self, command: EngineCommand) -> EngineCommand:
        """A command in the engine's rows."""
        if self.own is self.engine:
            return command
        match command:
            case SetPattern(pattern, at, mute):
                return SetPattern(self._laid(pattern), at, None if mute is None else tuple(map(self._row, mute)))
            case SetVoice(name, voice, value):
                return SetVoice(name, self._row(voice), value)
            case StrikePad(voice):
                return replace(command, voice=self._row(voice))
        return command

    def _row(self, voice: int) -> int:
        return self.engine.row_of_name(self.own.names[voice])

    def _laid(self, pattern: Pattern) -> Pattern:
        rows = [self._row(voice) for voice in range(len(self.own))]

        def laid(part: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
            whole = np.zeros((len(self.engine), part.shape[1]), part.dtype)
            whole[rows] = part
            return whole

        arrays = {name: laid(getattr(pattern, name)) for name in ("onset", "velocity", "microtiming")}
        kit = self.engine if pattern.kit == self.own else _merged(self.engine.names, pattern.kit, self.engine)
        return replace(pattern, kit=kit, **arrays)  # type: ignore[arg-type]  # each has the type it had


def _merged(names: Sequence[str], kit: Kit, before: Kit) -> Kit:
    """Voices by name, as the new kit has them or as they were. No note is read twice: the engine reads none."""
    new, old = ({voice.name: voice for voice in each.voices} for each in (kit, before))
    taken = {pitch for voice in kit.voices for pitch in voice.pitches_in}
    voices: list[Voice] = []
    for name in names:
        voice = new.get(name)
        if voice is None:
            left = tuple(pitch for pitch in old[name].pitches_in if pitch not in taken)
            left = left or (next(pitch for pitch in range(_PITCHES) if pitch not in taken),)
            taken.update(left)
            voice = replace(old[name], pitches_in=left)
        voices.append(voice)
    return Kit(kit.name, tuple(voices))
