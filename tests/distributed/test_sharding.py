"""Weights in shares: the gradients, weights and files of a run that keeps them whole, or a refusal in a line."""

import shutil
import socket
from contextlib import nullcontext
from typing import Any

import pytest
import safetensors.torch
import torch
import torch.multiprocessing as mp
from ddp_workers import double_method, gradients_of, last_batch, replay, steps
from shard_workers import LAST, MIDDLE, RATES, run_of, shard_runs
from small_methods import small_config

from holdfast.config import RunConfig
from holdfast.engine import resume
from holdfast.engine.shares import strategy_of
from holdfast.methods import METHODS, PRESETS, default_config, with_settings

VIT, RESNET = "timm/test_vit", "timm/test_resnet"
REFUSED = {"sdclr", "bcl-d", "acl", "dynacl", "holdfast", "invclr", "rwsam"}
"""Methods and presets that need whole weights."""
TAUGHT = ("deacl", "profeat", "lore", "dynacl++")
"""Methods whose teacher has the student's network at any size of image, which the little ViT has not."""
PARTS: dict[str, dict[str, Any]] = {
    "pgd": {"adversary": "pgd:2"},
    "free adversary": {"adversary": "free:2"},
    "penalty by pairs": {"penalty": "invariance:0.5", "penalty_form": "pair", "penalty_limit": 1e6},
    "average": {"weight_average": "ema:0.9"},
    "memory": {"memory_augment": "bcl-i:1"},
    "coding": {"equivariance": "care:1"},
    "forgetting": {"forget": "site", "forget_groups": 2},
    "activations computed again": {"checkpoint_activations": True},
}


def sharing(method: str, encoder: str = VIT, **changes: Any) -> RunConfig:
    config = RunConfig(method=small_config(method, encoder), encoder=encoder, stem="small")
    return with_settings(config, shard_weights=True, **changes)


@pytest.mark.slow
def test_weights_in_shares_have_the_gradients_of_whole_ones_with_every_method_and_part_that_takes_them(tmp_path):
    cases = {name: sharing(name, RESNET if name in TAUGHT else VIT) for name in METHODS if name not in REFUSED}
    cases |= {name: sharing("simclr", **changes) for name, changes in PARTS.items()}
    cases |= {
        "lore, pgd": sharing("lore", RESNET, adversary="pgd:2"),
        "a ResNet": sharing("rocl", RESNET, adversary="pgd:2"),
    }
    mp.start_processes(steps, args=(2, str(tmp_path), {name: (config, 16) for name, config in cases.items()}), nprocs=2)
    for name, config in cases.items():
        alone, joined = double_method(config), safetensors.torch.load_file(tmp_path / f"{name}.safetensors")
        torch.testing.assert_close(joined.pop("loss"), replay(alone, last_batch(16)), rtol=1e-9, atol=1e-9)
        for key, gradient in gradients_of(alone).items():
            torch.testing.assert_close(joined[key], gradient, rtol=1e-5, atol=1e-8, msg=f"{name}: {key}")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mp.start_processes(shard_runs, args=(2, port, str(folder)), nprocs=2, start_method="spawn")
    return folder


def files(run, step=LAST):
    """The tensors of a run's last checkpoint and of its encoder, or of an earlier checkpoint, by file and name."""
    paths = sorted((run / "checkpoints" / step).glob("*.safetensors"))
    paths += sorted(run.glob("*.safetensors")) if step == LAST else []
    found = {path.name: safetensors.torch.load_file(path) for path in paths}
    return {f"{name}/{key}": value for name, tensors in found.items() for key, value in tensors.items()}


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", RATES)
def test_a_run_with_weights_in_shares_ends_as_one_that_keeps_them_whole(optimizer, runs):
    """LARS adds up a weight's length share by share, so its last digits differ from the first step on."""
    close, step = (1e-5, MIDDLE) if optimizer == "lars" else (1e-7, LAST)
    found, expected = (files(runs / f"{optimizer}, {shards}", step) for shards in (True, False))
    torch.testing.assert_close(found, expected, rtol=10 * close, atol=close)


@pytest.mark.slow
@pytest.mark.parametrize("shards", [True, False])
def test_a_run_resumes_with_weights_kept_otherwise_to_the_same_end(shards, runs):
    resumed = runs / f"resumed from {shards}"
    torch.testing.assert_close(files(resumed), files(runs / f"sgd, {shards}"), rtol=1e-6, atol=1e-7)


@pytest.mark.slow
def test_a_run_with_weights_in_shares_resumes_on_one_process(runs, tmp_path):
    run = shutil.copytree(runs / "sgd, True", tmp_path / "run")
    for path in (*run.glob("encoder.*"), *(p for p in (run / "checkpoints").iterdir() if p.name > MIDDLE)):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    resume(run, devices=1)
    torch.testing.assert_close(files(run), files(runs / "sgd, False"), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"method": small_config("sdclr")}, "--shard-weights without SDCLR, got both, and it ranks all weights"),
        ({"method": small_config("acl")}, "without ACL, got both, and it lends its network norms"),
        ({"method": small_config("emp-ssl", prune_ratio=0.5)}, "without EMPSSL, got both, and it ranks all weights"),
        ({"chunk": 4}, "--shard-weights without --chunk"),
        ({"compile": True}, "--shard-weights without --compile"),
        ({"sharpness": "rwsam:0.05"}, "--sharpness without --shard-weights"),
        ({"adversary": "pgd:2", "adversary_gradients": "kept"}, "--adversary-gradients dropped with --shard-weights"),
        ({"penalty": "invariance:0.5", "penalty_form": "vjp"}, "--penalty-form pair beside --compile, --shard-weights"),
    ],
)
def test_what_needs_whole_weights_is_refused_with_shares_of_them(changes, said):
    with pytest.raises(ValueError, match=said):
        with_settings(RunConfig(method=small_config("simclr")), shard_weights=True, **changes)


@pytest.mark.parametrize("name", dict.fromkeys((*METHODS, *PRESETS)))
def test_every_method_and_preset_takes_shares_of_weights_or_is_refused_with_the_flag(name):
    with pytest.raises(ValueError, match="--shard-weights") if name in REFUSED else nullcontext():
        with_settings(default_config(name), shard_weights=True)


def test_one_process_keeps_all_weights_whatever_is_asked_for():
    assert strategy_of(True, 1) == strategy_of(False, 1) == "auto"


def test_six_steps_are_a_run_that_can_be_cut_after_two():
    assert run_of("lars").checkpoint_steps == int(MIDDLE[-1]) and run_of("sgd").epochs * 3 == int(LAST[-1])
