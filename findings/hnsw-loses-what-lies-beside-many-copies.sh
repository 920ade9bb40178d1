#!/usr/bin/env bash
# HNSW indexes, default settings, of 300 different vectors and 2,000 copies of one other (blank or placeholder pictures): hardly
# one of the 300 finds itself any more. faiss-cpu 1.15.1's IndexHNSWFlat none at all, whether the copies were added first or
# last; hnswlib 0.8.0 none with the copies first. A wider search (efSearch, ef of 1,000) does not help, as there is no way out of
# the copies, whose links all go to each other. With 20 copies a wide search finds all. No warning; an exact index finds all.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q install faiss-cpu==1.15.1 hnswlib==0.8.0 numpy==2.4.6
cat > "$folder/show.py" <<'PY'
import sys
from importlib.metadata import version

import faiss, hnswlib, numpy as np

faiss.omp_set_num_threads(1)
print("faiss-cpu", version("faiss-cpu"), "hnswlib", version("hnswlib"))
draw = np.random.default_rng(0)
others, blank = (draw.normal(size=(n, 32)).astype(np.float32) for n in (300, 1))


def by_faiss(vectors, wide):
    index = faiss.IndexHNSWFlat(32, 16)
    index.add(vectors)
    index.hnsw.efSearch = 1000 if wide else 16
    return index.search(others, 1)[1][:, 0]


def by_hnswlib(vectors, wide):
    index = hnswlib.Index("l2", 32)
    index.init_index(len(vectors), random_seed=1)
    index.add_items(vectors, num_threads=1)
    index.set_ef(1000 if wide else 10)
    return index.knn_query(others, k=1, num_threads=1)[0][:, 0]


def exact(vectors, wide):
    index = faiss.IndexFlatL2(32)
    index.add(vectors)
    return index.search(others, 1)[1][:, 0]


found = {}
for copies in (20, 2000):
    for order in ("first", "last"):
        parts = [blank.repeat(copies, 0), others]
        vectors = np.concatenate(parts if order == "first" else parts[::-1])
        own = np.arange(300) + (copies if order == "first" else 0)
        for find in (exact, by_faiss, by_hnswlib):
            for wide in (False, True):
                share = found[find.__name__, copies, order, wide] = float((find(vectors, wide) == own).mean())
                if find is not exact or not wide:
                    print(f"{copies} copies {order}, {find.__name__}{', wide search' if wide else ''}: {100 * share:.1f} % find themselves")
lost = [found["by_faiss", 2000, order, True] for order in ("first", "last")] + [found["by_hnswlib", 2000, "first", True]]
whole = [share for (name, copies, _, wide), share in found.items() if name == "exact" or (copies == 20 and wide)]
sys.exit(max(lost) > 0.1 or min(whole) < 0.99)
PY
"$folder/venv/bin/python" "$folder/show.py"
