"""Rows of a parquet file in random order: how much faster small row groups are, as written by pyarrow and by datasets.

Makes JPEG pictures of noise in a temporary folder, writes them with row groups of several sizes, and reads the same
rows in the same random order from each by pyarrow: the row group that holds the row, nothing kept. The quickest of
three rounds counts; prints ratios to the slowest file, and writes them where asked:
python benchmarks/row_groups.py --rows 5000 --sides 32 128 --out results/row_groups.json

With `datasets` installed, its `to_parquet` is measured too, with its default and with batch_size=100.
"""

import argparse
import importlib
import io
import json
import platform
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

READS, ROUNDS = 200, 3


def encoded(rows: int, side: int) -> list[dict[str, object]]:
    """JPEG pictures of smooth noise, some kilobytes each."""
    rng, cells = np.random.default_rng(0), []
    for _ in range(rows):
        buffer = io.BytesIO()
        small = Image.fromarray(rng.integers(0, 256, (side // 8, side // 8, 3), dtype=np.uint8))
        small.resize((side, side), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90)
        cells.append({"bytes": buffer.getvalue(), "path": None})
    return cells


def by_pyarrow(path: Path, order: np.ndarray) -> float:
    """Seconds a row: the group that holds it is read for it."""
    file = pq.ParquetFile(path)
    ends = np.cumsum([file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)])
    start = time.perf_counter()
    for row in order:
        group = int(np.searchsorted(ends, row, side="right"))
        within = int(row) - (int(ends[group - 1]) if group else 0)
        assert file.read_row_group(group, columns=["image.bytes"]).column(0)[within].as_py()
    return (time.perf_counter() - start) / len(order)


def by_datasets(cells: list[dict[str, object]], folder: Path) -> dict[str, Path]:
    """Files that `datasets` writes, by how; none where it is not installed."""
    try:
        datasets: Any = importlib.import_module("datasets")
        datasets.disable_progress_bars()
    except ImportError:
        return {}
    features = datasets.Features({"image": datasets.Image()})
    made = datasets.Dataset.from_dict({"image": cells}, features=features)
    ways: dict[str, dict[str, int]] = {"default": {}, "batch_size=100": {"batch_size": 100}, "one": {}}
    ways["one"] = {"batch_size": len(cells)}
    files = {}
    for name, options in ways.items():
        path = folder / f"datasets {name}.parquet"
        made.to_parquet(str(path), **options)
        files[f"datasets {datasets.__version__} to_parquet({name if options else ''})"] = path
    return files


def _datasets() -> dict[str, str]:
    try:
        return {"datasets": version("datasets")}
    except PackageNotFoundError:
        return {}


def report(files: dict[str, Path], measure: Callable[[Path], float], title: str) -> list[dict[str, object]]:
    """A line for each file: milliseconds a row, and how many times as fast as the slowest."""
    print(title)
    rounds = [{name: measure(path) for name, path in files.items()} for _ in range(ROUNDS)]
    seconds = {name: min(one[name] for one in rounds) for name in files}
    slowest, lines = max(seconds.values()), []
    for name, each in seconds.items():
        groups = pq.ParquetFile(files[name]).metadata.num_row_groups
        print(f"  {name:48} {groups:5} groups {1000 * each:9.3f} ms a row {slowest / each:7.1f} times")
        line = {"read": title, "written": name, "row_groups": groups, "times": round(slowest / each, 1)}
        lines.append(line | {"milliseconds": round(1000 * each, 3)})
    return lines


def measured(rows: int, side: int) -> dict[str, object]:
    """The lines of pictures of one size."""
    cells = encoded(rows, side)
    order = np.random.default_rng(1).permutation(rows)[:READS]
    table = pa.table({"image": pa.array(cells)})
    kilobytes = sum(len(cell["bytes"]) for cell in cells) / len(cells) / 1000  # type: ignore[arg-type]
    print(f"pyarrow {pa.__version__}, {rows:,} pictures of {kilobytes:.1f} kB, {READS} rows in random order")
    with tempfile.TemporaryDirectory() as folder:
        files = {}
        for size in (rows, 1000, 100):
            path = Path(folder) / f"{size}.parquet"
            pq.write_table(table, path, row_group_size=size)
            files[f"pyarrow write_table(row_group_size={size})"] = path
        files |= by_datasets(cells, Path(folder))
        lines = report(files, lambda path: by_pyarrow(path, order), "by pyarrow, a row group for each row")
    return {"rows": rows, "kilobytes": round(kilobytes, 1), "reads": READS, "lines": lines}


def main() -> None:
    """Prints the ratios, and writes them where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--sides", type=int, nargs="+", default=[32, 128], help="of the pictures, in pixels")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    found = [measured(options.rows, side) for side in options.sides]
    if options.out is not None:
        command = f"python benchmarks/row_groups.py --rows {options.rows} --sides {' '.join(map(str, options.sides))}"
        versions = {"pyarrow": pa.__version__, "python": platform.python_version()} | _datasets()
        document = {"command": command, "versions": versions, "sizes": found}
        options.out.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
