"""How often every interval and test of the product holds or errs: simulations, into results/coverage.json.

`python experiments/interval_coverage.py`: about half an hour on one core; rows that are there already, and were made
with as many draws, are kept (`--again ROW` makes them anew). docs/statistics.md shows the numbers.
"""

import argparse
import json
import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import scipy

from coverage_rows import BEFORE_DRAWS, ROWS, Case, Row
from holdfast.runs import write_json

RESULTS = Path(__file__).parent.parent / "results" / "coverage.json"


def measured(row: Row, kept: Mapping[str, Any] | None) -> dict[str, Any]:
    """Shares of a row's cases, and of the formulas before; what is there already is kept."""
    had: Mapping[str, Any] = kept if kept is not None and kept["draws"] == row.draws else {}
    words = "of errors" if row.errors else "of intervals that hold"
    return {
        "draws": row.draws,
        "share": words,
        "cases": _completed(had.get("cases", {}), row.cases, row.draws),
        "before": _completed(had.get("before", {}), row.before, min(row.draws, BEFORE_DRAWS)),
    }


def _completed(had: Mapping[str, float], cases: Mapping[str, Case], draws: int) -> dict[str, float]:
    return {name: had[name] if name in had else case(draws) for name, case in cases.items()}


def main() -> None:
    """Measures what is not there yet; each row is written as it ends."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--again", nargs="*", default=[], metavar="ROW", help="rows to make anew")
    again = parser.parse_args().again
    unknown = sorted(set(again) - set(ROWS))
    if unknown:
        sys.exit(f"expected rows among {', '.join(ROWS)}, got {', '.join(unknown)}")
    known = json.loads(RESULTS.read_text())["rows"] if RESULTS.exists() else {}
    rows: dict[str, Any] = {}
    for name, row in ROWS.items():
        rows[name] = measured(row, None if name in again else known.get(name))
        held = {case: round(share, 3) for case, share in rows[name]["cases"].items()}
        print(f"{name}: {held}; before {rows[name]['before']}", flush=True)
        write_json(RESULTS, document({**known, **rows}))
    write_json(RESULTS, document(rows))


def document(rows: dict[str, Any]) -> dict[str, Any]:
    """What results/coverage.json holds."""
    versions = {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__}
    return {"command": "python experiments/interval_coverage.py", "versions": versions, "rows": rows}


if __name__ == "__main__":
    main()
