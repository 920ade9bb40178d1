"""InvCLR's golden numbers: rendering, colours, critic loss, penalty and one full step (ae-foster/invclr@6da77d0),
float64."""

import pytest
import torch
from goldens import array, cases
from torch import Tensor, nn
from torch.nn import functional as F

from holdfast.data import render_spirograph
from holdfast.data.spirograph import COLUMNS
from holdfast.data.views import colour
from holdfast.engine.optim import epoch_rate
from holdfast.evaluation import fit_ridge, variance_report
from holdfast.evaluation.invariance import within_variance
from holdfast.objectives import expected_invariance_penalty, invariance_penalty, nt_xent

CLOSE = {"rtol": 1e-9, "atol": 1e-10}
ROUNDED = {"rtol": 0, "atol": 1e-9}
"""Golden pixels are rounded to nine digits."""
CONTENT, NUISANCES = (0, 1, 3, 4), (2, 5, 6, 7, 8, 9)
"""Columns of the goldens' content (m, b, sigma, rfore) and alpha (h, rback, gfore, gback, bfore, bback)."""


def tensor(values) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def weighted_sum(images: Tensor) -> Tensor:
    return (images.flatten() * torch.arange(images.numel(), dtype=torch.float64).sin()).sum()


@pytest.mark.parametrize("normalise", ["row", "image"])
@pytest.mark.parametrize("case", cases("invclr", "spirograph_render"), ids=lambda case: case["id"])
def test_spirographs_and_their_gradients_are_the_authors(case, normalise):
    parameters = tensor([[case["inputs"]["parameters"][name] for name in COLUMNS]]).requires_grad_()
    expected = case["outputs"][normalise]
    picture = render_spirograph(parameters, normalise=normalise)
    torch.testing.assert_close(picture[0], tensor(expected["image"]), **ROUNDED)
    torch.testing.assert_close(picture.sum(), tensor(expected["sum"]), **CLOSE)
    value = weighted_sum(picture)
    torch.testing.assert_close(value, tensor(expected["weighted_sum"]), **CLOSE)
    (gradient,) = torch.autograd.grad(value, parameters)
    torch.testing.assert_close(gradient[0], tensor([expected["gradient"][name] for name in COLUMNS]), **CLOSE)
    single = render_spirograph(parameters.float(), normalise=normalise)
    torch.testing.assert_close(single.double(), picture, rtol=0, atol=1e-4)


def test_colours_are_the_authors():
    case = cases("invclr", "colour_jitter")[0]
    images, factors = array(case["inputs"]["image"]), array(case["inputs"]["factors"]).requires_grad_()
    expected = {name: tensor(value) for name, value in case["outputs"].items()}
    by_name = dict(zip(colour.INVCLR_OPERATIONS, factors.unbind(1), strict=True))
    torch.testing.assert_close(colour.invclr_luma(images), expected["grayscale"], **CLOSE)
    for name, operation in colour.INVCLR_OPERATIONS.items():
        torch.testing.assert_close(operation(images, by_name[name]), expected[name], **CLOSE)
    composite = colour.jitter(images, by_name, tuple(colour.INVCLR_OPERATIONS), colour.INVCLR_OPERATIONS)
    torch.testing.assert_close(composite, expected["composite"], **CLOSE)
    torch.testing.assert_close(weighted_sum(composite), expected["composite_weighted_sum"], **CLOSE)
    (gradient,) = torch.autograd.grad(weighted_sum(composite), factors)
    torch.testing.assert_close(gradient, expected["composite_gradient"], **CLOSE)


def projector(w1: Tensor, w2: Tensor) -> nn.Sequential:
    layers = [nn.Linear(*reversed(w.shape), bias=False) for w in (w1, w2)]
    norms = (nn.BatchNorm1d(len(w1)), nn.BatchNorm1d(len(w2), affine=False))
    network = nn.Sequential(layers[0], norms[0], nn.ReLU(), layers[1], norms[1]).double()
    for layer, weight in zip(layers, (w1, w2), strict=True):
        layer.weight.data = weight.clone()
    return network


def norms(case: dict, name: str) -> Tensor:
    return tensor(case["outputs"]["gradient_norms"][name])


