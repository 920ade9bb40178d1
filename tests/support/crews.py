"""Crews of threads: each has a place of its own in a gloo group."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import torch.distributed as dist

from holdfast.distributed import Crew


def crews(size: int) -> list[Crew]:
    """The places of a crew; a gloo group is made by all of its members at once."""
    store = dist.HashStore()

    def joined(rank: int) -> Crew:
        group = dist.ProcessGroupGloo(dist.PrefixStore("gloo", store), rank, size, timedelta(seconds=60))
        return Crew(rank, size, group, store)

    return at_once(joined, range(size))


def at_once(work, places):
    with ThreadPoolExecutor(len(places)) as threads:
        return list(threads.map(work, places))
