"""Attacks on an encoder and its head, from the smallest budget up, with cumulative verdicts; all of it resumes."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from holdfast.attacks import (
    ATTACKS,
    HARMS,
    Apgd,
    Attack,
    AttackCheckpoint,
    Goal,
    Records,
    feature_distance,
    run,
)
from holdfast.attacks.harms import Model
from holdfast.attacks.records import blank
from holdfast.audits.robustness.cascade import cascade, ensemble
from holdfast.audits.subject import Options, Subject
from holdfast.budgets import parse_eps
from holdfast.data import Images, draw_evenly
from holdfast.evaluation.features import device_of

_ON_CPU = 64
"""Images that a process attacks at a time on a CPU, and per batch at most: half as many cost a third more for each
(timm/test_resnet, 16 and 32 px), twice as many a tenth less, and an interruption loses a batch."""


@dataclass(frozen=True)
class BudgetResult:
    """What the attacks of one budget did to the attacked images [m]."""

    eps: str
    """As written: '8/255'."""
    pixels: float
    records: Mapping[str, Records]
    """By attack, in the order in which they ran; of all m images, those that it did not meet untouched."""
    met: Mapping[str, Tensor]
    """Bool [m]: images that each attack was tried on."""
    left: Mapping[str, int]
    """Images that no attack had broken before each."""
    robust: Tensor
    """Bool [m]: right, and broken by no attack at this or a smaller budget."""

    @property
    def broke(self) -> Mapping[str, Tensor]:
        """Bool [m]: images that each attack broke."""
        return {name: records.broken for name, records in self.records.items()}

    @property
    def pgd(self) -> Records:
        """PGD from the image itself, on every image that is right; one that is wrong already has iteration -1."""
        return self.records["pgd"]

    @property
    def broken_by_gradient(self) -> Tensor:
        """Bool [m]: at this very budget, by an attack that follows the gradient."""
        found = [broken for name, broken in self.broke.items() if ATTACKS[name].by_gradient]
        return torch.stack(found).any(0)


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
    def _on_gpu(self) -> bool:
        return str(self.options.device or device_of(self.subject.encoder).type).startswith("cuda")

    @property
    def batch_size(self) -> int:
        return self.options.batch_size if self._on_gpu else min(self.options.batch_size, _ON_CPU)

    def checkpoint(self, stage: str, *facts: object, own: bool = False) -> AttackCheckpoint | None:
        """Where a stage keeps what it has done; None unless the options name a folder. own: a stage that this process
        alone does, else the first one of several writes."""
        if self.options.unfinished is None:
            return None
        of_all = [self.subject.settings["encoder_checksum"], self.head, self.images.checksum, self.options.precision]
        known = json.dumps([*of_all, self.options.seed, stage, *facts], default=str)
        fingerprint = hashlib.sha256(known.encode()).hexdigest()
        return AttackCheckpoint(
            self.options.unfinished / f"robustness-{stage.replace('/', '-')}.safetensors",
            fingerprint,
            writes=own or self.subject.crew.first,
        )

    def attack(self, stage: str, attack: Attack, goal: Goal, rows: Tensor, pixels: float) -> Records:
        """Runs an attack on rows [k] of the images; the goal's references are of all of them."""
        found = blank(self.images.ids[rows.to(self.images.ids.device)].cpu(), None)
        parts = self._parts(len(rows))

        def done(number: int) -> Mapping[str, Tensor]:
            part, told = parts[number], self.options.progress
            images = self.images.subset(rows[part])
            name = stage if len(parts) == 1 else f"{stage} part {number}"
            facts, before = (pixels, self.options.attack_norm, images.ids.tolist()), int(part[0])
            return run(
                attack,
                goal.rows(rows[part]),
                images.pixels,
                eps=pixels,
                norm=self.options.attack_norm,
                seed=self.options.seed,
                ids=images.ids,
                batch_size=self.batch_size,
                checkpoint=self.checkpoint(name, attack, *facts, own=True),
                on_progress=told and (lambda now, _: told(f"robustness: {stage}", before + now, len(rows))),
            ).columns()

        for part, columns in zip(parts, self.subject.crew.spread_columns(range(len(parts)), done), strict=True):
            found.put(part, Records.of(dict(columns)))
        return found

    def _parts(self, count: int) -> list[Tensor]:
        """Places, in parts that a process attacks at a time. On a CPU they do not depend on the number of processes, so
        no digit does; a GPU is quicker the more rows there are, so it gets one part, its share."""
        if self._on_gpu:
            size = self.subject.crew.size
            return [torch.arange(number, count, size) for number in range(min(size, count))]
        return list(torch.arange(count).split(_ON_CPU))


