import json
import re
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from toy_audits import ReadsTheClass, small_network, toy_images

from holdfast.audits import audit
from holdfast.audits.robustness.heads import TRAINED
from holdfast.data import Images
from holdfast.evaluation import fit_probe
from holdfast.findings import Finding

QUICK = {
    "auto_attack": "none",
    "attack_steps": 5,
    "square_queries": 10,
    "square_images": 40,
    "drift_images": 10,
    "corruption_images": 0,
}


def robustness(encoder, images=None, test=None, **options):
    options = {**QUICK, **options} if images else {**QUICK, "validation_ids": torch.arange(0, 175, 5), **options}
    images, test = images or toy_images(), test or toy_images(seed=1)
    (finding,) = audit(encoder, images, test=test, axes=["robustness"], **options)
    return finding


@cache
def usual() -> Finding:
    """One measurement for all tests that only look at it."""
    return robustness(small_network())


def values(finding) -> dict[str, float]:
    return {score.name: score.value for score in finding.scores}


class MeanRed(nn.Module):
    """A linear encoder [n, 1] whose feature moves by exactly eps at most."""

    def forward(self, images: Tensor) -> Tensor:
        return images[:, 0].mean((1, 2))[:, None]


class Masked(nn.Module):
    """MeanRed, but no gradient gets through."""

    def forward(self, images: Tensor) -> Tensor:
        return images[:, 0].mean((1, 2))[:, None].detach()


