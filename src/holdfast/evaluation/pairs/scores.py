"""Scores of one encoder pair on images: the same views for both, batch after batch, keeping losses and never views."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, fields
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from holdfast.config import ViewSettings
from holdfast.data import Batch, Images
from holdfast.data.views import make_views
from holdfast.distributed import ALONE, Crew
from holdfast.evaluation.features import encode, measuring
from holdfast.evaluation.pairs.activations import Tap, tapped
from holdfast.evaluation.pairs.measures import (
    UnitSums,
    mean_cosine,
    mean_of_pairs,
    memorization_of_losses,
    view_distances,
    without_each_view,
)
from holdfast.progress import OnProgress


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """How pairs are scored; see the options of the audits."""

    views: ViewSettings
    """How views are drawn: as the encoders were trained."""
    size: int
    """Side of a view in pixels."""
    count: int = 10
    """Views of an image, K; at least 4, so that each half has a pair."""
    seed: int = 0
    """With the pair, the image's id and the view's number it decides every view."""
    batch_size: int = 512
    """Views per pass: memory depends on it, not on K or the number of images."""
    device: torch.device | str | None = None
    """Where to compute; None is where f is."""
    precision: str = "32"
    """'bf16' computes under autocast; features become float32 before they are compared."""

    def __post_init__(self) -> None:
        if self.count < 4:
            raise ValueError(f"expected at least 4 views of an image, got {self.count}; the papers use 10")


@dataclass(frozen=True, kw_only=True)
class PairScores:
    """Per image, float64 [n]."""

    loss_f: np.ndarray
    """Alignment of the views by f."""
    loss_g: np.ndarray
    se_views: np.ndarray
    """Jackknife standard error of loss_g - loss_f over the views."""
    first_half: np.ndarray
    """loss_g - loss_f over the first, third, ... views alone."""
    second_half: np.ndarray
    """loss_g - loss_f over the other views alone."""
    first_ratio: np.ndarray
    """(loss_g - loss_f) / (loss_g + loss_f) over the first, third, ... views alone."""
    second_ratio: np.ndarray
    """The ratio over the other views alone."""
    cosine_f: np.ndarray
    """Mean cosine of the views by f."""

    @property
    def difference(self) -> np.ndarray:
        return self.loss_g - self.loss_f


@dataclass(frozen=True, kw_only=True)
class LayerScores:
    """What the taps of one pair give."""

    ratios: dict[str, np.ndarray]
    """Per tap the ratio of each image, [n]."""
    units: dict[str, UnitSums]
    """Per tap the sums over images of f's activations, which have been averaged over views."""


@torch.no_grad()
def score_pair(
    f: nn.Module,
    g: nn.Module,
    images: Images,
    scoring: Scoring,
    *,
    pair: int = 0,
    taps: list[Tap] | None = None,
    progress: OnProgress | None = None,
    crew: Crew = ALONE,
) -> tuple[PairScores, LayerScores]:
    """Scores of images by f and g in one pass, with the layers' where there are taps; modes and devices are restored.

    pair: number of the pair; another pair gets other views. progress: told images done and images in all. crew:
    processes that share the batches.
    """
    with ExitStack() as opened:
        home = opened.enter_context(measuring(f, scoring.device))
        opened.enter_context(measuring(g, home))
        of_f, of_g = (opened.enter_context(tapped(encoder, taps or [])) for encoder in (f, g))

        def scored(rows: Tensor) -> dict[str, Tensor]:
            part = images.subset(rows).to(home)
            # The pair stands in the epoch's place: views are keyed by seed, pair, id and the number of the view.
            batch = Batch(images=part.floats(), ids=part.ids, epoch=pair)
            views = make_views(batch, scoring.views, seed=scoring.seed, size=scoring.size, views=scoring.count)
            found = _scores(_features(f, views.images, scoring), _features(g, views.images, scoring))
            if progress is not None:
                progress(int(rows[-1]) + 1, len(images))
            return found | _layers(of_f, of_g, batch, scoring.count)

        pieces = torch.arange(len(images)).split(max(1, scoring.batch_size // scoring.count))
        parts = crew.spread_columns(pieces, scored)
    return _joined(parts), _joined_layers(parts, [tap.name for tap in taps or []])


def _features(encoder: nn.Module, views: Tensor, scoring: Scoring) -> Tensor:
    """[n, k, dim] float32 of views [k, n, 3, h, w]."""
    half = torch.autocast(views.device.type, torch.bfloat16) if scoring.precision == "bf16" else nullcontext()
    with half:
        return encode(encoder, views.flatten(0, 1)).unflatten(0, views.shape[:2]).transpose(0, 1)


def _scores(f: Tensor, g: Tensor) -> dict[str, Tensor]:
    """What features [n, k, dim] of both encoders say of each image."""
    distances = torch.stack([view_distances(f), view_distances(g)]).double()
    losses = mean_of_pairs(distances)
    halves = [mean_of_pairs(distances[..., part::2, part::2]) for part in (0, 1)]
    left_out = without_each_view(distances)
    jackknife = left_out[1] - left_out[0]
    k = jackknife.shape[-1]
    spread = (jackknife - jackknife.mean(-1, keepdim=True)).square().sum(-1)
    return {
        "loss_f": losses[0],
        "loss_g": losses[1],
        "se_views": (spread * (k - 1) / k).sqrt(),
        "first_half": halves[0][1] - halves[0][0],
        "second_half": halves[1][1] - halves[1][0],
        "first_ratio": memorization_of_losses(*halves[0])["ratio"],
        "second_ratio": memorization_of_losses(*halves[1])["ratio"],
        "cosine_f": mean_cosine(f).double(),
    }


def _layers(of_f: dict[str, Tensor], of_g: dict[str, Tensor], batch: Batch, count: int) -> dict[str, Tensor]:
    """What pooled outputs [k * n, channels] of each tap say of layers and units, under 'TAP ratio' and 'TAP FIELD' of
    UnitSums."""
    found = {}
    for name, output in of_f.items():
        f, g = (x.unflatten(0, (count, -1)).transpose(0, 1) for x in (output, of_g[name]))
        losses = [mean_of_pairs(view_distances(x)) for x in (f, g)]
        found[f"{name} ratio"] = memorization_of_losses(*losses)["ratio"].double()
        sums = UnitSums.of(f.mean(1), batch.ids)
        found |= {f"{name} {field}": torch.as_tensor(value) for field, value in vars(sums).items()}
    return found


def _joined(parts: Sequence[Mapping[str, Tensor]]) -> PairScores:
    return PairScores(**{field.name: _column(parts, field.name) for field in fields(PairScores)})


def _column(parts: Sequence[Mapping[str, Tensor]], name: str) -> np.ndarray:
    return torch.cat([part[name].cpu() for part in parts]).numpy()


def _joined_layers(parts: Sequence[Mapping[str, Tensor]], names: Sequence[str]) -> LayerScores:
    return LayerScores(
        ratios={name: _column(parts, f"{name} ratio") for name in names},
        units={name: reduce(add, (_sums(part, name) for part in parts)) for name in names},
    )


def _sums(part: Mapping[str, Tensor], name: str) -> UnitSums:
    found: dict[str, Any] = {field.name: part[f"{name} {field.name}"] for field in fields(UnitSums)}
    found["count"] = int(found["count"])
    return UnitSums(**found)
