"""The wheel as a stranger gets it: what it holds, and that it works where nothing else of rvae is."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parents[1]
CORPORA = sorted(path.parent.name for path in ROOT.glob("datasets/*/dataset.toml"))


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel in it; its dependencies are borrowed from the one that runs the tests."""
    home = tmp_path_factory.mktemp("fresh")
    venv.create(home, with_pip=False, symlinks=True)
    own = Path(sysconfig.get_path("purelib", "venv", {"base": str(home), "platbase": str(home)}))
    borrowed = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (own / "borrowed.pth").write_text("\n".join(sorted(borrowed)) + "\n", encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--python", home / "bin" / "python"]
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel, cwd=home)
    return home


def test_the_wheel_holds_the_two_packages_and_its_own_record_and_nothing_else(wheel: Path) -> None:
    paths = [PurePosixPath(name) for name in zipfile.ZipFile(wheel).namelist()]
    tops = {path.parts[0] for path in paths}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"rvae", "performance"}
    assert len(tops) == 3
    assert not [path for path in paths if "tests" in path.parts or "__pycache__" in path.parts]
    assert PurePosixPath("rvae/py.typed") in paths
    assert any(path.name == "LICENSE" for path in paths)


def test_the_wheel_holds_every_bundled_corpus_and_only_its_clips_and_card(wheel: Path) -> None:
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("rvae/_datasets/")}
    assert len(CORPORA) >= 5
    here = {
        path.relative_to(ROOT / "datasets") for corpus in CORPORA for path in ROOT.glob(f"datasets/{corpus}/**/*.mid")
    }
    cards = {Path(corpus, "dataset.toml") for corpus in CORPORA}
    assert inside == {f"rvae/_datasets/{path.as_posix()}" for path in here | cards}


def test_the_installed_command_explains_itself_anywhere(installed: Path, tmp_path: Path) -> None:
    assert "play" in run(installed / "bin" / "rvae", "--help", cwd=tmp_path)


@pytest.mark.parametrize("corpus", CORPORA)
def test_the_installed_command_reads_each_bundled_corpus_whole(installed: Path, tmp_path: Path, corpus: str) -> None:
    (folder,) = installed.glob(f"lib/*/site-packages/rvae/_datasets/{corpus}")
    report = json.loads(run(installed / "bin" / "rvae", "inspect", folder, "--json", cwd=tmp_path))
    assert report["files"] == report["clips"] == len(list(folder.rglob("*.mid")))
    assert report["patterns"] >= report["clips"]
    assert not report["dropped"]
    assert not report["unmapped_notes"]


def test_the_bundled_corpora_hide_no_library_called_datasets(installed: Path, tmp_path: Path) -> None:
    look = "import importlib.util, rvae; print(rvae.__file__, importlib.util.find_spec('datasets'))"
    where, found = run(installed / "bin" / "python", "-I", "-c", look, cwd=tmp_path).split()
    assert Path(where).is_relative_to(installed)
    assert found == "None"
