from dataclasses import dataclass

import pytest
import torch
from torch import nn

from holdfast.attacks import ATTACKS, AttackCheckpoint, Fab, Means, Pgd, Trial, aimed, margin, run, shell, untargeted
from holdfast.attacks.lp import length

IMAGES = torch.rand(30, 3, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
IDS = 100 + torch.arange(30).flip(0)
MEANS = Means(step_length=0.02, steps=6, restarts=2, queries=25, iterations=8, targets=2, classes=4)
PGD = Pgd(step_length=0.02, steps=6, restarts=2)
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

    variants, refills = 1, False

    def start(self, problem):
        return {"images": problem.images}

    def step(self, problem, state):
        images = torch.rand_like(problem.images) * 9 - 4
        done = torch.ones(len(images), dtype=torch.bool)
        return Trial(images, -problem.goal.model(problem.images), done=done), state


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
    known = found.margin > -torch.inf  # FAB offers only what lies within the budget
    assert known[found.broken].all()
    torch.testing.assert_close(found.margin[known], (others - logits.gather(1, LABELS[:, None])[:, 0])[known])
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
    assert not found.broken[labels == LABELS].any()
    if not isinstance(attack, Fab):  # which never asks about the image itself
        assert found.broken[labels != LABELS].all()
        assert set(found.iteration[found.broken].tolist()) == {0}


@every_attack
def test_broken_images_leave_the_batch_at_once(attack):
    asked = []

    def counted(images):
        asked.append(len(images))
        return MODEL(images)

    found = attacked(attack, goal=untargeted(counted, LABELS), eps=0.2)
    entry = next(entry for entry in ATTACKS.values() if entry.make(MEANS) == attack)
    whole, retests = sum(entry.passes(MEANS)), found.broken.sum()
    if attack.variants == 1 and not isinstance(attack, Fab):
        assert sum(asked) == torch.where(found.broken, found.iteration + 1, whole).sum() + retests
    else:
        assert sum(asked) < whole * (30 - 0.5 * found.broken.sum())


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
def test_an_interrupted_attack_goes_on_where_it_stopped(attack, tmp_path, monkeypatch):
    monkeypatch.setattr(shell, "SAVED_AFTER", 0.0)
    checkpoint = AttackCheckpoint(tmp_path / "deep" / "pgd.safetensors", "same")
    interrupted(attack, checkpoint, after=12)
    before = len(checkpoint.load()["ids"])
    assert 12 <= before < 30
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
    assert max(asked) <= max(9, attack.variants)
    assert told[0][0] > before
    assert told[-1] == (30, 30)
    asked.clear()
    attacked(attack, goal=untargeted(counted, LABELS), checkpoint=checkpoint)
    assert not asked


def test_the_rows_of_an_image_leave_together_and_others_take_their_place():
    sizes = []

    def counted(images):
        sizes.append(len(images))
        return MODEL(images)

    found = attacked(ATTACKS["apgd-t"].make(MEANS), goal=untargeted(counted, LABELS), eps=0.2, batch_size=8)
    assert found.broken.sum() > 10
    assert sum(size >= 6 for size in sizes) > 4
    assert max(sizes) <= 8


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
