"""SDCLR's golden numbers: loss, masks, schedule, and training steps of the two branches (VITA-Group/SDCLR@f1490fc)."""

import pytest
import torch
from goldens import array, cases
from torch import nn

from holdfast.engine.optim import learning_rate
from holdfast.models import PrunedBranch, create_encoder, magnitude_masks, projection_head
from holdfast.objectives import nt_xent

EXACT = {"rtol": 1e-9, "atol": 1e-12}


@pytest.mark.parametrize("case", cases("sdclr", "nt_xent_pair"), ids=lambda case: case["id"])
def test_nt_xent_and_its_gradients_are_the_authors(case):
    z1, z2 = (array(case["inputs"][name]).requires_grad_() for name in ("f1", "f2"))
    loss = nt_xent(z1, z2, temperature=case["inputs"]["temperature"])
    loss.backward()
    expected = {name: torch.tensor(value, dtype=torch.float64) for name, value in case["outputs"].items()}
    torch.testing.assert_close(loss, expected["loss"], **EXACT)
    torch.testing.assert_close(z1.grad.norm(), expected["grad_f1_norm"], **EXACT)
    torch.testing.assert_close(z2.grad.norm(), expected["grad_f2_norm"], **EXACT)
    if case["inputs"]["return_gradients"]:
        torch.testing.assert_close(z1.grad, expected["grad_f1"], **EXACT)
        torch.testing.assert_close(z2.grad, expected["grad_f2"], **EXACT)


def layer(spec: dict) -> nn.Module:
    weight = array(spec["weight"])
    shape = weight.shape
    if weight.ndim == 4:
        made = nn.Conv2d(
            shape[1], shape[0], shape[2:], stride=spec.get("stride", 1), padding=spec.get("padding", 0), bias=False
        )
    else:
        made = nn.Linear(shape[1], shape[0], bias=False)
    made.weight = nn.Parameter(weight)
    return made


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("case", cases("sdclr", "global_magnitude_mask"), ids=lambda case: case["id"])
def test_masks_are_the_authors(case, dtype):
    network = nn.ModuleDict({spec["name"]: layer(spec) for spec in case["inputs"]["layers"]}).to(dtype)
    for result in case["outputs"]["results"]:
        masks = magnitude_masks(network, result["fraction"])
        kept = {name.removesuffix(".weight"): mask.flatten().int().tolist() for name, mask in masks.items()}
        assert kept == result["masks"]
        assert sum(mask.count(0) for mask in kept.values()) == result["pruned"]


@pytest.mark.parametrize("case", cases("sdclr", "prunable_inventory"), ids=lambda case: case["id"])
def test_resnets_have_the_authors_prunable_weights_and_heads(case):
    inputs, outputs = case["inputs"], case["outputs"]
    small = inputs["stem"] == "cifar"
    encoder = create_encoder(
        f"timm/resnet{inputs['depth']}", image_size=32 if small else 224, stem="small" if small else "standard"
    )
    generator = torch.Generator().manual_seed(0)
    for parameter in encoder.parameters():  # float32 draws repeat, and ties at the threshold are kept
        parameter.data = torch.rand(parameter.shape, generator=generator, dtype=torch.float64)
    masks = magnitude_masks(encoder, inputs["fractions"][0])
    assert len(masks) == outputs["prunable_tensors"]
    assert sum(mask.numel() for mask in masks.values()) == outputs["prunable_weights"]
    assert encoder.dim == outputs["feature_dim"]
    for fraction, pruned in outputs["pruned_count"].items():
        assert sum(int((~mask).sum()) for mask in magnitude_masks(encoder, float(fraction)).values()) == pruned
    two = projection_head(encoder.dim, layers=2, out=128)
    three = projection_head(encoder.dim, layers=3, out=128)
    norms = sum(p.numel() for m in three if isinstance(m, nn.BatchNorm1d) for p in m.parameters())
    assert sum(p.numel() for p in two.parameters()) == outputs["head_params_two_layers_one_bn_set"]
    assert sum(p.numel() for p in three.parameters()) + norms == outputs["head_params_three_layers_two_bn_sets"]


