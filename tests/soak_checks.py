"""What must hold of what a soak heard; pure. Each check counts what it saw and keeps the first faults as lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from checker import JournalChecker
from soak_ears import Bundle, Midi

from performance.journal import Entry, Went
from performance.sequencer import Onset
from rvae.errors import UsageError
from rvae.kit import Kit
from rvae.meter import TICKS_PER_BEAT

_KEPT_FAULTS = 20
_SAME_S = 0.001  # the system's date may be slewed
_LONGEST_HORIZON_S = 0.3  # a little longer, rather
_NEXT_RUN_MS = 40.0
_BESIDE_S = 0.05
_ON, _OFF, _PANIC = 0x99, 0x89, 0xB0


@dataclass
class Findings:
    """How much was checked, and what was wrong."""

    counts: dict[str, int] = field(default_factory=dict)
    fault_count: int = 0
    faults: list[str] = field(default_factory=list)

    def count(self, name: str, many: int = 1) -> None:
        """So many more were seen."""
        self.counts[name] = self.counts.get(name, 0) + many

    def fault(self, text: str) -> None:
        """Something was wrong."""
        self.fault_count += 1
        if len(self.faults) < _KEPT_FAULTS:
            self.faults.append(text)


@dataclass(frozen=True, slots=True)
class HeardOnset:
    """An onset as OSC told it: places count from 1, the tick from 0 within the beat."""

    voice: str
    velocity: int
    place: tuple[int, int, int]
    due_s: float
    ahead_s: float


def check_midi(
    messages: Iterable[Midi], findings: Findings, *, held_up_period: int | None = None
) -> list[tuple[int, int, int]]:
    """Every on has its off, none comes twice, in the order of time. Returns (frame, pitch, velocity) of each on.

    `held_up_period`: in frames, where the server went on without somebody: it may have handed out a period again.
    """
    sounding: dict[int, int] = {}
    ons: list[tuple[int, int, int]] = []
    last = -1
    for message in messages:
        if message.frame < last:
            findings.fault(f"MIDI: frame {message.frame} after {last}")
        last = message.frame
        status = message.data[0]
        if status == _ON:
            _, pitch, velocity = message.data
            if held_up_period and pitch in sounding:
                since = message.frame - sounding[pitch]
                if since and since % held_up_period == 0 and (sounding[pitch], pitch, velocity) in ons:
                    findings.count("notes that the server handed out twice")
                    continue
            if pitch in sounding:
                findings.fault(f"MIDI: {pitch} begins at {message.frame} and has sounded since {sounding[pitch]}")
            sounding[pitch] = message.frame
            ons.append((message.frame, pitch, velocity))
        elif status == _OFF:
            if sounding.pop(message.data[1], None) is None:
                findings.count("offs of a panic or of nothing")
        elif status & 0xF0 == _PANIC:
            findings.count("all-off messages of a panic")
    for pitch, frame in sounding.items():
        findings.fault(f"MIDI: {pitch} is stuck since {frame}")
    findings.count("notes heard as MIDI", len(ons))
    return ons


def check_osc(heard: Iterable[Bundle], findings: Findings) -> list[list[HeardOnset]]:
    """Beats and bars follow one another, no onset comes twice. Returns the onsets of each run, from play to stop."""
    runs: list[list[HeardOnset]] = []
    seen: set[tuple[str, tuple[int, int, int]]] = set()
    at, due_s = (0, 0), 0.0
    for bundle in heard:
        bar = 0
        for address, values in bundle.messages:
            if address == "/rvae/bar":
                bar = int(values[0])
            elif address == "/rvae/beat":
                now = (bar or at[0], int(values[0]))
                if now == (1, 1):
                    runs.append([])
                    seen.clear()
                elif now not in ((at[0], at[1] + 1), (at[0] + 1, 1)):
                    findings.fault(f"OSC: beat {now} after {at}")
                elif bundle.due_s <= due_s:
                    findings.fault(f"OSC: beat {now} is due before the one before it")
                at, due_s = now, bundle.due_s
                findings.count("beats heard by OSC")
            elif address == "/rvae/onset":
                voice, velocity, *place = values
                onset = HeardOnset(
                    str(voice),
                    round(float(velocity) * 127),
                    tuple(map(int, place)),
                    bundle.due_s,
                    bundle.due_s - bundle.arrived_s,
                )
                if not runs:  # an upbeat: its beat comes after it
                    runs.append([])
                if (onset.voice, onset.place) in seen:
                    findings.fault(f"OSC: twice: {onset}")
                seen.add((onset.voice, onset.place))
                runs[-1].append(onset)
    findings.count("runs from play to stop", len(runs))
    findings.count("onsets heard by OSC", sum(map(len, runs)))
    return runs


@dataclass(frozen=True, slots=True)
class Standstills:
    """When the machine stood still, from and to, in s since 1970: no program ran, and the music waited."""

    spans: tuple[tuple[float, float], ...] = ()

    def touch(self, from_s: float, to_s: float) -> bool:
        """Whether one was at that time, or just beside it."""
        return any(begun_s - _BESIDE_S <= to_s and from_s <= ended_s + _BESIDE_S for begun_s, ended_s in self.spans)


def match(
    runs: Sequence[Sequence[HeardOnset]],
    ons: Sequence[tuple[int, int, int]],
    kit: Kit,
    findings: Findings,
    still: Standstills = Standstills(),  # frozen, and empty
) -> list[float]:
    """The notes and the onsets are the same, in the same order; only the end of a run may miss the notes that a stop
    took back, and a note that came too late to be played, as the machine stood still, is counted. Returns how far each
    note was from its onset's time, in ms, but for a constant.
    """
    pitch_of = {voice.name: voice.pitch_out for voice in kit.voices}
    at = 0
    errors_ms: list[float] = []
    for number, run in enumerate(runs):
        matched = 0
        for onset in run:
            is_still = still.touch(onset.due_s, onset.due_s)
            if at >= len(ons) or ons[at][1:] != (pitch_of[onset.voice], onset.velocity):
                if not is_still:
                    break
                findings.count("onsets too late for a note, as the machine stood still")
                matched += 1
                continue
            error_ms = ons[at][0] / 48 - onset.due_s * 1e3
            usual_ms = float(np.median(errors_ms[-50:])) if errors_ms else error_ms
            is_tail = run[-1].due_s - onset.due_s < _LONGEST_HORIZON_S
            if (
                is_tail and not is_still and error_ms - usual_ms > _NEXT_RUN_MS
            ):  # the same note again, as the first of the next run
                break
            errors_ms.append(error_ms)
            at, matched = at + 1, matched + 1
        rest = run[matched:]
        if not rest:
            continue
        span_s = rest[-1].due_s - rest[0].due_s
        if span_s > _LONGEST_HORIZON_S:
            findings.fault(f"run {number}: {len(rest)} onsets over {span_s:.1f} s have no note, from {rest[0]} on")
            break
        findings.count("onsets taken back by a stop", len(rest))
    if at < len(ons):
        findings.fault(f"{len(ons) - at} notes from frame {ons[at][0]} on have no onset")
    return errors_ms


def check_journal(entries: Iterable[Entry], findings: Findings) -> tuple[list[Went], list[float]]:
    """The streaming checker over a journal, which also plays it again. Returns its onsets and how late, in ms, every
    event went.
    """
    onsets: list[Went] = []
    late_ms: list[float] = []
    checker: JournalChecker | None = JournalChecker()
    for entry in entries:
        checker = _checked(checker, lambda with_it, entry=entry: with_it.note(entry), findings)
        if isinstance(entry, Went):
            late_ms.append((entry.went_ns - entry.due_ns) / 1e6)
            if isinstance(entry.event, Onset):
                onsets.append(entry)
    if _checked(checker, JournalChecker.at_end, findings) is not None:
        findings.count("journals whole, right and played again the same")
    findings.count("events in journals", len(late_ms))
    return onsets, late_ms


def _checked(
    checker: JournalChecker | None, check: Callable[[JournalChecker], None], findings: Findings
) -> JournalChecker | None:
    """The checker, or None from the first fault on: what comes after it means little."""
    if checker is None:
        return None
    try:
        check(checker)
    except (AssertionError, UsageError) as error:
        findings.fault(f"journal: {error}")
        return None
    return checker


def match_journal(
    runs: Sequence[Sequence[HeardOnset]],
    onsets: Sequence[Went],
    kit: Kit,
    apart_s: float,
    findings: Findings,
    still: Standstills = Standstills(),  # frozen, and empty
) -> None:
    """Every onset of a journal was heard by OSC, with the same loudness, place and time; each once. What OSC had told
    before the machine stood still was played after it.
    """
    heard: dict[tuple[str, int, tuple[int, int, int]], list[float]] = {}
    for run in runs:
        for onset in run:
            heard.setdefault((onset.voice, onset.velocity, onset.place), []).append(onset.due_s)
    for went in onsets:
        event = went.event
        assert isinstance(event, Onset)
        beat, tick = divmod(event.tick, TICKS_PER_BEAT)
        key = kit.names[event.voice], event.velocity, (event.bar + 1, beat + 1, tick)
        due_s = went.due_ns / 1e9 + apart_s
        near = min(heard.get(key, []), key=lambda other: abs(other - due_s), default=None)
        if near is None or (abs(near - due_s) > _SAME_S and not still.touch(near, due_s)):
            findings.fault(f"journal: {key} due at {due_s:.3f} was not heard by OSC")
            continue
        heard[key].remove(near)
        findings.count("onsets of journals heard by OSC")


def scatter_ms(errors_ms: Sequence[float], neighbours: int = 21) -> dict[str, float]:
    """How far notes are from where their neighbours say they should be. A period that the server missed moves all that
    follow alike: that is no scatter.
    """
    if len(errors_ms) < neighbours:
        return {}
    middles = np.median(np.lib.stride_tricks.sliding_window_view(np.array(errors_ms), neighbours), axis=1)
    edge = neighbours // 2
    off = np.abs(np.array(errors_ms[edge : len(errors_ms) - edge]) - middles)
    return {"p50": float(np.percentile(off, 50)), "p99": float(np.percentile(off, 99)), "max": float(off.max())}
