"""Sound through the device that is here: blocks it missed while it plays a busy pattern."""

from __future__ import annotations

import time

from performance.bench.spread import Json, absent
from performance.bench.window import wait_for_outputs
from performance.commands import Play
from performance.process import EngineProcess
from performance.specs import OutputSpec
from rvae.pattern import Pattern


def underruns(pattern: Pattern, *, seconds: float) -> Json:
    """What the sound device says of itself and how many blocks it missed; why not, where there is none."""
    engine = EngineProcess(pattern, [OutputSpec("audio")])
    try:
        wait_for_outputs(engine)
        engine.do(Play())
        time.sleep(seconds)
        (sound,) = engine.status().outputs or (None,)
    finally:
        engine.close()
    if sound is None or not sound.is_open:
        return absent(sound.detail if sound is not None else "the engine did not start")
    return {
        "device": sound.detail,
        "seconds": seconds,
        "underruns": sound.underruns,
        "late_onsets": sound.late,
        "missed_onsets": sound.missed,
        "callback_load": round(sound.load, 4),
    }
