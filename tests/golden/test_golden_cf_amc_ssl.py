"""CF-AMC-SSL's golden numbers: objectives and free training (provenance in cf_amc_ssl.json)."""

import pytest
import torch
from goldens import cases
from torch import Tensor, nn
from torch.nn import functional as F

from holdfast.config import MethodConfig
from holdfast.data.views.augment import identity_parameters
from holdfast.methods import FreeAdversary
from holdfast.methods.base import Batch, Method, Views
from holdfast.methods.cf_amc_ssl import Ball
from holdfast.objectives import coding_rate, emp_ssl, nt_xent


def formula(n: int, d: int, phase: float, c: float) -> Tensor:
    """The inputs' generator, see 'input_formula' in the file's provenance."""
    k = torch.arange(n * d, dtype=torch.float64)
    return (torch.sin(0.7 * k + phase) + c * torch.cos(0.013 * k**2 + phase)).reshape(n, d)


def near(value: float) -> object:
    return pytest.approx(value, rel=1e-8, abs=1e-8)


@pytest.mark.parametrize("case", cases("cf_amc_ssl", "emp_ssl"), ids=["4 views", "16 views"])
def test_emp_ssl_and_its_gradient_are_the_authors(case):
    views, n, d = case["views"], case["n"], case["d"]
    rows = F.normalize(formula(views * n, d, case["phase"], case["c"]), dim=1).requires_grad_()
    z = rows.view(views, n, d)
    loss = emp_ssl(z, eps=case["eps"])
    loss.backward()
    assert loss.item() == near(case["loss"])
    assert rows.grad is not None
    assert rows.grad.norm().item() == near(case["grad_norm"])
    assert coding_rate(z, eps=case["eps"]).mean().item() == near(case["coding_rate_mean"])
    assert emp_ssl(z, similarity_weight=1, rate_weight=0).item() == near(case["similarity_loss"])


@pytest.mark.parametrize("case", cases("cf_amc_ssl", "coding_rate"), ids=["n under d", "n over d"])
def test_the_coding_rate_is_the_authors(case):
    z = formula(case["n"], case["d"], case["phase"], case["c"])
    assert coding_rate(z, eps=case["eps"]).item() == near(case["value"])


def test_their_contrastive_loss_is_nt_xent_times_a_factor():
    case = cases("cf_amc_ssl", "contrastive")[0]
    z1, z2 = (formula(case["n"], case["d"], case[name], case["c"]) for name in ("phase1", "phase2"))
    loss = nt_xent(z1, z2, temperature=case["temperature"]).item()
    assert loss == near(case["nt_xent"])
    assert case["temperature"] / 0.07 * loss == near(case["supcon_form"])


class Linear(Method):
    """A linear encoder on rows of pixels under EMP-SSL's objective."""

    moved_views = slice(None)

    def views(self, batch: Batch) -> Views:
        return self.make_views(batch)

    def loss(self, views: Views) -> Tensor:
        z = F.normalize(self.network(views.images.flatten(0, 1).flatten(1)), dim=1)
        return emp_ssl(z.unflatten(0, views.images.shape[:2]), eps=0.2)


def test_free_training_goes_where_the_authors_goes():
    case = cases("cf_amc_ssl", "free_adversarial")[0]
    v, n, p, d = case["views"], case["n"], case["p"], case["d"]
    images = torch.sigmoid(formula(v * n, p, case["phase"], case["c"])).view(v, n, 1, 1, p)
    linear = nn.Linear(p, d, bias=False).double()
    linear.weight = nn.Parameter(formula(p, d, case["phase"] + 1, case["c"]).T / p**0.5)
    parameters = identity_parameters(views=v, n=n, height=1, width=1)
    batch = Batch(images[0], torch.arange(n), 0)
    inner = Linear(
        MethodConfig(), network=nn.Sequential(linear), make_views=lambda batch: Views(images, parameters, batch)
    )
    free = FreeAdversary(inner, Ball(eps=8 / 255, step=0.01), case["replays"])
    optimizer, losses = torch.optim.SGD(free.parameters(), lr=case["lr"]), []
    for loss in free.losses(batch):
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses == pytest.approx(case["losses"], rel=1e-8)
    assert linear.weight.sum().item() == near(case["final_W_sum"])
    assert linear.weight.norm().item() == near(case["final_W_norm"])
    assert free.delta is not None
    assert free.delta.sum().item() == near(case["final_delta_sum"])
    assert free.delta.abs().sum().item() == near(case["final_delta_abs_sum"])
