"""Work on many pieces of a source at once, a bounded number ahead."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def in_threads(fill: Callable[[int, Any], None], pieces: Iterator[tuple[int, Any]]) -> None:
    """Runs fill over pieces, a bounded number ahead, so that encoded bytes do not pile up in memory."""
    workers = min(8, os.cpu_count() or 1)
    with ThreadPoolExecutor(workers) as pool:
        waiting = []
        for start, rows in pieces:
            waiting.append(pool.submit(fill, start, rows))
            if len(waiting) > 4 * workers:
                waiting.pop(0).result()
        for future in waiting:
            future.result()
