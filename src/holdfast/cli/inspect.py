"""`holdfast inspect`: what a collection is like, and what to do with it, before anything is trained."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from holdfast.cli.options import Help, UserError, copyable, fitted, nearest, parse, refuse_idle, without_heavy_imports
from holdfast.cli.progress import quiet_fabric
from holdfast.progress import OnStage
from holdfast.runs import ready_file, write_json

if TYPE_CHECKING:
    from holdfast.config import RunConfig

HELP = Help(
    usage="holdfast inspect SOURCE [OPTIONS]",
    says="Tells what a collection of images is like and what to do with it, before anything is trained: "
    "counts, sizes, broken files, duplicates, how uneven it is, and how long training would take.",
    example="holdfast inspect photos --page photos.html",
    first="against by labels groups pixel_range page json limit method",
    groups={"the run that is timed": "encoder image_size batch_size epochs"},
)


@dataclass(frozen=True, kw_only=True)
class InspectOptions:
    """Options of `holdfast inspect`."""

    sources: Annotated[tuple[str, ...], tyro.conf.Positional]
    """A folder of pictures, or anything else that --data takes."""
    against: str | None = None
    """Another source, such as the test images: tells which images are in both."""
    by: str | None = None
    """An encoder, as `holdfast audit` takes it: images are also compared by its features, beside hashes."""
    labels: str | None = None
    """Where the classes stand: folder, FILE.csv, a column of the source, or none; None: the source's own."""
    groups: tuple[str, ...] = ()
    """Further groups to count: FILE.csv:COLUMN, or columns of the source."""
    pixel_range: tuple[float, float] | None = None
    """LOW HIGH: values of pixels of more than 8 bits that become black and white; None: by what all of them reach."""
    method: str = "auto"
    """Method whose time and memory are measured by a few steps: auto is the one advised, none measures none."""
    encoder: str | None = None
    """Encoder of the run that is timed; None: the method's default."""
    image_size: int | None = None
    """Image size of the run that is timed, in pixels; None: what is advised."""
    batch_size: int | None = None
    """Images per step of the run that is timed; None: what is advised."""
    epochs: int | None = None
    """Epochs of the run that is timed; None: what is advised."""
    limit: int | None = None
    """Look at a draw of so many images; None: at all of them."""
    seed: int = 0
    """Decides which images --limit draws."""
    download: bool = False
    """Let torchvision fetch a set that is not there."""
    json: Path | None = None
    """File to write all numbers to."""
    page: Path | None = None
    """HTML file to write a page to."""


def inspect(words: Sequence[str]) -> None:
    """Prints what there is and what to do; writes it as JSON and as a page where asked."""
    options = parse(InspectOptions, words, HELP)
    if len(options.sources) != 1:
        raise UserError(
            f"expected one folder or file to inspect, got {len(options.sources)}; as in: holdfast inspect photos"
        )
    refuse_idle("inspect", words, options)
    for path in (path for path in (options.json, options.page) if path is not None):
        ready_file(path)
    document, steps = _document(options)
    print(fitted(_text(document)))
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        numbers = {name: value for name, value in document.items() if name != "pictures"}
        print(f"numbers: {write_json(options.json, numbers)}")
    if options.page is not None:
        from holdfast.report.pages import inspection_page

        print(f"page: {inspection_page(document, options.page)}")
    print("\n".join(f"{step['what']}:\n{copyable(step['command'], '  ')}" for step in reversed(steps)))


def _document(options: InspectOptions) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """What there is, and what to run next."""
    from holdfast.inspection import inspect as look

    _check_method(options.method)
    settings = {
        name: getattr(options, name) for name in ("against", "by", "labels", "limit", "seed", "download", "pixel_range")
    }
    with _live() as progress:
        shown = {"subgroups": options.groups, "show": options.page is not None}
        document = look(options.sources[0], progress=progress, **shown, **settings)
    if options.method != "none":
        return _measured(document, options)
    with without_heavy_imports():
        from holdfast.inspection import next_steps

        return document, next_steps(document, _run(document, options), labels=options.labels)


def _check_method(method: str) -> None:
    if method in ("auto", "none"):
        return
    from holdfast.methods import METHODS, PRESETS

    known = ["auto", "none", *METHODS, *PRESETS]
    if method not in known:
        raise UserError(f"expected a method after --method, got {method!r}; {nearest(method, known)}")


def _measured(document: dict[str, Any], options: InspectOptions) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """The document with what a few steps took, and what to run next. From here on torch is needed."""
    from holdfast.inspection import RECIPE, next_steps, with_cost, with_first_look
    from holdfast.recipes import RECIPES

    config = _run(document, options)
    quiet_fabric()
    print("measuring a few steps ...", file=sys.stderr)
    document = with_cost(document, config)
    if options.method == "auto":
        document = with_first_look(document, RECIPES[RECIPE]())
    return document, next_steps(document, config, labels=options.labels)


def _run(document: dict[str, Any], options: InspectOptions) -> "RunConfig":
    """The run that is timed and proposed: the advised one, with what the options name in its place."""
    from holdfast.inspection import advised_config
    from holdfast.methods import default_config

    config = advised_config(document)
    if options.method not in ("auto", "none"):
        sized = {name: getattr(config, name) for name in ("data", "image_size", "batch_size", "epochs")}
        config = replace(default_config(options.method), **sized)
    names = ("encoder", "image_size", "batch_size", "epochs", "pixel_range")
    asked = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    return replace(config, **asked)


@contextmanager
def _live() -> Iterator[OnStage | None]:
    """A line that counts images on a terminal; nothing when piped."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        tasks: dict[str, Any] = {}

        def told(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total)
            bar.update(tasks[stage], completed=done)

        yield told


def _load_block(document: dict[str, Any]) -> list[str]:
    """What was decided as the encoder that compares images was loaded."""
    found = document["by_features"]
    if found is None or found["load"] is None:
        return []
    from holdfast.models.loaded import Loaded

    return [*Loaded(**found["load"]).lines()]


def _text(document: dict[str, Any]) -> str:
    from holdfast.report.pages import facts
    from holdfast.report.wording import printable

    rows = facts(document)
    width = max(len(name) for name, _ in rows)
    lines = [
        *_load_block(document),
        printable(document["source"]),
        *(f"  {printable(name):{width}}  {printable(value)}" for name, value in rows),
        "",
    ]
    for row in document["set_aside"]["first"][:5]:
        lines.append(f"  set aside: {printable(row['path'])}: {printable(row['reason'])}")
    lines.append("advice")
    for entry in document["advice"]:
        source = f" ({entry['source']})" if entry["source"] else ""
        lines += [f"  {entry['topic']}: {printable(entry['advice'])}", f"    why: {entry['reason']}{source}"]
    return "\n".join(lines)
