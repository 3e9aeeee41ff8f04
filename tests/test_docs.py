"""What the pages say is so: links, commands, tables."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import socket
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pythonosc.osc_message_builder import OscMessageBuilder

from performance.asking import NUMBERED_ACTIONS, PLAIN_ACTIONS
from performance.controls import ACTIONS, CONTROLS
from performance.mapping_file import read_preset
from performance.osc_input import OscInput
from rvae.card import Card
from rvae.kit import STANDARD_KIT, Kit
from rvae.kitfile import find_kit, kit_names
from rvae.meter import Meter

VOICE = [control for control in CONTROLS.values() if control.per_voice]
ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def names(paths: list[Path]) -> list[str]:
    return [path.relative_to(ROOT).as_posix() for path in paths]


def tables(text: str) -> list[list[list[str]]]:
    """The Markdown tables of a page, as rows of cells without their head."""
    blocks = re.findall(r"(?:^\|.*\|\n)+", text, flags=re.MULTILINE)
    return [
        [[cell.strip(" `") for cell in row.strip("|").split("|")] for row in block.splitlines()[2:]] for block in blocks
    ]


def anchors(text: str) -> set[str]:
    """What one can link to on a page: its headings, lower case, with - between the words."""
    heads = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", names(PAGES))
def test_every_link_inside_the_repository_leads_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", read(page)):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file.read_text(encoding="utf-8")), target


def shown_commands() -> list[str]:
    """Every line of a shell block that begins with `rvae`."""
    blocks = [block for page in PAGES for block in re.findall(r"```sh\n(.*?)```", page.read_text("utf-8"), re.DOTALL)]
    lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
    return sorted({line for line in lines if line.startswith("rvae ")})


@cache
def help_of(*command: str) -> str:
    run = "import sys; from performance.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", run, *command, "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("line", shown_commands())
def test_every_command_shown_exists_with_the_options_shown(line: str) -> None:
    _, command, *rest = shlex.split(line)
    known = set(re.findall(r"(?<![\w-])--?\w[\w-]*", help_of(command)))
    assert {part for part in rest if part.startswith("-")} <= known


def test_the_readme_lists_the_commands_there_are() -> None:
    listed = set(re.findall(r"^\| `rvae (\w+)", read("README.md"), flags=re.MULTILINE))
    assert listed == set(re.findall(r"^    (\w+) ", help_of(), flags=re.MULTILINE))
    for command in listed:
        help_of(command)


def test_the_first_screen_of_the_readme_says_how_to_play_and_test() -> None:
    first = "\n".join(read("README.md").splitlines()[:20])
    for words in ("make play", "make test", "Python 3.11 or newer"):
        assert words in first


def test_every_fault_on_its_page_has_its_test() -> None:
    faults, figures = tables(read("docs/faults.md"))
    for _, _, files in faults:
        for file in re.findall(r"test_\w+\.py", files) or [files]:
            assert (ROOT / "tests" / file).is_file(), file
    assert {path.name for path in ROOT.glob("tests/test_faults_*.py")} <= set(re.findall(r"test_\w+\.py", str(faults)))
    assert all(row[-1] == "nothing" for row in figures)


def test_every_test_of_the_window_on_its_page_exists_and_every_row_names_one() -> None:
    text = read("docs/surface-tests.md")
    for table in tables(text):
        for item, tests, by, _ in table:
            assert re.search(r"test_\w+\.py::test_\w+", tests), item
            assert by, item
    for file, name in re.findall(r"`(test_\w+\.py)::(\w+)`", text):
        assert re.search(rf"^def {name}\(", read(f"tests/{file}"), flags=re.MULTILINE), f"{file}::{name}"


def test_every_target_that_make_explains_is_a_target() -> None:
    text = read("Makefile")
    explained = set(re.findall(r"^(\w+):.*##", text, flags=re.MULTILINE))
    (phony,) = re.findall(r"^\.PHONY: (.*)$", text, flags=re.MULTILINE)
    assert explained == set(phony.split()) - {"style", "types", "rooms"}  # the parts of check
    for target in re.findall(r"`make (\w+)`", "".join(read(page) for page in names(PAGES))):
        assert target in explained


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads(read("pyproject.toml"))["project"]
    declared = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    wanted = {re.split(r"[<>=!~;\[ ]", name)[0] for name in declared}
    given = {row[0]: row[1] for table in tables(read("docs/dependencies.md")) for row in table}
    assert set(given) == wanted
    assert all(len(reason) > 10 for reason in given.values())


def test_every_dependency_is_pinned_for_the_tests() -> None:
    project = tomllib.loads(read("pyproject.toml"))["project"]
    declared = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    pinned = {line.split("==")[0] for line in read("constraints.txt").splitlines() if "==" in line}
    assert {re.split(r"[<>=!~;\[ ]", name)[0] for name in declared} <= pinned


def test_the_standard_kit_is_the_one_on_its_page() -> None:
    standard, roland, *_ = tables(read("docs/kits.md"))
    assert [(name, tuple(map(int, pitches.split())), int(out)) for name, pitches, out in standard] == [
        (voice.name, voice.pitches_in, voice.pitch_out) for voice in STANDARD_KIT.voices
    ]
    for pitch, _, voice in roland:
        assert STANDARD_KIT.row_of_pitch(int(pitch)) == STANDARD_KIT.row_of_name(voice)


def test_the_named_kits_are_those_on_their_page() -> None:
    *_, named = tables(read("docs/kits.md"))
    assert {name.strip("`"): tuple(voices.split()) for name, _, voices in named} == {
        name: find_kit(name).names for name in kit_names() if name != STANDARD_KIT.name
    }


def test_the_notes_the_kits_page_leaves_out_are_those_the_standard_kit_does_not_read() -> None:
    (left_out,) = re.findall(r"whistles \(([\d, ]+)\)", " ".join(read("docs/kits.md").split()))
    unread = [pitch for pitch in range(27, 88) if STANDARD_KIT.row_of_pitch(pitch) is None]
    assert [int(pitch) for pitch in left_out.split(",")] == unread


def test_the_kit_file_shown_can_be_read() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", read("docs/kits.md"), flags=re.DOTALL)
    assert Kit.from_toml(text).names == ("low_drum", "high_drum", "bell")


def test_the_card_shown_can_be_read() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", read("docs/getting-started.md"), flags=re.DOTALL)
    card = Card.parse(text)
    assert all((card.name, card.description, card.people, card.licence, card.consent))
    assert card.groupings == (Meter.parse("7/8(3+2+2)"),)
    assert not card.rest


def test_the_model_page_names_every_key_of_the_header(model_file: Path) -> None:
    data = model_file.read_bytes()
    header = json.loads(json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]["rvae-model"])
    (keys,) = tables(read("docs/model-file.md"))
    assert {name for row in keys for name in re.findall(r"\w+", row[0])} == set(header)


def test_the_model_page_shows_code_that_runs(model_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learn, play = re.findall(r"```python\n(.*?)```", read("docs/model-file.md"), flags=re.DOTALL)
    monkeypatch.chdir(model_file.parent)
    shown: dict[str, Any] = {}
    exec(play.replace("my.rvae", model_file.name), shown)
    assert shown["pattern"].meter == shown["meter"]
    assert shown["onset"].shape == shown["velocity"].shape == shown["microtiming"].shape
    assert shown["points"].shape == (1, 2)
    read_only, training, _ = learn.partition("model = rvae.train(")  # what it makes stands in the fixture
    assert training
    exec(read_only.replace("my-clips", str(ROOT / "datasets" / "threes")), shown)
    assert Path(shown["first"].source).is_file()


def test_the_architecture_page_shows_the_rooms_in_the_order_that_is_checked() -> None:
    (drawn,) = re.findall(r"```\nrvae/.*?```", read("docs/architecture.md"), flags=re.DOTALL)
    contracts = tomllib.loads(read("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    for room, part in zip(("library", "instrument"), drawn.split("performance/"), strict=True):
        (layers,) = [contract["layers"] for contract in contracts if contract["id"] == room]
        rows = [re.split(r" {3,}", line.strip())[0].split() for line in part.splitlines()[1:] if line.startswith(" ")]
        assert [set(row) for row in rows] == [set(re.findall(r"\w+", layer)) for layer in reversed(layers)]


def test_the_groupings_on_the_meter_page_are_those_that_are_taken() -> None:
    _, kinds, groupings = tables(read("docs/meter-and-grid.md"))
    for written, taken in groupings:
        assert Meter.parse(written) == Meter.parse(f"{written}({taken})")
    for example in (part for row in kinds for part in row[2].split(", ")):
        name, lengths = example.split(" = ")
        assert [str(beat) for beat in Meter.parse(name).beat_eighths] == lengths.split()


def control_rows() -> list[list[str]]:
    """The table of the controls' page, cell by cell."""
    return [
        [
            control.label,
            " ".join((*control.keys, *control.pads)),
            ", ".join(control.choices) or f"{control.text(control.low)} to {control.text(control.high)}",
            control.text(control.default),
            f"{control.name} VOICE" if control.per_voice else control.name,
            control.osc,
            control.help,
        ]
        for control in CONTROLS.values()
    ]


