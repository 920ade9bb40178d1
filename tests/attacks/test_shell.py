from dataclasses import dataclass

import pytest
import torch
from torch import nn

from holdfast.attacks import ATTACKS, AttackCheckpoint, Means, Pgd, Trial, aimed, margin, run, untargeted
from holdfast.attacks.lp import length

IMAGES = torch.rand(30, 3, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
IDS = 100 + torch.arange(30).flip(0)
MEANS = Means(step=0.02, steps=6, restarts=2, queries=25)
PGD = Pgd(step=0.02, steps=6, restarts=2)
every_attack = pytest.mark.parametrize("attack", [entry.make(MEANS) for entry in ATTACKS.values()], ids=ATTACKS)
every_norm = pytest.mark.parametrize(("norm", "eps"), [("linf", 0.04), ("l2", 0.2)])


def network() -> nn.Module:
    layers = nn.Sequential(nn.Conv2d(3, 6, 3), nn.Tanh(), nn.Flatten(), nn.Linear(24, 4)).double()
    generator = torch.Generator().manual_seed(1)
    for parameter in layers.parameters():
        nn.init.normal_(parameter, generator=generator)
    return layers


MODEL = network()
LABELS = MODEL(IMAGES).argmax(1)


def attacked(attack, **options):
    options = {"eps": 0.04, "ids": IDS, "keep_images": True, **options}
    return run(attack, options.pop("goal", untargeted(MODEL, LABELS)), options.pop("images", IMAGES), **options)


@dataclass
class Cheat:
    """Paints noise far outside the budget and says that it was right."""

    def search(self, problem):
        yield Trial(torch.rand_like(problem.images) * 9 - 4, -problem.goal.model(problem.images))


@every_attack
@every_norm
def test_attacked_images_are_inside_the_ball_and_the_pixel_range(attack, norm, eps):
    images = attacked(attack, norm=norm, eps=eps).images
    assert images.aminmax().min >= 0
    assert images.aminmax().max <= 1
    assert length(images - IMAGES, norm).max() <= eps + 1e-12


@every_attack
@every_norm
def test_what_is_called_broken_is_broken_and_its_margin_is_the_models(attack, norm, eps):
    found = attacked(attack, norm=norm, eps=eps)
    logits = MODEL(found.images)
    assert 0 < found.broken.sum() < 30
    assert torch.equal(logits.argmax(1) != LABELS, found.broken)
    others = logits.scatter(1, LABELS[:, None], -torch.inf).amax(1)
    torch.testing.assert_close(found.margin, others - logits.gather(1, LABELS[:, None])[:, 0])
    assert torch.equal(found.iteration >= 0, found.broken)


def test_an_attack_cannot_overstate_itself():
    found = attacked(Cheat())
    assert length(found.images - IMAGES, "linf").max() <= 0.04 + 1e-12
    assert torch.equal(MODEL(found.images).argmax(1) != LABELS, found.broken)
    assert not run(Cheat(), untargeted(MODEL, LABELS), IMAGES, eps=0).broken.any()


@every_attack
@every_norm
def test_verdicts_do_not_depend_on_batch_size_or_order(attack, norm, eps):
    whole, order = attacked(attack, norm=norm, eps=eps, batch_size=30), torch.randperm(30)
    for part in (attacked(attack, norm=norm, eps=eps, batch_size=size) for size in (1, 7)):
        assert torch.equal(part.broken, whole.broken)
        assert torch.equal(part.iteration, whole.iteration)
        torch.testing.assert_close(part.images, whole.images, rtol=0, atol=1e-9)
    mixed = attacked(
        attack, norm=norm, eps=eps, goal=untargeted(MODEL, LABELS[order]), images=IMAGES[order], ids=IDS[order]
    )
    assert torch.equal(mixed.broken, whole.broken[order])
    assert torch.equal(mixed.ids, IDS[order])


@every_attack
def test_a_zero_budget_changes_nothing_and_breaks_only_what_is_wrong_already(attack):
    labels = torch.where(torch.arange(30) % 3 == 0, (LABELS + 1) % 4, LABELS)
    found = attacked(attack, goal=untargeted(MODEL, labels), eps=0)
    assert torch.equal(found.images, IMAGES)
    assert torch.equal(found.broken, labels != LABELS)
    assert set(found.iteration[found.broken].tolist()) == {0}


@every_attack
def test_broken_images_leave_the_batch_at_once(attack):
    asked = []

    def counted(images):
        asked.append(len(images))
        return MODEL(images)

    found = attacked(attack, goal=untargeted(counted, LABELS), eps=0.2)
    whole = {entry.make(MEANS): sum(entry.passes(MEANS)) for entry in ATTACKS.values()}[attack]
    spent = torch.where(found.broken, found.iteration + 1, whole)
    retests = found.broken.sum()
    assert sum(asked) == spent.sum() + retests


@every_attack
def test_the_margin_attack_and_the_aimed_attack_break_images_too(attack):
    assert attacked(attack, goal=untargeted(MODEL, LABELS, margin), eps=0.1).broken.any()
    targets = (LABELS + 1) % 4
    found = attacked(attack, goal=aimed(MODEL, targets), eps=0.2)
    assert found.broken.any()
    assert torch.equal(MODEL(found.images).argmax(1) == targets, found.broken)


def interrupted(attack, checkpoint, after: int):
    def on_progress(done, _):
        if done >= after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attacked(attack, batch_size=4, checkpoint=checkpoint, on_progress=on_progress)


@every_attack
def test_an_interrupted_attack_goes_on_where_it_stopped(attack, tmp_path):
    checkpoint = AttackCheckpoint(tmp_path / "deep" / "pgd.safetensors", "same")
    interrupted(attack, checkpoint, after=12)
    assert len(checkpoint.load()["ids"]) == 12
    asked = []

    def counted(images):
        asked.append(len(images))
        return MODEL(images)

    told = []
    resumed = attacked(
        attack,
        goal=untargeted(counted, LABELS),
        checkpoint=checkpoint,
        batch_size=9,
        on_progress=lambda *x: told.append(x),
    )
    whole = attacked(attack)
    for name, column in whole.columns().items():
        torch.testing.assert_close(resumed.columns()[name], column, rtol=0, atol=1e-9)
    assert max(asked) <= 9
    assert told == [(21, 30), (30, 30)]
    asked.clear()
    attacked(attack, goal=untargeted(counted, LABELS), checkpoint=checkpoint)
    assert not asked


def test_progress_of_another_audit_counts_for_nothing(tmp_path):
    interrupted(PGD, AttackCheckpoint(tmp_path / "pgd.safetensors", "one encoder"), after=12)
    assert AttackCheckpoint(tmp_path / "pgd.safetensors", "another encoder").load() == {}


def test_no_images_are_attacked_without_complaint():
    found = attacked(PGD, goal=untargeted(MODEL, LABELS[:0]), images=IMAGES[:0], ids=IDS[:0])
    assert len(found.broken) == 0


def test_bytes_are_attacked_as_the_floats_that_they_stand_for():
    pixels = (IMAGES * 255).to(torch.uint8)
    model = network().float()
    labels = model(pixels.float() / 255).argmax(1)
    found = [
        run(PGD, untargeted(model, labels), images, eps=0.04, keep_images=True)
        for images in (pixels, pixels.float() / 255)
    ]
    assert torch.equal(found[0].images, found[1].images)
    assert found[0].images.dtype == torch.float32
    with pytest.raises(ValueError, match="divide by 255"):
        run(PGD, untargeted(model, labels), pixels.float(), eps=0.04)
