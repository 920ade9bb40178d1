"""Looking at a folder is for any laptop: it imports nothing that computes."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image


@pytest.mark.parametrize("more", ["", "--labels folder --page page.html", "--limit 2 --json numbers.json"])
def test_an_inspection_of_a_folder_imports_no_torch(more, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("a", "b"):
        folder = tmp_path / "photos" / name
        folder.mkdir(parents=True)
        for number in range(2):
            pixels = np.random.default_rng(number).integers(0, 256, (48, 64, 3), np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}.jpg")
    heavy = "{'torch', 'torchvision', 'timm', 'lightning_fabric', 'sklearn', 'scipy', 'matplotlib'}"
    words = ["inspect", "photos", "--method", "none", *more.split()]
    code = (
        f"import sys; from holdfast.cli import main; assert main({words!r}) == 0; assert not {heavy} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "holdfast train" in done.stdout
