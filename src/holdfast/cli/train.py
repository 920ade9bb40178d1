"""`holdfast train`: an encoder from images."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from holdfast.cli.options import UserError, free_folder, nearest, parse, take
from holdfast.cli.progress import Progress, quiet_fabric
from holdfast.config import VIEWS, RunConfig
from holdfast.engine import train as engine_train
from holdfast.methods import METHODS, PRESETS, SimCLRConfig, default_config
from holdfast.recipes import RECIPES


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """Options of `holdfast train`."""

    config: RunConfig = field(default_factory=lambda: RunConfig(method=SimCLRConfig()))
    """What to train."""
    out: Path | None = None
    """Folder for everything the run leaves, new or empty; None: runs/METHOD-1, or the next number that is free."""


def train(words: Sequence[str]) -> None:
    """Trains a method and says where the encoder is."""
    options = train_options(list(words))
    config = options.config
    quiet_fabric()
    folder = options.out or free_folder(Path("runs"), words[0])
    with Progress(folder) as progress:
        run = engine_train(config, folder, listen=progress)
    progress.say(f"encoder: {run.encoder}")
    progress.say(f"next: holdfast audit {folder}")


def train_options(words: list[str]) -> TrainOptions:
    """The options that words of a command line name: a preset's or a recipe's settings first, then single flags."""
    known = [*METHODS, *(name for name in PRESETS if name not in METHODS)]
    if not words or words[0].startswith("-"):
        if {"-h", "--help"} & set(words):
            print(f"usage: holdfast train METHOD [OPTIONS]\n\nmethods: {', '.join(known)}\n")
            print("holdfast train METHOD --help shows a method's options.")
            raise SystemExit(0)
        raise UserError(f"expected a method after 'holdfast train', got none; choose one of {', '.join(known)}")
    method, rest = words[0], words[1:]
    if method not in known:
        raise UserError(f"expected a method, got {method!r}; {nearest(method, known)}")
    recipe, views = take(rest, "--recipe"), take(rest, "--views")
    config = default_config(method) if recipe is None else _recipe(recipe, method)
    if views is not None:
        if views not in VIEWS:
            raise UserError(f"expected a preset after --views, got {views!r}; {nearest(views, VIEWS)}")
        config = replace(config, views=VIEWS[views])
    return parse(
        TrainOptions,
        rest,
        prog=f"holdfast train {method}",
        default=TrainOptions(config=config),
        description=f"{first_line(method)} "
        f"--recipe NAME starts from a recipe's settings, --views {'|'.join(VIEWS)} from a preset of views.",
    )


def first_line(name: str) -> str:
    """What a method or preset is, in a line."""
    return ((PRESETS.get(name) or METHODS[name]).__doc__ or "").strip().splitlines()[0]


def _recipe(name: str, method: str) -> RunConfig:
    names = [known for known in RECIPES if known.startswith(f"{method}/")]
    if name not in RECIPES and f"{method}/{name}" in RECIPES:
        name = f"{method}/{name}"
    if name not in names:
        raise UserError(f"expected a recipe for {method}, got {name!r}; {nearest(name, names)}")
    return RECIPES[name]()
