"""What callers of `audit` hand over, brought to what is measured: names are read, a run's own images found."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from torch import nn

from holdfast.audits.subject import Members, compared, run_of
from holdfast.data import Images, load_images, load_pool
from holdfast.data.sources import relabelled
from holdfast.models import own_size
from holdfast.options import MeasurementOptions
from holdfast.runs import RunFolder, is_run_folder

Source = Images | str | Path


def loaded(
    encoder: nn.Module | str | Path, images: Source | None, test: Source | None, labels: str | None
) -> tuple[Images, Images | None]:
    """Images and test images; None: those of a run. Those that are named are read as a run read its own, else at the
    size that the encoder was made for.

    Raises ValueError where there are neither images nor a run.
    """
    record = _record(encoder)
    if images is None:
        if record is None:
            raise ValueError("expected images to audit the encoder on, got none; pass images, or the folder of a run")
        own = load_pool(record).images
        pool = own if labels is None else relabelled(own, own.source, labels=labels, subgroups=())
    elif isinstance(images, Images):
        pool = images
    else:
        pool = _read(images, labels, record, size=own_size(encoder))
    if test is None or isinstance(test, Images):
        return pool, test
    return pool, _read(test, labels, record, size=pool.pixels.shape[-1], pixel_range=pool.ranges or None)


def _record(encoder: nn.Module | str | Path) -> Mapping[str, Any] | None:
    """What a run folder knows of its images; None for another encoder."""
    path = run_of(encoder)
    if path is None or not is_run_folder(path) or not RunFolder(path).ids.is_file():
        return None
    return RunFolder(path).read_ids()


def _read(source: str | Path, labels: str | None, record: Mapping[str, Any] | None, **how: Any) -> Images:
    """Named images, resized, scaled and labelled as the run's own where nothing else is said."""
    if record is not None:
        labels = record.get("labels") if labels is None else labels
        how["resize"] = record.get("resize") or "square"
        how["pixel_range"] = how.get("pixel_range") or record.get("pixel_range") or record.get("ranges") or None
    return load_images(source, labels=labels, **how)


def given_members(members: Images | None, non_members: Images | None) -> Members | None:
    """Members and non-members to compare; None for none. Raises ValueError for one without the other."""
    if members is None and non_members is None:
        return None
    if members is None or non_members is None:
        lacking = "members" if members is None else "non_members"
        raise ValueError(f"expected members and non_members, got no {lacking}; pass both, or neither")
    return compared(members, non_members)


def asked(
    encoder: nn.Module | str | Path,
    images: object,
    test: object,
    labels: str | None,
    budget: str,
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """What a call said beside encoder and axes, by option of `holdfast audit`, as far as that has words for it."""
    where = {"data": images, "test": test}
    where = {name: value.source if isinstance(value, Images) else value for name, value in where.items()}
    record = _record(encoder)
    if record is not None and record["data"] == where["data"]:
        where["data"] = None  # a run's own images need no name
    said = where | {"labels": labels, "budget": None if budget == "full" else budget}
    words = {name: str(value) for name, value in said.items() if value is not None}
    defaults = {field.name: field.default for field in fields(MeasurementOptions)} | {"device": None}
    own = {name: value for name, value in options.items() if value != defaults.get(name, value)}
    return words | {name: list(value) if isinstance(value, tuple) else value for name, value in own.items()}
