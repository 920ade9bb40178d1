"""`holdfast audits`: what there is, a line each."""

from collections.abc import Sequence

from holdfast.cli.options import show_list


def audits(words: Sequence[str]) -> None:
    """Lists AUDITS."""
    from holdfast.audits import AUDITS

    show_list("audits", words, AUDITS)
