"""Inputs that no program wrote, for the importer: made from good files by change, and what must hold for each.

    python tests/fuzzing.py --inputs 100000 [--seed 1] [FOLDER...]
    python tests/fuzzing.py --inputs 100000 --coverage [--seed 1] [--keep CORPUS] [FOLDER...]

The second is guided by coverage and needs atheris; with --keep it goes on from the inputs that an earlier run found.
Prints how many inputs were tried and what came of them; what breaks is kept in the folder `fuzz-findings`.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MOST_S = 1.0  # of the processor: the machine may have other work
MOST_MB = 200
_LONGEST = 1000  # bytes of an input that coverage guides: small ones are many
SUFFIXES = (".mid", ".midi", ".h2song", ".h2pattern", ".zip")
FINDINGS = ROOT / "fuzz-findings"
_STATUS = Path("/proc/self/status")


@dataclass
class Tally:
    """What came of inputs. `slowest_s`: of the processor, for one input; `most_mb`: by which one made memory grow."""

    became: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    most_mb: float = 0.0
    began_s: float = field(default_factory=time.monotonic)

    def take(self, data: bytes, check: Callable[[bytes], str]) -> None:
        """Try one. What breaks, or goes beyond the bounds, is kept as a finding and raised."""
        before_mb, began_s = _memory_mb(anew=True), time.process_time()
        try:
            became = check(data)
            took_s = time.process_time() - began_s
            grew_mb = _memory_mb() - before_mb
            assert took_s < MOST_S, f"{took_s:.2f} s"
            assert grew_mb < MOST_MB, f"{grew_mb:.0f} MB"
        except BaseException:
            FINDINGS.mkdir(exist_ok=True)
            (FINDINGS / f"{abs(hash(data)):x}").write_bytes(data)
            raise
        self.became[became] += 1
        self.slowest_s, self.most_mb = max(self.slowest_s, took_s), max(self.most_mb, grew_mb)

    def __str__(self) -> str:
        words = ", ".join(f"{count:,} {what}" for what, count in self.became.most_common())
        return (
            f"{self.became.total():,} inputs: {words}; the slowest {self.slowest_s:.2f} s of the processor, "
            f"the largest {self.most_mb:.0f} MB; {time.monotonic() - self.began_s:.0f} s"
        )


def _memory_mb(*, anew: bool = False) -> float:
    """The most that this process has had since it was last asked `anew`; 0 where the system does not tell."""
    if not _STATUS.exists():
        return 0.0
    if anew:
        Path("/proc/self/clear_refs").write_text("5")
    found = re.search(r"VmHWM:\s*(\d+)", _STATUS.read_text())
    return int(found[1]) / 1024 if found else 0.0


def check(data: bytes) -> str:
    """Read an input as a clip: what became of it. Fails where a note is not accounted for."""
    from rvae.cutting import Reading, cut
    from rvae.errors import RvaeError
    from rvae.hydrogen import parse_hydrogen
    from rvae.midi import parse_midi

    if data[:2] == b"PK":
        became = _check_archive(data)
    else:
        try:
            clip = parse_hydrogen(data) if data[:1] == b"<" else parse_midi(data)
            patterns, report = cut(clip, "x.mid", Reading(bars=(1, 2, 4)[len(data) % 3]))
            lost = report.collisions + sum(report.unmapped.values()) + sum(gone.onsets for gone in report.dropped)
            assert report.onsets + lost == report.note_ons == len(clip.notes), report
            became = "read" if patterns else "nothing in it"
        except RvaeError as refusal:
            became = _refused(refusal)
    return became


def _check_archive(data: bytes) -> str:
    from rvae.corpus import read_corpus
    from rvae.errors import RvaeError

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.zip"
        path.write_bytes(data)
        try:
            read_corpus(path)
        except RvaeError as refusal:
            return _refused(refusal)
        assert [file.name for file in Path(folder).iterdir()] == ["x.zip"]
    return "read"


def _refused(refusal: Exception) -> str:
    assert "\n" not in str(refusal), refusal
    return "refused"


def seeds(folders: Iterable[Path]) -> list[bytes]:
    """Good and bad files to begin with, small ones first."""
    found = [path for folder in folders for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES]
    return sorted((path.read_bytes() for path in found if path.is_file()), key=len)


_NUMBERS = [0, 1, 0x7F, 0x80, 0xFF, 0x90, 0x99, 0xF0, 0xF7, 0x2F, 0x51, 0x58]


def change(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """The same with a few changes: bytes set, put in, taken out, repeated, or taken from another file."""
    out = bytearray(data[:4000])
    for _ in range(chance.choice((1, 1, 2, 4, 8))):
        at = chance.randrange(len(out) + 1)
        match chance.randrange(7):
            case 0 if out:
                out[at % len(out)] = chance.choice(_NUMBERS)
            case 1 if out:
                out[at % len(out)] ^= 1 << chance.randrange(8)
            case 2:
                out[at:at] = bytes(chance.choices(_NUMBERS, k=chance.randrange(1, 6)))
            case 3:
                del out[at : at + chance.randrange(1, 20)]
            case 4:
                part = out[at : at + chance.randrange(1, 60)]
                out[at:at] = part * chance.choice((1, 2, 10))
            case 5:
                other = chance.choice(others)
                begin = chance.randrange(len(other) + 1)
                out[at:at] = other[begin : begin + chance.randrange(1, 100)]
            case _ if len(out) > 14:
                out[chance.randrange(4, 14)] = chance.choice(_NUMBERS)
    return mended(bytes(out)) if chance.random() < 0.8 else bytes(out)


def made(chance: random.Random) -> bytes:
    """A file of events that are all right each by itself, put together as nobody would."""
    ppq = chance.choice((1, 24, 96, 480, 960, 19_200, chance.randrange(1, 32_768)))
    steps = [0, 0, 1, ppq // 4, ppq // 3, ppq // 2, ppq, 4 * ppq, chance.randrange(1, 200 * ppq)]
    body = bytearray()
    for _ in range(chance.randrange(1, 120)):
        delta = max(0, chance.choice(steps) + chance.choice((0, 0, 0, -1, 1, chance.randrange(-3, 4))))
        body += b"".join(bytes((delta >> shift & 0x7F | 0x80,)) for shift in (21, 14, 7) if delta >> shift)
        body += bytes((delta & 0x7F,))
        match chance.randrange(12):
            case 0:
                upper = chance.choice((1, 2, 3, 4, 5, 6, 7, 9, 12, 17, 255))
                body += bytes((0xFF, 0x58, 4, upper, chance.randrange(7), 24, 8))
            case 1:
                body += b"\xff\x51\x03" + chance.choice((1, 250_000, 500_000, 2_000_000, 0xFFFFFF)).to_bytes(3, "big")
            case 2:
                groups = [chance.choice((1, 2, 3, 4)) for _ in range(chance.randrange(1, 7))]
                text = f"meter {sum(groups)}/{chance.choice((4, 8, 16))}({'+'.join(map(str, groups))})".encode()
                body += b"\xff\x01" + bytes((len(text),)) + text
            case _:
                channel = chance.choice((9, 9, 9, 9, 0))
                pitch = chance.choice((35, 36, 38, 38, 42, 42, 46, 51, chance.randrange(128)))
                body += bytes((0x90 | channel, pitch, chance.randrange(128)))
    body += b"\x00\xff\x2f\x00"
    head = b"MThd\x00\x00\x00\x06\x00\x00\x00\x01" + ppq.to_bytes(2, "big")
    return head + b"MTrk" + len(body).to_bytes(4, "big") + bytes(body)


def mended(data: bytes) -> bytes:
    """With the lengths and the number of tracks as they now are, so that what is inside is looked at too."""
    head, *tracks = data.split(b"MTrk")
    if not tracks or len(head) < 14:
        return data
    bodies = [track[4:] for track in tracks]
    whole = b"".join(b"MTrk" + len(body).to_bytes(4, "big") + body for body in bodies)
    return head[:10] + len(bodies).to_bytes(2, "big") + head[12:14] + whole


def run(count: int, seed: int, folders: Iterable[Path]) -> Tally:
    """Try so many inputs. Raises what breaks."""
    chance, begin, tally = random.Random(seed), seeds(folders), Tally()
    for _ in range(count):
        data = made(chance) if chance.random() < 0.5 else change(chance.choice(begin), begin, chance)
        tally.take(data, check)
    return tally


def guided(count: int, seed: int, folders: Iterable[Path], keep: Path | None) -> None:
    """The same, guided by what code an input reaches. It ends the process."""
    import atheris  # type: ignore[import-not-found, unused-ignore]  # there only for those who fuzz

    names = ["rvae.smf", "rvae.midi", "rvae.hydrogen", "rvae.cutting", "rvae.stretches", "rvae.metrical"]
    with atheris.instrument_imports(include=names):
        import rvae.cutting
        import rvae.hydrogen
        import rvae.midi  # noqa: F401  # instrumented as they are imported
    tally = Tally()

    def take(data: bytes) -> None:
        tally.take(data, check)
        if tally.became.total() % 5_000 == 0 or tally.became.total() == count:
            print(tally, flush=True)

    def mutate(data: bytes, most: int, number: int) -> bytes:
        # Most of chance's files are refused at their first bytes: one in forty is of events that are all right.
        if number % 40 == 0:
            return made(random.Random(number))[:most]
        changed = bytes(atheris.Mutate(data, most))
        return mended(changed)[:most] if number % 5 else changed

    with tempfile.TemporaryDirectory() as scratch:
        corpus = keep or Path(scratch)
        corpus.mkdir(parents=True, exist_ok=True)
        for number, data in enumerate(seeds(folders)):
            (corpus / f"seed-{number}").write_bytes(data[:_LONGEST])
        FINDINGS.mkdir(exist_ok=True)
        # The fuzzer itself grows: what an input takes is measured for itself, and in test_fuzz in a process of its own.
        flags = [f"-runs={count}", f"-seed={seed}", f"-max_len={_LONGEST}", "-rss_limit_mb=4000", "-verbosity=0"]
        words = [sys.argv[0], str(corpus), *flags, f"-artifact_prefix={FINDINGS}/"]
        atheris.Setup(words, take, custom_mutator=mutate)
        atheris.Fuzz()


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Feed the importer what no program wrote.")
    parser.add_argument(
        "folders", nargs="*", type=Path, metavar="FOLDER", help="files to begin with (default: bundled)"
    )
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--coverage", action="store_true", help="guided by coverage; needs atheris")
    parser.add_argument("--keep", type=Path, metavar="CORPUS", help="with --coverage: a folder for what it found")
    arguments = parser.parse_args()
    folders = arguments.folders or [ROOT / "datasets"]
    if arguments.coverage:
        guided(arguments.inputs, arguments.seed, folders, arguments.keep)
    print(run(arguments.inputs, arguments.seed, folders))


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    with contextlib.suppress(KeyboardInterrupt):
        main()
