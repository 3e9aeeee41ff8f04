"""The soak: the whole instrument, played by random hands for an hour, and everything it did checked from outside.

    python tests/soak.py --minutes 60 --folder /tmp/soak [--model MODEL] [--page docs/soak.md]

The real window on a display of its own, the engine with JACK MIDI, OSC and sound; mouse, keys and OSC by a seed;
stops and panics; a training every five minutes, every other one killed. Another program writes down the MIDI,
a process of ours the OSC with the kernel's time of arrival. Needs Xvfb, xdotool, jackd and jack_midi_dump.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jack_support import free_name
from playing_support import free_udp_port
from soak_checks import Findings, Standstills, check_journal, check_midi, check_osc, match, match_journal, scatter_ms
from soak_ears import bundles, midi_messages
from soak_hands import Hands, Trainings
from soak_page import page
from soak_watch import standstills

from performance.bench.processes import family, memory_mb
from performance.bench.spread import spread
from performance.clock import ahead_ns
from performance.journal_file import SUFFIX, JournalFile
from performance.offers import meters_of
from rvae.corpus import bundled_corpora
from rvae.kit import Kit
from rvae.model import load

TESTS = Path(__file__).resolve().parent
RATE_HZ = 48_000
BUFFER_FRAMES = 480  # 10 ms
_SAMPLE_S = 5.0
_STILL_S = 0.05  # half of what makes a note too late, or the music wait
_PATIENCE_S = 60.0
_LAST_FILES_S = 900.0  # MIDI and sound of the last recording are made
Json = dict[str, Any]


@dataclass
class Soak:
    """One run: where it writes, and what it saw while it ran."""

    folder: Path
    minutes: float
    seed: int
    train_every_s: float
    warm_up_s: float
    memory: dict[str, list[tuple[float, ...]]] = field(default_factory=dict)
    xruns: list[float] = field(default_factory=list)
    bare_xruns: list[float] = field(default_factory=list)

    def file(self, name: str) -> Path:
        """A file of this run."""
        return self.folder / name


@contextmanager
def process(*words: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A program that is ended at the end."""
    paths = os.pathsep.join([str(TESTS.parent), *sys.path])  # as installed, or from here
    environment = {**os.environ, "PYTHONPATH": paths, **options.pop("environment", {})}
    running = subprocess.Popen(words, text=True, env=environment, **options)
    try:
        yield running
    finally:
        if running.stdout is not None:
            running.stdout.close()
        running.terminate()
        try:
            running.wait(10)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


@contextmanager
def display() -> Iterator[str]:
    """A screen of our own."""
    reader, writer = os.pipe()
    words = ["Xvfb", "-r", "-noreset", "-displayfd", str(writer), "-screen", "0", "1600x1000x24", "-nolisten", "tcp"]
    with process(*words, pass_fds=[writer], stderr=subprocess.DEVNULL):
        os.close(writer)
        with os.fdopen(reader) as told:
            yield f":{told.readline().strip()}"


@contextmanager
def jack_server(log: Path, xruns: list[float]) -> Iterator[str]:
    """A server of our own with a buffer of 10 ms; what it misses is noted."""
    priority = ["-R", "-P", "70"] if os.geteuid() == 0 else ["-r"]
    # -S: a period that is late is counted, and what is in it arrives all the same; without it JACK throws it away.
    words = [*priority, "-S", "-d", "dummy", "-r", str(RATE_HZ), "-p", str(BUFFER_FRAMES)]
    with free_name() as name, log.open("w") as out, process("jackd", "-n", name, *words, stdout=out, stderr=out):
        subprocess.run(["jack_wait", "-s", name, "-w", "-t", "30"], check=True, capture_output=True)
        import jack

        jack.set_error_function(lambda _text: None)
        jack.set_info_function(lambda _text: None)
        client = jack.Client("soak-xruns", no_start_server=True, servername=name)
        client.set_xrun_callback(lambda _delay: xruns.append(time.time()))
        with client:
            yield name


def connect(source: str, target: str) -> None:
    """Connect two JACK ports as soon as both are there."""
    until_s = time.monotonic() + _PATIENCE_S
    while subprocess.run(["jack_connect", source, target], capture_output=True, check=False).returncode:
        if time.monotonic() > until_s:
            raise TimeoutError(f"{source} to {target}: no connection; see the folder of the soak")
        time.sleep(0.1)


