"""Work on many pieces of a source at once, a bounded number ahead; and what threads keep of it for one another."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from holdfast.system import cores

T = TypeVar("T")


class Kept:
    """By key, what was read last; threads share it, and another process begins with nothing."""

    def __init__(self) -> None:
        self._found: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._lock = threading.Lock()

    def __reduce__(self) -> Any:
        return Kept, ()

    def __len__(self) -> int:
        return len(self._found)

    def get(self, key: Hashable, read: Callable[[], T], size: Callable[[T], int], most: int) -> T:
        """What is there, or is read now; the oldest go where all are more than `most` bytes, the newest stays."""
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
                return self._found[key][0]
        value = read()
        with self._lock:
            self._found[key] = (value, size(value))
            while len(self._found) > 1 and sum(bytes_ for _, bytes_ in self._found.values()) > most:
                self._found.popitem(last=False)
        return value


def in_threads(fill: Callable[[int, Any], None], pieces: Iterator[tuple[int, Any]]) -> None:
    """Runs fill over pieces, a bounded number ahead, so that encoded bytes do not pile up in memory."""
    workers = min(8, cores())
    with ThreadPoolExecutor(workers) as pool:
        waiting = []
        for start, rows in pieces:
            waiting.append(pool.submit(fill, start, rows))
            if len(waiting) > 4 * workers:
                waiting.pop(0).result()
        for future in waiting:
            future.result()
