import pytest
import torch

from holdfast.config import RunConfig
from holdfast.engine.probe import _line, measure_cost
from holdfast.methods import SDCLRConfig, SimCLRConfig, with_settings


def config(method=None, **options) -> RunConfig:
    plain = RunConfig(method=method or SimCLRConfig(), encoder="timm/test_resnet", precision="32")
    return with_settings(plain, **options)


def test_a_step_costs_time_and_memory_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = torch.get_rng_state()
    cost = measure_cost(config(batch_size=32), image_size=16)
    assert 0 < cost.seconds < 60
    assert cost.memory > 2**20
    assert cost.measured_batch <= 32
    assert cost.parameters > 10_000 and cost.passes_per_image == 2
    assert list(tmp_path.iterdir()) == []
    assert torch.equal(torch.get_rng_state(), before)


def test_wrapped_methods_are_measured_as_they_train():
    cost = measure_cost(config(SDCLRConfig(), batch_size=8, adversary="free:2"), image_size=16)
    assert cost.passes_per_image == 4


def test_beyond_what_was_measured_cost_is_a_straight_line():
    assert _line([4, 8], [1.0, 2.0], 32) == pytest.approx(8)
    assert _line([4, 8], [2.0, 1.5], 32) == pytest.approx(1.5)
    assert _line([4], [1.0], 8) == pytest.approx(2)
