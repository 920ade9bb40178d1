"""ONNX files as encoders: features of the graph, what is refused and why, and axes that need no gradient."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from holdfast.cli import main
from holdfast.evaluation import encoder_checksum
from holdfast.evaluation.invariance import directional_derivative
from holdfast.models import load_encoder, loaded_of

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

WEIGHTS = torch.randn(5, 3, 3, 3, generator=torch.Generator().manual_seed(0)) / 3
PLAIN = {"mean": [0.0] * 3, "std": [1.0] * 3}


def by_torch(images: torch.Tensor) -> torch.Tensor:
    return torch.relu(torch.nn.functional.conv2d(images, WEIGHTS)).mean((2, 3))


def written(path: Path, *, shape=("n", 3, 8, 8), outputs=("features",), beside: dict | None = PLAIN) -> Path:
    """A convolution, its mean over space as 'features', the map as 'map' and its transpose as 'tokens'."""
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    shapes = {"features": ["n", 5], "map": ["n", 5, 6, 6], "tokens": ["n", 36, 5], "logits": ["n", 5]}
    nodes = [
        helper.make_node("Conv", ["images", "weights"], ["before"]),
        helper.make_node("Relu", ["before"], ["map"]),
        helper.make_node("GlobalAveragePool", ["map"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["features"]),
        helper.make_node("Identity", ["features"], ["logits"]),
        helper.make_node("Reshape", ["map", "rows"], ["flat"]),
        helper.make_node("Transpose", ["flat"], ["tokens"], perm=[0, 2, 1]),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("images", kind, shape)],
        [helper.make_tensor_value_info(name, kind, shapes[name]) for name in outputs],
        [
            onnx.numpy_helper.from_array(WEIGHTS.numpy(), "weights"),
            onnx.numpy_helper.from_array(np.array([0, 5, -1], np.int64), "rows"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, str(path))
    if beside is not None:
        path.with_name("preprocess.json").write_text(json.dumps(beside))
    return path


def images(count: int = 3) -> torch.Tensor:
    return torch.rand(count, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def test_features_are_those_of_the_graph_with_the_mean_and_std_beside_it(tmp_path):
    path = written(tmp_path / "a.onnx", beside={"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4]})
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in ((0.5, 0.4, 0.3), (0.2, 0.3, 0.4)))
    encoder = load_encoder(path)
    assert_close(encoder(images()), by_torch((images() - mean) / std), rtol=1e-4, atol=1e-5)
    lines = "\n".join(loaded_of(encoder).lines())
    assert "graph small, an ONNX file, computed by onnxruntime on the CPU, without gradients" in lines
    assert "2 of 2 tensors matched" in lines and "input: 8 px (the file)" in lines
    assert "mean 0.5 0.4 0.3, std 0.2 0.3 0.4 (preprocess.json beside the file)" in lines and "features: 5" in lines


def test_a_graph_of_a_fixed_number_of_images_takes_any_number(tmp_path):
    encoder = load_encoder(written(tmp_path / "a.onnx", shape=(2, 3, 8, 8)))
    assert_close(encoder(images(5)), by_torch(images(5)), rtol=1e-4, atol=1e-5)


def test_several_outputs_are_named_and_the_only_flat_one_is_taken(tmp_path):
    path = written(tmp_path / "a.onnx", outputs=("map", "features"))
    assert "copy: output features" in "\n".join(loaded_of(load_encoder(path)).lines())
    assert load_encoder(f"{path}#map")(images()).shape == (3, 5, 6, 6), "maps are averaged over space by whoever asks"
    two = written(tmp_path / "b.onnx", outputs=("features", "logits"))
    with pytest.raises(ValueError, match=r"got several; it has features .*, logits .*: add #NAME"):
        load_encoder(two)
    chosen = load_encoder(f"{two}#logits")
    assert "looks like that of a classifier" in loaded_of(chosen).notes[0]
    assert encoder_checksum(chosen) != encoder_checksum(load_encoder(f"{two}#features"))


def test_tokens_need_a_pool_and_only_the_first_is_known(tmp_path):
    path = written(tmp_path / "a.onnx", outputs=("tokens",))
    with pytest.raises(ValueError, match="or --pool cls for the first of tokens"):
        load_encoder(path)
    first = torch.relu(torch.nn.functional.conv2d(images(), WEIGHTS)).flatten(2)[:, :, 0]
    assert_close(load_encoder(path, pool="cls")(images()), first, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match=r"which of .* tokens are patches is not in it"):
        load_encoder(path, pool="avg")


@pytest.mark.parametrize(
    ("more", "asked", "message"),
    [
        ({"beside": None}, {}, "which no ONNX file says, got no preprocess.json beside it; write one"),
        ({"shape": ("n", 3, "h", "w")}, {}, "takes any, got none; add --image-size"),
        ({}, {"image_size": 16}, "expected --image-size 8, which .* is fixed to, got 16"),
        ({"shape": ("n", 3, 8, 9)}, {}, "expected square images"),
        ({"shape": ("n", 1, 8, 8)}, {}, "one input, float32 images"),
    ],
)
def test_what_a_file_does_not_say_is_asked_for(tmp_path, more, asked, message):
    with pytest.raises(ValueError, match=message):
        load_encoder(written(tmp_path / "a.onnx", **more), **asked)


def test_any_size_goes_with_a_size(tmp_path):
    path = written(tmp_path / "a.onnx", shape=("n", 3, "h", "w"))
    assert loaded_of(load_encoder(path, image_size=8)).size_from == "as asked"


def test_other_bytes_are_refused_and_a_missing_file_is_said(tmp_path):
    (tmp_path / "a.onnx").write_bytes(b"no graph")
    with pytest.raises(ValueError, match=r"expected an ONNX file in .*; export it again"):
        load_encoder(tmp_path / "a.onnx")
    with pytest.raises(FileNotFoundError, match="got no file; check the path"):
        load_encoder(tmp_path / "b.onnx")


def noisy(path: Path, kind: str, *, training: bool = True) -> Path:
    """The file of written() with a node before its convolution, as torch's exporter writes dropout and drop path."""
    model = onnx.load(str(written(path)))
    flags = [
        onnx.numpy_helper.from_array(np.array(value), name)
        for value, name in ((np.float32(0.5), "p"), (training, "on"))
    ]
    model.graph.initializer.extend(flags)
    model.graph.node[0].input[0] = "dropped"
    model.graph.node.insert(
        0, onnx.helper.make_node(kind, ["images", "p", "on"][: 3 if kind == "Dropout" else 1], ["dropped"])
    )
    onnx.save(model, str(path))
    return path


