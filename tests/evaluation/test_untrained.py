import timm
import torch
from toy_audits import ReadsTheClass, small_network

from holdfast.evaluation import untrained
from holdfast.models import create_encoder


def test_the_untrained_self_is_another_network_of_the_same_kind_and_repeats_with_its_seed():
    trained = create_encoder("timm/test_resnet", image_size=32)
    before = {name: value.clone() for name, value in trained.state_dict().items()}
    first, second, other = (untrained(trained, seed=seed) or trained for seed in (0, 0, 1))
    images = torch.rand(2, 3, 32, 32)
    assert torch.equal(first.eval()(images), second.eval()(images))
    assert not torch.equal(first(images), other.eval()(images))
    assert not torch.equal(first(images), trained.eval()(images))
    assert all(torch.equal(value, before[name]) for name, value in trained.state_dict().items())
    assert torch.equal(first.mean, trained.mean), "normalisation stays"


def test_running_statistics_start_anew():
    network = small_network()
    network(torch.rand(8, 3, 8, 8))
    assert not untrained(network)[1].running_mean.any()


def test_every_matrix_of_a_transformer_is_drawn_anew():
    network = timm.create_model("test_vit", num_classes=0)
    random = untrained(network)
    same = [n for (n, a), b in zip(network.named_parameters(), random.parameters(), strict=True) if torch.equal(a, b)]
    assert [name for name in same if dict(network.named_parameters())[name].ndim > 1] == []


def test_what_has_no_weights_has_no_untrained_self():
    assert untrained(ReadsTheClass()) is None
