"""What holds for every attack in ATTACKS: a new one is tested by being listed."""

import importlib
import inspect
import re
from pathlib import Path
from typing import get_args

import pytest
import torch
from torch import Tensor

from holdfast.attacks import ATTACKS, HARMS, Means, Passes, run, untargeted
from holdfast.attacks.listing import Meets

DOCS = Path(__file__).parents[2] / "docs" / "attacks.md"
MEANS = Means(step_length=0.02, steps=4, restarts=2, queries=15, iterations=6, targets=2, starts=2, classes=4)
IMAGES = torch.rand(5, 3, 8, 8, generator=torch.Generator().manual_seed(0))
every_attack = pytest.mark.parametrize("name", ATTACKS)


class Unbreakable:
    """Says class 0 of any image, with a gradient; counts what it is asked."""

    def __init__(self) -> None:
        self.forward = self.both = 0

    def __call__(self, images: Tensor) -> Tensor:
        asked = len(images)
        self.both += asked * images.requires_grad
        self.forward += asked * (not images.requires_grad)
        rest = images.flatten(1)[:, :3].sigmoid() - 2
        return torch.cat([images.flatten(1).mean(1, keepdim=True), rest], 1)


@every_attack
def test_an_attack_says_whose_it_is_what_it_raises_and_whom_it_meets(name):
    entry = ATTACKS[name]
    module = importlib.import_module(type(entry.make(MEANS)).__module__)
    assert entry.paper in (inspect.getdoc(module) or "").splitlines()[0], "the file's first line cites the paper"
    assert entry.harm in HARMS
    assert entry.meets in get_args(Meets)


@every_attack
def test_an_attack_has_a_row_in_the_docs(name):
    rows = [line for line in DOCS.read_text().splitlines() if line.startswith(f"| `{name}` |")]
    assert rows, f"add a row | `{name}` | to docs/attacks.md"
    assert ATTACKS[name].paper in rows[0]


@every_attack
def test_an_image_that_withstands_costs_what_the_entry_states(name):
    entry, model = ATTACKS[name], Unbreakable()
    run(entry.make(MEANS), untargeted(model, torch.zeros(5).long(), HARMS[entry.harm]), IMAGES, eps=0.05)
    stated = Passes(*(len(IMAGES) * passes for passes in entry.passes(MEANS)))
    assert model.forward == stated.forward
    # FAB without targets takes a backward pass for each class after one forward.
    assert model.both in (stated.both, stated.both // MEANS.classes)


@every_attack
def test_means_of_nothing_leave_an_attack_out(name):
    assert ATTACKS[name].passes(Means(steps=0, restarts=0, queries=0, iterations=0)).both == 0


def test_every_file_that_holds_an_attack_is_listed():
    folder = Path(importlib.import_module("holdfast.attacks").__file__ or "").parent
    holding = {
        path.stem
        for path in folder.glob("*.py")
        if re.search(r"\n    def step\(self, problem: Problem, state", path.read_text())
    }
    listed = {type(entry.make(MEANS)).__module__.rpartition(".")[2] for entry in ATTACKS.values()}
    assert holding - {"problem"} == listed
