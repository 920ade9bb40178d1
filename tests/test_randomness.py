import hashlib

import numpy as np
import pytest
import torch

from holdfast import randomness
from holdfast.randomness import fold, generator, key, order_of, permutation, sample_keys, seeded_library, uniform

WORD = 2**64 - 1
EDGES = [0, 1, -1, 2, 12345, -(2**63), 2**63 - 1, 2**62 + 7, -(2**40) - 3, 0x0123456789ABCDEF]
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def mix_by_hand(x):
    """The finaliser of SplitMix64 on Python's unbounded integers, cut to 64 bits."""
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & WORD
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB & WORD
    return x ^ (x >> 31)


def fold_by_hand(key, counter):
    return mix_by_hand((key ^ mix_by_hand((counter + 0x9E3779B97F4A7C15) & WORD)) & WORD)


def key_by_hand(seed, purpose, *counters):
    start = int.from_bytes(hashlib.blake2b(f"{seed}/{purpose}".encode(), digest_size=8).digest(), "little")
    for counter in counters:
        start = fold_by_hand(start, counter)
    return start


def unsigned(keys):
    return [value & WORD for value in keys.flatten().tolist()]


def bits(keys):
    """bool [n, 64]"""
    return (keys.flatten()[:, None] >> torch.arange(64)) & 1 == 1


def chi_square(counts):
    """How many standard deviations the chi-square statistic of equal cells lies from its mean."""
    expected = counts.sum() / counts.numel()
    cells = counts.numel() - 1
    return float(((counts - expected) ** 2 / expected).sum() - cells) / (2 * cells) ** 0.5


@pytest.mark.parametrize("device", DEVICES)
def test_fold_is_the_same_hash_as_on_unbounded_integers(device):
    keys, counters = torch.meshgrid(torch.tensor(EDGES), torch.tensor(EDGES), indexing="ij")
    expected = [fold_by_hand(k & WORD, c) for k in EDGES for c in EDGES]
    assert unsigned(fold(keys.to(device), counters.to(device))) == expected


def test_the_constants_are_those_of_splitmix64():
    # The first outputs of the generator with seed 0, as published with it: its state steps by the golden number.
    states = torch.tensor([1, 2, 3]) * randomness._GOLDEN
    assert unsigned(randomness._mix(states)) == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]


def test_a_key_is_the_same_hash_as_on_unbounded_integers():
    for seed, purpose, counters in [(0, "views", ()), (7, "order", (3,)), (-1, "views/order", (0, 2**40, 5))]:
        assert unsigned(key(seed, purpose, *counters)) == [key_by_hand(seed, purpose, *counters)]


def test_sample_keys_are_folds_of_epoch_then_id_then_view():
    ids = [5, 0, 2**40]
    drawn = sample_keys(3, "views", epoch=9, ids=torch.tensor(ids), views=2)
    expected = [fold_by_hand(fold_by_hand(key_by_hand(3, "views", 9), i), view) for view in range(2) for i in ids]
    assert drawn.shape == (2, 3)
    assert unsigned(drawn) == expected


@pytest.mark.parametrize("device", DEVICES)
def test_uniform_takes_the_upper_24_bits_exactly(device):
    drawn = uniform(torch.tensor(EDGES, device=device), 3)
    expected = [[(fold_by_hand(k & WORD, d) >> 40) / 2**24 for d in range(3)] for k in EDGES]
    assert drawn.dtype == torch.float32
    assert drawn.tolist() == expected


def test_draws_of_a_release_do_not_drift():
    # Whoever changes these changes every run that was ever recorded with a seed.
    assert int(key(0, "views", 1, 2)) == -8036305459363126780
    assert permutation(key(0, "views"), 8).tolist() == [3, 6, 2, 4, 7, 1, 0, 5]


def test_a_sample_has_the_same_key_in_every_batch():
    ids = torch.arange(100)
    whole = sample_keys(0, "views", epoch=4, ids=ids, views=3)
    shuffled = torch.randperm(100, generator=torch.Generator().manual_seed(0))[:37]
    assert torch.equal(sample_keys(0, "views", epoch=4, ids=ids[shuffled], views=3), whole[:, shuffled])
    assert torch.equal(sample_keys(0, "views", epoch=4, ids=ids, views=2), whole[:2])


