"""Errors of the command line, each one line: expected, got, remedy."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Input that cannot be used; the message is all that the user needs."""


def nearest(word: str, known: Iterable[str], *, likeness: float = 0.5) -> str:
    """'did you mean X?' for the most similar of the known words, else the list of them.

    likeness: of two words, from 0 to 1, at least.
    """
    names = list(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=likeness)
    return f"did you mean {close[0]}?" if close else f"choose one of {', '.join(names)}"


class EndedElsewhereError(Exception):
    """Another process has told what went wrong; this one ends with the same exit code and says nothing."""

    def __init__(self, code: int):
        super().__init__(f"exit code {code}")
        self.code = code
