"""Signs that a model hides its gradient: it then looks robust to attacks that follow one."""

from collections.abc import Sequence

import torch
from torch import Tensor

from holdfast.attacks import log_odds
from holdfast.attacks.harms import Model
from holdfast.audits.robustness.attacks import AttackSetup, BudgetResult
from holdfast.audits.robustness.scores import share
from holdfast.findings import Score


def without_gradient(setup: AttackSetup, model: Model, labels: Tensor, right: Tensor) -> Tensor:
    """Bool [m]: right images whose pixels feel nothing of the answer, or nothing finite: no gradient attack moves them.

    Of the log-odds, which have a gradient also where cross-entropy has none in float32: what is found here is the
    model's own. labels [m] are where the model is.
    """
    found, parts = torch.zeros_like(right), right.nonzero()[:, 0].split(setup.batch_size)

    def blind(rows: Tensor) -> Tensor:
        pixels = setup.images.floats(rows).to(labels.device).requires_grad_()
        with torch.enable_grad():
            outputs = model(pixels)
            gradient = None
            if outputs.requires_grad:
                harm = log_odds(outputs, labels[rows.to(labels.device)]).sum()
                (gradient,) = torch.autograd.grad(harm, pixels, allow_unused=True)
        felt = torch.zeros(len(rows), dtype=torch.bool)
        if gradient is not None:
            felt = gradient.flatten(1).nan_to_num(0.0, 0.0, 0.0).any(1).cpu()
        return ~felt

    for rows, unfelt in zip(parts, setup.subject.crew.spread(parts, blind), strict=True):
        found[rows] = unfelt
    return found


def masking(right: Tensor, found: Sequence[BudgetResult], blind: Tensor) -> tuple[list[Score], list[str]]:
    """The gradient_masking score, and a warning for every sign of it; right and blind are bool [m]."""
    warnings, hidden, looked = [], blind.clone(), blind.clone()
    for result in found:
        smaller = _smaller(found, result)
        square, tried = (part.get("square", torch.zeros_like(right)) for part in (result.broke, result.met))
        hidden |= square | smaller
        looked |= tried | smaller
        if square.any():
            warnings.append(
                f"gradient masking: at {result.eps}, Square broke {int(square.sum()):,} of the {int(tried.sum()):,} "
                "images that it was tried on and that no attack by gradient broke"
            )
        if smaller.any():
            warnings.append(
                f"gradient masking: at {result.eps}, PGD at a smaller budget broke {int(smaller.sum()):,} of "
                f"{int(right.sum()):,} right images that PGD did not break"
            )
    if blind.any():
        warnings.append(
            f"gradient masking: no gradient reaches the pixels of {int(blind.sum()):,} of {int(right.sum()):,} right "
            "images"
        )
    scores = _score(right, found, hidden, looked)
    if right.any():
        text = (
            "Share of the right attacked images whose pixels the log-odds do not depend on: no gradient reaches them."
        )
        scores.append(share("without_gradient", blind[right], text, lower=True))
    return scores, warnings


def _smaller(found: Sequence[BudgetResult], result: BudgetResult) -> Tensor:
    """Bool [m]: images that PGD broke at a smaller budget but not at this one."""
    before = torch.zeros_like(result.robust)
    for other in found:
        before = before | (other.broke["pgd"] if other.pixels < result.pixels else False)
    return before & ~result.broken_by_gradient


def _score(right: Tensor, found: Sequence[BudgetResult], hidden: Tensor, looked: Tensor) -> list[Score]:
    if not right.any():
        return []
    with_square = any(result.met["square"].any() for result in found if "square" in result.met)
    if not with_square:  # then every image that withstood the gradient somewhere could have shown a sign
        for result in found:
            looked = looked | (right & ~result.broken_by_gradient)
    tried = "that withstood all attacks by gradient"
    if with_square:
        tried += f" and that Square was tried on ({int(looked.sum()):,})"
    text = (
        f"Share of the right images {tried}: Square broke them, PGD did at a smaller budget alone, or no gradient "
        "reaches them."
    )
    if not looked.any():
        return [
            Score(
                name="gradient_masking",
                value=0.0,
                unit="percent",
                range=(0.0, 100.0),
                better="lower",
                definition=f"{text} None withstood them, so nothing can be hidden.",
            )
        ]
    return [share("gradient_masking", hidden[looked], text, lower=True)]
