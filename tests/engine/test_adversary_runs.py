"""Runs with adversaries: resume, the schedule over replays, pre-features from the folder, the budget."""

import json
from dataclasses import replace

import pytest
import safetensors.torch
import torch
from short_runs import short_run

from holdfast.config import RunConfig
from holdfast.engine import loop, resume, train
from holdfast.engine.checkpoint import _own_rows
from holdfast.engine.optim import LARS
from holdfast.findings import Finding
from holdfast.methods import METHODS, EMPSSLConfig, SDCLRConfig, with_settings
from holdfast.models import load_encoder
from holdfast.runs import RunFolder

SMALL = EMPSSLConfig(view_count=3, prefeature_dim=24, head_dim=12)


def tiny(**changes) -> RunConfig:
    return with_settings(
        short_run(SMALL, limit=60, holdout=20, checkpoint_steps=1), **{"adversary": "free:2", **changes}
    )


@pytest.fixture(autouse=True)
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def tensors(run: RunFolder) -> dict[str, torch.Tensor]:
    """The encoder and the last checkpoint, perturbations too."""
    last = sorted(run.checkpoints.iterdir())[-1]
    files = [run.encoder, *last.glob("*.safetensors")]
    return {f"{file.name}:{name}": t for file in files for name, t in safetensors.torch.load_file(file).items()}


def rates(run: RunFolder) -> list[float]:
    rows = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    return [row["lr"] for row in rows if row["kind"] == "epoch"]


@pytest.mark.parametrize(
    ("method", "penalty"),
    [(SMALL, None), (SDCLRConfig(), None), (replace(SMALL, prune_ratio=0.3), "invariance:0.1")],
    ids=["emp-ssl", "sdclr", "holdfast"],
)
def test_an_interrupted_run_resumes_with_its_perturbation(method, penalty, tmp_path, monkeypatch):
    config = tiny(method=method, adversary_start="random", penalty=penalty)
    whole, trained = train(config, tmp_path / "whole"), loop._train_batch

    def cut(session, position, batch, meter):
        if position.step == 4:  # two batches of two replays; a whole epoch has three
            raise KeyboardInterrupt
        trained(session, position, batch, meter)

    monkeypatch.setattr(loop, "_train_batch", cut)
    with pytest.raises(KeyboardInterrupt):
        train(config, tmp_path / "cut")
    monkeypatch.setattr(loop, "_train_batch", trained)
    found, expected = tensors(resume(tmp_path / "cut")), tensors(whole)
    assert found["ranks.safetensors:delta"].abs().max() > 0
    assert found.keys() == expected.keys()
    assert [name for name in expected if not torch.equal(found[name], expected[name])] == []


def test_the_schedule_counts_optimiser_steps_and_theirs_rises_again(tmp_path):
    settings = {"epochs": 2, "lr": 0.4, "lr_end": 0.0}
    ours = rates(train(tiny(**settings), tmp_path / "ours"))
    theirs = rates(train(tiny(**settings, schedule="authors"), tmp_path / "theirs"))
    assert ours == pytest.approx([0.2, 0.0])
    # With two replays their cosine has run out after the first of the two epochs, and is back at its peak at the end.
    assert theirs == pytest.approx([0.0, 0.4])


def test_a_run_keeps_its_prefeatures(tmp_path):
    run = train(tiny(epochs=1), tmp_path / "run")
    encoder = load_encoder(run.path, layer="prefeature")
    images = torch.rand(4, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    assert not encoder.training
    assert encoder.dim == 24
    state = safetensors.torch.load_file(sorted(run.checkpoints.iterdir())[-1] / "method.safetensors")
    weight, bias = (state[f"inner.network.1.prefeature.0.{name}"] for name in ("weight", "bias"))
    norm = {name: state[f"inner.network.1.prefeature.1.{name}"] for name in ("running_mean", "running_var", "weight")}
    features = load_encoder(run.path)(images) @ weight.T + bias - norm["running_mean"]
    expected = features / (norm["running_var"] + 1e-5).sqrt() * norm["weight"]
    expected = (expected + state["inner.network.1.prefeature.1.bias"]).relu()
    torch.testing.assert_close(encoder(images), expected, rtol=1e-4, atol=1e-5)


def test_a_run_without_prefeatures_says_so(tmp_path):
    run = train(tiny(method=METHODS["simclr"].Config(), epochs=1, adversary=None), tmp_path / "run")
    with pytest.raises(ValueError, match=r"expected a run with pre-features.*use layer 'backbone'"):
        load_encoder(run.path, layer="prefeature")


def test_the_budget_is_told_in_passes(tmp_path):
    told = []
    train(tiny(epochs=1, adversary="pgd:2"), tmp_path / "run", listen=told.append)
    start = told[0]
    assert start["passes_per_image"] == 3 * 3
    assert start["passes"] == 40 * 9


def test_the_audit_measures_either_layer_and_means_over_views(tmp_path):
    from holdfast.audits import Choice
    from holdfast.cli.audit import audit_encoder
    from holdfast.cli.audited import AuditOptions

    run = train(tiny(epochs=1), tmp_path / "run")
    shared = {"encoders": (), "axes": ("quality",), "batch_size": 64, "page": False}
    plain = audit_encoder(str(run.path), AuditOptions(**shared), Choice("full"))
    wide = AuditOptions(**shared, layer="prefeature", aggregate=3, out=tmp_path / "wide")
    wide = audit_encoder(str(run.path), wide, Choice("full"))
    assert plain == run.path
    found = [Finding.load(folder) for folder in (run.findings / "quality.json", wide / "quality.json")]
    assert [finding.settings["dim"] for finding in found] == [96, 24]
    assert [(f.settings["layer"], f.settings["aggregate"]) for f in found] == [("backbone", 0), ("prefeature", 3)]


def test_each_rank_takes_its_own_rows_back_and_another_number_of_ranks_is_refused():
    saved = {"delta": torch.arange(5.0)[:, None], "delta/counts": torch.tensor([5])}
    assert torch.equal(_own_rows(saved)["delta"], saved["delta"])
    with pytest.raises(ValueError, match=r"the 2 device.* the run began with, got 1"):
        _own_rows({"delta": torch.zeros(5, 1), "delta/counts": torch.tensor([3, 2])})


def emp_ssl_lars(lr: float) -> torch.Tensor:
    """One step of EMP-SSL's optimiser from weight 3, 4 (norm 5) with gradient 0, 10."""
    weight = torch.nn.Parameter(torch.tensor([[3.0, 4.0]]))
    weight.grad = torch.tensor([[0.0, 10.0]])
    LARS([weight], lr=lr, momentum=0.9, weight_decay=0.1, trust=0.5, clip=True, nesterov=True).step()
    return weight.detach()


def test_lars_with_clipping_and_nesterov_is_the_equation():
    ratio = 0.5 * 5 / (10 + 0.1 * 5)  # trust |w| / (|g| + decay |w|)
    direction = torch.tensor([[0.3, 10.4]])
    for lr, scale in ((10.0, ratio / 10), (0.01, 1.0)):  # clipped where lr is below the scaled rate
        expected = torch.tensor([[3.0, 4.0]]) - lr * scale * 1.9 * direction
        torch.testing.assert_close(emp_ssl_lars(lr), expected, rtol=1e-5, atol=1e-6)


def test_lars_leaves_biases_alone():
    bias = torch.nn.Parameter(torch.tensor([1.0]))
    bias.grad = torch.tensor([0.5])
    LARS([bias], lr=0.1, momentum=0.9, weight_decay=0.1, trust=0.5, clip=True).step()
    assert bias.item() == pytest.approx(0.95)
