"""Files with drawn damage: each is read, or refused in one line (expected, got, remedy); never another error.

    FUZZ_EXAMPLES=2000 pytest -m slow tests/faults/test_fuzz.py

A falsifying example is kept as a test of its own in test_found_by_fuzz.py.
"""

import json
import os
import pickle  # noqa: TID251
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from drawn_findings import tail
from faulty_runs import finished
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from source_examples import pictures, png, write_folder

from holdfast.audits.subject import foreign_study
from holdfast.data import load_images
from holdfast.data.pool import load_pool
from holdfast.engine import read_config
from holdfast.engine.checkpoint import checkpoints, read_state
from holdfast.evaluation.feature_table import read_table
from holdfast.findings import Finding
from holdfast.models import load_encoder
from holdfast.report import read_card, write_card
from holdfast.report.collect import read
from holdfast.report.limits import load_limits
from holdfast.runs import RunFolder

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "30"))
SETTINGS = {"encoder_checksum": "e1", "test_checksum": "t1", "name": "toy", "test": "photos", "dim": 96}


@cache
def place() -> Path:
    return Path(mkdtemp())


@cache
def run() -> Path:
    return shutil.copytree(finished(), place() / "run")


@cache
def audited() -> Path:
    tail(SETTINGS, np.arange(40)).save(place() / "findings")
    write_card(place() / "findings", place() / "card")
    return place() / "findings"


def encoder(file):
    load_encoder(file.parent)


def images(file):
    found = load_images(str(file), size=8)
    assert found.pixels.dtype == torch.uint8 or len(found)


def labelled(file):
    load_images(str(place() / "pictures"), size=8, labels=f"{file}:kind")


def pool(file):
    record = RunFolder(file.parent).read_ids()
    if record["image_size"] < 100 and (record["limit"] or 0) < 1000 and len(record["data"]) < 20:
        load_pool(record)


def write_images(file):
    cells = [{"bytes": png(picture), "path": None} for picture in pictures()[:6]]
    pq.write_table(pa.table({"image": cells, "label": [0, 1] * 3}), file)


def write_npz(file):
    pixels = np.arange(6 * 3 * 8 * 8, dtype=np.uint8).reshape(6, 3, 8, 8)
    np.savez(file, images=pixels, labels=np.arange(6) % 2)
    return file


def write_csv(file):
    write_folder(place() / "pictures", range(6))
    names = [str(path.relative_to(place() / "pictures")) for path in sorted((place() / "pictures").rglob("*.*"))]
    file.write_text("path,kind\n" + "".join(f"{name},{'ab'[i % 2]}\n" for i, name in enumerate(names)))
    return file


def write_features(file):
    pq.write_table(pa.table({"id": [0, 1, 2], "label": [0, 1, 0], "features": [[0.1, 0.2]] * 3}), file)
    return file


def write_weights(file):
    save_file({"conv1.weight": torch.zeros(4, 3, 3, 3), "fc.bias": torch.zeros(2)}, file)
    return file


def write_pickle(file):
    torch.save({"conv1.weight": torch.zeros(4, 3, 3, 3)}, file)  # noqa: TID251
    return file


def written(name, write):
    """A file of this name, written once."""
    file = place() / name
    return file if file.exists() else (write(file) or file)


