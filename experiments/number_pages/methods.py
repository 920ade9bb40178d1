"""Numbers of the method pages, and of the pages that repeat them."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from number_pages.engine import Block, Passage, has, number, results, row, spread, with_interval

CF, INV, SIMCLR = "docs/methods/cf_amc_ssl.md", "docs/methods/invclr.md", "docs/methods/simclr.md"
_TITLES = {
    "simclr": "SimCLR",
    "emp-ssl": "EMP-SSL",
    "robust-emp-ssl": "robust EMP-SSL (`pgd:5`)",
    "cf-amc-ssl": "CF-AMC-SSL (`free:3`)",
}
_BUDGETS = ("clean_accuracy", "pgd20_accuracy_4_255", "pgd20_accuracy_8_255", "robust_accuracy_8_255")
_QUICK = ("clean_accuracy", "pgd_accuracy_4_255", "pgd_accuracy_8_255")
"""Of the layer before the pre-features, which PGD-20 alone attacks."""


def robust(run: str, layer: str | None = None) -> dict[str, Any]:
    """A run's row of the experiment under attack: of its pre-features where it has them."""
    found = [one for one in results("robustness_cifar10")["rows"] if one["run"] == run]
    wanted = layer or ("backbone" if run == "simclr" else "prefeature")
    return next(one for one in found if one["layer"] == wanted)


def under_attack(run: str, name: str, digits: int = 1) -> str:
    """A score of a run."""
    return number(robust(run)["scores"][name]["value"], digits)


def attacked_rows() -> Iterator[Passage]:
    """The table of CF-AMC-SSL's page."""
    base = robust("simclr")["cpu_seconds"]
    for run, title in _TITLES.items():
        one = robust(run)
        scores = [with_interval(one["scores"][name], 1) for name in _BUDGETS]
        value, _, ends = scores[0].partition(" ")
        cells = [number(one["epochs"], 0), number(one["optimiser_steps"], 0)]
        head = f"| {title} | {{}} | {{}} | "
        if run == "emp-ssl":  # the best of a column is bold
            text, shown = head + "**{}** {} | {} | {} | {} | {} |", [*cells, value, ends, *scores[1:]]
        elif run == "cf-amc-ssl":
            parts = [piece for score in scores[1:] for piece in score.partition(" ")[::2]]
            text, shown = head + "{} | **{}** {} | **{}** {} | **{}** {} | {} |", [*cells, scores[0], *parts]
        else:
            text, shown = head + "{} | {} | {} | {} | {} |", [*cells, *scores]
        ratio = number(one["cpu_seconds"] / base, 2)
        if run == "simclr":
            text, ratio = text.removesuffix("{} |") + "1 ({} s) |", number(base, 0)
        yield Passage(CF, text, [*shown, ratio])


def attacked_words() -> Iterator[Passage]:
    """Sentences on the same experiment."""
    clean = [robust(run)["scores"]["clean_accuracy"]["value"] for run in ("simclr", "emp-ssl", "cf-amc-ssl")]
    yield Passage(
        CF,
        "with nothing: {} against {} % under PGD-20 at 4/255, {} against {} % under AutoAttack at 8/255, for {} to {} "
        "points of clean accuracy.",
        [
            under_attack("cf-amc-ssl", "pgd20_accuracy_4_255"),
            under_attack("emp-ssl", "pgd20_accuracy_4_255"),
            under_attack("cf-amc-ssl", "robust_accuracy_8_255"),
            under_attack("simclr", "robust_accuracy_8_255"),
            number(clean[0] - clean[2], 0),
            number(clean[1] - clean[2], 0),
        ],
    )
    yield Passage(CF, "either ({} %).", [under_attack("robust-emp-ssl", "clean_accuracy")])
    before = robust("cf-amc-ssl", "backbone")["scores"]
    yield Passage(CF, "(CF-AMC-SSL {}, {} and {})", [number(before[name]["value"], 1) for name in _QUICK])
    page = "docs/which-method.md"
    clean_words = [under_attack(run, "clean_accuracy") for run in ("emp-ssl", "simclr")]
    yield Passage(page, "ours reaches {} % where SimCLR reaches {} at equal passes", clean_words)
    yield Passage(
        page,
        "{} % withstand AutoAttack at 8/255 where SimCLR keeps {}, for {} points of clean accuracy and {} times "
        "the time",
        [
            under_attack("cf-amc-ssl", "robust_accuracy_8_255"),
            under_attack("simclr", "robust_accuracy_8_255"),
            number(clean[0] - clean[2], 0),
            number(robust("cf-amc-ssl")["cpu_seconds"] / robust("simclr")["cpu_seconds"], 2),
        ],
    )


TARGETS = {
    "m": ("m (.759)", 4),
    "b": ("b (.0853)", 4),
    "sigma": ("σ (.0467)", 4),
    "rfore": ("f_r (.0293)", 5),
    "mean": ("**mean (.230)**", 4),
}
ARMS = ("plain", "pair 0.01", "vjp 0.01")


def errors(arm: str, views: str, target: str) -> tuple[float, float]:
    """Mean and population standard deviation over seeds of a target's mean squared error."""
    values = [
        next(one["mse"] for one in run["regression"][views] if one["target"] == target)
        for run in results("spirograph")["runs"]
        if run["arm"] == arm
    ]
    return float(np.mean(values)), float(np.std(values))


