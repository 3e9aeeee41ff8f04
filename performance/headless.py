"""Playing with no screen: a path over the plane, to files, and in real time where there is an output to hear it
from.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path as FilePath

from performance.commands import Play
from performance.cursor import Path, still, tour
from performance.links import StageLike
from performance.render import perform, write_performance_midi, write_performance_wav
from performance.telling import Teller
from rvae.counts import several
from rvae.errors import FileError
from rvae.meter import Meter
from rvae.model import Model

_BEGINS_S = 2.0
_FRAME_S = 1 / 60
_STOPS = 8  # clips that the built-in path visits


def built_in_path(model: Model, meter: Meter, bars: int) -> Path:
    """A smooth way that visits clips, from each the nearest of those left, spread over the plane."""
    points = list(dict.fromkeys(clip.point for clip in model.clips_of(meter.beats)))
    if not points:
        return still((0.5, 0.5))
    chosen = [points.pop(0)]
    while points and len(chosen) < _STOPS:  # each the farthest from those chosen: the whole plane is seen
        chosen.append(max(points, key=lambda p: min((p[0] - x) ** 2 + (p[1] - y) ** 2 for x, y in chosen)))
        points.remove(chosen[-1])
    way = [chosen.pop(0)]
    while chosen:
        x, y = way[-1]
        way.append(min(chosen, key=lambda p: (p[0] - x) ** 2 + (p[1] - y) ** 2))
        chosen.remove(way[-1])
    return tour(way, bars)


def write_files(
    model: Model, path: Path, folder: FilePath, *, meter: Meter, bars: int, bpm: float, density: float
) -> list[FilePath]:
    """Play a path offline and write `rvae.mid`, `rvae.wav` and `rvae.png` into a folder; their names. Raises
    FileError.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"{folder}: cannot be made ({error.strerror or error}); choose another with -o") from None
    performance = perform(model, path, meter=meter, bars=bars, bpm=bpm, density=density)
    files = [folder / f"rvae.{suffix}" for suffix in ("mid", "wav", "png")]
    write_performance_midi(files[0], performance)
    write_performance_wav(files[1], performance)
    steps = bars * meter.beats * 4
    points = [path.at(step / (meter.beats * 4)) for step in range(steps + 1)]
    draw_plane(model, meter, points, files[2], title=f"{several(bars, 'bar')} over the plane")
    return files


def draw_plane(
    model: Model, meter: Meter, path: Sequence[tuple[float, float]], file: FilePath, *, title: str | None = None
) -> None:
    """The picture of a plane; needs pygame but no screen. Raises FileError."""
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")  # pygame greets on standard output
    from performance.surface import picture

    picture.draw_plane(model, meter, path, file, **({} if title is None else {"title": title}))


def play_live(stage: StageLike, say: Callable[[str], None], *, bars: int | None) -> bool:
    """Play in real time for so many bars, or until it is stopped before that, and say what the engine says; whether the
    engine has lived to the end. Without a number, hands stop and start it as often as they like, until this is
    interrupted.
    """
    lines = Teller(lambda message: say(message.text))
    asked_s, begun = 0.0, False
    while (snapshot := stage.tick()).engine_lives:
        if not asked_s and snapshot.status.now_ns:  # a stop that comes before the engine is up stops nothing
            stage.do(Play(bars=bars))
            asked_s = time.monotonic()
        lines.hear(snapshot.messages)
        begun = begun or snapshot.playing or (asked_s > 0 and time.monotonic() - asked_s > _BEGINS_S)  # or was stopped
        if begun and not snapshot.playing and bars is not None:
            break
        time.sleep(_FRAME_S)
    else:
        lines.hear(snapshot.messages)
        return False
    # The last notes end, and their sound with them.
    time.sleep(0.5)
    last = stage.tick()
    lines.hear(last.messages)
    lateness = last.status.lateness
    say(f"{lateness.events} events, late by {lateness.p50_ms:.2f} ms (median), {lateness.p99_ms:.2f} ms (99 %)")
    return True
