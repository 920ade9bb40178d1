"""Long-tailed subsets as in SDCLR (arXiv:2106.02990): class sizes, groups, and the nested draws D_i, D_b and S_b.

The authors' seed is not published; this is the rule that reproduces the class sizes of all their split files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from holdfast import randomness
from holdfast.lazy import deferred

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = deferred("torch")

Profile = Callable[[int, int], list[int]]
"""(classes, images of the largest class) -> images of each class, from common to rare."""
PARETO_LEAST = 5
"""Images of the rarest classes of a Pareto tail, as in ImageNet-LT."""


def long_tail_profile(text: str) -> Profile:
    """The class sizes that 'exp:RATIO' or 'pareto:ALPHA' asks for. Raises ValueError for anything else."""
    kind, _, number = text.partition(":")
    if kind != "pareto":
        imbalance = parse_long_tail(text)
        return lambda classes, largest: long_tail_counts(classes=classes, largest=largest, imbalance=imbalance)
    try:
        alpha = float(number)
    except ValueError:
        alpha = 0.0
    if not 0 < alpha < float("inf"):
        raise ValueError(f"expected a long tail 'pareto:ALPHA' with ALPHA > 0, such as pareto:6, got {text!r}")
    return lambda classes, largest: pareto_counts(classes=classes, largest=largest, alpha=alpha)


def parse_long_tail(text: str) -> float:
    """The imbalance in 'exp:RATIO' (largest / smallest class). Raises ValueError for anything else."""
    kind, _, ratio = text.partition(":")
    try:
        imbalance = float(ratio)
    except ValueError:
        imbalance = 0.0
    if kind != "exp" or not 1 <= imbalance < float("inf"):
        raise ValueError(
            f"expected a long tail 'exp:RATIO' with a ratio of at least 1, such as exp:100, 'pareto:ALPHA' such as "
            f"pareto:6, or an index file (.json, .npy or .txt), got {text!r}"
        )
    return imbalance


def long_tail_counts(*, classes: int, largest: int, imbalance: float) -> list[int]:
    """Images per class from common to rare: floor(largest * imbalance^(-i / (classes - 1))) for i = 0..classes-1.

    The floor is exact for the decimal value of imbalance, where floating point can be off by one. One class keeps all.
    Raises ValueError unless classes >= 1, largest >= 1 and imbalance >= 1.
    """
    if classes < 1 or largest < 1 or not 1 <= imbalance < float("inf"):
        raise ValueError(
            f"expected classes, largest and imbalance of at least 1, got {classes}, {largest} and {imbalance}; "
            "imbalance is the largest class over the smallest"
        )
    steps = max(classes - 1, 1)
    ratio = Fraction(str(imbalance))
    return [_exact_floor(largest, ratio, i, steps) for i in range(classes)]


def _exact_floor(largest: int, ratio: Fraction, i: int, steps: int) -> int:
    """floor(largest * ratio^(-i/steps)): the largest n with n^steps * ratio^i <= largest^steps, in whole numbers."""
    bound = largest**steps * ratio.denominator**i
    scale = ratio.numerator**i
    n = int(largest * float(ratio) ** (-i / steps)) + 1
    while n**steps * scale > bound:
        n -= 1
    return n


def pareto_counts(*, classes: int, largest: int, alpha: float, least: int = PARETO_LEAST) -> list[int]:
    """Images per class from common to rare, quantiles of a Pareto distribution, as ImageNet-LT's (arXiv:1904.05160).

    floor(largest * q(i) / q(0)) for i = 0..classes-1 with q(i) = ((i + 1) / (classes + 1))^(-1 / alpha) - 1: the
    distribution that starts at 0 (Lomax), whose survival function is (1 + x)^-alpha; at least `least`, as far as
    `largest` allows. The paper names the law and alpha = 6 only: 1,000 classes of at most 1,280 images come to
    117,137 images here and to 115,846 in its list. Raises ValueError unless classes >= 1, largest >= 1, alpha > 0.
    """
    if classes < 1 or largest < 1 or least < 1 or not 0 < alpha < float("inf"):
        raise ValueError(
            f"expected classes, largest and least of at least 1 and alpha > 0, got {classes}, {largest}, {least} and "
            f"{alpha}; ImageNet-LT has alpha 6"
        )
    quantiles = [((i + 1) / (classes + 1)) ** (-1 / alpha) - 1 for i in range(classes)]
    return [min(largest, max(least, int(largest * q / quantiles[0]))) for q in quantiles]


def class_groups(counts: Sequence[int], *, rule: Literal["thirds", "thresholds"] = "thirds") -> dict[str, list[int]]:
    """Classes as 'many', 'medium' and 'few', by their training images; each list ascending. One without any is in none.

    thirds: sorted by count (ties by class number), few = first floor(C/3), medium = next floor(C/3), many = the rest.
    thresholds: many > 100 images, medium 20 to 100, few < 20; a group may be empty.
    """
    if rule == "thirds":
        order = sorted((index for index, count in enumerate(counts) if count), key=lambda index: counts[index])
        third = len(order) // 3
        few, medium, many = order[:third], order[third : 2 * third], order[2 * third :]
    elif rule == "thresholds":
        many = [index for index, count in enumerate(counts) if count > 100]
        medium = [index for index, count in enumerate(counts) if 20 <= count <= 100]
        few = [index for index, count in enumerate(counts) if 0 < count < 20]
    else:
        raise ValueError(f"expected the group rule 'thirds' or 'thresholds', got {rule!r}")
    return {"many": sorted(many), "medium": sorted(medium), "few": sorted(few)}


@dataclass(frozen=True, eq=False)
class LongTailSplit:
    """Nested draws from a labelled pool: few_shot lies inside train and inside balanced. Ids ascend."""

    train: Tensor
    """D_i: the long-tailed training images, int64 [sum of counts]."""
    balanced: Tensor
    """D_b: the same number from each class, about as many images as D_i."""
    few_shot: Tensor
    """S_b: from each class as many as the rarest class of D_i has."""
    counts: tuple[int, ...]
    """Images of D_i by class."""


def long_tail_split(
    labels: Tensor,
    ids: Tensor,
    *,
    imbalance: float = 1.0,
    seed: int,
    largest: int | None = None,
    profile: Profile | None = None,
) -> LongTailSplit:
    """Draws a long tail, exponential by `imbalance` or of any other `profile`, from a labelled pool.

    labels [n]: classes 0..C-1; ids [n]. A permutation of the classes, drawn by seed, says which class gets which rank
    of the profile. Within a class the images are ordered by a draw keyed by seed and id, so the order of rows changes
    nothing; D_i takes the first n_c, D_b the first floor(|D_i| / C), S_b the first min n_c. largest is by default the
    largest class of the pool.

    Pools whose classes differ in size: a class that has fewer images than its rank asks for gives all it has, and D_b
    takes no more from each class than the smallest class has. Raises ValueError where a class would keep no image.
    """
    queues = _class_queues(labels, ids, seed)
    available = [len(queue) for queue in queues]
    profile = profile or long_tail_profile(f"exp:{imbalance}")
    rule = profile(len(queues), largest or max(available))
    ranks = randomness.permutation(randomness.key(seed, "long-tail classes"), len(queues)).tolist()
    counts = [min(rule[rank], here) for rank, here in zip(ranks, available, strict=True)]
    if min(counts) < 1:
        raise ValueError(
            f"expected at least one image in every class of the long tail that is asked for, got {available} images "
            f"by class, of which {counts} would be kept; lower the imbalance or raise --limit"
        )
    return _nested(queues, counts)


def split_of(labels: Tensor, ids: Tensor, chosen: Tensor, *, seed: int) -> LongTailSplit:
    """The split whose D_i is given: chosen ids [m] of a pool with labels [n] and ids [n]; D_b and S_b by the rule."""
    queues = _class_queues(labels, ids, seed, first=chosen)
    counts = [int(torch.isin(queue, chosen).sum()) for queue in queues]
    return _nested(queues, counts)


def _class_queues(labels: Tensor, ids: Tensor, seed: int, first: Tensor | None = None) -> list[Tensor]:
    """Each class's ids in the order in which they are taken; ids in `first` come before the others."""
    if len(labels) != len(ids) or not len(ids):
        raise ValueError(f"expected labels and ids of the same images, got {len(labels)} labels and {len(ids)} ids")
    labels, ids = labels.to("cpu", torch.int64), ids.to("cpu", torch.int64)
    order = randomness.fold(randomness.key(seed, "long-tail images"), ids).argsort()
    if first is not None:
        order = order[torch.isin(ids[order], first.cpu(), invert=True).to(torch.uint8).argsort(stable=True)]
    return [ids[order[labels[order] == index]] for index in range(int(labels.max()) + 1)]


