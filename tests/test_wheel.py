"""The wheel and the source archive hold all that a stranger needs: tried where nothing of this folder is in reach."""

import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import numpy
import pytest

ROOT = Path(__file__).parent.parent
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
pytestmark = pytest.mark.slow


def build(folder, target, *kinds):
    pytest.importorskip("hatchling", reason="hatchling builds both")
    words = [
        sys.executable,
        "-m",
        "hatchling",
        "build",
        "-d",
        str(target),
        *(w for kind in kinds for w in ("-t", kind)),
    ]
    subprocess.run(words, cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder of a wheel and a source archive of this tree."""
    target = tmp_path_factory.mktemp("dist")
    build(ROOT, target, "wheel", "sdist")
    return target


@pytest.fixture(scope="module")
def bare(built, tmp_path_factory):
    """Runs holdfast from the wheel, in an environment that shares nothing but the dependencies."""
    home = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home / "env")], check=True)
    (packages,) = (home / "env").glob("lib/python*/site-packages")
    with zipfile.ZipFile(built / f"holdfast-{VERSION}-py3-none-any.whl") as wheel:
        wheel.extractall(packages)
    # A path file inside this folder, such as that of an editable install, is not followed.
    (packages / "dependencies.pth").write_text(f"{Path(numpy.__file__).parent.parent}\n")
    (home / "work").mkdir()
    plain = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}

    def run(*words):
        command = [str(home / "env" / "bin" / "python"), *words]
        return subprocess.run(command, cwd=home / "work", env=plain, text=True, capture_output=True, check=False)

    return run


def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def test_the_wheel_has_every_file_of_the_package(built):
    tracked = subprocess.run(["git", "ls-files", "src"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert names(built / f"holdfast-{VERSION}-py3-none-any.whl") == {p.removeprefix("src/") for p in tracked.split()}


def test_a_wheel_made_of_the_source_archive_is_the_same(built, tmp_path):
    with tarfile.open(built / f"holdfast-{VERSION}.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    build(tmp_path / f"holdfast-{VERSION}", tmp_path / "again", "wheel")
    wheel = f"holdfast-{VERSION}-py3-none-any.whl"
    assert names(tmp_path / "again" / wheel) == names(built / wheel)


def test_a_stranger_trains_audits_and_reports_with_it(bare):
    where = bare("-c", "import holdfast; print(holdfast.__file__)").stdout
    assert "site-packages" in where and str(ROOT) not in where
    assert bare("-m", "holdfast", "--version").stdout.strip() == f"holdfast {VERSION}"
    small = "--limit 200 --image-size 8 --encoder timm/test_resnet --epochs 1 --batch-size 64 --precision 32"
    for line in (
        "inspect digits --method none --page inspect.html",
        f"train simclr --data digits {small} --holdout 60 --out runs/a",
        "audit runs/a --axes quality balance --no-reference",
        "report runs/a --out report.html",
        "card runs/a",
    ):
        done = bare("-m", "holdfast", *line.split())
        assert done.returncode == 0, done.stderr
