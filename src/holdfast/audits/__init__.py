"""Audits: each turns a Subject into a Finding. `audit` prepares the subject and runs them."""

import difflib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from holdfast.audits._inputs import Known, subject
from holdfast.audits.balance import balance
from holdfast.audits.base import Options, Subject
from holdfast.audits.quality import quality
from holdfast.data import Images, load_images
from holdfast.evaluation import alignment
from holdfast.findings import Finding

__all__ = [
    "AUDITS",
    "NEED_LABELS",
    "Options",
    "Subject",
    "alignment",
    "audit",
    "balance",
    "quality",
]

AUDITS: dict[str, Callable[[Subject], Finding]] = {"quality": quality, "balance": balance}
"""Audits by their command-line name."""
NEED_LABELS = frozenset({"balance"})
"""Audits that are refused, and left out of the default, where images have no labels."""


def audit(
    encoder: nn.Module | str | Path,
    images: Images | str,
    *,
    test: Images | str | None = None,
    axes: Sequence[str] | None = None,
    train_ids: Tensor | None = None,
    validation_ids: Tensor | None = None,
    few_shot_ids: Tensor | None = None,
    counts: Sequence[int] | None = None,
    run: dict[str, Any] | None = None,
    name: str | None = None,
    **options: Any,
) -> list[Finding]:
    """Measures an encoder: one Finding for each of `axes`, names in AUDITS; None takes all that the images allow.

    encoder: a module that takes pixels [n, 3, h, w] in [0, 1] to features, or what load_encoder takes. images: the
    labelled pool that probes are fitted on; test images among them are left out of it. test: None holds out a fifth
    of every class, drawn by the seed. Ids are of `images`: train_ids the encoder was trained on (they define groups,
    or counts [classes] do, else the pool's), validation_ids probes are selected on, few_shot_ids the few-shot probe
    is fitted on. Of a run folder whose images these are, all that is read from it; arguments win. run: a run's
    config.json, recorded. name: shown in reports. options: fields of Options, such as probe_on,
    protocol, group_rule, seed.

    Raises ValueError (expected, got, remedy) where these do not fit together.
    """
    images = load_images(images) if isinstance(images, str) else images
    test = load_images(test) if isinstance(test, str) else test
    known = Known(train_ids=train_ids, validation_ids=validation_ids, few_shot_ids=few_shot_ids, counts=counts, run=run)
    audited = subject(encoder, images, test, known, name, Options(**options))
    return [_timed(axis, audited) for axis in _axes(axes, audited)]


def _timed(axis: str, audited: Subject) -> Finding:
    start = time.perf_counter()
    finding = AUDITS[axis](audited)
    return replace(finding, settings={**finding.settings, "seconds": round(time.perf_counter() - start, 2)})


def _axes(axes: Sequence[str] | None, audited: Subject) -> Sequence[str]:
    if axes is None:
        labelled = audited.pool.labels is not None and audited.test.labels is not None
        return [name for name in AUDITS if labelled or name not in NEED_LABELS]
    for name in axes:
        if name not in AUDITS:
            near = difflib.get_close_matches(name, AUDITS, n=1)
            hint = f"did you mean {near[0]}?" if near else "these are all there are"
            raise ValueError(f"expected axes of {', '.join(AUDITS)}, got {name!r}; {hint}")
    return axes