def attacked_images(subject: Subject) -> Images:
    """The test images that are attacked: a keyed draw, evenly over the classes."""
    count, seed = subject.options.attack_images, subject.options.seed
    return subject.test.subset(draw_evenly(subject.test, count, seed=seed, purpose="attacked images")).loaded()


def budget_results(setup: AttackSetup, goal: Goal, right: Tensor) -> list[BudgetResult]:
    """Every budget from the smallest up, on the images that are right [m] (bool, on the CPU).

    goal: any wrong answer for the attacked images' labels [m].
    """
    found: list[BudgetResult] = []
    robust = right.clone()
    for eps, pixels in setup.budgets:
        result = _budget_result(setup, goal, (eps, pixels), right, robust)
        robust = result.robust
        found.append(result)
    return found


def _budget_result(
    setup: AttackSetup, goal: Goal, budget: tuple[str, float], right: Tensor, robust: Tensor
) -> BudgetResult:
    (eps, pixels), records, met, left = budget, {}, {}, {}
    for name, means in cascade(setup.options, pixels, setup.subject.classes).items():
        found, tried, left[name] = blank(setup.images.ids.cpu(), None), torch.zeros_like(right), int(robust.sum())
        entry, rows = ATTACKS[name], _met(setup, name, pixels, right, robust)
        while rows.any():
            places, stage = rows.nonzero()[:, 0], f"{name} at {eps}" + (" on the rest" if tried.any() else "")
            own = replace(goal, harm=HARMS[entry.harm])
            found.put(places, setup.attack(stage, entry.make(means), own, places, pixels))
            tried, robust = tried | rows, robust & ~found.broken
            # Where it breaks any of a sample, the others that are left have to meet it too.
            rows = robust & ~tried & bool(entry.meets == "sample" and found.broken.any())
        records[name], met[name] = found, tried
    return BudgetResult(eps, pixels, records, met, left, robust)


def _met(setup: AttackSetup, name: str, pixels: float, right: Tensor, robust: Tensor) -> Tensor:
    """Bool [m]: the images that an attack is tried on; as a part of AutoAttack all that are left."""
    meets = "left" if name in ensemble(setup.options, pixels) else ATTACKS[name].meets
    return {"right": right, "left": robust, "sample": robust & _sample(setup)}[meets]


def _sample(setup: AttackSetup) -> Tensor:
    """Bool [m]: the images that an attack that costs much may be tried on."""
    count, seed = setup.options.square_images, setup.options.seed
    chosen = torch.zeros(len(setup.images), dtype=torch.bool)
    chosen[draw_evenly(setup.images, count, seed=seed, purpose="square images")] = True
    return chosen


def drifted(setup: AttackSetup) -> Tensor:
    """Positions [k] of the attacked images whose features are driven away."""
    options = setup.options
    return draw_evenly(setup.images, options.drift_images, seed=options.seed, purpose="drift images")


def drifts(setup: AttackSetup, features: Model, clean: Tensor) -> dict[str, Tensor]:
    """By budget, how far [k] the features of some images are driven from their own [m, dim], without labels."""
    options = setup.options
    rows = drifted(setup)
    goal, found = feature_distance(features, clean, options.drift_distance), {}
    # At the image itself the distance has no gradient, so the start is random, as APGD's always is.
    attack = Apgd(steps=options.drift_steps)
    for eps, pixels in setup.budgets if len(rows) else ():
        found[eps] = setup.attack(f"drift at {eps}", attack, goal, rows, pixels).margin
    return found
