"""`holdfast methods`: what can be trained, and one method in full."""

from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from typing import TYPE_CHECKING

from holdfast.cli.options import changed, chosen, first_line, without_heavy_imports, wrapped
from holdfast.cli.train import needed

if TYPE_CHECKING:
    from holdfast.config import RunConfig


def methods(words: Sequence[str]) -> None:
    """Lists METHODS and PRESETS by what they are for; with a name: what it is, what it sets, and its recipes."""
    with without_heavy_imports():
        from holdfast.config import RunConfig
        from holdfast.methods import METHODS, PRESETS, default_config, purpose_of
        from holdfast.recipes import RECIPES
        from holdfast.settings import PURPOSES

        entries = METHODS | {name: preset for name, preset in PRESETS.items() if name not in METHODS}
        groups = {
            PURPOSES[key]: [name for name in entries if purpose_of(default_config(name)) == key] for key in PURPOSES
        }
        name = chosen("methods", words, entries, groups)
        if name is None:
            return
        config = default_config(name)
        print(wrapped(first_line(entries[name])))
        print(f"\nsettings that differ from a plain run:\n{changed(config, RunConfig(method=type(config.method)()))}")
        needs = [f"needs --{option}, as in --{option} {value}" for option, value in needed(config).items()]
        print("\n".join(["", *needs, _shares(config)]))
        recipes = [f"  holdfast recipes {key}" for key in RECIPES if key.startswith(f"{name}/")]
        print("\n".join(["\nrecipes:", *recipes] if recipes else []))
        print(_measured(name))
        print(f"\nnext: holdfast train {name} --help")


def _shares(config: "RunConfig") -> str:
    """Whether it trains with --shard-weights, and why not."""
    try:
        replace(config, shard_weights=True)
    except ValueError as error:
        return wrapped(f"not with --shard-weights: {error}")
    return "trains with --shard-weights too, which divides weights among GPUs where one has no room for them"


def _measured(name: str) -> str:
    """What was measured of a method beside SimCLR, with the words that say how, or that it was not; nothing of SimCLR
    itself."""
    if name == "simclr":
        return ""
    lines = (files("holdfast.methods") / "measured.md").read_text("utf-8").splitlines()
    own = next((line.partition(": ")[2] for line in lines if line.startswith(f"- {name}: ")), None)
    if own is None:
        return "\nmeasured: not beside SimCLR at one budget of passes (docs/results.md has those that are)"
    return f"\nmeasured:\n{wrapped(f'{lines[0]} {own}.', '  ')}"