def error(arm: str, views: str, target: str) -> str:
    """As the table writes it."""
    return spread(*errors(arm, views, target), TARGETS[target][1], bare=True)


def spirograph_rows() -> Iterator[Passage]:
    """The table of InvCLR's page and the sentences on it."""
    for target, (title, _) in TARGETS.items():
        yield row(INV, title, [error(arm, views, target) for arm in ARMS for views in ("0", "30")])
    ratios = [[run["ratio"] for run in results("spirograph")["runs"] if run["arm"] == arm] for arm in ARMS]
    digits = (3, 3, 2)
    shown = [spread(float(np.mean(r)), float(np.std(r)), d, bare=True) for r, d in zip(ratios, digits, strict=True)]
    yield Passage(INV, "| within-image over total variance | {} | | {} | | {} | |", shown)
    yield Passage(
        INV, "(M = 5 gives two thirds of the gain: {} plain)", [number(errors("plain", "5", "mean")[0], 4, bare=True)]
    )
    last = next(run for run in results("spirograph")["runs"] if run["arm"] == "vjp 0.1")
    totals = [run["total"] for run in results("spirograph")["runs"] if run["arm"] == "plain"]
    yield Passage(
        INV,
        "one seed of `vjp` gives {}, and {} with 30 drawings (no worse than plain there), with a variance ratio of {}; "
        "total variance shrinks to {} from plain's {}.",
        [
            number(errors("vjp 0.1", "0", "mean")[0], 4, bare=True),
            number(errors("vjp 0.1", "30", "mean")[0], 4, bare=True),
            number(last["ratio"], 2),
            number(last["total"], 2, bare=True),
            number(float(np.mean(totals)), 2, bare=True),
        ],
    )


def long_tail() -> Block:
    """The table of long-tailed encoders under attack."""
    lines = [
        "| method | clean | PGD-20, 4/255 | AutoAttack, 8/255 | many / medium / few at 4/255 | at 8/255 | tail gap |",
        "|---|---|---|---|---|---|---|",
    ]
    titles = {"simclr": "SimCLR", "sdclr": "SDCLR", "cf-amc-ssl": "CF-AMC-SSL (`free:3`)"}
    rows = results("robustness_long_tail")["rows"] if has("robustness_long_tail") else []
    for run, title in titles.items():
        for one in rows:
            if one["run"] == run and one["layer"] == ("prefeature" if run == "cf-amc-ssl" else "backbone"):
                lines.append(f"| {title} | {' | '.join(_tail_cells(one['scores']))} |")
    return Block(CF, "long tail", "\n".join(lines if rows else [*lines, "| not measured yet | | | | | | |"]))


def _tail_cells(scores: dict[str, Any]) -> list[str]:
    """Cells of a row: shares with intervals, then groups, then how much sooner the rare classes break."""
    whole = ("clean_accuracy", "pgd20_accuracy_4_255", "robust_accuracy_8_255")
    groups = [
        " / ".join(number(scores[f"robust_accuracy_{eps}_{group}"]["value"], 1) for group in ("many", "medium", "few"))
        for eps in ("4_255", "8_255")
    ]
    return [*(with_interval(scores[name], 1) for name in whole), *groups, with_interval(scores["tail_gap_4_255"], 1)]


def hundredth() -> Block:
    """The table of a hundredth of the data: a row a run of the file, seeds beside one another."""
    lines = ["| | passes | by pixels, of 32 × 32 | held out, % | test, % | CPU s |", "|---|---|---|---|---|---|"]
    runs = results("hundredth_speedrun")["runs"] if has("hundredth_speedrun") else {}
    for name, run in runs.items():
        seeds = run["seeds"].values()
        shown = [" / ".join(number(one[asked], 1) for one in seeds) for asked in ("held_out", "test")]
        seconds = number(float(np.mean([one["cpu_seconds"] for one in seeds])), 1)
        passes = [number(run[key], 0) for key in ("passes", "passes_by_pixels")]
        lines.append(f"| {' | '.join([name, *passes, *shown, seconds])} |")
    return Block(SIMCLR, "hundredth", "\n".join(lines if runs else [*lines, "| not measured yet | | | | | |"]))


def more_words() -> Iterator[Passage]:
    """Sentences on times and on what the runs were like."""
    runs = results("spirograph")["runs"]
    minutes = [run["seconds"] / 60 for run in runs]
    measuring = [run["measuring_seconds"] for run in runs]
    shown = [number(min(minutes), 1), number(max(minutes), 0), number(max(measuring), 0)]
    yield Passage(INV, "a run took {} to {} minutes to train and {} s at most to measure.", shown)
    parts = [one for run in runs if run["arm"] in ARMS for views in ("0", "30") for one in run["regression"][views]]
    apart = max(abs(one["mse_standardised"] / one["mse"] - 1) for one in parts)
    yield Passage(INV, "ours on standardised features differs by {} % at most", [number(100 * apart, 1)])
    kept = results("robustness_cifar10")["leaked_gradients"]
    text = "that sum has a cosine of {} with the training pass's own gradient and {} times its length"
    yield Passage(CF, text, [number(kept["cosine"], 2), number(kept["length_ratio"], 1)])


def passages() -> list[Passage]:
    """All of them."""
    return [*attacked_rows(), *attacked_words(), *spirograph_rows(), *more_words()]
