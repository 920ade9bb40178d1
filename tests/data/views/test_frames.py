"""Frames: what is seen in one and carried into the other is what the other sees."""

import pytest
import torch

from holdfast.data.views import Frame, resized, two_frames
from holdfast.randomness import sample_keys


def draw(seed: int, *shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def frames(seed: int, *, resize: float, images: int = 6, cells: int = 8) -> tuple[Frame, Frame]:
    keys = sample_keys(seed, "frames", epoch=0, ids=torch.arange(images), views=1)[0]
    return two_frames(keys[0], keys, cells=cells, resize=resize)


@pytest.mark.parametrize("seed", range(4))
def test_without_resizing_a_carried_image_is_the_image_that_the_other_frame_sees_to_the_bit(seed):
    images = draw(seed, 6, 3, 8, 8)
    one, other = frames(seed, resize=0)
    assert torch.equal(one.carried(other.seen(images, 1), of=other), one.seen(images, 1))
    assert torch.equal(other.carried(one.seen(images, 1), of=one), other.seen(images, 1))


def test_a_smooth_image_is_carried_through_two_sizes_with_little_loss_and_not_without_the_carrying():
    slope = torch.linspace(0, 1, 32, dtype=torch.float64)
    images = torch.stack([slope[:, None].expand(32, 32), slope.expand(32, 32), slope[:, None] * slope])[None]
    one, other = frames(1, resize=0.3, images=1, cells=16)
    assert (one.rows, one.columns) != (other.rows, other.columns)
    there = other.seen(images, 2)
    here = resized(one.seen(images, 2), height=one.seen(images, 1).shape[2], width=one.seen(images, 1).shape[3])
    carried = one.carried(there, of=other)
    assert carried.shape == here.shape
    assert float((carried - here).abs().mean()) < 0.01
    plain = resized(there, height=here.shape[2], width=here.shape[3])
    assert float((plain - here).abs().mean()) > 0.1


def test_what_is_opposite_is_drawn_by_image_and_sizes_lie_in_their_range():
    seen = [frames(seed, resize=0.3, cells=16) for seed in range(200)]
    assert all(torch.equal(one.mirrored, ~other.mirrored) for one, other in seen)
    assert all(torch.equal(one.upside_down, ~other.upside_down) for one, other in seen)
    ones = [one for one, _ in seen]
    down, mirrored = (torch.stack([getattr(one, name) for one in ones]) for name in ("upside_down", "mirrored"))
    assert all(abs(float(share.double().mean()) - 0.5) < 0.06 for share in (down, mirrored, down ^ mirrored))
    assert {one.quarters for one in ones} == {0, 1, 2, 3}
    areas, ratios = ([f(one.rows, one.columns) for one in ones] for f in (lambda h, w: h * w, lambda h, w: w / h))
    assert 0.65 * 256 <= min(areas) < 0.8 * 256 and 1.2 * 256 < max(areas) <= 1.37 * 256
    assert 0.66 <= min(ratios) < 0.8 and 1.25 < max(ratios) <= 1.5


def test_an_image_in_its_own_size_is_itself_and_a_smaller_one_is_antialiased():
    images = draw(0, 2, 3, 6, 4)
    assert torch.equal(resized(images, height=6, width=4), images)
    expected = torch.nn.functional.interpolate(images, size=(3, 5), mode="bicubic", antialias=True)
    torch.testing.assert_close(resized(images, height=3, width=5), expected, rtol=1e-6, atol=1e-6)
