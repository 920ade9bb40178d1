"""`holdfast audits`: what can be measured, and one audit in full."""

import inspect
import sys
from collections.abc import Sequence

from holdfast.cli.options import chosen, paragraphs, without_heavy_imports


def audits(words: Sequence[str]) -> None:
    """Lists AUDITS; with a name: what it measures and how to measure it alone."""
    with without_heavy_imports():
        from holdfast.audits import AUDITS
        from holdfast.report.axes import AXES

        name = chosen("audits", words, AUDITS)
        if name is None:
            return
        whole = sys.modules[AUDITS[name].__module__].__doc__
        print(f"{paragraphs(whole)}\n\n{paragraphs(inspect.getdoc(AUDITS[name]))}\n")
        print(f"next: {AXES[name].command}")