def action_rows() -> list[list[str]]:
    def target(name: str) -> str:
        return name if name in PLAIN_ACTIONS else f"{name} N" if name in NUMBERED_ACTIONS else ""

    return [
        [action.label, " ".join(action.keys), target(action.name), action.osc, action.help]
        for action in ACTIONS.values()
    ]


def test_the_controls_page_lists_what_there_is_to_control() -> None:
    assert tables(read("docs/controls.md")) == [control_rows(), action_rows()]


OSC_EXAMPLES: dict[str, list[object]] = {
    "x y, 0 to 1": [0.2, 0.8],
    "": [],
    "bpm": [120.0],
    "name": ["3/4"],
    "v, 0 to 1": [0.5],
    "name `density` v": ["snare", "density", 0.7],
    "name `mute` v": ["snare", "mute", 1],
    "name `nudge` v": ["snare", "nudge", -12.5],
    "now`, `beat` or `bar": ["bar"],
    "store` n": ["store", 3],
    "recall` n": ["recall", 3],
    "morph` n bars": ["morph", 3, 8.0],
    "bars, 0 to 64": [8.0],
    "none`, `1 bar` or `2 bars": ["2 bars"],
    "0 or 1": [1],
    "1 or 0": [1],
    "n, 1 to 16": [4],
    "free`, `glide`, `jump`, `orbit` or `drift": ["orbit"],
    "s, 0.05 to 16": [1.5],
    "0 to 0.95": [0.5],
    "0 to 0.5": [0.2],
    "bars, 0.5 to 64": [4.0],
    "n, 0 to 999": [7],
    "record": ["record"],
    "drop": ["drop"],
    "open` kind name": ["open", "midi", "synth"],
    "close` kind name": ["close", "osc", "127.0.0.1:9000"],
    "name 1 or 0": ["Pads", 0],
    "clear": ["clear"],
    "-2 to 2": [-1.0],
    "1/4`, `1/2`, `1`, `2` or `4": ["1/2"],
    "name tick `onset": ["snare", 24, "onset"],
    "name tick `rest": ["snare", 24, "rest"],
    "name tick `free": ["snare", 24, "free"],
    "name `freeze` v": ["snare", "freeze", 1],
}


