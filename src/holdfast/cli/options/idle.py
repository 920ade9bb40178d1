"""Options that change nothing where they stand: refused, so that nobody believes that they were obeyed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from holdfast.cli.options.errors import UserError
from holdfast.options import BEARS_ON
from holdfast.runs import is_run_folder

Needs = Mapping[str, str]
"""By option that has no effect: what it has one with."""


def refuse_idle(command: str, words: Sequence[str], options: Any) -> None:
    """Raises UserError for the first option among the words that has no effect with the others."""
    needs = IDLE[command](options)
    for name in given_names(words):
        if name in needs:
            flag = name.replace("_", "-")
            raise UserError(f"expected --{flag} only {needs[name]}, got it otherwise: it changes nothing; leave it out")


def given_names(words: Sequence[str]) -> list[str]:
    """The options that were written out, in order, as field names."""
    flags = [word.partition("=")[0].removeprefix("--") for word in words if word.startswith("--")]
    return [flag.replace("-", "_").removeprefix("no_") for flag in flags]


def _when(idle: bool, names: str, needs: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), needs) if idle else {}


def _audit(options: Any) -> Needs:
    runs = all(is_run_folder(str(source)) for source in options.encoders)
    own = runs and options.layer == "backbone" and not options.aggregate
    axes, sources = options.axes, f"{options.data} {options.test}"
    return {
        **_when(options.attack_head == "slf", "head_images head_steps head_epochs", "with another --attack-head"),
        **_when(options.square_images == 0, "square_queries", "with --square-images"),
        **({} if axes is None else _of_other_axes(axes)),
        **_when(options.budget != "auto" or axes is not None, "minutes", "with --budget auto and without --axes"),
        **_when(options.protocol == "lbfgs", "probe_lr_drop", "with --protocol sdclr"),
        **_when("torchvision/" not in sources, "download", "with torchvision/NAME as --data or --test"),
        **_when(
            runs and options.data is None,
            "image_size resize pixel_range",
            "with --data: a run's images are read as it read them",
        ),
        **_when(own, "out", "for an encoder that is no run folder: a run's findings go into it"),
    }


def _of_other_axes(axes: Sequence[str]) -> Needs:
    """Options that bear on none of the axes, and which they would bear on."""
    idle = {name: of for name, of in BEARS_ON.items() if not set(of) & set(axes)}
    return {name: f"with {' or '.join(of)} among --axes" for name, of in idle.items()}


def _memorization(options: Any) -> Needs:
    if options.run is not None:
        given = "data partition image_size"
        return _when(True, given, "with --two-encoders") | _when(
            options.remove is None, "test downstream", "with --remove"
        )
    study = "pairs epochs external candidates planted remove test downstream"
    return _when(True, study, "with a run folder, whose pairs are trained here")


def _embed(options: Any) -> Needs:
    return {
        **_when(
            options.data is None,
            "image_size resize labels pixel_range",
            "with --data: a run's images are read as it read them",
        ),
        **_when(options.limit is None, "seed", "with --limit, which it draws"),
    }


def _inspect(options: Any) -> Needs:
    sources = f"{' '.join(options.sources)} {options.against}"
    return {
        **_when(options.method == "none", "encoder image_size batch_size epochs", "with a --method that is measured"),
        **_when("torchvision/" not in sources, "download", "with torchvision/NAME"),
    }


def _train(options: Any) -> Needs:
    config = options.config
    return {
        **_of_parts(config.parts),
        **_when(bool(_scheduled(config.parts)), "temperature", "without --temperature-schedule"),
        **_when(config.optimizer != "lars", "lars_trust lars_clip", "with --optimizer lars"),
        **_when(config.optimizer != "muon", "muon_rest", "with --optimizer muon"),
        **_when(config.optimizer == "adamw", "momentum nesterov", "with --optimizer sgd or lars"),
        **_when("torchvision/" not in str(config.data), "download", "with --data torchvision/NAME"),
        **_when(not config.views.blur, "blur_min blur_max", "with --blur"),
        **_when(
            config.long_tail is None and config.limit is None and config.holdout == 0, "split", "with something drawn"
        ),
    }


def _scheduled(parts: Sequence[Any]) -> list[Any]:
    return [part for part in parts if part.word == "temperature_schedule" and part.chosen is not None]


def _of_parts(parts: Sequence[Any]) -> dict[str, str]:
    """Settings of parts that are not put on the method: a part's first field says whether it is."""
    found: dict[str, str] = {}
    for part in parts:
        switch, *others = (field.name for field in fields(part))
        found |= _when(getattr(part, switch) is None, " ".join(others), f"with --{switch.replace('_', '-')}")
    return found


def _nothing(options: Any) -> Needs:
    return {}


IDLE: dict[str, Callable[[Any], Needs]] = {
    "train": _train,
    "audit": _audit,
    "memorization": _memorization,
    "embed": _embed,
    "inspect": _inspect,
    "export": _nothing,
    "report": _nothing,
    "compare": _nothing,
    "card": _nothing,
    "demo": _nothing,
}
"""By command: which options have no effect with the others as they are. Commands that are not here take no options."""