@pytest.mark.parametrize("case", cases("sdclr", "lr_schedule"), ids=lambda case: case["id"])
def test_the_learning_rate_is_the_authors(case):
    inputs, outputs = case["inputs"], case["outputs"]
    rates = [
        learning_rate(
            step,
            total_steps=outputs["total_steps"],
            warmup_steps=outputs["warmup_steps"],
            peak=inputs["peak_lr"],
            end=inputs["floor_lr"],
        )
        for step in inputs["steps"]
    ]
    assert rates == pytest.approx(outputs["lr"], rel=1e-9)


def toy_network(inputs: dict) -> nn.Sequential:
    encoder: list[nn.Module] = []
    for spec in inputs["convs"]:
        convolution = layer(spec)
        encoder += [convolution, nn.BatchNorm2d(convolution.weight.shape[0]), nn.ReLU()]
    head: list[nn.Module] = []
    for spec in inputs["head"]:
        linear = layer(spec)
        head += [linear, nn.BatchNorm1d(linear.weight.shape[0]), nn.ReLU()]
    pooled = nn.Sequential(*encoder, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return nn.Sequential(pooled, nn.Sequential(*head[:-1])).double()


def norm_tensors(norms, names: tuple[str, ...]) -> list[torch.Tensor]:
    return [torch.stack([getattr(norm, name).detach() for name in names]) for norm in norms]


def same(found: list[torch.Tensor], expected: list) -> None:
    for value, wanted in zip(found, expected, strict=True):
        flat = [wanted[key] for key in wanted] if isinstance(wanted, dict) else wanted
        flat = [entry for entry in flat if not isinstance(entry, int)]
        torch.testing.assert_close(value, torch.tensor(flat, dtype=torch.float64), rtol=1e-9, atol=1e-12)


def test_two_branches_train_as_the_authors_do():
    case = cases("sdclr", "two_branch_step")[0]
    inputs, outputs = case["inputs"], case["outputs"]
    network = toy_network(inputs)
    pruned = PrunedBranch(network, ratio=inputs["prune_fraction"]).double()
    parameters = [*network.parameters(), *pruned.parameters()]
    optimizer = torch.optim.SGD(
        parameters, lr=inputs["lr"], momentum=inputs["momentum"], weight_decay=inputs["weight_decay"]
    )
    images = array(inputs["images"])
    for epoch, batches in enumerate(images):
        pruned.rerank(network)
        assert [m.flatten().int().tolist() for m in pruned.masks.values()] == outputs["masks_per_epoch"][epoch]
        losses = []
        for batch in batches:
            z1, z2 = network(batch[:, 0]), pruned(network, batch[:, 1])
            loss = nt_xent(z1, z2, temperature=inputs["temperature"])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
        assert sum(losses) / len(losses) == pytest.approx(outputs["mean_loss_per_epoch"][epoch], rel=1e-9)
    convolutions = [m.weight.detach() for m in network.modules() if isinstance(m, nn.Conv2d)]
    same(convolutions, outputs["conv_weights"])
    same([m.weight.detach() for m in network[1] if isinstance(m, nn.Linear)], outputs["head_weights"])
    dense = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    same(norm_tensors(dense, ("weight", "bias")), outputs["bn_affine_dense"])
    same(norm_tensors(pruned.norms, ("weight", "bias")), outputs["bn_affine_pruned"])
    same(norm_tensors(dense, ("running_mean", "running_var")), outputs["bn_stats_dense"])
    same(norm_tensors(pruned.norms, ("running_mean", "running_var")), outputs["bn_stats_pruned_single_update"])
    network.eval()
    same([network[0](images[0, 0, :, 0]).detach()], [outputs["eval_pooled_features_dense"]])
    same([network(images[0, 0, :, 0]).detach()], [outputs["eval_head_output_dense"]])
