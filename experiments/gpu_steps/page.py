"""The numbers of results/gpu as tables in docs/performance.md and README.md, and empty rows where there are none."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gpu_steps import STEPS
from gpu_steps.runner import document_of
from holdfast.runs import atomic_path

BEGIN, END = "<!-- gpu: written by experiments/gpu.py --page -->", "<!-- gpu: end -->"
PAGES = ("docs/performance.md", "README.md")
UNKNOWN = "not measured yet: no GPU"


def _seconds(value: float) -> str:
    return f"{value:.1f} s"


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _percent(value: float) -> str:
    return f"{value:.1f} %"


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"


def _gib(value: float) -> str:
    return f"{value / 2**30:.1f} GiB"


def _small(value: float) -> str:
    return f"{value:.1e}"


Column = tuple[str, str, Callable[[float], str]]
"""Title, where it stands in a part's result (names with slashes between), how it is written."""
COLUMNS: Mapping[str, Sequence[Column]] = {
    "speedrun": (
        ("training", "training_seconds", _seconds),
        ("before the clock", "warm_up_seconds", _seconds),
        ("probe", "probe_seconds", _seconds),
        ("passes", "passes", _count),
        ("PFLOP", "petaflop", lambda value: f"{value:.1f}"),
        ("linear accuracy", "linear_accuracy/value", _percent),
        ("kNN accuracy", "knn_accuracy/value", _percent),
    ),
    "throughput": (
        ("views/s", "views_per_second", _count),
        ("bare model", "bare_views_per_second", _count),
        ("outside the model", "share_outside_the_model", _share),
        ("peak memory", "peak_memory_bytes", _gib),
        ("eager", "bare_views_per_second/eager", _count),
        ("compiled", "bare_views_per_second/compiled", _count),
        ("CUDA graphs", "bare_views_per_second/cuda graphs", _count),
    ),
    "numerics": (
        *(
            (f"{name}: {title}", f"against_the_reference/{name}/{key}", _small)
            for name in ("GPU float32", "GPU TF32", "GPU bf16", "CPU bf16")
            for title, key in (("gradient", "first_gradient_relative"), ("masks", "masks_that_differ_share"))
        ),
        ("tensors that differ, deterministic kernels", "resumed/deterministic kernels/different", _count),
    ),
    "long_tail": (
        ("epochs", "epochs", _count),
        *((f"balance: {name}", f"scores/balance/{name}/value", _percent) for name in ("all", "many", "medium", "few")),
        ("Std", "scores/balance/std/value", lambda value: f"{value:.1f}"),
    ),
    "robust": (
        ("epochs of 10", "epochs", _count),
        ("with the audit", "seconds", _seconds),
        ("clean", "scores/clean_accuracy/value", _percent),
        ("PGD 4/255", "scores/pgd_accuracy_4_255/value", _percent),
        ("PGD 8/255", "scores/pgd_accuracy_8_255/value", _percent),
        ("all attacks 8/255", "scores/robust_accuracy_8_255/value", _percent),
    ),
}
HEADLINES: Sequence[tuple[str, str, str, str, Callable[[float], str]]] = (
    ("speed run, linear probe of the untouched image", "speedrun", "seed 0", "linear_accuracy/value", _percent),
    ("the same, seconds from uint8 pixels to weights", "speedrun", "seed 0", "training_seconds", _seconds),
    ("SimCLR, share of time outside the model", "throughput", "simclr", "share_outside_the_model", _share),
    ("SDCLR on CIFAR-10-LT, mean over classes", "long_tail", "sdclr", "scores/balance/all/value", _percent),
    ("CF-AMC-SSL under PGD-20 at 8/255", "robust", "cf-amc-ssl", "scores/pgd_accuracy_8_255/value", _percent),
)
"""What README says: name, step, part, place, form."""


def found(part: Mapping[str, Any], place: str) -> float | None:
    """The number at a place of a part's result; None where there is none."""
    value: Any = part
    for name in place.split("/"):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, int | float) else None


def performance(results: Path) -> str:
    """A heading and a table for each step."""
    return "\n\n".join(_section(step.name, step.what, document_of(step, results)["parts"]) for step in STEPS)


def _section(name: str, what: str, parts: Mapping[str, Any]) -> str:
    title = f"### {name.replace('_', ' ').capitalize()}\n\n{what}.\n\n"
    columns = [c for c in COLUMNS[name] if not parts or any(found(part, c[1]) is not None for part in parts.values())]
    if not parts:
        return (
            f"{title}{_row(['', *(c[0] for c in columns)])}\n{_rule(columns)}\n{_row([UNKNOWN, *[''] * len(columns)])}"
        )
    rows = []
    for part_name, part in parts.items():
        values = [found(part, place) for _, place, _ in columns]
        cells = ["" if v is None else form(v) for v, (_, _, form) in zip(values, columns, strict=True)]
        rows.append(_row([f"{part_name} ({part['environment']['device']})", *cells]))
    return title + "\n".join([_row(["", *(column[0] for column in columns)]), _rule(columns), *rows])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _rule(columns: Sequence[Column]) -> str:
    return _row(["---"] * (1 + len(columns)))


def headlines(results: Path) -> str:
    """README's table."""
    documents = {step.name: document_of(step, results)["parts"] for step in STEPS}
    rows = []
    for title, step, part, place, form in HEADLINES:
        known = documents[step].get(part, {})
        value = found(known, place)
        where = UNKNOWN if value is None else known["environment"]["device"]
        rows.append(_row([title, "" if value is None else form(value), where]))
    return "\n".join(["| on a GPU | number | card |", "|---|---|---|", *rows])


def rewritten(text: str, inside: str) -> str:
    """A page with the part between its two marks replaced. Raises ValueError where it has no marks."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"expected the marks {BEGIN} and {END} in the page, got none; put them where the table goes")
    return f"{before}{BEGIN}\n\n{inside}\n\n{END}{after}"


def pages(root: Path) -> dict[Path, str]:
    """By page: what it should say of results/gpu."""
    insides = (performance(root / "results" / "gpu"), headlines(root / "results" / "gpu"))
    return {
        root / page: rewritten((root / page).read_text(), inside) for page, inside in zip(PAGES, insides, strict=True)
    }


def write_pages(root: Path) -> list[Path]:
    """Writes the numbers into the pages and returns those."""
    texts = pages(root)
    for path, text in texts.items():
        with atomic_path(path) as temporary:
            temporary.write_text(text)
    return list(texts)
