"""Kills a small training run again and again at random moments, resumes it, and compares the encoder bit by bit.

    python experiments/kills.py --kills 100 --out results/kills.json

Prints a line for each kill and a count at the end; exits non-zero where a run did not go on or ended in other bits.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FLAGS = (
    *("--data", "digits", "--limit", "300", "--holdout", "20", "--encoder", "timm/test_resnet", "--image-size", "16"),
    *("--batch-size", "32", "--epochs", "4", "--precision", "32", "--threads", "1", "--checkpoint-steps", "1"),
    *("--adversary", "free:2"),
)
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def holdfast(*words: str) -> subprocess.Popen[bytes]:
    """The command, started."""
    command = [sys.executable, "-m", "holdfast", *words]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=ENVIRONMENT)


def killed(words: list[str], seconds: float) -> bool:
    """Whether a command was killed after so many seconds; False where it ended before."""
    process = holdfast(*words)
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True
    return False


def once(folder: Path, expected: bytes, seconds: float) -> str:
    """Trains, is killed, and goes on: 'same bits', or what went wrong."""
    shutil.rmtree(folder, ignore_errors=True)
    was = killed(["train", "simclr", *FLAGS, "--out", str(folder)], seconds)
    begun = (folder / "config.json").is_file()
    words = ["resume", str(folder)] if begun else ["train", "simclr", *FLAGS, "--out", str(folder)]
    process = holdfast(*words)
    _, error = process.communicate()
    if process.returncode:
        return f"{words[0]} ended with {process.returncode}: {error.decode().strip().splitlines()[-1]}"
    same = (folder / "encoder.safetensors").read_bytes() == expected
    return ("same bits" if was else "ended before the kill, same bits") if same else "other bits"


def main() -> int:
    """Kills and counts."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    draw, counts = random.Random(options.seed), {}
    with tempfile.TemporaryDirectory() as place:
        start = time.perf_counter()
        holdfast("train", "simclr", *FLAGS, "--out", f"{place}/whole").wait()
        whole = time.perf_counter() - start
        expected = Path(place, "whole", "encoder.safetensors").read_bytes()
        for number in range(options.kills):
            seconds = draw.uniform(0.1, 1.0) * whole
            found = once(Path(place, "killed"), expected, seconds)
            counts[found] = counts.get(found, 0) + 1
            print(f"kill {number + 1} after {seconds:.1f} s: {found}", flush=True)
    print(json.dumps(counts))
    if options.out:
        options.out.write_text(
            json.dumps({"kills": options.kills, "seed": options.seed, "counts": counts}, indent=1) + "\n"
        )
    return 0 if all(found.endswith("same bits") for found in counts) else 1


if __name__ == "__main__":
    sys.exit(main())
