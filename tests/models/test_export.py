"""What export leaves gives the encoder's own features to those who do not have holdfast."""

import json
import subprocess
import sys

import pytest
import torch
from exports import checked_here
from safetensors.torch import load_file
from torch import nn

from holdfast.cli import main
from holdfast.models import Encoder, create_encoder, load_encoder, loaded_of, save_encoder
from holdfast.models.encoders import EncoderSpec
from holdfast.models.export import export_encoder, export_hub, export_onnx, export_program

BLOCKED = "import sys; sys.modules['holdfast'] = None\n"
FEATURES = BLOCKED + (
    "import json, load, torch\n"
    "images = torch.linspace(0, 1, 2 * 3 * {size} * {size}).view(2, 3, {size}, {size})\n"
    "print(json.dumps(load.features(load.encoder(), images).tolist()))\n"
)


def shaken(encoder):
    """Other weights than a fresh network has, batch statistics too."""
    generator = torch.Generator().manual_seed(0)
    for tensor in [*encoder.network.parameters(), *encoder.network.buffers()]:
        if tensor.is_floating_point():
            tensor.data += 0.05 * torch.rand(tensor.shape, generator=generator)
    return encoder.eval()


def exported(encoder, folder):
    """The features by the written code, in the process and on the images that FEATURES has."""
    size = encoder.spec.image_size
    export_encoder(encoder, folder)
    images = torch.linspace(0, 1, 2 * 3 * size * size).view(2, 3, size, size)
    with torch.no_grad():
        return encoder(images)


@pytest.fixture
def quick_check():
    with checked_here():
        yield


@pytest.mark.slow
def test_the_code_needs_no_holdfast_and_gives_the_same_features(tmp_path):
    encoder = shaken(create_encoder("timm/test_resnet", image_size=16))
    expected = exported(encoder, tmp_path / "out")
    code = FEATURES.format(size=16)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path / "out", capture_output=True, text=True, check=True
    )
    torch.testing.assert_close(torch.tensor(json.loads(done.stdout)), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("source", "size", "stem"),
    [
        ("timm/resnet18", 32, "small"),
        pytest.param("timm/test_resnet", 96, "standard", marks=pytest.mark.slow),
        pytest.param("timm/test_vit", 32, "small", marks=pytest.mark.slow),
        pytest.param("timm/test_vit", 64, "standard", marks=pytest.mark.slow),
        pytest.param("timm/test_efficientnet", 96, "standard", marks=pytest.mark.slow),
    ],
)
def test_any_network_of_timm_is_exported_and_checked(source, size, stem, tmp_path):
    encoder = shaken(create_encoder(source, image_size=size, stem=stem))
    exported(encoder, tmp_path / "out")  # raises where the written code gives other features
    state = load_file(tmp_path / "out" / "model.safetensors")
    assert set(state) == set(encoder.network.state_dict())
    facts = json.loads((tmp_path / "out" / "preprocess.json").read_text())
    assert (facts["network"], facts["image_size"], facts["dim"]) == (source, size, encoder.dim)


@pytest.mark.slow
def test_networks_of_torchvision_are_exported_under_its_names(tmp_path):
    exported(load_encoder("torchvision/mobilenet_v3_small"), tmp_path / "out")
    assert "features.0.0.weight" in load_file(tmp_path / "out" / "model.safetensors")


def test_a_network_that_its_name_does_not_build_is_refused_and_nothing_is_left(tmp_path):
    network = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    encoder = Encoder(network, EncoderSpec(encoder="timm/test_resnet", stem="standard", image_size=16), 3)
    with pytest.raises(ValueError, match="expected a network that its name builds again, got timm/test_resnet"):
        export_encoder(encoder, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_folder_that_is_there_is_left_alone(tmp_path, capsys):
    save_encoder(create_encoder("timm/test_resnet", image_size=16), tmp_path / "encoder.safetensors")
    (tmp_path / "mine").mkdir()
    assert main(["export", str(tmp_path / "encoder.safetensors"), "--out", str(tmp_path / "mine")]) == 2
    assert "expected a new folder" in capsys.readouterr().err
    assert main(["export", str(tmp_path / "encoder.safetensors"), "--out", str(tmp_path / "new")]) == 0
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"model.safetensors", "preprocess.json", "load.py"}
    assert main(["export"]) == 2


