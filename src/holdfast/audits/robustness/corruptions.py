"""Common corruptions: accuracy and feature drift, 15 kinds at 5 strengths (arXiv:1903.12261)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from holdfast.attacks import cosine_distance
from holdfast.audits.robustness.attacks import AttackSetup
from holdfast.data import draw_evenly
from holdfast.data.corruptions import CORRUPTIONS, STRENGTHS, corrupt
from holdfast.data.images import Images
from holdfast.evaluation.probes import LinearProbe
from holdfast.findings import Score
from holdfast.statistics import bounded_interval, mean_interval

_OVER = "corrupted test images, each over all corruptions"


@dataclass(frozen=True)
class Corrupted:
    """Scores over all kinds and strengths, and a row for each."""

    scores: list[Score]
    rows: list[dict[str, Any]]
    positions: Tensor
    """[k] int64: which of the attacked images were corrupted."""
    by_image: dict[str, Tensor]
    """[k] by column: means over kinds and strengths, of right answers as a share and of drift."""


def corruptions(setup: AttackSetup, head: LinearProbe | None, clean: Tensor) -> Corrupted:
    """What corruptions do to some attacked images, whose clean features [m, dim] are given; accuracy needs a head."""
    options = setup.options
    chosen = draw_evenly(setup.images, options.corruption_images, seed=options.seed, purpose="corrupted images")
    if not len(chosen):
        return Corrupted([], [], chosen, {})
    images, clean = setup.images.subset(chosen), clean[chosen.to(clean.device)]
    rows, drifts, hits = [], [], []
    for name, strength, right, drift in _measured(setup, head, images, clean):
        row: dict[str, Any] = {"corruption": name, "strength": strength}
        row |= {} if head is None else {"accuracy": 100 * float(right.double().mean())}
        rows.append(row | {"drift": float(drift.double().mean())})
        hits.append(right.double())
        drifts.append(drift.double())
    right, drifted = torch.stack(hits).mean(0), torch.stack(drifts).mean(0)
    scores, by_image = [_drift(drifted)], {"corruption_drift": drifted}
    if head is not None:
        scores, by_image = [_accuracy(right), *scores], by_image | {"corruption_right": right}
    return Corrupted(scores, rows, chosen, by_image)


def _measured(
    setup: AttackSetup, head: LinearProbe | None, images: Images, clean: Tensor
) -> Iterator[tuple[str, int, Tensor, Tensor]]:
    """(name, strength, right [k], drift [k]) on the CPU; a kind measured before an interruption is read back."""
    for kind, name in enumerate(CORRUPTIONS):
        checkpoint = setup.checkpoint(f"corruptions {name}", images.checksum)
        done = setup.subject.crew.of_first({} if checkpoint is None else checkpoint.load())
        if not done:
            parts = [_one(setup, head, _made(setup, images, name, strength), clean) for strength in STRENGTHS]
            done = {"right": torch.stack([p[0] for p in parts]), "drift": torch.stack([p[1] for p in parts])}
            if checkpoint is not None:
                checkpoint.save(done)
        if setup.options.progress is not None:
            setup.options.progress("robustness: corruptions", kind + 1, len(CORRUPTIONS))
        for strength in STRENGTHS:
            yield name, strength, done["right"][strength - 1], done["drift"][strength - 1]


def _made(setup: AttackSetup, images: Images, name: str, strength: int) -> Images:
    return corrupt(images, name, strength=strength, seed=setup.options.seed)


def _one(setup: AttackSetup, head: LinearProbe | None, images: Images, clean: Tensor) -> tuple[Tensor, Tensor]:
    features = setup.subject.features(images, "corrupted images").to(clean.device)
    right = torch.zeros(len(images), dtype=torch.bool)
    if head is not None and images.labels is not None:
        right = head.predict(features).cpu() == images.labels.cpu()
    return right, cosine_distance(features, clean).clamp(0, 2).cpu()


def _accuracy(by_image: Tensor) -> Score:
    shares = by_image.double().cpu().numpy()
    low, high = bounded_interval(shares)
    return Score(
        name="corruption_accuracy",
        value=min(100.0, 100 * float(shares.mean())),
        unit="percent",
        range=(0.0, 100.0),
        better="higher",
        definition="Accuracy on test images corrupted in 15 ways, mean over the ways and five strengths of each.",
        interval=(100 * low, 100 * high),
        interval_over=f"{_OVER} (Wilson)",
    )


def _drift(by_image: Tensor) -> Score:
    distances = by_image.double().cpu().numpy()
    interval = mean_interval(distances, bounds=(0.0, 2.0))
    return Score(
        name="corruption_drift",
        value=min(2.0, max(0.0, float(distances.mean()))),
        unit="distance",
        range=(0.0, 2.0),
        better="lower",
        definition="Mean of 1 - cosine between features of an image and of its corruptions, 15 ways at five strengths.",
        interval=interval,
        interval_over="" if interval is None else f"{_OVER} (Student's t)",
    )