def test_the_critic_loss_is_the_authors():
    case = cases("invclr", "critic_loss")[0]
    inputs, outputs = case["inputs"], case["outputs"]
    h1, h2 = (array(inputs[name]).requires_grad_() for name in ("h1", "h2"))
    network = projector(array(inputs["w1"]), array(inputs["w2"]))
    with torch.no_grad():
        clean = nt_xent(network.eval()(h1), network(h2), temperature=inputs["temperature"])
    torch.testing.assert_close(clean, tensor(outputs["loss_eval_mode_fresh_statistics"]), **CLOSE)
    network.train()
    loss = nt_xent(network(h1), network(h2), temperature=inputs["temperature"])
    loss.backward()
    torch.testing.assert_close(loss.detach(), tensor(outputs["loss_train_mode"]), **CLOSE)
    for features, name in ((h1, "h1"), (h2, "h2")):
        torch.testing.assert_close(features.grad, tensor(outputs[f"grad_{name}"]), **CLOSE)
    first, last = network[1], network[4]
    assert isinstance(first, nn.BatchNorm1d)
    assert isinstance(last, nn.BatchNorm1d)
    torch.testing.assert_close(first.running_mean, tensor(outputs["bn1_running_mean"]), **CLOSE)
    torch.testing.assert_close(first.running_var, tensor(outputs["bn1_running_var"]), **CLOSE)
    torch.testing.assert_close(last.running_mean.norm(), tensor(outputs["bn2_running_mean_norm"]), **CLOSE)
    for index, name in ((0, "w1"), (3, "w2")):
        torch.testing.assert_close(network[index].weight.grad.norm(), norms(case, name), **CLOSE)


def toy_encoder(spec: dict) -> nn.Sequential:
    weight1, weight2 = array(spec["weight1"]), array(spec["weight2"])
    layers = [nn.Linear(*reversed(weight.shape)).double() for weight in (weight1, weight2)]
    for layer, number, weight in zip(layers, (1, 2), (weight1, weight2), strict=True):
        layer.weight.data, layer.bias.data = weight, array(spec[f"bias{number}"])
    norm = [nn.BatchNorm1d(len(weight1), affine=False).double()] if spec["batch_norm"] else []
    return nn.Sequential(nn.AvgPool2d(spec["pool"]), nn.Flatten(), layers[0], *norm, nn.Softplus(), layers[1])


def view(inputs: dict, alpha: Tensor, number: int = 1) -> Tensor:
    """View `number` as a function of its nuisances."""
    content = array(inputs["content"])
    if inputs["transform"] == "spirograph":
        columns = dict(zip((*CONTENT, *NUISANCES), (*content.unbind(1), *alpha.unbind(1)), strict=True))
        return render_spirograph(torch.stack([columns[i] for i in range(10)], dim=1), normalise="row")
    factors = dict(zip(colour.INVCLR_OPERATIONS, alpha.unbind(1), strict=True))
    jittered = colour.jitter(content, factors, tuple(factors), colour.INVCLR_OPERATIONS)
    gates = (array(inputs[f"{name}_gate_view{number}"]).view(-1, 1, 1, 1) > 0 for name in ("jitter", "gray"))
    images = torch.where(next(gates), jittered, content)
    images = torch.where(next(gates), colour.invclr_grey(images), images)
    mean, std = (tensor(inputs[name]).view(1, 3, 1, 1) for name in ("mean", "std"))
    return (images - mean) / std


def layers_of(encoder: nn.Sequential) -> dict[str, Tensor]:
    first, last = (module for module in encoder if isinstance(module, nn.Linear))
    return {"weight1": first.weight, "bias1": first.bias, "weight2": last.weight, "bias2": last.bias}


@pytest.mark.parametrize("features_are", ["normalised", "unnormalised"])
@pytest.mark.parametrize("case", cases("invclr", "gradient_penalty"), ids=lambda case: case["id"])
def test_the_penalty_and_its_gradients_are_the_authors(case, features_are):
    inputs, expected = case["inputs"], case["outputs"][features_are]
    encoder, alpha = toy_encoder(inputs["net"]), array(inputs["alpha_view1"]).requires_grad_()
    features = encoder(view(inputs, alpha))
    features = F.normalize(features, dim=1) if features_are == "normalised" else features
    signs, alternatives = array(inputs["signs"]), array(inputs["alpha_prime"])
    (gradient,) = torch.autograd.grad((signs * features).sum(), alpha, retain_graph=True)
    torch.testing.assert_close(gradient, tensor(expected["input_gradient"]), **CLOSE)
    low, high = tensor(inputs["alpha_bounds"])
    mean = expected_invariance_penalty(features, alpha, low=low, high=high, signs=signs, limit=1e9)
    torch.testing.assert_close(mean, tensor(expected["expected_penalty"]), **CLOSE)
    half = invariance_penalty(features, alpha, alternatives, signs=signs, limit=expected["penalty"] / 2)
    torch.testing.assert_close(half, tensor(expected["penalty_when_limit_is_half"]), **CLOSE)
    layers = layers_of(encoder)
    still = torch.autograd.grad(
        half, list(layers.values()), retain_graph=True, allow_unused=True, materialize_grads=True
    )
    assert all(not gradient.any() for gradient in still)
    penalty = invariance_penalty(features, alpha, alternatives, signs=signs, limit=1e9)
    torch.testing.assert_close(penalty, tensor(expected["penalty"]), **CLOSE)
    found = torch.autograd.grad(penalty, list(layers.values()), allow_unused=True, materialize_grads=True)
    gradients = dict(zip(layers, found, strict=True))
    for name, norm in expected["parameter_gradient_norms"].items():
        torch.testing.assert_close(gradients[name].norm(), tensor(norm), **CLOSE)
    for name in ("weight1", "weight2"):
        torch.testing.assert_close(gradients[name], tensor(expected[f"grad_{name}"]), **CLOSE)


