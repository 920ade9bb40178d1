"""The three stories of the documentation: every command is one that the command line takes, and all of them run."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from holdfast.cli import COMMANDS, main

DOCS = Path(__file__).parent.parent / "docs"
SMALL = {
    "train": "--image-size 16 --epochs 1 --batch-size 8 --encoder timm/test_resnet --precision 32 --signals-every 0",
    "audit": "--no-atlas --no-page",
    "inspect": "--method none",
    "memorization": "--pairs 1 --epochs 1 --views 4",
}
"""What is added to a command so that it takes seconds; a later option wins."""
BLOCKS = re.findall(r"^```bash\n(.*?)^```", (DOCS / "stories.md").read_text(), re.MULTILINE | re.DOTALL)
COMMAND_LINES = [line for block in BLOCKS for line in block.splitlines()]


def test_there_are_three_stories_of_commands():
    assert len(BLOCKS) == 3
    assert {shlex.split(line)[0] for line in COMMAND_LINES} == {"holdfast"}
    assert {shlex.split(line)[1] for line in COMMAND_LINES} <= set(COMMANDS)


@pytest.mark.slow
def test_the_stories_run_from_the_first_command_to_the_last(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    rng = np.random.default_rng(0)
    for name, count in {"cat": 60, "dog": 40, "owl": 20}.items():
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(count):
            pixels = rng.integers(0, 256, (18 + number % 5, 20, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    for line in COMMAND_LINES:
        words = shlex.split(line)[1:]
        quick = ["--budget", "quick"] if "robustness" in words else []
        assert main([*words, *SMALL.get(words[0], "").split(), *quick]) == 0, capsys.readouterr().err
    for written in ("runs/simclr/card.json", "robust.html", "privacy.html", "runs/simclr/findings/memorization.json"):
        assert (tmp_path / written).is_file(), written
