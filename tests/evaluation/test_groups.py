import numpy as np
import pytest
import torch

from holdfast.evaluation import class_accuracy, group_metrics, over_runs
from holdfast.statistics import group_statistics

GROUPS = {"many": [0, 1], "medium": [2], "few": [3, 4]}


def test_accuracy_by_class_is_nan_without_images():
    labels = torch.tensor([0, 0, 0, 0, 2])
    accuracy, counts = class_accuracy(torch.tensor([1, 1, 1, 0, 0]).bool(), labels, classes=3)
    np.testing.assert_array_equal(accuracy, [75, np.nan, 0])
    np.testing.assert_array_equal(counts, [4, 0, 1])


def test_equal_accuracies_have_no_spread():
    metrics = group_metrics([64.0] * 7, [700, 300, 100, 50, 20, 10, 5])
    assert metrics["std"] == 0
    assert {metrics[name] for name in ("all", "many", "medium", "few", "worst_class")} == {64.0}


def test_a_groups_size_does_not_change_its_weight():
    small = group_metrics([90, 60, 30], [100, 50, 10])
    large = group_metrics([90, 90, 90, 60, 30], [103, 102, 101, 50, 10], rule="thresholds")
    assert small["std"] == pytest.approx(large["std"])
    assert large["all"] == pytest.approx(72)


def test_an_empty_group_is_left_out():
    metrics = group_metrics([90, 80, 30], [400, 300, 10], rule="thresholds")
    assert set(metrics) == {"all", "many", "few", "std", "worst_class"}
    assert metrics["std"] == pytest.approx(27.5)
    assert "std" not in group_metrics([90, 80], [400, 300], rule="thresholds")


def test_a_class_without_test_images_is_left_out():
    values = group_statistics(np.array([80, np.nan, 60, 50, 40]), GROUPS)
    assert values["many"] == 80
    assert values["all"] == 57.5
    assert values["worst_class"] == 40


def test_counts_of_other_classes_are_refused():
    with pytest.raises(ValueError, match="one count per class"):
        group_metrics([1.0, 2.0], [1, 2, 3])


def test_runs_are_averaged_over_what_all_of_them_have():
    runs = over_runs([{"all": 1.0, "few": 3.0}, {"all": 5.0}])
    assert runs == {"mean": {"all": 3.0}, "spread": {"all": 2.0}}
