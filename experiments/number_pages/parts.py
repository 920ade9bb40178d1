"""Tables of the pages of parts that are measured by a script of their own."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import equivariance
from number_pages.engine import Block, Passage, has, number, results, with_interval
from number_pages.one_budget import BASE, cell, missing, seeds


def forgetting() -> Block:
    """What is read of a forgotten attribute, beside what is known of the class."""
    lines = ["| | digit, linear probe | site, fresh attacker | attacker | CPU s |", "|---|---|---|---|---|"]
    runs = results("forgetting")["runs"] if has("forgetting") else {}
    for name, found in runs.items():
        cells = [
            "<br>".join(_scored(one, score) for one in found) for score in ("linear_accuracy", "attribute_accuracy")
        ]
        attackers = "<br>".join(one["attacker"] for one in found)
        seconds = number(sum(one["cpu_seconds"] for one in found) / len(found), 0)
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


ASKED = {"r2": "R² of a linear map", "decoded": "R² of the parameter"}
"""By score: what stands in the table's first cell."""
MOVES = ("rotation", "flip", "scale", "colour")
FOLLOWING: dict[str, tuple[str, ...]] = {
    "docs/results.md": tuple(equivariance.compared()),
    "docs/methods/soft_equivariance.md": ("moco-v3", "ser", equivariance.MANY),
    "docs/methods/transformation_coding.md": ("care",),
    "docs/methods/gdt.md": ("gdt",),
}
"""By page: what it shows beside SimCLR and an encoder that was not trained."""


def following() -> Iterator[Block]:
    """Whether features follow what is done to an image, in the middle layer and at the end."""
    document = results("equivariance") if has("equivariance") else {"runs": {}}
    for page, own in FOLLOWING.items():
        yield Block(page, "equivariance", followed(document, own))


def followed(document: Mapping[str, Any], names: Sequence[str]) -> str:
    """Two tables: R² of the map with how far features move, R² of the parameter; and what has not run."""
    runs = document["runs"]
    wanted = list(dict.fromkeys((equivariance.UNTRAINED, BASE, *names)))
    lines = [_followed(asked, {name: runs[name] for name in wanted if name in runs}) for asked in ASKED] if runs else []
    return "\n\n".join(filter(None, [*lines, missing(document, [name for name in wanted if name in names])]))


def _followed(asked: str, runs: Mapping[str, Any]) -> str:
    """A row for each run and layer."""
    lines = [f"| {ASKED[asked]} | layer | {' | '.join(MOVES)} |", f"|---|---|{'---|' * len(MOVES)}"]
    for name, run in runs.items():
        for layer in ("middle", "end"):
            found = [one[layer] for one in seeds(run)]
            cells = [cell([one[f"{move}_{asked}"] for one in found], 2) for move in MOVES]
            if asked == "r2":
                moved = (", ".join(number(one[f"{move}_moved"]["value"], 2) for one in found) for move in MOVES)
                cells = [f"{one}<br>moved {by}" for one, by in zip(cells, moved, strict=True)]
            shown = name if name == equivariance.UNTRAINED else f"`{name}`"
            lines.append(f"| {shown} | {layer} | {' | '.join(cells)} |")
    return "\n".join(lines)


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


def robustified() -> Passage:
    """The sentence on what both withstand more than the encoder as it came."""
    scores = results("lore_downloaded")["scores"]
    lore, fare = (scores[name]["robust 1/255"]["above as it came"] for name in ("lore", "fare"))
    text = "above the encoder as it came, LORE by {} points {}, FARE by {} {}, and not apart"
    parts = [piece for one in (lore, fare) for piece in with_interval(one, 1).partition(" ")[::2]]
    return Passage("docs/methods/lore.md", text, parts)


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
