"""Attacks on an encoder and its head, from the smallest budget up, with cumulative verdicts; all of it resumes."""

import hashlib
import json
from collections.abc import Mapping
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
    met: Mapping[str, Tensor]
    """Bool [m]: images that each attack was tried on, by its name in ATTACKS."""
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
    pgd, met, broke = _nothing(setup.images), {}, {}
    for name, entry in ATTACKS.items():
        met[name], broke[name] = torch.zeros_like(right), torch.zeros_like(right)
        rows = _met(setup, entry, right, robust) & any(entry.passes(setup.means(pixels)))
        while rows.any():
            goal, places = untargeted(*target, harm=HARMS[entry.harm]), rows.nonzero()[:, 0]
            stage = f"{name} at {eps}" + (" on the rest" if met[name].any() else "")
            records = setup.attack(stage, entry.make(setup.means(pixels)), goal, places, pixels)
            broke[name][places] = records.broken
            pgd = _spread(records, places, pgd) if name == "pgd" else pgd
            met[name] |= rows
            robust = robust & ~broke[name]
            # Where it breaks any of a sample, the others that are left have to meet it too.
            rows = robust & ~met[name] & bool(entry.meets == "sample" and broke[name].any())
    return BudgetResult(eps, pixels, pgd, met, broke, robust)


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
