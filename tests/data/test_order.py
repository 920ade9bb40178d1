"""The order by shard and buffer: a permutation that ranks share block by block, and a number for how far it is from
uniform."""

import numpy as np
import pytest

from holdfast import randomness
from holdfast.data.order import epoch_order, lanes_for, mixing

BLOCKS = np.repeat(np.arange(100), np.random.default_rng(0).integers(5, 16, 100))
IMAGES = len(BLOCKS)


def order(buffer: int = 200, batch_size: int = 32, **other) -> np.ndarray:
    given = {"seed": 0, "epoch": 0, "blocks": BLOCKS} | other
    return epoch_order(IMAGES, batch_size=batch_size, buffer=buffer, **given)


@pytest.mark.parametrize(("buffer", "batch_size"), [(200, 32), (37, 10), (1, 4), (IMAGES - 1, 64), (200, 999)])
def test_an_epoch_holds_every_image_once_and_is_decided_by_seed_and_epoch(buffer, batch_size):
    drawn = order(buffer, batch_size)
    assert np.array_equal(np.sort(drawn), np.arange(IMAGES))
    assert np.array_equal(drawn, order(buffer, batch_size))
    for other in (order(buffer, batch_size, epoch=1), order(buffer, batch_size, seed=1)):
        assert (other != drawn).mean() > 0.9


@pytest.mark.parametrize("other", [{"buffer": 0}, {"buffer": IMAGES}, {"blocks": None}])
def test_without_a_buffer_and_with_one_for_all_the_order_is_the_uniform_one(other):
    uniform = randomness.permutation(randomness.key(0, "order", 0), IMAGES).numpy()
    assert np.array_equal(order(**other), uniform)


@pytest.mark.parametrize("world", [2, 4])
def test_ranks_read_blocks_of_their_own_and_together_all(world):
    size, drawn = 32, order()
    parts = [[] for _ in range(world)]
    for start in range(0, IMAGES, size):
        batch = drawn[start : start + size]
        for rank in range(world):
            parts[rank].extend(batch[rank * len(batch) // world : (rank + 1) * len(batch) // world].tolist())
    assert sorted(image for part in parts for image in part) == list(range(IMAGES))
    blocks = [set(BLOCKS[part].tolist()) for part in parts]
    shared = sum(len(found) for found in blocks) - len(set().union(*blocks))
    assert shared <= 2 * world  # a block that is cut between two, and those of the shorter last batch


def test_a_process_that_keeps_twice_the_buffer_reads_hardly_a_block_twice():
    kept: list[int] = []
    reads = 0
    for block in BLOCKS[order()].tolist():
        if block in kept:
            kept.remove(block)
        else:
            reads += 1
        kept = [*kept, block][-40:]  # of about 10 images each
    assert reads < 1.3 * 100
    assert len(set(BLOCKS[order(batch_size=32)][:32].tolist())) > 10


def test_the_number_is_what_counting_pairs_gives():
    drawn, size = order(60, 16), 16
    batch = np.empty(IMAGES, int)
    batch[drawn] = np.arange(IMAGES) // size
    same_block, same_batch = BLOCKS[:, None] == BLOCKS, batch[:, None] == batch
    np.fill_diagonal(same_block, False)
    np.fill_diagonal(same_batch, False)
    expected = same_batch[same_block].mean() / (same_batch.sum() / (IMAGES * (IMAGES - 1)))
    found = mixing(drawn, BLOCKS, size)
    assert found.meetings == pytest.approx(expected)
    assert found.blocks == np.mean([len(set(BLOCKS[drawn[s : s + size]])) for s in range(0, IMAGES, size)])
    assert f"meet in a batch {found.meetings:.3g} times as often as in a uniform shuffle" in str(found)


def test_the_number_is_one_for_a_uniform_order_and_falls_with_the_buffer():
    uniform = [mixing(order(0, epoch=epoch), BLOCKS, 32) for epoch in range(20)]
    assert np.mean([one.meetings for one in uniform]) == pytest.approx(1, abs=0.03)
    assert np.mean([one.blocks for one in uniform]) == pytest.approx(uniform[0].uniform_blocks, rel=0.03)
    found = [mixing(order(buffer), BLOCKS, 32).meetings for buffer in (40, 120, 400, IMAGES - 1)]
    assert found == sorted(found, reverse=True) and found[-1] < 1.3
    assert mixing(np.arange(IMAGES), BLOCKS, 32).meetings > found[0]


def test_lanes_part_the_batch_and_leave_two_blocks_to_each():
    assert [lanes_for(256, 20_000, 100), lanes_for(256, 1000, 100), lanes_for(96, 20_000, 100)] == [64, 4, 32]
    assert [lanes_for(255, 20_000, 100), lanes_for(4, 20_000, 1), lanes_for(4096, 10, 100)] == [1, 2, 1]