@pytest.mark.parametrize(
    ("name", "size"), [pytest.param("timm/test_resnet", 96, marks=pytest.mark.slow), ("timm/test_vit", 160)]
)
@pytest.mark.usefixtures("quick_check")
def test_timm_loads_the_folder_by_itself(name, size, tmp_path):
    import timm

    encoder = create_encoder(name, image_size=size, stem="standard", seed=3).eval()
    export_encoder(encoder, tmp_path / "out")
    network = timm.create_model(f"local-dir:{tmp_path / 'out'}", pretrained=True).eval()
    images = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    mean, std = (torch.tensor(network.pretrained_cfg[key]).view(1, 3, 1, 1) for key in ("mean", "std"))
    # timm resamples position embeddings as it loads them, onto their own grid too
    torch.testing.assert_close(network((images - mean) / std), encoder(images), atol=2e-3, rtol=0)


@pytest.mark.slow
def test_a_network_with_another_stem_does_not_pretend_to_be_timms(tmp_path):
    export_encoder(create_encoder("timm/test_resnet", image_size=32, stem="small", seed=0), tmp_path / "out")
    assert not (tmp_path / "out" / "config.json").exists()


GRAPHS = [("timm/test_resnet", 16, "small"), ("timm/test_vit", 32, "small")]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # torch's exporter warns of itself
@pytest.mark.parametrize(("source", "size", "stem"), GRAPHS)
def test_an_onnx_file_gives_torchs_features_for_any_number_of_images(source, size, stem, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    encoder = shaken(create_encoder(source, image_size=size, stem=stem))
    facts = export_onnx(encoder, tmp_path / "a.onnx")
    assert facts["apart"] < 1e-3
    assert [path.name for path in tmp_path.iterdir()] == ["a.onnx"], "one file, not two"
    session = onnxruntime.InferenceSession(str(tmp_path / "a.onnx"))
    images = torch.rand(5, 3, size, size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = encoder(images)
    found = torch.from_numpy(session.run(None, {"images": images.numpy()})[0])
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)
    again = load_encoder(tmp_path / "a.onnx")
    torch.testing.assert_close(again(images), expected, rtol=1e-3, atol=1e-4)
    assert (loaded_of(again).image_size, loaded_of(again).std) == (size, (1.0, 1.0, 1.0)), (
        "normalisation is in the graph"
    )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_an_exported_program_gives_the_features_for_any_number_of_images(tmp_path):
    encoder = shaken(create_encoder("timm/test_vit", image_size=32))
    assert export_program(encoder, tmp_path / "a.pt2")["apart"] < 1e-4
    program, images = torch.export.load(tmp_path / "a.pt2").module(), torch.rand(5, 3, 32, 32)
    torch.testing.assert_close(program(images), encoder(images), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("pool", ["cls+avg", pytest.param("avg", marks=pytest.mark.slow)])
@pytest.mark.usefixtures("quick_check")
def test_pooling_and_size_travel_with_an_export_and_come_back(pool, tmp_path):
    encoder = load_encoder("timm/test_vit", pool=pool, image_size=96)
    export_encoder(encoder, tmp_path / "out")
    again, images = load_encoder(tmp_path / "out"), torch.rand(2, 3, 96, 96)
    torch.testing.assert_close(again(images), encoder(images))


@pytest.mark.usefixtures("quick_check")
def test_a_hub_folder_has_a_card_with_the_licence_and_is_read_back(tmp_path):
    encoder = shaken(load_encoder("timm/test_vit"))
    with pytest.raises(ValueError, match=r"expected --licence with the licence of the weights, got none"):
        export_hub(encoder, tmp_path / "none", licence=" ", name="x")
    assert not (tmp_path / "none").exists()
    export_hub(encoder, tmp_path / "out", licence="cc-by-4.0", name="mine")
    assert "license: cc-by-4.0" in (tmp_path / "out" / "README.md").read_text()
    again, images = load_encoder(tmp_path / "out"), torch.rand(2, 3, 160, 160)
    torch.testing.assert_close(again(images), encoder(images))
    assert again.spec.mean == encoder.spec.mean
