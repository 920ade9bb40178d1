"""What looks robust only because attacks are blind is found: by harms without a scale, by Square, by the gradient."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from toy_audits import small_network, toy_images

from holdfast.attacks import Pgd, log_odds, run, scaled_log_odds, untargeted
from holdfast.audits import audit
from holdfast.audits.robustness import audit as module
from holdfast.evaluation.probes import LinearProbe
from holdfast.report.axes import AXES
from holdfast.report.limits import verdict

QUICK = {
    "auto_attack": "none",
    "attack_steps": 8,
    "square_queries": 20,
    "square_images": 12,
    "drift_images": 0,
    "corruption_images": 0,
}
EPS = ("2/255", "4/255")


def robustness(encoder, **options):
    options = {**QUICK, "attack_eps": EPS, "validation_ids": torch.arange(0, 175, 5), **options}
    return audit(encoder, toy_images(), test=toy_images(seed=1), axes=["robustness"], **options)[0]


@pytest.fixture
def scaled_head(monkeypatch):
    """Lets a test multiply the logits of the head that is attacked, which changes no answer."""

    def scale(factor: float) -> None:
        def head(subject, features):
            probe = subject.full_shot.probe
            return LinearProbe(factor * probe.weight, factor * probe.bias, probe.shift, probe.scale, 0.0, None)

        monkeypatch.setattr(module, "attacked_head", head)

    return scale


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_the_scale_of_a_heads_logits_changes_no_verdict(scaled_head, norm):
    found, eps = [], {"linf": EPS, "l2": (0.25, 0.5)}[norm]
    for factor in (1.0, 10.0, 1000.0):
        scaled_head(factor)
        found.append(robustness(small_network(), attack_norm=norm, attack_eps=eps))
    first = found[0]
    assert first.columns[f"robust_{first.settings['attack_eps'][-1].replace('/', '_').replace('.', 'p')}"].sum() > 0
    for other in found[1:]:
        for name, column in first.columns.items():
            if not name.startswith("margin"):
                np.testing.assert_array_equal(other.columns[name], column, err_msg=name)
        assert [(s.name, s.value) for s in other.scores] == [(s.name, s.value) for s in first.scores]
        assert other.settings["warnings"] == first.settings["warnings"]


def test_saturation_costs_the_attack_nothing():
    images, network = toy_images().floats(), small_network().eval()
    weight = torch.randn(6, network(images).shape[1], generator=torch.Generator().manual_seed(0))
    labels = (network(images) @ weight.T).argmax(1).detach()
    found = {}
    for factor in (1.0, 100.0, 10_000.0):
        goal = untargeted(lambda x, factor=factor: factor * network(x) @ weight.T, labels, scaled_log_odds)
        found[factor] = run(Pgd(step_length=1 / 255, steps=8), goal, images, eps=2 / 255).broken
    assert 0 < found[1.0].sum() < len(labels)
    assert torch.equal(found[1.0], found[100.0])
    assert torch.equal(found[1.0], found[10_000.0])


def test_the_log_odds_point_where_cross_entropy_does_and_go_on_where_it_saturates():
    logits = torch.randn(20, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64).requires_grad_()
    labels = torch.arange(20) % 5
    ours, theirs = (
        torch.autograd.grad(harm.sum(), logits)[0]
        for harm in (log_odds(logits, labels), nn.functional.cross_entropy(logits, labels, reduction="none"))
    )
    cosine = nn.functional.cosine_similarity(ours, theirs, dim=1)
    torch.testing.assert_close(cosine, torch.ones_like(cosine))
    far = torch.tensor([[60.0, 0.0, -3.0]], requires_grad=True)
    (gradient,) = torch.autograd.grad(log_odds(far, torch.tensor([0])).sum(), far)
    assert gradient.norm() > 1


class Steps(nn.Module):
    """Features whose gradient vanishes everywhere, though pixels move them."""

    def __init__(self) -> None:
        super().__init__()
        self.network = small_network()

    def forward(self, images: Tensor) -> Tensor:
        features = self.network(images)
        return torch.round(20 * features) / 20 + 0 * features


@pytest.fixture(scope="module")
def masked():
    return robustness(Steps(), attack_restarts=0, attack_eps=("12/255",), square_images=60, square_queries=60)


def test_masking_is_what_square_broke_of_what_it_tried_and_without_gradient_counts(masked):
    assert masked["gradient_masking"].value == 100
    assert masked["gradient_masking"].interval[0] > 90
    assert masked.settings["without_gradient"] == masked.columns["right"].sum()


def test_square_goes_on_to_all_images_where_it_breaks_any(masked):
    (row,) = [row for row in masked.tables["attacks"] if row["attack"] == "square"]
    assert row["tried"] == masked.columns["right"].sum() > 60
    assert 0 < row["broke"] < row["tried"]
    definition = masked["robust_accuracy_12_255"].definition
    assert f"Square on {row['tried']} of {row['tried']}" in definition


def test_the_definition_says_on_how_many_images_square_was_tried():
    finding = robustness(small_network(), attack_eps=("1/255",), square_queries=1)
    (row,) = [row for row in finding.tables["attacks"] if row["attack"] == "square"]
    left = round(row["accuracy_left"] * len(toy_images(seed=1)) / 100) + row["broke"]
    assert row["tried"] < left
    assert f"Square on {row['tried']} of {left}" in finding["robust_accuracy_1_255"].definition


def test_a_model_without_gradient_is_never_fine(masked):
    limit = AXES["robustness"].limits["kept"]
    known = {score.name: score.value for score in masked.scores}
    assert known["without_gradient"] == 100
    assert verdict(limit, 95.0, known) == "watch"
    assert verdict(limit, 95.0, {**known, "without_gradient": 0.0}) == "fine"
