"""The first look: a fast recipe at 32 pixels, sized so that it takes half an hour on this machine."""

import shlex
from collections.abc import Mapping
from typing import Any

from holdfast.config import RunConfig
from holdfast.inspection.facts import usable_images
from holdfast.system import about

Document = Mapping[str, Any]

RECIPE = "simclr/cifar10_speedrun"
MINUTES = 30
LEAST_EPOCHS, MOST_EPOCHS = 5, 300
"""Epochs under which fewer images are taken, and above which more bring little."""
LEAST_BATCHES = 8
"""Batches of an epoch, at least, where there are enough images."""


def half_hour(config: RunConfig, document: Document) -> dict[str, Any]:
    """How many epochs, and images where all are too many, a recipe's run gets through in half an hour here.

    A few steps are timed, at the small size of its views; the last epochs' larger ones are counted by their pixels.
    """
    from holdfast.engine.probe import measure_cost

    assert config.image_size is not None
    images, batch = usable_images(document), config.batch_size
    while batch > 2 and LEAST_BATCHES * batch > images:
        batch //= 2
    cost = measure_cost(config, image_size=config.image_size)
    seconds = cost.seconds / config.batch_size
    views = config.views
    larger = 1.0 if views.view_size is None else (config.image_size / views.view_size) ** 2
    each = seconds * (1 - views.view_grow + views.view_grow * larger)
    epochs = min(MOST_EPOCHS, int(60 * MINUTES / (each * images)))
    limit = None if epochs >= LEAST_EPOCHS else max(2 * batch, int(60 * MINUTES / (each * LEAST_EPOCHS)))
    epochs = max(epochs, LEAST_EPOCHS)
    return {
        "recipe": RECIPE,
        "image_size": config.image_size,
        "batch_size": batch,
        "epochs": epochs,
        "limit": limit,
        "minutes": each * epochs * (limit or images) / 60,
        "busy": cost.busy,
    }


def first_look(document: Document) -> str:
    """The advice: the command, and what it takes where that was measured."""
    method, _, name = RECIPE.partition("/")
    command = f"holdfast train {method} --recipe {name} --data {shlex.quote(document['source'])}"
    look = document.get("first_look")
    if look is None:
        return f"{command} --epochs 10 trains at 32 pixels, with every trick that saves time."
    limited = "" if look["limit"] is None else f" --limit {look['limit']}"
    sized = f"{command} --batch-size {look['batch_size']} --epochs {look['epochs']}{limited}"
    seconds = 60 * look["minutes"]
    lasting = about(seconds / look.get("busy", 1.0), seconds)
    return f"{sized} takes about {lasting} here, at {look['image_size']} pixels."
