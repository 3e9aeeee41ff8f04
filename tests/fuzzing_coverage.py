"""The inputs of `fuzzing.py`, guided by what code they reach: needs atheris.

    python tests/fuzzing_coverage.py --inputs 1000000 [--keep FOLDER] [--longest 2000] [--seed 1] [SEEDS...]

It goes in steps, each in a process of its own: atheris 3.0 holds on to the result of every comparison it watches, which
with numpy are arrays, some 15 KB an input. What was found goes from step to step in FOLDER/inputs, made small before
each; what was tried is counted in FOLDER/state.json. Started again it goes on until so many are counted in all. What
breaks stops it, and is kept in `fuzz-findings`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from fuzzing import FINDINGS, ROOT, Tally, check, inside, made, seeds

_STEP = 50_000  # inputs: some 0.8 GB of the watching process
_LONGEST_S = 60  # of one input, by the clock: what never ends
_SAVED_EVERY = 250
_WATCHED = ("smf", "midi", "hydrogen", "ableton", "sources", "cutting", "stretches", "metrical", "warping", "card")


@dataclass
class State:
    """What all steps tried. `slowest_s`, `most_mb`: of one input, see `Tally`; `cpu_s`: of all."""

    became: Counter[str] = field(default_factory=Counter)
    steps: int = 0
    slowest_s: float = 0.0
    most_mb: float = 0.0
    cpu_s: float = 0.0

    @classmethod
    def read(cls, file: Path) -> State:
        """As it was saved; nothing yet where nothing was."""
        if not file.exists():
            return cls()
        said = json.loads(file.read_text())
        return cls(**{**said, "became": Counter(said["became"])})

    def plus(self, tally: Tally, cpu_s: float) -> State:
        """With what a step has tried so far."""
        return State(
            self.became + tally.became,
            self.steps + 1,
            max(self.slowest_s, tally.slowest_s),
            max(self.most_mb, tally.most_mb),
            self.cpu_s + cpu_s,
        )

    def save(self, file: Path) -> None:
        """Whole or not at all."""
        draft = file.with_suffix(".part")
        draft.write_text(json.dumps(vars(self), indent=1) + "\n")
        os.replace(draft, file)

    def __str__(self) -> str:
        words = ", ".join(f"{count:,} {what}" for what, count in self.became.most_common())
        return (
            f"{self.became.total():,} inputs in {self.steps} steps: {words}; the slowest {self.slowest_s:.2f} s of "
            f"the processor, the largest {self.most_mb:.0f} MB; {self.cpu_s:,.0f} s of the processor"
        )


def run(count: int, seed: int, folders: Iterable[Path], keep: Path, longest: int) -> bool:
    """Go on until so many of at most `longest` bytes are counted in all; whether nothing broke."""
    file, corpus = keep / "state.json", keep / "inputs"
    if not corpus.exists():
        corpus.mkdir(parents=True)
        for number, data in enumerate(_begin(folders, longest)):
            (corpus / f"seed-{number}").write_bytes(data)
    while (state := State.read(file)).became.total() < count:
        _make_small(corpus, longest)
        step = min(_STEP, count - state.became.total())
        words = ["--step", str(step), "--keep", str(keep), "--seed", str(seed + state.steps), "--longest", str(longest)]
        done = subprocess.run([sys.executable, __file__, *words], check=False, capture_output=True, text=True)
        print(State.read(file), flush=True)
        if done.returncode:
            print(done.stdout[-4000:], done.stderr[-1000:], flush=True)
            return False
    return True


def _begin(folders: Iterable[Path], longest: int) -> list[bytes]:
    """Inputs to begin with: small files as they are, of each kind one that is made."""
    from fuzzing_files import KINDS

    made_ones = [KINDS[name].make() for name in ("archive", "song", "set")]
    return [data for data in (*seeds(folders), *made_ones) if len(data) <= longest]


def _make_small(corpus: Path, longest: int) -> None:
    """Keep of all inputs only those that reach what no smaller one does."""
    with tempfile.TemporaryDirectory(dir=corpus.parent) as scratch:
        fewer, again = Path(scratch) / "inputs", Path(scratch) / "again"
        fewer.mkdir()
        # The fuzzer starts itself again by the name it was given.
        again.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, __file__])} --fuzzer "$0" "$@"\n')
        again.chmod(0o700)
        merge = [str(again), "-merge=1", f"-max_len={longest}", str(fewer), str(corpus)]
        done = subprocess.run(merge, check=False, capture_output=True, text=True)
        if done.returncode == 0 and any(fewer.iterdir()):
            shutil.rmtree(corpus)
            fewer.rename(corpus)
        else:
            print(f"not made smaller: {done.stderr[-1000:]}", flush=True)


def _fuzz(words: list[str], tally: Tally, limit: int | None, save_in: Path | None) -> None:
    """Be the fuzzer, until it ends the process. Only what it has made up counts, not what it begins with."""
    import atheris  # type: ignore[import-not-found, unused-ignore]  # there only for those who fuzz

    with atheris.instrument_imports(include=[f"rvae.{name}" for name in _WATCHED]):
        import rvae.corpus
        import rvae.import_page
        import rvae.inspection  # noqa: F401  # instrumented as they are imported
    before = State() if save_in is None else State.read(save_in)
    again, began_s = Tally(), os.times().user + os.times().system
    is_new = False

    def take(data: bytes) -> None:
        nonlocal is_new
        (tally if is_new else again).take(data, check)
        is_new = False
        count = tally.became.total()
        if save_in is not None and (count % _SAVED_EVERY == 0 or count == limit):
            before.plus(tally, os.times().user + os.times().system - began_s).save(save_in)
        if count == limit:
            os._exit(0)

    def vary(data: bytes, most: int, number: int) -> bytes:
        nonlocal is_new
        is_new = True
        # Most of chance's files are refused at their first bytes: one in forty is of events that are all right.
        chance = random.Random(number)
        if number % 40 == 0:
            return made(chance, most)[:most]
        return inside(data, lambda part: bytes(atheris.Mutate(part, most)), chance)[:most]

    atheris.Setup(words, take, custom_mutator=vary)
    atheris.Fuzz()


def _step(count: int, seed: int, keep: Path, longest: int) -> None:
    """One step, from and into what is kept."""
    FINDINGS.mkdir(exist_ok=True)
    flags = [f"-seed={seed}", f"-max_len={longest}", f"-timeout={_LONGEST_S}", "-rss_limit_mb=4000", "-verbosity=0"]
    words = [sys.argv[0], str(keep / "inputs"), *flags, f"-artifact_prefix={FINDINGS}/"]
    _fuzz(words, Tally(), count, keep / "state.json")


def main() -> None:
    """Run from the command line."""
    if sys.argv[1:2] == ["--fuzzer"]:
        _fuzz(sys.argv[2:], Tally(), None, None)
    parser = argparse.ArgumentParser(description="Feed the importer what no program wrote, guided by coverage.")
    parser.add_argument("folders", nargs="*", type=Path, metavar="SEEDS", help="files to begin with (default: bundled)")
    parser.add_argument("--inputs", type=int, default=1_000_000, help="in all, those counted before too")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", default=ROOT / "fuzz-corpus")
    parser.add_argument("--longest", type=int, metavar="BYTES", default=2000, help="of an input: small ones are many")
    parser.add_argument("--step", type=int, help=argparse.SUPPRESS)  # as the steps are started
    arguments = parser.parse_args()
    if arguments.step:
        _step(arguments.step, arguments.seed, arguments.keep, arguments.longest)
    folders = arguments.folders or [ROOT / "datasets"]
    if not run(arguments.inputs, arguments.seed, folders, arguments.keep, arguments.longest):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
