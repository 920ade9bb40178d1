"""Runs on few small digits, trained once for all tests of what belongs together."""

import shutil
from pathlib import Path

import pytest
from small_runs import train_run

from holdfast.cli import main


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A run that is not to be changed."""
    return train_run(tmp_path_factory.mktemp("belonging") / "run")


@pytest.fixture(scope="session")
def hot(tmp_path_factory):
    """The same at another temperature. Not to be changed."""
    return train_run(tmp_path_factory.mktemp("belonging") / "hot", more="--temperature 0.9")


@pytest.fixture(scope="session")
def measured(tmp_path_factory):
    """The run with quality and balance measured. Not to be changed."""
    folder = train_run(tmp_path_factory.mktemp("belonging") / "measured")
    assert main(["audit", str(folder), "--axes", "quality", "balance", "--no-page", "--no-atlas"]) == 0
    return folder


@pytest.fixture(scope="session")
def studied(tmp_path_factory):
    """The run with a pair of encoders, some images planted. Not to be changed."""
    folder = train_run(tmp_path_factory.mktemp("belonging") / "studied")
    words = f"memorization {folder} --pairs 1 --views 4 --external 0.3 --candidates 0.2 --planted 2"
    assert main(words.split()) == 0
    return folder


@pytest.fixture
def own(tmp_path):
    """Copies a run folder to one that a test may change."""

    def copied(folder: Path, name: str = "own") -> Path:
        return shutil.copytree(folder, tmp_path / name)

    return copied


@pytest.fixture
def refused(capsys):
    """Runs a command that must end in one line and code 2; gives the line."""

    def run(words: str) -> str:
        assert main(words.split()) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1, error
        return error

    return run


@pytest.fixture
def said(capsys):
    """Runs a command that must end well; gives what it printed."""

    def run(words: str) -> str:
        assert main(words.split()) == 0
        return capsys.readouterr().out

    return run
