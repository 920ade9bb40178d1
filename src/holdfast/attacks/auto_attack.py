"""AutoAttack: an ensemble of attacks without parameters, in its three versions (arXiv:2003.01690)."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from holdfast.attacks.checkpoint import AttackCheckpoint
from holdfast.attacks.checks import check_classifier, check_precision, logits_in_batches
from holdfast.attacks.harms import HARMS, Model, untargeted
from holdfast.attacks.listing import ATTACKS, REPEATS, STARTS, VERSIONS, Means
from holdfast.attacks.lp import Norm, check_budget, check_pixels, length
from holdfast.attacks.records import Records, blank
from holdfast.attacks.shell import run
from holdfast.progress import OnStage

ROUNDING = 1e-6
"""How far beyond the budget an image may lie by rounding."""


@dataclass(frozen=True)
class _Setup:
    """What all attacks of a call share."""

    model: Model
    labels: Tensor
    images: Tensor
    ids: Tensor
    eps: float
    norm: Norm
    seed: int
    batch_size: int
    unfinished: Path | None
    on_progress: OnStage | None
    judge: Model | None
    facts: str
    """What the saved states depend on."""

    def attacked(self, name: str, means: Means, rows: Tensor) -> Records:
        """One attack on rows [k] of the images."""
        entry, told = ATTACKS[name], self.on_progress
        attack = entry.make(means)
        place = None
        if self.unfinished is not None:
            facts = f"{self.facts} {name} {attack} {rows.tolist()}"
            place = AttackCheckpoint(
                self.unfinished / f"{name}.safetensors", hashlib.sha256(facts.encode()).hexdigest()
            )
        goal = replace(untargeted(self.model, self.labels, HARMS[entry.harm]), judge=self.judge)
        return run(
            attack,
            goal.rows(rows),
            self.images[rows],
            eps=self.eps,
            norm=self.norm,
            seed=self.seed,
            ids=self.ids[rows],
            batch_size=self.batch_size,
            keep_images=True,
            margins=False,
            checkpoint=place,
            on_progress=None if told is None else partial(told, name),
        )


def auto_attack(
    model: nn.Module | Model,
    images: Tensor,
    labels: Tensor,
    *,
    eps: float,
    norm: Norm = "linf",
    version: str = "standard",
    attacks: Sequence[str] | None = None,
    seed: int = 0,
    ids: Tensor | None = None,
    batch_size: int = 128,
    judge: Model | None = None,
    keep_images: bool = False,
    unfinished: Path | None = None,
    on_progress: OnStage | None = None,
) -> Records:
    """Attacks a classifier, model: images [n, 3, h, w] in [0, 1] -> logits [n, classes], by AutoAttack.

    version: 'standard' (APGD on cross-entropy, targeted APGD, targeted FAB, Square), 'plus' or, for a model that draws
    at random, 'rand'; attacks: names in ATTACKS instead, with the version's settings. Each meets the images that are
    left. Records: broken [n], also where the clean image is wrong already, so that robust accuracy is the mean of
    ~broken; by [n], the attack that broke an image, 'clean' or ''; iteration, norm, and with keep_images the images.
    Draws depend on seed and ids [n] alone. judge: the model in float32 where `model` computes in less: its answers
    decide what is broken. unfinished: a folder that what is done is kept in, so that a call that was
    cut off goes on there, to the same verdicts.

    Raises ValueError (expected, got, remedy) for pixels outside [0, 1], a model in training mode, one that gives
    probabilities or fewer classes than labels need, or one that answers at random in another version than 'rand'.
    """
    check_budget(eps, norm)
    check_pixels(images)
    check_precision(model, images)
    names = _names(version, attacks)
    ids = torch.arange(len(images)) if ids is None else ids.cpu()
    labels = labels.to(images.device)
    logits = logits_in_batches(model, images, batch_size)
    check_classifier(model, images, labels, logits, random=version == "rand", batch_size=batch_size)
    facts = _facts(logits, images, labels, (eps, norm, version, seed))
    setup = _Setup(model, labels, images, ids, eps, norm, seed, batch_size, unfinished, on_progress, judge, facts)
    means = Means(classes=logits.shape[1], starts=STARTS[version], repeats=REPEATS[version])
    records, by = blank(ids, images), np.full(len(ids), "", dtype="<U16")
    decisive = logits if judge is None else logits_in_batches(judge, images, batch_size)
    wrong = (decisive.argmax(1) != labels).cpu()
    records.broken[wrong], records.iteration[wrong], records.norm[wrong], by[wrong.numpy()] = True, 0, 0.0, "clean"
    for name in names:
        rows = (~records.broken).nonzero()[:, 0]
        if not len(rows):
            break
        _add(records, by, name, rows, setup.attacked(name, means, rows))
    _check_final(setup, records)
    return replace(records, images=records.images if keep_images else None, by=by)


def _names(version: str, attacks: Sequence[str] | None) -> tuple[str, ...]:
    if version not in VERSIONS:
        raise ValueError(f"expected version {', '.join(VERSIONS)}, got {version!r}; choose one of them")
    for name in attacks or ():
        if name not in ATTACKS:
            raise ValueError(f"expected attacks of {', '.join(ATTACKS)}, got {name!r}; choose among them")
    return VERSIONS[version] if attacks is None else tuple(attacks)


def _add(records: Records, by: np.ndarray, name: str, rows: Tensor, found: Records) -> None:
    """Writes what an attack found on rows [k] into what was known; images that withstood stay clean."""
    won = rows[found.broken]
    norms = torch.minimum(records.norm[rows], found.norm)
    assert found.images is not None
    assert records.images is not None
    records.broken[won], by[won.numpy()] = True, name
    records.iteration[won] = found.iteration[found.broken]
    records.images[won] = found.images[found.broken]
    records.margin[won] = found.margin[found.broken]
    records.norm[rows] = norms


def _facts(logits: Tensor, images: Tensor, labels: Tensor, settings: object) -> str:
    """What decides the verdicts, as text: the model by its answers to the clean images."""
    digest = hashlib.sha256(repr(settings).encode())
    for tensor in (logits, images, labels):
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _check_final(setup: _Setup, records: Records) -> None:
    """Raises RuntimeError where an image lies outside the budget or the pixel range: the shell would be broken."""
    assert records.images is not None
    moved = length(records.images - setup.images.detach().cpu(), setup.norm)
    if len(moved) and not (float(moved.max()) <= setup.eps + ROUNDING and float(records.images.min()) >= 0):
        raise RuntimeError(f"expected perturbations within {setup.eps}, got {float(moved.max())}; please report this")
