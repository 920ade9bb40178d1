"""The line that stands on a terminal while torch is imported, which takes seconds."""

import sys
from importlib.abc import MetaPathFinder
from typing import Any


class Loading(MetaPathFinder):
    """Finds nothing: says so when torch is first looked for."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> None:
        if fullname == "torch":
            sys.meta_path.remove(self)
            print("loading …", file=sys.stderr, flush=True)


def say_when_loading() -> None:
    """From now on a line tells when torch is imported for the first time."""
    if "torch" not in sys.modules:
        sys.meta_path.insert(0, Loading())