def perform(soak: Soak, model_file: Path) -> Json:
    """Play for so many minutes; how it ended."""
    model = load(model_file)
    meters = [meter.name for beats in model.beats for meter in meters_of(model, beats)]
    with ExitStack() as stack:
        os.environ |= {"JACK_NO_AUDIO_RESERVATION": "1", "JACK_NO_START_SERVER": "1"}
        stack.enter_context(jack_server(soak.file("bare-jackd.txt"), soak.bare_xruns))  # one that does nothing
        os.environ["JACK_DEFAULT_SERVER"] = stack.enter_context(jack_server(soak.file("jackd.txt"), soak.xruns))
        screen = stack.enter_context(display())
        os.environ |= {"DISPLAY": screen, "SDL_FRAMEBUFFER_ACCELERATION": "0"}
        python = [sys.executable]
        ear = stack.enter_context(
            process(*python, str(TESTS / "soak_ears.py"), str(soak.file("osc.jsonl")), stdout=subprocess.PIPE)
        )
        assert ear.stdout is not None
        out_port, in_port = int(ear.stdout.readline()), free_udp_port()
        midi = stack.enter_context(soak.file("midi.txt").open("w"))
        stack.enter_context(process("jack_midi_dump", "-a", "soak-ear", stdout=midi, stderr=subprocess.DEVNULL))
        begin = "import sys; from performance.start import main; sys.exit(main())"  # as the command does
        words = ["-c", begin, "play", str(model_file), "--virtual", "--osc", f"127.0.0.1:{out_port}"]
        words += ["--osc-in", str(in_port), "--record", str(soak.folder)]
        said = stack.enter_context(soak.file("said.txt").open("w"))
        home = {"RVAE_HOME": str(soak.file("home"))}  # what a player kept is left alone
        window = stack.enter_context(process(*python, *words, stdout=said, stderr=said, environment=home))
        connect("rvae:out", "soak-ear:input")
        stack.enter_context(process(*python, str(TESTS / "soak_watch.py"), str(soak.file("bare.jsonl"))))
        apart_s = ahead_ns(time.time_ns) / 1e9
        log = stack.enter_context(soak.file("hands.txt").open("w", buffering=1))

        def write(text: str) -> None:
            log.write(f"{time.time():.3f} {text}\n")

        hands = Hands(window.pid, in_port, model.kit, meters, seed=soak.seed, log=write)
        trainings = Trainings(training_clips(), seed=soak.seed, log=write)
        stack.callback(trainings.close)
        stack.callback(hands.close)
        processes = _play(soak, window, hands, trainings)
        played_until = time.time()
        hands.quit()
        code = window.wait(_LAST_FILES_S)
    return {
        "minutes": soak.minutes,
        "seed": soak.seed,
        "warm_up_s": soak.warm_up_s,
        "memory": soak.memory,
        "xruns": [at for at in soak.xruns if at < played_until],
        "xruns_at_the_end": [at - played_until for at in soak.xruns if at >= played_until],
        "bare_xruns": [at for at in soak.bare_xruns if at < played_until],
        "exit_code": code,
        "apart_s": apart_s,
        "gestures": hands.gestures,
        "trainings": trainings.begun,
        "trainings_killed": trainings.killed,
        "trainings_ended": trainings.ended,
        "processes_over_the_run": processes,
    }


def training_clips() -> list[Path]:
    """What is learned beside it."""
    return sorted(next(iter(bundled_corpora().values())).glob("*.mid"))[:20]


def _play(soak: Soak, window: subprocess.Popen[str], hands: Hands, trainings: Trainings) -> list[str]:
    """The performance itself, from the first play to the last stop."""
    chance = random.Random(soak.seed)
    begun_s = time.monotonic()
    next_sample_s, next_training_s, next_break_s = 0.0, soak.train_every_s / 4, 8.0
    next_record_s = soak.train_every_s / 3
    names: dict[str, None] = {}
    hands.osc("/rvae/play")
    while (now_s := time.monotonic() - begun_s) < soak.minutes * 60:
        if window.poll() is not None:
            raise RuntimeError(f"the window ended by itself with {window.returncode}; see said.txt")
        if now_s >= next_sample_s:
            next_sample_s += _SAMPLE_S
            for name, pid in family(window.pid).items():
                names[f"{name} {pid}"] = None
                if (mb := memory_mb(pid)) is not None:
                    soak.memory.setdefault(name, []).append((now_s, mb.pss, mb.uss, mb.own))
        if now_s >= next_training_s:
            next_training_s += soak.train_every_s
            trainings.begin()
        trainings.tend()
        if now_s >= next_break_s:
            next_break_s = now_s + chance.uniform(15, 60)
            hands.break_off()
        if now_s >= next_record_s:
            next_record_s += soak.train_every_s / 2
            hands.record()
        hands.act()
        time.sleep(chance.uniform(0.05, 0.4))
    hands.osc("/rvae/stop")
    time.sleep(1.5)
    return list(names)