@pytest.mark.parametrize("kind", ["Dropout", "RandomUniformLike", "Bernoulli"])
def test_a_graph_that_draws_at_random_is_refused_and_the_way_out_named(tmp_path, kind):
    with pytest.raises(ValueError, match=rf"draws in .*a\.onnx: {kind}, .*call model\.eval\(\) and export it again"):
        load_encoder(noisy(tmp_path / "a.onnx", kind))


def test_dropout_that_is_off_draws_nothing(tmp_path):
    encoder = load_encoder(noisy(tmp_path / "a.onnx", "Dropout", training=False))
    assert_close(encoder(images()), by_torch(images()), rtol=1e-4, atol=1e-5)


def test_without_the_packages_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(ValueError, match=r"pip install 'holdfast\[onnx\]'"):
        load_encoder(written(tmp_path / "a.onnx"))


def test_a_derivative_is_a_difference_and_not_zero(tmp_path):
    noted = []
    encoder, ramp = load_encoder(written(tmp_path / "a.onnx")), torch.ones(3, 3, 8, 8) / 10
    found = directional_derivative(encoder, images(), ramp, approximated=lambda: noted.append(True))
    assert noted and float(found.abs().max()) > 0.01


def test_what_needs_no_gradient_is_audited_and_attacks_say_why_not(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    path = written(tmp_path / "a.onnx")
    words = f"audit {path} --data digits --out out --device cpu --axes duplicates"
    assert main(words.split()) == 0
    assert "an ONNX file, computed by onnxruntime on the CPU" in capsys.readouterr().out
    settings = json.loads((tmp_path / "out" / "duplicates.json").read_text())["settings"]
    assert settings["load"]["image_size"] == settings["image_size"] == 8
    assert main(f"audit {path} --data digits --out other --axes robustness".split()) == 2
    error = capsys.readouterr().err
    assert "expected an encoder that gradients flow through (an ONNX file has none" in error and error.count("\n") == 1
