"""`holdfast recipes`: what there is, a line each."""

from collections.abc import Sequence

from holdfast.cli.options import show_list


def recipes(words: Sequence[str]) -> None:
    """Lists RECIPES."""
    from holdfast.recipes import RECIPES

    show_list("recipes", words, RECIPES)
