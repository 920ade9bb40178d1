"""`auto_attack` on a plain classifier: verdicts, refusals, and going on after a kill."""

import importlib
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from holdfast.attacks import VERSIONS, auto_attack, listing
from holdfast.attacks.lp import length

MODULE = importlib.import_module("holdfast.attacks.auto_attack")  # the package's attribute is the function
IMAGES = torch.rand(24, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def network(classes: int = 5) -> nn.Module:
    layers = nn.Sequential(nn.Conv2d(3, 6, 3), nn.Tanh(), nn.Flatten(), nn.Linear(216, classes))
    generator = torch.Generator().manual_seed(1)
    for parameter in layers.parameters():
        nn.init.normal_(parameter, std=0.3, generator=generator)
    return layers.eval()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Fewer steps and queries than AutoAttack's."""
    means = listing.Means
    monkeypatch.setattr(MODULE, "Means", lambda **given: means(iterations=12, queries=40, **given))


def attacked(model: nn.Module, images=IMAGES, labels=None, **options):
    labels = model(images).argmax(1) if labels is None else labels
    return auto_attack(model, images, labels, **{"eps": 4 / 255, "keep_images": True, **options})


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("norm", "eps"), [("linf", 2 / 255), ("l2", 0.12)])
def test_what_is_called_broken_is_broken_within_the_budget_and_named(version, norm, eps):
    model = network()
    labels = model(IMAGES).argmax(1)
    labels[0] = (labels[0] + 1) % 5
    found = attacked(model, labels=labels, version=version, norm=norm, eps=eps)
    assert 1 < found.broken.sum() < 24
    assert torch.equal(model(found.images).argmax(1) != labels, found.broken)
    assert length(found.images - IMAGES, norm).max() <= eps + 1e-6
    assert found.by[0] == "clean"
    assert {by for by, broken in zip(found.by, found.broken, strict=True) if broken} <= {"clean", *VERSIONS[version]}
    assert (found.by[~found.broken.numpy()] == "").all()
    assert torch.equal(found.images[~found.broken], IMAGES[~found.broken])


@pytest.mark.parametrize("classes", [2, 3, 4, 12])
def test_few_classes_are_attacked_too(classes):
    found = attacked(network(classes), eps=8 / 255)
    assert found.broken.any()


def test_verdicts_do_not_depend_on_batch_size_or_order():
    model, ids = network().double(), torch.arange(24)
    images, order = IMAGES.double(), torch.randperm(24, generator=torch.Generator().manual_seed(3))
    whole = attacked(model, images, eps=2 / 255)
    small = attacked(model, images, eps=2 / 255, batch_size=5)
    mixed = attacked(model, images[order], eps=2 / 255, ids=ids[order])
    assert torch.equal(whole.broken, small.broken)
    assert whole.by.tolist() == small.by.tolist()
    assert torch.equal(mixed.broken, whole.broken[order])


class Noisy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = network()

    def forward(self, images):
        return self.inner(images) + 0.1 * torch.randn(len(images), 5)


@pytest.mark.parametrize(
    ("model", "images", "labels", "words"),
    [
        (network(), IMAGES * 255, None, "divide by 255"),
        (network(), IMAGES * 4 - 2, None, "move normalisation"),
        (network().train(), IMAGES, None, "call model.eval"),
        (nn.Sequential(network(), nn.Softmax(1)).eval(), IMAGES, None, "leave the last softmax out"),
        (Noisy().eval(), IMAGES, torch.zeros(24).long(), "version='rand'"),
        (network(1), IMAGES, torch.zeros(24).long(), "one logit per class"),
        (network(3), IMAGES, torch.full((24,), 7), "number the classes"),
        (network(), IMAGES, torch.zeros(23).long(), r"integer labels \[24\]"),
        (nn.Sequential(nn.Conv2d(3, 4, 3)).eval(), IMAGES, torch.zeros(24).long(), "a row for each image"),
    ],
)
def test_what_would_make_the_verdicts_mean_nothing_is_refused_with_the_remedy(model, images, labels, words):
    labels = torch.zeros(24).long() if labels is None else labels
    with pytest.raises(ValueError, match=words):
        auto_attack(model, images, labels, eps=8 / 255)


def test_a_model_that_draws_at_random_is_attacked_as_such():
    found = auto_attack(Noisy().eval(), IMAGES[:6], torch.zeros(6).long(), eps=8 / 255, version="rand")
    assert set(found.by) <= {"", "clean", "apgd-ce", "apgd-dlr"}


@pytest.mark.parametrize(("option", "words"), [({"version": "best"}, "standard"), ({"attacks": ("pdg",)}, "pgd")])
def test_a_name_that_is_none_is_refused(option, words):
    with pytest.raises(ValueError, match=words):
        auto_attack(network(), IMAGES, torch.zeros(24).long(), eps=8 / 255, **option)


KILLED = """
import sys, time, torch
sys.path.insert(0, {tests!r})
import test_auto_attack as here
from holdfast.attacks import shell
shell.SAVED_AFTER = 0.0
from pathlib import Path
from holdfast.attacks import auto_attack
model = here.network()
def slow(images):
    time.sleep(0.02)
    return model(images)
labels = model(here.IMAGES).argmax(1)
attacks = ("apgd-ce", "apgd-dlr")
auto_attack(slow, here.IMAGES, labels, eps=2 / 255, batch_size=6, attacks=attacks, unfinished=Path({folder!r}))
"""


def test_a_killed_call_goes_on_to_the_same_verdicts(tmp_path):
    code = textwrap.dedent(KILLED.format(tests=str(Path(__file__).parent), folder=str(tmp_path)))
    process = subprocess.Popen([sys.executable, "-c", code])
    for _ in range(600):
        if (tmp_path / "apgd-ce.safetensors").is_file():
            break
        time.sleep(0.1)
    process.kill()  # SIGKILL: nothing is cleaned up
    process.wait()
    assert (tmp_path / "apgd-ce.safetensors").is_file()
    model, asked = network(), [0]

    def counted(images):
        asked[0] += len(images)
        return model(images)

    labels = model(IMAGES).argmax(1)
    options = {"eps": 2 / 255, "batch_size": 6, "attacks": ("apgd-ce", "apgd-dlr")}
    with pytest.MonkeyPatch.context() as patch:  # the killed call had AutoAttack's own means
        patch.setattr(MODULE, "Means", listing.Means)
        resumed = auto_attack(counted, IMAGES, labels, unfinished=tmp_path, **options)
        spent = asked[0]
        asked[0] = 0
        whole = auto_attack(counted, IMAGES, labels, **options)
    assert torch.equal(resumed.broken, whole.broken)
    assert resumed.by.tolist() == whole.by.tolist()
    assert spent < asked[0]
