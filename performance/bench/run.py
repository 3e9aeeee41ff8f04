"""All of `rvae bench`, row after row. A row that cannot be measured here says why; the others stand."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from functools import partial
from pathlib import Path

from performance.bench.computing import busy_pattern, decoding_ms, mixing_load, sequencing_ms
from performance.bench.importing import MANY, importing
from performance.bench.instrument import measure_instrument
from performance.bench.lateness import CONDITIONS, lateness_ms, may_be_realtime
from performance.bench.others import LINK_METERS, clock_following, link_phase, osc_timetags
from performance.bench.sound import underruns
from performance.bench.spread import Json, absent
from performance.bench.window import draw_in_memory_without_a_display, frame_ms
from rvae.errors import RvaeError
from rvae.meter import Meter
from rvae.model import Model

Say = Callable[[str], None]
_CLOCK_MINUTES = 10.0
_STARTS = 3
_FULL_S, _FEW = 10.0, 100
_LEAST_LINK_S = 4.0


def measure(model: Model, model_file: Path, *, seconds: float, say: Say) -> Json:
    """All of `rvae bench`'s keys. `seconds`: how long each thing is measured that goes by the clock; below
    ten it is a quick look, with fewer starts and a shorter drift.
    """

    def row(what: str, measured: Callable[[], Json]) -> Json:
        say(what)
        try:
            return measured()
        except (RvaeError, OSError) as error:
            return absent(error)

    starts = min(_STARTS, max(1, round(seconds)))
    display = draw_in_memory_without_a_display()
    pattern = busy_pattern(model)
    instrument = row(
        "start, memory, processor", partial(measure_instrument, model_file, seconds=seconds, starts=starts)
    )
    found: Json = {
        "machine": {
            "system": platform.system(),
            "python": platform.python_version(),
            "processors": os.cpu_count(),
            "display": display,
            "load": _load(),
        },
        "import": row("clips read", lambda: importing(files=MANY if seconds >= _FULL_S else _FEW)),
        "decode_ms": row("decoding", lambda: decoding_ms(model)),
        "sequence_ms": row("making events", lambda: sequencing_ms(pattern)),
        "first_sound_s": instrument.pop("first_sound_s", None),
        "memory_mb": instrument.pop("memory_mb", None),
        "instrument": instrument,
        "frame_ms": row("frames of the window", lambda: frame_ms(model, seconds=seconds)),
        "mix_load": row("mixing", lambda: mixing_load(pattern)),
        "audio": row("sound", lambda: underruns(pattern, seconds=seconds)),
        "osc_timetag_ms": row("OSC timetags", lambda: osc_timetags(pattern, seconds=seconds)),
    }
    found["link_phase_ms"] = {
        name: row(f"Link, {name}", partial(link_phase, Meter.parse(name), seconds=max(_LEAST_LINK_S, 2 * seconds)))
        for name in LINK_METERS
    }
    found["clock_following_ms"] = row(
        "MIDI clock, on a virtual clock",
        lambda: clock_following(pattern, minutes=min(_CLOCK_MINUTES, max(1.0, seconds))),
    )
    found["midi_lateness_ms"] = {
        name: row(f"lateness, {name}", measured) for name, measured in _lateness(model, seconds, say).items()
    }
    return found


def _load() -> float | None:
    """How many programs wanted a processor, on average over the last minute, before anything was measured."""
    try:
        return round(os.getloadavg()[0], 1)
    except (OSError, AttributeError):  # not on Windows
        return None


def _lateness(model: Model, seconds: float, say: Say) -> dict[str, Callable[[], Json]]:
    """Each condition, at normal priority and, where that is allowed, at real-time priority."""
    kinds = [("", False)]
    if may_be_realtime():
        kinds.append(("_realtime", True))
    else:
        say("real-time priority is not allowed here: those rows are left out; `rvae devices` says how to allow it")
    return {
        condition + suffix: partial(lateness_ms, model, condition, realtime=realtime, seconds=seconds)
        for suffix, realtime in kinds
        for condition in CONDITIONS
    }
