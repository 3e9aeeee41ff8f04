"""The other files that come from outside: kits, cards, archives, songs of Hydrogen, sessions, presets, mappings,
models and journals. Good ones, changed as nobody would, and what must hold for each: it is read or refused in one line.

    python tests/fuzzing_files.py --inputs 20000 [--seed 1] [NAME...]
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import re
import sys
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")] if __name__ == "__main__" else []

from fuzzing import Tally, change, check, inside, packed  # noqa: E402  # run as a script it finds its neighbours only now

Read = Callable[[Path], None]
Change = Callable[[bytes, random.Random], bytes]
_ODD: tuple[Any, ...] = (
    None, True, -1, 0, 1, 7, 1e308, -1e308, float("nan"), float("inf"), 2**31, 2**63, 10**30,
    "", "x", "1/0", "-1/3", "7/8", "99999999999/1", "a" * 5000, "\x00", "\ud800", [], [[]], {}, {"is": "Applied"},
)  # fmt: skip
_ODD_TOML = (
    "", "-1", "0", "128", "1e308", "nan", "inf", "99999999999999999999", '""', '"x"', '"7/8(3+2+2)"', '"1/0"',
    "[]", "[[]]", "{}", "[-1]", "[36, 36]", '"\\u0000"', "true", "1979-05-27", "[", '"""',
)  # fmt: skip

_ODD_XML = (
    b"", b"-1", b"0", b"0.5", b"7", b"128", b"-63072000", b"1e308", b"1e-9", b"nan", b"inf", b"9" * 30, b"9" * 5000,
    b"x", b"true", b"false", b"&#10;", b"&lt;&quot;", b"\xff", "Ж/../..".encode(),
)  # fmt: skip
_XML_VALUE = re.compile(rb"""(?<==")[^"<>]*(?=")|(?<=>)[^<>]+(?=<)""")


@dataclass(frozen=True)
class Kind:
    """A kind of file. `suffix`: its name after "x", or all of it. `make`: a good one. `read`: raises RvaeError only."""

    name: str
    suffix: str
    make: Callable[[], bytes]
    read: Read
    changed: Change


def json_changed(data: bytes, chance: random.Random) -> bytes:
    """JSON, or a line of JSON lines, with a few values that do not belong there."""
    lines = data.splitlines(keepends=True)
    at = chance.randrange(len(lines))
    try:
        root = [json.loads(lines[at])]
    except ValueError:
        return data
    for _ in range(chance.choice((1, 1, 2, 3))):
        holder: Any = root
        key: Any = 0
        while isinstance(holder[key], list | dict) and holder[key] and chance.random() < 0.8:
            holder = holder[key]
            key = chance.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        match chance.randrange(4):
            case 0 if isinstance(holder, dict):
                del holder[key]
            case 1 if isinstance(holder, list) and holder is not root:
                holder.append(holder[key])
            case _:
                holder[key] = chance.choice(_ODD)
    lines[at] = json.dumps(root[0]).encode() + (b"\n" if lines[at].endswith(b"\n") else b"")
    if len(lines) > 2 and chance.random() < 0.2:
        del lines[chance.randrange(len(lines))]
    return b"".join(lines)


def toml_changed(data: bytes, chance: random.Random) -> bytes:
    """TOML with a few values that do not belong there, and lines that are missing or stand twice."""
    lines = data.decode("utf-8", "replace").split("\n")
    for _ in range(chance.choice((1, 1, 2, 3))):
        at = chance.randrange(len(lines))
        match chance.randrange(5):
            case 0:
                del lines[at]
                lines = lines or [""]
            case 1:
                lines.insert(at, lines[at])
            case _ if "=" in lines[at]:
                lines[at] = f"{lines[at].split('=')[0]}= {chance.choice(_ODD_TOML)}"
    return "\n".join(lines).encode("utf-8", "replace")


def bytes_changed(data: bytes, chance: random.Random) -> bytes:
    """Bytes set, put in, taken out, repeated; wherever they are."""
    begin = chance.randrange(max(1, len(data) - 3000))
    return data[:begin] + change(data[begin : begin + 3000], [data], chance) + data[begin + 3000 :]


