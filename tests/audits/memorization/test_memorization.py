import numpy as np
import pytest
import torch
from torch import nn
from toy_audits import small_network, toy_images, toy_pairs

from holdfast.audits import Pairs, audit
from holdfast.config import ViewSettings
from holdfast.data import Images
from holdfast.models import create_encoder
from holdfast.statistics import empirical_p

PLAIN = ViewSettings(jitter=0, grey=0, crop_min=0.3)


def measured(pairs, axis="memorization", **options):
    return audit(options.pop("encoder", small_network()), toy_images(sited=False), axes=[axis], pairs=pairs, **options)[
        0
    ]


class Recognises(nn.Module):
    """One point for every view of a known image (told by its own blue level), and pixels for all others."""

    def __init__(self, images: Images, known: torch.Tensor):
        super().__init__()
        self.levels = images.select(known).floats()[:, 2, 0, 0]

    def forward(self, images):
        blue = images[:, 2].mean((1, 2))
        known = (blue[:, None] - self.levels).abs().min(1).values < 1e-3
        return torch.where(known[:, None], torch.ones_like(images.flatten(1)), images.flatten(1))


def levelled_images(count=200):
    """Noise in red and green over a blue level that no other image has."""
    pixels = torch.randint(0, 256, (count, 3, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    pixels[:, 2] = torch.arange(count, dtype=torch.uint8)[:, None, None]
    return Images.of(pixels, torch.arange(count) % 4, classes=("a", "b", "c", "d"))


def perfect_pairs(count=3):
    images = levelled_images()
    shared, candidate, independent, external = images.ids.split(50)
    f, g = (Recognises(images, torch.cat([shared, own])) for own in (candidate, independent))
    parts = {"shared": shared, "candidate": candidate, "independent": independent, "external": external}
    return Pairs(encoders=[(f, g)] * count, images=images, parts=parts, views=PLAIN)


def values(finding):
    return {score.name: score.value for score in finding.scores}


def test_encoders_that_recognise_their_images_are_known_by_hand():
    found = values(measured(perfect_pairs()))
    assert found["ratio_candidate"] == 1
    assert found["difference_shared"] == found["difference_external"] == 0
    assert found["difference_candidate"] == pytest.approx(-found["difference_independent"], rel=0.1)
    assert found["auc_external"] == 1
    assert found["discovered"] == 50


def test_membership_of_recognised_images_is_caught():
    found = values(measured(perfect_pairs(), "privacy"))
    for attack in ("cosine", "difference", "averaged"):
        assert found[f"auc_{attack}"] == 1
        assert found[f"attack_accuracy_{attack}"] == 1
    assert not any(name.startswith("tpr") for name in found)  # 50 non-members are too few for a rate of 1 %


def test_identical_encoders_memorise_nothing_and_tell_nothing():
    pairs = toy_pairs()
    same = Pairs(encoders=[(f, f) for f, _ in pairs.encoders], images=pairs.images, parts=pairs.parts)
    found = values(measured(same))
    for name in ("ratio_candidate", "difference_candidate", "difference_external", "effect_size", "discovered"):
        assert found[name] == 0
    assert values(measured(same, "privacy"))["auc_difference"] == 0.5


def test_swapping_f_and_g_negates_every_image():
    pairs = toy_pairs()
    swapped = Pairs(encoders=[(g, f) for f, g in pairs.encoders], images=pairs.images, parts=pairs.parts)
    first, second = (measured(p).columns for p in (pairs, swapped))
    np.testing.assert_allclose(first["difference"], -second["difference"], atol=1e-12)
    np.testing.assert_allclose(first["ratio"], -second["ratio"], atol=1e-12)


def test_random_networks_are_in_the_null():
    finding = measured(toy_pairs())
    low, high = finding["centred_candidate"].interval
    assert low < 0 < high
    low, high = measured(toy_pairs(), "privacy")["auc_averaged"].interval
    assert low < 0.5 < high


def test_columns_agree_with_scores_and_with_each_other():
    finding = measured(toy_pairs())
    columns, candidate = finding.columns, finding.columns["part"] == "candidate"
    assert finding["difference_candidate"].value == pytest.approx(columns["difference"][candidate].mean())
    np.testing.assert_allclose(columns["loss_g"] - columns["loss_f"], columns["difference"], atol=1e-12)
    external = columns["part"] == "external"
    assert columns["difference_centred"][external].mean() == pytest.approx(0, abs=1e-12)
    assert np.isfinite(columns["p"][candidate]).all()
    assert np.isnan(columns["p"][~candidate]).all()
    assert (columns["nearest_id"] != columns["id"]).all()
    assert columns["class_count"][external].max() <= (~external).sum()
    np.testing.assert_allclose(columns["se_pairs"], columns["sd_pairs"] / np.sqrt(3))


def test_a_mislabelled_image_stands_out_by_its_neighbours():
    pairs = toy_pairs()
    labels = pairs.images.labels.clone()
    wrong = int(pairs.parts["candidate"][0])
    labels[pairs.images.positions(torch.tensor([wrong]))] = 5
    images = Images(pixels=pairs.images.pixels, ids=pairs.images.ids, labels=labels, classes=pairs.images.classes)
    pairs = Pairs(encoders=pairs.encoders, images=images, parts=pairs.parts)
    columns = measured(pairs, encoder=Reds()).columns
    assert columns["label_disagreement"][columns["id"] == wrong] == 1
    assert np.median(columns["label_disagreement"]) == 0


class Reds(nn.Module):
    """An image's red as an angle: classes are apart."""

    def forward(self, images):
        red = images[:, 0].mean((1, 2))
        return torch.stack([red.cos(), red.sin()], 1)


def test_near_duplicates_are_counted():
    pairs = toy_pairs()
    pixels = pairs.images.pixels.clone()
    pixels[4] = pixels[1]
    images = Images(pixels=pixels, ids=pairs.images.ids, labels=pairs.images.labels, classes=pairs.images.classes)
    columns = measured(Pairs(encoders=pairs.encoders, images=images, parts=pairs.parts)).columns
    assert columns["duplicates"][[1, 4]].tolist() == [2, 2]
    assert columns["duplicate_group"][1] == columns["duplicate_group"][4]


def test_one_pair_gives_means_and_no_ranks():
    finding = measured(toy_pairs(1))
    assert "p" not in finding.columns
    assert "discovered" not in values(finding)
    assert "cross_pair_candidate" not in values(finding)
    assert "sd_pairs" not in finding.columns


def test_layers_and_units_of_timm_encoders_are_tabled():
    images = toy_pairs().images
    encoders = [
        [create_encoder("timm/resnet10t", image_size=8, seed=seed + pair) for seed in (0, 9)] for pair in range(2)
    ]
    pairs = Pairs(encoders=[(f, g) for f, g in encoders], images=images, parts=toy_pairs().parts)
    finding = measured(pairs)
    layers, units = finding.tables["layers"], finding.tables["units"]
    assert [row["kind"] for row in layers] == ["stem"] + ["post-residual"] * 4
    assert layers[0]["step"] is None
    assert layers[1]["step"] == pytest.approx(layers[1]["layer_memorization"] - layers[0]["layer_memorization"])
    assert layers[-1]["layer_memorization"] == pytest.approx(finding["ratio_candidate"].value, abs=1e-5)
    assert [len(row["unit_memorization"]) for row in units] == [row["units"] for row in layers]
    assert all(0 <= value <= 1 for row in units for value in row["unit_memorization"])


def test_signed_units_are_refused_with_the_reason():
    images = toy_pairs().images
    pair = tuple(create_encoder("timm/test_vit", image_size=8, seed=seed) for seed in (0, 1))
    layers = measured(Pairs(encoders=[pair], images=images, parts=toy_pairs().parts)).tables["layers"]
    assert {row["unit_mean"] for row in layers} == {None}
    assert all("non-negative" in row["note"] for row in layers)


def test_without_pairs_the_axes_are_left_out_or_refused_with_what_is_needed():
    findings = audit(
        small_network(), toy_images(sited=False), axes=None, few_shot_ids=None, attack_steps=1, square_queries=1
    )
    assert not {"memorization", "privacy"} & {finding.audit for finding in findings}
    for axis in ("memorization", "privacy"):
        with pytest.raises(ValueError, match="holdfast memorization RUN"):
            measured(None, axis)


def test_without_external_images_there_is_no_null_and_no_privacy():
    pairs = toy_pairs()
    parts = {name: ids for name, ids in pairs.parts.items() if name != "external"}
    pairs = Pairs(encoders=pairs.encoders, images=pairs.images, parts=parts)
    assert "centred_candidate" not in values(measured(pairs))
    with pytest.raises(ValueError, match="non-members"):
        measured(pairs, "privacy")


def test_parts_that_overlap_are_refused():
    pairs = toy_pairs()
    with pytest.raises(ValueError, match="different ids"):
        Pairs(encoders=pairs.encoders, images=pairs.images, parts={**pairs.parts, "shared": pairs.parts["candidate"]})
    with pytest.raises(ValueError, match="candidate among them"):
        Pairs(encoders=pairs.encoders, images=pairs.images, parts={"shared": pairs.parts["shared"]})
    with pytest.raises(ValueError, match="neither planted nor has a planted near-duplicate, got none among 0"):
        Pairs(encoders=pairs.encoders, images=pairs.images, parts={**pairs.parts, "candidate": torch.arange(0)})
    with pytest.raises(ValueError, match="got none among"):
        Pairs(encoders=pairs.encoders, images=pairs.images, parts=pairs.parts, planted=pairs.parts["candidate"].clone())
    with pytest.raises(ValueError, match="at least one pair"):
        Pairs(encoders=[], images=pairs.images, parts=pairs.parts)


def test_findings_say_that_they_are_of_pair_encoders():
    for axis in ("memorization", "privacy"):
        settings = measured(toy_pairs(), axis).settings
        assert "6 encoders trained in 3 pairs" in settings["measured_on"]
        assert len(settings["pair_checksums"]) == 3
        assert settings["parts"] == {"shared": 59, "candidate": 29, "independent": 29, "external": 58}


def test_rates_at_1_percent_need_500_non_members_and_name_what_they_rest_on():
    images = toy_images((100,) * 6, seed=2, first_id=5000)
    parts = {"candidate": images.ids[:100], "external": images.ids[100:]}
    finding = measured(Pairs(encoders=[(small_network(1), small_network(2))], images=images, parts=parts), "privacy")
    said = finding["tpr_at_1pct_fpr_cosine"].definition
    assert "rests on 5 false positives of 500 non-members" in said
    assert "takes some 1.2 % of other non-members: it reads a little high" in said
    assert "tpr_at_0_1pct_fpr_cosine" not in values(finding)
    curve = [row for row in finding.tables["roc"] if row["attack"] == "cosine"]
    assert curve[-1]["tpr"] == curve[-1]["fpr"] == 1


def test_images_without_labels_are_scored_without_classes():
    pairs = toy_pairs()
    images = Images(pixels=pairs.images.pixels, ids=pairs.images.ids)
    finding = measured(Pairs(encoders=pairs.encoders, images=images, parts=pairs.parts))
    assert finding.tables["per_class"] == []
    assert not {"label", "class_count", "label_disagreement"} & set(finding.columns)
    assert not any(name.startswith("class_size") for name in values(finding))


def test_fewer_images_of_a_class_that_are_memorised_more_give_a_negative_correlation():
    pairs = perfect_pairs()
    rare = torch.cat([pairs.parts["candidate"][:10], pairs.parts["shared"][:5]])
    known = torch.cat([pairs.parts["shared"], pairs.parts["candidate"][:10]])
    labels = torch.isin(pairs.images.ids, rare).long()
    images = Images(pixels=pairs.images.pixels, ids=pairs.images.ids, labels=labels, classes=("common", "rare"))
    encoders = [(Recognises(images, known), Recognises(images, pairs.parts["shared"]))]
    finding = measured(Pairs(encoders=encoders, images=images, parts=pairs.parts, views=PLAIN))
    assert finding["class_size"].value == pytest.approx(-1)
    assert finding["class_size"].interval is None, "two classes say nothing of others"
    assert {row["class"]: row["ratio"] for row in finding.tables["per_class"]} == {"common": 0, "rare": 1}


def test_rank_p_q_and_reliability_are_of_the_ratio():
    finding = measured(toy_pairs())
    columns, part = finding.columns, finding.columns["part"]
    own, null = (columns["ratio"][part == name] for name in ("candidate", "external"))
    np.testing.assert_allclose(columns["p"][part == "candidate"], empirical_p(own, null))
    assert finding["discovered"].value == (columns["q"][part == "candidate"] <= 0.05).sum()
    assert finding["cross_pair_gap"].value == pytest.approx(
        finding["cross_pair_candidate"].value - finding["cross_pair_external"].value
    )
    assert "from 579 external images on, of which there are 58" in finding["discovered"].definition
    assert finding.settings["external_for_one"] == 579
