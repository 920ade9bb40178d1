"""Small image files made on the spot."""

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image


def encode(image, suffix="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, suffix, **options)
    return buffer.getvalue()


def noise(seed=0, height=8, width=8, channels=3):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


@pytest.fixture
def encoded_noise():
    """n PNGs of 8×8 noise, and their pixels [n, 8, 8, 3]."""

    def make(n, **size):
        arrays = [noise(seed, **size) for seed in range(n)]
        return [encode(Image.fromarray(array)) for array in arrays], np.stack(arrays)

    return make


@pytest.fixture
def write_parquet(tmp_path):
    """Writes encoded images in the Hugging Face layout and returns the path."""

    def write(encoded, labels=None, *, name="set.parquet", image="image", label="label", names=None, rows=4):
        struct = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        cells = [None if cell is None else {"bytes": cell, "path": f"{i}.png"} for i, cell in enumerate(encoded)]
        columns = {image: pa.array(cells, type=struct)}
        if labels is not None:
            columns[label] = pa.array(labels)
        table = pa.table(columns)
        if names is not None:
            features = {label: {"names": names, "_type": "ClassLabel"}}
            document = json.dumps({"info": {"features": features}})
            table = table.replace_schema_metadata({b"huggingface": document.encode()})
        pq.write_table(table, tmp_path / name, row_group_size=rows)
        return tmp_path / name

    return write
