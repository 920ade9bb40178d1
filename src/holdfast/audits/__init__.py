"""Audits: each turns a Subject into a Finding. `audit` prepares the subject and runs them."""

import difflib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from holdfast.audits._inputs import Known, subject
from holdfast.audits._pairs import Pairs, find_pairs, load_pairs
from holdfast.audits.balance import balance
from holdfast.audits.base import Options, Subject
from holdfast.audits.invariance import invariance
from holdfast.audits.memorization import memorization as memorization_audit
from holdfast.audits.privacy import privacy
from holdfast.audits.quality import quality
from holdfast.audits.robustness import robustness
from holdfast.data import Images, load_images
from holdfast.evaluation import alignment, membership, memorization, unit_memorization
from holdfast.findings import Finding

__all__ = [
    "AUDITS",
    "NEED_LABELS",
    "NEED_PAIRS",
    "ON_REQUEST",
    "Options",
    "Pairs",
    "Subject",
    "alignment",
    "audit",
    "balance",
    "invariance",
    "load_pairs",
    "membership",
    "memorization",
    "privacy",
    "quality",
    "robustness",
    "unit_memorization",
]

AUDITS: dict[str, Callable[[Subject], Finding]] = {
    "quality": quality,
    "balance": balance,
    "robustness": robustness,
    "invariance": invariance,
    "memorization": memorization_audit,
    "privacy": privacy,
}
"""Audits by their command-line name."""
ON_REQUEST = frozenset({"invariance", "robustness"})
"""Audits of many passes over the images: run where `axes` names them, and left out of the default."""
NEED_LABELS = frozenset({"balance"})
"""Audits that are refused, and left out of the default, where images have no labels."""
NEED_PAIRS = frozenset({"memorization", "privacy"})
"""Audits that are refused, and left out of the default, where there are no encoder pairs."""


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
    pairs: Pairs | str | Path | None = None,
    **options: Any,
) -> list[Finding]:
    """Measures an encoder: one Finding for each of `axes`, names in AUDITS.

    axes: None takes all that the images and pairs allow, without those ON_REQUEST.

    encoder: a module that takes pixels [n, 3, h, w] in [0, 1] to features, or what load_encoder takes. images: the
    labelled pool that probes are fitted on; test images among them are left out of it. test: None holds out a fifth
    of every class, drawn by the seed. Ids are of `images`: train_ids the encoder was trained on (they define groups,
    or counts [classes] do, else the pool's), validation_ids probes are selected on, few_shot_ids the few-shot probe
    is fitted on. Of a run folder whose images these are, all that is read from it; arguments win. run: a run's
    config.json, recorded. name: shown in reports. pairs: encoders trained with and without certain images, for
    memorization and privacy, or a study's folder; None: the study in the encoder's run folder. options: fields of
    Options, such as probe_on, protocol, group_rule, seed.

    Raises ValueError (expected, got, remedy) where these do not fit together.
    """
    images = load_images(images) if isinstance(images, str) else images
    test = load_images(test) if isinstance(test, str) else test
    known = Known(train_ids=train_ids, validation_ids=validation_ids, few_shot_ids=few_shot_ids, counts=counts, run=run)
    audited = subject(encoder, images, test, known, name, Options(**options))
    audited = replace(audited, pairs=find_pairs(pairs, encoder))
    return [_timed(axis, audited) for axis in _axes(axes, audited)]


def _timed(axis: str, audited: Subject) -> Finding:
    start = time.perf_counter()
    finding = AUDITS[axis](audited)
    return replace(finding, settings={**finding.settings, "seconds": round(time.perf_counter() - start, 2)})


def _axes(axes: Sequence[str] | None, audited: Subject) -> Sequence[str]:
    if axes is None:
        labelled = audited.pool.labels is not None and audited.test.labels is not None
        unfit = set(ON_REQUEST)
        unfit |= set() if labelled else NEED_LABELS
        unfit |= NEED_PAIRS if audited.pairs is None else set()
        return [name for name in AUDITS if name not in unfit]
    for name in axes:
        if name not in AUDITS:
            near = difflib.get_close_matches(name, AUDITS, n=1)
            hint = f"did you mean {near[0]}?" if near else "these are all there are"
            raise ValueError(f"expected axes of {', '.join(AUDITS)}, got {name!r}; {hint}")
    return axes
