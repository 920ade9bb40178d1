"""Writes the numbers of results/*.json into README and docs: `python experiments/page_numbers.py`, or `make numbers`.

Numbers of GPUs have a script of their own, `experiments/gpu.py --page`.
"""

from holdfast.runs import atomic_path
from number_pages import pieces, rewritten
from number_pages.engine import ROOT


def main() -> None:
    """Writes what changed and names it."""
    for path, text in rewritten(ROOT, pieces()).items():
        if path.read_text() != text:
            with atomic_path(path) as temporary:
                temporary.write_text(text)
            print(f"{path.relative_to(ROOT)}: numbers written")


if __name__ == "__main__":
    main()
