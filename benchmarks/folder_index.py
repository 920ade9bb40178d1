"""A million names: seconds and peak memory of indexing a folder, of checking the kept index, and of a worker's share.

Makes empty files in a temporary folder: python benchmarks/folder_index.py --files 1000000 --folders 1000
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def measure(step: str, root: Path) -> dict[str, float]:
    """Runs a step in a process of its own: seconds, and peak MB of the process with all that it imports."""
    command = [sys.executable, __file__, "--step", step, "--root", str(root)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def run(step: str, root: Path) -> None:
    """The process that is measured."""
    from holdfast.data.files import load_index, open_index

    start = time.perf_counter()
    if step == "worker":  # what each worker does with the index that another process has kept
        home = next(path for path in Path(os.environ["XDG_CACHE_HOME"]).glob("holdfast/folders/*/*"))
        index = load_index(home)
        assert index.name(len(index) - 1)
    else:
        index = open_index(root)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"files": len(index), "seconds": round(seconds, 2), "peak_mb": round(peak)}))


def make_files(root: Path, files: int, folders: int) -> float:
    """Makes empty files with names of usual length, evenly in folders; returns the seconds."""
    start = time.perf_counter()
    for folder in range(folders):
        (root / f"n{folder:08d}").mkdir()
    for number in range(files):
        name = f"n{number % folders:08d}/ILSVRC2012_train_{number:08d}.JPEG"
        os.close(os.open(root / name, os.O_CREAT | os.O_WRONLY))
    return time.perf_counter() - start


def main() -> None:
    """Makes the files and prints a line for each step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--folders", type=int, default=1000)
    parser.add_argument("--step", help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        run(options.step, options.root)
        return
    with tempfile.TemporaryDirectory() as temporary:
        os.environ["XDG_CACHE_HOME"] = temporary
        root = Path(temporary) / "pictures"
        root.mkdir()
        print(f"made {options.files:,} files in {make_files(root, options.files, options.folders):.0f} s")
        print(f"{platform.machine()}, Python {platform.python_version()}, {os.cpu_count()} cores")
        for step in ("index", "check", "worker"):
            found = measure(step, root)
            print(f"{step:6}  {found['seconds']:6.2f} s  peak {found['peak_mb']:4.0f} MB  {found['files']:,} names")


if __name__ == "__main__":
    main()
