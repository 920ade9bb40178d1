"""Numbers of the audits' pages, of attacks and of the comparison that is read."""

from collections.abc import Iterator
from typing import Any

from number_pages.engine import Passage, interval, number, results, row, with_interval

MEM, TAIL, INV, REPORT = (
    "docs/audits/memorization.md",
    "docs/audits/tail.md",
    "docs/audits/invariance.md",
    "docs/report.md",
)
METHODS = ("simclr", "sdclr", "invclr", "cf-amc-ssl")


def memorized(name: str, of: str = "memorization") -> list[dict[str, Any]]:
    """A score of the four methods' pairs."""
    return [results("memorization_cifar10")[method][of]["scores"][name] for method in METHODS]


def memorization_rows() -> Iterator[Passage]:
    """The table of pairs on long-tailed CIFAR-10 and the sentences on it."""
    parts = {
        "S_C, difference": "difference_candidate",
        "S_S": "difference_shared",
        "S_E (the null)": "difference_external",
        "S_I": "difference_independent",
        "**S_C less S_E**": "centred_candidate",
    }
    for title, name in parts.items():
        yield row(MEM, title, [with_interval(score, 4) for score in memorized(name)])
    pairs = {"cross-pair S_C / S_E": ("cross_pair", 3), "split-half S_C / S_E": ("split_half", 2)}
    for title, (name, digits) in pairs.items():
        both = zip(memorized(f"{name}_candidate"), memorized(f"{name}_external"), strict=True)
        shown = [number(score["value"], digits) for pair in both for score in pair]
        yield Passage(MEM, f"| {title} | {' | '.join(['{} / {}'] * len(METHODS))} |", shown)
    effects = [number(score["value"], 2) for score in memorized("effect_size")]
    ps = [number(score["value"], 4 if score["value"] < 0.01 else 2) for score in memorized("p_candidate")]
    shown = [one for pair in zip(effects, ps, strict=True) for one in pair]
    yield Passage(MEM, f"| effect size; one-sided p | {' | '.join(['{}; {}'] * len(METHODS))} |", shown)
    yield row(MEM, "images with q ≤ 0.05", [number(score["value"], 0) for score in memorized("discovered")])
    classes = [interval(score["interval"], 2) for score in memorized("class_size_by_class")]
    yield row(MEM, "ratio against class size, bootstrap of whole classes", classes)
    yield from _planted()
    sizes = results("memorization_cifar10")["simclr"]["memorization"]["parts"]
    shown = [number(sizes[part], 0) for part in ("shared", "candidate", "independent", "external")]
    seconds = [results("memorization_cifar10")[method]["seconds"] for method in METHODS]
    training, audits = [one["training"] / 60 for one in seconds], max(one["audits"] for one in seconds)
    words = "{} to {} minutes for a method's 7 trainings, {} s at most for both audits"
    yield Passage(MEM, words, [number(min(training), 0), number(max(training), 0), number(audits, 0)])
    yield Passage(MEM, "{} shared, {} candidates, {} independents, {} external images,", shown)


def _planted() -> Iterator[Passage]:
    kinds = {
        "planted noise: mean percentile": "noise",
        "twins of candidates put into S_S": "twin_shared",
        "twins within S_C": "twin_candidate",
    }
    tables = [results("memorization_cifar10")[method]["memorization"]["tables"]["planted"] for method in METHODS]
    for title, kind in kinds.items():
        found = [next(one for one in table if one["kind"] == kind) for table in tables]
        shown = [f"{number(one['percentile'], 0)} {interval((one['low'], one['high']), 0)}" for one in found]
        yield row(MEM, title, shown)
    noise = [next(one for one in table if one["kind"] == "noise") for table in tables]
    ends = f"{number(noise[1]['percentile'], 0)} {interval((noise[1]['low'], noise[1]['high']), 0)}"
    low = [number(one["percentile"], 0) for one in (noise[0], noise[2])]
    yield Passage(MEM, "Planted noise ranks low in two methods ({} and {}), high in SDCLR ({})", [*low, ends])


