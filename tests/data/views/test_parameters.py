import math
from dataclasses import fields, replace
from itertools import combinations
from multiprocessing.reduction import ForkingPickler

import pytest
import torch
from torchvision.transforms import ColorJitter, RandomResizedCrop

from holdfast.config import VIEWS, ViewSettings
from holdfast.data.views.augment import identity_parameters, order_keys, sample
from holdfast.data.views.parameters import COLOURS
from holdfast.randomness import permutation, sample_keys, seeded_library

N = 8000
ALL = ViewSettings(blur=0.5, solarize=0.2)


def draw(settings=ALL, *, n=N, views=1, height=32, width=32, size=32, seed=0):
    keys = sample_keys(seed, "views", epoch=0, ids=torch.arange(n), views=views)
    orders = order_keys(seed, "views", epoch=0, views=views)
    return sample(keys, settings, height=height, width=width, size=size, order_keys=orders)


def tensors(parameters):
    values = {field.name: getattr(parameters, field.name) for field in fields(parameters)}
    return {name: value for name, value in values.items() if isinstance(value, torch.Tensor)}


def same(first, second):
    return all(torch.equal(value, tensors(second)[name]) for name, value in tensors(first).items())


def distance(first, second):
    """Kolmogorov and Smirnov's statistic over what 1 in 1,000 pairs of samples of one distribution exceed."""
    first, second = first.flatten().double().sort().values, second.flatten().double().sort().values
    points = torch.cat([first, second])
    gap = torch.searchsorted(first, points, right=True) / len(first)
    gap = gap - torch.searchsorted(second, points, right=True) / len(second)
    return float(gap.abs().max()) / (1.95 * math.sqrt(1 / len(first) + 1 / len(second)))


def even(low, high):
    """100,000 evenly spaced values: a uniform distribution without noise."""
    return torch.linspace(low, high, 100_000)


def torchvisions_boxes(settings, height, width):
    image, scale = torch.empty(3, height, width), [settings.crop_min, settings.crop_max]
    ratio = [settings.ratio_min, settings.ratio_max]
    with seeded_library(0, "torchvision"):
        return torch.tensor([RandomResizedCrop.get_params(image, scale, ratio) for _ in range(N)]).T


@pytest.mark.parametrize(
    ("settings", "height", "width"),
    [
        (VIEWS["cifar"], 32, 32),
        (VIEWS["imagenet"], 96, 128),
        (ViewSettings(crop_min=0.5), 20, 40),  # many attempts do not fit
        (ViewSettings(crop_min=0.9, ratio_min=1.9, ratio_max=2.0), 32, 32),  # none fits: always the centre
        (ViewSettings(crop_min=0.9, ratio_min=0.5, ratio_max=0.6), 32, 32),
        (ViewSettings(crop_min=0.3), 5, 60),
    ],
    ids=["cifar", "imagenet", "wide image", "wide crop", "tall crop", "strip"],
)
def test_crops_are_distributed_as_torchvisions(settings, height, width):
    ours, theirs = draw(settings, height=height, width=width), torchvisions_boxes(settings, height, width)
    for mine, reference in zip((ours.top, ours.left, ours.height, ours.width), theirs, strict=True):
        assert distance(mine, reference) < 1
    assert distance(ours.height * ours.width, theirs[2] * theirs[3]) < 1
    assert distance(ours.top * 1000 + ours.left, theirs[0] * 1000 + theirs[1]) < 1


def test_area_is_uniform_and_ratio_log_uniform_where_every_crop_fits():
    settings = ViewSettings(crop_min=0.1, crop_max=0.5)
    box = draw(settings, height=2000, width=2000)
    assert distance(box.height * box.width / 2000**2, even(0.1, 0.5)) < 1
    assert distance(torch.log(box.width / box.height), even(math.log(0.75), math.log(4 / 3))) < 1
    assert distance(box.top / (2000 - box.height), even(0, 1)) < 1
    assert distance(box.left / (2000 - box.width), even(0, 1)) < 1


@pytest.mark.parametrize(("height", "width"), [(32, 32), (1, 1), (3, 200), (7, 2)])
def test_a_crop_lies_inside_the_image_and_holds_a_pixel(height, width):
    box = draw(VIEWS["cifar"], height=height, width=width)
    assert bool((box.height >= 1).all() & (box.width >= 1).all() & (box.top >= 0).all() & (box.left >= 0).all())
    assert bool((box.top + box.height <= height).all() & (box.left + box.width <= width).all())
    assert box.top.dtype == torch.int64


@pytest.mark.parametrize("gate", ["flip", "jitter", "grey", "blur", "solarize"])
def test_a_gate_is_open_as_often_as_set(gate):
    for chance in (0.0, 0.3, 0.8, 1.0):
        share = float(getattr(draw(replace(ALL, **{gate: chance})), gate).double().mean())
        assert abs(share - chance) <= 4 * math.sqrt(chance * (1 - chance) / N)


