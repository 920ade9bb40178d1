"""What the four papers claim beside what came here: a part of docs/results.md, their verdicts drawn from intervals."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from holdfast.report.wording import counted
from number_pages.audits import METHODS, memorized
from number_pages.engine import Block, has, interval, number, results, spread, with_interval
from number_pages.methods import errors, robust
from number_pages.questions import Claim, Ends, above, asked, removed

PAGE = "docs/results.md"


def tail() -> Iterator[Claim]:
    """SDCLR against SimCLR."""
    demo = results("demo")
    both = [demo["methods"][method]["balance"]["few"] for method in ("simclr", "sdclr")]
    gap = demo["differences"]["balance.few"]
    yield Claim(
        "SDCLR",
        "the pruned twin helps rare classes (few: 71.4 to 76.2 % on CIFAR-10-LT)",
        f"rare classes of drawn curves, a minute of training: SimCLR {_run(both[0])} %, SDCLR {_run(both[1])} %; "
        f"difference {number(gap['value'], 1)} {interval(gap['interval'], 1)}",
        above(gap["interval"]),
        f"{demo['seeds']} seeds and splits; 2 cores, 3 minutes",
        "`make demo`",
    )
    yield from asked("budgets", "head")


def _run(found: Mapping[str, Any]) -> str:
    return spread(found["mean"], found["spread"], 1)


BROKEN = "robust_accuracy_8_255"


def attacked() -> Iterator[Claim]:
    """CF-AMC-SSL, EMP-SSL and robust EMP-SSL at equal passes."""
    runs = {run: robust(run) for run in ("simclr", "emp-ssl", "robust-emp-ssl", "cf-amc-ssl")}
    ours, plain, slow, crops = (
        {name: runs[run]["scores"][name] for name in (BROKEN, "clean_accuracy")}
        for run in ("cf-amc-ssl", "simclr", "robust-emp-ssl", "emp-ssl")
    )
    spent = {run: one["cpu_seconds"] for run, one in runs.items()}
    minutes = number(spent["simclr"] / 60, 0)
    cost = f"one seed, 1,000 test images; one thread, {minutes} CPU minutes for SimCLR"
    command = "`python experiments/robustness_cifar10.py --no-authors-schedule --threads 1`"
    left = [with_interval(one[BROKEN], 1) for one in (ours, plain)]
    price = plain["clean_accuracy"]["value"] - ours["clean_accuracy"]["value"]
    ratio = spent["cf-amc-ssl"] / spent["simclr"]
    yield Claim(
        "CF-AMC-SSL",
        "robust features at the price of ordinary training",
        f"AutoAttack at 8/255 leaves {left[0]} % of CF-AMC-SSL's images right, {left[1]} % of SimCLR's, for "
        f"{number(price, 1)} points of clean accuracy and {number(ratio, 2)} × the CPU time",
        above(_apart(ours[BROKEN], plain[BROKEN])),
        cost,
        command,
    )
    clean = number(slow["clean_accuracy"]["value"], 1)
    yield Claim(
        "CF-AMC-SSL",
        "free training withstands at least what PGD training does",
        f"at equal passes robust EMP-SSL keeps {with_interval(slow[BROKEN], 1)} %: five of its six passes attack, and "
        f"what is left has not learned the task ({clean} % clean); of PGD training run to its end this says nothing",
        f"at equal passes {above(_apart(ours[BROKEN], slow[BROKEN]))}",
        cost,
        command,
    )
    told = " ".join(
        f"{runs[run]['epochs']} epochs of {title} give {with_interval(one['clean_accuracy'], 1)} %{stop}"
        for run, title, one, stop in (("emp-ssl", "EMP-SSL", crops, ","), ("simclr", "SimCLR", plain, ""))
    )
    apart = above(_apart(crops["clean_accuracy"], plain["clean_accuracy"]))
    yield Claim(
        "EMP-SSL",
        "many crops learn in fewer epochs",
        f"{told}, at equal passes",
        f"better at equal passes: {apart}",
        cost,
        command,
    )


def _apart(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Ends:
    """Ends that a difference of two scores surely lies within where each lies within its own interval."""
    return ours["interval"][0] - theirs["interval"][1], ours["interval"][1] - theirs["interval"][0]


def penalised() -> Iterator[Claim]:
    """InvCLR on Spirograph."""
    runs = results("spirograph")["runs"]
    cost = f"3 seeds; 2 cores, {number(max(run['seconds'] for run in runs) / 60, 0)} minutes a run at most"
    command = "`python experiments/spirograph_study.py`"
    single, averaged = (errors("plain", views, "mean") for views in ("0", "30"))
    yield Claim(
        "InvCLR",
        "averaging features over transformations halves the error",
        f"four targets of Spirograph: {_bare(single)} alone, {_bare(averaged)} over 30 drawings",
        above(_fallen(single, averaged)),
        cost,
        command,
    )
    pair, vjp = (errors(arm, "0", "mean") for arm in ("pair 0.01", "vjp 0.01"))
    yield Claim(
        "InvCLR",
        "the invariance penalty lowers it further (.00293 to .00195)",
        f"pair form {_bare(pair)}, the paper's form {_bare(vjp)}, plain {_bare(single)}, at a twentieth of the paper's "
        "steps",
        f"pair form {above(_fallen(single, pair))}, the paper's form {above(_fallen(single, vjp))}",
        cost,
        command,
    )


def _fallen(before: tuple[float, float], after: tuple[float, float]) -> Ends:
    """Ends of how far an error fell, each mean taken within its standard deviation over seeds."""
    fallen, slack = before[0] - after[0], before[1] + after[1]
    return fallen - slack, fallen + slack


def _bare(found: tuple[float, float]) -> str:
    return spread(*found, 4, bare=True)


def remembered() -> Iterator[Claim]:
    """SSLMem on long-tailed CIFAR-10."""
    found = dict(zip(METHODS, memorized("centred_candidate"), strict=True))
    titles = {"simclr": "SimCLR", "sdclr": "SDCLR", "invclr": "with the penalty", "cf-amc-ssl": "CF-AMC-SSL"}
    minutes = [results("memorization_cifar10")[method]["seconds"]["training"] / 60 for method in METHODS]
    cost = f"3 pairs, one partition; 2 cores, {number(min(minutes), 0)} to {number(max(minutes), 0)} minutes a method"
    command = "`python experiments/memorization_cifar10.py`"
    held = [titles[name] for name, score in found.items() if score["interval"][0] > 0]
    yield Claim(
        "SSLMem",
        "encoders without labels memorise single training images",
        "candidates less the null: "
        + ", ".join(f"{titles[name]} {with_interval(score, 4)}" for name, score in found.items()),
        f"shown on average for {', '.join(held)}",
        cost,
        command,
    )
    discovered = sum(score["value"] for score in memorized("discovered"))
    agree = [number(score["value"], 2) for score in memorized("cross_pair_candidate")]
    yield Claim(
        "SSLMem",
        "it says which images are memorised",
        f"{number(discovered, 0)} images at q ≤ 0.05; pairs agree on the order by {', '.join(agree)}",
        "shown" if discovered else "refuted here: no single image can be named",
        cost,
        command,
    )


def leaked() -> Iterator[Claim]:
    """Robust EMP-SSL with and without the gradients that its authors' code keeps."""
    yield from asked("leak")


