"""Attribute inference: what a fresh attacker reads of an attribute from features (arXiv:2102.04140)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from holdfast.evaluation.probes import fit_probe, stratified_folds
from holdfast.randomness import seeded_library

HIDDEN, STEPS, ASKED_EVERY = 128, 200, 10
"""The network's hidden units, its steps over all images at once, and after how many it is asked about the held part."""


@dataclass(frozen=True)
class Reading:
    """What the better of two attackers reads."""

    predicted: Tensor
    """[m] int64, on the CPU: the group of each image asked about."""
    attacker: str
    """'linear' or 'network': the one that read more of the held part."""
    held: dict[str, float]
    """By attacker: percent of the held part that it reads, mean over groups."""


def read_attribute(features: Tensor, groups: Tensor, asked: Tensor, *, ids: Tensor, count: int, seed: int) -> Reading:
    """The groups of images asked about [m, dim], by an attacker with features [n, dim] and groups [n] in 0..count-1.

    Two attackers, each with all groups worth the same whatever their size: logistic regression (L-BFGS, its
    regularisation chosen by folds) and a network with one hidden layer (Adam, stopped at its best step). The one is
    taken that reads more of a fifth held back from both, by ids [n], so nothing is chosen on the images asked about.
    """
    groups = groups.to(features.device)
    held = stratified_folds(groups, ids.to(features.device), seed=seed) == 0
    mean, deviation = features[~held].mean(0), features[~held].std(0, correction=0)
    scale = torch.where(deviation > 1e-6 * deviation.max(), deviation, 1.0)
    own, part, others = ((some - mean) / scale for some in (features[~held], features[held], asked))
    given, kept = (own, groups[~held]), (part, groups[held])
    answers = {
        "linear": _linear(*given, part, others, count=count, ids=ids.to(features.device)[~held], seed=seed),
        "network": _network(*given, kept, others, count=count, seed=seed),
    }
    shares = {name: _mean_share(on_held.argmax(1), kept[1], count) for name, (on_held, _) in answers.items()}
    best = max(shares, key=lambda name: shares[name])
    return Reading(answers[best][1].argmax(1).cpu(), best, {name: 100 * share for name, share in shares.items()})


def _linear(
    x: Tensor, groups: Tensor, part: Tensor, asked: Tensor, *, count: int, ids: Tensor, seed: int
) -> tuple[Tensor, Tensor]:
    """Logits of the held part and of those asked about, each group's share of the images taken off."""
    probe = fit_probe(x, groups, classes=count, ids=ids, seed=seed)
    prior = torch.bincount(groups, minlength=count).to(x).clamp(min=0.5).log()
    return probe.logits(part) - prior, probe.logits(asked) - prior


def _network(
    x: Tensor, groups: Tensor, kept: tuple[Tensor, Tensor], asked: Tensor, *, count: int, seed: int
) -> tuple[Tensor, Tensor]:
    """Logits of the held part and of those asked about, at the step that reads most of the held part."""
    with seeded_library(seed, "attribute attacker"):
        network = nn.Sequential(nn.Linear(x.shape[1], HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, count)).to(x)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-2, weight_decay=1e-2)
    sizes = torch.bincount(groups, minlength=count).to(x)
    weight = torch.where(sizes > 0, len(groups) / (count * sizes.clamp(min=1)), 0.0)
    best, found = -1.0, (x.new_zeros(len(kept[0]), count), x.new_zeros(len(asked), count))
    with torch.enable_grad():
        for step in range(1, STEPS + 1):
            optimiser.zero_grad()
            F.cross_entropy(network(x), groups, weight=weight).backward()
            optimiser.step()
            if step % ASKED_EVERY == 0:
                with torch.no_grad():
                    logits = network(kept[0])
                    share = _mean_share(logits.argmax(1), kept[1], count)
                    if share > best:
                        best, found = share, (logits, network(asked))
    return found


def _mean_share(predicted: Tensor, groups: Tensor, count: int) -> float:
    """Share of images whose group is read, mean over the groups that there are."""
    sizes = torch.bincount(groups, minlength=count)
    right = torch.bincount(groups[predicted == groups], minlength=count)
    return float((right[sizes > 0] / sizes[sizes > 0]).mean()) if len(groups) else 0.0
