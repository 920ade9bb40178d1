"""`holdfast recipes`: complete settings of published runs, and one recipe in full."""

import inspect
from collections.abc import Sequence

from holdfast.cli.options import changed, chosen, paragraphs, without_heavy_imports


def recipes(words: Sequence[str]) -> None:
    """Lists RECIPES; with a name: what it reproduces, what it sets, and the command that starts from it."""
    with without_heavy_imports():
        from holdfast.config import RunConfig
        from holdfast.recipes import RECIPES

        name = chosen("recipes", words, RECIPES)
        if name is None:
            return
        config, recipe = RECIPES[name](), RECIPES[name]
        print(f"{paragraphs(inspect.getdoc(recipe))}\n\n{paragraphs(inspect.getdoc(inspect.getmodule(recipe)))}\n")
        print(f"settings that differ from a plain run:\n{changed(config, RunConfig(method=type(config.method)()))}")
        method, _, short = name.partition("/")
        print(f"\nnext: holdfast train {method} --recipe {short} --data photos --out runs/a")
