"""Runs of the command on few small digits."""

from pathlib import Path

from holdfast.cli import main

TRAIN = (
    "--data digits --limit 120 --image-size 8 --encoder timm/test_resnet --epochs 1 --batch-size 64 --holdout 20 "
    "--precision 32 --signals-every 0"
)


def train_run(folder: Path, method: str = "simclr", more: str = "") -> Path:
    """A run by the command; more: options in place of TRAIN's."""
    assert main(["train", method, *f"{TRAIN} {more} --out {folder}".split()]) == 0
    return folder