TAIL_ROWS = {
    "SimCLR": "runs/six/simclr",
    "SDCLR": "runs/six/sdclr",
    "CF-AMC-SSL": "runs/six/cf-amc-ssl",
    "random weights": "runs/six/simclr, random weights",
}


def tail_rows() -> Iterator[Passage]:
    """Whether density and clusters find the true tail; the plain trend that random weights have too."""
    rows = {one["encoder"]: one for one in results("label_free_balance")["rows"]}
    for title, name in TAIL_ROWS.items():
        scores, clusters = rows[name]["scores"], rows[name]["tables"]["clusters"]
        aucs = [with_interval(scores[f"few_auc_{by}"], 2) for by in ("density", "clusters")]
        nmi = next(one["class_nmi"] for one in clusters if one["clusters"] == 10)
        yield row(TAIL, title, [*aucs, number(scores["few_lift"]["value"], 1), number(nmi, 2)])
    took = [one["seconds"] for one in rows.values()]
    yield Passage(TAIL, "seed, {} to {} s each on 2 cores", [number(min(took), 0), number(max(took), 0)])
    trends = [
        rows[TAIL_ROWS[name]]["scores"]["alignment_trend"]["value"] for name in ("random weights", "SimCLR", "SDCLR")
    ]
    text = "plain distances gave random weights a trend of {}, where SimCLR had {} and SDCLR {}."
    yield Passage(TAIL, text, [number(value, 2) for value in trends])


COMPARED = {
    "SimCLR": "simclr",
    "SimCLR + penalty": "invclr",
    "SDCLR": "sdclr",
    "CF-AMC-SSL": "cf-amc-ssl",
    "random": "timm",
}
KINDS = ("brightness", "contrast", "saturation", "hue", "blur", "rotation", "scale", "noise", "jpeg")


def card(encoder: str, axis: str, name: str) -> dict[str, Any]:
    """A score of a card of the comparison."""
    found = next(one for one in results(f"comparison/{encoder}")["axes"] if one["axis"] == axis)
    return next(score for score in found["scores"] if score["name"] == name)


def invariance_rows() -> Iterator[Passage]:
    """The two tables of the invariance page."""

    def cells(name: str, digits: int, *, ends: bool = False) -> list[str]:
        found = [card(encoder, "invariance", name) for encoder in COMPARED.values()]
        return [with_interval(one, digits) if ends else number(one["value"], digits) for one in found]

    yield row(INV, "**whitened cosine**", cells("whitened_cosine", 3, ends=True))
    yield row(INV, "cosine", cells("cosine", 3))
    yield row(INV, "variance ratio", cells("variance_ratio", 3))
    yield row(INV, "sensitivity", cells("sensitivity", 2, ends=True))
    yield row(INV, "accuracy drop, points", cells("accuracy_drop", 1, ends=True))
    for kind in KINDS:
        yield row(INV, kind, cells(f"{kind}_whitened_cosine", 2))


def comparison_rows() -> Iterator[Passage]:
    """The table of the comparison that is read on the report's page."""
    encoders = ("simclr", "sdclr", "cf-amc-ssl", "invclr")
    titles: dict[str, tuple[str, str, int]] = {
        "linear accuracy, %": ("quality", "linear_accuracy", 1),
        "mean whitened cosine": ("invariance", "whitened_cosine", 3),
        "membership AUC": ("privacy", "auc_averaged", 3),
        "candidates less the null": ("memorization", "centred_candidate", 3),
    }
    for title, (axis, name, digits) in titles.items():
        yield row(REPORT, title, [with_interval(card(encoder, axis, name), digits) for encoder in encoders])
    clean, left = (
        [card(e, "robustness", name)["value"] for e in encoders] for name in ("clean_accuracy", "robust_accuracy_8_255")
    )
    kept = [number(100 * a / b, 1) for a, b in zip(left, clean, strict=True)]
    yield row(REPORT, "accuracy kept at 8/255, %", kept)
    stds = [number(card(encoder, "balance", "std")["value"], 1) for encoder in encoders]
    yield row(REPORT, "Std between groups with the noise in it, points", stds)


