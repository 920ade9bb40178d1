import numpy as np
import pytest
import torch
from torch import Tensor, nn
from toy_audits import ReadsTheClass, small_network, toy_images

from holdfast.audits import audit
from holdfast.audits.invariance.transformations import COLOURS, GRADED
from holdfast.data import Images, load_images
from holdfast.findings import Finding
from holdfast.randomness import fold, generator, key

every_transformation = pytest.mark.parametrize("graded", GRADED, ids=lambda graded: graded.name)
KEYS = fold(key(0, "test"), torch.arange(6))


def measured(encoder: nn.Module, images: Images | None = None, **options) -> Finding:
    images = images or shapes()
    (finding,) = audit(encoder, images, axes=["invariance"], **options)
    return finding


def shapes() -> Images:
    """Discs of one colour on a ground of another, class by radius; far from black and white: nothing is clamped."""
    n, size = 60, 16
    labels = torch.arange(n) % 3
    axis = torch.arange(size) - size / 2 + 0.5
    inside = (axis[:, None] ** 2 + axis**2) < (3 + 2 * labels[:, None, None]) ** 2
    colours = 100 + 60 * torch.rand(2, n, 3, 1, 1, generator=generator(0, "colours"))
    pixels = torch.where(inside[:, None], colours[0], colours[1] - 50).to(torch.uint8)
    return Images.of(pixels, labels, classes=("small", "middle", "large"))


class SeesShapes(nn.Module):
    """Where pixels differ from the corner's, [n, 256]: colours do not matter."""

    def forward(self, images: Tensor) -> Tensor:
        corner = images[:, :, :1, :1]
        return ((images - corner).abs().sum(1) > 1e-3).flatten(1).float()


class Linear(nn.Module):
    """Features W x."""

    def __init__(self, dim: int = 5):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(dim, 3 * 16 * 16, generator=generator(0, "W")))

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1) @ self.weight.T


def test_an_encoder_blind_to_colour_has_no_colour_sensitivity_and_moves_elsewhere():
    finding = measured(SeesShapes())
    for name in COLOURS:
        assert finding[f"{name}_sensitivity"].value == 0
        assert finding[f"{name}_variance_ratio"].value == 0
        assert finding[f"{name}_whitened_cosine"].value == 1
        assert finding[f"{name}_accuracy_drop"].value == 0
    assert finding["scale_whitened_cosine"].value < 0.9
    assert finding["scale_accuracy_drop"].value > 5


def test_a_linear_encoders_sensitivity_is_the_closed_form():
    """Brightness moves x by ±x per unit of its factor: |W x| over the features' total deviation."""
    encoder, images = Linear(), shapes()
    finding = measured(encoder, images, test=images.subset(torch.arange(0, 60, 3)), shift_images=60)
    pool = images.subset(torch.tensor([i for i in range(60) if i % 3]))
    with torch.no_grad():
        spread = encoder(pool.floats()).double().var(0, correction=0).sum().sqrt()
        norms = encoder(images.floats(torch.arange(0, 60, 3))).double().norm(dim=1)
    expected = float(norms.mean() / spread)
    assert finding["brightness_sensitivity"].value == pytest.approx(expected, rel=1e-4)


def test_a_linear_encoders_cosine_does_not_see_brightness():
    rows = [row for row in measured(Linear()).tables["curves"] if row["transformation"] == "brightness"]
    for row in rows[1:3]:  # stronger ones are clamped at white
        assert row["cosine"] == pytest.approx(1, abs=1e-6)
        assert row["variance_ratio"] == pytest.approx(0, abs=1e-6)
        assert row["whitened_cosine"] < 0.999


def test_a_constant_encoder_is_perfectly_steady_and_learns_nothing():
    finding = measured(ReadsTheClass(blind=(0, 1, 2, 3, 4, 5)), toy_images())
    assert finding["whitened_cosine"].value == 1
    for name in ("variance_ratio", "sensitivity", "accuracy_drop"):
        assert finding[name].value == 0


