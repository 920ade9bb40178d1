"""The membership audit with encoders whose answer is known."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from toy_audits import small_network, toy_images

from holdfast.audits import audit
from holdfast.data import Images

COUNTS = (120, 110, 100, 80, 60, 40)
MEMBERS, OTHERS = (toy_images(COUNTS, seed=seed, source=name) for seed, name in ((11, "members"), (12, "others")))


class Remembers(nn.Module):
    """Longer features for the very images that it was made with; features of zero for the first `zero` of them."""

    def __init__(self, images: Images, zero: int = 0):
        super().__init__()
        sums = self.sums(images.floats())
        self.known, self.zeroed = set(sums), set(sums[:zero])

    @staticmethod
    def sums(images: Tensor) -> list[int]:
        weights = torch.arange(1, images[0].numel() + 1, dtype=torch.float64)
        return ((images.double() * 255).round().flatten(1) @ weights).long().tolist()

    def forward(self, images: Tensor) -> Tensor:
        sums = self.sums(images)
        length = torch.tensor([0.0 if s in self.zeroed else 2.0 if s in self.known else 1.0 for s in sums])
        noise = 1 + images.mean((2, 3))
        return noise * length[:, None]


def found(encoder, members=MEMBERS, others=OTHERS):
    (finding,) = audit(encoder, toy_images(), axes="membership", members=members, non_members=others)
    return finding


@pytest.fixture(scope="module")
def leaking():
    return found(Remembers(MEMBERS, zero=7))


def test_an_encoder_that_remembers_is_found_out_above_what_pixels_give(leaking):
    assert leaking.settings["judged"] and leaking.settings["shift"] == ""
    assert leaking["auc_norm_2"].value > 0.95
    assert leaking["auc"].value >= leaking["auc_norm_2"].value and leaking["auc"].interval[0] > 0.6
    assert leaking["above_pixels_norm_2"].interval[0] > 0.2
    assert leaking["auc_pixels"].interval[0] <= 0.5


def test_scores_are_of_the_half_that_nothing_was_fitted_on_and_zeros_are_counted(leaking):
    values = leaking.columns["norm_2"]
    fitted = _fitted(leaking)
    assert fitted.sum() == leaking.settings["calibration_images"] == 510
    assert np.isnan(values[fitted]).all() and np.isnan(values[~fitted]).sum() <= 7
    assert leaking.settings["zero_norms"] == 7
    assert any("7 images whose features are zero" in warning for warning in leaking.settings["warnings"])
    assert any(warning.startswith("not measured: parts: 510 images") for warning in leaking.settings["warnings"])


def _fitted(finding):
    from holdfast.evaluation.inference import folds_of_groups

    member = finding.columns["member"]
    return folds_of_groups(np.arange(len(member)), member, 2, seed=0, purpose="calibration half") == 0


def test_what_is_in_both_sets_is_dropped_from_both():
    shared = MEMBERS.subset(torch.arange(30))
    pixels = torch.cat([shared.pixels, OTHERS.pixels[30:]])
    mixed = Images(pixels=pixels, ids=torch.arange(len(pixels)), source="mixed")
    finding = found(small_network(), others=mixed)
    assert finding.settings["dropped_members"] == finding.settings["dropped_non_members"] == 30
    assert finding["overlap"].value == 60
    assert not set(range(30)) & set(finding.columns["id"][finding.columns["member"]].tolist())


def test_few_images_say_that_nothing_is_judged():
    finding = found(small_network(), *(one.subset(torch.arange(220)) for one in (MEMBERS, OTHERS)))
    assert not finding.settings["judged"]
    assert "auc_pixels" not in {score.name for score in finding.scores}
    assert "under 500" in finding.settings["shift"]
    assert {score.name for score in finding.scores} >= {"auc", "auc_norm_1", "random_norm_1"}


def test_features_of_one_length_are_said_and_sets_of_two_sizes_refused():
    lengths = nn.Sequential(nn.Flatten(), _Normalised())
    finding = found(lengths, *(one.subset(torch.arange(220)) for one in (MEMBERS, OTHERS)))
    assert not finding.settings["judged"] and finding.settings["strongest"] is None
    assert any("they were normalised" in warning for warning in finding.settings["warnings"])
    large = replace(OTHERS, pixels=OTHERS.pixels.repeat(1, 1, 2, 2))
    with pytest.raises(ValueError, match=r"expected members and non-members of one size, got 8 × 8 and 16 × 16 pixels"):
        found(lengths, others=large)
    with pytest.raises(ValueError, match="expected members and non_members, got no non_members"):
        found(lengths, others=None)


class _Normalised(nn.Module):
    def forward(self, features: Tensor) -> Tensor:
        return nn.functional.normalize(features, dim=1)
