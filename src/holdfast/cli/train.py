"""`holdfast train`: an encoder from images."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from holdfast.cli.options import (
    Help,
    Option,
    UserError,
    first_line,
    flags,
    free_folder,
    heading,
    listed,
    nearest,
    parse,
    refuse_idle,
    take,
    without_heavy_imports,
    wrapped,
)
from holdfast.config import VIEWS, RunConfig, ViewSettings, require
from holdfast.report.wording import joined

DIGITS = "no --data was named: scikit-learn's handwritten digits are taken, to try it on"
MORE = (
    Option(name="recipe", flag="--recipe NAME", text="Start from the settings of a recipe: see `holdfast recipes`."),
    Option(
        name="views",
        flag=f"--views {'|'.join(VIEWS)}",
        text="Draw views by a preset's settings, in place of the method's.",
        group=heading(ViewSettings),
    ),
)
GROUPS = {
    "images": "labels groups download resize pixel_range memory_gib workers shuffle_buffer strict long_tail split "
    "holdout limit",
    "network": "stem init whiten",
    "optimiser": "optimizer lr lr_end warmup_epochs momentum nesterov lars_trust lars_clip muon_rest weight_decay "
    "decay schedule",
    "where and how it is computed": "seed precision chunk shard_weights checkpoint_activations compile devices "
    "accelerator threads checkpoint_steps keep_checkpoints signals_every",
}

_OF_BOTH = ("--data", "--encoder", "--image-size", "--stem", "--long-tail", "--split", "--seed")
"""Options that a run and its teacher's have alike."""


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """Options of `holdfast train`."""

    config: RunConfig
    """What to train."""
    out: Path | None = None
    """Folder for everything the run leaves, new or empty; None: runs/METHOD-1, or the next number that is free."""


def train(words: Sequence[str]) -> None:
    """Trains a method and says where the encoder is."""
    if {"-h", "--help", "--help-all"} & set(words):
        with without_heavy_imports():
            train_options(list(words))
    options = train_options(list(words))
    _refuse_untaught(words[0], words[1:], options.config)
    from holdfast.cli.progress import Progress, quiet_fabric
    from holdfast.engine import train as engine_train

    quiet_fabric()
    config = sized(options.config)
    folder = options.out or free_folder(Path("runs"), words[0])
    unnamed = config.data == "digits" and not any(word.partition("=")[0] == "--data" for word in words)
    with Progress(folder, first=DIGITS if unnamed else "") as progress:
        run = engine_train(config, folder, listen=progress)
    progress.say(f"encoder: {run.encoder}")
    progress.say(f"next: holdfast audit {folder}")


def sized(config: RunConfig) -> RunConfig:
    """The configuration with an image size where it names none and the pictures have several; says which and why."""
    from holdfast.data import size_for

    choice = size_for(config.data) if config.image_size is None and not config.download else None
    if choice is None:
        return config
    print(wrapped(str(choice)))
    return replace(config, image_size=choice.size)


def train_options(words: list[str]) -> TrainOptions:
    """The options that words of a command line name: a preset's or a recipe's settings first, then single flags."""
    from holdfast.methods import METHODS, PRESETS, default_config, with_idle_parts, without_idle_parts

    known = [*METHODS, *(name for name in PRESETS if name not in METHODS)]
    if not words or words[0].startswith("-"):
        _without_method(words, known)
    method, rest = words[0], words[1:]
    if method not in known:
        raise UserError(f"expected a method, got {method!r}; {nearest(method, known)}")
    recipe, views = take(rest, "--recipe"), take(rest, "--views")
    config = default_config(method) if recipe is None else _recipe(recipe, method)
    if views is not None:
        if views not in VIEWS:
            raise UserError(f"expected a preset after --views, got {views!r}; {nearest(views, VIEWS)}")
        config = replace(config, views=VIEWS[views])
    page = _help(method, first_line(PRESETS.get(method) or METHODS[method]), needed(config))
    options = parse(TrainOptions, rest, page, default=TrainOptions(config=with_idle_parts(config)))
    refuse_idle("train", rest, options)
    return replace(options, config=without_idle_parts(options.config))


