"""What the percussion notes of MIDI are called, and which of them are ways of playing a thing that has another note."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

GHOST_VELOCITY = 40  # of 127: softer onsets are ghost notes
SOURCE = "General MIDI 1 and 2 percussion; Roland TD-11 data list for what it calls otherwise"

# General MIDI 1 (35 to 81) and 2 (27 to 34, 82 to 87).
_FIRST = 27
_TEXT = (
    "high Q|slap|scratch push|scratch pull|sticks|square click|metronome click|metronome bell|"
    "acoustic bass drum|bass drum 1|side stick|acoustic snare|hand clap|electric snare|low floor tom|"
    "closed hi-hat|high floor tom|pedal hi-hat|low tom|open hi-hat|low-mid tom|hi-mid tom|crash cymbal 1|"
    "high tom|ride cymbal 1|chinese cymbal|ride bell|tambourine|splash cymbal|cowbell|crash cymbal 2|"
    "vibraslap|ride cymbal 2|hi bongo|low bongo|mute hi conga|open hi conga|low conga|high timbale|"
    "low timbale|high agogo|low agogo|cabasa|maracas|short whistle|long whistle|short guiro|long guiro|"
    "claves|hi wood block|low wood block|mute cuica|open cuica|mute triangle|open triangle|shaker|"
    "jingle bell|bell tree|castanets|mute surdo|open surdo"
)
_NAMES = tuple(_TEXT.split("|"))
_ROLAND: Mapping[int, str] = {
    22: "closed hi-hat, edge",
    26: "open hi-hat, edge",
    40: "snare, rim",
    47: "mid tom, rim",
    50: "high tom, rim",
    55: "crash 1, edge",
    58: "floor tom, rim",
    59: "ride, edge",
}


def name_of(pitch: int) -> str:
    """What a note is called, by General MIDI and, where that differs, by Roland drums."""
    known = _FIRST <= pitch < _FIRST + len(_NAMES)
    general, roland = _NAMES[pitch - _FIRST] if known else None, _ROLAND.get(pitch)
    if general and roland:
        return f"{general} (Roland: {roland})"
    return general or (f"Roland: {roland}" if roland else f"note {pitch}, no percussion in General MIDI")


@dataclass(frozen=True, slots=True)
class Articulation:
    """A way of playing, by its note. `roland_only`: on other kits the note is an instrument of its own."""

    pitch: int
    name: str
    roland_only: bool = False


ROLAND_NOTES = (22, 26)  # that General MIDI does not have: where they are, a Roland kit was played
ARTICULATIONS = (
    Articulation(37, "cross-stick or side stick"),
    Articulation(40, "rim shot of the snare", roland_only=True),
    Articulation(44, "hi-hat with the pedal"),
    Articulation(22, "closed hi-hat on the edge"),
    Articulation(26, "open hi-hat on the edge"),
    Articulation(53, "bell of the ride"),
    Articulation(59, "ride on the edge", roland_only=True),
    Articulation(55, "crash on the edge", roland_only=True),
    Articulation(58, "rim of the floor tom", roland_only=True),
    Articulation(47, "rim of the mid tom", roland_only=True),
    Articulation(50, "rim of the high tom", roland_only=True),
    Articulation(62, "muted conga"),
    Articulation(78, "muted cuica"),
    Articulation(80, "muted triangle"),
    Articulation(86, "muted surdo"),
)


def articulations(pitches: Iterable[int]) -> list[Articulation]:
    """The ways of playing that these notes stand for, the notes of Roland kits where one was played."""
    here = set(pitches)
    roland = any(pitch in here for pitch in ROLAND_NOTES)
    return [each for each in ARTICULATIONS if each.pitch in here and (roland or not each.roland_only)]