def downloaded() -> Iterator[Claim]:
    """LORE on an encoder from elsewhere, and FARE beside it."""
    if not has("lore_downloaded"):
        return
    document = results("lore_downloaded")
    scores, runs = document["scores"], document["runs"]
    lore, fare, before = scores["lore"], scores["fare"], scores["as it came"]
    robust, kept = "robust 2/255", "kept probe"
    minutes = number(sum(one["cpu_seconds"] for one in runs["lore"].values()) / len(runs["lore"]) / 60, 0)
    gains = [with_interval(one["robust 1/255"]["above as it came"], 1) for one in (lore, fare)]
    right, old = ([with_interval(one[name], 1) for one in (before, lore, fare)] for name in (robust, kept))
    yield Claim(
        "LORE",
        "a downloaded encoder becomes robust and stays what it was on clean images, more than by FARE",
        f"EfficientNet-Lite0 of ImageNet, CIFAR-10 at 64 pixels: at 2/255 {right[0]} % right as it came, {right[1]} "
        f"after LORE, {right[2]} after FARE, and at 1/255 {gains[0]} and {gains[1]} points more than as it came; of "
        f"clean ones, by the first probe, {old[0]}, {old[1]} and {old[2]}",
        f"more robust {above(lore[robust]['above as it came']['interval'])}, "
        f"nearer than FARE {above(lore[kept]['above fare']['interval'])}",
        f"{counted(len(runs['lore']), 'seed')}, passes equal to an epoch; one thread, {minutes} CPU minutes for LORE",
        f"`{document['command']}`",
    )


PARTS: tuple[Callable[[], Iterator[Claim]], ...] = (tail, attacked, leaked, penalised, remembered, removed, downloaded)


def block() -> Block:
    """The claims, a paragraph each: a table would be too narrow to read."""
    lines = []
    for part in PARTS:
        for one in part():
            came = one.came[0].upper() + one.came[1:]
            lines.append(f"- {one.paper}, *{one.claim}*: **{one.verdict}**. {came} ({one.cost}; {one.command}).")
    return Block(PAGE, "claims", "\n".join(lines))