def _refuse_untaught(method: str, words: Sequence[str], config: RunConfig) -> None:
    """Raises ValueError where a method needs a teacher and is given none, with both commands in the user's words."""
    from holdfast.methods import METHODS, name_of, wanted_teacher

    taught_by = METHODS[name_of(config)].taught_by
    if not taught_by or getattr(config.method, "teacher", None) is not None:
        return
    left, shared = list(words), list[str]()
    for flag in _OF_BOTH:
        value = take(left, flag)
        shared += [] if value is None else [flag, value]
    run = free_folder(Path("runs"), taught_by)
    told = wanted_teacher(
        method,
        taught_by,
        run=shlex.quote(str(run)),
        shared=shlex.join(shared),
        options=shlex.join(words),
        encoder=shlex.quote(config.encoder),
    )
    require(False, *told)


def needed(config: RunConfig) -> dict[str, str]:
    """What a method cannot be trained without beside images: examples of values by option."""
    from holdfast.methods import DOWNLOADED, METHODS, name_of

    taught_by = METHODS[name_of(config)].taught_by
    forgotten = next((part.chosen for part in config.parts if part.word == "forget"), None)
    return {
        **({"teacher": "encoder.pth" if taught_by == DOWNLOADED else f"runs/{taught_by}-1"} if taught_by else {}),
        **({"groups": f"sites.csv:{forgotten}"} if forgotten else {}),
    }


def _help(method: str, says: str, needs: Mapping[str, str]) -> Help:
    given = "".join(f" --{name} {value}" for name, value in needs.items())
    own = " ".join([*needs, "forget"] if "groups" in needs else needs)
    strengthened = "" if needs else "adversary penalty "
    return Help(
        usage=f"holdfast train {method} [OPTIONS]",
        says=says,
        example=f"holdfast train {method} --data photos{given or ' --out runs/a'}",
        first=f"data out {own} encoder image_size epochs batch_size recipe {strengthened}devices",
        groups=GROUPS,
        more=MORE,
        elsewhere=_of_other_methods,
    )


def _of_other_methods(name: str) -> str:
    """Which methods an option is one of; '' where it is one of none."""
    owners = methods_with(name)
    return f"it is one of {joined(owners)}: train with one of these, or leave it out" if owners else ""


def methods_with(name: str) -> list[str]:
    """The methods that have an option of their own of this name, which has dashes."""
    from holdfast.methods import METHODS

    return [method for method, kind in METHODS.items() if name in flags(kind.Config)]


def _without_method(words: Sequence[str], known: Sequence[str]) -> None:
    """Shows what can be trained where help is asked for. Raises UserError where it is not."""
    from holdfast.methods import METHODS, PRESETS

    if not {"-h", "--help", "--help-all"} & set(words):
        raise UserError(f"expected a method after 'holdfast train', got none; choose one of {', '.join(known)}")
    entries = {name: PRESETS.get(name) or METHODS[name] for name in known}
    print("usage: holdfast train METHOD [OPTIONS]\n\nTrains an encoder on images; labels are never needed.\n")
    print("for example: holdfast train simclr --data photos --out runs/a\n\nmethods:")
    print(f"{listed(entries, '  ')}\n\nholdfast train METHOD --help shows a method's options.")
    raise SystemExit(0)


def _recipe(name: str, method: str) -> RunConfig:
    from holdfast.recipes import RECIPES

    names = [known for known in RECIPES if known.startswith(f"{method}/")]
    if name not in RECIPES and f"{method}/{name}" in RECIPES:
        name = f"{method}/{name}"
    if name not in names:
        raise UserError(f"expected a recipe for {method}, got {name!r}; {nearest(name, names)}")
    return RECIPES[name]()
