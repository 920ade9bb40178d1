"""Feature averaging and known factors, as tables of the invariance audit (arXiv:2010.09515)."""

from typing import Any

import torch
from torch import Tensor

from holdfast.audits.subject import Subject
from holdfast.config import VIEWS, ViewSettings
from holdfast.data import Images
from holdfast.data.sources import factor_targets, view_maker
from holdfast.evaluation import fit_probe
from holdfast.evaluation.averaging import COUNTS, averaged_features
from holdfast.evaluation.probes import regression_table
from holdfast.statistics import wilson_interval

Table = list[dict[str, Any]]


def averaging(subject: Subject) -> dict[str, Table]:
    """Tables: 'regression' of clean features where images have factors; 'averaging' by number of random views, if
    asked for."""
    tables: dict[str, Table] = {}
    if subject.pool.factors and subject.test.factors:
        tables["regression"] = _regression(subject, subject.pool_features, subject.test_features)
    if subject.options.average > 0:
        tables["averaging"] = _averaged(subject)
    return tables


def _averaged(subject: Subject) -> Table:
    """A fresh head for each number of views, training and test images alike."""
    most = subject.options.average
    counts = [*(count for count in COUNTS if count < most), most]
    make = view_maker(
        subject.pool.source, _views(subject), seed=subject.options.seed, size=subject.pool.pixels.shape[-1]
    )
    series = [
        averaged_features(
            subject.encoder, images, make, counts=counts, first_pass=first, **subject.extraction("random views")
        )
        # Passes of their own: ids of two sources repeat, and the same view of pool and test would be no new draw.
        for images, first in ((subject.pool, 0), (subject.test, most))
    ]
    rows: Table = []
    for (count, pool), (_, test) in zip(*series, strict=True):
        rows += [{"views": count} | row for row in _heads(subject, pool, test)]
    return rows


def _views(subject: Subject) -> ViewSettings:
    """What the encoder was trained with where that is known, else the preset of its images' size."""
    run = subject.facts.get("run")
    if run is not None:
        return ViewSettings(**run["views"])
    return VIEWS["cifar" if subject.test.pixels.shape[-1] <= 64 else "imagenet"]


def _heads(subject: Subject, pool: Tensor, test: Tensor) -> Table:
    if subject.pool.factors and subject.test.factors:
        return _regression(subject, pool, test)
    if subject.pool.labels is None or subject.test.labels is None:
        raise ValueError("expected labels or factors to fit heads on averaged features, got neither; leave average out")
    rows = subject.pool.positions(subject.probe_ids)
    labels = subject.pool.labels.cpu()[rows.cpu()]
    probe = fit_probe(
        pool[rows.to(pool.device)], labels, classes=subject.classes, ids=subject.probe_ids, seed=subject.options.seed
    )
    accuracy = 100 * float((probe.predict(test).cpu() == subject.labels).double().mean())
    entropy = torch.nn.functional.cross_entropy(probe.logits(test).cpu(), subject.labels)
    low, high = wilson_interval(accuracy, len(test))
    return [{"accuracy": accuracy, "low": low, "high": high, "cross_entropy": float(entropy)}]


def _regression(subject: Subject, pool: Tensor, test: Tensor) -> Table:
    names, rows = factor_targets(subject.pool), subject.pool.positions(subject.probe_ids)
    fitted = (pool[rows.to(pool.device)], _factors(subject.pool, names)[rows.cpu()])
    return regression_table(fitted, (test, _factors(subject.test, names)), names)


def _factors(images: Images, names: tuple[str, ...]) -> Tensor:
    """[n, len(names)]."""
    return torch.stack([images.factors[name].cpu() for name in names], dim=1)
