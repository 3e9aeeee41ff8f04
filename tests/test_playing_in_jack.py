"""Clips played in through a real port: `rvae play` in its window, a JACK program that strikes pads, the file read."""

from __future__ import annotations

import contextlib
import itertools
import math
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest
from jack_support import jack_server, wait_for
from playing_support import Played, own_display
from small_models import mixed_model

from rvae.corpus import read_corpus
from rvae.meter import Meter

pytest.importorskip("jack")
RATE_HZ = 48_000
STALL_S = 0.005
TRIES = 20


class Drummer:
    """A JACK program that strikes a pad at the frames it is given. `stalls`: how often the server stood still, and the
    time of others went on, since it began to strike.
    """

    def __init__(self) -> None:
        import jack

        self.client: Any = jack.Client("pads", no_start_server=True)
        self._out = self.client.midi_outports.register("out")
        self._waiting: list[int] = []
        self.struck_frames: list[int] = []
        self.stalls = 0
        self._begun_s = math.inf
        self.client.set_process_callback(self._process)
        self.client.activate()

    def _process(self, frames: int) -> None:
        self._out.clear_buffer()
        start = self.client.last_frame_time
        begun_s = time.perf_counter() - self.client.frames_since_cycle_start / RATE_HZ
        self.stalls += begun_s - self._begun_s > frames / RATE_HZ + STALL_S
        self._begun_s = begun_s
        while self._waiting and self._waiting[0] < start + frames:
            offset = max(0, self._waiting.pop(0) - start)  # this program may be late itself, on a busy machine
            self._out.write_midi_event(offset, (0x99, 38, 100))
            self.struck_frames.append(start + offset)

    @property
    def is_connected(self) -> bool:
        return bool(self._out.connections)

    def strike(self, times: int, *, each_frames: int) -> None:
        """Strike so often, evenly; it is over when `is_over`."""
        self.struck_frames, self.stalls = [], 0
        first = self.client.frame_time + RATE_HZ // 10
        self._waiting = [first + each_frames * count for count in range(times)]

    @property
    def is_over(self) -> bool:
        return not self._waiting

    def close(self) -> None:
        self.client.deactivate(ignore_errors=True)
        self.client.close(ignore_errors=True)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with jack_server(monkeypatch) as running:
        yield running


@pytest.mark.parametrize(("meter", "quarters"), [("7/8(2+2+3)", Fraction(1, 2)), ("6/8", Fraction(3, 4))])
def test_pads_are_played_in_and_the_clip_has_their_distances(
    server: Any, meter: str, quarters: Fraction, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RVAE_HOME", str(tmp_path / "home"))
    model, takes = tmp_path / "mixed.rvae", tmp_path / "takes"
    mixed_model().save(model)
    words = [str(model), "--no-audio", "--takes", str(takes), "--meter", meter, "--bpm", "120"]
    drummer = Drummer()
    with own_display() as display, contextlib.closing(drummer):
        played = Played(*words, folder=tmp_path / "set", display=display)
        with contextlib.closing(played):
            window, beat_quarters = played.window(), Meter.parse(meter).tempo_beat_quarters

            def play_in() -> Path:
                beats = played.log.read()
                played.hands("key", "--window", window, "F12")
                assert wait_for(lambda: played.log.read() > beats), "the count-in is over"
                assert drummer.is_connected, "pads were heard before it began"
                drummer.strike(16, each_frames=round(RATE_HZ * quarters / beat_quarters / 2))
                assert wait_for(lambda: drummer.is_over)
                assert played.plays_on(2), "a beat at the least, on which the last stroke arrives"
                played.hands("key", "--window", window, "F12")
                assert wait_for(lambda: bool(list(takes.glob("take-*.mid"))))
                assert wait_for(played.stops)
                (file,) = takes.glob("take-*.mid")
                return file

            def agrees(file: Path) -> bool:
                ons = onsets_quarters(file)
                assert len(ons) == 16 or drummer.stalls
                if len(ons) != 16:
                    return False
                quarter_frames = RATE_HZ * 60 / (120 * beat_quarters)
                struck = [frame / float(quarter_frames) for frame in drummer.struck_frames]
                return np.diff(ons) == pytest.approx(np.diff(struck), abs=0.02)

            # Where the server stood still its frames are not the time in which strokes are heard: once more.
            for _ in range(TRIES):
                file = play_in()
                if agrees(file):
                    break
                assert drummer.stalls, "to the frame, as the server tells it"
                file.unlink()
            else:
                pytest.skip("the server stands still all the time")
    corpus = read_corpus(takes)
    assert {pattern.meter.label for pattern in corpus.patterns} == {meter}
    assert corpus.patterns[0].qpm == pytest.approx(float(120 * beat_quarters), abs=0.001)


def onsets_quarters(file: Path) -> list[float]:
    """When each note of a file begins."""
    messages = mido.MidiFile(file).tracks[0]
    times = itertools.accumulate(message.time for message in messages)
    return [at / 960 for at, message in zip(times, messages, strict=True) if message.type == "note_on"]
