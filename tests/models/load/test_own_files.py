"""Encoders to and from files: what is written comes back to the bit; what cannot be trusted is refused."""

import copy
import json
from typing import Literal

import pytest
import safetensors.torch
import timm
import torch
from torch import nn

from holdfast.models import checksum, create_encoder, load_encoder, save_encoder
from holdfast.models.encoders import Encoder, EncoderSpec

NETWORKS = [("test_resnet", "small"), ("test_vit", "small"), ("test_efficientnet", "standard")]


def random_images(count: int = 3, size: int = 32) -> torch.Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(0))


def trained(name: str, stem: Literal["small", "standard"] = "small") -> Encoder:
    """An encoder whose weights and running statistics are no longer those of any seed."""
    encoder = create_encoder(f"timm/{name}", image_size=32, stem=stem)
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.add_(0.01)
        encoder(random_images())
    return encoder


@pytest.mark.parametrize(("name", "stem"), NETWORKS)
def test_an_encoder_comes_back_with_its_features_and_checksum(name, stem, tmp_path):
    encoder = trained(name, stem).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    save_encoder(encoder, tmp_path / "encoder.safetensors", epochs=3)
    loaded = load_encoder(tmp_path / "encoder.safetensors")
    document = json.loads((tmp_path / "encoder.json").read_text())
    assert isinstance(loaded, Encoder)
    assert checksum(loaded) == checksum(encoder) == document["checksum"]
    assert (loaded.spec, loaded.dim, document["dim"], document["epochs"]) == (encoder.spec, encoder.dim, encoder.dim, 3)
    images = random_images()
    torch.testing.assert_close(loaded(images), encoder.eval()(images), rtol=1e-5, atol=1e-6)
    assert not any(module.training for module in loaded.modules())


def test_a_run_folder_gives_its_encoder(tmp_path):
    encoder = trained("test_resnet")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match="finish the run first with: holdfast resume"):
        load_encoder(tmp_path)
    save_encoder(encoder, tmp_path / "encoder.safetensors")
    images = random_images()
    assert torch.equal(load_encoder(str(tmp_path))(images), encoder.eval()(images))


def test_other_mean_and_std_come_back(tmp_path):
    spec = EncoderSpec(
        encoder="timm/test_resnet", stem="small", image_size=32, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 1.0)
    )
    encoder = Encoder(create_encoder("timm/test_resnet", image_size=32).network, spec, 96).eval()
    save_encoder(encoder, tmp_path / "encoder.safetensors")
    loaded = load_encoder(tmp_path / "encoder.safetensors")
    assert loaded.spec == spec
    assert torch.equal(loaded(random_images()), encoder(random_images()))


def test_the_checksum_is_of_names_shapes_and_bits():
    module = nn.Linear(2, 3)
    before = checksum(module)
    assert before == checksum(module)
    nudged, flat = copy.deepcopy(module), copy.deepcopy(module)
    with torch.no_grad():
        nudged.bias[0] = torch.nextafter(nudged.bias[0], torch.tensor(9.0))
    flat.weight = nn.Parameter(flat.weight.detach().flatten())
    others = [nn.Sequential(module), copy.deepcopy(module).double(), nudged, flat]
    assert len({before, *map(checksum, others)}) == 5


def test_the_checksum_does_not_depend_on_the_memory_format():
    convolution = nn.Conv2d(3, 4, 3)
    before = checksum(convolution)
    assert checksum(convolution.to(memory_format=torch.channels_last)) == before  # type: ignore[call-overload]


@pytest.mark.parametrize("source", ["timm/test_resnet", "torchvision/resnet18", "torchvision/convnext_tiny"])
def test_a_name_gives_random_weights_that_are_the_same_every_time(source):
    first = load_encoder(source)
    torch.rand(1)
    assert checksum(first) == checksum(load_encoder(source))
    assert not first.training
    assert first(random_images(size=224)).shape == (3, first.dim)


def test_a_torchvision_encoder_is_torchvisions_network_without_its_last_linear_layer():
    encoder = load_encoder("torchvision/resnet18")
    assert isinstance(encoder, Encoder)
    assert encoder.dim == 512
    assert isinstance(encoder.network.get_submodule("fc"), nn.Identity)
    assert load_encoder("torchvision/vgg11").dim == 4096


