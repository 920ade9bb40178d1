"""The images that an attack broke first, kept with the perturbation that did it: a page without torch shows them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from holdfast.attacks import ATTACKS, HARMS, Goal, run
from holdfast.audits.robustness.attacks import AttackSetup, BudgetResult
from holdfast.audits.robustness.cascade import cascade
from holdfast.display import png

SHOWN = 16
"""Images kept."""


def first_broken(setup: AttackSetup, goal: Goal, found: Sequence[BudgetResult]) -> list[dict[str, Any]]:
    """Rows of up to SHOWN images that PGD broke, the smallest budget and then the fewest steps first.

    Each has id, eps, iteration (steps of PGD), predicted (the class it is taken for), and as PNGs in base64 'attacked'
    and 'perturbation': grey is unchanged, and the largest change is `magnified` times as strong as in the image.
    """
    rows: list[dict[str, Any]] = []
    taken = torch.zeros(len(setup.images), dtype=torch.bool)
    for result in sorted(found, key=lambda result: result.pixels):
        fresh = (result.broke["pgd"] & ~taken).nonzero()[:, 0]
        taken |= result.broke["pgd"]
        quickest = fresh[result.pgd.iteration[fresh].argsort(stable=True)][: SHOWN - len(rows)]
        rows += _broken_again(setup, goal, result, quickest) if len(quickest) else []
    return rows


def _broken_again(setup: AttackSetup, goal: Goal, result: BudgetResult, rows: Tensor) -> list[dict[str, Any]]:
    """Repeats the attack on rows [k] alone, this time keeping its images."""
    images = setup.images.subset(rows)
    goal = replace(goal, harm=HARMS[ATTACKS["pgd"].harm]).rows(rows)
    records = run(
        ATTACKS["pgd"].make(cascade(setup.options, result.pixels, setup.subject.classes)["pgd"]),
        goal,
        images.pixels,
        eps=result.pixels,
        norm=setup.options.attack_norm,
        seed=setup.options.seed,
        ids=images.ids,
        batch_size=setup.batch_size,
        keep_images=True,
    )
    assert records.images is not None
    with torch.no_grad():
        predicted = goal.asked_again(records.images.to(goal.references.device)).argmax(1).tolist()
    clean = images.floats().cpu()
    return [
        {
            "id": int(images.ids[i]),
            "eps": result.eps,
            "iteration": int(records.iteration[i]),
            "predicted": predicted[i],
            **_pictures(clean[i], records.images[i].float()),
        }
        for i in range(len(rows))
        if records.broken[i]
    ]


def _pictures(clean: Tensor, attacked: Tensor) -> dict[str, Any]:
    """The attacked image and its change [3, h, w] as pictures, with the factor that the change is magnified by."""
    change = attacked - clean
    largest = max(float(change.abs().max()), 1e-6)
    return {
        "attacked": _png(attacked),
        "perturbation": _png(0.5 + 0.5 * change / largest),
        "magnified": round(0.5 / largest, 1),
    }


def _png(pixels: Tensor) -> str:
    return png((255 * pixels.clamp(0, 1)).round().to(torch.uint8).numpy())
