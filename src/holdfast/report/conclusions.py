"""What may be concluded from a memorization or privacy audit, in plain sentences."""

from collections.abc import Iterator, Mapping

from holdfast.findings import Finding, Score
from holdfast.report.wording import number, printable, seen_in_training

LEAST_PAIRS = 3
FEW_TESTS = 5
"""Test images of a class below which its own accuracy may be nearly anything."""


def of_tests(finding: Finding) -> list[str]:
    """That training saw some of the test images, where it did."""
    said = seen_in_training(finding.settings)
    return [said] if said else []


def of_few_tests(finding: Finding) -> list[str]:
    """Why the worst class's interval is wide where classes have too few test images to say which is worst."""
    counts = [int(row["test_images"]) for row in finding.tables.get("per_class", ())]
    few = [count for count in counts if count < FEW_TESTS]
    if not few or all(score.name != "worst_class" for score in finding.scores):
        return []
    classes = f"{len(few)} of {len(counts)} classes {'has' if len(few) == 1 else 'have'}"
    images = "a single test image" if max(few) == 1 else f"fewer than {FEW_TESTS} test images, the fewest {min(few)}"
    return [f"Worst class: {classes} {images}, of which nothing certain can be said; hence its wide interval."]


def of_spread(finding: Finding) -> list[str]:
    """Why the spread between groups reads 0.0 where the groups' accuracies differ: the noise in them is taken off."""
    known = {score.name: score.value for score in finding.scores}
    shown, published = (f"{known.get(name, 0.0):.1f}" for name in ("std", "std_published"))
    if "std" not in known or shown != "0.0" or published == "0.0":
        return []
    return [
        f"Std 0.0: groups differ ({published} as papers print it), but no more than the noise of so few test images "
        "alone makes equal ones differ, and that is taken off."
    ]


def of_worst_group(finding: Finding) -> list[str]:
    """Which of the user's own groups the worst one is."""
    marked = [row for row in finding.tables.get("per_group", ()) if row["worst"]]
    if not marked:
        return []
    row = min(marked, key=lambda row: row["accuracy"])
    images = f"{row['test_images']:,} test images"
    return [f"Worst group: {printable(row['column'])} {printable(row['group'])}, {row['accuracy']:.1f} % of {images}."]


def trustworthy(finding: Finding) -> bool:
    """Whether a memorization finding's ranking of single images may be used."""
    return not _doubts(finding)


def of_memorization(finding: Finding) -> list[str]:
    """What it was measured on, and whether the ranking of single images may be used."""
    doubts = _doubts(finding)
    usable = (
        f"Nothing can be concluded about single images: the ranking is not trustworthy, {'; '.join(doubts)}."
        if doubts
        else "The ranking may be used: candidates lie above the external images, some stand out one by one, and pairs "
        "agree on their order more."
    )
    return [f"Measured on {finding.settings['measured_on']}.", usable, *_of_removal(finding)]


def _of_removal(finding: Finding) -> Iterator[str]:
    """What training without the images that were memorised most did to the linear probe, beside drawn ones."""
    for row in finding.tables.get("removal", ()):
        for name, where in (("linear_accuracy", "test"), ("downstream_linear_accuracy", "downstream")):
            low, high = (row.get(f"{name}_beyond_{end}") for end in ("low", "high"))
            if low is None or high is None or not str(row["removed"]).startswith("top-"):
                continue
            told = "costs more than" if high < 0 else "costs less than" if low > 0 else "cannot be told from"
            yield (
                f"Training without the {row['images']:,} images memorised most {told} "
                "training without as many drawn ones: "
                f"{row[f'{name}_beyond']:+.1f} points [{low:+.1f}, {high:+.1f}] of the linear probe on {row[where]}, "
                f"{row['encoders']} pairs."
            )


def _doubts(finding: Finding) -> list[str]:
    """Why the ranking is not trustworthy; empty where it is."""
    values = {score.name: score for score in finding.scores}
    pairs = finding.settings.get("distinct_pairs", finding.settings["pairs"])
    if "centred_candidate" not in values:
        return ["because no external images say how far scores move by chance"]
    doubts = []
    if pairs < LEAST_PAIRS:
        doubts.append(f"because {pairs} {'pair is' if pairs == 1 else 'pairs are'} too few to rank images (3 or more)")
    doubts += _apart(values) + (_repeats(values) if pairs > 1 else [])
    return doubts + (_discovered(finding, values) if pairs >= LEAST_PAIRS else [])