JSONS = {
    "config.json": (lambda: run() / "config.json", lambda file: read_config(RunFolder(file.parent))),
    "ids.json": (lambda: run() / "ids.json", pool),
    "encoder.json": (lambda: run() / "encoder.json", encoder),
    "state.json": (lambda: checkpoints(run() / "checkpoints")[-1] / "state.json", lambda file: read_state(file.parent)),
    "a finding": (lambda: audited() / "tail.json", Finding.load),
    "card.json": (lambda: audited().parent / "card" / "card.json", read_card),
    "limits": (
        lambda: written("limits.json", lambda f: f.write_text('{"balance.std": {"most": 3, "reason": "May"}}') and f),
        load_limits,
    ),
}
BYTES = JSONS | {
    "a finding's columns": (lambda: audited() / "tail.parquet", lambda file: read(file.parent)),
    "a checkpoint": (
        lambda: checkpoints(run() / "checkpoints")[-1] / "method.safetensors",
        lambda file: read_state(file.parent),
    ),
    "encoder.safetensors": (lambda: run() / "encoder.safetensors", encoder),
    "parquet": (lambda: written("images.parquet", write_images), images),
    "npz": (lambda: written("images.npz", write_npz), images),
    "CSV": (lambda: written("labels.csv", write_csv), labelled),
    "features": (lambda: written("features.parquet", write_features), read_table),
    "foreign weights": (lambda: written("weights.safetensors", write_weights), load_encoder),
    "a pickle": (lambda: written("weights.pth", write_pickle), load_encoder),
}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def paths(document, before=()):
    """Where every value of a document stands; of lists the first value alone."""
    first = range(min(1, len(document))) if isinstance(document, list) else ()
    for key in document if isinstance(document, dict) else first:
        yield (*before, key)
        yield from paths(document[key], (*before, key))


def changed(document, path, value, *, drop):
    for key in path[:-1]:
        document = document[key]
    if drop and isinstance(document, dict):
        document.pop(path[-1])
    else:
        document[path[-1]] = value


def told(file, content, reader):
    """The reader reads, or refuses in one line; the file is put back."""
    before = file.read_bytes()
    file.write_bytes(content)
    text = "expected"
    try:
        reader(file)
    except (ValueError, OSError) as error:
        text = str(error).strip()
    finally:
        file.write_bytes(before)
    assert "expected" in text
    assert "\n" not in text


FUZZED = settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))


@pytest.mark.slow
@pytest.mark.parametrize("name", JSONS)
@FUZZED
@given(data=st.data())
def test_json_with_another_value_somewhere_is_read_or_refused_in_one_line(name, data):
    where, reader = JSONS[name]
    file = where()
    document = json.loads(file.read_text())
    for _ in range(data.draw(st.integers(1, 2))):
        found = list(paths(document))
        if found:
            path = data.draw(st.sampled_from(found))
            changed(document, path, data.draw(VALUES), drop=data.draw(st.booleans()))
    told(file, json.dumps(document).encode("utf-8", "surrogatepass"), reader)


@pytest.mark.slow
@pytest.mark.parametrize("name", BYTES)
@FUZZED
@given(data=st.data())
def test_bytes_that_are_changed_lost_or_added_are_read_or_refused_in_one_line(name, data):
    where, reader = BYTES[name]
    file = where()
    content = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, max(0, len(content) - 1)))
        size = data.draw(st.sampled_from((1, 1, 2, 8, 100, len(content))))
        kind = data.draw(st.sampled_from(("changed", "lost", "added")))
        new = data.draw(st.binary(min_size=1, max_size=8))
        content[start : start + (0 if kind == "added" else size)] = b"" if kind == "lost" else new
    told(file, bytes(content), reader)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["weights.pth", "weights.bin", "weights.pkl", "weights.npz", "weights.safetensors"])
def test_a_pickle_that_would_run_something_does_not(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    class Runs:
        def __reduce__(self):
            return (os.system, ("touch MARKER",))

    (tmp_path / name).write_bytes(pickle.dumps({"conv1.weight": Runs()}))
    told(tmp_path / name, (tmp_path / name).read_bytes(), load_encoder)
    torch.save({"conv1.weight": Runs()}, tmp_path / name)  # noqa: TID251
    told(tmp_path / name, (tmp_path / name).read_bytes(), load_encoder)
    assert not (tmp_path / "MARKER").exists()


def test_a_study_is_no_study_where_its_file_is_another(tmp_path):
    (tmp_path / "study.json").write_text('{"settings": 5}')
    with pytest.raises(ValueError, match=r"^expected a study of encoder pairs in .*study.json"):
        foreign_study(tmp_path, str(run()))
