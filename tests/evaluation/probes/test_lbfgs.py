import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from holdfast.evaluation import fit_probe, stratified_folds
from holdfast.evaluation.probes.lbfgs import next_beyond


def blobs(n=300, dim=6, classes=3, distance=1.5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % classes
    centres = distance * torch.randn(classes, dim, generator=generator)
    return centres[labels] + torch.randn(n, dim, generator=generator), labels


def test_the_fast_probe_finds_scikit_learns_optimum():
    features, labels = blobs()
    probe = fit_probe(features, labels, classes=3, regularisation=[0.01])
    standardised = (features - features.mean(0)) / features.std(0, correction=0)
    reference = LogisticRegression(C=1 / (0.01 * len(labels)), tol=1e-8).fit(standardised.numpy(), labels.numpy())
    np.testing.assert_allclose(probe.weight, reference.coef_, atol=2e-3)
    np.testing.assert_array_equal(probe.predict(features), reference.predict(standardised.numpy()))


def test_the_optimum_does_not_depend_on_the_path_to_it():
    generator = torch.Generator().manual_seed(0)
    labels = (torch.arange(300) % 10).clamp(max=2)  # strong regularisation predicts the common class alone
    features = torch.eye(3)[labels] + 0.5 * torch.randn(300, 3, generator=generator)
    direct = fit_probe(features, labels, classes=3, regularisation=[0.01])
    warm = fit_probe(features, labels, classes=3, regularisation=[10.0, 1.0, 0.01], validation=(features, labels))
    assert warm.regularisation == 0.01
    torch.testing.assert_close(warm.weight, direct.weight, atol=2e-3, rtol=0)


def test_the_fast_probe_separates_what_is_separable():
    features, labels = blobs(distance=10)
    assert torch.equal(fit_probe(features, labels, classes=3).predict(features), labels)


def test_scaling_and_shifting_features_changes_no_prediction():
    features, labels = blobs()
    moved = features * torch.tensor([1e3, 1e-3, 1.0, 5.0, 0.1, 10.0]) + 7
    first, second = fit_probe(features, labels, classes=3), fit_probe(moved, labels, classes=3)
    assert first.regularisation == second.regularisation
    assert (first.predict(features) != second.predict(moved)).sum() <= 1


def test_a_constant_feature_changes_nothing():
    features, labels = blobs()
    constant = torch.cat([features, torch.full((len(features), 1), 3.0)], 1)
    first, second = fit_probe(features, labels, classes=3), fit_probe(constant, labels, classes=3)
    assert torch.equal(first.predict(features), second.predict(constant))


def test_noise_features_get_strong_regularisation():
    generator = torch.Generator().manual_seed(0)
    features, labels = blobs(n=60, distance=1.0)
    noisy = torch.cat([features, torch.randn(60, 200, generator=generator)], 1)
    assert fit_probe(noisy, labels, classes=3).regularisation >= 0.1


def test_validation_images_choose_and_are_not_fitted():
    features, labels = blobs()
    alone = fit_probe(features, labels, classes=3, regularisation=[0.1])
    chosen = fit_probe(features, labels, classes=3, regularisation=[0.1], validation=blobs(seed=5))
    assert torch.equal(alone.weight, chosen.weight)
    assert alone.validation_accuracy != chosen.validation_accuracy


def test_the_same_seed_gives_the_same_bits():
    first, second = (fit_probe(*blobs(), classes=3, seed=3) for _ in range(2))
    assert torch.equal(first.weight, second.weight)
    assert torch.equal(first.bias, second.bias)


def test_folds_are_even_within_classes_and_follow_ids():
    labels = torch.tensor([0] * 25 + [1] * 10 + [2] * 3)
    ids = torch.arange(len(labels)) * 7 + 3
    folds = stratified_folds(labels, ids, seed=0)
    for label, counts in {0: [5] * 5, 1: [2] * 5, 2: [0, 1, 1, 1, 0]}.items():
        assert torch.bincount(folds[labels == label], minlength=5).tolist() == counts
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    assert torch.equal(stratified_folds(labels[order], ids[order], seed=0), folds[order])
    assert not torch.equal(stratified_folds(labels, ids, seed=1), folds)


def test_one_image_per_class_still_gives_a_probe():
    probe = fit_probe(torch.eye(3), torch.arange(3), classes=3)
    assert torch.equal(probe.predict(torch.eye(3)), torch.arange(3))


def test_a_class_without_images_is_never_predicted():
    features, labels = blobs()
    assert fit_probe(features, labels, classes=5).predict(features).max() < 3


@pytest.mark.parametrize(
    ("features", "labels", "words"),
    [
        (torch.zeros(3, 2), torch.zeros(2, dtype=torch.int64), "one label per row"),
        (torch.zeros(3, 2), torch.tensor([0, 1, 4]), "check classes"),
        (torch.zeros(0, 2), torch.zeros(0, dtype=torch.int64), "check classes"),
    ],
)
def test_labels_that_do_not_fit_are_refused(features, labels, words):
    with pytest.raises(ValueError, match=words):
        fit_probe(features, labels, classes=3)


@pytest.mark.parametrize(
    ("tried", "accuracy", "expected"),
    [
        ([1.0, 0.1], [60, 50], 10.0),
        ([1.0, 0.1], [50, 60], 0.01),
        ([1.0, 0.1], [60, 60], None),  # the strongest of equals is no end that is better
        ([1.0, 0.1, 0.01], [50, 60, 50], None),
        ([1e3, 1e2], [60, 50], None),
        ([1e-8, 1e-9], [50, 60], None),
        ([0.1], [60], None),
    ],
)
def test_beyond_an_end_that_is_best_the_next_power_of_ten_is_tried(tried, accuracy, expected):
    found = next_beyond(tried, torch.tensor(accuracy).double())
    assert found == (None if expected is None else pytest.approx(expected))


def test_a_plain_problem_ends_within_the_grid():
    draws = torch.Generator().manual_seed(0)
    features, labels = torch.randn(300, 40, generator=draws), torch.arange(300) % 2
    features[:, 0] += 1.5 * labels
    assert not fit_probe(features, labels, classes=2).at_edge


def test_where_all_are_right_nothing_is_widened():
    features, labels = torch.eye(3).repeat(20, 1), torch.arange(60) % 3
    probe = fit_probe(features, labels, classes=3)
    assert (probe.regularisation, probe.at_edge) == (1.0, False)
