"""What processes beside the tests are given to do; they import it by name."""

import os
import signal
import time
from pathlib import Path


def facts(item: int) -> tuple[int, str, int]:
    return item * item, os.environ["OMP_NUM_THREADS"], os.getpid()


def fails_beside_a_long_one(place: Path) -> None:
    """The first of two fails as soon as the second has begun, which would take a minute."""
    if place.name == "long":
        place.write_text(str(os.getpid()))
        time.sleep(60)
    while not (other := place.with_name("long")).exists() or not other.read_text():
        time.sleep(0.01)
    raise ValueError("expected two, got one")


def killed(item: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
