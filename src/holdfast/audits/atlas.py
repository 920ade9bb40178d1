"""What an audit leaves of its images for a report without torch: thumbnails, a map of the features, nearest images."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from holdfast.atlas import Atlas, paint
from holdfast.audits.subject import Subject
from holdfast.data import Images, duplicate_groups
from holdfast.data.pool import draw_evenly
from holdfast.evaluation import neighbours
from holdfast.findings import Finding

MOST = {"test": 10_000, "scored": 4_000}
"""Images of an atlas."""
EXTREMES = 500
"""Candidates of the highest ratio, and as many of the lowest, that are always among the scored images shown."""
NEIGHBOURS = 6
SIDES = (16, 32, 48)
"""Sides of a thumbnail in pixels: the smallest that an image's own side fits in, else the largest."""
_ON_PAIRS = frozenset({"memorization", "privacy"})


def write_atlas(folder: Path, subject: Subject, findings: Sequence[Finding]) -> None:
    """Writes the atlas of the test images, and of the scored ones where memorization was measured, into folder."""
    by_audit = {finding.audit: finding for finding in findings}
    if set(by_audit) - _ON_PAIRS:
        chosen = _chosen_test(subject, by_audit)
        if subject.crew.first:
            _atlas(subject, subject.test, chosen, subject.test_features).save(folder, "test")
    if "memorization" in by_audit and subject.pairs is not None:
        images = subject.scored.images
        chosen = _chosen_scored(by_audit["memorization"], subject.options.seed, images)
        features = subject.features(images.subset(chosen), "atlas")
        checksum = by_audit["memorization"].settings["scored_checksum"]
        if subject.crew.first:
            _atlas(subject, images, chosen, features, checksum=checksum).save(folder, "scored")


def _chosen_test(subject: Subject, findings: dict[str, Finding]) -> Tensor:
    """Positions, ascending: all test images, or those that were attacked or moved and an even draw of the others."""
    test, most = subject.test, MOST["test"]
    if len(test) <= most:
        return torch.arange(len(test))
    first = torch.zeros(len(test), dtype=torch.bool)
    if "robustness" in findings:
        first |= torch.from_numpy(findings["robustness"].columns["attacked"].astype(bool))
    if "invariance" in findings:
        first |= torch.from_numpy(np.isfinite(findings["invariance"].columns["stability"]))
    return _filled(test, first, most, subject.options.seed)


def _chosen_scored(finding: Finding, seed: int, images: Images) -> Tensor:
    """Positions, ascending: all scored images, or both ends of the candidates' ranking and an even draw of others."""
    if len(images) <= MOST["scored"]:
        return torch.arange(len(images))
    candidates = np.flatnonzero(finding.columns["part"] == "candidate")
    order = candidates[np.argsort(finding.columns["ratio"][candidates], kind="stable")]
    first = torch.zeros(len(images), dtype=torch.bool)
    first[torch.from_numpy(np.concatenate([order[:EXTREMES], order[-EXTREMES:]]))] = True
    return _filled(images, first, MOST["scored"], seed)


def _filled(images: Images, first: Tensor, most: int, seed: int) -> Tensor:
    """Those marked first [n], then others evenly over the classes, up to so many; positions ascending."""
    marked, others = first.nonzero()[:most, 0], (~first).nonzero()[:, 0]
    rest = images.subset(others)
    drawn = others[draw_evenly(rest, most - len(marked), seed=seed, purpose="atlas")]
    return torch.cat([marked, drawn]).sort().values


def _atlas(subject: Subject, images: Images, chosen: Tensor, features: Tensor, *, checksum: str | None = None) -> Atlas:
    """The atlas of images at chosen positions [m]; features are of these, or of all images."""
    shown = images.subset(chosen)
    features = features if len(features) == len(shown) else features[chosen.to(features.device)]
    positions, explained = principal(features)
    cosines, nearest = _nearest(features)
    ids = shown.ids.cpu()
    tiles = thumbnails(shown.pixels)
    sheet, across = paint(tiles)
    labels = None if shown.labels is None else shown.labels.cpu().numpy()
    return Atlas(
        sheet=sheet,
        tile=tiles.shape[1],
        across=across,
        ids=ids.numpy(),
        paths=None if shown.paths is None else tuple(shown.paths),
        labels=labels,
        classes=None if labels is None else subject.class_names,
        groups=None if labels is None else _group_by_class(subject)[labels],
        positions=positions.numpy(),
        explained=explained,
        nearest=ids[nearest].numpy(),
        cosines=cosines.float().numpy(),
        duplicates=ids[duplicate_groups(shown)].numpy(),
        checksum=checksum or images.checksum,
    )


def _nearest(features: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines and places [n, k] of the nearest rows; k is 0 for a single row."""
    if len(features) < 2:
        return torch.empty(len(features), 0), torch.empty(len(features), 0, dtype=torch.int64)
    cosines, places = neighbours(features, NEIGHBOURS)
    return cosines.cpu(), places.cpu()


def _group_by_class(subject: Subject) -> np.ndarray:
    """'many', 'medium' or 'few' [classes]; 'all' where there are no groups."""
    names = np.full(subject.classes, "all", dtype="<U6")
    for name, members in subject.groups.items():
        names[members] = name
    return names


def principal(features: Tensor) -> tuple[Tensor, tuple[float, float]]:
    """Features [n, dim] on their first two principal components, float32 [n, 2], and each one's share of the variance.

    The sign is the one that makes a component's largest loading positive.
    """
    centred = features.double() - features.double().mean(0)
    values, vectors = torch.linalg.eigh(centred.T @ centred)
    top, shares = vectors[:, -2:].flip(1), values[-2:].flip(0).clamp(min=0) / values.sum().clamp(min=1e-300)
    top = top * torch.where(top.gather(0, top.abs().argmax(0, keepdim=True)) < 0, -1.0, 1.0)
    placed, shares = (centred @ top).float().cpu(), [float(share) for share in shares]
    if placed.shape[1] < 2:
        placed, shares = F.pad(placed, (0, 1)), [*shares, 0.0]
    return placed, (shares[0], shares[1])


def thumbnails(pixels: Tensor) -> np.ndarray:
    """uint8 [n, t, t, 3] of images uint8 [n, 3, h, w]: their centred squares."""
    side = min(pixels.shape[-2:])
    top, left = ((length - side) // 2 for length in pixels.shape[-2:])
    tile = next((tile for tile in SIDES if tile >= side), SIDES[-1])
    squares = (part[:, :, top : top + side, left : left + side].cpu() for part in pixels.split(256))
    parts = [square if tile == side else _resized(square, tile) for square in squares]
    return torch.cat(parts).permute(0, 2, 3, 1).contiguous().numpy()


def _resized(pixels: Tensor, tile: int) -> Tensor:
    if tile % pixels.shape[-1] == 0:
        return F.interpolate(pixels.float(), size=tile, mode="nearest").to(torch.uint8)
    other = F.interpolate(pixels.float(), size=tile, mode="bilinear", antialias=True, align_corners=False)
    return other.round().clamp(0, 255).to(torch.uint8)
