"""EfficientNets in efficientnet_pytorch's names: sizes by shapes, pixels by family and name, padding by library."""

import json
import re

import pytest
import timm
import torch
from torch import Tensor

from holdfast.models import Encoder, load_encoder, loaded_of
from holdfast.models.load.foreign import efficientnet_name

write_pickle = vars(torch)["save"]
SMALL = {"lite0": "tf_efficientnet_lite0", "b0": "tf_efficientnet_b0"}


def theirs(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """timm's state in efficientnet_pytorch's names, written the other way round: block by block, part by part."""
    blocks = sorted({tuple(map(int, n.split(".")[1:3])) for n in state if n.startswith("blocks.")})
    wide = {block for block in blocks if f"blocks.{block[0]}.{block[1]}.conv_pwl.weight" in state}
    parts = {
        True: {"conv_pw": "_expand_conv", "bn1": "_bn0", "bn2": "_bn1", "conv_pwl": "_project_conv", "bn3": "_bn2"},
        False: {"bn1": "_bn1", "conv_pw": "_project_conv", "bn2": "_bn2"},
    }
    shared = {"conv_dw": "_depthwise_conv", "se.conv_reduce": "_se_reduce", "se.conv_expand": "_se_expand"}
    top = {"conv_stem": "_conv_stem", "bn1": "_bn0", "conv_head": "_conv_head", "bn2": "_bn1", "classifier": "_fc"}
    found = {}
    for name, tensor in state.items():
        match = re.fullmatch(r"blocks\.(\d+)\.(\d+)\.(.+)\.(\w+)", name)
        if match is None:
            head, _, leaf = name.partition(".")
            found[f"{top[head]}.{leaf}"] = tensor
            continue
        block = (int(match[1]), int(match[2]))
        part = (shared | parts[block in wide])[match[3]]
        found[f"_blocks.{blocks.index(block)}.{part}.{match[4]}"] = tensor
    return found


def shaken(name: str) -> torch.nn.Module:
    network = timm.create_model(name)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.is_floating_point():
                tensor.add_(0.02 * torch.rand(tensor.shape, generator=generator))
    return network.eval()


def written(path, name: str, prefix: str = ""):
    network = shaken(name)
    write_pickle({prefix + key: tensor for key, tensor in theirs(network.state_dict()).items()}, path)
    return network


@pytest.mark.parametrize("size", SMALL)
@torch.no_grad()
def test_a_file_gives_the_features_of_timms_network_with_tensorflows_padding(size, tmp_path):
    network = written(tmp_path / "net.pth", SMALL[size], prefix="encoder." if size == "b0" else "")
    encoder = load_encoder(str(tmp_path / "net.pth"), image_size=48)
    assert isinstance(encoder, Encoder)
    pixels = torch.rand(2, 3, 48, 48, generator=torch.Generator().manual_seed(0))
    mean, std = (torch.tensor(getattr(encoder.spec, key)).view(1, 3, 1, 1) for key in ("mean", "std"))
    features = network.forward_head(network.forward_features((pixels - mean) / std), pre_logits=True)
    torch.testing.assert_close(encoder(pixels), features, rtol=1e-4, atol=1e-5)
    loaded = loaded_of(encoder)
    assert loaded is not None and loaded.matched == loaded.tensors and loaded.left_out == ("_fc",)
    assert loaded.network == f"timm/{SMALL[size]}" and loaded.weights == "trained"
    assert encoder.spec.mean == ((0.5,) * 3 if size == "lite0" else (0.485, 0.456, 0.406))
    assert ("AdvProp" in " ".join(loaded.notes)) == (size == "b0"), "what no file tells is said"


def test_advprop_is_told_by_the_files_name_and_overruled_by_preprocess_json(tmp_path):
    written(tmp_path / "adv-efficientnet-b0.pth", SMALL["b0"])
    encoder = load_encoder(str(tmp_path / "adv-efficientnet-b0.pth"))
    assert isinstance(encoder, Encoder) and encoder.spec.mean == (0.5, 0.5, 0.5)
    (tmp_path / "preprocess.json").write_text(json.dumps({"mean": [0.1, 0.2, 0.3], "std": [1, 1, 1]}))
    own = load_encoder(str(tmp_path / "adv-efficientnet-b0.pth"))
    loaded = loaded_of(own)
    assert loaded is not None and loaded.mean == (0.1, 0.2, 0.3) and not loaded.notes
    assert loaded.pixels_from == "preprocess.json beside the file"


def test_a_network_of_other_layers_is_refused_though_every_shape_agrees(tmp_path):
    written(tmp_path / "net.pth", SMALL["lite0"])
    with pytest.raises(ValueError, match=r"conv_stem is a Conv2d there.*name timm/tf_efficientnet_lite0@"):
        load_encoder(f"timm/efficientnet_lite0@{tmp_path / 'net.pth'}")
    loaded = loaded_of(load_encoder(f"timm/tf_efficientnet_lite0@{tmp_path / 'net.pth'}"))
    assert loaded is not None and not loaded.notes


LARGE = [
    pytest.param(size, marks=pytest.mark.slow) for size in ("b2", "b3", "b4", "b5", "b6", "b7", "b8", "l2", "lite4")
]


@pytest.mark.parametrize("size", ["b1", "lite1", "lite2", "lite3", *LARGE])
def test_every_size_is_told_by_depth_and_width_as_timm_has_them(size):
    with torch.device("meta"):
        network = timm.create_model(f"tf_efficientnet_{size}")
    name, repeats = efficientnet_name(theirs(network.state_dict()), "net.pth")
    assert name == f"tf_efficientnet_{size}"
    assert repeats == [len(stage) for stage in network.blocks]


def test_sizes_that_are_none_and_grey_images_are_refused(tmp_path):
    state = theirs(shaken(SMALL["lite0"]).state_dict())
    with pytest.raises(ValueError, match="got 1 channels"):
        efficientnet_name({**state, "_conv_stem.weight": torch.zeros(32, 1, 3, 3)}, "net.pth")
    odd = {name: tensor for name, tensor in state.items() if not name.startswith("_blocks.15.")}
    with pytest.raises(ValueError, match="got 15 blocks that end in 320 channels; export it to ONNX"):
        efficientnet_name(odd, "net.pth")


def test_arguments_that_a_network_does_not_take_are_refused_in_a_line(tmp_path):
    written(tmp_path / "net.pth", SMALL["lite0"])
    facts = {"stem": "standard", "image_size": 224, "arguments": {"heads": 12}}
    (tmp_path / "preprocess.json").write_text(json.dumps(facts))
    with pytest.raises(ValueError, match=r"arguments that timm/tf_efficientnet_lite0 takes, got \{'heads': 12\}"):
        load_encoder(f"timm/tf_efficientnet_lite0@{tmp_path / 'net.pth'}")