def test_every_osc_message_on_its_page_is_understood() -> None:
    incoming, _ = tables(read("docs/osc.md"))
    listener = OscInput(0, STANDARD_KIT, host="127.0.0.1")
    with contextlib.closing(listener), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for address, arguments, _ in incoming:
            message = OscMessageBuilder(address)
            for value in OSC_EXAMPLES.get(arguments, [50.0]):
                message.add_arg(value)
            sender.sendto(message.build().dgram, ("127.0.0.1", listener.port))
            while not (understood := listener.receive()) and not listener.ignored:
                pass
            assert understood, address


def test_the_osc_page_lists_every_address_of_a_control_or_an_action() -> None:
    incoming, _ = tables(read("docs/osc.md"))
    listed = {(row[0], *re.findall(r"name `(\w+)", row[1])) for row in incoming}
    declared = {(entry.osc,) for entry in (*CONTROLS.values(), *ACTIONS.values()) if entry.osc and entry not in VOICE}
    assert declared | {(control.osc, control.osc_word) for control in VOICE} <= listed


def test_the_preset_shown_is_taken_whole(tmp_path: Path) -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", read("docs/hands.md"), flags=re.DOTALL)
    file = tmp_path / "shown.toml"
    file.write_text(text, encoding="utf-8")
    lines: list[str] = []
    preset = read_preset(file, lines.append)
    assert lines == []
    assert (len(preset.controls), len(preset.mappings)) == (2, 3)