def inside_changed(data: bytes, chance: random.Random) -> bytes:
    """What is inside changed and packed again: the members of an archive, the XML of a Live set."""
    return inside(data, lambda part: xml_changed(part, chance), chance)


def xml_changed(data: bytes, chance: random.Random) -> bytes:
    """XML with a few values that do not belong there; what is none, or one in five, by its bytes."""
    for _ in range(chance.choice((1, 1, 2, 3))):
        values = list(_XML_VALUE.finditer(data))
        if not values or chance.random() < 0.2:
            return change(data, [data], chance)
        one = chance.choice(values)
        data = data[: one.start()] + chance.choice(_ODD_XML) + data[one.end() :]
    return data


def model_changed(data: bytes, chance: random.Random) -> bytes:
    """A model whose header says something else, in a table that is whole."""
    length = int.from_bytes(data[:8], "little")
    table = json.loads(data[8 : 8 + length])
    name, text = next(iter(table["__metadata__"].items()))
    if chance.random() < 0.8:
        table["__metadata__"][name] = json_changed(text.encode(), chance).decode()
    else:
        table = json.loads(json_changed(json.dumps(table).encode(), chance))
    head = json.dumps(table).encode()
    return len(head).to_bytes(8, "little") + head + data[8 + length :]


# --- good ones, and how each is read


def _kit() -> bytes:
    from rvae.kit import STANDARD_KIT

    return STANDARD_KIT.to_toml().encode()


def _read_kit(file: Path) -> None:
    from rvae.kit import Kit
    from rvae.kitfile import find_kit

    kit = find_kit(str(file))
    assert Kit.from_toml(kit.to_toml()) == kit


def _card() -> bytes:
    return (
        b'name = "mine"\npeople = ["Ada <ada@example.org>", "Ben"]\nlicence = "CC BY 4.0"\nconsent = "yes"\n'
        b'grouping = "7/8(2+2+3)"\ntags = ["a", "b"]\nmore = {x = 1}\n[clips."a.mid"]\nmeter = "6/8"\npeople = "Cy"\n'
        b'consent = "no"\n[clips."b.mid"]\ntags = "c"\n'
    )


def _read_card(file: Path) -> None:
    from rvae.card import card_texts, merge_cards, read_card

    card = read_card(file.parent)
    assert card is not None
    assert card.of_clip("a.mid") == card.of_clip(Path("over/there/a.mid"))
    card_texts(merge_cards([card], [card.of_clip("b.mid")]).as_mapping())
    assert card.makers_of("b.mid").people


def _archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for clip in sorted((ROOT / "datasets").rglob("*.mid"))[:2]:
            archive.writestr(f"grooves/{clip.name}", clip.read_bytes())
        archive.writestr("grooves/dataset.toml", _card())
        archive.writestr("song.als", _set())
    return out.getvalue()


def _song() -> bytes:
    notes = "".join(
        f"<note><position>{at}</position><leadlag>0.1</leadlag><velocity>0.8</velocity>"
        f"<instrument>{at % 2}</instrument></note>"
        for at in (0, 48, 96, 144)
    )
    drums = "".join(
        f"<instrument><id>{row}</id><midiOutNote>{36 + 2 * row}</midiOutNote></instrument>" for row in range(2)
    )
    pattern = (
        f"<pattern><name>one</name><size>192</size><denominator>4</denominator><noteList>{notes}</noteList></pattern>"
    )
    order = "<group><patternID>one</patternID></group>" * 3
    parts = f"<instrumentList>{drums}</instrumentList><patternList>{pattern}</patternList>"
    return f"<song><bpm>90</bpm>{parts}<patternSequence>{order}</patternSequence></song>".encode()


