"""All benchmarks of docs/performance.md, one after another, each with a result file: `make bench` (ONLY=X for one).

    python benchmarks/run.py [NAME ...] [--again] [--list]

A benchmark is left out where its result file is of the same code, machine and packages: an interrupted call goes on
where it was. --again measures anew. The page is written from the files by `make numbers`.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from measuring import RESULTS, hardware, versions

HERE = Path(__file__).parent
BENCHMARKS: dict[str, str] = {
    "help": "--rounds 5",
    "inspection": "",
    "throughput": "--steps 2 --rounds 6 --methods simclr --alone",
    "training_memory": "",
    "streaming": "--files 1500 --batch-size 32 --waits-alone",
    "audit_overhead": "",
    "audit_fast": "",
    "linear_probe": "",
    "neighbours": "",
    "cf_amc_ssl": "--rounds 4 --objective-alone",
    "spirograph": "",
}
"""By script: its arguments. Each takes at most some 100 s on two cores at rest; peers come with the bench extra."""


def code_of(name: str) -> str:
    """16 hexadecimal digits of all that a result depends on: the package, the benchmark and its arguments."""
    digest = hashlib.sha256(BENCHMARKS[name].encode())
    for path in (*sorted((HERE.parent / "src").rglob("*.py")), HERE / "measuring.py", HERE / f"{name}.py"):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def known(name: str) -> bool:
    """Whether there is a result of this code on this machine with these packages."""
    path = RESULTS / f"{name}.json"
    if not path.exists():
        return False
    found = json.loads(path.read_text())
    here = {key: value for key, value in found["versions"].items() if key != "python"}
    return found["code"] == code_of(name) and found["hardware"] == hardware() and here == versions()


def main() -> int:
    """Runs what is asked for; returns 1 where a benchmark failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--again", action="store_true", help="measure what is known too")
    parser.add_argument("--list", action="store_true", help="say what there is")
    options = parser.parse_args()
    unknown = set(options.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"expected NAMEs of {', '.join(BENCHMARKS)}, got {', '.join(sorted(unknown))}")
    failed, begun = [], time.perf_counter()
    for name in options.names or BENCHMARKS:
        if options.list or (known(name) and not options.again):
            print(f"{name}: {'known' if known(name) else 'to be measured'}", flush=True)
            continue
        started = time.perf_counter()
        words = [sys.executable, str(HERE / f"{name}.py"), *BENCHMARKS[name].split()]
        done = subprocess.run(words, check=False, env={**os.environ, "HOLDFAST_BENCH_CODE": code_of(name)})
        failed += [name] if done.returncode else []
        print(f"{name}: {'failed' if done.returncode else 'done'}, {time.perf_counter() - started:.0f} s", flush=True)
    print(f"all of it took {(time.perf_counter() - begun) / 60:.1f} minutes{''.join(f'; failed: {f}' for f in failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
