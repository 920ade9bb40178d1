import pytest
import torch
import torch.nn.functional as F

from holdfast.evaluation import alignment, mean_cosine, memorization, unit_memorization
from holdfast.evaluation.pairs.measures import (
    UnitSums,
    mean_of_pairs,
    unit_memorization_of,
    view_distances,
    without_each_view,
)


def draws(seed, *shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


F_VIEWS, G_VIEWS = draws(0, 12, 5, 8), draws(1, 12, 5, 8)


def test_swapping_the_encoders_negates():
    first, second = memorization(F_VIEWS, G_VIEWS), memorization(G_VIEWS, F_VIEWS)
    for name in ("difference", "ratio"):
        assert torch.equal(first[name], -second[name])


def test_identical_encoders_score_exactly_zero():
    for values in memorization(F_VIEWS, F_VIEWS).values():
        assert values.count_nonzero() == 0


def test_better_alignment_by_f_is_positive():
    aligned = F_VIEWS[:, :1] + 0.1 * F_VIEWS
    found = memorization(aligned, F_VIEWS)
    assert (found["difference"] > 0).all()
    assert (found["ratio"] > 0).all()
    assert (found["ratio"] <= 1).all()


def test_a_common_rotation_changes_nothing():
    rotation = torch.linalg.qr(draws(2, 8, 8)).Q
    for name, values in memorization(F_VIEWS @ rotation, G_VIEWS @ rotation).items():
        torch.testing.assert_close(values, memorization(F_VIEWS, G_VIEWS)[name])


def test_rescaling_any_view_changes_nothing():
    scaled = F_VIEWS * draws(3, 12, 5, 1).abs().add(0.1)
    torch.testing.assert_close(alignment(scaled), alignment(F_VIEWS))


def test_the_order_of_views_does_not_matter():
    order = [3, 1, 4, 0, 2]
    torch.testing.assert_close(memorization(F_VIEWS[:, order], G_VIEWS[:, order]), memorization(F_VIEWS, G_VIEWS))


def test_collapsed_encoders_have_ratio_zero_and_not_nan():
    found = memorization(torch.ones(3, 4, 2), torch.ones(3, 4, 2))
    assert found["ratio"].tolist() == [0, 0, 0]


def test_other_views_for_g_are_refused():
    with pytest.raises(ValueError, match="same views"):
        memorization(F_VIEWS, G_VIEWS[:, :4])


def test_distances_give_the_alignment_and_the_alignment_without_each_view():
    distances = view_distances(F_VIEWS)
    torch.testing.assert_close(mean_of_pairs(distances), alignment(F_VIEWS))
    others = torch.stack([alignment(F_VIEWS[:, [k for k in range(5) if k != out]]) for out in range(5)], 1)
    torch.testing.assert_close(without_each_view(distances), others)


def test_the_mean_cosine_is_over_all_pairs():
    unit = F.normalize(F_VIEWS, dim=-1)
    pairs = [(unit[:, a] * unit[:, b]).sum(-1) for a in range(5) for b in range(a + 1, 5)]
    torch.testing.assert_close(mean_cosine(F_VIEWS), torch.stack(pairs).mean(0))


def test_a_unit_that_fires_for_one_sample_alone_is_1_an_indifferent_one_0_and_a_dead_one_0():
    activations = torch.zeros(6, 3, 3, dtype=torch.float64)
    activations[2, :, 0] = 5
    activations[:, :, 1] = 4
    assert unit_memorization(activations).tolist() == [1, 0, 0]


def test_negative_activations_are_refused_with_the_reason():
    with pytest.raises(ValueError, match="after a ReLU"):
        unit_memorization(F_VIEWS)
    assert unit_memorization(F_VIEWS, signed=True).shape == (8,)
    assert unit_memorization(F_VIEWS.abs()).min() >= 0


def test_one_sample_has_nothing_to_be_compared_with():
    with pytest.raises(ValueError, match="two samples"):
        unit_memorization(F_VIEWS[:1].abs())


def test_unit_sums_say_which_sample_a_unit_prefers():
    means = F_VIEWS.abs().mean(1)
    ids = torch.arange(100, 112)
    sums = UnitSums.of(means[:5], ids[:5]) + UnitSums.of(means[5:], ids[5:])
    assert torch.equal(sums.at, ids[means.argmax(0)])
    torch.testing.assert_close(unit_memorization_of(sums), unit_memorization(F_VIEWS.abs()))
