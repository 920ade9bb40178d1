"""timm's ways to weights: filters of foreign names, the hub's cache, folders; and files of random weights."""

import inspect
import json
import re
import tomllib
from pathlib import Path

import pytest
import safetensors.torch
import timm
import torch
from torch.testing import assert_close

from holdfast.models import load_encoder, loaded_of
from holdfast.models.encoders import EncoderSpec
from holdfast.models.load.file import filtered
from holdfast.models.load.tensors import Content

write_pickle = vars(torch)["save"]


def moved(name: str, **more) -> torch.nn.Module:
    """A network whose every parameter and statistic was moved."""
    generator = torch.Generator().manual_seed(0)
    network = timm.create_model(name, num_classes=0, **more).eval()
    with torch.no_grad():
        for tensor in [*network.parameters(), *network.buffers()]:
            if tensor.is_floating_point():
                tensor += 0.05 * torch.rand(tensor.shape, generator=generator)
    return network


def as_facebook(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """ConvNeXt's names as its authors have them, from timm's."""
    swaps = (
        (r"^stem\.(\d)\.", r"downsample_layers.0.\1."),
        (r"^stages\.(\d)\.downsample\.(\d)\.", r"downsample_layers.\1.\2."),
        (r"\.blocks\.(\d)\.", r".\1."),
        (r"\.conv_dw\.", ".dwconv."),
        (r"\.mlp\.fc1\.", ".pwconv1."),
        (r"\.mlp\.fc2\.", ".pwconv2."),
        (r"^head\.norm\.", "norm."),
    )
    found = {}
    for name, tensor in state.items():
        for theirs, ours in swaps:
            name = re.sub(theirs, ours, name)
        found[name] = tensor
    return found


def features(network, encoder) -> tuple[torch.Tensor, torch.Tensor]:
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return encoder(images), network((images - encoder.mean) / encoder.std)


def test_foreign_names_become_timms_by_its_own_filter(tmp_path):
    network = moved("convnext_atto")
    state = as_facebook(network.state_dict()) | {"head.weight": torch.zeros(5, 320), "head.bias": torch.zeros(5)}
    write_pickle({"model": state, "epoch": 3}, tmp_path / "w.pth")
    encoder = load_encoder(f"timm/convnext_atto@{tmp_path / 'w.pth'}", image_size=64)
    assert_close(*features(network, encoder), rtol=1e-4, atol=1e-4)
    loaded = loaded_of(encoder)
    assert loaded.layout == "names of w.pth converted by timm's filter" and loaded.matched == loaded.tensors
    assert "head" in loaded.left_out and loaded.weights == "trained"


def test_a_classifier_beside_timms_own_names_is_left_out(tmp_path):
    network = moved("convnext_atto")
    state = network.state_dict() | {"head.fc.weight": torch.zeros(5, 320), "head.fc.bias": torch.zeros(5)}
    write_pickle(state, tmp_path / "w.pth")
    assert_close(*features(network, load_encoder(f"timm/convnext_atto@{tmp_path / 'w.pth'}", image_size=64)))


def test_projectors_that_a_filter_drops_are_said(tmp_path):
    state = as_facebook(moved("convnext_atto").state_dict()) | {"projectors.0.weight": torch.ones(3)}
    write_pickle(state, tmp_path / "w.pth")
    loaded = loaded_of(load_encoder(f"timm/convnext_atto@{tmp_path / 'w.pth'}", image_size=64))
    assert "projectors" in loaded.left_out


def test_the_biases_that_timms_filter_drops_of_dinov3_are_not_lost(tmp_path):
    """Its names without _qkvb have none for queries and values: a file with some is refused, not read without."""
    module = pytest.importorskip("timm.models.eva")
    network = moved("vit_small_patch16_dinov3", depth=2, img_size=32)
    swaps = {"reg_token": "storage_tokens", "gamma_1": "ls1.gamma", "gamma_2": "ls2.gamma"}
    state = {}
    for name, tensor in network.state_dict().items():
        theirs = next((name.replace(ours, other) for ours, other in swaps.items() if ours in name), name)
        state[theirs] = tensor
    for block in range(2):
        state[f"blocks.{block}.attn.qkv.bias"] = torch.ones(3 * 384)
    assert not any("bias" in key and "qkv" in key for key in module.checkpoint_filter_fn(dict(state), network))
    content, problems = Content(tmp_path / "d.pth", state), []
    spec = EncoderSpec(encoder="timm/vit_small_patch16_dinov3", stem="standard", image_size=32)
    assert filtered(spec, network, content, problems) is None
    assert "blocks.0.attn.qkv.bias" in problems[0]


def hub_folder(folder, network) -> None:
    folder.mkdir(parents=True)
    safetensors.torch.save_file(network.state_dict(), folder / "model.safetensors")
    pretrained = {"mean": [0.5] * 3, "std": [0.25] * 3, "input_size": [3, 160, 160], "interpolation": "bicubic"}
    document = {"architecture": "test_vit", "num_classes": 0, "pretrained_cfg": pretrained}
    (folder / "config.json").write_text(json.dumps(document))


def test_a_model_in_the_hubs_cache_is_read_and_nothing_is_fetched(tmp_path, monkeypatch):
    hub = pytest.importorskip("huggingface_hub")
    network, cache = moved("test_vit"), tmp_path / "hub"
    hub_folder(cache / "models--me--net" / "snapshots" / "abc", network)
    (cache / "models--me--net" / "refs").mkdir()
    (cache / "models--me--net" / "refs" / "main").write_text("abc")
    monkeypatch.setattr(hub.constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr("huggingface_hub._snapshot_download.HF_HUB_CACHE", str(cache), raising=False)
    encoder = load_encoder("timm/hf-hub:me/net")
    images = torch.rand(2, 3, 160, 160)
    assert_close(encoder(images), network((images - 0.5) / 0.25), rtol=1e-4, atol=1e-4)
    with pytest.raises(FileNotFoundError, match="expected me/other in your cache of the hub, got none"):
        load_encoder("timm/hf-hub:me/other")


def test_a_folder_by_timms_name_for_it(tmp_path):
    hub_folder(tmp_path / "net", moved("test_vit"))
    assert loaded_of(load_encoder(f"timm/local-dir:{tmp_path / 'net'}")).std == (0.25, 0.25, 0.25)


@pytest.mark.parametrize("name", ["test_vit", "test_resnet"])
def test_a_file_of_weights_that_nobody_trained_is_called_random(name, tmp_path):
    network = timm.create_model(name, num_classes=0)
    write_pickle(network.state_dict(), tmp_path / "w.pth")
    loaded = loaded_of(load_encoder(f"timm/{name}:standard@{tmp_path / 'w.pth'}"))
    assert loaded.weights == "random" and loaded.matched == loaded.tensors
    assert "tensors matched; RANDOM: every norm is as it was built" in "\n".join(loaded.lines())


def test_the_lowest_timm_is_the_first_that_does_not_unpickle_by_default():
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    (bound,) = (text for text in project["dependencies"] if text.startswith("timm"))
    assert bound == "timm>=1.0.26", "1.0.25 calls torch.load with weights_only=False"
    assert inspect.signature(timm.models.load_state_dict).parameters["weights_only"].default is True
