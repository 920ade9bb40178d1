"""Small collections whose every picture tells its class, made anew for each test."""

import csv
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from case_pictures import picture, png


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def numbered_files(tmp_path):
    """24 pictures 0.png to 23.png, whose order as text is not that of their numbers."""
    folder = tmp_path / "numbered"
    folder.mkdir()
    for place in range(24):
        picture(place).save(folder / f"{place}.png")
    return folder


@pytest.fixture
def write_table(tmp_path):
    def write(header, rows, *, name="table.csv", encoding="utf-8", **options):
        with (tmp_path / name).open("w", newline="", encoding=encoding) as file:
            writer = csv.writer(file, **options)
            writer.writerow(header)
            writer.writerows(rows)
        return str(tmp_path / name)

    return write


@pytest.fixture
def write_shard(tmp_path):
    """Writes pictures at some places with their labels as a parquet file."""

    def write(name, places, labels, *, class_names=None, paths=False, kind=None):
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        cells = [
            {"bytes": None if paths else png(picture(p)), "path": f"/a/{p}.png" if paths else None} for p in places
        ]
        struct = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        table = pa.table({"image": pa.array(cells, struct), "label": pa.array(labels, kind)})
        if class_names is not None:
            features = {"label": {"names": list(class_names), "_type": "ClassLabel"}}
            table = table.replace_schema_metadata(
                {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
            )
        pq.write_table(table, target, row_group_size=5)
        return target

    return write
