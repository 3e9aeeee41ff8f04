"""Mixer: drums at their samples, live in an audio callback and offline alike; nothing is allocated per note."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from performance.outputs.drums import SILENT, click_drums, drums_of
from rvae.kit import MAX_VOICES, Kit
from rvae.pattern import Floats

MAX_NOTES = 96
_CHOKE_S = 0.008
_KNEE = 0.7


@dataclass(slots=True)
class _Slot:
    """A note that sounds: `position` counts its samples from its onset, negative while that is to come."""

    voice: int = -1
    position: int = 0
    dark: float = 0.0
    bright: float = 0.0
    fade_from: int = -1


class Mixer:
    """Adds up drums. `begin` starts a note at a frame of the next block; `mix` makes that block.

    Velocity (1..127) sets the level, quadratic as most drum modules have it, and the share of the bright layer. Up to
    96 notes sound at once; the oldest gives way. Above -3 dBFS a soft limiter bends what would clip.
    """

    def __init__(self, kit: Kit, rate_hz: int, block_frames: int) -> None:
        self.rate_hz = rate_hz
        self.volume = 0.8
        self.stolen = 0
        self._clicks = click_drums(rate_hz)
        self.take_kit(kit)
        self._slots = [_Slot() for _ in range(MAX_NOTES)]
        self._next = 0
        self._scratch = np.zeros(block_frames, np.float32)
        self._mono = np.zeros(block_frames, np.float32)
        self._limit = np.zeros((block_frames, 2), np.float32)
        fade_frames = int(_CHOKE_S * rate_hz)
        self._fade = np.linspace(1, 0, fade_frames, dtype=np.float32)

    def take_kit(self, kit: Kit) -> None:
        """Play the voices of another kit; what sounds in a row goes on with the drum of that row. May run beside `mix`.

        The clicks stand behind the most voices that there can be; a row without a voice stays silent.
        """
        drums = drums_of(kit, self.rate_hz)
        drums = (*drums, *(SILENT,) * (MAX_VOICES - len(drums)), *self._clicks)
        rows = {name: row for row, name in enumerate(kit.names)}
        self._choked = tuple({rows[name] for name in drum.chokes if name in rows} for drum in drums)
        self._drums = drums

    def begin(self, voice: int, velocity: int, frame: int) -> None:
        """Start a note `frame` frames into the next block (it may lie in a later one)."""
        for slot in self._slots:
            if slot.voice in self._choked[voice] and slot.fade_from < 0:
                slot.fade_from = max(0, slot.position + frame)
        slot = self._slots[self._next]
        self.stolen += slot.voice >= 0
        self._next = (self._next + 1) % MAX_NOTES
        loud = velocity / 127
        slot.voice, slot.position, slot.fade_from = voice, -frame, -1
        slot.dark = loud * loud
        slot.bright = loud * loud * loud

    def begin_click(self, level: int, frame: int) -> None:
        """Start a click of a level (see `click`), likewise."""
        self.begin(MAX_VOICES + level, 127, frame)

    def silence(self) -> None:
        """Fade out what sounds and forget what was to come."""
        for slot in self._slots:
            if slot.position <= 0:
                slot.voice = -1
            elif slot.voice >= 0 and slot.fade_from < 0:
                slot.fade_from = slot.position

    def mix(self, out: Floats) -> None:
        """Write the next block into `out`, float32 `[frames, 2]`, at most `block_frames` long."""
        out.fill(0)
        for slot in self._slots:
            if slot.voice >= 0:
                self._add(slot, out)
        np.multiply(out, self.volume, out=out)
        self._soften(out)

    def _add(self, slot: _Slot, out: Floats) -> None:
        drum, frames = self._drums[slot.voice], len(out)
        start = max(0, -slot.position)
        first = max(0, slot.position)
        count = min(frames - start, len(drum.dark) - first)
        slot.position += frames
        if slot.fade_from >= 0:
            count = min(count, slot.fade_from + len(self._fade) - first)
        if count > 0 and start < frames:
            mono, scratch = self._mono[:count], self._scratch[:count]
            np.multiply(drum.dark[first : first + count], slot.dark, out=mono)
            np.multiply(drum.bright[first : first + count], slot.bright, out=scratch)
            np.add(mono, scratch, out=mono)
            if slot.fade_from >= 0 and first + count > slot.fade_from:
                begin = max(0, slot.fade_from - first)
                at = first + begin - slot.fade_from
                np.multiply(mono[begin:], self._fade[at : at + count - begin], out=mono[begin:])
            for side, gain in enumerate((drum.left, drum.right)):
                np.multiply(mono, gain, out=scratch)
                channel = out[start : start + count, side]
                np.add(channel, scratch, out=channel)
        ended = slot.position >= len(drum.dark) or 0 <= slot.fade_from <= slot.position - len(self._fade)
        if ended and slot.position > 0:
            slot.voice = -1

    def _soften(self, out: Floats) -> None:
        """Leaves what is below the knee as it is and bends the rest towards 1, which it never reaches."""
        if max(float(out.max(initial=0)), -float(out.min(initial=0))) <= _KNEE:
            return
        over = self._limit[: len(out)]
        np.clip(out, -_KNEE, _KNEE, out=over)
        np.subtract(out, over, out=out)
        np.divide(out, 1 - _KNEE, out=out)
        np.tanh(out, out=out)
        np.multiply(out, 1 - _KNEE - 1e-3, out=out)
        np.add(out, over, out=out)
