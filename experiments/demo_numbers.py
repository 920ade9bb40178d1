"""What README and docs say of the demo, into results/demo.json.

`holdfast demo --out FOLDER`, then `python experiments/demo_numbers.py FOLDER`.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from holdfast.findings import Finding
from holdfast.runs import write_json
from holdfast.statistics import over_runs

RESULTS = Path(__file__).parent.parent / "results" / "demo.json"
METHODS, AXES = ("simclr", "sdclr"), ("balance", "quality")


def main() -> None:
    """Means over the seeds of both methods, and what differs between them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    runs = {method: sorted(folder.glob(f"{method}-seed*")) for method in METHODS}
    first = Finding.load(runs["simclr"][0] / "findings" / "balance.json")
    document = {
        "command": "holdfast demo",
        "hardware": first.settings["hardware"],
        "versions": first.settings["versions"],
        "seeds": len(runs["simclr"]),
        "methods": {method: {axis: over_seeds(found, axis) for axis in AXES} for method, found in runs.items()},
    }
    write_json(RESULTS, {**document, "differences": differences(document["methods"])})


def over_seeds(runs: list[Path], axis: str) -> dict[str, Any]:
    """Mean and population standard deviation of every score of an axis."""
    found = [Finding.load(run / "findings" / f"{axis}.json") for run in runs]
    values = {score.name: [one[score.name].value for one in found] for score in found[0].scores}
    return {name: {"mean": float(np.mean(v)), "spread": float(np.std(v)), "values": v} for name, v in values.items()}


def differences(methods: dict[str, Any]) -> dict[str, Any]:
    """SDCLR less SimCLR over the seeds, with Student's interval of the pairs; scores about random weights left out."""
    found = {}
    for axis in AXES:
        for name, ours in methods["sdclr"][axis].items():
            if "reference" in name or "published" in name:
                continue
            deltas = np.subtract(ours["values"], methods["simclr"][axis][name]["values"])
            estimate = over_runs(deltas.tolist(), "seeds")
            found[f"{axis}.{name}"] = {"value": estimate.value, "interval": estimate.interval}
    return found


if __name__ == "__main__":
    main()
