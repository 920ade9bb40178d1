"""The commands as functions: what `import holdfast` offers beside its parts, with the commands' names and words."""

from collections.abc import Iterable
from dataclasses import fields, replace
from os import PathLike
from pathlib import Path
from typing import Any

from rich.console import Console

from holdfast.cli.embed import EmbedOptions, written
from holdfast.cli.options import nearest
from holdfast.cli.progress import Progress, quiet_fabric
from holdfast.cli.train import sized
from holdfast.config import RunConfig
from holdfast.display import html_table
from holdfast.runs import RunFolder


def train(
    config: RunConfig | None = None,
    folder: Path | str | None = None,
    *,
    method: str | None = None,
    out: Path | str | None = None,
    listen: Any = None,
    **settings: Any,
) -> RunFolder:
    """Trains an encoder into a new folder; returns the run's folder.

    config and folder; or, as on the command line, method, a name in METHODS or PRESETS, out, and any settings by
    name: train(method="simclr", data="photos", epochs=5, out="runs/a"). listen is told of every event; None: a
    notebook shows progress, a program stays silent.

    Raises ValueError (expected, got, remedy) for an unknown method or setting, FileExistsError for a folder in use.
    """
    from holdfast.engine import train as engine_train

    if (config is None) == (method is None):
        raise ValueError("expected a config or method='NAME', got both or neither; as in train(method='simclr')")
    target = folder or out
    if target is None:
        raise ValueError("expected a folder for the run, got none; as in train(method='simclr', out='runs/a')")
    chosen = _settled(str(method), settings) if config is None else _changed(config, settings)
    chosen = sized(chosen)
    quiet_fabric()
    if listen is not None or not Console().is_jupyter:
        return engine_train(chosen, target, **({} if listen is None else {"listen": listen}))
    with Progress(Path(target)) as progress:
        return engine_train(chosen, target, listen=progress)


def resume(folder: Path | str, *, listen: Any = None) -> RunFolder:
    """Continues an interrupted run; returns its folder. Raises FileNotFoundError where folder is no run."""
    from holdfast.engine import resume as engine_resume

    quiet_fabric()
    if listen is not None or not Console().is_jupyter:
        return engine_resume(folder, **({} if listen is None else {"listen": listen}))
    with Progress(Path(folder)) as progress:
        return engine_resume(folder, listen=progress)


def _settled(method: str, settings: dict[str, Any]) -> RunConfig:
    from holdfast.methods import METHODS, PRESETS, default_config

    known = [*METHODS, *(name for name in PRESETS if name not in METHODS)]
    if method not in known:
        raise ValueError(f"expected a method, got {method!r}; {nearest(method, known)}")
    return _changed(default_config(method), settings)


def _changed(config: RunConfig, settings: dict[str, Any]) -> RunConfig:
    """The configuration with settings changed by name: its own, its method's, its views' and its parts'."""
    from holdfast.methods import with_idle_parts, with_settings

    homes: dict[str, Any] = {"method": config.method, "views": config.views}
    own = {field.name for kind in (config, *with_idle_parts(config).parts) for field in fields(kind)}
    known = {field.name: home for home, value in homes.items() for field in fields(value)}
    for name in settings:
        if name not in own and name not in known:
            raise ValueError(f"expected a setting of the run, got {name!r}; {nearest(name, [*own, *known])}")
    changes = {name: value for name, value in settings.items() if name in own}
    for home, value in homes.items():
        inner = {name: new for name, new in settings.items() if name not in own and known[name] == home}
        changes |= {home: replace(value, **inner)} if inner else {}
    return with_settings(config, **changes)


class Inspection(dict[str, Any]):
    """What `inspect` found, JSON values by name; shows itself as a table."""

    def __repr__(self) -> str:
        rows = _facts(self)
        width = max(len(name) for name, _ in rows)
        return "\n".join([str(self["source"]), *(f"  {name:{width}}  {value}" for name, value in rows)])

    def _repr_html_(self) -> str:
        advice = [(entry["topic"], entry["advice"]) for entry in self["advice"]]
        return html_table(str(self["source"]), _facts(self)) + html_table("What to do", advice)


def _facts(document: Inspection) -> list[tuple[str, str]]:
    from holdfast.report.pages import facts

    return facts(document)


def inspect(source: str | Path, **options: Any) -> Inspection:
    """What a collection of images is like, and what to do with it. options: those of holdfast.inspection.inspect."""
    from holdfast.inspection import inspect as look

    return Inspection(look(str(source), **options))


def compare(*folders: Path | str | Iterable[Path | str]) -> Any:
    """Paired differences of audited runs: compare("runs/a", "runs/b") or compare(["runs/a", "runs/b"])."""
    from holdfast.report import compare as measure

    given = [one for folder in folders for one in ([folder] if isinstance(folder, str | PathLike) else folder)]
    return measure(given)


def card(run: Path | str, out: Path | str | None = None, **options: Any) -> tuple[Path, Path]:
    """Writes card.json and the model card of an audited run; returns their paths."""
    from holdfast.report import write_card

    return write_card(Path(run), None if out is None else Path(out), **options)


def embed(encoder: Any, data: Any = None, out: Path | str = "features.parquet", **more: Any) -> Path:
    """Writes the features of images as .parquet, .npz or .safetensors; returns the file.

    encoder: what load_encoder takes or gives. data: any source of images, or Images that were loaded; None: those of a
    run. more: options of `holdfast embed`, such as image_size, labels, limit, device.

    Raises ValueError (expected, got, remedy) for anything else.
    """
    from torch import nn

    from holdfast.data import Images

    known = [field.name for field in fields(EmbedOptions)]
    for name in more:
        if name not in known:
            raise ValueError(f"expected an option of embed, got {name!r}; {nearest(name, known)}")
    source = _named("an encoder as load_encoder takes or gives it", encoder, nn.Module)
    images = None if data is None else _named("a source of images, or Images as load_images gives them", data, Images)
    name = images if isinstance(images, str) else None
    options = EmbedOptions(data=name, out=Path(out), **more)
    idle = [option for option in ("image_size", "resize", "labels", "pixel_range") if name is None and option in more]
    if idle and images is not None:
        raise ValueError(f"expected no {idle[0]} with Images, which are read already; give it to load_images")
    written(source, options, images if isinstance(images, Images) else None)
    return options.out


def _named(expected: str, given: Any, kind: type) -> Any:
    """A path or name as text, an object of the kind as it is. Raises ValueError for anything else."""
    if isinstance(given, str | PathLike):
        return str(given)
    if isinstance(given, kind):
        return given
    raise ValueError(f"expected {expected}, got {type(given).__name__}; pass a path, a name, or such an object")


def export(encoder: str | Path, out: Path | str = "exported") -> Path:
    """Writes an encoder's weights for timm or torchvision alone, with code that loads them; returns the folder."""
    from holdfast.models import load_encoder
    from holdfast.models.export import export_encoder, exportable

    export_encoder(exportable(load_encoder(encoder)), Path(out))
    return Path(out)
