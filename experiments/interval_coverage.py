"""How often every interval and test of the product holds or errs: simulations, into results/coverage.json.

`python experiments/interval_coverage.py`: about half an hour on one core; rows that are there already, and were made
with as many draws, are kept (`--again ROW` makes them anew). docs/statistics.md shows the numbers.
"""

import argparse
import json
import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np
import scipy

from coverage_rows import BEFORE_DRAWS, ROWS, Row
from holdfast.runs import write_json

RESULTS = Path(__file__).parent.parent / "results" / "coverage.json"


def measured(row: Row) -> dict[str, Any]:
    """Shares of a row's cases, and of the formulas before."""
    found = {name: case(row.draws) for name, case in row.cases.items()}
    return {
        "draws": row.draws,
        "share": "of errors" if row.errors else "of intervals that hold",
        "cases": found,
        "before": {name: case(min(row.draws, BEFORE_DRAWS)) for name, case in row.before.items()},
    }


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
        kept = known.get(name)
        same = kept is not None and kept["draws"] == row.draws and kept["cases"].keys() == row.cases.keys()
        rows[name] = kept if same and name not in again else measured(row)
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
