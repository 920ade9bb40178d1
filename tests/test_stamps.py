"""A natural tail: 796 stamps of Tux Paint in 16 folders of 247 to 3, among files of other kinds (a Debian package)."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from holdfast.cli import main
from holdfast.findings import Finding

pytestmark = pytest.mark.slow
PACKAGE, INSTALLED = "tuxpaint-stamps-default", Path("/usr/share/tuxpaint/stamps")
SMALL = "--encoder timm/test_resnet --image-size 16 --batch-size 128 --epochs 1 --precision 32"


@pytest.fixture(scope="module")
def stamps(tmp_path_factory):
    if INSTALLED.is_dir():
        return INSTALLED
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        pytest.skip(f"{PACKAGE} is a Debian package")
    root = tmp_path_factory.mktemp("stamps")
    fetch = ["apt-get", "download", "-qq", PACKAGE]
    if subprocess.run(fetch, cwd=root, capture_output=True, timeout=600, check=False).returncode:
        pytest.skip(f"{PACKAGE} cannot be fetched here")
    (package,) = root.glob("*.deb")
    subprocess.run(["dpkg", "-x", str(package), str(root / "x")], check=True)
    package.unlink()
    return root / "x" / str(INSTALLED).lstrip("/")


def printed(capsys, command):
    assert main(command) == 0, capsys.readouterr().err
    return " ".join(capsys.readouterr().out.split())


def test_from_the_folder_to_an_audit_of_its_rare_classes(stamps, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    said = printed(capsys, ["inspect", str(stamps), "--method", "none", "--json", "facts.json", "--page", "look.html"])
    assert "796, 796 usable" in said and "247 to 3 images" in said and "If its 16 folders are classes" in said
    assert json.loads(Path("facts.json").read_text())["images"]["usable"] == 796
    said = printed(
        capsys, ["train", "simclr", "--data", str(stamps), "--labels", "folder", *SMALL.split(), "--out", "a"]
    )
    assert "757 images" in said and "39 held out" in said and "next: holdfast audit a" in said
    said = printed(capsys, ["audit", "a", "--axes", "quality", "balance", "tail", "--no-atlas"])
    assert "the 39 images held out in training are few for 16 classes" in said
    (counts,) = re.findall(r"(\d+) test images of 16 classes, from (\d+) \((\w+)\) to 1 \(\w+\)", said)
    assert 140 <= int(counts[0]) <= 165 and counts[2] == "symbols" and int(counts[1]) > 40
    balance = Finding.load(tmp_path / "a" / "findings" / "balance.json")
    assert len(balance.tables["per_class"]) == 16 and balance.settings["classes_without_test"] == []
    assert "All classes" in said and "Rare classes (few)" in said and "page: a/report.html" in said