def test_pretrained_weights_come_with_the_mean_and_std_that_they_were_trained_with(monkeypatch):
    def create(name, *, pretrained=False, **settings):
        assert pretrained
        return original(name, **settings)

    original = timm.create_model
    monkeypatch.setattr(timm, "create_model", create)
    facts = timm.get_pretrained_cfg("vit_tiny_patch16_224")
    encoder = load_encoder("timm/vit_tiny_patch16_224:pretrained")
    assert isinstance(encoder, Encoder)
    assert facts is not None
    spec = encoder.spec
    assert (spec.mean, spec.std, spec.image_size) == (facts.mean, facts.std, facts.input_size[-1])
    assert spec.mean == (0.5, 0.5, 0.5)


def test_a_module_is_returned_as_it_is_in_evaluation_mode():
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    assert load_encoder(module) is module
    assert not module[1].training


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("timm/resnet81", "timm knows, got 'timm/resnet81'; near it: timm/resnet18"),
        ("timm/resnet81:pretrained", "timm knows, got 'timm/resnet81'"),
        ("timm/resnet18:pretraind", "timm/resnet18:pretrained, got timm/resnet18:pretraind"),
        ("torchvision/resnet81", "torchvision.models, got 'resnet81'"),
        ("torchvision/squeezenet1_0", "ends in a linear layer, got 'squeezenet1_0'"),
        ("runs/none", "run folder, a folder or file of weights, timm/NAME or torchvision/NAME, got 'runs/none'"),
    ],
)
def test_what_names_no_encoder_is_refused(source, message):
    with pytest.raises(ValueError, match=message):
        load_encoder(source)


def test_another_layer_than_a_source_has_is_refused():
    with pytest.raises(ValueError, match="layer 'prefeature', got timm/test_resnet; use layer 'backbone'"):
        load_encoder("timm/test_resnet", layer="prefeature")
    with pytest.raises(ValueError, match=r"layer .*'backbone'.*, got 'penultimate'"):
        load_encoder("timm/test_resnet", layer="penultimate")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["weights.pt", "weights.pth", "weights.bin"])
def test_a_pickle_that_holds_code_runs_none_of_it(name, tmp_path):
    (tmp_path / name).write_bytes(b"cos\nsystem\n")
    with pytest.raises(ValueError, match=f"expected .*{name} to hold tensors and plain values only"):
        load_encoder(tmp_path / name)


def test_a_safetensors_file_needs_its_json(tmp_path):
    save_encoder(trained("test_resnet"), tmp_path / "encoder.safetensors")
    (tmp_path / "encoder.json").unlink()
    with pytest.raises(ValueError, match=r"\.json beside it"):
        load_encoder(tmp_path / "encoder.safetensors")
    with pytest.raises(FileNotFoundError, match="got no file"):
        load_encoder(tmp_path / "other.safetensors")


def test_an_unknown_schema_is_refused(tmp_path):
    save_encoder(trained("test_resnet"), tmp_path / "encoder.safetensors", schema=2)
    with pytest.raises(ValueError, match="expected encoder schema 1, got 2"):
        load_encoder(tmp_path / "encoder.safetensors")


def without_digest(folder):
    """The encoder as versions before digests wrote it."""
    document = json.loads((folder / "encoder.json").read_text())
    del document["digest"]
    (folder / "encoder.json").write_text(json.dumps(document))


def test_a_damaged_file_is_refused(tmp_path):
    save_encoder(trained("test_resnet"), tmp_path / "encoder.safetensors")
    content = (tmp_path / "encoder.safetensors").read_bytes()
    (tmp_path / "encoder.safetensors").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="as it was written"):
        load_encoder(tmp_path / "encoder.safetensors")
    without_digest(tmp_path)
    with pytest.raises(ValueError, match="tensors and plain values only"):
        load_encoder(tmp_path / "encoder.safetensors")


def test_weights_of_another_network_than_the_json_says_are_refused(tmp_path):
    save_encoder(trained("test_resnet"), tmp_path / "encoder.safetensors")
    safetensors.torch.save_file({"mean": torch.zeros(1, 3, 1, 1)}, tmp_path / "encoder.safetensors")
    without_digest(tmp_path)
    with pytest.raises(ValueError, match="expected the weights of timm/test_resnet"):
        load_encoder(tmp_path / "encoder.safetensors")
