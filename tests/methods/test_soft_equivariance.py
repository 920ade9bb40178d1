"""SER: a term on a middle layer, for some images of a batch, beside a loss that stays as it is."""

from typing import Any

import pytest
import torch
from ddp_workers import double_method
from small_methods import small_config, sparse
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from holdfast.config import RunConfig
from holdfast.data.batches import Batch
from holdfast.methods import METHODS, build, with_settings
from holdfast.models import create_encoder, feature_map, take_any_size
from holdfast.objectives import place_info_nce

ON = {"soft_equivariance": "ser:1", "soft_equivariance_share": 0.5}


def batch(count: int = 8, size: int = 12) -> Batch:
    images = torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return Batch(images=images, ids=torch.arange(count), epoch=0)


def built(name: str, encoder: str = "timm/test_resnet", **parts: Any) -> Any:
    config = RunConfig(method=small_config(name), encoder=encoder, stem="small")
    return double_method(with_settings(config, **parts))


def gradients(method: Any, own: Batch) -> dict[str, torch.Tensor]:
    method.loss(method.views(own)).backward()
    return {name: p.grad for name, p in method.network.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("name", sparse())
def test_it_adds_its_weight_times_the_term_and_a_weight_of_zero_is_the_method_alone(name):
    method, control, plain = built(name, **ON | {"soft_equivariance": "ser:2"}), built(name, **ON), built(name)
    control.weight = 0.0
    views = method.views(batch())
    loss, readings = method.loss(views), method.readings()
    alone = plain.loss(views)
    torch.testing.assert_close(loss - alone, torch.tensor(2 * readings["soft_equivariance"], dtype=torch.float64))
    assert readings["soft_equivariance"] > 0 and readings["places_alike"] < 1
    assert torch.equal(control.loss(views), alone)
    assert method.passes_per_image == plain.passes_per_image


def test_without_a_weight_gradients_and_statistics_are_the_methods_own():
    found, plain = built("simclr", **ON | {"soft_equivariance": "ser:0"}), built("simclr")
    own, expected = gradients(found, batch()), gradients(plain, batch())
    assert own.keys() == expected.keys()
    assert [name for name in own if not torch.equal(own[name], expected[name])] == []
    assert all(torch.equal(b, dict(plain.named_buffers())[name]) for name, b in found.network.named_buffers("network"))


def test_the_term_reaches_the_layers_up_to_its_own_and_none_behind():
    method = built("simclr", **ON)
    plain, found = gradients(built("simclr"), batch()), gradients(method, batch())
    reached = {name.split(".")[2] for name in found if not torch.allclose(found[name], plain[name], atol=1e-12)}
    assert reached == {"conv1", "bn1", "layer1", "layer2"}
    assert all(p.grad is not None and p.grad.any() for p in method.projector.parameters())


def test_quarter_turns_commute_exactly_with_the_projection_of_each_place_and_resizing_does_not():
    project = built("simclr", **ON).projector
    maps = torch.randn(2, 32, 6, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def projected(maps: torch.Tensor) -> torch.Tensor:
        return project(maps.movedim(1, -1)).movedim(-1, 1)

    project[0] = torch.nn.LayerNorm(32).double()
    project[1] = torch.nn.Linear(32, 512, bias=False).double()
    for moved in (lambda m: m.rot90(1, (-2, -1)), lambda m: m.flip(-1)):
        torch.testing.assert_close(projected(moved(maps)), moved(projected(maps)), rtol=0, atol=1e-14)
    half = torch.nn.functional.avg_pool2d
    assert float((projected(half(maps, 2)) - half(projected(maps), 2)).abs().max().detach()) > 0.01


def test_maps_are_carried_from_the_slow_teacher_of_a_method_that_has_one():
    method = built("moco-v3", **ON)
    views = method.views(batch())
    before = method.loss(views), method.readings()["soft_equivariance"]
    with torch.no_grad():
        for parameter in method.inner.predicting.teacher.network[0].parameters():
            parameter += 0.1
    method.loss(views)
    assert before[1] != pytest.approx(method.readings()["soft_equivariance"])
    before[0].backward()
    assert all(parameter.grad is None for parameter in method.inner.predicting.teacher.parameters())


@pytest.mark.parametrize(("share", "count"), [(0.01, 2), (0.5, 4), (1.0, 8)])
def test_the_share_says_how_many_images_are_looked_at_and_each_epoch_looks_at_others(share, count):
    method = built("simclr", **ON | {"soft_equivariance_share": share})
    chosen = [
        method._chosen(method.views(Batch(batch().images, batch().ids, epoch)))[0].tolist() for epoch in range(20)
    ]
    assert {len(rows) for rows in chosen} == {count}
    assert {row for rows in chosen for row in rows} == set(range(8))


def flops(method: str, encoder: str, size: int, images: int = 2, **parts: Any) -> int:
    config = with_settings(RunConfig(method=METHODS[method].Config(), encoder=encoder), **parts)
    own = build(config, image_size=size)
    views = own.views(Batch(torch.rand(images, 3, size, size), torch.arange(images), 0))
    with FlopCounterMode(display=False) as counter:
        own.loss(views).backward()
    return counter.get_total_flops()


@pytest.mark.parametrize(
    ("method", "encoder", "size", "ratio"),
    [
        ("simclr", "timm/resnet10t", 32, 1.014),
        pytest.param("moco-v3", "timm/resnet18", 32, 1.008, marks=pytest.mark.slow),
        pytest.param("moco-v3", "timm/vit_small_patch16_224", 224, 1.003, marks=pytest.mark.slow),
    ],
)
def test_a_hundredth_of_a_batch_costs_about_a_hundredth_more_operations(method, encoder, size, ratio):
    """Operations grow by the image, but for similarities: what a whole batch costs more, times the share."""
    parts = {"soft_equivariance": "ser:1", "soft_equivariance_share": 1.0, "soft_equivariance_resize": 0.0}
    more = flops(method, encoder, size, **parts) / flops(method, encoder, size) - 1
    assert 1 + 0.01 * more == pytest.approx(ratio, abs=6e-4)


def of_cosines(images: int, places: int = 196) -> int:
    """Operations of the term's cosines, there and back, for both ways round: nothing is computed."""
    with FakeTensorMode():
        queries, keys = (torch.empty(images, places, 512, requires_grad=True) for _ in range(2))
        with FlopCounterMode(display=False) as counter:
            place_info_nce(queries, keys, temperature=0.5).backward()
    return 2 * counter.get_total_flops()


def test_cosines_of_places_cost_the_square_of_the_images():
    assert of_cosines(20) == 2 * 3 * 2 * 512 * (20 * 196) ** 2
    assert of_cosines(2, 9) == 12 * 512 * 18**2


@pytest.mark.slow
def test_in_the_papers_setting_the_term_costs_what_the_paper_says_and_most_of_it_is_cosines():
    """ViT-S/16 at 224 pixels, 2,048 images on 8 processes: 20 are looked at, 24 in the authors' code, 3 on each."""
    name, parts = "timm/vit_small_patch16_224", {"soft_equivariance": "ser:1", "soft_equivariance_share": 1.0}
    plain = flops("moco-v3", name, 224)
    more = flops("moco-v3", name, 224, **parts, soft_equivariance_resize=0.0) - plain
    image, each = (more - of_cosines(2)) / 2, 256 * plain / 2
    passes, cosines = 20 / 8 * image / each, of_cosines(20) / each
    assert (passes, cosines) == (pytest.approx(0.0028, abs=5e-5), pytest.approx(0.0050, abs=5e-5))
    project = built("simclr", "timm/test_vit", **ON).projector.float()
    project[0], project[1] = torch.nn.LayerNorm(384), torch.nn.Linear(384, 512, bias=False)
    with FakeTensorMode(allow_non_fake_inputs=True), FlopCounterMode(display=False) as counter:
        project(torch.empty(4 * 3, 196, 384)).sum().backward()
    theirs = (counter.get_total_flops() / each, of_cosines(24) / each)
    assert theirs == (pytest.approx(0.0003, abs=5e-5), pytest.approx(0.0072, abs=5e-5))
    assert round(1 + passes + cosines, 3) == round(1 + sum(theirs), 3) == 1.008


@pytest.mark.parametrize("name", ["timm/test_vit", "timm/test_vit2", "timm/test_resnet"])
def test_a_vit_that_takes_any_size_computes_what_it_did_at_its_own(name):
    encoder = create_encoder(name, image_size=24).double().eval()
    images = batch(2, 24).images
    before = encoder(images)
    take_any_size(encoder.network)
    assert torch.equal(encoder(images), before)
    stride = 24 // feature_map(encoder, images, layer=3).shape[-1]
    assert feature_map(encoder, images.new_zeros(1, 3, 5 * stride, 7 * stride), layer=3).shape[2:] == (5, 7)
    assert feature_map(encoder, images[:0], layer=3).shape[0] == 0


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"soft_equivariance": "ser:-1"}, "--soft-equivariance ser:W with W >= 0, got 'ser:-1'; try ser:1"),
        ({"soft_equivariance_share": 0.0}, r"soft_equivariance_share in \(0, 1\], got 0.0"),
        ({"soft_equivariance_resize": 1.0}, r"soft_equivariance_resize in \[0, 1\), got 1.0"),
        ({"soft_equivariance_temperature": 0.0}, "soft_equivariance_temperature > 0, got 0.0"),
        (
            {"soft_equivariance_layer": 6},
            "a layer with a map of features, got layer 6 of timm/test_resnet, which has 5",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(parts, expected):
    with pytest.raises(ValueError, match=f"expected {expected}"):
        built("simclr", **ON | parts)


def test_a_map_without_places_is_refused():
    config = RunConfig(method=small_config("simclr"), encoder="timm/test_resnet", stem="small")
    wanted = "2 by 2 places or more, got 1 by 1 of timm/test_resnet at layer 5 for 8 pixels; take an earlier layer"
    with pytest.raises(ValueError, match=wanted):
        build(with_settings(config, **ON, soft_equivariance_layer=5), image_size=8)


def test_a_network_of_one_size_is_refused_with_what_to_set():
    wanted = "images of more sizes than .* got timm/test_maxvit; set --soft-equivariance-resize 0"
    config = RunConfig(method=small_config("simclr"), encoder="timm/test_maxvit", stem="standard")
    with pytest.raises(ValueError, match=wanted):
        build(with_settings(config, **ON), image_size=160)
    assert build(with_settings(config, **ON, soft_equivariance_resize=0.0), image_size=160)


def test_it_goes_with_passes_in_chunks():
    """What the term adds to a gradient is the same; the head's norms see a chunk at a time."""

    def added(chunk: int | None) -> dict[str, torch.Tensor]:
        on, off = (gradients(built("simclr", "timm/test_vit", chunk=chunk, **parts), batch()) for parts in (ON, {}))
        return {name: on[name] - off[name] for name in on}

    expected = added(None)
    for name, gradient in added(8).items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-9, atol=1e-9)