def attack_words() -> Iterator[Passage]:
    """AutoAttack against the official code, and what attacks cost."""
    found, cost = results("auto_attack"), results("robustness_cost")["ratios"]
    page = "docs/attacks.md"
    ensemble, pgd = found["ensemble"], found["pgd"]
    seconds = ensemble["seconds_by_attack"]
    shares = [
        number(100 * sum(seconds[name] for name in names) / sum(seconds.values()), 0)
        for names in (("square",), ("fab-t",), ("apgd-t",), ("apgd-ce",))
    ]
    yield Passage(
        page,
        "the whole ensemble gives {} of {} equal verdicts in {} times less processor time. Of ours {} % is Square, "
        "{} % FAB, {} % targeted APGD and {} % APGD.",
        [
            number(ensemble["equal_verdicts"], 0),
            number(ensemble["images"], 0),
            number(ensemble["times_faster"], 2),
            *shares,
        ],
    )
    two = found["two_threads"]["ensemble"]
    shown = [number(two["images"], 0), number(two["times_faster"], 2), number(two["equal_verdicts"], 0)]
    yield Passage(page, "On two threads and {} images it is {} times, with {} of", shown)
    steps = [number(pgd["steps"], 0), number(pgd["times_fewer_passes"], 0)]
    yield Passage(page, "PGD with {} steps takes {} times fewer passes where rows", steps)
    yield Passage(page, "APGD costs {} times its bare passes", [number(found["apgd_over_bare_passes"], 2)])
    own = found["encoder"]["pgd"]
    yield Passage(
        page,
        "steps takes {} times fewer passes and {} times less processor time, with {} of {} equal verdicts; {} with",
        [
            number(own["times_fewer_passes"], 0),
            number(own["times_faster"], 1),
            *(number(own[name], 0) for name in ("equal_verdicts", "images", "left")),
        ],
    )
    rows = {"`pgd`, ℓ∞ / ℓ2": ("pgd_linf", "pgd_l2"), "Square, ℓ∞ / ℓ2": ("square_linf", "square_l2")}
    for title, names in rows.items():
        yield Passage(page, f"| {title} | {{}} / {{}} |", [number(cost[name], 3) for name in names])
    yield row(page, "the shell with PGD, ℓ∞", [number(cost["shell_pgd_linf"], 3)])
    taken = number(results("robustness_cost")["forward_and_backward_ms_per_16_images"], 0)
    yield Passage(page, "of the batch took {} ms of the processor's time", [taken])


def corruption_words() -> Iterator[Passage]:
    """How much our corruptions change a picture over what another package does."""
    ratios = results("imagecorruptions")["ratios"]
    apart = ("elastic_transform", "frost")
    others = [one for kind, found in ratios.items() if found is not None and kind not in apart for one in found]
    text = (
        "ours changes a picture {}, {} and {} times as much at strengths 1, 3 and 5. Eleven other kinds change it {} "
        "to {} times as much, frost {} to {};"
    )
    ends = [min(others), max(others), min(ratios["frost"]), max(ratios["frost"])]
    yield Passage("docs/statistics.md", text, [number(one, 2) for one in (*ratios["elastic_transform"], *ends)])


def one_model_rows() -> Iterator[Passage]:
    """One encoder's attacks beside its pair's, on the membership page."""
    for start, file in (("", "one_model"), ("CIFAR-10: ", "one_model_cifar10")):
        yield from _one_model_rows(start, results(file))


def _one_model_rows(start: str, found: dict[str, Any]) -> Iterator[Passage]:
    seen = found["one_model"]["seen against unseen"]["scores"]
    rows = {
        "the pair, difference of both | candidates against external": found["pairs"]["auc_difference"],
        "the pair, views of one | candidates against external": found["pairs"]["auc_cosine"],
        "one encoder, strongest norm | all that it saw against all that it did not": seen["auc"],
        "pixels alone | the same": seen["auc_pixels"],
    }
    for head, score in rows.items():
        yield row("docs/audits/membership.md", f"{start}{head}", [with_interval(score, 2)])


def passages() -> list[Passage]:
    """All of them."""
    return [
        *memorization_rows(),
        *tail_rows(),
        *one_model_rows(),
        *invariance_rows(),
        *comparison_rows(),
        *attack_words(),
        *corruption_words(),
    ]
