"""Comparisons: over the same images, by the same protocol, and plain about what cannot be told apart."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from holdfast.findings import Finding, Score
from holdfast.report import compare, report
from holdfast.report.collect import Encoder, Measured, collect
from holdfast.report.comparison import cautions
from holdfast.report.comparison.comparability import measured_differently
from holdfast.report.comparison.differences import difference
from holdfast.report.listed import label

STARTS = ("Not comparable", "Measured differently")


def robust_finding(name, rights, robusts, **settings):
    """A finding of 100 test images, 80 of them attacked; that many are right, and robust at 8/255."""
    ranks = np.random.default_rng(0).permutation(80)
    attacked = np.arange(100) < 80
    right, robust = (np.where(attacked, np.pad(ranks < count, (0, 20)), -1) for count in (rights, robusts))
    scores = [
        Score(
            name=score,
            value=100 * count / 80,
            unit="percent",
            range=(0.0, 100.0),
            better="higher",
            definition="Share of attacked test images.",
            interval=(0.0, 100.0),
            interval_over="attacked test images (Wilson)",
        )
        for score, count in {"clean_accuracy": rights, "robust_accuracy_8_255": robusts}.items()
    ]
    columns = {
        "id": np.arange(100),
        "attacked": attacked,
        "right": right.astype(int),
        "robust_8_255": robust.astype(int),
    }
    plain = {"name": name, "attack_eps": ["8/255"], "attack_head": "slf", "test_checksum": "same", "warnings": []}
    return Finding(audit="robustness", scores=scores, columns=columns, settings=plain | settings)


@pytest.fixture
def folders(tmp_path):
    """Writes two audit folders and returns them."""

    def write(**changes):
        robust_finding("plain", 70, 10).save(tmp_path / "plain")
        robust_finding("hardened", 60, 50, **changes).save(tmp_path / "hardened")
        return [tmp_path / "plain", tmp_path / "hardened"]

    return write


def over_images(encoder, baseline, name):
    score = baseline.members[0].findings["robustness"][name]
    return difference(encoder, baseline, "robustness", score).images


def test_a_paired_interval_holds_the_difference_over_attacked_images(folders):
    baseline, encoder = collect(folders())
    low, high = over_images(encoder, baseline, "robust_accuracy_8_255")
    assert 35 < low < 50 < high < 65
    low, high = over_images(encoder, baseline, "clean_accuracy")
    assert low < -12.5 < high < 0


def test_the_comparison_says_who_withstands_more(folders):
    rows = [row for row in compare(folders()).text.splitlines() if "Robust accuracy at 8/255" in row]
    assert any("+50.0 points" in row and "hardened is better" in row for row in rows)


def test_encoders_attacked_differently_are_not_compared(folders, tmp_path):
    paths = folders(attack_head="alf")
    baseline, encoder = collect(paths)
    assert measured_differently("robustness", encoder, baseline) == "attack head is alf for hardened, slf for plain"
    assert measured_differently("quality", encoder, baseline) is None
    text = compare(paths).text
    assert "hardened is better" not in text
    assert "Measured differently, robustness: attack head is alf for hardened, slf for plain." in text
    assert "with the same --budget" in text


def test_what_cannot_be_told_apart_is_said_for_every_pair(tmp_path):
    for name, right in (("a", 70), ("b", 71), ("c", 20)):
        robust_finding(name, right, right).save(tmp_path / name)
    text = compare([tmp_path / name for name in "abc"]).text
    both = "Clean accuracy and Robust accuracy at 8/255 (robustness)"
    assert f"b and a cannot be told apart: {both}." in text
    assert f"a is better than c: {both}." in text
    assert f"b is better than c: {both}." in text
    assert "of twenty scores of equal encoders about one looks different" in text


@pytest.mark.parametrize("paired", [True, False])
def test_encoders_of_two_seeds_lie_no_further_apart_than_the_scores_range(paired, folders):
    baseline, encoder = collect(folders())
    own, other = (group.members[0].findings for group in (encoder, baseline))
    far = {"robustness": robust_finding("hardened", 60, 5)}

    def of_seeds(place, findings, first):
        members = [Measured(Path(f"{first}"), one, run={"seed": seed}) for seed, one in enumerate(findings, first)]
        return Encoder("ab"[place], place, tuple(members))

    apart = of_seeds(1, [own, far], 0 if paired else 5), of_seeds(0, [other, other], 0)
    found = difference(*apart, "robustness", other["robustness"]["robust_accuracy_8_255"])
    assert found.value == pytest.approx(100 * ((50 + 5) / 2 - 10) / 80)
    assert found.interval == (-100.0, 100.0)


def test_other_test_images_are_refused_in_a_line(folders):
    with pytest.raises(ValueError, match="hardened and plain were measured on different test images; audit them alike"):
        compare(folders(test_checksum="other"))


def test_images_in_another_order_or_of_other_attacks_are_not_paired(folders, tmp_path):
    baseline, encoder = collect(folders())
    moved = robust_finding("moved", 60, 50)
    moved.columns["attacked"][:5] = False
    moved.save(tmp_path / "moved")
    other = collect([tmp_path / "plain", tmp_path / "moved"])[1]
    assert over_images(encoder, baseline, "robust_accuracy_8_255") is not None
    assert over_images(other, baseline, "robust_accuracy_8_255") is None


def test_warnings_of_the_audit_stand_on_the_page_and_in_the_comparison(folders, tmp_path):
    paths = folders(warnings=["gradient masking: at 8/255, Square broke 3 of 60 right images that PGD did not break"])
    page = report(paths, tmp_path / "page.html").read_text()
    assert "hardened: gradient masking: at 8/255, Square broke 3 of 60 right images" in page
    assert "hardened: gradient masking" in compare(paths).text
    assert "Robust accuracy at 8/255" in page


@pytest.mark.parametrize(
    ("score", "words"),
    [
        ("pgd_accuracy_8_255", "PGD accuracy at 8/255"),
        ("robust_accuracy_4_255_few", "Robust accuracy at 4/255 few"),
        ("robust_accuracy_0p5", "Robust accuracy 0p5"),
        ("clean_accuracy", "Clean accuracy"),
    ],
)
def test_scores_of_a_budget_are_read_aloud(score, words):
    assert label(score) == words


@pytest.mark.parametrize("protocols", [("lbfgs", "lbfgs"), ("lbfgs", "lbfgs", "ridge")])
def test_encoders_of_one_name_have_names_of_their_own(protocols, tmp_path):
    folders = [tmp_path / f"{place}" / "toy" for place in range(len(protocols))]
    for place, (folder, protocol) in enumerate(zip(folders, protocols, strict=True)):
        robust_finding("toy", 60, 20 + place, protocol=protocol, encoder_checksum=f"e{place}").save(folder)
    names = [encoder.name for encoder in collect(folders)]
    assert len(set(names)) == len(protocols)
    assert all(str(folder) in name or "protocol ridge" in name for folder, name in zip(folders, names, strict=True))


def test_encoders_of_other_test_images_are_one_line_with_one_remedy(tmp_path):
    for name, images, checksum in (("a", 40, "x"), ("b", 42, "y"), ("c", 42, "y")):
        own = {"test_checksum": checksum, "attack_images": images, "drift_images": images}
        robust_finding(name, 70, 10, **own).save(tmp_path / name)
    said = [line for line in cautions(collect([tmp_path / name for name in "abc"])) if line.startswith(STARTS)]
    assert said == [
        "Not comparable: different test images: a against b and c. No differences are given between them; audit them "
        "alike: holdfast audit RUN RUN --test FILE."
    ]


def test_one_setting_in_which_several_encoders_differ_is_one_line(tmp_path):
    for name, steps in (("a", 10), ("b", 20), ("c", 20), ("d", 10)):
        finding = robust_finding(name, 70, 10, attack_steps=steps, shift_images=steps, probe_images=steps)
        finding.save(tmp_path / name)
        replace(finding, audit="invariance").save(tmp_path / name)
    said = [line for line in cautions(collect([tmp_path / name for name in "abcd"])) if line.startswith(STARTS)]
    assert said == [
        "Measured differently, invariance and robustness: probe images is 20 for b and c, 10 for a and d. No "
        "differences are given for them; measure both with the same --budget."
    ]
