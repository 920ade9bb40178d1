import copy
import math

import pytest
import torch
from torch import nn

from holdfast.evaluation import alignment, effective_rank, feature_std, live_signals, near_collapse, signals, uniformity
from holdfast.evaluation.signals import label_free_signals


def draws(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_alignment_equals_a_slow_loop_over_pairs():
    views = draws(6, 4, 5)
    unit = [[view / view.norm() for view in sample] for sample in views.double()]
    pairs = [(a, b) for a in range(4) for b in range(a + 1, 4)]
    expected = [sum(float((sample[a] - sample[b]).norm()) for a, b in pairs) / 6 for sample in unit]
    torch.testing.assert_close(alignment(views.double()), torch.tensor(expected, dtype=torch.float64))


def test_equal_views_are_aligned_exactly():
    assert (alignment(draws(10, 1, 7).expand(-1, 3, -1)) == 0).all()
    assert (alignment(torch.zeros(2, 3, 4)) == 0).all()


def test_opposite_views_are_two_apart():
    views = draws(5, 1, 7)
    torch.testing.assert_close(alignment(torch.cat([views, -3 * views], 1)), torch.full((5,), 2.0))


def test_alignment_needs_two_views():
    with pytest.raises(ValueError, match="at least two views"):
        alignment(draws(5, 1, 7))


def test_uniformity_equals_a_slow_loop_over_pairs():
    features = draws(9, 4).double()
    unit = features / features.norm(dim=1, keepdim=True)
    terms = [math.exp(-2 * float((a - b).square().sum())) for i, a in enumerate(unit) for b in unit[i + 1 :]]
    assert uniformity(features) == pytest.approx(math.log(sum(terms) / len(terms)), rel=1e-12)


def test_features_however_small_have_a_direction():
    large, tiny = draws(20, 6), 1e-20 * draws(20, 6)
    views = draws(5, 2, 7)
    assert uniformity(tiny) == pytest.approx(uniformity(large), abs=1e-5)
    assert feature_std(tiny) == pytest.approx(feature_std(large), abs=1e-6)
    torch.testing.assert_close(alignment(1e-20 * views), alignment(views))
    assert uniformity(torch.zeros(20, 5)) == pytest.approx(0, abs=1e-6) and feature_std(torch.zeros(20, 5)) == 0


def test_near_collapse_is_one_feature_for_all_images_or_one_direction():
    def of(features):
        return near_collapse(label_free_signals(features))

    assert not of(draws(100, 32))
    assert of(torch.ones(100, 32) + 0.01 * draws(100, 32))
    assert of(draws(100, 1) * draws(1, 32, seed=1))
    assert of(torch.zeros(100, 32))


def test_uniformity_is_the_same_in_chunks(monkeypatch):
    whole = uniformity(draws(50, 4))
    monkeypatch.setattr(signals, "_ROWS", 7)
    assert uniformity(draws(50, 4)) == pytest.approx(whole, rel=1e-6)


def test_uniformity_runs_from_opposite_points_to_collapse():
    assert uniformity(torch.tensor([[1.0, 0.0], [-1.0, 0.0]])) == pytest.approx(-8)
    assert uniformity(torch.ones(20, 5)) == pytest.approx(0, abs=1e-5)
    assert uniformity(draws(2000, 256)) == pytest.approx(-4, abs=0.1)


def test_effective_rank_counts_equal_directions():
    assert effective_rank(torch.eye(7)) == pytest.approx(7)
    assert effective_rank(torch.cat([torch.eye(3), torch.zeros(3, 4)], 1)) == pytest.approx(3, rel=1e-6)
    assert effective_rank(torch.ones(20, 5)) == pytest.approx(1, abs=1e-4)
    assert effective_rank(torch.zeros(20, 5)) == 0


@pytest.mark.parametrize("shape", [(40, 6), (6, 40)])
def test_effective_rank_is_rankmes(shape):
    features = draws(*shape) * torch.logspace(0, -3, shape[1])
    shares = torch.linalg.svdvals(features.double())
    shares = shares / shares.sum()
    assert effective_rank(features) == pytest.approx(float((-shares * shares.log()).sum().exp()), rel=1e-6)
    assert effective_rank(1e-20 * features) == pytest.approx(effective_rank(features), rel=1e-4)


def test_feature_std_is_one_on_the_sphere_and_zero_at_a_point():
    assert feature_std(draws(4000, 64)) == pytest.approx(1, abs=0.01)
    assert feature_std(torch.ones(20, 5)) == pytest.approx(0, abs=1e-6)


def test_live_signals_of_an_encoder_that_reads_the_class():
    labels = torch.arange(30) % 3
    images = torch.eye(3)[labels][:, :, None, None].expand(-1, -1, 4, 4)
    found = live_signals(nn.Identity(), torch.stack([images, images]), labels=labels)
    assert found["knn_accuracy"] == 100
    assert found["alignment"] == 0
    assert found["effective_rank"] == pytest.approx(3)
    assert set(found) == {"alignment", "uniformity", "effective_rank", "feature_std", "variance_ratio", "knn_accuracy"}


@pytest.mark.parametrize("members", [5, 7, 10, 40])
def test_neighbours_of_few_images_of_even_classes_tell_useful_features(members):
    labels = torch.arange(10).repeat_interleave(members)
    found = live_signals(
        nn.Identity(), torch.eye(10)[labels][None, :, :, None, None].expand(2, -1, -1, 2, 2), labels=labels
    )
    assert found["knn_accuracy"] == 100


@pytest.mark.parametrize("members", [5, 6, 10, 20])
def test_neighbours_of_noise_read_chance(members):
    labels = torch.arange(10).repeat_interleave(members)
    runs = 4000 // len(labels)
    found = [signals.knn_in_folds(draws(len(labels), 16, seed=seed), labels) for seed in range(runs)]
    standard_error = 100 * math.sqrt(0.1 * 0.9 / (runs * len(labels)))
    assert sum(found) / runs == pytest.approx(10, abs=4 * standard_error)


@pytest.mark.parametrize("labels", [[0, 0, 0, 0, 1, 1, 1, 1], [0] * 20, [*range(10), *[10] * 6]])
def test_neighbours_of_too_few_images_say_nothing(labels):
    assert signals.knn_in_folds(draws(len(labels), 4), torch.tensor(labels)) is None


def test_classes_of_fewer_than_five_are_left_out_of_the_neighbours():
    labels = torch.tensor([0] * 8 + [1] * 8 + [2] * 3)
    features = torch.eye(3)[labels]
    features[-3:] = features[0]
    assert signals.knn_in_folds(features, labels) == 100


def test_live_signals_without_labels_are_label_free():
    views = torch.rand(2, 12, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    found = live_signals(nn.Flatten(), views)
    assert set(found) == {"alignment", "uniformity", "effective_rank", "feature_std", "variance_ratio"}
    plain = live_signals(nn.Flatten(), views, images=views[1])
    assert plain["alignment"] == found["alignment"]
    assert plain["uniformity"] != found["uniformity"]


def test_live_signals_leave_the_encoder_as_it_was():
    encoder = nn.Sequential(nn.BatchNorm2d(3), nn.Flatten()).train()
    before = copy.deepcopy(encoder.state_dict())
    live_signals(encoder, torch.rand(2, 12, 3, 4, 4, generator=torch.Generator().manual_seed(0)))
    assert encoder.training
    assert encoder[0].training
    assert all(torch.equal(before[name], tensor) for name, tensor in encoder.state_dict().items())


def test_signals_are_measured_in_float32_under_the_callers_autocast():
    views = torch.rand(2, 40, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    plain = live_signals(nn.Flatten(), views, labels=torch.arange(40) % 4)
    with torch.autocast("cpu", torch.bfloat16):
        assert live_signals(nn.Flatten(), views, labels=torch.arange(40) % 4) == plain


def test_a_dead_network_is_collapsed_by_every_signal():
    assert signals.label_free_signals(torch.zeros(12, 4)) == {
        "uniformity": 0.0,
        "effective_rank": 0.0,
        "feature_std": 0.0,
    }
