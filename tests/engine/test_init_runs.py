"""Runs that start from other weights: what is kept of that, and how they go on after an interruption."""

import json

import pytest
import torch

from holdfast.config import RunConfig
from holdfast.engine import resume, train
from holdfast.methods import SDCLRConfig, SimCLRConfig, build
from holdfast.models import create_encoder, load_encoder, load_initial
from holdfast.runs import RunFolder


def settings(**options) -> RunConfig:
    return RunConfig(
        **{
            "method": SimCLRConfig(),
            "limit": 60,
            "image_size": 8,
            "encoder": "timm/test_resnet",
            "epochs": 1,
            "batch_size": 32,
            "precision": "32",
            "signals_every": 0,
            **options,
        }
    )


@pytest.fixture(scope="module")
def first(tmp_path_factory) -> RunFolder:
    return train(settings(), tmp_path_factory.mktemp("runs") / "first")


def weights(encoder) -> dict:
    return {name: value for name, value in encoder.network.state_dict().items() if value.is_floating_point()}


def test_a_run_starts_from_another_run(first, tmp_path):
    heard = []
    run = train(settings(init=str(first.path), lr=1e-9), tmp_path / "run", listen=heard.append)
    kept = json.loads(run.initial.read_text())
    assert kept["source"] == str(first.path) and kept["matched"] and not kept["missing"]
    assert [event["matched"] for event in heard if event["kind"] == "initial"] == [kept["matched"]]
    before, after = (load_encoder(folder.path) for folder in (first, run))
    for (name, old), new in zip(weights(before).items(), weights(after).values(), strict=True):
        if "running" not in name:
            torch.testing.assert_close(new, old, rtol=1e-4, atol=1e-5)


def test_a_run_interrupted_before_its_first_checkpoint_starts_from_the_same_weights(first, tmp_path):
    config = settings(init=str(first.path))
    whole = train(config, tmp_path / "whole")

    def stop(event):
        if event["kind"] == "start":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config, tmp_path / "cut", listen=stop)
    assert resume(tmp_path / "cut").encoder.read_bytes() == whole.encoder.read_bytes()


def test_a_run_resumes_from_its_checkpoint_though_the_first_weights_are_gone(first, tmp_path):
    config = settings(init=str(tmp_path / "gone.safetensors"), checkpoint_steps=1, epochs=2)
    (tmp_path / "gone.safetensors").write_bytes(first.encoder.read_bytes())
    (tmp_path / "preprocess.json").write_text('{"mean": [0.4, 0.5, 0.6], "std": [0.2, 0.2, 0.2]}')
    whole = train(config, tmp_path / "whole")

    def stop(event):
        if event["kind"] == "checkpoint":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config, tmp_path / "cut", listen=stop)
    (tmp_path / "gone.safetensors").unlink()
    assert resume(tmp_path / "cut").encoder.read_bytes() == whole.encoder.read_bytes()
    described = [load_encoder(tmp_path / name).spec for name in ("cut", "whole")]
    assert described[0] == described[1] and described[0].mean == (0.4, 0.5, 0.6)


def test_a_run_interrupted_at_its_start_is_refused_where_the_first_weights_changed(first, tmp_path):
    file = tmp_path / "first.safetensors"
    file.write_bytes(first.encoder.read_bytes())

    def stop(event):
        if event["kind"] == "start":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(settings(init=str(file)), tmp_path / "cut", listen=stop)
    other = train(settings(seed=5), tmp_path / "other")
    file.write_bytes(other.encoder.read_bytes())
    with pytest.raises(ValueError, match="expected the weights that the run began with"):
        resume(tmp_path / "cut")


def test_weights_that_do_not_fit_leave_nothing_behind(first, tmp_path):
    with pytest.raises(ValueError, match="got none that fit"):
        train(settings(init=str(first.path), encoder="timm/test_vit"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_pruned_twin_starts_with_the_norms_that_came_along(first):
    encoder = create_encoder("timm/test_resnet", image_size=8, seed=0)
    load_initial(encoder, str(first.path))
    method = build(settings(method=SDCLRConfig()), image_size=8, encoder=encoder)
    norms = [m for m in method.network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert norms and norms[0].running_mean.any()
    twin = next(m for m in method.pruned.modules() if isinstance(m, torch.nn.BatchNorm2d))  # type: ignore[union-attr]
    assert torch.equal(twin.running_mean, norms[0].running_mean)