def _set() -> bytes:
    """A Live set of two tracks: one with drums."""
    notes = "".join(
        f'<KeyTrack><Notes><MidiNoteEvent Time="{place / 2}" Velocity="{90 + place}" />'
        f'<MidiNoteEvent Time="{place + 1}" Velocity="64.5" IsEnabled="{"false" if place else "true"}" />'
        f'</Notes><MidiKey Value="{pitch}" /></KeyTrack>'
        for place, pitch in enumerate((36, 38, 42))
    )
    bar = '<RemoteableTimeSignature><Numerator Value="3" /><Denominator Value="4" /><Time Value="0" />'
    clip = (
        '<MidiClip><Loop><LoopStart Value="0" /><LoopEnd Value="6" /></Loop><Name Value="a" />'
        f'<Disabled Value="false" />{bar}</RemoteableTimeSignature>{notes}</MidiClip>'
    )
    tracks = "".join(
        f'<MidiTrack><Name><EffectiveName Value="{name}" /></Name>{clip}</MidiTrack>' for name in ("Drums", "Bass")
    )
    events = '<Events><FloatEvent Time="0" Value="93" /><FloatEvent Time="8" Value="120" /></Events>'
    envelope = (
        f'<AutomationEnvelope><EnvelopeTarget><PointeeId Value="8" /></EnvelopeTarget>{events}</AutomationEnvelope>'
    )
    tempo = f'<MainTrack>{envelope}<Tempo><Manual Value="93" /><AutomationTarget Id="8" /></Tempo></MainTrack>'
    return packed(f"<Ableton><LiveSet>{tracks}{tempo}</LiveSet></Ableton>".encode())


def _read_clip(file: Path) -> None:
    from rvae.errors import RvaeError

    if check(file.read_bytes()) == "refused":
        raise RvaeError("refused, in a line")


def _session() -> bytes:
    from performance.cursor import Key
    from performance.cursor import Path as Way
    from performance.gestures import Gesture
    from performance.pins import Pin, Pins
    from performance.session import Session, write_session
    from performance.settings import Settings
    from rvae.kit import STANDARD_KIT
    from rvae.meter import Meter

    begun = Settings.at_first((0.3, 0.6), Meter.parse("7/8(2+2+3)"), len(STANDARD_KIT))
    whole = replace(
        begun,
        scenes={1: begun.scene(), 2: begun.scene(), 3: begun.scene(), 4: begun.scene()},
        layers=(Gesture(Way((Key(0, 0.1, 0.2), Key(1.5, 0.3, 0.4))), 0.0, 2),),
        pins=Pins((Pin(192, 0, 12, 0.5, 0.1),), ((1, 192, (Pin(192, 1, 24, 0.5, 0.0),)),)),
    )
    with tempfile.TemporaryDirectory() as folder:
        write_session(Path(folder) / "x", Session("m.rvae", STANDARD_KIT.names, whole))
        return (Path(folder) / "x").read_bytes()


def _read_session(file: Path) -> None:
    from performance.motion import Moment
    from performance.movement import Movement
    from performance.session import read_session, write_session
    from rvae.errors import RvaeError
    from rvae.kit import STANDARD_KIT, Kit

    session, unknown = read_session(file)
    assert unknown >= 0
    session.fitted(Kit("small", STANDARD_KIT.voices[:3]))
    settings, _ = session.fitted(STANDARD_KIT)
    movement = Movement(settings.cursor)
    for bars in (0.1, 1.0, 2.5):
        with suppress(RvaeError):
            settings = movement.step(settings, Moment(0.1, bars, settings.meter.beats))
    again = file.with_name("again")
    write_session(again, session)
    assert read_session(again)[0] == session


def _preset() -> bytes:
    return (
        b'[controls]\ndensity = 0.7\nmotion = "orbit"\ntempo = 97\nmute = 1\n[[mapping]]\nfrom = "cc 1"\n'
        b'to = "density"\n'
        b'[[mapping]]\nfrom = "note 36"\nto = "recall_scene 1"\nas = "absolute"\n'
    )


def _read_preset(file: Path) -> None:
    from performance.mapping_file import read_preset

    preset = read_preset(file, _one_line)
    assert all(isinstance(value, int | float) for value in preset.controls.values())


def _mappings() -> bytes:
    rows = [
        {"from": "cc 1", "to": "density", "as": "absolute"},
        {"from": "note 36", "to": "play_stop", "as": "absolute"},
    ]
    return json.dumps({"pads": rows, "knobs": rows}).encode()


def _read_mappings(file: Path) -> None:
    from performance.mapping_file import keep_mappings, read_mappings

    home = os.environ.get("RVAE_HOME")
    os.environ["RVAE_HOME"] = str(file.parent)
    try:
        keep_mappings(read_mappings(_one_line))
        lines: list[str] = []
        read_mappings(lines.append)
        assert not lines
    finally:
        os.environ.pop("RVAE_HOME") if home is None else os.environ.update(RVAE_HOME=home)


