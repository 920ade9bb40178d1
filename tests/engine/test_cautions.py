"""What is said before a run starts, and that it is said before anything is written."""

import re
from dataclasses import replace

import pytest
import torch

from holdfast.config import RunConfig
from holdfast.data import Images
from holdfast.data.pool import Pool
from holdfast.engine import loop, train
from holdfast.engine.cautions import cautions
from holdfast.evaluation.signals import knn_in_folds
from holdfast.methods import METHODS, PRESETS, SimCLRConfig, default_config, fitting_lr, with_settings


def pool(train_images: int, *, copied: int = 0, held_out: int = 32) -> Pool:
    count = train_images + held_out
    pixels = torch.randint(0, 256, (count, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    pixels[train_images : train_images + copied] = pixels[:copied]
    ids = torch.arange(count)
    return Pool(Images(pixels, ids, source="photos"), ids[:train_images], ids[train_images:], None, None, 0)


def config(batch_size: int) -> RunConfig:
    return RunConfig(method=SimCLRConfig(), batch_size=batch_size, lr=0.001 * batch_size)


@pytest.mark.parametrize(
    ("changes", "fitting"), [({}, None), ({"batch_size": 128}, None), ({"batch_size": 16}, 0.0156)]
)
def test_a_learning_rate_that_does_not_fit_the_batch_comes_with_one_that_does(changes, fitting):
    given = RunConfig(method=SimCLRConfig(), **changes)
    assert fitting_lr(given) == fitting
    said = [line for line in cautions(given, pool(2000)) if "--lr" in line]
    assert len(said) == (fitting is not None)
    assert all("--lr 0.5 is high for a batch of 16" in line and line.endswith("try --lr 0.0156") for line in said)


def test_the_learning_rate_of_every_default_fits_its_batch():
    for name in (*METHODS, *PRESETS):
        assert fitting_lr(default_config(name)) is None
    assert fitting_lr(RunConfig(method=SimCLRConfig(), optimizer="adamw", batch_size=2)) is None


@pytest.mark.parametrize(
    ("images", "batch", "words"),
    [
        (100, 512, "100 training images are at most one batch of 512"),
        (800, 512, "800 training images are at most two batches of 512"),
        (100, 512, "use --batch-size 8 --lr 0.00781, or more images"),
        (3, 4, "use --batch-size 2, or more images"),
    ],
)
def test_too_few_images_for_the_batch_are_named_with_a_batch_that_fits(images, batch, words):
    (line,) = cautions(config(batch), pool(images))
    assert words in line


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        ([0] * 4 + [1] * 4, "0 of 8 images are of a class with 5 or more among them, in 0 classes"),
        ([0] * 7 + [1] * 3, "7 of 10 images are of a class with 5 or more among them, in 1 class:"),
        ([0] * 5 + [1] * 5, None),
    ],
)
def test_signals_without_neighbours_say_so_and_why(classes, said):
    few, labels = pool(64, held_out=len(classes)), torch.tensor([0] * 64 + classes)
    few = replace(few, images=replace(few.images, labels=labels, classes=("a", "b")))
    lines = [line for line in cautions(config(8), few) if "kNN" in line]
    assert (knn_in_folds(torch.randn(len(classes), 3), labels[64:]) is None) == bool(said)
    assert len(lines) == bool(said) and all(said in line and "--holdout" in line for line in lines)


def test_enough_images_of_their_own_are_no_reason_for_caution():
    assert cautions(config(8), pool(16)) == []


@pytest.mark.parametrize("name", [name for name in METHODS if METHODS[name].purpose == "attacks"])
def test_a_robust_method_without_an_adversary_is_said_to_see_its_clean_views_twice(name):
    known = default_config(name)
    assert [line for line in cautions(known, pool(2000)) if "--adversary" in line] == []
    (line,) = [line for line in cautions(replace(known, parts=()), pool(2000)) if "--adversary" in line]
    assert line.startswith(f"{name} without --adversary: ") and line.endswith("add --adversary pgd:5")


def test_held_out_images_that_are_trained_on_are_counted():
    (line,) = cautions(config(8), pool(16, copied=3))
    assert (
        line.startswith("3 of 32 held-out images are copies of training images") and "holdfast inspect photos" in line
    )
    assert cautions(config(8), pool(32, held_out=0)) == []


def test_signals_of_few_images_are_said_to_be_of_few():
    (line,) = cautions(config(8), pool(160, held_out=4))
    assert line.startswith("live signals are of 4 images, too few") and line.endswith("--holdout 32")
    assert cautions(config(8), pool(16, held_out=4))[0].endswith("train on more images")
    assert cautions(replace(config(8), signals_every=0), pool(16, held_out=4)) == []


