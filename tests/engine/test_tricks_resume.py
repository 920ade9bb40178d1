"""The speed recipe's tricks together: a run with all of them resumes in the same bits, and each can be switched off."""

from dataclasses import replace

import pytest
import safetensors.torch
import torch

from holdfast.config import RunConfig, ViewSettings
from holdfast.engine import loop, resume, train
from holdfast.methods import SimCLRConfig
from holdfast.models import load_encoder
from holdfast.runs import RunFolder

TRICKS = RunConfig(
    method=SimCLRConfig(view_count=3),
    views=ViewSettings(view_size=8, view_grow=0.5),
    data="digits",
    limit=60,
    image_size=16,
    encoder="timm/test_resnet",
    whiten=True,
    optimizer="muon",
    lr=0.02,
    epochs=2,
    batch_size=16,
    seed=3,
    checkpoint_steps=3,
    signals_every=0,
    precision="32",
    threads=1,
)


class Interrupted(Exception):
    """Stands for a power cut."""


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def weights(run: RunFolder) -> dict[str, torch.Tensor]:
    return safetensors.torch.load_file(run.encoder)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("stop_at", [2, 7])
def test_a_run_with_all_tricks_ends_in_the_same_bits_where_it_was_interrupted(stop_at, tmp_path, monkeypatch):
    whole = train(TRICKS, tmp_path / "whole")
    trained = loop._train_batch

    def cut(session, position, batch, meter):
        if position.step == stop_at:
            raise Interrupted
        trained(session, position, batch, meter)

    monkeypatch.setattr(loop, "_train_batch", cut)
    with pytest.raises(Interrupted):
        train(TRICKS, tmp_path / "cut")
    monkeypatch.setattr(loop, "_train_batch", trained)
    found, expected = weights(resume(tmp_path / "cut")), weights(whole)
    assert [name for name in expected if not torch.equal(found[name], expected[name])] == []


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize(
    "off",
    [
        {"method": SimCLRConfig()},
        {"views": ViewSettings()},
        {"whiten": False},
        {"optimizer": "sgd"},
    ],
    ids=["two views", "full size", "random filters", "SGD"],
)
def test_each_trick_switches_off_alone_and_changes_the_run(off, tmp_path):
    short = replace(TRICKS, views=ViewSettings(view_size=8), epochs=1, limit=20, holdout=0)
    with_it, without = train(short, tmp_path / "with"), train(replace(short, **off), tmp_path / "without")
    first, second = weights(with_it), weights(without)
    assert any(not torch.equal(first[name], second[name]) for name in first)
    assert load_encoder(tmp_path / "without")(torch.rand(2, 3, 16, 16)).shape == (2, 96)


def test_a_whitened_start_beside_given_weights_is_refused():
    with pytest.raises(ValueError, match="--whiten without --init, got runs/a; trained filters would be lost"):
        replace(TRICKS, init="runs/a")
