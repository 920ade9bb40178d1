"""Talos: the adversary learns to read an attribute, the encoder not to be read; what it lacks is refused in a line."""

import io
import shutil
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import safetensors.torch
import torch
from ddp_workers import double_method
from PIL import Image
from short_runs import short_run
from small_methods import small_config
from torch.nn import functional as F

from holdfast.cli import main
from holdfast.config import RunConfig
from holdfast.data import load_images
from holdfast.data.batches import Batch
from holdfast.engine import resume, train
from holdfast.methods import METHODS, Forgetting, with_settings
from holdfast.objectives import reversed_gradient
from holdfast.runs import RunFolder


@pytest.fixture
def sited(tmp_path):
    """40 pictures of noise with a site each, as one parquet file; the south is red."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (40, 3, 12, 12), dtype=np.uint8)
    pixels[::2, 0] = 255
    cells = []
    for image in pixels:
        buffer = io.BytesIO()
        Image.fromarray(image.transpose(1, 2, 0)).save(buffer, "png")
        cells.append({"bytes": buffer.getvalue()})
    path = tmp_path / "sited.parquet"
    columns = {"image": cells, "site": ["south", "north"] * 20, "one": ["all"] * 40}
    columns |= {"gaps": ["all", None] * 20, "own": [f"{place}" for place in range(40)]}
    pq.write_table(pa.table(columns), path)
    return path


def config(data, **changes) -> RunConfig:
    plain = short_run(small_config("simclr"), data=str(data), groups=("site", "one", "gaps", "own"), holdout=4)
    return with_settings(plain, **{"forget": "site", **changes})


def batch() -> Batch:
    images = torch.rand(8, 3, 16, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return Batch(images=images, ids=torch.arange(8), epoch=0, subgroups={"site": torch.arange(8) % 2})


def built(name: str = "simclr", **changes) -> Forgetting:
    plain = RunConfig(method=small_config(name), encoder="timm/test_resnet")
    method = double_method(with_settings(plain, **{"forget": "site", "forget_groups": 2, **changes}))
    assert isinstance(method, Forgetting)
    return method


def test_a_reversed_gradient_is_the_gradient_times_minus_the_weight():
    x = torch.tensor([[0.1, 0.7]], dtype=torch.float64, requires_grad=True)
    held = reversed_gradient(x, weight=3.0)
    assert torch.equal(held, x)
    (held**2).sum().backward()
    torch.testing.assert_close(x.grad, -3.0 * 2 * x.detach())


@pytest.mark.parametrize("name", METHODS)
def test_the_adversary_descends_its_loss_and_the_encoder_climbs_it(name):
    """The gradient is the method's own, plus the adversary's to itself, less weight times it to the encoder."""
    method = built(name, forget_weight=2.0)
    views = method.views(batch())
    loss = method.loss(views)
    plain = method.inner.loss(views)
    features = []
    handle = method.network[1].register_forward_hook(lambda head, inputs, output: features.append(inputs[0]))
    again = method.inner.loss(views)
    handle.remove()
    read = F.cross_entropy(method.reader(features[0][:8]), views.batch.subgroups["site"])
    torch.testing.assert_close(loss, plain + read)
    encoder = next(p for p in method.network[0].parameters() if p.requires_grad)
    reader = method.reader[0].weight
    found = torch.autograd.grad(loss, [encoder, reader])
    own = torch.autograd.grad(again, encoder, retain_graph=True)[0]
    of_read = torch.autograd.grad(read, [encoder, reader])
    torch.testing.assert_close(found[0], own - 2.0 * of_read[0])
    torch.testing.assert_close(found[1], of_read[1])


def test_images_without_a_value_are_not_asked_and_change_nothing():
    method, views = built(), built().views(batch())
    groups = views.batch.subgroups["site"]
    gaps = torch.where(torch.arange(8) < 3, 2, groups)
    few, none = (
        replace(views, batch=replace(views.batch, subgroups={"site": one}))
        for one in (gaps, torch.full_like(groups, 2))
    )
    plain = method.inner.loss(views)
    torch.testing.assert_close(method.loss(none), plain)
    assert method.readings() == {}
    seen = []
    handle = method.network[1].register_forward_hook(lambda head, inputs, output: seen.append(inputs[0]))
    found = method.loss(few)
    handle.remove()
    logits = method.reader(seen[0][3:8])
    torch.testing.assert_close(found, plain + F.cross_entropy(logits, groups[3:]))
    assert method.readings()["forget_accuracy"] == pytest.approx(
        100 * float((logits.argmax(1) == groups[3:]).double().mean())
    )


def test_what_is_forgotten_is_said_with_the_images_of_each_group_and_those_without(sited):
    table = pq.read_table(sited)
    site = pa.array([None if place < 4 else one for place, one in enumerate(table["site"].to_pylist())])
    pq.write_table(table.set_column(1, "site", site), sited)
    part = config(sited).parts[0]
    images = load_images(sited, size=12, subgroups=["site"])
    assert part.notes(images) == ["--forget site: 2 groups, north 18, south 18; 4 without a value take no part in it"]
    assert vars(part.resolved(images))["forget_groups"] == 2


def test_a_run_counts_the_groups_records_them_and_resumes_to_the_same_bits(sited, tmp_path):
    threads = torch.get_num_threads()
    run = train(config(sited, adversary="free:2", checkpoint_steps=1, keep_checkpoints=99), tmp_path / "run")
    assert run.read_config()["forget_groups"] == 2
    assert "forget_accuracy" in run.metrics.read_text()
    before = run.encoder.read_bytes()
    run.encoder.unlink()
    last = sorted(run.checkpoints.iterdir())
    assert "reader.0.weight" in "".join(safetensors.torch.load_file(last[-1] / "method.safetensors"))
    for path in last[5:]:
        shutil.rmtree(path)
    assert resume(run.path).encoder.read_bytes() == before
    torch.set_num_threads(threads)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"forget": "camera"},
            r"to forget, camera, got site, one, gaps, own; name the file and column of 'camera' with --groups, or",
        ),
        ({"forget": "one"}, "two groups of 'one' to forget, got 1; name another column"),
        ({"forget": "gaps"}, "two groups of 'gaps' to forget, got 1"),
        (
            {"forget": "own"},
            r"groups of 'own' to forget, of two images each or more, got \d+ of \d+ images; make ranges",
        ),
        ({"forget_groups": 5}, "forget_groups 2, as the images have, got 5"),
        ({"forget_weight": -1.0}, "forget_weight >= 0, got -1.0"),
    ],
)
def test_what_cannot_be_forgotten_is_refused_before_anything_is_written(sited, tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        train(config(sited, **changes), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(ValueError, match="without --chunk, got 4"):
        replace(config(sited), chunk=4)


def test_the_command_trains_the_preset_with_a_column_and_says_which_is_missing(sited, tmp_path, capsys):
    words = f"--data {sited} --encoder timm/test_resnet --image-size 12 --epochs 1 --batch-size 16 --lr 0.05".split()
    words += "--holdout 4 --precision 32 --signals-every 0".split()
    out = tmp_path / "run"
    assert main(["train", "talos", *words, "--out", str(out)]) == 2
    assert "expected --groups FILE.csv:COLUMN with the attribute to forget, site, got none; " in capsys.readouterr().err
    assert main(["train", "talos", *words, "--groups", "site", "--out", str(out)]) == 0
    assert "forget site" in capsys.readouterr().out
    assert RunFolder.open(out).read_config()["forget"] == "site"
