"""Planted images are in no number but those of their own table, and page and card say that there are some."""

import json

import numpy as np

from holdfast.audits import audit, load_pairs
from holdfast.data import load_images
from holdfast.findings import Finding
from holdfast.report import card


def found(studied):
    return Finding.load(studied / "findings" / "memorization.json")


def test_scores_are_those_of_the_images_that_were_not_planted(studied):
    finding, record = found(studied), json.loads((studied / "memorization" / "study.json").read_text())
    planted = {place for place, source in enumerate(record["planted"]["source_ids"]) if source < 0}
    planted |= {i for members in record["planted"]["kinds"].values() for i in members}
    columns = finding.columns
    assert set(columns["id"][columns["part"] == "planted"].tolist()) == planted
    own = [i for i, part in zip(columns["id"], columns["part"], strict=True) if part == "candidate"]
    assert set(own) == set(record["parts"]["candidate"]) - planted
    mean = columns["ratio"][columns["part"] == "candidate"].mean()
    assert finding["ratio_candidate"].value == np.float64(mean)
    assert finding.settings["parts"]["candidate"] == len(own)
    assert finding.settings["planted_images"] == len(planted)
    assert sum(row["candidates"] for row in finding.tables["per_class"]) == len(own)


def test_privacy_counts_no_planted_image_as_a_member(studied):
    privacy, memorization = Finding.load(studied / "findings" / "privacy.json"), found(studied).columns
    planted = set(memorization["id"][memorization["part"] == "planted"].tolist())
    assert not planted & set(privacy.columns["id"].tolist())


def test_a_real_images_nearest_is_no_planted_one(studied):
    columns = found(studied).columns
    planted = columns["part"] == "planted"
    assert not set(columns["nearest_id"][~planted].tolist()) & set(columns["id"][planted].tolist())


def test_the_table_ranks_planted_candidates_among_all(studied):
    table = {row["kind"]: row for row in found(studied).tables["planted"]}
    assert set(table) == {"noise", "twin_shared", "twin_candidate", "others"}
    assert all(0 <= row["percentile"] <= 100 for row in table.values())


def test_page_and_card_say_that_some_were_planted(studied, said, tmp_path):
    said(f"report {studied} --out {tmp_path / 'page.html'}")
    assert "were planted or have a planted near-duplicate" in (tmp_path / "page.html").read_text()
    axes = {axis["axis"]: axis for axis in card(studied)["axes"]}
    assert any("planted" in warning for warning in axes["memorization"]["warnings"])
    said(f"card {studied} --out {tmp_path / 'card'}")
    assert "were planted" in (tmp_path / "card" / "README.md").read_text()


def test_where_none_are_planted_no_part_is_called_so(studied):
    pairs = load_pairs(studied / "memorization")
    plain = type(pairs)(encoders=pairs.encoders, images=pairs.images, parts=pairs.parts, views=pairs.views)
    images = load_images("digits", size=8, limit=120)
    (finding,) = audit(str(studied), images, axes=["memorization"], pairs=plain, views=4)
    assert "planted" not in set(finding.columns["part"])
    assert finding.settings["planted_images"] == 0
    assert finding["ratio_candidate"].value != found(studied)["ratio_candidate"].value
