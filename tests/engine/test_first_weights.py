"""First weights that a run asks for: copies of the encoder have them too, and where a teacher gives its own they are
refused."""

from dataclasses import replace

import pytest
import safetensors.torch
import torch
from short_runs import short_run
from small_methods import small_config

from holdfast.engine import train
from holdfast.methods import METHODS


@pytest.mark.parametrize("name", ["byol", "moco-v3", "dino"])
def test_a_teacher_begins_as_the_whitened_network(name, tmp_path):
    still = short_run(small_config(name, teacher_momentum=1.0), data="digits", limit=40, holdout=8, epochs=1)
    config = replace(still, whiten=True, lr=1e-12, lr_end=0.0, weight_decay=0.0)
    run = train(config, tmp_path / "run")
    state = safetensors.torch.load_file(sorted(run.checkpoints.glob("*/method.safetensors"))[-1])
    first = {key: tensor for key, tensor in state.items() if key.endswith("0.network.conv1.0.weight")}
    assert len(first) == 2, list(first)
    one, other = first.values()
    torch.testing.assert_close(one, other, rtol=0, atol=1e-6)


STARTING = [
    name for name in METHODS if small_config(name, **({"start": "teacher"} if name == "lore" else {})).starts_as_teacher
]


def test_methods_whose_student_starts_as_its_teacher():
    assert STARTING == ["profeat", "lore", "dynacl++"] and not small_config("lore", start="own").starts_as_teacher


@pytest.mark.parametrize("name", STARTING)
@pytest.mark.parametrize("option", [{"init": "timm/test_resnet"}, {"whiten": True}])
def test_a_student_that_starts_as_its_teacher_takes_no_other_first_weights(name, option):
    settings = small_config(name, **({"start": "teacher"} if name == "lore" else {}))
    (flag,) = option
    with pytest.raises(
        ValueError, match=f"expected no --{flag} where the student starts as its teacher, got --{flag}.*; leave"
    ):
        short_run(settings, **option)
