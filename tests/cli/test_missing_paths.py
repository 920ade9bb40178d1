"""Whatever the command and wherever it stands: a path where nothing is is called missing, and the code is 2."""

import re

import pytest

from holdfast import cli
from holdfast.cli import main

MISSING = re.compile(r"nowhere\S*[^;]*(where there is (no|none)|no such)")
"""The path, and that nothing is there."""
COMMANDS = {
    "inspect": ["inspect nowhere", "inspect digits --labels nowhere.csv", "inspect digits --against nowhere"],
    "train": [
        "train simclr --data nowhere --out run",
        "train simclr --data digits --labels nowhere.csv --out run",
        "train simclr --data digits --init nowhere --out run",
    ],
    "resume": ["resume nowhere"],
    "audit": [
        "audit nowhere --data digits",
        "audit timm/test_resnet --data nowhere",
        "audit timm/test_resnet --data digits --test nowhere",
    ],
    "memorization": ["memorization nowhere", "memorization --two-encoders nowhere nowhere2 --data digits"],
    "report": ["report nowhere", "report full --limits nowhere.json"],
    "compare": ["compare nowhere nowhere2"],
    "card": ["card nowhere"],
    "embed": ["embed nowhere --data digits --out f.parquet", "embed timm/test_resnet --data nowhere --out f.parquet"],
    "export": ["export nowhere --out exported"],
}


@pytest.mark.parametrize("command", [line for lines in COMMANDS.values() for line in lines])
def test_what_is_missing_is_called_missing(tmp_path, monkeypatch, capsys, command):
    monkeypatch.chdir(tmp_path)
    assert main(command.split()) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()[-1:]
    assert MISSING.search(line), line
    assert list(tmp_path.iterdir()) == [], "something was left"


def test_every_command_that_reads_a_path_is_tried():
    assert set(cli.COMMANDS) - {"demo", "methods", "audits", "recipes"} == set(COMMANDS)
