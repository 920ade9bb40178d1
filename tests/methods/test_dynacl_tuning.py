"""DynACL++: TRADES on the clusters of the encoder that it starts from."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest
import safetensors.torch
import torch
from ddp_workers import double_method
from small_methods import small_config, teacher_run
from torch.nn import functional as F

from holdfast.cli import main
from holdfast.config import RunConfig
from holdfast.data import load_images
from holdfast.data.batches import Batch
from holdfast.engine import train
from holdfast.evaluation.clusters import cluster
from holdfast.methods import PRESETS, build, with_settings
from holdfast.models import checksum, load_encoder
from holdfast.objectives import divergence, trades
from holdfast.runs import RunFolder


def draw(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def batch() -> Batch:
    images = torch.rand(6, 3, 12, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return Batch(images=images, ids=torch.arange(6), epoch=0)


def built(**parts: Any) -> Any:
    config = RunConfig(method=small_config("dynacl++"), encoder="timm/test_resnet")
    method = double_method(with_settings(config, **parts))
    tuned = method.innermost()
    centres = tuned.teacher(batch().images)[: tuned.clusters]
    tuned.take_clusters(centres, draw(1, *centres.shape), draw(2, tuned.clusters))
    return method


def test_trades_is_a_slow_loop_over_images_and_answers():
    clean, attacked, labels = draw(0, 4, 3), draw(1, 4, 3), [2, 0, 1, 1]
    fit, apart = 0.0, 0.0
    for i in range(4):
        p, q = (
            [math.exp(float(row[k])) / sum(math.exp(float(row[j])) for j in range(3)) for k in range(3)]
            for row in (clean[i], attacked[i])
        )
        fit -= math.log(p[labels[i]])
        apart += sum(p[k] * math.log(p[k] / q[k]) for k in range(3))
    assert float(divergence(clean, attacked)) == pytest.approx(apart / 4)
    assert float(trades(clean, attacked, torch.tensor(labels), steadiness=6.0)) == pytest.approx((fit + 6 * apart) / 4)
    assert float(divergence(clean, clean)) == pytest.approx(0, abs=1e-15)
    assert divergence(clean.bfloat16(), attacked.bfloat16()).dtype == torch.float32


def test_the_loss_is_trades_on_the_clusters_of_the_images_as_they_are_by_the_encoder_as_it_came():
    method = built()
    assert torch.equal(method.network[0].network.conv1[0].weight, method.teacher.network.network.conv1[0].weight)
    labels = method.labels(batch().images)
    features = load_encoder(teacher_run(), image_size=12).double()(batch().images)
    assert labels.tolist() == [
        int(min(range(4), key=lambda k, row=row: (row - features[k]).norm())) for row in features
    ]
    assert labels[:4].tolist() == [0, 1, 2, 3]
    views = method.views(batch())
    moved = replace(views, images=torch.stack([views.images[0], (views.images[1] + 0.1).clamp(0, 1)]))
    loss = method.loss(moved)
    expected = trades(method.network(moved.images[0]), method.network(moved.images[1]), labels, steadiness=6.0)
    torch.testing.assert_close(loss, expected)
    right = (method.network(moved.images[0]).argmax(1) == labels).double().mean()
    assert method.readings() == {"pseudo_label_accuracy": pytest.approx(100 * float(right))}
    with torch.no_grad():
        method.network[0].network.conv1[0].weight.add_(1)
    assert torch.equal(method.labels(batch().images), labels), "labels are of the encoder as it came"


def test_an_attack_climbs_the_divergence_as_in_evaluation_and_would_not_leave_the_image_without_a_random_start():
    method = built()
    views = method.views(batch())
    images = (views.images + 0.02 * draw(3, *views.images.shape)).clamp(0, 1)
    harm = method.harm(replace(views, images=images))
    method.network.eval()
    clean, attacked = (F.log_softmax(method.network(part), dim=1) for part in images)
    torch.testing.assert_close(harm, (clean.exp() * (clean - attacked)).sum(1).mean())
    still = views.images.clone().requires_grad_()
    method.harm(replace(views, images=still)).backward()
    assert still.grad is not None and float(still.grad.abs().max()) < 1e-12
    attack = {part.word: part for part in PRESETS["dynacl++"]().parts}["adversary"]
    assert (attack.chosen, attack.adversary_start) == ("pgd:10", "random")  # type: ignore[attr-defined]
    assert built(adversary="pgd:10").passes_per_image == 2 + 10


def test_a_student_of_another_network_is_refused_with_the_flags_that_fit():
    config = RunConfig(method=small_config("dynacl++", teacher="timm/test_resnet"), encoder="timm/test_resnet")
    with pytest.raises(ValueError, match="use --encoder timm/test_resnet --stem standard"):
        build(replace(config, stem="small"), image_size=16)


WORDS = (
    "--data digits --image-size 8 --encoder timm/test_resnet --batch-size 20 --precision 32 --signals-every 0".split()
)


def test_the_second_command_tunes_a_run_on_its_own_clusters_and_says_of_them(tmp_path, capsys):
    words = [*WORDS, "--limit", "60", "--holdout", "20", "--epochs", "1"]
    assert main(["train", "simclr", *words, "--out", str(tmp_path / "first")]) == 0
    again = ["train", "dynacl++", "--teacher", str(tmp_path / "first"), "--clusters", "4", "--lr", "0.01", *words]
    capsys.readouterr()
    assert main([*again, "--out", str(tmp_path / "tuned")]) == 0
    said = capsys.readouterr().out
    assert "pseudo-labels: 4 clusters of" in said and "the head tells" in said
    run = RunFolder.open(tmp_path / "tuned")
    epoch = next(row for row in map(json.loads, run.metrics.read_text().splitlines()) if row["kind"] == "epoch")
    assert "pseudo_label_accuracy" in epoch
    first, tuned = (load_encoder(tmp_path / name) for name in ("first", "tuned"))
    assert checksum(first) != checksum(tuned)


def test_centres_and_head_are_those_of_k_means_and_of_a_probe_of_the_training_images(tmp_path):
    config = RunConfig(method=small_config("dynacl++"), data="digits", limit=40, holdout=4, image_size=8, epochs=1)
    config = replace(config, encoder="timm/test_resnet", batch_size=36, lr=1e-9, warmup_epochs=0.0, signals_every=0)
    run = train(replace(config, precision="32", threads=1), tmp_path / "run")
    state = safetensors.torch.load_file(sorted(run.checkpoints.glob("*/method.safetensors"))[-1])
    ids = torch.tensor(json.loads(run.ids.read_text())["train"])
    images = load_images("digits", size=8, limit=40).select(ids)
    features = load_encoder(teacher_run(), image_size=8)(images.floats())
    found = cluster(features.detach(), 4, seed=0)
    torch.testing.assert_close(state["centres"], found.centres, rtol=1e-4, atol=1e-5)
    told = F.linear(features, state["network.1.weight"], state["network.1.bias"]).argmax(1)
    assert float((told == found.members).double().mean()) > 0.9


def test_fewer_images_than_clusters_are_refused_before_anything_is_written(tmp_path, capsys):
    words = [*WORDS[:-4], "--limit", "8", "--holdout", "0", "--teacher", teacher_run(), "--batch-size", "4"]
    assert main(["train", "dynacl++", *words, "--out", str(tmp_path / "run")]) == 2
    assert "expected 10 images or more, got 8; set --clusters lower" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_harmonization_takes_the_width_of_the_heads_answers():
    method = built(harmonize="gh:1", harmonize_classes=5, harmonize_start=0.0)
    assert method.frame.shape == (5, 4)
    assert torch.isfinite(method.loss(method.views(batch())))
