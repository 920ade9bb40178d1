"""What is attacked: a network fine-tuned on attacked images, and one that computes in half precision."""

import copy

import pytest
import torch
from torch import nn
from toy_audits import ReadsTheClass, small_network, toy_images

from holdfast.attacks import AttackCheckpoint, Pgd, cross_entropy, log_odds, run, untargeted
from holdfast.audits import audit
from holdfast.data import Images
from holdfast.evaluation import encoder_checksum, extract_features, fit_probe
from holdfast.evaluation.probes import HeadSchedule, classifier, features_of, fine_tuned

IMAGES = toy_images((24, 24))
SCHEDULE = HeadSchedule(phases=(("attacked", 30),), lr=0.02, batch_size=24, steps=2)
QUICK = {"auto_attack": "none", "attack_steps": 3, "attack_restarts": 0, "square_images": 0, "drift_images": 0}
QUICK |= {"attack_eps": ("8/255",), "corruption_images": 0, "attack_images": 40, "axes": ["robustness"]}


def start(encoder):
    return fit_probe(extract_features(encoder, IMAGES), IMAGES.labels, classes=2)


def attacked_loss(encoder, head) -> float:
    model = classifier(features_of(encoder.eval()), head)
    goal = untargeted(model, IMAGES.labels, log_odds)
    found = run(Pgd(step_length=0.01, steps=3), goal, IMAGES.pixels, eps=8 / 255, keep_images=True)
    return float(cross_entropy(model(found.images), IMAGES.labels).mean().detach())


def test_fine_tuning_lowers_the_loss_under_attack_and_leaves_the_encoder_alone():
    encoder = small_network()
    before, head = copy.deepcopy(encoder.state_dict()), start(encoder)
    tuned, tuned_head = fine_tuned(encoder, IMAGES, start=head, schedule=SCHEDULE)
    assert attacked_loss(tuned, tuned_head) < 0.95 * attacked_loss(copy.deepcopy(encoder), head)
    assert encoder.training
    for name, value in encoder.state_dict().items():
        assert torch.equal(value, before[name]), name
    moved = {name for name, value in tuned.state_dict().items() if not torch.equal(value, before[name])}
    assert moved == {"0.weight", "0.bias", "1.weight", "1.bias"}, "running statistics are kept"


def test_fine_tuning_goes_on_where_it_was_saved(tmp_path):
    class Stopped(Exception):
        pass

    def stop(done, _):
        if done == 60:
            raise Stopped

    encoder = small_network()
    schedule = SCHEDULE.of_length(65)
    options = {"start": start(encoder), "schedule": schedule}
    kept = AttackCheckpoint(tmp_path / "state.safetensors", "same")
    with pytest.raises(Stopped):
        fine_tuned(encoder, IMAGES, checkpoint=kept, on_progress=stop, **options)
    steps = []
    tuned, head = fine_tuned(
        encoder, IMAGES, checkpoint=kept, on_progress=lambda done, _: steps.append(done), **options
    )
    whole, whole_head = fine_tuned(encoder, IMAGES, **options)
    assert steps[0] == 51
    assert torch.equal(head.weight, whole_head.weight)
    assert all(torch.equal(a, b) for a, b in zip(tuned.parameters(), whole.parameters(), strict=True))


class WithoutWeights(nn.Module):
    def forward(self, images):
        return images.mean((2, 3))


class Exported(nn.Module):
    """Weights that no gradient reaches."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = small_network()

    def forward(self, images):
        with torch.no_grad():
            return self.inner(images)


@pytest.mark.parametrize(
    ("encoder", "words"), [(WithoutWeights(), "without; take"), (Exported(), "no gradient reaches")]
)
def test_an_encoder_that_cannot_be_fine_tuned_is_refused_with_the_remedy(encoder, words):
    with pytest.raises(ValueError, match=words):
        fine_tuned(encoder, IMAGES, start=start(encoder), schedule=SCHEDULE)


def test_images_without_labels_cannot_be_fine_tuned_on():
    pixels = toy_images().pixels
    with pytest.raises(ValueError, match="expected labelled images to fine-tune on"):
        audit(small_network(), Images.of(pixels), test=Images.of(pixels[:40], None), attack_head="aff", **QUICK)


def test_a_finding_of_a_fine_tuned_network_is_still_the_encoders():
    options = {**QUICK, "validation_ids": torch.arange(0, 175, 5), "attack_head": "aff", "head_steps": 3}
    (finding,) = audit(small_network(), toy_images(), test=toy_images(seed=1), **options)
    assert finding.settings["encoder_checksum"] == encoder_checksum(small_network())


class FooledInHalfPrecision(nn.Module):
    """Reads the class, which no attack changes; under autocast it reads the mean red, which any does."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = ReadsTheClass()

    def forward(self, images):
        features = self.inner(images)
        if not torch.is_autocast_enabled("cpu"):
            return features
        return features - 50 * (images - (images.detach() * 255).round() / 255).abs().sum((1, 2, 3))[:, None]


def test_what_half_precision_alone_calls_broken_is_not():
    (finding,) = audit(FooledInHalfPrecision(), toy_images(), test=toy_images(seed=1), precision="bf16", **QUICK)
    assert finding["robust_accuracy_8_255"].value == finding["clean_accuracy"].value == 100
    assert finding.settings["success_tested_in"] == "float32"
