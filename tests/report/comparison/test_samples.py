"""Every score that a comparison pairs by images is what the finding's own columns give."""

import pytest

from holdfast.report.collect import Measured, collect
from holdfast.report.comparison.differences import sample_of
from holdfast.report.comparison.pairwise import apart_sentences, pair_differences, shortlisted

UNPAIRED = {
    ("quality", "effective_rank"),  # of all features together
    ("balance", "std"),
    ("balance", "worst_class"),
    ("balance", "worst_group"),  # of groups of images, the lowest
    ("balance", "std_above_reference"),  # of two encoders
    ("membership", "overlap"),  # of all images
    ("shortcuts", "margin_median"),  # of ranks
    ("shortcuts", "margin_worst_tenth"),
}
"""Shortlisted scores that are no means over images; the last two are resampled within classes."""


@pytest.fixture(scope="module")
def encoders(toy_folders):
    return collect(toy_folders)


def test_columns_give_every_score_that_stands_for_an_axis(encoders):
    measured = encoders[0].members[0]
    missing = {(a, s) for a, s in shortlisted(encoders) if sample_of(measured, a, s) is None}
    assert {(a, s) for a, s in missing if a != "tail"} == UNPAIRED


@pytest.mark.parametrize(
    ("audit_name", "score"),
    [
        ("quality", "alignment"),
        ("robustness", "pgd_accuracy_8_255"),
        ("robustness", "robust_accuracy_0p1_few"),
        ("invariance", "rotation_whitened_cosine"),
        ("invariance", "cosine"),
        ("memorization", "difference_shared"),
        ("privacy", "auc_cosine"),
    ],
)
def test_columns_give_scores_beyond_the_shortlist(encoders, audit_name, score):
    found = sample_of(encoders[0].members[0], audit_name, score)
    value = encoders[0].members[0].findings[audit_name][score].value
    assert found.score == pytest.approx(value, rel=1e-4)


def test_columns_of_something_else_are_not_taken_for_the_scores(encoders):
    own = encoders[0].members[0].findings["quality"]
    other = type(own)(**{**vars(own), "columns": {**own.columns, "correct": ~own.columns["correct"]}})
    measured = Measured(encoders[0].members[0].folder, {"quality": other})
    assert sample_of(measured, "quality", "linear_accuracy") is None
    assert sample_of(measured, "quality", "knn_accuracy") is not None


def test_two_encoders_have_an_interval_on_every_axis(encoders):
    found = pair_differences(encoders[1], encoders[0])
    with_interval = {d.audit for d in found if d.interval is not None}
    assert {"quality", "balance", "robustness", "invariance", "memorization", "privacy"} <= with_interval
    assert all(d.images[0] <= d.value + 1e-9 and d.value - 1e-9 <= d.images[1] for d in found if d.images)
    said = "\n".join(apart_sentences(encoders))
    assert "no interval to tell by: Effective rank (quality)" in said
    assert "net 1 and net 0 cannot be told apart: " in said
    assert apart_sentences(encoders[:1]) == []
