"""Attribute inference by a fresh attacker: what it reads where the answer is known by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_audits import ReadsTheClass, bare_subject, small_network, toy_images, toy_pairs

from holdfast.audits import AUDITS, audit
from holdfast.data.images import Subgroups
from holdfast.data.labels import NO_GROUP
from holdfast.evaluation.inference import read_attribute
from holdfast.report.conclusions import of_privacy


class ReadsTheSite(torch.nn.Module):
    """Two features that tell the site that `sited` paints into the blue of a corner, a little noisily."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.stack([images[:, 2, 0, 0], images[:, 1, 3, 3]], 1)


def sited(seed: int, shares: tuple[int, ...] = (1, 1)):
    """Toy images whose site is their corner's blue; sites in these proportions."""
    images = toy_images(seed=seed)
    sites = torch.arange(len(images)) % sum(shares) >= shares[0]
    pixels = images.pixels.clone()
    pixels[:, 2, 0, 0] = torch.where(sites, 200, 50).to(torch.uint8)
    return replace(images, pixels=pixels, subgroups={"site": Subgroups(sites.long(), ("north", "south"))})


def scores(encoder, **options) -> dict:
    (finding,) = audit(encoder, sited(0), test=sited(1), axes=["privacy"], **options)
    return {score.name: score for score in finding.scores}


def test_an_encoder_that_shows_the_site_is_read_and_one_that_cannot_see_it_is_not():
    shown, blind = scores(ReadsTheSite()), scores(ReadsTheClass())
    assert shown["attribute_accuracy"].value == 100 and shown["attribute_accuracy"].interval[0] > 95
    assert "Test images whose site a fresh attacker reads" in shown["attribute_accuracy"].definition
    low, high = blind["attribute_accuracy"].interval
    assert low < 50 < high and blind["attribute_chance"].value == 50


def test_its_images_are_the_test_images_and_sentences_say_what_was_read():
    (finding,) = audit(ReadsTheSite(), sited(0), test=sited(1), axes=["privacy"])
    assert set(finding.columns) == {"id", "attribute", "attribute_read"}
    assert len(finding.columns["id"]) == len(sited(1)) and finding.columns["attribute_read"].all()
    assert [row["group"] for row in finding.tables["per_attribute"]] == ["north", "south"]
    (said,) = of_privacy(finding)
    assert said.startswith("Of site a fresh attacker (linear) reads it: 100") and "guessing gives 50" in said


def test_pairs_and_groups_are_measured_together_and_neither_alone_is_needed():
    found = scores(small_network(), pairs=toy_pairs())
    assert {"auc_cosine", "attribute_accuracy"} <= set(found)
    lack = AUDITS["privacy"].lacks(bare_subject())
    assert lack is not None and lack[0].startswith("pairs of encoders") and "--groups FILE.csv:site" in lack[1]


def drawn(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Four clouds on a cross: the group is which diagonal, which no line tells."""
    random = np.random.default_rng(seed)
    corners = random.integers(0, 2, (count, 2))
    x = torch.from_numpy(2.0 * corners - 1 + random.normal(0, 0.2, (count, 2))).float()
    return x, torch.from_numpy(corners.sum(1) % 2)


def test_what_no_line_tells_a_network_reads_and_the_choice_is_made_on_images_held_back():
    (x, groups), (asked, truth) = drawn(400, 0), drawn(200, 1)
    found = read_attribute(x, groups, asked, ids=torch.arange(400), count=2, seed=0)
    assert found.attacker == "network" and found.held["network"] > 95 > found.held["linear"] + 20
    assert float((found.predicted == truth).float().mean()) > 0.95


@pytest.mark.parametrize("attacker", ["linear", "network"])
def test_a_rare_group_counts_as_much_as_a_frequent_one(attacker):
    random = np.random.default_rng(2)
    groups = torch.from_numpy((random.random(2000) < 0.05).astype(np.int64))
    x = torch.from_numpy(random.normal(0, 1, (2000, 3))).float() + 0.8 * groups[:, None]
    found = read_attribute(x[:1000], groups[:1000], x[1000:], ids=torch.arange(1000), count=2, seed=0)
    truth = groups[1000:]
    read = [float((found.predicted[truth == one] == one).float().mean()) for one in (0, 1)]
    assert min(read) > 0.55, "an attacker that says the frequent group of all reads 95 % and tells nothing"
    assert found.held[attacker] > 60


def test_groups_too_small_to_attack_are_left_out():
    rare = sited(0, shares=(170, 5))
    (finding,) = audit(
        ReadsTheSite(), replace(rare, subgroups={**rare.subgroups, "half": sited(0).subgroups["site"]}),
        test=replace(sited(1), subgroups={**sited(1).subgroups, "half": sited(1).subgroups["site"]}), axes=["privacy"],
    )  # fmt: skip
    assert {row["column"] for row in finding.tables["per_attribute"]} == {"half"}


def test_images_without_a_value_are_no_group_to_be_read():
    """A column of which half the images have a value has one group, however many have none."""
    told = [sited(0), sited(1)]
    gaps = [replace(one.subgroups["site"], names=("north", NO_GROUP)) for one in told]
    pool, test = (replace(one, subgroups={**one.subgroups, "gaps": gap}) for one, gap in zip(told, gaps, strict=True))
    (finding,) = audit(ReadsTheSite(), pool, test=test, axes=["privacy"])
    assert {row["column"] for row in finding.tables["per_attribute"]} == {"site"}
