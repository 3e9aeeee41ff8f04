"""Inputs that no program wrote, for the importer: made from good files by change, and what must hold for each.

    python tests/fuzzing.py --inputs 100000 [--seed 1] [FOLDER...]
    python tests/fuzzing.py --coverage --seconds 600 [FOLDER...]     with atheris installed: guided by coverage

Prints how many inputs were tried and what came of them; what breaks is kept in the folder `fuzz-findings`.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MOST_S = 1.0  # of the processor: the machine may have other work
MOST_MB = 200
SUFFIXES = (".mid", ".midi", ".h2song", ".h2pattern", ".zip")


def check(data: bytes) -> str:
    """Read an input as a clip: what became of it. Fails where it takes too long, or a note is not accounted for."""
    from rvae.cutting import Reading, cut
    from rvae.errors import RvaeError
    from rvae.hydrogen import parse_hydrogen
    from rvae.midi import parse_midi

    began = time.process_time()
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
    took_s = time.process_time() - began
    assert took_s < MOST_S, f"{took_s:.2f} s"
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


def run(count: int, seed: int, folders: Iterable[Path]) -> Counter[str]:
    """Try so many inputs: how many were read, refused, or had nothing in them. Raises what breaks, and keeps it."""
    chance, begin = random.Random(seed), seeds(folders)
    became: Counter[str] = Counter()
    for _ in range(count):
        data = made(chance) if chance.random() < 0.5 else change(chance.choice(begin), begin, chance)
        try:
            became[check(data)] += 1
        except BaseException:
            folder = ROOT / "fuzz-findings"
            folder.mkdir(exist_ok=True)
            (folder / f"{abs(hash(data)):x}").write_bytes(data)
            raise
    return became


def guided(seconds: int, folders: Iterable[Path]) -> None:
    """The same, guided by what code an input reaches, until the time is up. It ends the process."""
    import atheris  # type: ignore[import-not-found, unused-ignore]  # there only for those who fuzz

    names = ["rvae.smf", "rvae.midi", "rvae.hydrogen", "rvae.cutting", "rvae.stretches", "rvae.metrical"]
    with atheris.instrument_imports(include=names):
        import rvae.cutting
        import rvae.hydrogen
        import rvae.midi  # noqa: F401  # instrumented as they are imported
    with tempfile.TemporaryDirectory() as corpus:
        for number, data in enumerate(seeds(folders)):
            Path(corpus, str(number)).write_bytes(data[:8000])
        findings = ROOT / "fuzz-findings"
        findings.mkdir(exist_ok=True)
        # The fuzzer itself grows; what one input may take is measured in test_fuzz, in processes of their own.
        flags = [f"-max_total_time={seconds}", f"-rss_limit_mb={5 * MOST_MB}", "-max_len=8000", "-print_final_stats=1"]

        def mutate(data: bytes, most: int, seed: int) -> bytes:
            changed = bytes(atheris.Mutate(data, most))
            return mended(changed)[:most] if seed % 5 else changed

        words = [sys.argv[0], corpus, *flags, f"-artifact_prefix={findings}/"]
        atheris.Setup(words, lambda data: check(data) and None, custom_mutator=mutate)
        atheris.Fuzz()


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Feed the importer what no program wrote.")
    parser.add_argument(
        "folders", nargs="*", type=Path, metavar="FOLDER", help="files to begin with (default: bundled)"
    )
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--coverage", action="store_true", help="guided by coverage; needs atheris")
    parser.add_argument("--seconds", type=int, default=600, help="with --coverage")
    arguments = parser.parse_args()
    folders = arguments.folders or [ROOT / "datasets"]
    if arguments.coverage:
        guided(arguments.seconds, folders)
    began = time.monotonic()
    became = run(arguments.inputs, arguments.seed, folders)
    most_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    words = ", ".join(f"{count:,} {what}" for what, count in became.most_common())
    print(f"{arguments.inputs:,} inputs: {words}; {time.monotonic() - began:.0f} s, at most {most_mb:.0f} MB")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    with contextlib.suppress(KeyboardInterrupt):
        main()
