"""Exact nearest neighbours against faiss-cpu's exact index: queries a second as a ratio.

    python benchmarks/neighbours.py [--rows 50000] [--queries 5000] [--dim 512] [--rounds 3]

Both find the 20 nearest of the rows by cosine; rows and queries are of length 1 beforehand, as faiss wants them, and
holdfast takes its own normalisation as part of its time. All queries are alike, so that a tenth of them is asked in
each round. torch's product of the two matrices alone stands beside it: it is the limit. The share of equal neighbours
is said. Needs faiss-cpu (the bench extra).
"""

import argparse
import importlib
import importlib.util
from typing import Any

import torch
import torch.nn.functional as F
from measuring import finish, take_turns, times_faster

from holdfast.evaluation.probes.knn import neighbours

NEIGHBOURS = 20


def main() -> None:
    """Takes turns and reports."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--queries", type=int, default=5_000)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    size = f"{options.queries:,} of {options.rows:,} queries on {options.rows:,} rows × {options.dim}"
    settings = f"{size}, {NEIGHBOURS} neighbours, float32, {torch.get_num_threads()} threads"
    if importlib.util.find_spec("faiss") is None:
        finish("neighbours", [], settings=settings, left_out=["faiss is not installed: the bench extra has it"])
        return
    faiss: Any = importlib.import_module("faiss")
    faiss.omp_set_num_threads(torch.get_num_threads())
    generator = torch.Generator().manual_seed(0)
    rows = F.normalize(torch.randn(options.rows, options.dim, generator=generator), dim=1)
    queries = F.normalize(torch.randn(options.queries, options.dim, generator=generator), dim=1)
    index = faiss.IndexFlatIP(options.dim)
    index.add(rows.numpy())
    found: dict[str, Any] = {}

    def ours() -> None:
        found["holdfast"] = neighbours(rows, NEIGHBOURS, queries=queries)[1].numpy()

    def theirs() -> None:
        found["faiss"] = index.search(queries.numpy(), NEIGHBOURS)[1]

    def product() -> None:
        for some in queries.split(500):
            torch.mm(some, rows.T)

    rounds = take_turns({"holdfast": ours, "faiss": theirs, "torch's product alone": product}, options.rounds)
    equal = float((found["holdfast"] == found["faiss"]).mean())
    what = f"kNN, {size.partition(' of ')[2]}, against faiss-cpu exact: times as fast"
    bare = "torch's product of the two matrices alone, against the same: times as fast"
    ratios = [
        times_faster(what, rounds, "holdfast", "faiss", target=0.9),
        times_faster(bare, rounds, "torch's product alone", "faiss"),
    ]
    finish("neighbours", ratios, settings=f"{settings}; {equal:.2%} of the neighbours are equal")


if __name__ == "__main__":
    main()
