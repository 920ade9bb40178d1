"""Every method and preset goes on from a checkpoint in mid-epoch, and ends in the bits of a run that never stopped."""

import json
import shutil

import pytest
import safetensors.torch
import torch
from short_runs import SHORT
from small_methods import small_default

from holdfast.config import RunConfig
from holdfast.engine import resume, train
from holdfast.methods import METHODS, PRESETS
from holdfast.runs import RunFolder

FAST = ("dino", "dynacl", "deacl", "profeat", "bcl-d", "rwsam", "gh")
"""Those with state beside weights and momentum: a centre, a teacher, a memory, an average. The others are slow."""
NAMES = dict.fromkeys(name for name in (*METHODS, *PRESETS) if name != "talos")  # which needs a column of groups


def config_of(name: str) -> RunConfig:
    own = {"data": "digits", "limit": 40, "holdout": 4, "image_size": 8, "checkpoint_steps": 1, "keep_checkpoints": 99}
    return small_default(name, **{key: value for key, value in SHORT.items() if key != "encoder"} | own)


def state(run: RunFolder) -> dict[str, torch.Tensor]:
    """The encoder and the last checkpoint: networks, momentum, a memory, what ranks hold."""
    files = [run.encoder, *sorted(run.checkpoints.iterdir())[-1].glob("*.safetensors")]
    return {f"{file.name}:{name}": t for file in files for name, t in safetensors.torch.load_file(file).items()}


@pytest.mark.parametrize("name", [n if n in FAST else pytest.param(n, marks=pytest.mark.slow) for n in NAMES])
def test_a_run_cut_in_mid_epoch_ends_in_the_same_bits(name, tmp_path):
    threads = torch.get_num_threads()
    whole = train(config_of(name), tmp_path / "whole")
    cut = RunFolder(shutil.copytree(whole.path, tmp_path / "cut"))
    cut.encoder.unlink()
    where = {path: json.loads((path / "state.json").read_text()) for path in sorted(cut.checkpoints.iterdir())}
    kept = next(path for path, at in where.items() if (at["epoch"], at["batch"]) == (1, 1))
    for path in where:
        if path > kept:
            shutil.rmtree(path)
    found, expected = state(resume(cut.path)), state(whole)
    torch.set_num_threads(threads)
    assert found.keys() == expected.keys()
    assert [key for key in expected if not torch.equal(found[key], expected[key])] == []
