"""Attacks on an encoder and its head, from the smallest budget up, with cumulative verdicts; all of it resumes."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from holdfast.attacks import (
    ATTACKS,
    HARMS,
    Attack,
    AttackCheckpoint,
    Goal,
    ListedAttack,
    Means,
    Pgd,
    Records,
    feature_distance,
    run,
    untargeted,
)
from holdfast.attacks.harms import Model
from holdfast.audits.subject import Options, Subject
from holdfast.budgets import parse_eps
from holdfast.data import Images, draw_evenly
from holdfast.evaluation.features import device_of

_ON_CPU = 64
"""Images per batch, at most, on a CPU: larger ones are no faster there, and an interruption loses a batch."""


@dataclass(frozen=True)
class BudgetResult:
    """What the attacks of one budget did to the attacked images [m]."""

    eps: str
    """As written: '8/255'."""
    pixels: float
    pgd: Records
    """PGD from the image itself, on every image that is right; one that is wrong already has iteration -1."""
    tried: Mapping[str, int]
    """Images that each attack was tried on, by its name: pgd, restarts, square."""
    broke: Mapping[str, Tensor]
    """Bool [m]: images that each attack broke."""
    robust: Tensor
    """Bool [m]: right, and broken by no attack at this or a smaller budget."""

    @property
    def broken_by_pgd(self) -> Tensor:
        """Bool [m]: by PGD at this very budget, from the image or from a random start."""
        return self.broke["pgd"] | self.broke["restarts"]


@dataclass(frozen=True)
class AttackSetup:
    """What all attacks of an audit share."""

    subject: Subject
    images: Images
    """The attacked ones [m]."""
    head: str
    """Checksum of the head, or of nothing where there is none."""

    @property
    def options(self) -> Options:
        return self.subject.options

    @property
    def budgets(self) -> list[tuple[str, float]]:
        """Each eps as written and in pixels, ascending."""
        return parse_eps(self.options.attack_eps, self.options.attack_norm)

    @property
    def batch_size(self) -> int:
        device = self.options.device or device_of(self.subject.encoder).type
        return self.options.batch_size if str(device).startswith("cuda") else min(self.options.batch_size, _ON_CPU)

    def step(self, pixels: float) -> float:
        """Length of a step of PGD at a budget."""
        if self.options.attack_step is not None:
            return self.options.attack_step
        return 0.01 if self.options.attack_norm == "linf" else 2.5 * pixels / max(1, self.options.attack_steps)

    def means(self, pixels: float) -> Means:
        """What attacks may spend on an image at a budget."""
        options = self.options
        steps, restarts, queries = options.attack_steps, options.attack_restarts, options.square_queries
        return Means(step=self.step(pixels), steps=steps, restarts=restarts, queries=queries)

    def checkpoint(self, stage: str, *facts: object) -> AttackCheckpoint | None:
        """Where a stage keeps what it has done; None unless the options name a folder."""
        if self.options.unfinished is None:
            return None
        own = [self.subject.settings["encoder_checksum"], self.head, self.images.checksum, self.options.precision]
        known = json.dumps([*own, self.options.seed, stage, *facts], default=str)
        fingerprint = hashlib.sha256(known.encode()).hexdigest()
        return AttackCheckpoint(
            self.options.unfinished / f"robustness-{stage.replace('/', '-')}.safetensors", fingerprint
        )

    def attack(self, stage: str, attack: Attack, goal: Goal, rows: Tensor, pixels: float) -> Records:
        """Runs an attack on rows [k] of the images; the goal's references are of all of them."""
        told = self.options.progress
        images = self.images.subset(rows)
        return run(
            attack,
            goal.rows(rows),
            images.pixels,
            eps=pixels,
            norm=self.options.attack_norm,
            seed=self.options.seed,
            ids=images.ids,
            batch_size=self.batch_size,
            checkpoint=self.checkpoint(stage, attack, pixels, self.options.attack_norm),
            on_progress=None if told is None else partial(told, f"robustness: {stage}"),
        )


def attacked_images(subject: Subject) -> Images:
    """The test images that are attacked: a keyed draw, evenly over the classes."""
    count, seed = subject.options.attack_images, subject.options.seed
    return subject.test.subset(draw_evenly(subject.test, count, seed=seed, purpose="attacked images")).loaded()


