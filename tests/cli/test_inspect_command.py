"""`holdfast inspect` as it is typed."""

import json

import numpy as np
import pytest
from PIL import Image

from holdfast.cli import main


@pytest.fixture
def photos(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    for kind, count in {"cat": 8, "dog": 2}.items():
        (tmp_path / "photos" / kind).mkdir(parents=True)
        for n in range(count):
            pixels = np.random.default_rng([n, count]).integers(0, 256, (24, 24, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / kind / f"{n}.png")
    return tmp_path


def test_a_folder_is_described_on_screen_as_json_and_as_a_page(photos, capsys):
    words = "inspect photos --labels folder --method none --json out/x.json --page out/x.html"
    assert main(words.split()) == 0
    text = capsys.readouterr().out
    assert "10, all usable" in text
    assert "8 against 2 images is 4.0 to 1: mild." in text and "why:" in text
    assert json.loads((photos / "out" / "x.json").read_text())["images"]["usable"] == 10
    page = (photos / "out" / "x.html").read_text()
    assert "4.0 to 1" in page and "The rarest: dog, 2 in all" in page
    assert "pictures" not in json.loads((photos / "out" / "x.json").read_text())
    last = text.strip().splitlines()[-1]
    assert last.startswith("  holdfast train ") and "--data photos" in last and "--labels folder" in last
    assert "copies" not in text.partition("advice")[0], "nothing is there twice, so no row says 0"


def test_time_and_memory_of_a_method_are_measured(photos, capsys):
    words = "inspect photos --method emp-ssl --encoder timm/test_resnet --batch-size 4 --epochs 3 --image-size 16"
    assert main(words.split()) == 0
    text = capsys.readouterr().out
    assert "emp-ssl, timm/test_resnet at 16 pixels, 3 epochs × 3 steps of 4 images" in text


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("inspect", "expected one folder or file to inspect"),
        ("inspect nowhere", "where there is no file"),
        ("inspect photos --method simclrr", "did you mean simclr?"),
        ("inspect photos --againts x", "did you mean --against?"),
    ],
)
def test_bad_words_are_one_line(photos, words, problem, capsys):
    assert main(words.split()) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert problem in error
