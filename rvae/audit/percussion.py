"""What the percussion notes of MIDI are called, and which of them are ways of playing a thing that has another note."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
    """A way of playing: its note, its name, and the notes of the plain stroke of the same thing."""

    pitch: int
    name: str
    plain: tuple[int, ...]


ARTICULATIONS = (
    Articulation(37, "cross-stick or side stick", (38, 40)),
    Articulation(40, "rim shot (Roland) or electric snare (General MIDI)", (38,)),
    Articulation(44, "hi-hat with the pedal", (42, 22)),
    Articulation(22, "closed hi-hat on the edge", (42,)),
    Articulation(26, "open hi-hat on the edge", (46,)),
    Articulation(53, "bell of the ride", (51, 59)),
    Articulation(59, "ride on the edge (Roland) or second ride (General MIDI)", (51,)),
    Articulation(55, "crash on the edge (Roland) or splash (General MIDI)", (49,)),
    Articulation(58, "floor tom rim (Roland) or vibraslap (General MIDI)", (43, 41)),
    Articulation(47, "mid tom rim (Roland) or low-mid tom (General MIDI)", (45,)),
    Articulation(50, "high tom rim (Roland) or high tom (General MIDI)", (48,)),
    Articulation(62, "muted conga", (63,)),
    Articulation(78, "muted cuica", (79,)),
    Articulation(80, "muted triangle", (81,)),
    Articulation(86, "muted surdo", (87,)),
)