def _nested(queues: list[Tensor], counts: list[int]) -> LongTailSplit:
    even = min(sum(counts) // len(counts), *(len(queue) for queue in queues))
    return LongTailSplit(
        train=_heads(queues, counts),
        balanced=_heads(queues, [even] * len(queues)),
        few_shot=_heads(queues, [min(counts)] * len(queues)),
        counts=tuple(counts),
    )


def _heads(queues: list[Tensor], counts: Sequence[int]) -> Tensor:
    """The first counts[c] ids of each class, ascending."""
    return torch.cat([queue[:count] for queue, count in zip(queues, counts, strict=True)]).sort().values


def nested_subsets(labels: Tensor, ids: Tensor, shares: Sequence[float], *, seed: int) -> list[Tensor]:
    """Ids [*] of a share of every class, one tensor a share, ascending; a smaller share's lie inside a larger one's.

    Of a class with n of the ids, round(share * n) are taken and at least one, in the order that the long tail takes
    them: 0.01 and 0.1 are the usual 1 % and 10 % subsets. Raises ValueError for a share outside (0, 1].
    """
    wrong = [share for share in shares if not 0 < share <= 1]
    if wrong:
        raise ValueError(f"expected shares above 0 and at most 1, got {wrong[0]:g}; 0.01 takes 1 % of every class")
    queues = [queue for queue in _class_queues(labels, ids, seed) if len(queue)]
    return [_heads(queues, [max(1, round(share * len(queue))) for queue in queues]) for share in shares]
