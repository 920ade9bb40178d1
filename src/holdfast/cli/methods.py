"""`holdfast methods`: what there is, a line each."""

from collections.abc import Sequence

from holdfast.cli.options import show_list


def methods(words: Sequence[str]) -> None:
    """Lists METHODS and PRESETS."""
    from holdfast.methods import METHODS, PRESETS

    show_list("methods", words, METHODS | {name: preset for name, preset in PRESETS.items() if name not in METHODS})
