import pytest
import torch
from torch import nn

from holdfast.attacks import pgd


def network():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(144, 1))


def attacked(model):
    return pgd(lambda x: model(x)[:, 0], torch.rand(4, 3, 8, 8), eps=0.03, step=0.01, steps=2)


def test_a_network_in_training_mode_is_refused_before_its_batch_norms_move():
    model = network().train()
    with pytest.raises(ValueError, match=r"evaluation mode, got a batch norm in training mode.*call network.eval"):
        attacked(model)
    assert model[1].num_batches_tracked == 0 and not model[1].running_mean.any()
    model(torch.rand(4, 3, 8, 8))
    assert model[1].num_batches_tracked == 1, "the watch ends with the attack"


def test_a_network_in_evaluation_mode_is_attacked():
    assert attacked(network().eval()).shape == (4, 3, 8, 8)
