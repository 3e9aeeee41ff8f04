from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import wave
from pathlib import Path

import pytest
from jack_support import wait_for

from performance.bundled import run_library
from rvae.kit import STANDARD_KIT
from rvae.midi import read_midi

ROOT = Path(__file__).resolve().parents[1]


def rvae(*arguments: str, timeout_s: float = 120, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a person would, with no screen unless one is given."""
    clean = {
        key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")
    }
    return subprocess.run(
        [sys.executable, "-m", "performance.cli", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        env={**clean, **environment},
    )


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that a refusal is."""
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


@pytest.fixture(scope="module")
def model(model_file: Path) -> str:
    return str(model_file)


@pytest.mark.parametrize("command", ["devices", "card"])
def test_a_word_that_a_command_does_not_know_leads_to_the_help_of_that_command(command: str, tmp_path: Path) -> None:
    given = [str(tmp_path)] if command == "card" else []
    assert one_line(rvae(command, *given, "--colour", "red")) == (
        f"rvae: unrecognized arguments: --colour red; see rvae {command} --help"
    )


def test_render_writes_what_it_says(model: str, tmp_path: Path) -> None:
    midi, wav = tmp_path / "a.mid", tmp_path / "a.wav"
    done = rvae(
        "render",
        model,
        "--at",
        "0.3,0.6",
        "--bars",
        "4",
        "--meter",
        "6/8",
        "--bpm",
        "90",
        "--midi",
        str(midi),
        "--wav",
        str(wav),
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert midi.read_bytes().startswith(b"MThd")
    with wave.open(str(wav)) as sound:
        assert sound.getnframes() == round((4 * 2 * 60 / 90 + 2) * 48_000)


def test_render_writes_the_notes_of_another_kit(model: str, tmp_path: Path) -> None:
    kit = tmp_path / "mine.toml"
    kit.write_text('name = "mine"\n[[voice]]\nname = "kick"\nin = [1]\nout = 1\n', encoding="utf-8")
    plain, other = tmp_path / "a.mid", tmp_path / "b.mid"
    place = ("--at", "0.3,0.6", "--bars", "2")
    assert rvae("render", model, *place, "--midi", str(plain)).returncode == 0
    done = rvae("render", model, *place, "--kit", str(kit), "--midi", str(other))
    assert done.returncode == 0, done.stderr
    pitches = [read_midi(file).notes[:, 2].tolist() for file in (plain, other)]
    assert pitches[1] == [1 if pitch == 36 else pitch for pitch in pitches[0]]
    assert 1 in pitches[1]
    assert "none of its voices" in one_line(rvae("render", model, *place, "--kit", "mpc", "--midi", str(other)))


def test_render_follows_a_path_file(model: str, tmp_path: Path) -> None:
    path, midi = tmp_path / "way.csv", tmp_path / "a.mid"
    path.write_text("0,0,0\n4,1,1\n")
    done = rvae("render", model, "--path", str(path), "--bars", "4", "--midi", str(midi))
    assert done.returncode == 0, done.stderr
    assert midi.exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "required"),
        (["dance"], "invalid choice"),
        (["render"], "required"),
        (["render", "MODEL", "--bars", "4", "--midi", "x.mid"], "--at"),
        (["render", "MODEL", "--bars", "4", "--at", "0,0"], "nothing to write"),
        (["render", "MODEL", "--bars", "four", "--at", "0,0", "--midi", "x"], "--bars"),
        (["render", "MODEL", "--bars", "0", "--at", "0,0", "--midi", "OUT"], "1 to 2000"),
        (["render", "MODEL", "--bars", "4", "--at", "2,0", "--midi", "OUT"], "outside the plane"),
        (["render", "MODEL", "--bars", "4", "--at", "0,0", "--midi", "OUT", "--bpm", "1000"], "20 to 300"),
        (["render", "MODEL", "--bars", "4", "--at", "0,0", "--midi", "OUT", "--bpm", "nan"], "20 to 300"),
        (["render", "MODEL", "--bars", "4", "--at", "0,0", "--midi", "OUT", "--density", "2"], "0 to 1"),
        (["render", "MODEL", "--bars", "4", "--at", "0,0", "--midi", "OUT", "--meter", "4/5"], "lower number"),
        (["render", "MODEL", "--bars", "4", "--at", "0,0", "--midi", "OUT", "--meter", "waltz"], "is no meter"),
        (["render", "MODEL", "--bars", "4", "--at", "0,0", "--midi", "OUT", "--meter", "13/4"], "13 beats"),
        (["render", "MODEL", "--bars", "4", "--path", "GARBAGE", "--midi", "OUT"], "no path"),
        (["render", "MODEL", "--bars", "4", "--at", "0,0", "--midi", "/nowhere/at/all.mid"], "/nowhere/at/all.mid"),
        (["render", "GARBAGE", "--bars", "4", "--at", "0,0", "--midi", "OUT"], "GARBAGE"),
        (["render", "CUT", "--bars", "4", "--at", "0,0", "--midi", "OUT"], "CUT"),
        (["render", "NOTHING", "--bars", "4", "--at", "0,0", "--midi", "OUT"], "NOTHING"),
        (["play", "GARBAGE", "--headless"], "GARBAGE"),
        (["play", "MODEL", "--headless", "--bars", "0"], "1 to 2000"),
        (["play", "MODEL", "--headless", "--osc", "nowhere"], "OSC address"),
        (["play", "MODEL", "--headless", "--kit", "nowhere"], "no kit of that name"),
        (["play", "MODEL", "--headless", "--kit", "pads"], "none of its voices"),
        (["play", "MODEL", "--headless", "--midi", "no such synth"], "no such synth"),
        (["play", "MODEL", "--headless", "-o", "/proc/nothing/here"], "/proc/nothing/here"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_writes_nothing(
    model: str, tmp_path: Path, arguments: list[str], says: str
) -> None:
    garbage, cut, out = tmp_path / "garbage.rvae", tmp_path / "cut.rvae", tmp_path / "out.mid"
    garbage.write_bytes(os.urandom(2000))
    cut.write_bytes(Path(model).read_bytes()[:-100])
    out.write_bytes(b"kept")
    names = {
        "MODEL": model,
        "GARBAGE": str(garbage),
        "CUT": str(cut),
        "OUT": str(out),
        "NOTHING": str(tmp_path / "none.rvae"),
    }
    line = one_line(rvae(*(names.get(argument, argument) for argument in arguments)))
    assert names.get(says, says) in line
    assert line.startswith("rvae: ")
    assert out.read_bytes() == b"kept"
    assert len(list(tmp_path.iterdir())) == 3


def test_with_no_screen_a_refusal_is_still_one_line_and_what_counts_for_nothing_is_told(
    model: str, tmp_path: Path
) -> None:
    assert "none.rvae" in one_line(rvae("play", str(tmp_path / "none.rvae")))
    given = ("--session", "friday.rvsession", "--offset", "audio=5", "--clock-out", "synth")
    done = rvae("play", model, "--bars", "1", "-o", str(tmp_path / "out"), *given)
    assert done.returncode == 0, done.stderr
    assert "so only files are made: --session, --offset, --clock-out passed over" in done.stderr.splitlines()[1]


def test_clips_that_cannot_be_learned_are_told_of_once(tmp_path: Path) -> None:
    done = rvae("play", "--headless", "--train", str(tmp_path), "-o", str(tmp_path / "out"))
    assert done.returncode == 2
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == [f"learning from {tmp_path}", "rvae"]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="children are looked for under /proc")
def test_ctrl_c_while_a_model_is_learned_first_is_the_end_of_the_command(tmp_path: Path) -> None:
    def begun() -> bool:
        mine = Path(f"/proc/self/task/{threading.main_thread().native_id}/children")
        with contextlib.suppress(OSError):  # a child that has just ended
            return any(b"inspect" in Path(f"/proc/{child}/cmdline").read_bytes() for child in mine.read_text().split())
        return False

    def interrupt() -> None:
        wait_for(begun)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run_library(["inspect", str(tmp_path)], quiet=True)
    thread.join()


def test_a_full_disk_is_one_line(model: str) -> None:
    if not Path("/dev/full").is_char_device():
        pytest.skip("there is no /dev/full")
    assert "No space left" in one_line(rvae("render", model, "--at", "0,0", "--bars", "2", "--wav", "/dev/full"))


def test_play_without_a_screen_says_so_and_leaves_three_files(model: str, tmp_path: Path) -> None:
    done = rvae("play", model, "-o", str(tmp_path / "out"), "--bars", "2")
    assert done.returncode == 0, done.stderr
    assert "no display" in done.stderr
    files = [Path(line) for line in done.stdout.splitlines()]
    assert [file.name for file in files] == ["rvae.mid", "rvae.wav", "rvae.png"]
    assert [file.read_bytes()[:4] for file in files] == [b"MThd", b"RIFF", b"\x89PNG"]
    assert sorted(files) == sorted((tmp_path / "out").iterdir())


def test_a_kit_of_ones_own_gives_the_voices_other_notes(model: str, tmp_path: Path) -> None:
    kit = tmp_path / "mine.toml"
    kit.write_text(STANDARD_KIT.with_out(0, 24).to_toml(), encoding="utf-8")
    done = rvae("play", model, "--headless", "--kit", str(kit), "-o", str(tmp_path / "out"), "--bars", "2")
    assert done.returncode == 0, done.stderr
    pitches = set(read_midi(tmp_path / "out" / "rvae.mid").notes[:, 2].tolist())
    assert 24 in pitches
    assert 36 not in pitches


def test_play_with_outputs_but_no_screen_plays_in_real_time(model: str, tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(("127.0.0.1", 0))
        ear.setblocking(False)
        address = f"127.0.0.1:{ear.getsockname()[1]}"
        out = str(tmp_path)
        done = rvae(
            "play",
            model,
            "--headless",
            "--bars",
            "1",
            "--bpm",
            "240",
            "--osc",
            address,
            "--no-audio",
            "--osc-in",
            "0",
            "-o",
            out,
        )
        assert done.returncode == 0, done.stderr
        heard = []
        try:
            while True:
                heard.append(ear.recv(4096))
        except BlockingIOError:
            pass
    assert any(b"/rvae/onset" in packet for packet in heard)
    assert sum(b"/rvae/bar" in packet for packet in heard) == 1
    assert "late by" in done.stderr


def test_a_busy_osc_port_that_was_asked_for_is_one_line(model: str, tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as busy:
        busy.bind(("0.0.0.0", 0))
        port = str(busy.getsockname()[1])
        done = rvae("play", model, "--headless", "--osc", "127.0.0.1:9", "--osc-in", port, "-o", str(tmp_path))
        assert f"port {port} is taken" in one_line(done)


def test_playing_loads_no_torch(model: str, tmp_path: Path) -> None:
    code = f"""
import sys
from performance.cli import main
code = main(["play", {model!r}, "--headless", "--bars", "1", "-o", {str(tmp_path)!r}])
import performance.stage, performance.process, performance.surface.window
print(code, sorted({{name.split(".")[0] for name in sys.modules}} & {{"torch", "scipy", "rich"}}))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 []"


def test_devices_lists_what_is_there_and_how_to_get_the_rest() -> None:
    text = rvae("devices")
    assert text.returncode == 0
    assert text.stdout.strip()
    done = rvae("devices", "--json")
    found = json.loads(done.stdout)
    assert done.stderr == ""
    assert {"midi", "audio", "missing", "display"} <= found.keys()
    assert not found["display"]
    if not found["midi"] and not found["jack"]:
        assert any(line.startswith("MIDI") for line in found["missing"])


def test_the_librarys_commands_are_run_with_their_exit_code(tmp_path: Path) -> None:
    done = rvae("inspect", str(tmp_path / "nothing"))
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    clips = str(ROOT / "datasets" / "threes")
    report = json.loads(rvae("inspect", clips, "--json").stdout)
    assert report["files"] > 0


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_an_interrupted_performance_ends_cleanly(model: str, tmp_path: Path, how: signal.Signals) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(("127.0.0.1", 0))
        ear.settimeout(60)
        command = [sys.executable, "-m", "performance.cli", "play", model, "--headless", "--bars", "500", "--no-audio"]
        command += ["--osc", f"127.0.0.1:{ear.getsockname()[1]}", "--osc-in", "0", "-o", str(tmp_path)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                assert ear.recv(4096)
                children = _children(process.pid)
                process.send_signal(how)
                _, errors = process.communicate(timeout=60)
            finally:
                process.kill()
        assert process.returncode == (130 if how == signal.SIGINT else 143)
        assert "Traceback" not in errors
        assert wait_for(lambda: not any(Path(f"/proc/{child}").exists() for child in children))


def _children(pid: int) -> list[str]:
    if shutil.which("pgrep") is None:
        return []
    return subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout.split()