def budget_results(setup: AttackSetup, model: Model, labels: Tensor, right: Tensor) -> list[BudgetResult]:
    """Every budget from the smallest up, on the images that are right [m] (bool, on the CPU)."""
    found: list[BudgetResult] = []
    robust = right.clone()
    for eps, pixels in setup.budgets:
        result = _budget_result(setup, (model, labels), (eps, pixels), right, robust)
        robust = result.robust
        found.append(result)
    return found


def _budget_result(
    setup: AttackSetup, target: tuple[Model, Tensor], budget: tuple[str, float], right: Tensor, robust: Tensor
) -> BudgetResult:
    eps, pixels = budget
    pgd, tried, broke = _nothing(setup.images), {}, {}
    for name, entry in ATTACKS.items():
        rows = _met(setup, entry, right, robust).nonzero()[:, 0]
        broke[name], tried[name] = torch.zeros_like(right), 0
        if not any(entry.passes(setup.means(pixels))) or not len(rows):
            continue
        goal = untargeted(*target, harm=HARMS[entry.harm])
        records = setup.attack(f"{name} at {eps}", entry.make(setup.means(pixels)), goal, rows, pixels)
        broke[name][rows], tried[name] = records.broken, len(rows)
        pgd = _spread(records, rows, pgd) if name == "pgd" else pgd
        robust = robust & ~broke[name]
    return BudgetResult(eps, pixels, pgd, tried, broke, robust)


def _met(setup: AttackSetup, entry: ListedAttack, right: Tensor, robust: Tensor) -> Tensor:
    """Bool [m]: the images that an attack is tried on."""
    return {"right": right, "left": robust, "sample": robust & _sample(setup)}[entry.meets]


def _sample(setup: AttackSetup) -> Tensor:
    """Bool [m]: the images that an attack that costs much may be tried on."""
    count, seed = setup.options.square_images, setup.options.seed
    chosen = torch.zeros(len(setup.images), dtype=torch.bool)
    chosen[draw_evenly(setup.images, count, seed=seed, purpose="square images")] = True
    return chosen


def _nothing(images: Images) -> Records:
    count = len(images)
    return Records(
        ids=images.ids.cpu(),
        broken=torch.zeros(count, dtype=torch.bool),
        iteration=torch.full((count,), -1),
        margin=torch.full((count,), torch.nan, dtype=torch.float64),
    )


def _spread(records: Records, rows: Tensor, over: Records) -> Records:
    """Records of rows [k] in those of all images [m]."""
    columns = {name: column.clone() for name, column in over.columns().items()}
    for name, column in records.columns().items():
        columns[name][rows] = column
    return Records(**columns)


def drifted(setup: AttackSetup) -> Tensor:
    """Positions [k] of the attacked images whose features are driven away."""
    options = setup.options
    return draw_evenly(setup.images, options.drift_images, seed=options.seed, purpose="drift images")


def drifts(setup: AttackSetup, features: Model, clean: Tensor) -> dict[str, Tensor]:
    """By budget, how far [k] the features of some images are driven from their own [m, dim], without labels."""
    options = setup.options
    rows = drifted(setup)
    goal, found = feature_distance(features, clean, options.drift_distance), {}
    for eps, pixels in setup.budgets if len(rows) else ():
        # At the image itself the distance has no gradient, so the start is random.
        attack = Pgd(step=setup.step(pixels), steps=options.attack_steps, random_start=True)
        found[eps] = setup.attack(f"drift at {eps}", attack, goal, rows, pixels).margin
    return found


def without_gradient(model: Model, images: Images, labels: Tensor, most: int) -> int:
    """Of up to so many images, how many pixels feel nothing of: attacks by gradient are blind to them."""
    pixels = images.floats(torch.arange(min(most, len(images)))).to(labels.device).requires_grad_()
    if not len(pixels):
        return 0
    with torch.enable_grad():
        outputs = model(pixels)
        if not outputs.requires_grad:
            return len(pixels)
        loss = torch.nn.functional.cross_entropy(outputs, labels[: len(pixels)], reduction="sum")
        (gradient,) = torch.autograd.grad(loss, pixels)
    return int((gradient.flatten(1) == 0).all(1).sum())


def masked(found: Sequence[BudgetResult], result: BudgetResult) -> dict[str, Tensor]:
    """Bool [m] by reason: images that PGD at this budget did not break but something that should be weaker did."""
    smaller = [other.broke["pgd"] for other in found if other.pixels < result.pixels]
    before = torch.stack(smaller).any(0) if smaller else torch.zeros_like(result.robust)
    return {
        "Square": result.broke["square"] & ~result.broken_by_pgd,
        "PGD at a smaller budget": before & ~result.broken_by_pgd,
    }
