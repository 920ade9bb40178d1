"""A state-dict file that others wrote: NAME@FILE finds the weights under any prefix, or says why not."""

import pytest
import safetensors.torch
import timm
import torch
import torchvision
from torch import nn

from holdfast.models import create_encoder, load_encoder
from holdfast.models.encoders import Encoder
from holdfast.randomness import seeded_library

# Files as others write them: torch.save is theirs, we only read.
write_pickle = vars(torch)["save"]


def network(name: str = "test_resnet", **settings) -> nn.Module:
    """A foreign network with a classifier and weights of no seed of ours."""
    with seeded_library(7, "foreign"):
        made = timm.create_model(name, num_classes=5, **settings)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.01)
    return made.eval()


def normalised_images(size: int, name: str | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """Images, and the same as the network of a name wants them: ImageNet's mean and std without one."""
    images = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    facts = timm.get_pretrained_cfg(name or "resnet18")
    mean, std = torch.tensor(facts.mean), torch.tensor(facts.std)
    return images, (images - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1)


def load(source: str) -> Encoder:
    encoder = load_encoder(source)
    assert isinstance(encoder, Encoder)
    return encoder


def features(of: nn.Module, images: torch.Tensor) -> torch.Tensor:
    return of.forward_head(of.forward_features(images), pre_logits=True)  # type: ignore[operator]


def named(name: str) -> str:
    """With the stem, where both have the same shapes."""
    return f"{name}:standard" if name == "test_resnet" else name


CONTENTS = {
    "plain": lambda state: state,
    "under state_dict, from data parallel": lambda state: {
        "state_dict": {f"module.{k}": v for k, v in state.items()},
        "epoch": 3,
    },
    "with a projector": lambda state: (
        {f"backbone.{k}": v for k, v in state.items()} | {"projector.weight": torch.ones(2)}
    ),
    "with an optimiser": lambda state: {"model": state, "optimizer": {"state": {0: {"momentum": torch.ones(3)}}}},
}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_efficientnet"])
def test_the_weights_are_found_and_the_classifier_is_left_out(name, content, tmp_path):
    foreign = network(name)
    write_pickle(content(foreign.state_dict()), tmp_path / "weights.pth")
    encoder = load(f"timm/{named(name)}@{tmp_path / 'weights.pth'}")
    images, normalised = normalised_images(encoder.spec.image_size, name)
    torch.testing.assert_close(encoder(images), features(foreign, normalised))
    assert not encoder.training


def test_safetensors_and_torchvision_names_work_too(tmp_path):
    with seeded_library(7, "foreign"):
        foreign = torchvision.models.resnet18().eval()
    safetensors.torch.save_file(foreign.state_dict(), tmp_path / "weights.safetensors")
    encoder = load(f"torchvision/resnet18@{tmp_path / 'weights.safetensors'}")
    images, normalised = normalised_images(64)
    foreign.fc = nn.Identity()  # type: ignore[assignment]
    torch.testing.assert_close(encoder(images), foreign(normalised))


def test_a_small_stem_is_known_by_its_shape(tmp_path):
    small = create_encoder("timm/resnet18", image_size=32, stem="small", seed=5).eval()
    safetensors.torch.save_file(small.network.state_dict(), tmp_path / "weights.safetensors")
    encoder = load(f"timm/resnet18@{tmp_path / 'weights.safetensors'}")
    assert encoder.spec.stem == "small"
    images, _ = normalised_images(32)
    assert torch.equal(encoder(images), small(images))


def test_old_files_without_batch_counters_are_taken(tmp_path):
    state = {k: v for k, v in network().state_dict().items() if not k.endswith("num_batches_tracked")}
    safetensors.torch.save_file(state, tmp_path / "weights.safetensors")
    assert load(f"timm/test_resnet:standard@{tmp_path / 'weights.safetensors'}").dim == 96


def refusal(content, tmp_path, name: str = "timm/resnet18") -> str:
    write_pickle(content, tmp_path / "weights.pth")
    with pytest.raises(ValueError, match="expected") as caught:
        load_encoder(f"{name}@{tmp_path / 'weights.pth'}")
    return str(caught.value)


def test_a_larger_network_of_the_same_kind_is_refused(tmp_path):
    # All names and shapes of ResNet-18 are in ResNet-34 too.
    state = timm.create_model("resnet34").state_dict()
    besides = "layer1.2.conv1.weight, layer1.2.bn1.weight, layer1.2.bn1.bias besides, of a larger network"
    assert f"got {besides}" in refusal(state, tmp_path)


def test_another_width_is_refused_with_the_two_shapes(tmp_path):
    state = timm.create_model("resnet18").state_dict() | {"layer1.0.conv1.weight": torch.ones(1, 2, 3, 3)}
    assert "layer1.0.conv1.weight of shape [1, 2, 3, 3] where it has [64, 64, 3, 3]" in refusal(state, tmp_path)


def test_two_networks_in_a_file_are_refused_by_name(tmp_path):
    state = network().state_dict()
    both = {"left": state, "right": state}
    assert "got 2: left, right;" in refusal(both, tmp_path, "timm/test_resnet:standard")


def test_other_content_is_refused_with_the_names_in_it(tmp_path):
    assert "got names such as a.b, c;" in refusal({"a": {"b": torch.ones(1)}, "c": torch.ones(1)}, tmp_path)
    assert "got names such as none;" in refusal({"accuracy": 3}, tmp_path)


class Anything:
    """What a pickle must not be able to make."""


def test_a_file_that_holds_code_is_refused_unopened(tmp_path):
    message = refusal({"state_dict": network().state_dict(), "extra": Anything()}, tmp_path)
    assert "tensors and plain values only, got UnpicklingError" in message


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="got no file at"):
        load_encoder(f"timm/resnet18@{tmp_path / 'none.pth'}")
