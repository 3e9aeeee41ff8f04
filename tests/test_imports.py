"""Which room may import which, and that importing does nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for room in ("rvae", "performance")
    for path in (ROOT / room).rglob("*.py")
)


def python(code: str, *arguments: str) -> str:
    """What a fresh interpreter prints; warnings are errors there, and it writes no .pyc files."""
    command = [sys.executable, "-B", "-W", "error", "-c", code, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def loaded_after(statement: str) -> set[str]:
    """The top-level names that a statement leaves loaded."""
    return set(python(f"{statement}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})").split())


def test_rooms_import_in_one_direction_only() -> None:
    run = "from importlinter.cli import lint_imports_command as run; run()"
    done = subprocess.run(
        [sys.executable, "-c", run, "--no-cache", "--no-logo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_no_part_of_the_instrument_loads_torch() -> None:
    instrument = [name for name in MODULES if name.startswith("performance")]
    assert "torch" not in loaded_after(f"import {', '.join(instrument)}")


def test_the_library_itself_loads_neither_torch_nor_a_window() -> None:
    assert not {"torch", "pygame", "sounddevice"} & loaded_after("import rvae")


PLAYED = """
import sys, rvae

model = rvae.load(sys.argv[1])
for meter in model.meters:
    assert model.pattern((0.5, 0.5), meter=meter).onsets > 0
print(*{name.split('.')[0] for name in sys.modules})
"""


def test_a_model_is_loaded_and_played_with_numpy_alone(model_file: Path) -> None:
    assert not {"torch", "scipy", "pygame", "sounddevice"} & set(python(PLAYED, str(model_file)).split())


WATCHED = """
import importlib, sys, threading, warnings

# Libraries of others may do as they like; they are loaded before the watch begins.
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    for name in "mido numpy pygame pylibremidi pythonosc rich safetensors scipy sounddevice torch".split():
        try:
            importlib.import_module(name)
        except (ImportError, OSError):
            pass
before = threading.active_count()
seen = []
prefixes = ("os.exec", "os.fork", "os.mkdir", "os.posix_spawn", "os.putenv", "os.remove", "os.rename", "os.system",
            "shutil.", "signal.", "socket.", "subprocess.", "tempfile.")


def watch(event, arguments):
    writes = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
    if writes or event.startswith(prefixes):
        seen.append((event, str(arguments)))


sys.addaudithook(watch)
for name in sys.argv[1:]:
    importlib.import_module(name)
    if threading.active_count() != before:
        seen.append(("a thread", name))
    if seen:
        sys.exit(f"importing {name}: {seen}")
"""


def test_importing_any_module_writes_opens_and_starts_nothing() -> None:
    python(WATCHED, *MODULES)
