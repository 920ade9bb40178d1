"""AutoAttack image by image against pyautoattack 0.2.0, which holds the official attack files."""

from functools import cache

import pytest
import torch
from small_classifier import faint_digits, small_classifier
from torch import Tensor

from holdfast.attacks import auto_attack

pytestmark = pytest.mark.slow
BALLS = {"linf": 8 / 255, "l2": 0.5}
ALONE = {"apgd-ce": 0.98, "apgd-dlr": 0.98, "apgd-t": 0.995, "fab": 0.98, "fab-t": 0.995, "square": 0.98}
"""By attack: the least share of equal verdicts; the reference itself differs so much between its seeds."""

EPOCHS = {2: 30, 3: 40, 4: 40, 10: 6, 100: 24}
"""By number of classes: so many that the network withstands a part of what it gets right."""


def subjects(classes: int) -> tuple[torch.nn.Module, Tensor, Tensor]:
    """The network and 200 images: of 16 pixels, at a quarter of the cost, where classes are what is tested."""
    size = 32 if classes == 10 else 16
    network = small_classifier(classes, size=size, epochs=EPOCHS[classes])
    images, labels = faint_digits(min(classes, 10), size=size)
    return network, images[:200], labels[:200]


@cache
def official(norm: str, classes: int, *attacks: str) -> Tensor:
    """Bool [n]: what the official code leaves right."""
    pyautoattack = pytest.importorskip("pyautoattack")
    network, images, labels = subjects(classes)
    with torch.random.fork_rng(devices=[]):
        adversary = pyautoattack.AutoAttack(
            network, norm={"linf": "Linf", "l2": "L2"}[norm], eps=BALLS[norm], seed=0, version="custom",
            attacks=list(attacks),
        )  # fmt: skip
        adversary.apgd.n_restarts = adversary.fab.n_restarts = 1
        for attack in (adversary.apgd_targeted, adversary.fab):
            attack.n_target_classes = min(9, classes - 1)
        moved, _ = adversary.run_standard_evaluation(images, labels, batch_size=200)
    for parameter in network.parameters():
        parameter.grad = None
    with torch.no_grad():
        return network(moved).argmax(1) == labels


def compared(norm: str, classes: int, *attacks: str) -> tuple[float, float]:
    """(share of equal verdicts, points by which we leave more right)."""
    network, images, labels = subjects(classes)
    theirs = official(norm, classes, *attacks)
    ours = ~auto_attack(network, images, labels, eps=BALLS[norm], norm=norm, attacks=attacks, batch_size=512).broken
    return float((ours == theirs).double().mean()), 100 * int(ours.sum() - theirs.sum()) / len(ours)


def test_the_network_withstands_a_part_of_what_it_gets_right():
    network, images, labels = subjects(10)
    right = network(images).argmax(1) == labels
    left = official("linf", 10, "apgd-ce")
    assert 0.2 * right.sum() <= left.sum() <= 0.6 * right.sum()


@pytest.mark.parametrize("norm", BALLS)
@pytest.mark.parametrize("attack", ALONE)
def test_each_attack_alone_gives_the_official_verdicts(attack, norm):
    equal, above = compared(norm, 10, attack)
    assert equal >= ALONE[attack]
    assert above <= 0.5


@pytest.mark.parametrize("norm", BALLS)
def test_the_standard_ensemble_gives_the_official_verdicts(norm):
    equal, above = compared(norm, 10, "apgd-ce", "apgd-t", "fab-t", "square")
    assert equal >= 0.995
    assert above <= 0.5


@pytest.mark.parametrize("classes", [4, 100])
def test_few_and_many_classes_give_the_official_verdicts(classes):
    equal, above = compared("linf", classes, "apgd-ce", "apgd-t", "fab-t", "square")
    assert equal >= 0.995
    assert above <= 0.5


@pytest.mark.parametrize("classes", [2, 3])
def test_where_the_official_targeted_dlr_fails_the_other_attacks_agree(classes):
    equal, above = compared("linf", classes, "apgd-ce", "fab-t", "square")
    assert equal >= 0.995
    assert above <= 0.5
    network, images, labels = subjects(classes)
    whole = auto_attack(network, images, labels, eps=BALLS["linf"])
    assert float((~whole.broken).double().mean()) <= float(
        official("linf", classes, "apgd-ce", "fab-t").double().mean()
    )
