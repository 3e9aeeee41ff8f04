"""What `rvae bench` found, for a person: a table at the terminal, and the page docs/timing.md."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from io import BufferedWriter
from pathlib import Path
from typing import Any

from performance.bench.importing import MANY
from performance.bench.lateness import CONDITIONS
from rvae.midi import write_whole

_REALTIME_P99_MS, _REALTIME_TIMES = 0.5, 1.5
_TIMES = {"idle": 1.2, "window": 1.5, "window_training": 1.5}
_NOTHING = "-"


@dataclass(frozen=True, slots=True)
class Row:
    """A figure: what it is, ours, what it stands beside, what is to be reached, and whether it is (None: not asked).

    `note`: why there is none.
    """

    name: str
    ours: str
    beside: str = _NOTHING
    to_reach: str = _NOTHING
    reached: bool | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        """As a word."""
        return self.note or {None: "", True: "yes", False: "**missed**"}[self.reached]


def rows(found: Mapping[str, Any]) -> list[Row]:
    """All figures, those to reach with their verdict."""
    lateness, processor = found["midi_lateness_ms"], found["instrument"].get("processor", {})
    return [
        *(_late(name, figures) for name, figures in lateness.items()),
        _audio(found["audio"]),
        _from(found["mix_load"], "mixing a block of 10 ms, share of its time", "p99", limit=None, unit=""),
        *_osc(found["osc_timetag_ms"]),
        *(
            _from(figures, f"Link, downbeats in {meter} against a peer's, p99", "p99", limit=3.0)
            for meter, figures in found["link_phase_ms"].items()
        ),
        _from(found["clock_following_ms"], "beats after a MIDI clock that scatters by 3 ms, p99", "p99", limit=2.0),
        _drift(found["clock_following_ms"]),
        _frame(found["frame_ms"]),
        _start(found["first_sound_s"], found["instrument"].get("bare_start_s")),
        _single(
            "processor while stopped, share of one core",
            processor.get("idle"),
            "",
            0.333,
        ),
        _single("processor while playing, share of one core", processor.get("playing"), ""),
        _single("memory of all processes", found["memory_mb"], "MB"),
        *_import(found["import"]),
        _from(found["decode_ms"], "one place decoded, p99", "p99", limit=None),
        _from(found["sequence_ms"], "the events of one busy bar made, p99", "p99", limit=None),
    ]


def _late(name: str, figures: Mapping[str, Any]) -> Row:
    title = f"events late, {name.replace('_', ' ')}, p99"
    if "absent" in figures:
        return _missing(title, figures)
    condition, times = next((c, t) for c, t in reversed(_TIMES.items()) if name.startswith(c))
    assert condition in CONDITIONS
    ours, bare = figures["p99"], figures["reference_p99"]
    beside = f"bare loop {bare:.3f} ms"
    if "mido_p99" in figures:
        beside += f", mido's player {figures['mido_p99']:.3f} ms"
    if name.endswith("_realtime"):
        asked = f"under {_REALTIME_P99_MS} ms and {_REALTIME_TIMES} x the loop"
        return Row(title, f"{ours:.3f} ms", beside, asked, ours < _REALTIME_P99_MS and ours <= _REALTIME_TIMES * bare)
    return Row(title, f"{ours:.3f} ms", beside, f"{times} x the loop", ours <= times * bare)


def _audio(figures: Mapping[str, Any]) -> Row:
    title = "blocks of sound missed"
    if "absent" in figures:
        return _missing(title, figures)
    ours = f"{figures['underruns']} in {figures['seconds']:g} s ({figures['device']})"
    return Row(title, ours, f"callback {figures['callback_load']:.0%} of a block", "none", figures["underruns"] == 0)


def _osc(figures: Mapping[str, Any]) -> list[Row]:
    title = "OSC timetag against due time, p99"
    if "absent" in figures:
        return [_missing(title, figures)]
    ahead = f"{figures['ahead_least']:.1f} ms at the least, {figures['late']} of {figures['bundles']} late"
    return [
        _from(figures, title, "p99", limit=0.1),
        Row("OSC ahead of due", ahead, _NOTHING, "always", figures["late"] == 0),
    ]


def _drift(figures: Mapping[str, Any]) -> Row:
    title = "drift of the last 100 beats"
    if "absent" in figures:
        return _missing(title, figures)
    ours = f"{figures['drift']:.3f} ms after {figures['minutes']:g} min"
    return Row(title, ours, _NOTHING, "none: within 0.5 ms", abs(figures["drift"]) < 0.5)


def _import(figures: Mapping[str, Any]) -> list[Row]:
    if "absent" in figures:
        return [_missing("clips inspected", figures)]
    took, spent, files = figures["seconds"], figures["processor_s"], figures["files"]
    speed = Row(
        f"{files:,} clips inspected",
        f"{took:.1f} s, {figures['files_per_s']:g} a second",
        f"{spent:.1f} s of a processor",
    )
    if files == MANY:
        speed = replace(speed, to_reach="under 30 s", reached=took < 30)
    lost, again, clips = figures["unaccounted"], figures["same_again"], figures["clips"]
    asked, certain, right = figures["asked"], figures["certain"], figures["right"]
    notes = f"{lost} of {figures['note_ons']:,}"
    claims = f"{right} of {certain} certain ({right / max(certain, 1):.0%})"
    reached = right >= 0.8 * certain and certain >= 0.5 * asked
    return [
        speed,
        Row("notes of these clips without an account", notes, _NOTHING, "none", lost == 0),
        Row("clips the same after an export", f"{again} of {clips}", _NOTHING, "all", again == clips),
        Row("meters found without a time signature", claims, f"asked of {asked}", "80% of at least half", reached),
    ]


def _frame(figures: Mapping[str, Any]) -> Row:
    title = "a frame of the pulse view at 1280 x 800, p99"
    if "absent" in figures:
        return _missing(title, figures)
    beside = f"{figures['processor_p99']:.3f} ms of a processor, {figures['frames_per_s']:g} a second"
    return Row(title, f"{figures['p99']:.3f} ms, sound {figures['sound']}", beside, "under 16 ms", figures["p99"] < 16)


def _from(figures: Mapping[str, Any], title: str, key: str, *, limit: float | None, unit: str = " ms") -> Row:
    if "absent" in figures:
        return _missing(title, figures)
    value = figures[key]
    if limit is None:
        return Row(title, f"{value:.3f}{unit}")
    return Row(title, f"{value:.3f}{unit}", _NOTHING, f"under {limit:g}{unit}", value < limit)


def _single(title: str, value: float | None, unit: str, limit: float | None = None) -> Row:
    unit = f" {unit}" if unit else ""
    if value is None:
        return Row(title, "cannot be told on this system")
    if limit is None:
        return Row(title, f"{value:g}{unit}")
    return Row(title, f"{value:g}{unit}", _NOTHING, f"under {limit:g}{unit}", value < limit)


def _start(first_sound_s: float | None, bare_s: float | None) -> Row:
    row = _single("command to first sound, window and all", first_sound_s, "s", 1.5)
    return row if bare_s is None else replace(row, beside=f"Python with numpy and pygame alone {bare_s:g} s")


def _missing(title: str, figures: Mapping[str, Any]) -> Row:
    return Row(title, "not measured", note=str(figures["absent"]))


def report(found: Mapping[str, Any]) -> str:
    """The figures as lines for a person."""
    table = [(row.name, row.ours, row.beside, row.to_reach, row.verdict.strip("*")) for row in rows(found)]
    head = ("", "ours", "beside it", "to reach", "reached")
    widths = [max(len(line[column]) for line in (head, *table)) for column in range(3)]
    return "\n".join(_line(line, widths) for line in (head, *table))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=False)]
    return "  ".join([*padded, *cells[len(widths) :]]).rstrip()


_PAGE = """# Timing

