"""The document of an inspection; what needs torch is imported where it is asked for."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from holdfast.config import RunConfig
from holdfast.data.survey import Survey, survey
from holdfast.inspection.advice import advice, budget, method_for
from holdfast.inspection.facts import counted, other_files, sizes, usable_images
from holdfast.inspection.frequencies import frequencies
from holdfast.inspection.near_duplicates import duplicates, overlap
from holdfast.inspection.pictures import pictures
from holdfast.progress import OnStage

if TYPE_CHECKING:
    from torch import nn

SCHEMA_VERSION = 1


def inspect(
    source: str,
    *,
    against: str | None = None,
    labels: str | None = None,
    subgroups: Sequence[str] = (),
    limit: int | None = None,
    seed: int = 0,
    progress: OnStage | None = None,
    download: bool = False,
    pixel_range: tuple[float, float] | None = None,
    show: bool = False,
    by: str | None = None,
) -> dict[str, Any]:
    """Counts, sizes, what cannot be used, duplicates, overlap, frequencies and advice, as JSON values.

    source, against, labels, subgroups, pixel_range: as load_images takes them. limit: look at a draw of so many images,
    decided by seed. progress is told (stage, done, all). download: let torchvision fetch a set that is not there. show:
    add thumbnails, under "pictures", for a page. by: an encoder, as load_encoder takes it, by whose features images are
    compared beside hashes.

    Raises FileNotFoundError or ValueError where a source cannot be read or holds no image that can be used.
    """
    module = None if by is None else _encoder(by)
    look = partial(_seen, seed=seed, progress=progress, download=download, pixel_range=pixel_range)
    seen = look(source, limit=limit, stage="images")
    other = None if against is None else look(against, limit=None, stage="images against")
    document: dict[str, Any] = {
        "schema": SCHEMA_VERSION,
        "source": source,
        "against": against,
        "versions": {name: version(name) for name in ("holdfast", "torch", "pillow")},
        **counted(seen),
        "sizes": sizes(seen),
        "duplicates": duplicates(seen),
        "overlap": None if other is None else overlap(seen, other),
        "by_features": None,
        "frequencies": frequencies(seen, labels=labels, subgroups=subgroups),
        "cost": None,
        "first_look": None,
    }
    if by is not None and module is not None:
        from holdfast.inspection.by_features import by_features

        document["by_features"] = by_features(seen, other, by, module, seed=seed, progress=progress)
    document["other_files"] = other_files(source, document["images"]["found"])
    if show:
        document["pictures"] = pictures(seen, document, other=other, labels=labels)
    return document | {"advice": advice(document)}


def with_cost(document: dict[str, Any], config: RunConfig | None = None) -> dict[str, Any]:
    """A document with what a run would take on this machine, measured by a few steps on noise, and advice that knows.

    config: the run; its image size, where it names none, is the one advised. None: the run that is advised. Raises
    ValueError where there are too few images for it.
    """
    from holdfast.inspection.cost import estimated

    config = advised_config(document) if config is None else config
    config = config if config.image_size else replace(config, image_size=document["sizes"]["advised"])
    known = document | {"cost": estimated(config, document)}
    return known | {"advice": advice(known)}


def with_first_look(document: dict[str, Any], config: RunConfig) -> dict[str, Any]:
    """A document with what half an hour buys here of a fast recipe (its name: RECIPE), and advice that knows."""
    from holdfast.inspection.first_look import half_hour

    known = document | {"first_look": half_hour(config, document)}
    return known | {"advice": advice(known)}


def advised_config(document: dict[str, Any]) -> RunConfig:
    """The run that the advice describes."""
    from holdfast.methods import default_config

    batch, epochs = budget(usable_images(document))
    config = default_config(method_for(document))
    size = document["sizes"]["advised"]
    return replace(config, data=document["source"], batch_size=batch, epochs=epochs, image_size=size)


def _encoder(by: str) -> "nn.Module":
    from holdfast.models import load_encoder

    return load_encoder(by)


def _seen(source: str, *, stage: str, progress: OnStage | None, **asked: Any) -> Survey:
    return survey(source, progress=None if progress is None else partial(progress, stage), **asked)