def _apart(values: Mapping[str, Score]) -> list[str]:
    """The candidates' mean must lie above the external images' by more than the sampling error of both.

    Above the external images' own interval alone, one null in twelve would pass: the candidates' mean varies as well.
    """
    own, null, apart = (values[name] for name in ("difference_candidate", "difference_external", "centred_candidate"))
    if apart.interval is None:
        return ["because so few images, or values that do not vary, do not say how far their means move by chance"]
    low, high = apart.interval
    if low > 0:
        return []
    return [
        f"because the candidates' mean {_number(own.value)} is not above the 95 % interval of the external images' "
        f"{_number(null.value)} (difference {_number(apart.value)}, interval [{_number(low)}, {_number(high)}])"
    ]


def _repeats(values: Mapping[str, Score]) -> list[str]:
    """Pairs must agree on the candidates' order by more than on the external images', whatever images were drawn."""
    gap = values.get("cross_pair_gap")
    if gap is None or gap.interval is None:
        return [
            "because nothing says how far the agreement of pairs moves by chance: measure 20 images or more in "
            "each set that do not repeat one another, with this version"
        ]
    own, null = values["cross_pair_candidate"].value, values["cross_pair_external"].value
    if gap.interval[0] > 0:
        return []
    low, high = (_number(end) for end in gap.interval)
    return [
        f"because pairs agree on the candidates' order (rank correlation {_number(own)}) no more than on the external "
        f"images' ({_number(null)}; difference {_number(gap.value)}, interval [{low}, {high}])"
    ]


def _discovered(finding: Finding, values: Mapping[str, Score]) -> list[str]:
    """At least one candidate must stand out from the external images."""
    if "discovered" in values and values["discovered"].value > 0:
        return []
    parts, least = finding.settings.get("parts", {}), finding.settings.get("external_for_one")
    if least is None or "external" not in parts:
        return ["because no candidate stands out from the external images (q ≤ 0.05)"]
    return [
        f"because no candidate stands out from the external images (q ≤ 0.05; a single one of {parts['candidate']:,} "
        f"can from {least:,} external images on, there are {parts['external']:,})"
    ]


def _of_attribute(finding: Finding, score: Score) -> str:
    """What a fresh attacker reads of the attribute, against what guessing gives."""
    column, attacker = (printable(finding.settings[name]) for name in ("attribute_column", "attribute_attacker"))
    chance = next(one.value for one in finding.scores if one.name == "attribute_chance")
    low, high = score.interval or (0.0, 100.0)
    read, least, most, guessed = (number(value, "percent") for value in (score.value, low, high, chance))
    verdict = "reads it" if low > chance else "found nothing, which is no proof that there is nothing to find"
    return (
        f"Of {column} a fresh attacker ({attacker}) {verdict}: {read} % [{least}, {most}], mean over groups; "
        f"guessing gives {guessed} %."
    )


def of_privacy(finding: Finding) -> list[str]:
    """What it was measured on, and what each attack found."""
    said = []
    if "measured_on" in finding.settings:
        said = [f"Measured on {finding.settings['measured_on']}; members are candidates, non-members external images."]
    for score in finding.scores:
        if score.name == "attribute_accuracy" and score.interval is not None:
            said.append(_of_attribute(finding, score))
        if not score.name.startswith("auc_"):
            continue
        attack = score.name.removeprefix("auc_")
        if score.interval is None:
            said.append(f"Of the {attack} attack nothing can be concluded: under ten images of a side.")
        else:
            low, high = score.interval
            verdict = (
                "tells members from others"
                if low > 0.5
                else "found nothing, which is no proof that there is nothing to find"
            )
            said.append(f"The {attack} attack {verdict}: AUC {_number(score.value)} [{_number(low)}, {_number(high)}].")
    return said


def _number(value: float) -> str:
    """With enough digits for a small distance."""
    return number(value, "") if abs(value) >= 0.1 else f"{value:.4f}".replace("-", "−")