What `rvae bench` measured, and how. Written by `rvae bench --seconds {seconds:g} -o docs/timing.md` in
one run, {date}, {system} with {processors} processors, Python {python}; {display}.
{wanted}
Misses are shown as misses. An hour of everything at once is on [the soak's page](soak.md).

{table}

## How it is measured

Machines are shared and noisy: how late something is means little by itself. So the engine takes turns of two and a half
seconds with a bare loop, a process of the same priority that sleeps until the same moments, spins the last half
millisecond and does nothing else, and (at normal priority) with a file of those moments played by mido's own player:
all see the same weather. *Window*: the instrument's window in its pulse view at 1280 x 800, drawn sixty times a
second through everybody's turn. *Training*: the bundled corpora are learned in another process, again and again.
*Realtime*: SCHED_FIFO and locked memory. An event is late by the time from its due time to the moment at which it has
been handed to the outputs.

OSC timetags are compared with the engine's own arithmetic (bar, tick, microtiming, tempo), and with when the kernel
received the packet. The Link peer is another process that starts the session; a downbeat's error is its distance from
the peer's, by the peer's clock. The MIDI clock runs for {minutes:g} minutes on a virtual clock; its pulses are normally
distributed with a standard deviation of 3 ms; the first four bars do not count. First sound: from the command to the
moment the first onset is due, the window open, told to play as soon as it listens; the median of three starts. Memory:
the proportional set size of all processes while playing. Sound: the usual device, which here is {sound}. Clips: the
bundled corpora, copied as often as needed, by the command `rvae inspect`; more sets are on
[the import's page](import-figures.md).

## All figures

```json
{figures}
```
"""


def write_page(file: str | Path, found: Mapping[str, Any], *, seconds: float) -> None:
    """Write the page of figures that were measured for `seconds` each. Raises FileError."""
    text = page(found, seconds=seconds, date=time.strftime("%Y-%m-%d"))

    def write(out: BufferedWriter) -> None:
        out.write(text.encode())

    write_whole(file, write)


def page(found: Mapping[str, Any], *, seconds: float, date: str) -> str:
    """The figures, how they were measured, and all of them as JSON."""
    lines = ["| | ours | beside it, in the same run | to reach | reached |", "| --- | --- | --- | --- | --- |"]
    lines += [f"| {row.name} | {row.ours} | {row.beside} | {row.to_reach} | {row.verdict} |" for row in rows(found)]
    load = found["machine"]["load"]
    wanted = "" if load is None else f"{load:g} programs wanted these processors, on average, in the minute before."
    return _PAGE.format(
        wanted=wanted,
        seconds=seconds,
        date=date,
        table="\n".join(lines),
        figures=json.dumps(found, indent=1),
        minutes=found["clock_following_ms"].get("minutes", 0),
        sound=found["audio"].get("device", "not there"),
        **found["machine"],
    )
