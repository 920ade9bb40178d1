"""All that is worth measuring on a GPU, in the order of its value, in whatever time there is.

    python experiments/gpu.py --minutes 9 --data FOLDER --out results/gpu
    python experiments/gpu.py --tiny --minutes 1        # every part on the CPU, as small as can be
    python experiments/gpu.py --list                    # parts, what is known of their time, what was measured

Each part looks first for a few seconds and is begun only where what it will take is left; its result is in
OUT/STEP.json the moment it ends. A part that is there is not made again, so that calls go on where the last one
stopped; runs in --work are taken up where they were. No file in OUT is over 16 MB: encoders stay in --work (11 million
weights are 22 MB in half precision). --page writes the numbers of results/gpu into docs/performance.md and README.md.

A machine without a network needs what experiments/carry.sh gathers: wheels, and the data as FOLDER.
"""

import argparse
import logging
import os
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
WHEELS = HERE / "carried" / "wheels"
RESULTS = HERE.parent / "results" / "gpu"
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read once, before the first product: determinism needs it
sys.path.extend(str(wheel) for wheel in sorted(WHEELS.glob("*.whl")))  # wheels of pure Python import as they are


def options_of_the_command_line() -> argparse.Namespace:
    """What to measure, where, for how long."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=9.0, help="of this call")
    parser.add_argument("--data", type=Path, help="folder with train.parquet and test.parquet of CIFAR-10")
    parser.add_argument("--out", type=Path, help="folder for the JSON files; results/gpu unless everything is tiny")
    parser.add_argument("--work", type=Path, help="folder for runs, which do not travel; runs/gpu unless tiny")
    parser.add_argument("--only", nargs="+", default=[], help="steps, or STEP/PART")
    parser.add_argument("--tiny", action="store_true", help="every part as small as can be")
    parser.add_argument("--list", action="store_true", help="say what there is and leave")
    parser.add_argument("--page", action="store_true", help="write the numbers into the docs and leave")
    options = parser.parse_args()
    if not (options.tiny or options.list or options.page or options.data):
        parser.error("expected --data FOLDER with train.parquet and test.parquet, got none; or try --tiny")
    return options


def main() -> int:
    """Measures what fits; 1 where a part failed."""
    options = options_of_the_command_line()
    if options.page:
        from gpu_steps.page import write_pages

        return print("\n".join(str(path.name) for path in write_pages(HERE.parent))) or 0
    if options.tiny:  # so little work is slower on several threads, which wait for one another
        os.environ.setdefault("OMP_NUM_THREADS", "1")
    from gpu_steps import STEPS, Bench, chosen, listing, run_parts

    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)

    scratch = Path(tempfile.mkdtemp(prefix="holdfast-gpu-")) if options.tiny else RESULTS.parent.parent / "runs" / "gpu"
    out = options.out or (scratch / "out" if options.tiny else RESULTS)
    bench = Bench(options.data, options.work or scratch, options.minutes * 60, tiny=options.tiny)
    steps = chosen(STEPS, options.only, bench)
    if options.list:
        return print("\n".join(listing(steps, bench, out))) or 0
    bad = 0
    for line in run_parts(steps, bench, out):
        print(line, flush=True)
        bad += ": failed: " in line
    print(f"results: {out}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
