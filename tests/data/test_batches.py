from itertools import chain

import pytest
import torch

from holdfast.data import Images, epoch_batches, steps_per_epoch


def some_images(n):
    values = torch.arange(n, dtype=torch.uint8)[:, None, None, None]
    return Images(values.expand(n, 3, 2, 2).contiguous(), torch.arange(n) * 2 + 5)


def joined(lists):
    return list(chain.from_iterable(lists))


def ids(batches):
    return [batch.ids.tolist() for batch in batches]


def test_an_epoch_shows_every_image_once_as_floats_in_the_unit_range():
    images = some_images(22)
    batches = list(epoch_batches(images, seed=0, epoch=3, batch_size=5))
    assert [len(batch.ids) for batch in batches] == [5, 5, 5, 5, 2]
    assert sorted(joined(ids(batches))) == images.ids.tolist()
    for batch in batches:
        assert batch.epoch == 3
        assert batch.images.dtype == torch.float32
        torch.testing.assert_close(batch.images[:, 0, 0, 0] * 255, (batch.ids - 5).float() / 2)


def test_the_order_depends_on_seed_and_epoch_alone():
    images = some_images(40)
    orders = {
        key: ids(epoch_batches(images, seed=key[0], epoch=key[1], batch_size=8)) for key in [(0, 0), (0, 1), (1, 0)]
    }
    assert orders[0, 0] == ids(epoch_batches(images, seed=0, epoch=0, batch_size=8))
    assert len({str(order) for order in orders.values()}) == 3
    one = joined(ids(epoch_batches(images, seed=0, epoch=0, batch_size=20)))
    assert one == joined(orders[0, 0])


@pytest.mark.parametrize("world", [2, 3, 4])
@pytest.mark.parametrize("n", [24, 33, 35, 47])
def test_the_ranks_together_see_the_batches_of_one_process(n, world):
    images = some_images(n)
    alone = ids(epoch_batches(images, seed=1, epoch=0, batch_size=12))
    ranks = [ids(epoch_batches(images, seed=1, epoch=0, batch_size=12, rank=r, world=world)) for r in range(world)]
    assert {len(rank) for rank in ranks} == {steps_per_epoch(n, 12, world)}
    together = [joined(parts) for parts in zip(*ranks, strict=True)]
    assert together == alone[: len(together)]
    for parts in zip(*ranks, strict=True):
        sizes = [len(part) for part in parts]
        assert min(sizes) >= 2
        assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(
    ("images", "batch_size", "world", "steps"),
    [
        (24, 12, 1, 2),
        (25, 12, 1, 2),
        (26, 12, 1, 3),
        (27, 12, 2, 2),
        (28, 12, 2, 3),
        (11_165, 512, 1, 22),
        (3, 12, 1, 1),
    ],
)
def test_the_last_batch_counts_where_every_rank_gets_two_images(images, batch_size, world, steps):
    assert steps_per_epoch(images, batch_size, world) == steps
    if images < 100:
        batches = epoch_batches(some_images(images), seed=0, epoch=0, batch_size=batch_size, world=world)
        assert len(list(batches)) == steps


@pytest.mark.parametrize("first_step", [0, 1, 3, 4])
def test_an_epoch_can_go_on_from_any_batch(first_step):
    images = some_images(22)
    whole = ids(epoch_batches(images, seed=0, epoch=2, batch_size=6))
    assert ids(epoch_batches(images, seed=0, epoch=2, batch_size=6, first_step=first_step)) == whole[first_step:]


def test_too_few_images_are_refused_before_the_first_batch():
    with pytest.raises(ValueError, match=r"at least 4 training images \(2 for each of 2 device\(s\)\), got 3"):
        epoch_batches(some_images(3), seed=0, epoch=0, batch_size=4, world=2)


@pytest.mark.parametrize(("batch_size", "world"), [(10, 4), (1, 1), (4, 4)])
def test_a_batch_that_the_ranks_cannot_share_is_refused(batch_size, world):
    with pytest.raises(ValueError, match=r"expected a batch size .* use --batch-size \d+"):
        steps_per_epoch(100, batch_size, world)


@pytest.mark.parametrize("wrong", [{"rank": 1}, {"rank": -1}, {"first_step": 5}, {"first_step": -1}])
def test_a_rank_or_step_out_of_range_is_refused(wrong):
    with pytest.raises(ValueError, match="expected a rank below 1 and a first step of 0 to 4"):
        epoch_batches(some_images(22), seed=0, epoch=0, batch_size=6, **wrong)
