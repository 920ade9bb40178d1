"""The line that stands there while torch is imported, which takes seconds."""

import sys
from importlib.abc import MetaPathFinder
from typing import Any, TextIO

from holdfast.system import first_process

LONG = frozenset({"train", "resume", "audit", "memorization", "embed", "demo"})
"""Commands that work for so long that their first line tells, in a log file too, that they have begun."""


class Loading(MetaPathFinder):
    """Finds nothing: says a line when torch is first looked for."""

    def __init__(self, line: str, stream: TextIO):
        self._line, self._stream, self._said = line, stream, False

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> None:
        if fullname == "torch" and not self._said:
            self._said = True
            print(self._line, file=self._stream, flush=True)


def say_when_loading(command: str) -> None:
    """From now on a line tells when torch is imported for the first time: on a terminal, and where a command works for
    long, in what it prints to a pipe."""
    if "torch" in sys.modules or not first_process():
        return
    if sys.stderr.isatty():
        sys.meta_path.insert(0, Loading("loading …", sys.stderr))
    elif command in LONG:
        sys.meta_path.insert(0, Loading(f"{command}: loading …", sys.stdout))
