"""Every attack's score of every image, by the encoder and by random weights of the same network."""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from holdfast.audits.membership.deja_vu import DejaVu, deja_vu
from holdfast.audits.subject import Members, Subject
from holdfast.data import Images
from holdfast.evaluation.inference import (
    NORMS,
    PARTS,
    folds_of_groups,
    likelihood_ratio,
    log_norms,
    map_reader,
    part_answers,
    trained_attacker,
)
from holdfast.statistics import Stream

LEAST_NORMS = 200
"""Members, and non-members, from which norms are compared: 100 of each to fit, 100 of each to attack."""
LEAST_PARTS, MOST_PARTS = 1000, 2000
"""Members, and non-members, from which parts are compared, and how many of each at most: 33 passes for an image."""


@dataclass(frozen=True, eq=False)
class Attack:
    """One attack; higher scores mean member. NaN for images that it was fitted on, or that it did not score."""

    name: str
    text: str
    values: np.ndarray
    """[n] by the encoder."""
    random: np.ndarray | None
    """[n] by random weights of the same network."""


@dataclass
class Attacks:
    """What was tried, and what was not and why."""

    calibration: np.ndarray
    """[n] bool, the half that attacks are fitted on."""
    made: list[Attack] = field(default_factory=list)
    not_made: list[str] = field(default_factory=list)
    deja_vu: DejaVu | None = None
    zero_norms: int = 0
    """Images whose feature is zero: norms leave them out."""


def all_attacks(subject: Subject, members: Members) -> Attacks:
    """The attacks that the encoder and the number of images allow."""
    seed = subject.options.seed
    halves = folds_of_groups(members.groups, members.member, 2, seed=seed, purpose="calibration half")
    found = Attacks(calibration=halves == 0)
    _by_norms(subject, members, found)
    _by_parts(subject, members, found)
    _by_deja_vu(subject, members, found)
    return found


def _by_deja_vu(subject: Subject, members: Members, found: Attacks) -> None:
    """Neighbours of an image's corner: nothing is fitted on members, so that all images are attacked."""
    measured = deja_vu(subject, members)
    if isinstance(measured, str):
        found.not_made.append(f"déjà vu: {measured}")
        return
    found.deja_vu = measured
    text = "log ratio of the label's share among neighbours of the corner to its probability by the background"
    found.made.append(Attack("deja_vu", text, measured.ratio, measured.random))


def _by_norms(subject: Subject, members: Members, found: Attacks) -> None:
    features = subject.kept_features(members.images, "members")
    known = (features != 0).any(1).cpu().numpy()
    found.zero_norms = int((~known).sum())
    fewest = min((known & found.calibration & (members.member == kind)).sum() for kind in (True, False))
    if fewest < LEAST_NORMS // 2:
        found.not_made.append(
            f"norms: after those of zero, {fewest:,} images of a set are left to fit on, under {LEAST_NORMS // 2}"
        )
        return
    try:
        own = _norm_scores(features, members, known, found.calibration)
    except ValueError as error:
        found.not_made.append(f"norms: {error}")
        return
    reference = _random_norms(subject, members, found.calibration)
    for name, values in own.items():
        norm = "largest entry" if name == "inf" else f"L{name} norm"
        text = f"log ratio of two Gaussians of the logarithm of a feature's {norm}"
        found.made.append(Attack(f"norm_{name}", text, values, reference.get(name)))


def _norm_scores(
    features: Tensor, members: Members, known: np.ndarray, calibration: np.ndarray
) -> dict[str, np.ndarray]:
    """Scores [n] for each p of NORMS, NaN on the calibration half and for features of zeros."""
    logs, scores = log_norms(features), {}
    for name in NORMS:
        values = np.where(known, logs[name], 0.0)
        ratio = likelihood_ratio(values, members.member, calibration & known)
        scores[name] = np.where(known & ~calibration, ratio, np.nan)
    return scores


def _random_norms(subject: Subject, members: Members, calibration: np.ndarray) -> dict[str, np.ndarray]:
    """Norm scores by random weights; nothing where there are none, or their features are of one length."""
    reference = subject.reference
    if reference is None:
        return {}
    features = reference.kept_features(members.images, "members, random weights")
    try:
        return _norm_scores(features, members, (features != 0).any(1).cpu().numpy(), calibration)
    except ValueError:
        return {}


def _by_parts(subject: Subject, members: Members, found: Attacks) -> None:
    if members.fewest < LEAST_PARTS:
        found.not_made.append(f"parts: {members.fewest:,} images in the smaller set, under {LEAST_PARTS:,}")
        return
    chosen = _chosen(members, found.calibration, subject.options.seed)
    values = _part_scores(subject, members, found.calibration, chosen)
    if values is None:
        found.not_made.append(
            "parts: no map of 16 places or more, as wide as the feature, was found before the network's pooling"
        )
        return
    random = subject.reference
    reference = None if random is None else _part_scores(random, members, found.calibration, chosen)
    text = f"a network on how {PARTS} crops of an image answer in the image's map (PartCrop)"
    found.made.append(Attack("parts", text, values, reference))


def _chosen(members: Members, calibration: np.ndarray, seed: int) -> np.ndarray:
    """Positions, ascending: as many members as non-members in each half, MOST_PARTS of each at most."""
    found = []
    for half in (calibration, ~calibration):
        kinds = [np.flatnonzero(half & (members.member == kind)) for kind in (True, False)]
        count = min(MOST_PARTS // 2, *map(len, kinds))
        found += [places[Stream(seed, "parts of").shuffled(len(places))[:count]] for places in kinds]
    return np.sort(np.concatenate(found))


def _part_scores(subject: Subject, members: Members, calibration: np.ndarray, chosen: np.ndarray) -> np.ndarray | None:
    images: Images = members.images.subset(torch.from_numpy(chosen))
    read = map_reader(subject.encoder, images.pixels.shape[-1])
    if read is None:
        return None
    more = subject.extraction("parts")
    found = part_answers(
        subject.encoder,
        read,
        images.pixels,
        seed=subject.options.seed,
        device=more["device"],
        batch_size=more["batch_size"],
        progress=more["progress"],
        crew=more["crew"],
    )
    scores, known = np.full(len(calibration), np.nan), calibration[chosen]
    log_odds = trained_attacker(found, members.member[chosen], known, seed=subject.options.seed)
    scores[chosen] = np.where(known, np.nan, log_odds)
    return scores
