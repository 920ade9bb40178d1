"""An ONNX file through whole commands: what `holdfast export` writes is audited, embedded, and refused as a network."""

import numpy as np
import pytest
from PIL import Image

from holdfast.cli import main
from holdfast.findings import Finding

pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    """A small ResNet at 16 pixels, as `holdfast export` writes it."""
    path = tmp_path_factory.mktemp("graph") / "net.onnx"
    assert main(f"export timm/test_resnet --image-size 16 --format onnx --out {path}".split()) == 0
    return path


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    """Two folders of pictures, drawn alike."""
    root = tmp_path_factory.mktemp("sets")
    for seed, name in enumerate(("members", "others")):
        (root / name).mkdir()
        for number, pixels in enumerate(np.random.default_rng(seed).integers(0, 256, (220, 6, 6, 3), dtype=np.uint8)):
            Image.fromarray(pixels).resize((16, 16), Image.Resampling.BICUBIC).save(root / name / f"{number}.png")
    return root


def test_every_axis_without_a_gradient_is_the_networks_own(graph, tmp_path, capsys):
    axes = "--axes quality balance tail --device cpu --no-page"
    assert main(f"audit {graph} --data digits --out {tmp_path / 'graph'} {axes}".split()) == 0
    network = f"audit timm/test_resnet --image-size 16 --data digits --out {tmp_path / 'network'} {axes}"
    assert main(network.split()) == 0
    for axis in ("quality", "balance", "tail"):
        ours, theirs = (Finding.load(tmp_path / kind / f"{axis}.json") for kind in ("graph", "network"))
        both = {score.name for score in ours.scores} & {score.name for score in theirs.scores}
        assert len(both) >= 2
        for name in both:
            most = 0.6 if ours[name].unit == "percent" else 0.02  # an image or two near a boundary
            assert ours[name].value == pytest.approx(theirs[name].value, abs=most), name
    assert "an ONNX file, computed by onnxruntime on the CPU" in capsys.readouterr().out


def test_membership_by_norms_is_measured_and_parts_say_why_not(graph, sets, tmp_path, capsys):
    members = f"--members {sets / 'members'} --non-members {sets / 'others'}"
    assert main(f"audit {graph} {members} --out {tmp_path} --device cpu --no-page".split()) == 0
    finding = Finding.load(tmp_path / "membership.json")
    assert finding["auc"].interval[0] <= 0.5 <= finding["auc"].interval[1], "it saw neither"
    assert "not measured: parts" in " ".join(capsys.readouterr().out.split())


def test_a_graph_is_embedded_and_not_exported_again(graph, sets, tmp_path, capsys):
    assert main(f"embed {graph} --data {sets / 'others'} --out {tmp_path / 'f.parquet'} --device cpu".split()) == 0
    assert main(f"export {graph} --out {tmp_path / 'again'}".split()) == 2
    error = capsys.readouterr().err
    assert "got an ONNX file, which is an export already; copy it" in " ".join(error.split())
    for pool in ("avg", "map", "cls+avg"):
        assert main(f"embed {graph} --data digits --pool {pool} --out {tmp_path / 'p.parquet'}".split()) == 2
    assert capsys.readouterr().err.count("expected --pool config or cls for an ONNX file") == 3