def test_curves_start_at_the_clean_images_and_hold_every_strength():
    finding = measured(small_network())
    for graded in GRADED:
        rows = [row for row in finding.tables["curves"] if row["transformation"] == graded.name]
        assert tuple(row["strength"] for row in rows) == (0, *graded.strengths)
        assert (rows[0]["cosine"], rows[0]["whitened_cosine"], rows[0]["variance_ratio"]) == (1, 1, 0)
        assert all(row["low"] <= row["accuracy"] <= row["high"] for row in rows)
        mean = np.mean([row["whitened_cosine"] for row in rows[1:]])
        assert finding[f"{graded.name}_whitened_cosine"].value == pytest.approx(mean)


def test_scores_over_all_are_the_means_of_the_transformations():
    finding = measured(small_network())
    for name in ("whitened_cosine", "cosine", "sensitivity", "variance_ratio", "accuracy_drop"):
        mean = np.mean([finding[f"{graded.name}_{name}"].value for graded in GRADED])
        assert finding[name].value == pytest.approx(mean)


def test_the_least_stable_images_are_those_of_the_column():
    finding = measured(small_network())
    stability = dict(zip(finding.columns["id"], finding.columns["stability"], strict=True))
    rows = finding.tables["least_stable"]
    assert [row["stability"] for row in rows] == sorted(stability.values())[: len(rows)]
    assert all(stability[row["id"]] == row["stability"] for row in rows)
    assert set(finding.columns["least_stable_under"]) <= {graded.name for graded in GRADED}


def test_images_that_were_not_moved_have_no_stability():
    finding = measured(small_network(), shift_images=5)
    assert finding.settings["shift_images"] == 5
    assert int(np.isfinite(finding.columns["stability"]).sum()) == 5
    assert int((finding.columns["least_stable_under"] != "").sum()) == 5


@every_transformation
def test_transformations_stay_in_range_and_differ_more_with_strength(graded):
    images = shapes().floats(torch.arange(6))
    moved = [graded.apply(images, strength, KEYS) for strength in graded.strengths]
    assert all(float(view.min()) >= 0 and float(view.max()) <= 1 for view in moved)
    distances = [float((view - images).square().mean()) for view in moved]
    assert distances == sorted(distances)
    assert distances[0] > 0 or graded.name == "blur"


@every_transformation
def test_a_samples_transformation_depends_on_its_key_alone(graded):
    images = shapes().floats(torch.arange(6))
    whole, part = (graded.apply(images[rows], graded.strengths[1], KEYS[rows]) for rows in (slice(None), [4, 1]))
    torch.testing.assert_close(part, whole[[4, 1]], rtol=0, atol=1e-6)


def test_averaging_adds_a_row_per_number_of_views():
    finding = measured(small_network(), average=3)
    rows = finding.tables["averaging"]
    assert [row["views"] for row in rows] == [1, 2, 3]
    assert all(row["low"] <= row["accuracy"] <= row["high"] for row in rows)
    assert all(row["cross_entropy"] > 0 for row in rows)


def test_spirographs_have_their_regression_and_its_averages():
    images, test = load_images("spirograph:200:row"), load_images("spirograph:60:row:test")
    finding = measured(small_network(), images, test=test, average=2)
    assert [row["target"] for row in finding.tables["regression"]] == ["m", "b", "sigma", "rfore", "mean"]
    assert {row["views"] for row in finding.tables["averaging"]} == {1, 2}
    assert not any(score.unit == "percent" for score in finding.scores)


def test_averaging_without_labels_or_factors_is_refused():
    images = shapes()
    with pytest.raises(ValueError, match="leave average out"):
        measured(small_network(), Images(pixels=images.pixels, ids=images.ids), average=2)


class Doubles(torch.autograd.Function):
    """A rule of its own for the backward pass, none for the forward derivative."""

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, *gradients):
        return 2 * gradients[0]


class NoForwardRule(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return Doubles.apply(images.flatten(1)[:, ::32])


def test_a_sensitivity_that_is_a_difference_is_said_to_be_one():
    told = measured(NoForwardRule()).settings
    assert told["sensitivity_by"] == "difference"
    assert any(line.startswith("sensitivity: this encoder has no forward derivative") for line in told["warnings"])
    plain = measured(ReadsTheClass()).settings
    assert plain["sensitivity_by"] == "derivative"
    assert not any("derivative" in line for line in plain.get("warnings", ()))
