"""Inputs that no program wrote, for the importer: made from good files by change, and what must hold for each.

    python tests/fuzzing.py --inputs 100000 [--seed 1] [FOLDER...]

Prints how many inputs were tried and what came of them; what breaks is kept in the folder `fuzz-findings`.
`fuzzing_coverage.py` tries the same guided by coverage.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import hashlib
import io
import random
import re
import sys
import tempfile
import time
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rvae.midi import MidiClip

ROOT = Path(__file__).resolve().parents[1]
MOST_S = 1.0  # of the processor: the machine may have other work
MOST_MB = 200
_WHOLE_ONE_IN = 64  # inputs are taken the whole way, to the page: it costs as much as all the rest
SUFFIXES = (".mid", ".midi", ".h2song", ".h2pattern", ".als", ".zip")
FINDINGS = ROOT / "fuzz-findings"
_STATUS = Path("/proc/self/status")
_GZIP = b"\x1f\x8b"


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
            (FINDINGS / hashlib.sha1(data).hexdigest()).write_bytes(data)
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
    """Read an input as a clip: what became of it. Fails where a note is not accounted for.

    The XML of a Live set may stand by itself, so that what changes it changes what is read.
    """
    from rvae.cutting import cut
    from rvae.errors import RvaeError
    from rvae.reading import Reading

    reading = Reading(bars=(1, 2, 4)[len(data) % 3])
    kept = 0
    try:
        if data[:2] == b"PK" or zlib.crc32(data) % _WHOLE_ONE_IN == 0:
            kept = _inspected(data, reading.bars)
        else:
            for clip in _clips(data):
                patterns, report = cut(clip, "x.mid", reading)
                lost = report.collisions + sum(report.unmapped.values()) + sum(gone.onsets for gone in report.dropped)
                assert report.onsets + lost == report.note_ons == len(clip.notes), report
                kept += len(patterns)
    except RvaeError as refusal:
        return _refused(refusal)
    return "read" if kept else "nothing in it"


def _refused(refusal: Exception) -> str:
    assert "\n" not in str(refusal), refusal
    return "refused"


def _clips(data: bytes) -> list[MidiClip]:
    """What is in a file that is no archive. Raises RvaeError."""
    from rvae.ableton import parse_set
    from rvae.hydrogen import parse_hydrogen
    from rvae.midi import parse_midi

    match suffix_of(data):
        case ".als":
            found, refused = parse_set(data if data[:2] == _GZIP else packed(data))
            assert not any("\n" in words for words in (*found, *refused, *refused.values()))
            return list(found.values())
        case ".h2song":
            return [parse_hydrogen(data)]
        case _:
            return [parse_midi(data)]


def _inspected(data: bytes, bars: int) -> int:
    """Read a file as the command does, with its figures and its page: how many patterns it has. Raises RvaeError."""
    from rvae.corpus import read_corpus
    from rvae.findings import find
    from rvae.import_page import import_page
    from rvae.inspection import figures

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"x{suffix_of(data)}"
        path.write_bytes(packed(data) if path.suffix == ".als" and data[:2] != _GZIP else data)
        corpus = read_corpus(path, bars=bars)
        assert [file.name for file in Path(folder).iterdir()] == [path.name]
    report, found = corpus.report, find(corpus)
    lost = report.collisions + sum(report.unmapped.values()) + sum(gone.onsets for gone in report.dropped)
    assert report.onsets + lost == report.note_ons, report
    assert not any("\n" in gone.reason for gone in report.dropped), report
    assert figures(corpus, found)["patterns"] == len(corpus.patterns)
    assert import_page(corpus, found)
    return len(corpus.patterns)


def suffix_of(data: bytes) -> str:
    """The end of the name that such a file has."""
    if data[:2] == b"PK":
        return ".zip"
    if data[:2] == _GZIP or (data[:1] == b"<" and b"<Ableton" in data[:200]):
        return ".als"
    return ".h2song" if data[:1] == b"<" else ".mid"


def packed(data: bytes) -> bytes:
    """As Live packs a set."""
    return gzip.compress(data, 1, mtime=0)


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


def made(chance: random.Random, longest: int = 4000) -> bytes:
    """A file of events that are all right each by itself, put together as nobody would; `longest` in bytes."""
    ppq = chance.choice((1, 24, 96, 480, 960, 19_200, chance.randrange(1, 32_768)))
    steps = [0, 0, 1, ppq // 4, ppq // 3, ppq // 2, ppq, 4 * ppq, chance.randrange(1, 200 * ppq)]
    body = bytearray()
    for _ in range(chance.randrange(1, 120)):
        if len(body) > longest - 80:
            break
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


def inside(data: bytes, vary: Callable[[bytes], bytes], chance: random.Random) -> bytes:
    """A file with what is inside varied and packed again: a member of an archive or its name, the XML of a Live set,
    the tracks of a MIDI file; one in five as the bytes it is.
    """
    if chance.random() < 0.2:
        return vary(data)
    if data[:2] == b"PK":
        return _archive_varied(data, vary, chance)
    if data[:2] == _GZIP:
        with contextlib.suppress(OSError, EOFError, zlib.error):
            return packed(vary(gzip.decompress(data)))
    return mended(vary(data))


def _archive_varied(data: bytes, vary: Callable[[bytes], bytes], chance: random.Random) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    except (OSError, EOFError, ValueError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error):
        return vary(data)
    if not members:
        return vary(data)
    at = chance.randrange(len(members))
    name, body = members[at]
    match chance.randrange(8):
        case 0:
            name = vary(name.encode("utf-8", "replace")).decode("utf-8", "replace")[:200] or "a"
        case 1:
            members.append((name, vary(body)))
        case 2:
            body = data
            name += ".zip"
        case _:
            body = inside(body, vary, chance)
    members[at] = (name, body)
    out = io.BytesIO()
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(out, "w") as archive:  # names that stand twice
        for name, body in members:
            archive.writestr(zipfile.ZipInfo(name), body)  # of no date, so that the same is the same
    return out.getvalue()


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Feed the importer what no program wrote.")
    parser.add_argument(
        "folders", nargs="*", type=Path, metavar="FOLDER", help="files to begin with (default: bundled)"
    )
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    folders = arguments.folders or [ROOT / "datasets"]
    print(run(arguments.inputs, arguments.seed, folders))


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    with contextlib.suppress(KeyboardInterrupt):
        main()
