"""Every score that a comparison pairs by images is what the finding's own columns give."""

import pytest
from toy_audits import small_network, toy_images, toy_pairs

from holdfast.audits import audit
from holdfast.report.collect import Measured, collect
from holdfast.report.comparison.pairwise import apart_sentences, pair_differences, shortlisted
from holdfast.report.comparison.samples import sample

QUICK = {
    **{"attack_images": 30, "attack_steps": 2, "attack_restarts": 1, "attack_eps": ("8/255", "0.1")},
    **{"square_images": 6, "square_queries": 5, "drift_images": 8, "corruption_images": 8, "shift_images": 12},
}
UNPAIRED = {
    ("quality", "effective_rank"),  # of all features together
    ("balance", "std"),
    ("balance", "worst_class"),
}
"""Shortlisted scores that are no means over images; the last two are resampled within classes."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two random networks measured on every axis."""
    root = tmp_path_factory.mktemp("samples")
    test, pairs = toy_images((20,) * 6, seed=1, first_id=1000), toy_pairs(1)
    for seed in (0, 1):
        findings = audit(small_network(seed), toy_images(), test=test, pairs=pairs, name=f"net {seed}", **QUICK)
        for finding in findings:
            finding.save(root / str(seed))
    return [root / "0", root / "1"]


@pytest.fixture(scope="module")
def encoders(folders):
    return collect(folders)


def test_columns_give_every_score_that_stands_for_an_axis(encoders):
    measured = encoders[0].members[0]
    missing = {(a, s) for a, s in shortlisted(encoders) if sample(measured, a, s) is None}
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
    found = sample(encoders[0].members[0], audit_name, score)
    value = encoders[0].members[0].findings[audit_name][score].value
    assert found.score == pytest.approx(value, rel=1e-4)


def test_columns_of_something_else_are_not_taken_for_the_scores(encoders):
    own = encoders[0].members[0].findings["quality"]
    other = type(own)(**{**vars(own), "columns": {**own.columns, "correct": ~own.columns["correct"]}})
    measured = Measured(encoders[0].members[0].folder, {"quality": other})
    assert sample(measured, "quality", "linear_accuracy") is None
    assert sample(measured, "quality", "knn_accuracy") is not None


def test_two_encoders_have_an_interval_on_every_axis(encoders):
    found = pair_differences(encoders[1], encoders[0])
    with_interval = {d.audit for d in found if d.interval is not None}
    assert {"quality", "balance", "robustness", "invariance", "memorization", "privacy"} <= with_interval
    assert all(d.images[0] <= d.value + 1e-9 and d.value - 1e-9 <= d.images[1] for d in found if d.images)
    said = "\n".join(apart_sentences(encoders))
    assert "no interval to tell by: Effective rank (quality)" in said
    assert "net 1 and net 0 cannot be told apart: " in said
    assert apart_sentences(encoders[:1]) == []