def test_colour_factors_are_distributed_as_torchvisions():
    limits = ([0.6, 1.4], [0.0, 2.5], [0.8, 1.2], [-0.3, 0.3])
    ours = draw(ViewSettings(brightness=0.4, contrast=1.5, saturation=0.2, hue=0.3))
    with seeded_library(0, "torchvision"):
        theirs = torch.tensor([ColorJitter.get_params(*limits)[1:] for _ in range(N)]).T
    for name, reference, (low, high) in zip(COLOURS, theirs, limits, strict=True):
        factors = getattr(ours, name)
        assert factors.dtype == torch.float32
        assert low <= float(factors.min()) < float(factors.max()) <= high
        assert distance(factors, reference) < 1
        assert distance(factors, even(low, high)) < 1


def test_the_blur_is_uniform_between_its_bounds():
    parameters = draw(replace(ALL, blur_min=0.1, blur_max=2.0))
    assert distance(parameters.sigma, even(0.1, 2.0)) < 1
    assert parameters.radius == 6
    assert draw(replace(ALL, blur=0.0)).radius == 0


def test_draws_of_a_sample_do_not_depend_on_one_another():
    box = {"top", "left", "height", "width"}  # a box's sides share an area
    columns = {name: value.flatten().double() for name, value in tensors(draw()).items() if name not in box}
    for first, second in combinations(columns.values(), 2):
        correlation = torch.corrcoef(torch.stack([first, second]))[0, 1]
        assert abs(float(correlation)) < 4.5 / math.sqrt(N)


def test_two_views_of_a_sample_do_not_depend_on_one_another():
    for value in tensors(draw(views=2)).values():
        assert abs(float(torch.corrcoef(value.double())[0, 1])) < 4.5 / math.sqrt(N)


def test_draws_do_not_depend_on_the_batch():
    whole = draw(n=64, views=2)
    some = torch.tensor([40, 3, 17, 63])
    keys = sample_keys(0, "views", epoch=0, ids=some, views=2)
    part = sample(keys, ALL, height=32, width=32, size=32, order_keys=order_keys(0, "views", epoch=0, views=2))
    assert same(part, whole.map(lambda tensor: tensor[:, some]))
    assert part.order == whole.order


def test_a_setting_changes_no_other_draw():
    before, after = tensors(draw()), tensors(draw(replace(ALL, crop_min=0.5, jitter=0.1, hue=0.5, flip=0.9)))
    changed = {name for name, value in before.items() if not torch.equal(value, after[name])}
    assert changed == {"top", "left", "height", "width", "jitter", "hue", "flip"}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_draws_are_the_same_on_a_gpu():
    keys = sample_keys(0, "views", epoch=0, ids=torch.arange(N), views=2)
    orders = order_keys(0, "views", epoch=0, views=2)
    there = sample(keys.cuda(), ALL, height=96, width=128, size=64, order_keys=orders)
    assert same(there.to(torch.device("cpu")), draw(views=2, height=96, width=128, size=64))


def test_the_order_of_colours_is_a_permutation_keyed_by_seed_epoch_and_view():
    keys = torch.stack([order_keys(0, "views", epoch=epoch, views=3) for epoch in range(40)])
    assert keys.unique().numel() == 120
    parameters = draw(n=2, views=30)
    assert len(set(parameters.order)) > 10
    for order, drawn in zip(parameters.order, order_keys(0, "views", epoch=0, views=30), strict=True):
        assert order == tuple(COLOURS[i] for i in permutation(drawn, 4).tolist())


def test_colours_that_never_vary_are_left_out_and_the_others_keep_their_order():
    full = draw(n=2, views=20).order
    expected = tuple(tuple(name for name in order if name not in ("hue", "contrast")) for order in full)
    assert draw(replace(ALL, hue=0.0, contrast=0.0), n=2, views=20).order == expected


def test_parameters_survive_the_way_to_a_spawned_process():
    parameters = draw(n=3, views=2)
    again = ForkingPickler.loads(ForkingPickler.dumps(parameters))  # pyright: ignore[reportAttributeAccessIssue]
    assert same(again, parameters)
    assert (again.order, again.size, again.radius) == (parameters.order, parameters.size, parameters.radius)


def test_the_neutral_table_has_the_shape_and_types_of_a_drawn_one():
    drawn, neutral = draw(n=3, views=2, height=40), identity_parameters(views=2, n=3, height=40, width=32)
    for name, value in tensors(drawn).items():
        assert (getattr(neutral, name).shape, getattr(neutral, name).dtype) == (value.shape, value.dtype)
    assert neutral.size == 32
