"""One number of a finding for each axis: what the page opens with, computed where no audit states it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from holdfast.findings import Finding
from holdfast.report.wording import slug
from holdfast.statistics import difference_interval, wilson_interval


@dataclass(frozen=True, kw_only=True)
class Number:
    """A number of one finding."""

    value: float
    interval: tuple[float, float] | None = None
    over: str = ""
    note: str = ""
    """What the reader must know of how this one came about; {} stands for each of `noted`."""
    noted: tuple[str, ...] = ()
    """Numbers in the note: written once for all runs and encoders whose note is the same, as a range."""


def notes_of(numbers: Iterable[Number]) -> list[str]:
    """Each different note once, its numbers from the smallest to the largest of all that have it."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for one in numbers:
        if one.note:
            found.setdefault(one.note, []).append(one.noted)
    return [note.format(*map(_range, zip(*noted, strict=True))) for note, noted in found.items()]


def _range(written: Iterable[str]) -> str:
    ends = sorted(set(written), key=lambda number: float(number.replace(",", "")))
    return ends[0] if len(ends) == 1 else f"{ends[0]} to {ends[-1]}"


def score(name: str) -> Callable[[Finding], Number | None]:
    """Reads a finding's own score."""

    def read(finding: Finding) -> Number | None:
        found = next((s for s in finding.scores if s.name == name), None)
        if found is None:
            return None
        return Number(value=found.value, interval=found.interval, over=found.interval_over)

    return read


def largest_budget(finding: Finding) -> str | None:
    """8/255 where it was measured, else the last of the attack's budgets; None without any."""
    budgets = [str(eps) for eps in finding.settings.get("attack_eps", ())]
    return "8/255" if "8/255" in budgets else budgets[-1] if budgets else None


def kept(finding: Finding) -> Number | None:
    """Percent of the clean accuracy left under all attacks at 8/255, or at the largest budget measured."""
    eps = largest_budget(finding)
    columns = finding.columns
    if eps is None or f"robust_{slug(eps)}" not in columns or "right" not in columns:
        return None
    attacked = columns["attacked"].astype(bool)
    right, left = (columns[name][attacked] == 1 for name in ("right", f"robust_{slug(eps)}"))
    if not right.any():
        return None
    percent = 100 * float((left & right).sum() / right.sum())
    whole = (f"{100 * float(hits.mean()):.1f}" for hits in (right, left))
    return Number(
        value=percent,
        interval=wilson_interval(percent, int(right.sum())),
        over="attacked test images that are right (Wilson)",
        note="; ".join(_kept_notes(finding, eps)),
        noted=(*whole, *((f"{blind:,}",) if (blind := _without_gradient(finding)) else ()), *_collapsed(finding)),
    )


def _kept_notes(finding: Finding, eps: str) -> list[str]:
    notes = ["of all attacked images, {} % are right before (clean accuracy) and {} % after (robust accuracy)"]
    notes += [] if eps == "8/255" else [f"at {eps}, the largest budget measured"]
    notes += ["not to be believed: no gradient reaches {} images"] if _without_gradient(finding) else []
    easy = "features near collapse (feature std {}, effective rank {}): so much says that the pictures are easy, not "
    return notes + ([f"{easy}that the encoder withstands"] if _collapsed(finding) else [])


def _collapsed(finding: Finding) -> tuple[str, ...]:
    """feature_std and effective rank where features are near collapse; nothing elsewhere."""
    signals = finding.settings.get("near_collapse") or {}
    return (f"{signals['feature_std']:.3f}", f"{signals['effective_rank']:.1f}") if signals else ()


def _without_gradient(finding: Finding) -> int:
    return int(finding.settings.get("without_gradient", 0))


def ratio_above_null(finding: Finding) -> Number | None:
    """Mean ratio of the candidates less that of the external images; None without external images."""
    part, ratio = (finding.columns.get(name) for name in ("part", "ratio"))
    if part is None or ratio is None:
        return None
    own, null = (np.asarray(ratio[part == name], float) for name in ("candidate", "external"))
    if len(own) < 2 or len(null) < 2:
        return None
    return Number(value=float(own.mean() - null.mean()), interval=difference_interval(own, null), over="images (Welch)")


def membership(finding: Finding) -> Number | None:
    """AUC of the strongest attack that was made: averaged over pairs, else with one pair, else with one encoder."""
    for attack, words in (("averaged", "pairs averaged"), ("difference", "one pair"), ("cosine", "one encoder")):
        found = score(f"auc_{attack}")(finding)
        if found is not None:
            return Number(value=found.value, interval=found.interval, over=found.over, note=f"attacker: {words}")
    return None