def summed_up(folder: Path, kit: Kit) -> Json:
    """All figures of a run."""
    findings = Findings()
    ended = json.loads((folder / "ended.json").read_text())
    with (folder / "osc.jsonl").open() as lines:
        runs = check_osc(bundles(lines), findings)
    with (folder / "midi.txt").open() as lines:
        held_up_period = BUFFER_FRAMES if ended["xruns"] else None
        ons = check_midi(midi_messages(lines), findings, held_up_period=held_up_period)
    with (folder / "bare.jsonl").open() as lines:
        still = Standstills(tuple(standstills(lines, least_s=_STILL_S)))
    errors_ms = match(runs, ons, kit, findings, still)
    late_ms: list[float] = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        journal = JournalFile(path)
        onsets, late = check_journal(journal, findings)
        match_journal(runs, onsets, kit, ended["apart_s"], findings, still)
        late_ms += late
        for problem in journal.problems:
            findings.fault(problem)
    ahead_ms = [onset.ahead_s * 1e3 for run in runs for onset in run]
    with (folder / "bare.jsonl").open() as lines:
        bare_ms = [value for line in lines for value in json.loads(line)[1]]
    return {
        **{
            key: value
            for key, value in ended.items()
            if key not in ("apart_s", "memory", "xruns", "xruns_at_the_end", "bare_xruns")
        },
        **findings.counts,
        "faults": findings.fault_count,
        "first_faults": findings.faults,
        "xruns": len(ended["xruns"]),
        "xruns_at_the_end": ended["xruns_at_the_end"],
        "xruns_of_a_bare_server": len(ended["bare_xruns"]),
        "osc_late": sum(ahead <= 0 for ahead in ahead_ms),
        "osc_ahead_of_due_ms": {"least": min(ahead_ms, default=0.0), "p1": _percentile(ahead_ms, 1)},
        "midi_scatter_ms": scatter_ms(errors_ms),
        "lateness_ms": {**_spread(late_ms), "over_5_ms": sum(late > 5 for late in late_ms)},
        "bare_loop_ms": {**_spread(bare_ms), "over_5_ms": sum(late > 5 for late in bare_ms)},
        "memory_mb": {
            name: _memory(rows, ended["warm_up_s"]) for name, rows in ended["memory"].items() if len(rows) > 2
        },
    }


def _spread(values: Sequence[float]) -> Json:
    """As `rvae bench` has it; nothing of nothing."""
    return spread(values) if values else {}


def _percentile(values: Sequence[float], at: float) -> float:
    return round(float(np.percentile(values, at)), 4) if values else 0.0


def _memory(rows: Sequence[tuple[float, ...]], warm_up_s: float) -> Json:
    """Of each kind of memory the median of the fifth of the run that follows the warm-up, and of the last fifth."""
    late = [row for row in rows if row[0] >= warm_up_s]
    if len(late) < 10:
        return {"samples": len(rows)}
    fifth = len(late) // 5
    kinds = zip(("pss", "uss", "own"), list(zip(*late, strict=True))[1:], strict=False)
    return {kind: [round(float(np.median(part)), 1) for part in (mb[:fifth], mb[-fifth:])] for kind, mb in kinds}


def main(argv: Sequence[str] | None = None) -> int:
    """Run it; 0 where nothing was lost, stuck or doubled."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model", type=Path, help="a model file (default: of the bundled corpora)")
    parser.add_argument("--folder", type=Path, required=True, help="for the logs")
    parser.add_argument("--train-every", type=float, default=300, metavar="S", help="a training so often")
    parser.add_argument("--page", type=Path, help="write what was found as a page")
    parser.add_argument("--check", action="store_true", help="only look through the logs of a run that is over")
    arguments = parser.parse_args(argv)
    model = arguments.model
    if model is None:
        from performance.bundled import bundled_model

        model = bundled_model(lambda text: print(text, file=sys.stderr))[1]
    if not arguments.check:
        arguments.folder.mkdir(parents=True, exist_ok=True)
        minutes = arguments.minutes
        soak = Soak(arguments.folder, minutes, arguments.seed, arguments.train_every, min(600, minutes * 60 / 4))
        soak.file("ended.json").write_text(json.dumps(perform(soak, model)))
    found = summed_up(arguments.folder, load(model).kit)
    text = json.dumps(found, indent=1)
    (arguments.folder / "summary.json").write_text(text)
    print(text)
    if arguments.page is not None:
        arguments.page.write_text(page(found, date=time.strftime("%Y-%m-%d")), encoding="utf-8")
    return 1 if found["faults"] or found["exit_code"] else 0


if __name__ == "__main__":
    sys.exit(main())
