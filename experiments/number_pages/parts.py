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


def _scored(run: dict[str, Any], score: str) -> str:
    return with_interval(run["scores"][score], 1)
