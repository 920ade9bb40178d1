"""Transformation coding: angles stay under rotations, and nothing else makes the term small but invariance."""

from typing import Any

import pytest
import torch
from ddp_workers import double_method
from small_methods import small_config

from holdfast.config import RunConfig
from holdfast.data.batches import Batch
from holdfast.methods import METHODS, with_settings
from holdfast.methods.equivariance.transformation_coding import turned
from holdfast.methods.first_view import unit
from holdfast.objectives import transformation_coding


def draw(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_term_is_a_slow_loop_over_pairs_that_were_moved_alike():
    z, moved, kinds = unit(draw(0, 6, 4)), unit(draw(1, 6, 4)), [0, 1, 0, 1, 0, 2]
    terms = [
        float(z[i] @ z[j] - moved[i] @ moved[j]) ** 2
        for i in range(6)
        for j in range(6)
        if i != j and kinds[i] == kinds[j]
    ]
    assert len(terms) == 8
    assert float(transformation_coding(z, moved, torch.tensor(kinds))) == pytest.approx(sum(terms) / 8)
    assert float(transformation_coding(z, moved, torch.arange(6))) == 0


def test_a_rotation_costs_nothing_and_unrelated_features_two_over_the_dimensions():
    z, kinds = unit(draw(0, 400, 8)), torch.zeros(400, dtype=torch.int64)
    turn = torch.linalg.qr(draw(2, 8, 8)).Q
    assert float(transformation_coding(z, z @ turn, kinds)) < 1e-20
    assert float(transformation_coding(z, unit(draw(3, 400, 8)), kinds)) == pytest.approx(2 / 8, rel=0.05)


def test_each_kind_moves_pixels_in_its_own_way_and_changes_none():
    image = draw(0, 1, 3, 5, 5)
    ways = turned(image.expand(7, -1, -1, -1), torch.arange(7))
    assert torch.equal(ways[1], image[0].flip(-1, -2)) and torch.equal(ways[3], image[0].flip(-1))
    assert all(torch.equal(way.flatten(1).sort().values, image[0].flatten(1).sort().values) for way in ways)
    together = torch.cat([image, ways])
    assert len({tuple(one.flatten().tolist()) for one in together}) == 8


def built(name: str, **parts: Any) -> Any:
    config = RunConfig(method=small_config(name), encoder="timm/test_resnet")
    return double_method(with_settings(config, **parts))


@pytest.mark.parametrize("name", METHODS)
def test_it_adds_its_weight_times_the_term_and_reads_how_far_features_moved(name):
    images = torch.rand(8, 3, 16, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    batch = Batch(images=images, ids=torch.arange(8), epoch=0)
    method, plain = built(name, equivariance="care:2"), built(name)
    views = method.views(batch)
    loss = method.loss(views)
    readings = method.readings()
    torch.testing.assert_close(loss - plain.loss(views), torch.tensor(2 * readings["coding"], dtype=torch.float64))
    assert readings["coding"] > 0 and readings["moved"] > 0
    assert method.passes_per_image == plain.passes_per_image + plain.steps_per_batch
