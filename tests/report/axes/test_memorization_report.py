from dataclasses import replace

import numpy as np
import pytest

from holdfast.findings import Finding, Score
from holdfast.report.axes import trustworthy
from holdfast.report.listed import conclusions
from holdfast.report.pages.memorized import gallery


def score(name, value, interval=None):
    return Score(
        name=name,
        value=value,
        unit="distance",
        range=(-4.0, 4.0),
        better="neither",
        definition="It.",
        interval=interval,
    )


def finding(*, centred=(0.01, 0.03), gap=(0.05, 0.35), discovered=3, pairs=3, external=True, rows=20):
    scores = [score("difference_candidate", 0.02)]
    if external:
        scores += [score("difference_external", 0.0, (-0.001, 0.001)), score("centred_candidate", 0.02, centred)]
    if pairs > 1:
        scores += [score("cross_pair_candidate", 0.3), score("cross_pair_external", 0.1)]
        scores += [] if gap is None else [score("cross_pair_gap", 0.2, gap)]
    scores += [score("discovered", discovered)] if external and pairs > 2 else []
    numbers = np.arange(rows)
    columns = {
        "id": numbers + 100,
        "part": np.where(numbers < 15, "candidate", "external"),
        "ratio": numbers / rows,
        "difference": numbers / 100,
        "loss_f": np.full(rows, 0.3),
        "loss_g": np.full(rows, 0.4),
        "duplicates": np.where(numbers == 14, 3, 1),
        "duplicate_group": numbers,
        "nearest_id": numbers[::-1] + 100,
        "nearest_cosine": np.full(rows, 0.9),
        "knn_density": numbers / rows,
        "label": numbers % 2,
        "label_disagreement": np.where(numbers == 13, 1.0, 0.0),
        "class_count": np.full(rows, 7),
    }
    tables = {"per_class": [{"class": "<cat>", "index": 0}, {"class": "dog", "index": 1}]}
    settings = {"measured_on": "6 encoders trained in 3 pairs", "pairs": pairs, "name": "run <a>"}
    settings |= {"parts": {"candidate": 15, "external": 5}, "external_for_one": 299}
    return Finding(audit="memorization", scores=scores, columns=columns, tables=tables, settings=settings)


def pixels(ids):
    return np.full((len(ids), 8, 8, 3), 100, dtype=np.uint8)


def test_a_clear_effect_that_pairs_agree_on_is_trusted():
    assert trustworthy(finding())
    assert "may be used" in conclusions(finding())[1]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"centred": (-0.01, 0.03)}, "is not above the 95 % interval of the external images"),
        ({"gap": (-0.05, 0.45)}, "no more than on the external images"),
        ({"gap": None}, "measure 20 images or more"),
        ({"centred": None}, "do not say how far their means move by chance"),
        ({"discovered": 0}, "a single one of 15 can from 299 external images on, there are 5"),
        ({"pairs": 2}, "2 pairs are too few"),
        ({"pairs": 1}, "1 pair is too few"),
        ({"external": False}, "no external images"),
    ],
)
def test_each_reason_for_doubt_is_said_plainly(options, words):
    sentence = conclusions(finding(**options))[1]
    assert "the ranking is not trustworthy" in sentence
    assert words in sentence


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (
            -2.0,
            -0.5,
            "costs more than training without as many drawn ones: -1.0 points [-2.0, -0.5] of the linear probe on b",
        ),
        (0.5, 2.0, "costs less than training without as many drawn ones: -1.0 points [+0.5, +2.0]"),
        (-2.0, 0.5, "cannot be told from training without as many drawn ones"),
    ],
)
def test_what_removal_cost_beyond_drawn_images_is_a_conclusion(low, high, words):
    row = {"removed": "top-20", "images": 20, "encoders": 5, "test": "a.npz", "downstream": "b.npz"}
    row |= {"downstream_linear_accuracy_beyond": -1.0, "downstream_linear_accuracy_beyond_low": low}
    row |= {"downstream_linear_accuracy_beyond_high": high}
    drawn = {"removed": "random-20", "images": 20, "downstream_linear_accuracy_beyond_low": None}
    (said,) = conclusions(replace(finding(), tables={"removal": [row, drawn]}))[2:]
    assert said.startswith("Training without the 20 images memorised most ")
    assert words in said
    assert said.endswith("5 pairs.")


def test_every_conclusion_begins_with_what_was_measured():
    assert conclusions(finding())[0] == "Measured on 6 encoders trained in 3 pairs."
    assert conclusions(Finding(audit="quality", scores=[])) == []


def test_an_attack_that_found_nothing_is_not_called_private():
    scores = [score("auc_cosine", 0.51, (0.48, 0.54)), score("auc_difference", 0.7, (0.66, 0.74))]
    said = conclusions(Finding(audit="privacy", scores=scores, settings={"measured_on": "pairs"}))
    assert "found nothing, which is no proof" in said[1]
    assert "tells members from others" in said[2]


def test_the_gallery_shows_candidates_from_both_ends_with_what_to_do(tmp_path):
    page = gallery(finding(), pixels, tmp_path / "gallery.html", shown_images=4).read_text()
    most, least = page.split("Memorised least")
    assert [number for number in range(100, 120) if f"<bdi>id {number}</bdi></h3>" in most] == [111, 112, 113, 114]
    assert [number for number in range(100, 120) if f"<bdi>id {number}</bdi></h3>" in least] == [100, 101, 102, 103]
    assert "near-duplicates: remove them" in most
    assert "mislabelled or atypical" in most
    assert "few like it" in least
    assert "&lt;cat&gt;" in page
    assert "run &lt;a&gt;" in page


def test_the_gallery_says_first_where_the_order_means_nothing(tmp_path):
    page = gallery(finding(gap=(-0.1, 0.1)), pixels, tmp_path / "gallery.html").read_text()
    assert "Nothing can be concluded" in page.split("<h2>")[0]
    assert "this order is not trustworthy" in page


def test_the_gallery_asks_no_network_for_anything(tmp_path):
    page = gallery(finding(), pixels, tmp_path / "gallery.html").read_text()
    assert "http:" not in page
    assert "https:" not in page
    assert page.count("data:image/png;base64,") == 2 * 15 * 2


def test_an_attack_on_too_few_images_is_no_finding():
    auc = score("auc_cosine", 0.9)
    few = Finding(audit="privacy", scores=[auc], columns={"id": np.arange(3)}, settings={"measured_on": "2 encoders"})
    assert conclusions(few)[1] == "Of the cosine attack nothing can be concluded: under ten images of a side."
    many = Finding(audit="privacy", scores=[replace(auc, interval=(0.6, 1.0))], columns={}, settings=few.settings)
    assert conclusions(many)[1].startswith("The cosine attack tells members from others: AUC 0.9")
