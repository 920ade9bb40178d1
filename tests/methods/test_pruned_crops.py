"""EMP-SSL with SDCLR's twin, and the recipe that puts the parts of three papers together."""

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
from ddp_workers import double_method, last_batch
from small_methods import small_config
from torch.nn import functional as F

from holdfast.config import RunConfig
from holdfast.methods import PRESETS, EMPSSLConfig, build, with_settings
from holdfast.models.pruning import magnitude_masks
from holdfast.objectives import emp_ssl
from holdfast.report.wording import method_name


def method(**settings) -> Any:
    config = replace(small_config("emp-ssl"), view_count=4, **settings)
    return double_method(RunConfig(method=config, encoder="timm/test_resnet"))


def test_the_twin_encodes_the_second_half_of_the_views_with_the_small_weights_at_zero():
    ours = method(prune_ratio=0.4)
    by_hand = copy.deepcopy(ours.network)
    views = ours.views(last_batch(6))
    masks = magnitude_masks(by_hand[0], 0.4)
    assert (
        0.35 < 1 - sum(int(mask.sum()) for mask in masks.values()) / sum(mask.numel() for mask in masks.values()) < 0.45
    )
    with torch.no_grad():
        pruned = copy.deepcopy(by_hand)
        for name, mask in masks.items():
            pruned[0].get_parameter(name).mul_(mask)
        halves = [net(views.images[part].flatten(0, 1)) for net, part in ((by_hand, slice(2)), (pruned, slice(2, 4)))]
        z = F.normalize(torch.cat(halves).unflatten(0, (4, 6)), dim=-1)
        expected = emp_ssl(z, similarity_weight=200.0, rate_weight=1.0, eps=0.2)
    torch.testing.assert_close(ours.loss(views), expected, rtol=1e-9, atol=1e-9)


def test_masks_follow_the_weights_at_each_epoch():
    ours = method(prune_ratio=0.5)
    before = {name: mask.clone() for name, mask in ours.pruned.masks.items()}
    with torch.no_grad():
        for parameter in ours.network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    ours.start_epoch(1)
    assert any(not torch.equal(before[name], mask) for name, mask in ours.pruned.masks.items())


def test_without_a_ratio_there_is_no_twin_and_nothing_to_save():
    plain, twin = method(), method(prune_ratio=0.5)
    assert plain.pruned is None
    assert len(twin.state_dict()) > len(plain.state_dict())


def test_a_ratio_of_one_and_passes_of_few_views_are_refused():
    for settings, words in (
        ({"prune_ratio": 1.0}, "0 <= prune_ratio < 1"),
        ({"pass_views": 2}, "without --pass-views"),
    ):
        with pytest.raises(ValueError, match=words):
            EMPSSLConfig(**{"prune_ratio": 0.5, **settings})


def test_the_recipe_has_all_three_parts_at_the_price_of_its_passes():
    config = PRESETS["holdfast"]()
    assert method_name(
        {"method": "emp-ssl", "prune_ratio": 0.5, "adversary": "free:3", "penalty": "invariance:0.1"}
    ) == ("CF-AMC-SSL + pruned twin + invariance penalty")
    made = build(replace(config, encoder="timm/test_resnet"), image_size=16)
    assert made.passes_per_image == 3 * (16 + 1), "three replays of sixteen crops, and the penalty's second encoding"


def test_parts_of_the_recipe_can_be_taken_off_one_by_one():
    config = replace(PRESETS["holdfast"](), encoder="timm/test_resnet")
    passes = [
        build(changed, image_size=16).passes_per_image
        for changed in (
            replace(config, method=replace(config.method, prune_ratio=0.0)),
            with_settings(config, penalty=None),
            with_settings(config, adversary=None),
        )
    ]
    assert passes == [51, 48, 17], "the twin costs no pass, the penalty one of 17, the adversary replays three times"
