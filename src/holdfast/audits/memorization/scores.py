"""The memorization audit's scores: means of the parts, candidates against the null, and whether rankings repeat."""

import numpy as np

from holdfast.audits.subject import LEAST_PAIRS, Scored
from holdfast.findings import Score
from holdfast.statistics import (
    DRAWS,
    agreement_gap,
    correlation_interval,
    difference_interval,
    effect_size,
    empirical_p,
    false_discovery,
    larger_mean_p,
    least_null,
    mean_interval,
    mean_pairwise_spearman,
    membership,
    spearman,
)

_PARTS = {
    "candidate": "candidates (S_C: f trained on them, g did not); positive where training memorised them",
    "shared": "shared images (S_S: in both); near 0 because memorization cancels there, not because there is none",
    "independent": "independents (S_I: g trained on them, f did not); negative where training memorised them",
    "external": "external images (S_E: in neither); the null",
}
_IMAGES = "images (Student's t)"


def memory_scores(scored: Scored, *, seed: int) -> list[Score]:
    """All scores that need no labels."""
    differences, candidate = scored.differences.mean(0), scored.at("candidate")
    text = "Mean over the candidates of (L_g - L_f) / (L_g + L_f)"
    found = [_mean("ratio_candidate", scored.ratios.mean(0)[candidate], "ratio", 1.0, text)]
    for part, words in _PARTS.items():
        if scored.at(part).any():
            text = f"Mean of L_g - L_f over the {words}"
            found.append(_mean(f"difference_{part}", differences[scored.at(part)], "distance", 2.0, text))
    if scored.at("external").any():
        found += _against_null(differences[candidate], differences[scored.at("external")])
        found += _discoveries(scored)
    return found + _reliability(scored, seed=seed)


def _mean(name: str, values: np.ndarray, unit: str, bound: float, text: str) -> Score:
    return _score(name, float(values.mean()), unit, (-bound, bound), text, mean_interval(values), _IMAGES)


def _score(
    name: str,
    value: float,
    unit: str,
    bounds: tuple[float | None, float | None],
    text: str,
    interval: tuple[float, float] | None = None,
    over: str = "",
) -> Score:
    if interval is not None and bounds[0] is not None and bounds[1] is not None:
        interval = (max(bounds[0], interval[0]), min(bounds[1], interval[1]))
    return Score(
        name=name,
        value=value,
        unit=unit,
        range=bounds,
        better="neither",
        definition=f"{text}.",
        interval=interval,
        interval_over="" if interval is None else over,
    )


def _against_null(own: np.ndarray, null: np.ndarray) -> list[Score]:
    """Candidates' differences [n] against the external images' [m]."""
    centred, apart = float(own.mean() - null.mean()), difference_interval(own, null)
    text = "Mean of L_g - L_f over the candidates minus the mean over the external images"
    return [
        _score("centred_candidate", centred, "distance", (-4.0, 4.0), text, apart, "images (Welch)"),
        _score(
            "effect_size",
            effect_size(own, null),
            "standard deviations",
            (None, None),
            "Cohen's d of L_g - L_f, candidates against external images, by the pooled standard deviation",
        ),
        _score(
            "auc_external",
            membership(own, null)["auc"],
            "share",
            (0.0, 1.0),
            "Chance that L_g - L_f, mean over pairs, is larger for a candidate than for an external image",
        ),
        _score(
            "p_candidate",
            larger_mean_p(own, null),
            "p",
            (0.0, 1.0),
            "One-sided p of the candidates' mean against the external images' (Welch); many images make it small",
        ),
    ]


def _discoveries(scored: Scored) -> list[Score]:
    """How many candidates stand out, by the ratio that ranks them; nothing below the pairs that ranks need."""
    if len(scored.pairs) < LEAST_PAIRS:
        return []
    own, null = (scored.ratios.mean(0)[scored.at(part)] for part in ("candidate", "external"))
    found = float((false_discovery(empirical_p(own, null)) <= 0.05).sum())
    text = (
        "Candidates whose ratio exceeds the external images' at a false discovery rate of 5 %; a single one can from "
        f"{least_null(len(own)):,} external images on, of which there are {len(null):,}"
    )
    return [_score("discovered", found, "count", (0.0, float(len(own))), text)]


def _reliability(scored: Scored, *, seed: int) -> list[Score]:
    """Rank correlations of the ratio between halves of the views and between pairs; the external images' are the
    null's."""
    found = []
    halves = [np.mean([getattr(pair, h) for pair in scored.pairs], axis=0) for h in ("first_ratio", "second_ratio")]
    for part in ("candidate", "external"):
        members = scored.at(part)
        if members.sum() < 2:
            continue
        text = f"Rank correlation of the ratio between two halves of the views, {part} images; high in the null too"
        found.append(_correlation(f"split_half_{part}", spearman(*(half[members] for half in halves)), text))
        if len(scored.pairs) > 1:
            text = f"Mean rank correlation of the ratio between pairs, {part} images"
            value = mean_pairwise_spearman(list(scored.ratios[:, members]))
            found.append(_correlation(f"cross_pair_{part}", value, text))
    return found + _agreement(scored, seed)


def _agreement(scored: Scored, seed: int) -> list[Score]:
    """How much more pairs agree on the candidates' order than on the external images'."""
    own, null = scored.at("candidate"), scored.at("external")
    if len(scored.pairs) < 2 or min(own.sum(), null.sum()) < 2:
        return []
    groups = scored.groups[own], scored.groups[null]
    value, interval = agreement_gap(scored.ratios[:, own], scored.ratios[:, null], groups=groups, seed=seed)
    text = "Mean rank correlation of the ratio between pairs, candidates less external images; above 0: ranks are real"
    over = f"images (bootstrap, near-duplicates together, {DRAWS:,} draws)"
    return [_score("cross_pair_gap", value, "rank correlation", (-2.0, 2.0), text, interval, over)]


def _correlation(
    name: str, value: float, text: str, interval: tuple[float, float] | None = None, over: str = ""
) -> Score:
    return _score(name, value, "rank correlation", (-1.0, 1.0), text, interval, over)


def class_size_scores(columns: dict[str, np.ndarray]) -> list[Score]:
    """Is the tail memorised more: Spearman over classes of their candidates' mean ratio with the class's training
    images; negative is yes."""
    candidate = columns["part"] == "candidate"
    if "class_count" not in columns or len(np.unique(columns["class_count"][candidate])) < 2:
        return []
    ratio, count, label = (columns[name][candidate] for name in ("ratio", "class_count", "label"))
    classes = np.unique(label)
    means = np.array([ratio[label == k].mean() for k in classes])
    sizes = np.array([count[label == k][0] for k in classes])
    value = spearman(means, sizes)
    text = "Rank correlation over classes of their mean ratio with their training images; below 0: the tail more"
    return [_correlation("class_size", value, text, correlation_interval(value, len(classes)), "classes (Fisher's z)")]
