"""Ten kills each of five commands: given again, they end in the bits of one that was not killed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent.parent / "experiments" / "kills.py"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["train", "audit", "memorization", "embed", "export"])
def test_ten_kills_at_drawn_moments_lose_nothing(name, tmp_path):
    command = [sys.executable, str(SCRIPT), "--kills", "10", "--commands", name, "--out", str(tmp_path / "kills.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((tmp_path / "kills.json").read_text())["counts"] == {name: {"same bits": 10}}
