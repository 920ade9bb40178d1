"""What is said before a run starts, and that it is said before anything is written."""

from dataclasses import replace

import pytest
import torch

from holdfast.config import RunConfig
from holdfast.data import Images
from holdfast.data.pool import Pool
from holdfast.engine import train
from holdfast.engine.cautions import cautions
from holdfast.methods import SimCLRConfig


def pool(train_images: int, *, copied: int = 0, held_out: int = 4) -> Pool:
    count = train_images + held_out
    pixels = torch.randint(0, 256, (count, 3, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    pixels[train_images : train_images + copied] = pixels[:copied]
    ids = torch.arange(count)
    return Pool(Images(pixels, ids, source="photos"), ids[:train_images], ids[train_images:], None, None, 0)


def config(batch_size: int) -> RunConfig:
    return RunConfig(method=SimCLRConfig(), batch_size=batch_size)


@pytest.mark.parametrize(
    ("images", "batch", "words"),
    [
        (100, 512, "100 training images are at most one batch of 512"),
        (800, 512, "800 training images are at most two batches of 512"),
        (100, 512, "use --batch-size 8, or more images"),
        (3, 4, "use --batch-size 2, or more images"),
    ],
)
def test_too_few_images_for_the_batch_are_named_with_a_batch_that_fits(images, batch, words):
    (line,) = cautions(config(batch), pool(images))
    assert words in line


def test_enough_images_of_their_own_are_no_reason_for_caution():
    assert cautions(config(8), pool(16)) == []


def test_held_out_images_that_are_trained_on_are_counted():
    (line,) = cautions(config(8), pool(16, copied=3))
    assert line.startswith("3 of 4 held-out images are copies of training images") and "holdfast inspect photos" in line
    assert cautions(config(8), pool(16, held_out=0)) == []


def test_cautions_come_before_the_run_starts(tmp_path):
    heard = []

    def listen(event):
        heard.append(event["kind"])
        if event["kind"] == "caution":
            assert not (tmp_path / "run").exists()

    settings = {"limit": 40, "image_size": 8, "encoder": "timm/test_resnet", "epochs": 1, "signals_every": 0}
    train(RunConfig(method=SimCLRConfig(), batch_size=64, precision="32", **settings), tmp_path / "run", listen=listen)
    assert heard.index("caution") < heard.index("start")


def test_what_chunks_do_to_batch_norms_is_said():
    (line,) = cautions(replace(config(8), chunk=4), pool(16))
    assert line.startswith("--chunk 4: batch norms")
