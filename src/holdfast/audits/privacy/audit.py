"""Privacy: can an attacker tell training images from others, or read an attribute? (2108.11023, 2102.04140)."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from holdfast.audits.privacy.attributes import attribute, attribute_rows, attribute_scores, columns_of, most_read
from holdfast.audits.subject import Audit, Lack, Scored, Subject, lacks_pairs
from holdfast.findings import Finding, Score
from holdfast.statistics import (
    DRAWS,
    Roc,
    auc_interval,
    calibrated_accuracy,
    membership,
    percentile_interval,
    resampled_membership,
)

ROC_POINTS = 200
"""Rows of the ROC table per attack, at most: spread evenly on a logarithmic axis."""
LEAST_OTHERS = {"tpr_at_1pct_fpr": 500, "tpr_at_0.1pct_fpr": 5000}
"""Non-members from which a rate at few false positives is given: it rests on five images then. At 100 (one image) it
read half too high and its interval held in three of four cases."""
_OVER = f"images (bootstrap, near-duplicates together, {DRAWS:,} draws)"
_TEXTS = {
    "auc": "chance that a member scores above a non-member, ties one half; 0.5: this attack found nothing",
    "tpr_at_1pct_fpr": "largest share of members caught while at most 1 % of non-members are taken for members",
    "tpr_at_0.1pct_fpr": "largest share of members caught while at most 0.1 % of non-members are taken for members",
    "best_balanced_accuracy": "mean of the two hit rates at the best threshold for these images, so optimistic",
    "attack_accuracy": "mean of the two hit rates on one half at the threshold that is best on the other half",
}


@dataclass(frozen=True)
class _Attack:
    """A score of each image by each encoder or pair, [views of the attacker, n]."""

    name: str
    text: str
    values: np.ndarray


def privacy(subject: Subject) -> Finding:
    """Membership inference from features: candidates, which f trained on, against external images; needs pairs. And
    attribute inference where --groups names columns: a fresh attacker, fitted on the pool, asked about test images.

    Attacks on membership: cosine (EncoderMI's threshold on the mean cosine of views, one encoder), difference
    (L_g - L_f of one pair, an attacker with a reference encoder) and averaged (the same, mean over pairs: the
    strongest). Independents are never non-members: g trained on them, which would inflate the result. Scores
    METRIC_ATTACK in [0, 1]; the rates at 1 % and 0.1 % false positives need 500 and 5,000 non-members. Table 'roc' for
    curves on logarithmic axes. Without pairs there are attributes alone, and the columns are of test images. Raises
    ValueError where there is neither.
    """
    found = _attributes(subject)
    if found is not None and _no_members(subject) is not None:
        return replace(found, settings=subject.settings | dict(found.settings))
    members = _membership(subject)
    if found is None:
        return members
    return replace(
        members,
        scores=[*members.scores, *found.scores],
        tables={**members.tables, **found.tables},
        settings=dict(members.settings) | dict(found.settings),
    )


def _attributes(subject: Subject) -> Finding | None:
    """What is read of the columns that --groups names; None where none has two groups that are large enough."""
    found = [attribute(subject, column) for column in columns_of(subject)]
    if not found:
        return None
    worst = most_read(found)
    return Finding(
        audit="privacy",
        scores=attribute_scores(found),
        columns={"id": subject.test.ids.cpu().numpy(), "attribute": worst.groups, "attribute_read": worst.right},
        tables={"per_attribute": attribute_rows(found)},
        settings={
            "attribute_column": worst.column,
            "attribute_groups": list(worst.names),
            "attribute_attacker": worst.reading.attacker,
            "attribute_images": int((worst.groups >= 0).sum()),
        },
    )


def _membership(subject: Subject) -> Finding:
    """Membership inference on the pairs."""
    scored = subject.scored
    if not scored.at("external").any():
        raise ValueError(
            "expected external images, which neither encoder trained on, to be the non-members, got none; "
            "hold some out of the pairs' training and name them in the partition"
        )
    attacks = _attacks(scored)
    chosen = scored.at("candidate") | scored.at("external")
    columns = {
        "id": scored.images.ids.cpu().numpy()[chosen],
        "member": scored.at("candidate")[chosen],
        **{attack.name: attack.values.mean(0)[chosen] for attack in attacks if attack.name != "averaged"},
    }
    return Finding(
        audit="privacy",
        scores=[score for attack in attacks for score in _scores(attack, scored, subject.options.seed)],
        columns=columns,
        tables={"roc": [row for a in attacks for row in _roc(a, scored)], "per_pair": _per_pair(attacks, scored)},
        settings=subject.settings | dict(scored.facts),
    )


def _attacks(scored: Scored) -> list[_Attack]:
    cosines = np.stack([pair.cosine_f for pair in scored.pairs])
    found = [
        _Attack("cosine", "Threshold on the mean cosine between views by f (mean over pairs)", cosines),
        _Attack("difference", "Threshold on L_g - L_f of one pair (mean over pairs)", scored.differences),
    ]
    if len(scored.pairs) > 1:
        text = f"Threshold on L_g - L_f averaged over {len(scored.pairs)} pairs"
        found.append(_Attack("averaged", text, scored.differences.mean(0, keepdims=True)))
    return found


def _split(values: np.ndarray, scored: Scored) -> tuple[np.ndarray, np.ndarray]:
    """The values of members and of non-members."""
    return values[scored.at("candidate")], values[scored.at("external")]


def _scores(attack: _Attack, scored: Scored, seed: int) -> list[Score]:
    """Means over the attacker's views, with intervals from the same resamplings of images for each."""
    groups = _split(scored.groups, scored)
    found = [membership(*_split(values, scored)) for values in attack.values]
    drawn = [resampled_membership(*_split(values, scored), groups=groups, seed=seed) for values in attack.values]
    others = len(groups[1])
    scores = []
    for name in found[0]:
        if others < LEAST_OTHERS.get(name, 0):
            continue
        value = float(np.mean([metrics[name] for metrics in found]))
        interval = percentile_interval(np.mean([draws[name] for draws in drawn], axis=0), value)
        if name == "auc":
            interval = auc_interval(value, interval, len(groups[0]), others)
        elif name == "best_balanced_accuracy":
            interval = None  # picked anew in each draw, a best threshold is pushed up by it
        scores.append(_score(attack, name, value, interval, others))
    if min(map(len, groups)) > 1:
        halves = [calibrated_accuracy(*_split(values, scored), seed=seed) for values in attack.values]
        scores.append(_score(attack, "attack_accuracy", float(np.mean(halves)), None, others))
    return scores


def _score(attack: _Attack, name: str, value: float, interval: tuple[float, float] | None, others: int) -> Score:
    false = {"tpr_at_1pct_fpr": others // 100, "tpr_at_0.1pct_fpr": others // 1000}.get(name)
    rests = "" if false is None else _rests_on(false, others)
    return Score(
        name=f"{name.replace('.', '_')}_{attack.name}",
        value=value,
        unit="share",
        range=(0.0, 1.0),
        better="lower",
        definition=f"{attack.text}: {_TEXTS[name]}{rests}.",
        interval=interval,
        interval_over="" if interval is None else _OVER,
    )


def _rests_on(false: int, others: int) -> str:
    """How many errors a rate stands on, and what the threshold, chosen on these very images, lets through of others."""
    more = 100 * (false + 1) / (others + 1)
    return (
        f"; rests on {false} false positives of {others:,} non-members, and its threshold, chosen on them, takes some "
        f"{more:.3g} % of other non-members: it reads a little high"
    )


def _roc(attack: _Attack, scored: Scored) -> list[dict[str, Any]]:
    """The curve of each of the attacker's views; 'pair' is None for the averaged attack."""
    rows = []
    for number, values in enumerate(attack.values):
        roc = Roc.of(*_split(values, scored))
        false, true = roc.false_positives, roc.true_positives
        last = np.append(np.flatnonzero(np.diff(false)), len(false) - 1)  # the best rate at each false-positive rate
        keep = last[np.unique(np.geomspace(1, len(last), ROC_POINTS).round().astype(int)) - 1]
        pair = None if attack.name == "averaged" else number
        rows += [
            {"attack": attack.name, "pair": pair, "fpr": float(false[i]), "tpr": float(true[i])} for i in keep.tolist()
        ]
    return rows


def _per_pair(attacks: list[_Attack], scored: Scored) -> list[dict[str, Any]]:
    return [
        {"attack": attack.name, "pair": number, **membership(*_split(values, scored))}
        for attack in attacks
        if attack.name != "averaged"
        for number, values in enumerate(attack.values)
    ]


def _no_members(subject: Subject) -> Lack:
    """What membership inference lacks."""
    if subject.pairs is None or "external" in subject.pairs.parts:
        return lacks_pairs(subject)
    text = "external images, which neither encoder trained on, as non-members"
    return text, "hold some out of the pairs' training and name them in the partition"


def _lacks(subject: Subject) -> Lack:
    lack = _no_members(subject)
    if lack is None or columns_of(subject):
        return None
    return lack[0], f"{lack[1]}; or name an attribute to be read, as in --groups FILE.csv:site"


PRIVACY = Audit(privacy, lacks=_lacks)
