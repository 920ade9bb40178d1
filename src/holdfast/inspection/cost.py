"""Time and memory of a run on this machine, from a few measured steps."""

from dataclasses import asdict, replace
from typing import Any

from holdfast.config import RunConfig
from holdfast.data.batches import steps_per_epoch
from holdfast.engine.probe import measure_cost
from holdfast.inspection.facts import usable_images
from holdfast.methods import name_of


def estimated(config: RunConfig, document: dict[str, Any]) -> dict[str, Any]:
    """What `train` with this configuration would take on all usable images.

    Loading is left out: where images are resident it costs nothing, where they are streamed it goes on meanwhile.
    Raises ValueError where the images are too few for one batch.
    """
    side = config.image_size
    assert side is not None
    images = usable_images(document)
    config = replace(config, batch_size=max(2, min(config.batch_size, images)))
    steps = steps_per_epoch(images, config.batch_size)
    cost = measure_cost(config, image_size=side)
    epoch = cost.seconds * images / config.batch_size
    return {
        "method": name_of(config),
        "encoder": config.encoder,
        "image_size": side,
        "batch_size": config.batch_size,
        "epochs": config.epochs,
        "steps_per_epoch": steps,
        "seconds_per_epoch": epoch,
        "hours": epoch * config.epochs / 3600,
        "images_bytes": images * 3 * side**2,
        **asdict(cost),
    }
