"""Sound files: the synthesised kit, each onset at its sample, offline."""

from __future__ import annotations

import wave
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from performance.outputs.mixer import Mixer
from rvae.errors import FileError
from rvae.kit import Kit
from rvae.midi import write_whole

RATE_HZ = 48_000
MAX_S = 6 * 3600
"""A WAV file holds 4 GB, which is a little more."""

_BLOCK_FRAMES = 512
_TAIL_S = 2  # the last cymbal rings out


@dataclass(frozen=True, slots=True)
class Hit:
    """A drum is struck at a frame. `velocity`: 1..127."""

    frame: int
    voice: int
    velocity: int


@dataclass(frozen=True, slots=True)
class Hush:
    """At a frame, what sounds fades out."""

    frame: int


@dataclass(frozen=True, slots=True)
class Loudness:
    """From a frame on, the volume is 0 to 1."""

    frame: int
    volume: float


@dataclass(frozen=True, slots=True)
class NewKit:
    """The voices are another kit's from here on."""

    frame: int
    kit: Kit


Sound = Hit | Hush | Loudness | NewKit


def write_wav(path: str | Path, sounds: Iterable[Sound], kit: Kit, frames: int) -> None:
    """Write 16-bit stereo sound at 48 kHz, `frames` long and two seconds more for the last to ring out.

    `sounds`: in the order of their frames. Raises FileError.
    """
    if frames > MAX_S * RATE_HZ:
        raise FileError(f"{path}: {frames / RATE_HZ / 3600:.1f} hours, a WAV file holds {MAX_S // 3600}; write a part")

    def write(out: object) -> None:
        with wave.open(out, "wb") as file:  # type: ignore[call-overload]  # any binary file serves
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(RATE_HZ)
            for block in _blocks(sounds, kit, frames + _TAIL_S * RATE_HZ):
                file.writeframesraw(block)

    write_whole(path, write)


def _blocks(sounds: Iterable[Sound], kit: Kit, frames: int) -> Iterator[bytes]:
    mixer = Mixer(kit, RATE_HZ, _BLOCK_FRAMES)
    out = np.zeros((_BLOCK_FRAMES, 2), np.float32)
    coming = iter(sounds)
    following = next(coming, None)
    start = 0
    while start < frames:
        end = min(start + _BLOCK_FRAMES, frames)
        while following is not None and following.frame < end:
            if isinstance(following, Hit):
                mixer.begin(following.voice, following.velocity, max(0, following.frame - start))
            elif following.frame > start:
                end = following.frame  # a block of its own from there on
                break
            elif isinstance(following, Hush):
                mixer.silence()
            elif isinstance(following, NewKit):
                mixer.take_kit(following.kit)
            else:
                mixer.volume = following.volume
            following = next(coming, None)
        block = out[: end - start]
        mixer.mix(block)
        yield np.rint(block * 32767).astype("<i2").tobytes()
        start = end
