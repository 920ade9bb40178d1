import pytest
import torch

from holdfast.data import Images
from holdfast.evaluation import few_shot_probe, fit_probe

LABELS = torch.arange(30) % 3
FEATURES = torch.eye(3)[LABELS] + 0.1 * torch.randn(30, 3, generator=torch.Generator().manual_seed(0))


def pool(labels: torch.Tensor | None = LABELS):
    return Images(pixels=torch.zeros(30, 3, 2, 2, dtype=torch.uint8), ids=torch.arange(100, 130), labels=labels)


def test_few_shots_alone_are_fitted():
    shots = torch.arange(100, 115)
    probe = few_shot_probe(FEATURES, pool(), shots, classes=3)
    expected = fit_probe(FEATURES[:15], LABELS[:15], classes=3, ids=shots)
    assert torch.equal(probe.weight, expected.weight)
    changed = FEATURES.clone()
    changed[15:] = 99
    assert torch.equal(few_shot_probe(changed, pool(), shots, classes=3).weight, probe.weight)


def test_shots_that_are_not_in_the_pool_are_refused():
    with pytest.raises(ValueError, match="not among them"):
        few_shot_probe(FEATURES, pool(), torch.tensor([100, 7]), classes=3)


def test_shots_of_one_class_are_refused():
    with pytest.raises(ValueError, match="at least two classes"):
        few_shot_probe(FEATURES, pool(), torch.tensor([100, 103]), classes=3)


def test_shots_without_labels_are_refused():
    with pytest.raises(ValueError, match="labelled images"):
        few_shot_probe(FEATURES, pool(None), torch.tensor([100, 103]), classes=3)
