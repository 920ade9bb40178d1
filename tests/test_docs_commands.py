"""Every command on a page of the documentation runs, on a small folder and with small settings."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from holdfast.cli import main

PAGE = Path(__file__).parent.parent / "docs" / "your-own-images.md"
SMALL = {
    "train": "--image-size 16 --epochs 1 --batch-size 16 --encoder timm/test_resnet --precision 32 --holdout 30",
    "audit": "--axes quality balance --no-atlas --no-page",
    "inspect": "--method none",
}
"""What is added to a command so that it takes seconds; a later option wins."""


def commands(page: Path) -> list[str]:
    """The commands in a page's bash blocks, in order."""
    blocks = re.findall(r"^```bash\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def python(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """The page's folders, with one file that cannot be used, and the table beside the pictures."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    rows = ["path,species,site,camera"]
    for root, count in (("photos", 90), ("more-photos", 8)):
        for number in range(count):
            name = f"{2020 + number % 3}/IMG_{number:04}.{'jpg' if number % 2 else 'png'}"
            path = tmp_path / root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            noise = np.random.default_rng(number).integers(0, 90, (20 + number % 5, 24, 3), dtype=np.uint8)
            Image.fromarray(noise + np.uint8(50 * (number % 3))).save(path)
            if root == "photos":
                rows.append(f"{name},{'abc'[number % 3]},{['north', 'south'][number // 3 % 2]},{number % 2}")
    (tmp_path / "photos" / "meta.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


def small(command: str) -> list[str]:
    words = shlex.split(command)
    assert words[0] == "holdfast"
    return words[1:] + SMALL.get(words[1], "").split()


def run(command: str) -> int:
    """The exit code; a command without labels measures what needs none."""
    words = small(command)
    if words[0] == "audit" and "--labels" not in words:
        words.remove("balance")
    return main(words)


def test_the_page_walks_from_a_folder_to_a_report(photos, capsys):
    found = commands(PAGE)
    assert [shlex.split(command)[1] for command in found[:2]] == ["inspect", "inspect"]
    codes = {command: run(command) for command in found}
    assert set(codes.values()) == {0}
    for written in ("photos.html", "report.html", "runs/photos/encoder.safetensors", "runs/photos/rejected.csv"):
        assert (photos / written).is_file()
    assert "worst_group" in (photos / "runs/photos/findings/balance.json").read_text()
    assert {command.split()[1] for command in found} == {"inspect", "train", "resume", "audit", "report"}


def test_strict_stops_with_one_line_and_writes_nothing(photos, capsys):
    (photos / "photos" / "broken.jpg").write_bytes(b"")
    (strict,) = (command for command in commands(PAGE) if "--strict" in command)
    assert main(small(strict)) == 2
    assert not (photos / "runs").exists()
    error = capsys.readouterr().err.strip()
    assert error.startswith("holdfast: expected pictures that can be read") and "\n" not in error


def test_no_usable_picture_is_one_line_and_exit_2(photos, capsys):
    (photos / "bad").mkdir()
    (photos / "bad" / "1.jpg").write_bytes(b"no picture")
    assert main(["train", "simclr", "--data", "bad", "--image-size", "16", "--out", "runs/bad"]) == 2
    assert not (photos / "runs").exists()
    assert "expected a picture that can be read in bad, got 1 that cannot be" in capsys.readouterr().err


def test_the_python_of_the_page_runs(photos, capsys):
    for block in python(PAGE):
        exec(block, {})
    assert capsys.readouterr().out.startswith("90 2020/IMG_0000.png ()")
