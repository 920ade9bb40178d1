"""Déjà vu of one encoder: from an image's corner to its label, by neighbours of the corner and by backgrounds alone."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from holdfast.audits.subject import Members, Subject
from holdfast.data.duplicates import look_alikes
from holdfast.data.images import class_names
from holdfast.evaluation.inference import (
    CONFIDENT,
    DEJA_VU_NEIGHBOURS,
    accuracy_of_confident,
    background_shares,
    corners,
    label_ratio,
    memorized,
    neighbour_shares,
    strength,
)
from holdfast.randomness import key, permutation

LEAST_DEJA_VU = 1000
"""Members, and non-members, from which déjà vu is measured: shares are known to three points."""
LEAST_NEIGHBOURS = 5
MOST_FITTED = 5000
"""Labelled images, at most, whose corners the background classifiers are fitted on."""
_LEAST_CONFIDENT = 50


@dataclass(frozen=True, eq=False)
class DejaVu:
    """What the corners of members and non-members told."""

    ratio: np.ndarray
    """[n] log ratio of the right label by neighbours to that by backgrounds: the attack's score."""
    random: np.ndarray | None
    """[n] the same by neighbours in random weights of the same network."""
    rows: list[dict[str, Any]]
    """By set and share of the most confident: accuracies by neighbours and by backgrounds, and their difference."""
    facts: dict[str, Any]


def deja_vu(subject: Subject, members: Members) -> DejaVu | str:
    """What was measured, or why nothing was."""
    if members.fewest < LEAST_DEJA_VU:
        return f"{members.fewest:,} images in the smaller set, under {LEAST_DEJA_VU:,}"
    known = _labels(subject, members)
    if isinstance(known, str):
        return known
    if not isinstance(subject.pool.pixels, Tensor):
        return "the labelled images (--data) are streamed; raise --memory-gib"
    apart = torch.from_numpy(np.flatnonzero(~look_alikes(subject.pool.pixels, members.images.pixels)))
    if not len(apart):
        return "all labelled images (--data) are members or non-members; name others"
    public = subject.pool.subset(apart)
    labels = public.known_labels()
    counts = torch.bincount(labels, minlength=subject.classes)
    k = min(DEJA_VU_NEIGHBOURS, int(counts[counts > 0].min()))
    if k < LEAST_NEIGHBOURS or set(known.unique().tolist()) - set(labels.unique().tolist()):
        return f"a class has {int(counts.min())} images in --data, under {LEAST_NEIGHBOURS}: no label can be told"
    return _measured(subject, members, apart, labels, known, k)


def _labels(subject: Subject, members: Members) -> Tensor | str:
    """Classes [n] of members and non-members, numbered as the labelled images' are; or why there are none."""
    if subject.pool.labels is None or members.classes is None:
        lacking = "labelled images (--data)" if subject.pool.labels is None else "labels of members and non-members"
        return f"it needs {lacking}"
    places = {name: number for number, name in enumerate(class_names(subject.pool))}
    unknown = sorted(set(members.classes) - set(places))
    if unknown:
        return f"members have classes that --data does not have, as {unknown[0]!r}"
    return torch.tensor([places[name] for name in members.classes])


def _measured(subject: Subject, members: Members, apart: Tensor, labels: Tensor, known: Tensor, k: int) -> DejaVu:
    side, seed = members.images.pixels.shape[-1], subject.options.seed
    asked = corners(members.images.pixels, side)
    fitted = permutation(key(seed, "background images"), len(apart))[:MOST_FITTED].sort().values
    theirs = corners(subject.pool.subset(apart[fitted]).pixels, side)
    backgrounds = background_shares(theirs, labels[fitted], asked, classes=subject.classes, seed=seed)
    own = _shares(subject, asked, apart, labels, k)
    rows = [
        _row(own[inside], {n: b[inside] for n, b in backgrounds.items()}, known[inside], share, name)
        for name, inside in (("members", members.member), ("non-members", ~members.member))
        for share in CONFIDENT
        if round(share * inside.sum()) >= _LEAST_CONFIDENT
    ]
    best = _strongest(backgrounds, known, members.member)
    random = subject.reference
    by_random = (
        None
        if random is None
        else label_ratio(_shares(random, asked, apart, labels, k), backgrounds[best], known, k=k).double().numpy()
    )
    gone = memorized(own, backgrounds[best], known) & (strength(own, backgrounds[best]) > 0)
    return DejaVu(
        ratio=label_ratio(own, backgrounds[best], known, k=k).double().numpy(),
        random=by_random,
        rows=rows,
        facts={
            "deja_vu_neighbours": k,
            "deja_vu_reference": best,
            "deja_vu_public_images": len(apart),
            "deja_vu_dropped_public_images": len(subject.pool) - len(apart),
            "deja_vu_memorized_members": int(gone[torch.from_numpy(members.member)].sum()),
            "deja_vu_memorized_non_members": int(gone[torch.from_numpy(~members.member)].sum()),
        },
    )


def _shares(subject: Subject, asked: Tensor, apart: Tensor, labels: Tensor, k: int) -> Tensor:
    """Class shares [n, classes] among the public images that are nearest to each corner, on the CPU."""
    queries, pool = subject.features(asked, "corners"), subject.pool_features
    public = pool[apart.to(pool.device)]
    return neighbour_shares(queries.to(pool.device), public, labels, classes=subject.classes, k=k).cpu()


def _strongest(backgrounds: dict[str, Tensor], known: Tensor, member: np.ndarray) -> str:
    """The reference that tells non-members' labels best: a weak one would pass for memory."""
    others = torch.from_numpy(~member)
    return max(backgrounds, key=lambda name: accuracy_of_confident(backgrounds[name][others], known[others], 1.0))


def _row(own: Tensor, backgrounds: dict[str, Tensor], known: Tensor, share: float, name: str) -> dict[str, Any]:
    accuracy = accuracy_of_confident(own, known, share)
    by = {n: accuracy_of_confident(shares, known, share) for n, shares in backgrounds.items()}
    row = {"images": name, "most_confident": share, "by_neighbours": accuracy}
    row |= {f"by_{n}": value for n, value in by.items()}
    return row | {"deja_vu": accuracy - max(by.values())}