@cache
def _model() -> bytes:
    from small_models import straight_model

    return straight_model().to_bytes()


def _read_model(file: Path) -> None:
    import numpy as np

    from rvae import load

    model = load(file)
    for beats in model.beats:
        for part in model.decode([(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)], beats=beats):
            assert np.isfinite(part).all()
    pattern = model.pattern((0.4, 0.6), meter=model.meter)
    assert len(model.encode([pattern])) == 1
    assert load(file).to_bytes()


@cache
def _journal() -> bytes:
    from small_models import random_pattern

    from performance.clock import NS_PER_S, VirtualClock
    from performance.commands import Play, SetControl, SetPattern, SetVoice, Stop
    from performance.engine import Engine
    from performance.journal import MemoryJournal
    from performance.journal_file import Lines
    from performance.outputs.memory import MemoryOutput
    from rvae.kit import STANDARD_KIT
    from rvae.meter import Meter

    clock, journal = VirtualClock(), MemoryJournal()
    engine = Engine(clock, random_pattern(1), [MemoryOutput()])
    engine.open_outputs(STANDARD_KIT)
    engine.start_journal(journal)
    moves = [Play(), SetControl("tempo", 141.0), SetVoice("nudge", 1, 7.0), SetPattern(random_pattern(2), "beat")]
    moves += [SetPattern(random_pattern(3, Meter.parse("3/4")), "bar"), SetControl("volume", 0.4), Stop()]
    for number, move in enumerate(moves):
        engine.do(move)
        while clock.now_ns() < (number + 1) * NS_PER_S * 4 // 5:
            clock.sleep_until(engine.step())
    engine.close()
    lines = Lines()
    return (Lines.header("2026-01-01") + "".join("".join(lines.of(entry)) for entry in journal.entries)).encode()


def _read_journal(file: Path) -> None:
    from performance.journal_file import JournalFile
    from performance.replay import check as play_again
    from performance.transcript import score_of, write_journal_midi

    journal = JournalFile(file)
    _one_line(play_again(journal))
    score_of(journal)
    write_journal_midi(file.with_suffix(".mid"), journal)


def _one_line(text: str) -> None:
    assert "\n" not in text, text


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("kit", ".toml", _kit, _read_kit, toml_changed),
        Kind("card", "dataset.toml", _card, _read_card, toml_changed),
        Kind("archive", ".zip", _archive, _read_clip, inside_changed),
        Kind("song", ".h2song", _song, _read_clip, xml_changed),
        Kind("set", ".als", _set, _read_clip, inside_changed),
        Kind("session", ".rvsession", _session, _read_session, json_changed),
        Kind("preset", ".toml", _preset, _read_preset, toml_changed),
        Kind("mappings", "mappings.json", _mappings, _read_mappings, json_changed),
        Kind("model", ".rvae", _model, _read_model, model_changed),
        Kind("journal", ".rvjournal", _journal, _read_journal, json_changed),
    )
}


def run(kind: Kind, count: int, seed: int) -> Tally:
    """Try so many of a kind, half of them changed as values, half as bytes. Raises what breaks."""
    chance, tally, good = random.Random(seed), Tally(), kind.make()
    for number in range(count):
        tally.take(good if number == 0 else _changed(kind, good, chance), lambda data: _became(kind, data))
    return tally


def _changed(kind: Kind, good: bytes, chance: random.Random) -> bytes:
    return (kind.changed if chance.random() < 0.5 else bytes_changed)(good, chance)


def _became(kind: Kind, data: bytes) -> str:
    from rvae.errors import RvaeError

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / (kind.suffix if not kind.suffix.startswith(".") else f"x{kind.suffix}")
        file.write_bytes(data)
        try:
            kind.read(file)
        except RvaeError as refusal:
            _one_line(str(refusal))
            return "refused"
    return "read"


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Feed rvae's readers what no program wrote.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(KINDS)} (default: all)")
    parser.add_argument("--inputs", type=int, default=10_000, help="of each")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    for name in arguments.names or KINDS:
        print(f"{name}: {run(KINDS[name], arguments.inputs, arguments.seed)}", flush=True)


if __name__ == "__main__":
    main()
