"""How long `holdfast --help` takes, beside an interpreter that does nothing: the best of ten, and their ratio."""

import subprocess
import sys
import time


def fastest(code: str) -> float:
    """Seconds of the fastest of ten runs of a program."""
    times = []
    for _ in range(10):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    help_, nothing = fastest("from holdfast.cli import main; main(['--help'])"), fastest("")
    print(f"holdfast --help {help_:.3f} s, an idle interpreter {nothing:.3f} s: {help_ / nothing:.1f} times")
