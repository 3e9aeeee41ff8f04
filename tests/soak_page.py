"""What a soak found, as the page docs/soak.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_PROCESSES = {
    "window": "window",
    "window.1": "what sound and engine are forked from",
    "rvae-sound": "sound (its memory is locked)",
    "rvae-engine": "engine (its memory is locked)",
    "rvae-recorder": "recorder",
}
_PAGE = """# The soak

{minutes:g} minutes of everything at once, and what was lost. `make soak`, that is `python tests/soak.py`, for an hour:

- the real window on a screen of its own, the engine with JACK MIDI, OSC, sound at a buffer of 10 ms, and a recording;
- random mouse, keys and OSC by a seed, over every control and action that is declared: the cursor dragged and sent,
  meters, planes, scenes, mutes, densities, tempo sweeps from 20 to 300 in a second; stops and panics twice a minute;
- a training every five minutes, every other one killed.

It is checked from outside. `jack_midi_dump` writes down the MIDI, a process of ours the OSC with the kernel's time of
arrival, and the instrument its journal. Every note must have its end; every beat must follow the one before it; notes,
OSC onsets and journal must be the same events in the same order, each once, but for the few that a stop took back
before they were due; the journal must stand the streaming checker of the tests and play again to the same events.
Two minutes of it are a test.

Written by the run itself: seed {seed}, {date}, on two shared and busy processors. A bare loop that
only sleeps and spins, at the engine's real-time priority, ran beside it all the time.

## What was played

| | |
| --- | --- |
{played}

## Lost, stuck, doubled

**{faults}** faults.

{first_faults}

## In time

| ms | p50 | p99 | largest | later than 5 ms |
| --- | --- | --- | --- | --- |
| events: from due to gone | {late[p50]:.3f} | {late[p99]:.3f} | {late[max]:.3f} | {late[over_5_ms]} |
| the bare loop beside it | {bare[p50]:.3f} | {bare[p99]:.3f} | {bare[max]:.3f} | {bare[over_5_ms]} |
| MIDI as another program hears it, against its neighbours | {midi[p50]:.3f} | {midi[p99]:.3f} | {midi[max]:.3f} | |

OSC came ahead of its time by {ahead[least]:.1f} ms at the least; {osc_late} of {osc} onsets came after it.
Periods of 10 ms that the JACK server could not keep: {xruns}{bare_xruns}.

## Memory

In MB, of each process: the median of the fifth of the run that follows a warm-up of {warm_up_min:g} minutes, that of
the last fifth, and how much more it is. *Own*: what the process has filled itself. PSS and USS hold files too, above
all the libraries, and change when other programs that use the same ones come and go.

{memory}
"""
_PLAYED = {
    "gestures": "gestures",
    "trainings": "trainings begun",
    "trainings_killed": "trainings killed",
    "trainings_ended": "trainings that ended with a model",
    "runs from play to stop": "plays",
    "beats heard by OSC": "beats",
    "onsets heard by OSC": "onsets, by OSC",
    "notes heard as MIDI": "notes, by MIDI",
    "onsets taken back by a stop": "onsets that a stop took back",
    "events in journals": "events in the journal",
    "journals whole, right and played again the same": "journals whole, right, and the same when played again",
}


def page(found: Mapping[str, Any], *, date: str) -> str:
    """The page of a run's figures."""
    bare_xruns = found.get("xruns_of_a_bare_server")
    return _PAGE.format(
        minutes=found["minutes"],
        seed=found["seed"],
        date=date,
        played="\n".join(f"| {title} | {found.get(key, 0):,} |" for key, title in _PLAYED.items()),
        faults=found["faults"],
        first_faults="\n".join(f"- {fault}" for fault in found["first_faults"]) or "Nothing.",
        late=found["lateness_ms"],
        bare=found["bare_loop_ms"],
        midi=found["midi_scatter_ms"],
        ahead=found["osc_ahead_of_due_ms"],
        osc_late=found["osc_late"],
        osc=found["onsets heard by OSC"],
        xruns=found["xruns"],
        bare_xruns="" if bare_xruns is None else f"; by a server that had nothing to do: {bare_xruns}",
        warm_up_min=found["warm_up_s"] / 60,
        memory=_memory(found["memory_mb"]),
    )


def _memory(by_process: Mapping[str, Mapping[str, Any]]) -> str:
    kinds = [kind for kind in ("own", "uss", "pss") if any(kind in of for of in by_process.values())]
    heads = [f"{kind if kind == 'own' else kind.upper()} then | at the end | more" for kind in kinds]
    lines = [f"| | {' | '.join(heads)} |", "| --- |" + " --- | --- | --- |" * len(kinds)]
    for name, of in by_process.items():
        if name in _PROCESSES and kinds and kinds[0] in of:  # not those that come and go
            cells = [f"{of[k][0]:g} | {of[k][1]:g} | {100 * (of[k][1] / of[k][0] - 1):+.1f} %" for k in kinds]
            lines.append(f"| {_PROCESSES.get(name, name)} | {' | '.join(cells)} |")
    return "\n".join(lines)
