import math

import pytest
import torch

from holdfast.data import load_images
from holdfast.data.curves import ARM_SPREAD, CURVE_CLASSES, DRAWS, POINTS, SHAPES, draw_curves
from holdfast.randomness import fold, key, uniform


def drawn_by_hand(label: int, place: int, size: int) -> list[list[list[int]]]:
    """[3][size][size] of one picture, a pixel and a point at a time."""
    one = fold(key(0, "curves"), torch.tensor([place]))
    draws = [float(value) for value in uniform(one, DRAWS)[0]]
    noise = uniform(fold(one, 1), 3 * size * size)[0].double().view(3, size, size)
    turns, arm = SHAPES[label]
    arm *= 1 + ARM_SPREAD * (2 * draws[12] - 1)
    radius, rotation = (3 + 2 * draws[1]) / (1 + arm), 2 * math.pi * draws[0]
    points = []
    for step in range(POINTS):
        angle = 2 * math.pi * step / (POINTS - 1)
        x, y = (f(angle) + arm * f(turns * angle) for f in (math.cos, math.sin))
        turned = math.cos(rotation) * x - math.sin(rotation) * y, math.sin(rotation) * x + math.cos(rotation) * y
        points.append((radius * turned[0] + 2 * draws[2] - 1, radius * turned[1] + 2 * draws[3] - 1))
    grid = [-6 + 12 * place / (size - 1) for place in range(size)]
    width = 0.06 + 0.3 * draws[4]
    ink = [[sum(math.exp(-((x - a) ** 2 + (y - b) ** 2) / width) for x, y in points) for b in grid] for a in grid]
    most = max(map(max, ink))
    channels = []
    for channel in range(3):
        fore, back = 0.5 * draws[5 + channel], 1 - 0.4 * draws[8 + channel]
        shades = [[back + (fore - back) * (1 - math.exp(-3 * value / most)) for value in row] for row in ink]
        rough = [
            [shades[a][b] + 0.3 * draws[11] * (float(noise[channel, a, b]) - 0.5) for b in range(size)]
            for a in range(size)
        ]
        channels.append([[round(255 * min(max(value, 0.0), 1.0)) for value in row] for row in rough])
    return channels


@pytest.mark.parametrize("label", [0, 7, 12, 19])
def test_a_picture_equals_one_drawn_a_point_at_a_time(label):
    expected = torch.tensor(drawn_by_hand(label, 5, 9))
    drawn = draw_curves(torch.tensor([label]), torch.tensor([5]), seed=0, size=9)[0]
    assert int((drawn.int() - expected).abs().max()) <= 1  # a half may round either way


def test_the_classes_are_equal_in_number_and_named():
    images = load_images("curves:400")
    assert images.pixels.shape == (400, 3, 32, 32)
    assert images.classes == CURVE_CLASSES
    assert len(set(CURVE_CLASSES)) == 20
    assert torch.bincount(images.labels).tolist() == [20] * 20


def test_more_curves_begin_with_those_of_fewer():
    few, more = load_images("curves:30"), load_images("curves:90")
    assert torch.equal(few.pixels, more.pixels[:30])
    assert len(load_images("curves")) == 5000


def test_colours_and_noise_say_nothing_of_the_class():
    """One id under two classes has one ground: only the stroke differs."""
    ids = torch.arange(64)
    one, other = (draw_curves(torch.full((64,), label), ids, seed=0, size=32) for label in (3, 14))
    corners = [pictures[:, :, ::31, ::31].flatten(1) for pictures in (one, other)]
    assert float((corners[0].int() - corners[1].int()).abs().float().mean()) < 1
    assert float((one.int() - other.int()).abs().float().mean()) > 5


@pytest.mark.parametrize("name", ["curves:", "curves:0", "curves:many"])
def test_a_misspelt_number_of_curves_is_told(name):
    with pytest.raises(ValueError, match="expected 'curves' or 'curves:COUNT'"):
        load_images(name)
