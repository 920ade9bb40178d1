"""A small run that ended, with two checkpoints, to be damaged; and what the command says of it."""

import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import torch

from holdfast.cli import main
from holdfast.config import RunConfig
from holdfast.engine import train
from holdfast.methods import METHODS

FLAGS = "--data digits --limit 60 --holdout 0 --encoder timm/test_resnet --image-size 16 --batch-size 16".split()
FLAGS += "--epochs 2 --precision 32 --threads 1 --signals-every 0 --checkpoint-steps 1".split()


def tiny_config(**changes) -> RunConfig:
    """The configuration that FLAGS name, of three steps an epoch."""
    settings = {"limit": 60, "holdout": 0, "encoder": "timm/test_resnet", "image_size": 16, "batch_size": 16}
    settings |= {"epochs": 2, "precision": "32", "threads": 1, "signals_every": 0, "checkpoint_steps": 1}
    return RunConfig(method=METHODS["simclr"].Config(), **{**settings, **changes})


@cache
def finished() -> Path:
    """A run that ended."""
    before = torch.get_num_threads()
    try:
        return train(tiny_config(), Path(mkdtemp()) / "run").path
    finally:
        torch.set_num_threads(before)


def interrupted(folder: Path) -> Path:
    """A copy of the run as it was before it wrote its encoder."""
    shutil.copytree(finished(), folder)
    for name in ("encoder.safetensors", "encoder.json"):
        (folder / name).unlink()
    return folder


def said(words: list[str], capsys) -> tuple[int, str, str]:
    """Exit code, output and error of a command."""
    before = torch.get_num_threads()
    try:
        code = main(words)
    finally:
        torch.set_num_threads(before)
    done = capsys.readouterr()
    return code, done.out, done.err


def refused(words: list[str], capsys, *parts: str) -> str:
    """The one line that a command which cannot be followed ends in, with exit code 2; parts: what it must name."""
    code, _, error = said(words, capsys)
    assert code == 2, error
    assert error.startswith("holdfast: ")
    assert error.count("\n") == 1
    assert "Traceback" not in error
    for part in parts:
        assert str(part) in error
    return error


def flip(file: Path, place: int = -1) -> None:
    """Turns one bit of a file."""
    data = bytearray(file.read_bytes())
    data[place] ^= 1
    file.write_bytes(bytes(data))