def test_a_further_draw_leaves_the_earlier_ones_alone():
    keys = sample_keys(0, "views", epoch=0, ids=torch.arange(50), views=2)
    assert torch.equal(uniform(keys, 9)[..., :4], uniform(keys, 4))


def test_no_two_samples_epochs_views_seeds_or_purposes_share_a_key():
    ids = torch.arange(20_000)
    tables = [
        sample_keys(seed, purpose, epoch=epoch, ids=ids, views=2)
        for seed in (0, 1)
        for purpose in ("views", "order")
        for epoch in (0, 1)
    ]
    keys = torch.stack(tables)
    assert keys.unique().numel() == keys.numel()


def test_uniform_draws_of_neighbouring_samples_fill_the_interval_evenly():
    draws = uniform(sample_keys(0, "views", epoch=0, ids=torch.arange(2**15), views=2), 4)
    assert 0 <= float(draws.min()) < 1e-4
    assert 1 - 1e-4 < float(draws.max()) < 1
    for column in draws.unbind(-1):
        assert abs(chi_square(torch.histc(column, 256, 0, 1))) < 4


def test_pairs_of_draws_fill_the_square_evenly():
    draws = uniform(sample_keys(0, "views", epoch=0, ids=torch.arange(2**16), views=2), 2)
    between_ids, between_views, between_draws = draws[0, 1:, 0], draws[1, :, 0], draws[0, :, 1]
    for other in (between_ids, between_views, between_draws):
        first = draws[0, : len(other), 0]
        cells = (first * 32).long() * 32 + (other * 32).long()
        assert abs(chi_square(torch.bincount(cells, minlength=1024).double())) < 4


def test_every_bit_of_a_key_is_set_half_of_the_time():
    n = 2**15
    shares = bits(sample_keys(0, "views", epoch=0, ids=torch.arange(n), views=1)).double().mean(0)
    assert float((shares - 0.5).abs().max()) < 4.5 * 0.5 / n**0.5


@pytest.mark.parametrize("flipped", ["key", "counter"])
def test_flipping_one_bit_flips_half_of_the_result(flipped):
    n = 2048
    keys, counters = fold(key(0, "keys"), torch.arange(n)), fold(key(0, "counters"), torch.arange(n))
    before = bits(fold(keys, counters))
    for bit in (0, 1, 17, 31, 32, 62, 63):
        mask = torch.tensor(1) << bit
        after = fold(keys ^ mask, counters) if flipped == "key" else fold(keys, counters ^ mask)
        shares = (bits(after) ^ before).double().mean(0)
        assert float((shares - 0.5).abs().max()) < 5 * 0.5 / n**0.5


def test_a_permutation_holds_every_number_once_and_each_order_is_as_likely():
    orders = torch.stack([permutation(key(0, "order", i), 4) for i in range(6000)])
    assert torch.equal(orders.sort(1).values, torch.arange(4).expand(6000, -1))
    codes = (orders * torch.tensor([64, 16, 4, 1])).sum(1)
    counts = codes.unique(return_counts=True)[1]
    assert len(counts) == 24
    assert abs(chi_square(counts.double())) < 4


@pytest.mark.parametrize(("seed", "n"), [(0, 1), (3, 1000), (-1, 257)])
def test_an_order_without_torch_is_the_same_permutation(seed, n):
    assert np.array_equal(order_of(seed, "limit", n), permutation(key(seed, "limit"), n).numpy())


def test_a_generator_repeats_for_its_key_and_differs_for_another():
    first, again, other = (torch.rand(8, generator=generator(0, purpose, 1)) for purpose in ("a", "a", "b"))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_seeded_library_draws_the_same_and_leaves_the_global_state_alone():
    before = torch.random.get_rng_state()
    with seeded_library(3, "weights"):
        first = torch.rand(4)
    with seeded_library(3, "weights"):
        again = torch.rand(4)
    assert torch.equal(first, again)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_seeded_library_restores_the_global_state_after_an_error():
    before = torch.random.get_rng_state()
    with pytest.raises(RuntimeError, match="shape"), seeded_library(3, "weights"):
        torch.rand(4).view(3)
    assert torch.equal(torch.random.get_rng_state(), before)
