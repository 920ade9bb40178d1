"""Encoders whose treatment of the rare is known by hand, and what is said without labels."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from toy_audits import small_network, toy_images

from holdfast.audits import audit
from holdfast.audits.subject.views import Viewed
from holdfast.data import Images
from holdfast.evaluation.density import density_groups

COUNTS = (200, 120, 60, 30, 15, 10)
TEST = toy_images((40,) * 6, seed=1, source="test", first_id=1000)


class PlacesByClass(nn.Module):
    """A place on the sphere by the image's class with a little of its noise: rare classes lie in sparse places."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.register_buffer("places", torch.randn(6, 12, generator=generator))
        self.register_buffer("noise", torch.randn(2, 12, generator=generator))

    def forward(self, images: Tensor) -> Tensor:
        classes = ((images[:, 0].mean((1, 2)) * 255 - 20) / 40).round().clamp(0, 5).long()
        places, noise = self.get_buffer("places"), self.get_buffer("noise")
        return places[classes] + (images[:, 1:].mean((2, 3)) - 0.5) @ noise


def tail(encoder, images=None, **options):
    (finding,) = audit(encoder, images or toy_images(COUNTS), test=options.pop("test", TEST), axes=["tail"], **options)
    return finding


def unlabelled(images: Images) -> Images:
    return Images(images.pixels, images.ids)


def test_density_finds_the_rare_classes_where_they_lie_in_sparse_places():
    finding = tail(PlacesByClass())
    assert finding["few_auc_density"].value > 0.9
    assert finding["few_lift"].value > 3
    rows = {(row["images"], row["by"]): row for row in finding.tables["validation"]}
    assert set(rows) == {(images, by) for images in ("training", "test") for by in ("density", "clusters")}
    assert rows["training", "density"]["base_share"] == pytest.approx(25 / 435)
    assert rows["training", "density"]["few_images"] == 25
    by_group = [row["few_share"] for row in finding.tables["density"]]
    assert by_group[0] > by_group[-1]


@pytest.mark.parametrize("moved", ["rare", "common"])
def test_whom_an_encoder_moves_more_is_found_without_labels(moved, monkeypatch):
    def views(test, features_of, **_) -> Viewed:
        """Views of which one is moved off for some classes, though the audit cannot know which these are."""
        labels = TEST.labels[:, None].float()
        far = {"rare": labels, "common": 5 - labels}[moved]
        features = features_of(test)
        step = torch.zeros_like(features)
        step[:, 0] = features.norm(dim=1)
        return Viewed(torch.arange(len(TEST)), torch.stack([features, features + 0.002 * 6.0**far * step], 1), "cifar")

    monkeypatch.setattr("holdfast.audits.subject.subject.view_features", views)
    finding = tail(PlacesByClass(), unlabelled(toy_images(COUNTS)), test=unlabelled(TEST))
    trend, gap = finding["alignment_trend"], finding["alignment_gap"]
    if moved == "rare":
        assert trend.interval[0] > 0 and gap.interval[0] > 0
    else:
        assert trend.interval[1] < -0.3 and gap.interval[1] < 0


def test_a_blind_encoder_serves_all_alike():
    class Blind(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return torch.ones(len(images), 4)

    finding = tail(Blind())
    assert finding["alignment_gap"].value == finding["alignment_trend"].value == 0
    assert finding["consistency"].value == 1
    assert finding["cluster_imbalance"].value == 1


def test_without_labels_nothing_is_said_of_classes():
    finding = tail(small_network(), unlabelled(toy_images(COUNTS)), test=unlabelled(TEST))
    assert not [score.name for score in finding.scores if score.name.startswith("few_")]
    assert finding.tables["validation"] == []
    assert "class_ari" not in finding.tables["clusters"][0] and "few_share" not in finding.tables["density"][0]
    assert "few_class" not in finding.columns


def test_density_is_of_the_images_that_the_encoder_was_trained_on():
    images = toy_images(COUNTS)
    some = images.ids[images.labels != 0]
    whole, part = tail(PlacesByClass(), images), tail(PlacesByClass(), images, train_ids=some)
    assert whole.settings["reference"] == "probe images" and whole.settings["reference_images"] == 435
    assert part.settings["reference"] == "training images" and part.settings["reference_images"] == 235
    common = np.asarray(TEST.labels) == 0
    assert part.columns["density_distance"][common].min() > whole.columns["density_distance"][common].max()


def test_groups_by_density_are_tenths_and_the_columns_say_who_is_in_them():
    finding = tail(small_network())
    groups = finding.columns["density_group"]
    assert np.array_equal(groups, density_groups(finding.columns["density_distance"], 10))
    assert [row["images"] for row in finding.tables["density"]] == [24] * 10
    row = finding.tables["density"][0]
    inside = finding.columns["view_distance"][groups == 1]
    assert row["alignment"] == pytest.approx(inside.mean())
    assert row["alignment_low"] < row["alignment"] < row["alignment_high"]


def test_several_numbers_of_clusters_are_shown_with_their_stability():
    finding = tail(PlacesByClass())
    rows = finding.tables["clusters"]
    assert [row["clusters"] for row in rows] == [5, 10, 20]
    assert finding.settings["clusters"] == 10
    assert all(row["stability_low"] <= row["stability"] <= row["stability_high"] for row in rows)
    assert max(row["class_ari"] for row in rows) > 0.5
    groups = finding.tables["cluster_groups"]
    assert {row["group"] for row in groups} <= {"many", "medium", "few"}
    assert sum(row["training_images"] for row in groups) <= 435


def test_the_rarest_training_images_are_listed_by_id():
    finding = tail(PlacesByClass())
    listed = finding.tables["rarest"]
    assert len(listed) == 100
    assert [row["distance"] for row in listed] == sorted((row["distance"] for row in listed), reverse=True)
    labels = toy_images(COUNTS).labels
    assert np.mean([int(labels[row["id"]]) >= 4 for row in listed[:25]]) > 0.5


def test_few_images_have_few_groups_and_no_clusters():
    images = toy_images((6, 5))
    finding = tail(small_network(), images, test=toy_images((4, 4), seed=1, first_id=500))
    assert finding.tables["clusters"] == finding.tables["cluster_groups"] == []
    assert len(finding.tables["density"]) == 2
    assert finding.settings["clusters"] is None and "cluster" not in finding.columns