def red_images(seed: int) -> Images:
    """Two classes of 60 and 30 images, apart by their red alone: margins from none to 20/255 and more."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.repeat_interleave(torch.arange(2), torch.tensor([60, 30]))
    red = torch.where(labels == 0, 105, 150) + torch.randint(-22, 23, (90,), generator=generator)
    pixels = torch.full((90, 3, 6, 6), 100, dtype=torch.uint8)
    pixels[:, 0] = red[:, None, None].to(torch.uint8)
    return Images(pixels=pixels, ids=1000 * seed + torch.arange(90), labels=labels, source="reds")


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_the_robust_accuracy_of_a_linear_encoder_is_known_exactly(norm):
    images, test = red_images(0), red_images(1)
    eps = {"linf": (2 / 255, 5 / 255, 12 / 255), "l2": (0.05, 0.1, 0.3)}[norm]
    finding = robustness(MeanRed(), images, test, attack_norm=norm, attack_eps=eps, attack_steps=30)
    pool, red = (part.floats()[:, 0].mean((1, 2))[:, None] for part in (images, test))
    probe = fit_probe(pool, images.labels, classes=2)
    weight = (probe.weight[1] - probe.weight[0]) / probe.scale
    threshold = probe.shift - (probe.bias[1] - probe.bias[0]) / weight
    reach = 1.0 if norm == "linf" else 1 / 6  # the mean over 36 pixels moves by eps / sqrt(36)
    right = probe.predict(red) == test.labels
    for budget, name in zip(eps, finding.settings["attack_eps"], strict=True):
        robust = right & ((red - threshold).abs()[:, 0] > budget * reach)
        slug = name.replace("/", "_").replace(".", "p")
        assert values(finding)[f"pgd_accuracy_{slug}"] == pytest.approx(100 * robust.double().mean().item())
        assert values(finding)[f"robust_accuracy_{slug}"] == pytest.approx(100 * robust.double().mean().item())
        np.testing.assert_array_equal(finding.columns[f"robust_{slug}"], robust.long().numpy())
    assert values(finding)["gradient_masking"] == 0
    assert finding.settings["warnings"] == []


def test_the_feature_drift_of_a_linear_encoder_is_known_exactly():
    reds = red_images(0), red_images(1)
    finding = robustness(MeanRed(), *reds, drift_distance="l2", attack_eps=("4/255", "8/255"), drift_steps=20)
    assert values(finding)["feature_drift_4_255"] == pytest.approx(4 / 255, rel=1e-3)
    assert values(finding)["feature_drift_8_255"] == pytest.approx(8 / 255, rel=1e-3)


def test_a_larger_budget_never_helps_the_defender():
    finding = robustness(small_network(), attack_eps=("1/255", "2/255", "4/255", "8/255", "16/255"))
    columns = [finding.columns[f"robust_{eps}_255"] for eps in (1, 2, 4, 8, 16)]
    for smaller, larger in pairwise(columns):
        assert (larger <= smaller).all()
    accuracies = [values(finding)[f"robust_accuracy_{eps}_255"] for eps in (1, 2, 4, 8, 16)]
    assert accuracies == sorted(accuracies, reverse=True)
    assert accuracies[-1] < accuracies[0] < values(finding)["clean_accuracy"]
    for eps in (1, 2, 4, 8, 16):
        assert values(finding)[f"robust_accuracy_{eps}_255"] <= values(finding)[f"pgd_accuracy_{eps}_255"]


def test_a_vanishing_budget_leaves_the_clean_accuracy():
    finding = robustness(small_network(), attack_eps=("1e-9",))
    assert values(finding)["robust_accuracy_1em9"] == values(finding)["clean_accuracy"]
    np.testing.assert_array_equal(finding.columns["robust_1em9"], finding.columns["right"])


def test_an_encoder_without_gradients_is_reported_as_masked():
    finding = robustness(Masked(), red_images(0), red_images(1), attack_eps=("12/255",), square_queries=40)
    assert values(finding)["pgd_accuracy_12_255"] == values(finding)["clean_accuracy"]
    assert values(finding)["robust_accuracy_12_255"] < values(finding)["clean_accuracy"]
    assert values(finding)["gradient_masking"] > 0
    words = " ".join(finding.settings["warnings"])
    assert "Square broke" in words
    right = round(0.9 * values(finding)["clean_accuracy"])
    assert f"no gradient reaches the pixels of {right} of {right} right images" in words
    assert values(finding)["gradient_masking"] == 100
    assert finding.settings["without_gradient"] == right


class Sharp(nn.Module):
    """MeanRed, but beyond 3/255 from bytes divisible by 5 the answer swings back: large steps jump over the hole."""

    def forward(self, images: Tensor) -> Tensor:
        red = images[:, 0].mean((1, 2))[:, None]
        return torch.sin(2 * torch.pi * red * 255 / 16)


def test_a_smaller_budget_that_breaks_what_pgd_did_not_is_reported():
    # The feature is periodic in red with 16 levels: a step of 8 levels lands where it started, one of 3 does not.
    pixels = torch.full((40, 3, 4, 4), 100, dtype=torch.uint8)
    labels = torch.arange(40) % 2
    pixels[:, 0] = torch.where(labels == 0, 100, 108)[:, None, None].to(torch.uint8)
    images = Images.of(pixels, labels)
    finding = robustness(
        Sharp(), images, images.subset(torch.arange(0, 40, 4)), attack_eps=("6/255", "16/255"), attack_step=16 / 255,
        attack_steps=1, attack_restarts=0, square_queries=0,
    )  # fmt: skip
    broken = values(finding)["clean_accuracy"] - values(finding)["robust_accuracy_6_255"]
    assert broken > 0
    assert values(finding)["pgd_accuracy_16_255"] > values(finding)["robust_accuracy_16_255"]
    assert any("PGD at a smaller budget broke" in warning for warning in finding.settings["warnings"])


def test_verdicts_do_not_depend_on_the_batch_size():
    class Exact(nn.Module):
        def __init__(self):
            super().__init__()
            self.network = small_network().double()

        def forward(self, images):
            return self.network(images.double())

    first, second = (robustness(Exact(), batch_size=size, attack_images=30) for size in (30, 7))
    assert first.tables == second.tables
    for name in first.columns:
        np.testing.assert_allclose(first.columns[name], second.columns[name], rtol=1e-4, atol=1e-5)


def test_only_as_many_images_are_attacked_as_the_options_say():
    finding = robustness(small_network(), attack_images=60, square_images=10)
    columns = finding.columns
    assert columns["attacked"].sum() == finding.settings["attacked_images"] == 60
    assert (columns["right"][~columns["attacked"]] == -1).all()
    assert np.isnan(columns["margin_8_255"][~columns["attacked"]]).all()
    assert sum(row["images"] for row in finding.tables["per_class"]) == 60
    assert {row["class"]: row["images"] for row in finding.tables["per_class"]} == dict.fromkeys("abcdef", 10)
    assert max(row["tried"] for row in finding.tables["attacks"] if row["attack"] == "square") <= 10


def test_the_tables_agree_with_the_columns():
    finding = usual()
    labels = toy_images(seed=1).labels.numpy()
    for row in finding.tables["per_class"]:
        mine = labels == row["index"]
        assert row["clean"] == pytest.approx(100 * (finding.columns["right"][mine] == 1).mean())
        for eps in ("2/255", "4/255", "8/255"):
            robust = finding.columns[f"robust_{eps.replace('/', '_')}"][mine] == 1
            assert row[eps] == pytest.approx(100 * robust.mean())
            assert row[f"{eps} low"] <= row[eps] <= row[f"{eps} high"]
    last = finding.tables["attacks"][-1]
    assert (last["eps"], last["attack"]) == ("8/255", "square")
    assert last["accuracy_left"] == pytest.approx(values(finding)["robust_accuracy_8_255"])


def test_the_tail_gap_is_the_difference_of_broken_shares():
    finding = usual()
    labels, right, robust = toy_images(seed=1).labels.numpy(), finding.columns["right"], finding.columns["robust_8_255"]
    groups = {row["index"]: row["group"] for row in finding.tables["per_class"]}
    lost = {}
    for group in ("many", "few"):
        mine = np.isin(labels, [index for index, name in groups.items() if name == group]) & (right == 1)
        lost[group] = 100 * (robust[mine] == 0).mean()
    assert values(finding)["tail_gap_8_255"] == pytest.approx(lost["few"] - lost["many"])
    assert (
        finding["tail_gap_8_255"].interval[0]
        < values(finding)["tail_gap_8_255"]
        < finding["tail_gap_8_255"].interval[1]
    )


def test_equal_classes_have_no_groups_and_no_tail():
    finding = robustness(small_network(), toy_images((20,) * 6), toy_images((20,) * 6, seed=1))
    assert not any("many" in name or "tail" in name for name in values(finding))


def test_corruptions_are_measured_at_every_strength():
    finding = robustness(ReadsTheClass(), corruption_images=12, drift_images=0, square_queries=0)
    rows = finding.tables["corruptions"]
    assert len({(row["corruption"], row["strength"]) for row in rows}) == 75
    assert values(finding)["corruption_accuracy"] == pytest.approx(np.mean([row["accuracy"] for row in rows]))
    assert {row["accuracy"] for row in rows if row["corruption"] == "pixelate"} == {100}
    assert values(finding)["corruption_drift"] == pytest.approx(np.mean([row["drift"] for row in rows]))


@pytest.mark.parametrize("head", ["slf", "alf", "aff", "emp-ssl", "simclr-clean", "simclr-attacked", "authors"])
def test_every_head_protocol_is_named_in_the_finding(head):
    finding = robustness(small_network(), attack_head=head, head_images=60, head_steps=3, attack_steps=2)
    head = {"authors": "emp-ssl"}.get(head, head)  # an old word
    assert finding.settings["attack_head"] == head
    assert TRAINED[head] in finding["clean_accuracy"].definition
    assert finding.settings.get("head_steps") == (None if head == "slf" else 3)


def test_an_audit_without_labels_measures_drift_alone():
    pixels = toy_images().pixels
    finding = robustness(small_network(), Images.of(pixels), Images.of(pixels[:40], None), corruption_images=5)
    assert set(values(finding)) == {"corruption_drift", *(f"feature_drift_{eps}_255" for eps in (2, 4, 8))}
    drifts = [values(finding)[f"feature_drift_{eps}_255"] for eps in (2, 4, 8)]
    assert 0 < drifts[0] < drifts[1] < drifts[2]


def test_an_interrupted_audit_goes_on_where_it_stopped(tmp_path):
    told = []

    def interrupt(stage, done, images):
        told.append(stage)
        if stage == "robustness: restarts at 4/255":
            raise KeyboardInterrupt

    options = {"unfinished": tmp_path, "corruption_images": 3, "attack_head": "alf", "head_images": 50}
    options |= {"attack_images": 60, "head_steps": 2}
    with pytest.raises(KeyboardInterrupt):
        robustness(small_network(), progress=interrupt, **options)
    assert "robustness: pgd at 2/255" in told
    again = []
    resumed = robustness(small_network(), progress=lambda stage, *_: again.append(stage), **options)
    assert "robustness: pgd at 2/255" not in again
    assert "robustness: alf head" not in again
    assert "robustness: pgd at 8/255" in again
    whole = robustness(small_network(), **{**options, "unfinished": None})
    assert resumed.scores == whole.scores
    assert resumed.tables == whole.tables
    other = []
    robustness(small_network(), progress=lambda stage, *_: other.append(stage), **{**options, "seed": 1})
    assert "robustness: pgd at 2/255" in other


def test_the_listener_hears_what_it_may_cost():
    told = []
    robustness(small_network(), attack_images=10, progress=lambda stage, *_: told.append(stage))
    (estimate,) = [stage for stage in told if "passes of an image" in stage]
    assert "forward and backward passes" in estimate
    assert re.search(r"about \d+ (s|min) if nothing breaks", estimate)


def test_settings_are_json_and_name_the_budget():
    settings = json.loads(json.dumps(usual().settings))
    assert settings["attack_eps"] == ["2/255", "4/255", "8/255"]
    assert settings["attack_step"] == dict.fromkeys(settings["attack_eps"], 0.01)
    assert settings["attack_steps"] == 5


def test_pixels_that_are_no_bytes_are_refused_with_the_remedy():
    with pytest.raises(ValueError, match="convert floats"):
        Images.of(torch.rand(4, 3, 8, 8) * 4 - 2)
