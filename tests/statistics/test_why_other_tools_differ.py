"""What other tools say of the same numbers, and why: each row of the table in docs/statistics.md."""

import importlib
import importlib.metadata
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score, roc_curve

from holdfast.engine.optim import LARS
from holdfast.evaluation.groups import class_accuracy
from holdfast.statistics import detection_auc, group_estimates, group_statistics, membership

DOCS = (Path(__file__).parents[2] / "docs" / "statistics.md").read_text()
RANDOM = np.random.default_rng(0)
SCORES, POSITIVE = RANDOM.normal(size=200) + (np.arange(200) < 60), np.arange(200) < 60


def installed(package):
    """The module of a package; its version must be the one that the table names."""
    module = pytest.importorskip(package.lower().replace("mlstatkit", "MLstatkit"))
    version = importlib.metadata.version(package)
    assert re.search(rf"{package} {re.escape(version)}\b", DOCS, re.IGNORECASE), (
        f"say in the table: {package} {version}"
    )
    return module


def test_torchmetrics_auroc_moves_with_an_offset_of_the_scores():
    auroc = installed("torchmetrics").functional.classification.binary_auroc
    labels = torch.from_numpy(POSITIVE.astype(int))
    plain, moved = (float(auroc(torch.tensor(SCORES + offset).float(), labels)) for offset in (0.0, 30.0))
    assert plain == pytest.approx(detection_auc(SCORES, POSITIVE)[0], abs=1e-6) and moved == 0.5
    assert detection_auc(SCORES + 30, POSITIVE)[0] == pytest.approx(plain, abs=1e-6)


def test_mlstatkit_finds_a_score_different_from_itself():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, p, *_ = installed("MLstatkit").Delong_test(POSITIVE.astype(int), SCORES, SCORES, n_boot=20, random_state=0)
    assert p == 0.0


def test_a_class_without_test_images_is_left_out_by_us_and_with_a_warning_by_scikit_learn():
    labels, predicted = np.array([0, 0, 0, 1, 1]), np.array([0, 0, 2, 1, 0])
    with pytest.warns(UserWarning, match="classes not in y_true"):
        theirs = balanced_accuracy_score(labels, predicted)
    accuracy, counts = class_accuracy(torch.tensor(predicted == labels), torch.tensor(labels), classes=3)
    assert counts[2] == 0
    ours = group_estimates(accuracy, counts, {})["all"].value
    assert ours == pytest.approx(100 * theirs) == pytest.approx(100 * (2 / 3 + 1 / 2) / 2)


def test_torchmetrics_counts_a_class_that_is_predicted_and_has_no_test_image():
    accuracy = installed("torchmetrics").functional.classification.multiclass_accuracy
    labels, predicted = torch.tensor([0, 0, 0, 1, 1]), torch.tensor([0, 0, 2, 1, 0])
    macro = float(accuracy(predicted, labels, num_classes=3, average="macro"))
    assert macro == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    assert float(accuracy(predicted.clamp(max=1), labels, num_classes=3, average="macro")) == pytest.approx(7 / 12)


def test_std_divides_by_the_number_of_groups_or_by_one_less():
    accuracies = np.array([86.44, 81.84, 76.23])
    groups = {"many": [0], "medium": [1], "few": [2]}
    assert group_statistics(accuracies, groups)["std"] == pytest.approx(np.std(accuracies))
    assert np.std(accuracies, ddof=1) / np.std(accuracies) == pytest.approx(1.2247, abs=1e-4)


def test_true_positives_at_few_false_ones_by_a_threshold_or_between_two():
    false, true, _ = roc_curve(POSITIVE, SCORES, drop_intermediate=False)
    ours = membership(SCORES[POSITIVE], SCORES[~POSITIVE])["tpr_at_1pct_fpr"]
    assert ours == pytest.approx(true[false <= 0.01].max())
    below = true[np.flatnonzero(false <= 0.01)[0]]
    assert below < ours <= np.interp(0.01, false, true)


def step_of(optimiser, weight, gradient):
    """How far a first step moves a weight."""
    parameter = torch.nn.Parameter(weight.clone())
    parameter.grad = gradient.clone()
    optimiser([parameter]).step()
    return weight - parameter.detach()


WEIGHT, GRADIENT = torch.full((3, 4), 2.0), torch.linspace(-1, 1, 12).reshape(3, 4)


def test_lars_of_timm_at_weight_decay_0_is_plain_sgd_and_ours_keeps_its_trust_ratio():
    installed("timm")
    from timm.optim.lars import Lars

    theirs = step_of(lambda p: Lars(p, lr=0.1, momentum=0, weight_decay=0), WEIGHT, GRADIENT)
    torch.testing.assert_close(theirs, 0.1 * GRADIENT)
    ours = step_of(lambda p: LARS(p, lr=0.1, momentum=0, weight_decay=0, trust=1e-3), WEIGHT, GRADIENT)
    torch.testing.assert_close(ours, 0.1 * 1e-3 * WEIGHT.norm() / GRADIENT.norm() * GRADIENT)


def test_lars_of_lightly_at_weight_decay_0_is_plain_sgd():
    installed("lightly")
    lars = importlib.import_module("lightly.utils.lars")
    theirs = step_of(lambda p: lars.LARS(p, lr=0.1, momentum=0, weight_decay=0), WEIGHT, GRADIENT)
    torch.testing.assert_close(theirs, 0.1 * GRADIENT)


def test_emp_ssls_loss_of_lightly_prefers_collapse():
    installed("lightly")
    loss = importlib.import_module("lightly.loss").EMPSSLLoss
    spread = [torch.nn.functional.normalize(torch.eye(16, 32), dim=1)] * 4
    collapsed = [view[:1].expand(16, -1) for view in spread]
    assert loss()(collapsed) < loss()(spread)
