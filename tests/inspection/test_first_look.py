"""What half an hour buys of a fast recipe."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from holdfast.engine import probe
from holdfast.inspection import RECIPE, first_look
from holdfast.recipes import RECIPES


def document(images: int) -> dict:
    return {"images": {"found": images, "looked_at": images, "usable": images}}


@pytest.fixture
def fast(monkeypatch):
    """A machine that takes a millisecond for an image's four small views."""

    def cost(config, *, image_size):
        return SimpleNamespace(seconds=config.batch_size * 1e-3, busy=1.0)

    monkeypatch.setattr(probe, "measure_cost", cost)


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize(("images", "epochs", "limit"), [(50_000, 27, None), (1_000, 300, None), (500_000, 5, 276_923)])
def test_epochs_and_images_are_what_half_an_hour_allows(images, epochs, limit):
    found = first_look.half_hour(RECIPES[RECIPE](), document(images))
    assert (found["epochs"], found["limit"]) == (epochs, limit)
    assert found["minutes"] <= 30


@pytest.mark.usefixtures("fast")
def test_larger_views_at_the_end_are_counted_by_their_pixels():
    config = RECIPES[RECIPE]()
    never = replace(config, views=replace(config.views, view_grow=0.0))
    first, second = (first_look.half_hour(c, document(500_000))["limit"] for c in (config, never))
    assert second / first == pytest.approx(1.3, rel=1e-4)


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize(("images", "batch"), [(50_000, 512), (1_000, 64), (20, 2)])
def test_an_epoch_has_eight_batches_where_there_are_images_for_them(images, batch):
    assert first_look.half_hour(RECIPES[RECIPE](), document(images))["batch_size"] == batch
