"""Tables of the pages of parts that are measured by a script of their own."""

from typing import Any

from number_pages.engine import Block, has, number, results, with_interval


def forgetting() -> Block:
    """What is read of a forgotten attribute, beside what is known of the class."""
    lines = ["| | digit, linear probe | site, fresh attacker | attacker | CPU s |", "|---|---|---|---|---|"]
    runs = results("forgetting")["runs"] if has("forgetting") else {}
    for name, seeds in runs.items():
        cells = [
            "<br>".join(_scored(one, score) for one in seeds) for score in ("linear_accuracy", "attribute_accuracy")
        ]
        attackers = "<br>".join(one["attacker"] for one in seeds)
        seconds = number(sum(one["cpu_seconds"] for one in seeds) / len(seeds), 0)
        lines.append(f"| {name} | {' | '.join(cells)} | {attackers} | {seconds} |")
    return Block(
        "docs/methods/talos.md",
        "forgetting",
        "\n".join(lines if runs else [*lines, "| not measured yet: 0 runs | | | | |"]),
    )


def wanted() -> Block:
    """Which invariances a task wants: accuracy of the first set of views, and what the others add to it or take."""
    scores = results("wanted_invariances")["scores"] if has("wanted_invariances") else {}
    tasks = list(next(iter(scores.values()), {}))
    lines = [f"| views drawn by | {' | '.join(tasks)} |", f"|---|{'---|' * len(tasks)}"]
    for name, cells in scores.items():
        lines.append(f"| {name} | {' | '.join(_above(cells[task]) for task in tasks)} |")
    return Block("docs/results.md", "wanted", "\n".join(lines) if scores else "Not measured yet: 0 runs.")


LORE_COLUMNS = {
    "linear probe, %": ("linear", 1),
    "kNN, %": ("knn", 1),
    "its old probe, %": ("kept probe", 1),
    "attacked images, clean, %": ("clean", 1),
    "1/255, %": ("robust 1/255", 1),
    "2/255, %": ("robust 2/255", 1),
    "4/255, %": ("robust 4/255", 1),
    "cosine": ("cosine", 2),
    "moved": ("shift", 2),
}
"""By heading: measure and digits."""


def downloaded() -> Block:
    """The encoder as it came, after LORE and after FARE."""
    scores = results("lore_downloaded")["scores"] if has("lore_downloaded") else {}
    lines = [f"| | {' | '.join(LORE_COLUMNS)} |", f"|---|{'---|' * len(LORE_COLUMNS)}"]
    for name, cells in scores.items():
        shown = (_moved(cells[measure], digits) for measure, digits in LORE_COLUMNS.values())
        lines.append(f"| {name.upper() if name in ('lore', 'fare') else name} | {' | '.join(shown)} |")
    return Block("docs/methods/lore.md", "downloaded", "\n".join(lines) if scores else "Not measured yet: 0 runs.")


def _moved(cell: dict[str, Any], digits: int) -> str:
    """A share with its interval; of what is equal for all images, as an encoder to itself, the value alone."""
    return with_interval(cell, digits) if cell["interval"] else number(cell["value"], digits)


def _above(cell: dict[str, Any]) -> str:
    """The accuracy, or how far it lies above the first row's."""
    shown = cell.get("above", cell)
    sign = "+" if shown is not cell and shown["value"] > 0 else ""
    words = sign + with_interval(shown, 1)
    low, high = shown["interval"]
    return f"**{words}**" if shown is not cell and (low > 0 or high < 0) else words


def _scored(run: dict[str, Any], score: str) -> str:
    return with_interval(run["scores"][score], 1)
