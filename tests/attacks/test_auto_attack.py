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


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_a_model_of_another_precision_is_refused_until_it_is_wrapped(dtype):
    model, labels = network().to(dtype), torch.zeros(24).long()
    with pytest.raises(ValueError, match=r"call model.float\(\), or give lambda images: model"):
        auto_attack(model, IMAGES, labels, eps=8 / 255)
    found = attacked(
        lambda images: model(images.to(dtype)).float(), judge=network(), labels=network()(IMAGES).argmax(1)
    )
    assert found.broken.any()
    assert (network()(found.images[found.broken]).argmax(1) != network()(IMAGES[found.broken]).argmax(1)).all()


def test_images_in_half_precision_are_refused():
    with pytest.raises(ValueError, match=r"expected images in float32, got torch.float16; give images.float"):
        auto_attack(network().half(), IMAGES.half(), torch.zeros(24).long(), eps=8 / 255)


def test_gradients_are_taken_under_no_grad_and_asked_for_under_inference_mode():
    labels = network()(IMAGES).argmax(1)
    whole = attacked(network(), labels=labels, version="plus")
    with torch.no_grad():
        assert torch.equal(attacked(network(), labels=labels, version="plus").broken, whole.broken)
    with torch.inference_mode(), pytest.raises(ValueError, match="attack outside of it"):
        attacked(network(), labels=labels)


@pytest.mark.parametrize("times", [1e-4, 1000.0, 1e6])
def test_the_logits_scale_changes_no_verdict(times):
    model, labels = network().double(), network().double()(IMAGES.double()).argmax(1)
    plain, scaled = (
        attacked(lambda images, by=by: by * model(images), IMAGES.double(), labels, eps=2 / 255) for by in (1.0, times)
    )
    assert torch.equal(plain.broken, scaled.broken)
    assert 0 < plain.broken.sum() < 24


class Constant(nn.Module):
    def forward(self, images):
        return torch.tensor([[1.0, 2.0, 3.0]]).repeat(len(images), 1)


def test_a_constant_answer_breaks_only_where_it_is_wrong():
    labels = torch.arange(24) % 3
    found = attacked(Constant().eval(), labels=labels)
    assert torch.equal(found.broken, labels != 2)
    assert set(found.by) == {"", "clean"}


@pytest.mark.parametrize("shape", [(4, 3, 8, 14), (4, 3, 14, 8), (4, 1, 4, 4), (4, 3, 1, 1), (4, 3, 2, 30)])
@pytest.mark.parametrize(("norm", "eps"), [("linf", 1.0), ("linf", 1e-10), ("l2", 0.0), ("l2", 40.0)])
def test_images_of_any_shape_and_budgets_of_any_size_are_attacked(shape, norm, eps):
    images = torch.rand(shape, generator=torch.Generator().manual_seed(2))
    model = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(shape[1], 4)).eval()
    generator = torch.Generator().manual_seed(1)
    nn.init.normal_(model[2].weight, generator=generator)
    model[2].bias.data = -model[2].weight.detach().sum(1) / 2
    found = attacked(model, images, norm=norm, eps=eps)
    assert found.broken.all() == (eps >= 1)
    assert not found.broken.any() or eps >= 1
    assert found.images.aminmax().min >= 0
    assert length(found.images - images, norm).max() <= eps + 1e-6


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