def test_one_step_is_the_authors():
    case = cases("invclr", "invclr_step")[0]
    inputs, outputs = case["inputs"], case["outputs"]
    encoder, head = toy_encoder(inputs["net"]), projector(array(inputs["w1"]), array(inputs["w2"]))
    alpha = array(inputs["alpha_view1"]).requires_grad_()
    h1, h2 = encoder(view(inputs, alpha)), encoder(view(inputs, array(inputs["alpha_view2"]), number=2))
    contrast = nt_xent(head(h1), head(h2), temperature=inputs["temperature"])
    alternatives, signs = array(inputs["alpha_prime"]), array(inputs["signs"])
    penalty = invariance_penalty(F.normalize(h1, dim=1), alpha, alternatives, signs=signs, limit=inputs["limit"])
    total = contrast + inputs["penalty_weight"] * penalty
    for value, name in ((contrast, "contrastive"), (penalty, "penalty"), (total, "total")):
        torch.testing.assert_close(value, tensor(outputs[name]), **CLOSE)
    optimizer = torch.optim.SGD(
        [*encoder.parameters(), *head.parameters()], lr=inputs["lr"], momentum=0.9, weight_decay=inputs["weight_decay"]
    )
    total.backward()
    parts = layers_of(encoder) | {"w1": head[0].weight, "w2": head[3].weight}
    for name, part in parts.items():
        torch.testing.assert_close(part.grad.norm(), norms(case, name), **CLOSE)
    optimizer.step()
    for name in layers_of(encoder):
        torch.testing.assert_close(parts[name], nn.Parameter(tensor(outputs[f"{name}_after"])), **CLOSE)


def test_ridge_regression_on_averaged_features_is_the_authors():
    case = cases("invclr", "feature_average_regression")[0]
    inputs = {name: array(spec) for name, spec in case["inputs"].items() if isinstance(spec, dict)}
    for result in case["outputs"]["results"]:
        train, test = (inputs[f"{part}_features"][: result["passes"]].mean(0) for part in ("train", "test"))
        fit = fit_ridge(train, inputs["train_targets"], l2=case["inputs"]["l2"])
        torch.testing.assert_close(fit.weight, tensor(result["weight"]), **CLOSE)
        torch.testing.assert_close(fit.bias, tensor(result["bias"]), **CLOSE)
        errors = fit.errors(test, inputs["test_targets"])
        torch.testing.assert_close(errors, tensor(result["test_mse_per_target"]), **CLOSE)
        torch.testing.assert_close(errors.mean(), tensor(result["test_mse"]), **CLOSE)


def test_variances_are_within_images_and_in_total():
    case = cases("invclr", "variance_report")[0]
    features, outputs = array(case["inputs"]["features"]), case["outputs"]
    torch.testing.assert_close(within_variance(features), tensor(outputs["within_per_image"]), **CLOSE)
    assert variance_report(features) == pytest.approx(
        {name: outputs[name] for name in ("within", "total", "ratio")}, rel=1e-9
    )


@pytest.mark.parametrize("case", cases("invclr", "lr_schedule"), ids=lambda case: case["id"])
def test_the_learning_rate_is_the_authors(case):
    inputs, outputs = case["inputs"], case["outputs"]
    settings = {"epochs": inputs["epochs"], "peak": inputs["base_lr"], "ramp": inputs["ramp_len"]}
    assert [epoch_rate(epoch, **settings) for epoch in outputs["epochs"]] == pytest.approx(outputs["lr"], rel=1e-9)