@pytest.mark.parametrize(("held_out", "said"), [(40, 2), (31, 0)])
def test_a_run_near_collapse_is_called_one_where_the_images_are_enough(tmp_path, monkeypatch, held_out, said):
    flat = {"alignment": 0.01, "uniformity": -0.001, "effective_rank": 1.1, "feature_std": 0.012}
    monkeypatch.setattr(loop, "live_signals", lambda *given, **more: flat)
    heard = []
    settings = {"limit": 90, "holdout": held_out, "image_size": 8, "encoder": "timm/test_resnet", "epochs": 2}
    config = RunConfig(method=SimCLRConfig(), batch_size=20, precision="32", signals_every=1, lr=0.02, **settings)
    train(config, tmp_path / "run", listen=heard.append)
    lines = [event["text"] for event in heard if event["kind"] == "caution" and "near collapse" in event["text"]]
    assert len(lines) == said
    if said:
        assert "(feature std 0.012, effective rank 1.1), as with random weights" in lines[0]
        assert "this encoder tells images hardly apart" in lines[1]


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


def test_a_method_without_its_teacher_is_refused_before_anything_else_is_said(tmp_path):
    said = []
    lacking = replace(default_config("dynacl++"), data="digits", limit=40, image_size=8, encoder="timm/test_resnet")
    with pytest.raises(ValueError, match="--teacher RUN"):
        train(lacking, tmp_path / "run", listen=said.append)
    assert [event for event in said if event["kind"] in ("caution", "note")] == []


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("ts", {"epochs": 40}, "comes down to 0.92 and not to 0.1; use a period that the run holds, as in cosine:38"),
        ("ts", {"epochs": 40, "temperature_schedule": "cosine:78"}, None),
        ("dynacl", {"epochs": 40}, "so no view is weakened; use steps:2, or more epochs"),
        ("dynacl", {"epochs": 51}, None),
        (
            "fnc",
            {"epochs": 21},
            "2 % of the other images are cancelled in the end and not 10 %; use --cancel-epochs 10 or more epochs",
        ),
        ("fnc", {"epochs": 101}, None),
        (
            "ts",
            {"epochs": 40, "temperature_schedule": "cosine:1"},
            "comes down to 1.00 and not to 0.1; use a period",
        ),
        ("ts", {"epochs": 40, "temperature_schedule": "cosine:3"}, "comes down to 0.32 and not to 0.1"),
        ("ts", {"epochs": 1}, "comes down to 1.00 and not to 0.1; use more epochs"),
        ("dynacl", {"epochs": 1}, "so no view is weakened; use more epochs"),
        (
            "gh",
            {"epochs": 20},
            "stay even, so frequent groups get no more room than rare ones; use --harmonize-refresh 5",
        ),
        ("gh", {"epochs": 21}, None),
        ("gh", {"epochs": 4, "harmonize_start": 0.9}, "no epoch is left for the term; use --harmonize-start 0.5"),
        ("dino", {"epochs": 1}, "the prototypes stay as they were drawn to the end; use --frozen-epochs 0"),
        ("dino", {"epochs": 2}, None),
        ("bcl-d", {"epochs": 1}, "--memory-augment bcl-d:2 with --epochs 1: no image has a loss"),
        ("bcl-d", {"epochs": 2}, None),
    ],
)
def test_a_schedule_that_the_run_is_too_short_for_is_said_with_what_fits(name, changes, said):
    found = [
        line for line in cautions(with_settings(default_config(name), **changes), pool(2000)) if "--epochs" in line
    ]
    assert len(found) == (said is not None) and all(str(said) in line for line in found)


def test_no_default_is_too_short_for_its_own_schedules():
    for name in (*METHODS, *PRESETS):
        config = default_config(name)
        chosen = [part for part in config.parts if part.chosen is not None]
        assert [one.caution(config) for one in (config.method, *chosen)] == [None] * (1 + len(chosen))


@pytest.mark.parametrize("name", ["ts", "dynacl", "gh", "fnc"])
@pytest.mark.parametrize("epochs", [1, 2, 3, 4, 7, 20])
def test_what_a_caution_says_to_use_fits_the_run(name, epochs):
    config = with_settings(default_config(name), epochs=epochs)
    parts = [config.method, *(part for part in config.parts if part.chosen is not None)]
    line = next(filter(None, (part.caution(config) for part in parts)))
    flags = {
        "ts": "temperature_schedule",
        "dynacl": "strength_schedule",
        "gh": "harmonize_refresh",
        "fnc": "cancel_epochs",
    }
    found = re.search(r"use .*?((?:cosine|steps):\d+|\d+)", line)
    assert (found is None) == (epochs == 1)
    if found is not None:
        value = found[1] if ":" in found[1] else int(found[1])
        fitting = (
            replace(config, method=replace(config.method, cancel_epochs=value))
            if name == "fnc"
            else with_settings(config, **{flags[name]: value})
        )
        assert [one.caution(fitting) for one in (fitting.method, *fitting.parts)] == [None] * (1 + len(fitting.parts))


def test_a_run_of_one_step_and_views_without_shape_are_said():
    (line,) = cautions(replace(config(64), epochs=1), pool(40))
    assert "much the same others every time; the whole run is one step at --lr-end 1e-06, which changes next to" in line
    assert "contrast" not in line
    (line,) = cautions(replace(config(8), image_size=4), pool(16))
    assert line == "views of 4 pixels a side hold hardly a shape; leave --image-size out, or use --image-size 32"
