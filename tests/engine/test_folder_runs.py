"""A run from a folder, from a parquet file in the folder's order, and from either streamed: the same encoder bits."""

import csv
import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import safetensors.torch
from PIL import Image

from holdfast import RunConfig, SimCLRConfig, train
from holdfast.data.files.stream import Streamed
from holdfast.engine import loop, resume
from holdfast.methods import with_settings

IMAGES = 100


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def folder(tmp_path):
    """JPEGs of mixed sizes in class folders."""
    for number in range(IMAGES):
        path = tmp_path / "pictures" / ["cat", "dog", "dog-like"][number % 3] / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(number).integers(0, 256, (18 + number % 5, 16, 3), dtype=np.uint8)
        Image.fromarray(noise).save(path)
    return tmp_path / "pictures"


@pytest.fixture
def parquet(folder):
    """The same files in the order of their paths, in row groups of 16."""
    files = sorted(folder.rglob("*.jpg"), key=lambda path: bytes(path.relative_to(folder)))
    cells = [{"bytes": file.read_bytes(), "path": str(file.relative_to(folder))} for file in files]
    struct = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    labels = [file.parent.name for file in files]
    path = folder.parent / "pictures.parquet"
    pq.write_table(pa.table({"image": pa.array(cells, type=struct), "label": labels}), path, row_group_size=16)
    return path


def config(data, **settings):
    given = {"image_size": 16, "epochs": 2, "batch_size": 32, "encoder": "timm/test_resnet", "precision": "32"}
    plain = RunConfig(method=SimCLRConfig(), data=str(data), threads=1, holdout=10, **given | settings)
    return with_settings(plain, memory_augment="bcl-d:2")  # whose memory is keyed by the images' ids


def encoder_bits(run):
    return run.encoder.read_bytes()


def remembered(run) -> list[float]:
    """The loss of each image that the run's last checkpoint remembers; -1 where it was never seen."""
    last = sorted(run.checkpoints.iterdir())[-1] / "method.safetensors"
    return safetensors.torch.load_file(last)["memory._extra_state"].tolist()


def test_folder_and_parquet_resident_or_streamed_train_the_same_encoder(folder, parquet, tmp_path):
    streamed = {"memory_gib": 1e-6, "workers": 1}
    runs = {
        name: train(config(source, **settings), tmp_path / name)
        for name, source, settings in [
            ("folder", folder, {"labels": "folder"}),
            ("parquet", parquet, {}),
            ("folder-streamed", folder, {"labels": "folder", **streamed}),
            ("parquet-streamed", parquet, streamed),
        ]
    }
    bits = {name: encoder_bits(run) for name, run in runs.items()}
    assert len(set(bits.values())) == 1
    memories = [remembered(run) for run in runs.values()]
    assert memories == [memories[0]] * 4 and sum(loss > 0 for loss in memories[0]) == IMAGES - 10
    ids = [json.loads(run.ids.read_text()) for run in runs.values()]
    of_the_source = ("data", "labels", "blocks", "files")
    ids = [{name: value for name, value in one.items() if name not in of_the_source} for one in ids]
    assert ids == [ids[0]] * 4


def test_a_streamed_run_resumes_in_mid_epoch_to_the_same_bits(folder, tmp_path, monkeypatch):
    settings = config(folder, memory_gib=1e-6, workers=1, checkpoint_steps=2, signals_every=0)
    whole = train(settings, tmp_path / "whole")
    steps = []
    step = loop._train_batch

    def interrupted(session, position, batch, meter):
        assert isinstance(session.pool.train.pixels, Streamed)
        if len(steps) == 5:
            raise KeyboardInterrupt
        steps.append(1)
        step(session, position, batch, meter)

    monkeypatch.setattr(loop, "_train_batch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(settings, tmp_path / "cut")
    monkeypatch.setattr(loop, "_train_batch", step)
    assert encoder_bits(resume(tmp_path / "cut")) == encoder_bits(whole)


def test_a_run_writes_what_was_set_aside(folder, tmp_path):
    (folder / "cat" / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    (folder / "dog" / "new\nline, comma.jpg").write_bytes(b"")
    events = []
    run = train(config(folder, epochs=1, signals_every=0), tmp_path / "run", listen=events.append)
    assert run.rejected.read_text().splitlines()[0] == "path,reason"
    rows = io.StringIO(run.rejected.read_text(), newline="")
    assert [row["path"] for row in csv.DictReader(rows)] == ["cat/broken.jpg", "dog/new\\x0aline, comma.jpg"]
    assert next(event for event in events if event["kind"] == "start")["rejected"] == 2
