"""`holdfast methods`, `audits` and `recipes`: what there is, a line each."""

from collections.abc import Mapping, Sequence
from typing import Any

from holdfast.cli.errors import UserError


def _show(what: str, words: Sequence[str], entries: Mapping[str, Any]) -> None:
    if words and words != ["--help"] and words != ["-h"]:
        raise UserError(f"expected nothing after 'holdfast {what}', got {' '.join(words)}; leave it out")
    width = max(map(len, entries))
    for name, entry in entries.items():
        print(f"{name:{width}}  {(entry.__doc__ or '').strip().splitlines()[0]}")


def methods(words: Sequence[str]) -> None:
    """Lists METHODS and PRESETS."""
    from holdfast.methods import METHODS, PRESETS

    _show("methods", words, METHODS | {name: preset for name, preset in PRESETS.items() if name not in METHODS})


def audits(words: Sequence[str]) -> None:
    """Lists AUDITS."""
    from holdfast.audits import AUDITS

    _show("audits", words, AUDITS)


def recipes(words: Sequence[str]) -> None:
    """Lists RECIPES."""
    from holdfast.recipes import RECIPES

    _show("recipes", words, RECIPES)
