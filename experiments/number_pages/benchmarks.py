"""The table of docs/performance.md: every benchmark's ratios with their targets, from benchmarks/results/*.json."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from number_pages.engine import ROOT, Block

FOLDER = ROOT / "benchmarks" / "results"
_HEAD = "| what | measured | rounds | by processor time | asked | |\n|---|---|---|---|---|---|"


def figure(value: float) -> str:
    """Three digits, as one would write them."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def line(ratio: Mapping[str, Any]) -> str:
    """A row of the table."""
    unit = ratio["unit"]
    one = ratio["low"] == ratio["high"]
    spread = ratio["taken"] if one else f"[{figure(ratio['low'])}, {figure(ratio['high'])}], {ratio['taken']}"
    word = "at least" if ratio["better"] == "higher" else "at most"
    asked = "" if ratio["target"] is None else f"{word} {ratio['target']:g} {unit}"
    met = {True: "met", False: "**not met**", None: ""}[ratio["met"]]
    cpu = "" if ratio["cpu"] is None else f"{figure(ratio['cpu'])} {unit}"
    return f"| {ratio['what']} | {figure(ratio['value'])} {unit} | {spread} | {cpu} | {asked} | {met} |"


def measured(folder: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(name, document) of each result, by name."""
    for path in sorted(folder.glob("*.json")):
        yield path.stem, json.loads(path.read_text())


def table(folder: Path) -> str:
    """The rows of all results, what was left out, and what all were measured on."""
    found = dict(measured(folder))
    if not found:
        return "Not measured yet: 0 rows."
    rows = [_HEAD, *(line(ratio) for one in found.values() for ratio in one["ratios"])]
    left = [f"Not measured: {said} (`{name}`)." for name, one in found.items() for said in one["not_measured"]]
    return "\n".join([*rows, "", *left, *([""] if left else []), *_measured_on(found)])


def _measured_on(found: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """A line for each command, with its settings, hardware and versions."""
    for one in found.values():
        hardware = one["hardware"]
        machine = f"{hardware['processor']}, {hardware['cores']} cores"
        packages = ", ".join(f"{name} {number}" for name, number in one["versions"].items())
        yield f"- `{one['command']}`: {one['settings']}; {machine}; {packages}."


def block() -> Block:
    """The table between its marks."""
    return Block("docs/performance.md", "benchmarks", table(FOLDER))
