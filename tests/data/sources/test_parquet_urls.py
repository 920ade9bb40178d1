"""Parquet shards behind URLs: read as from the disk, refused as from there, and skipped where their store fails."""

import io
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from little_store import served
from source_examples import labels, pictures, png

from holdfast.data import load_images
from holdfast.data.survey import survey

pytestmark = pytest.mark.usefixtures("stores_at_once")


def shard(places, **columns: Any) -> bytes:
    """Pictures at some places and their labels, two rows in a row group; columns replace these, or None drops one."""
    cells = [{"bytes": png(pictures()[place]), "path": f"{place}.png"} for place in places]
    found = {"image": cells, "label": [labels()[place] for place in places], **columns}
    buffer = io.BytesIO()
    pq.write_table(pa.table({name: one for name, one in found.items() if one is not None}), buffer, row_group_size=2)
    return buffer.getvalue()


def large(count: int) -> bytes:
    """So many pictures, and so much else that no footer is read together with one."""
    more = [np.random.default_rng(place).bytes(50_000) for place in range(count)]
    return shard(range(count), label=None, more=more)


def put(root: str, files: dict[str, bytes]) -> str:
    for name, content in files.items():
        with fsspec.open(f"{root}/{name}", "wb", auto_mkdir=True) as file:
            file.write(content)  # type: ignore[union-attr]
    return root


def two() -> dict[str, bytes]:
    return {"part-0.parquet": shard(range(6)), "part-1.parquet": shard(range(6, 12))}


def same(ours, theirs) -> bool:
    assert ours.classes == theirs.classes and ours.labels.tolist() == theirs.labels.tolist()
    assert list(ours.paths) == list(theirs.paths) and ours.ids.tolist() == theirs.ids.tolist()
    return ours.checksum == theirs.checksum


@pytest.mark.parametrize("scheme", ["memory", "file"])
def test_shards_behind_a_url_are_read_as_from_the_disk(scheme, tmp_path):
    local = load_images(put(f"file://{tmp_path}/local", two()).removeprefix("file://"))
    root = put(f"memory://{tmp_path.name}" if scheme == "memory" else f"file://{tmp_path}/shards", two())
    hub = put(f"{root}-hub", {f"data/{name}": content for name, content in two().items()})
    for name in (root, f"{root}/", f"{root}/part-*.parquet", hub):
        assert same(load_images(name), local)
    assert same(load_images(f"{root}/part-1.parquet", labels="label"), load_images(tmp_path / "local/part-1.parquet"))
    streamed = load_images(root, size=8, memory_gib=1e-6, workers=0)
    assert not isinstance(streamed.pixels, torch.Tensor) and same(streamed, local)
    assert np.array_equal(survey(root).content, survey(str(tmp_path / "local")).content)


def test_a_store_is_asked_for_the_bytes_of_row_groups_alone_and_by_workers_too():
    with served({"a.parquet": large(12)}) as store:
        images = load_images(f"{store.url}/a.parquet", limit=2, seed=1)
        assert torch.equal(images.pixels, torch.from_numpy(pictures()[images.ids]).permute(0, 3, 1, 2))
        assert store.sent < len(store.files["a.parquet"]) / 2
        streamed = load_images(f"{store.url}/*.parquet", size=8, memory_gib=1e-6, workers=1)
        assert streamed.checksum == load_images(f"{store.url}/a.parquet").checksum


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"train-0.parquet": "0", "test-0.parquet": "1"}, r"one split in (\S+)/, got .* name one: '\1/.*' or '\1/.*'"),
        ({"a.parquet": "0", "b.parquet": "no labels"}, r"column 'label' in all shards, got none in \S+/b.parquet"),
        ({"a.parquet": "0", "b.parquet": "numbers"}, r"text in \S+/a.parquet and numbers in \S+/b.parquet"),
        ({"a.parquet": "0", "b.parquet": "bytes"}, r"pictures of one type in all shards, .* binary in \S+/b.parquet"),
        ({"a.parquet": "0", "b.parquet": "no pictures"}, r"column 'image' in all shards, got none in \S+/b.parquet"),
        ({"a.parquet": "0", "b.parquet": "cut"}, r"a parquet file, got \S+/b.parquet, which is none or is cut short"),
        ({"a.parquet": "paths"}, "got paths alone"),
    ],
)
@pytest.mark.parametrize("scheme", ["memory", "disk"])
def test_what_is_refused_on_the_disk_is_refused_behind_a_url(scheme, files, message, tmp_path):
    kinds = {
        **{"0": shard([0, 1]), "1": shard([2, 3]), "cut": shard([2, 3])[:-30], "no labels": shard([2, 3], label=None)},
        **{"numbers": shard([2, 3], label=[0, 1]), "bytes": shard([2, 3], image=[png(pictures()[2])] * 2)},
        "no pictures": shard([2, 3], image=["a", "b"]).replace(b"image", b"thing"),
        "paths": shard(
            [2, 3], image=pa.array([{"bytes": None, "path": "a"}] * 2, pa.struct({"bytes": "binary", "path": "string"}))
        ),
    }
    root = f"memory://{tmp_path.name}" if scheme == "memory" else f"file://{tmp_path}/shards"
    put(root, {name: kinds[kind] for name, kind in files.items()})
    pattern = "/*.parquet" if len(files) > 1 else ""
    with pytest.raises((ValueError, FileNotFoundError), match=message) as caught:
        load_images(root.removeprefix("file://") + pattern)
    assert "\n" not in str(caught.value)


def test_a_shard_that_fails_is_tried_again_and_then_skipped_with_a_record():
    with served(two()) as store:
        store.failing = lambda name, reads: reads % 3  # two of three
        assert len(load_images(f"{store.url}/part-*.parquet")) == 12
        store.failing = lambda name, reads: name == "part-0.parquet"
        images = load_images(f"{store.url}/part-*.parquet")
        assert torch.equal(images.pixels, torch.from_numpy(pictures()[6:]).permute(0, 3, 1, 2))
        assert [one.path for one in images.rejected] == [f"{store.url}/part-0.parquet"]
        assert any("part-0.parquet is skipped: not read in 3 tries: 503" in note for note in images.notes)
        with pytest.raises(ValueError, match=r"expected shards that can be read, got .*part-0.*leave --strict out"):
            load_images(f"{store.url}/part-*.parquet", strict=True)
        with pytest.raises(OSError, match=r"expected a .parquet file that can be read, got .*part-0.*not read in 3"):
            load_images(f"{store.url}/part-0.parquet")


@pytest.mark.parametrize("more", [{}, {"size": 8, "memory_gib": 1e-6, "workers": 0}])
def test_a_row_group_that_fails_is_set_aside_row_by_row(more):
    with served({"a.parquet": large(6)}) as store:
        images = load_images(f"{store.url}/a.parquet", **more)
        assert len(images) == 6
        given = store.answer
        second = store.files["a.parquet"].index(png(pictures()[2]))

        def answer(name, span):
            first, _, last = (span or "bytes=-0").removeprefix("bytes=").partition("-")
            return (503, b"", "") if first and int(first) <= second <= int(last) else given(name, span)

        store.answer = answer  # type: ignore[method-assign]
        store.files["b.parquet"] = store.files["a.parquet"]
        images = load_images(f"{store.url}/b.parquet", **more)
        assert images.ids.tolist() == [0, 1, 4, 5]
        assert [one.path.split(" of ")[0] for one in images.rejected] == ["row 2", "row 3"]
        assert all("not read in 3 tries: 503" in one.reason for one in images.rejected)


def test_a_damaged_row_group_on_the_disk_is_set_aside_too(tmp_path):
    content = bytearray(shard(range(6), label=None))
    place = pq.read_metadata(io.BytesIO(content)).row_group(1).column(0).data_page_offset
    content[place : place + 30] = bytes(30)
    (tmp_path / "a.parquet").write_bytes(content)
    for more in ({}, {"size": 8, "memory_gib": 1e-6, "workers": 0}):
        images = load_images(tmp_path / "a.parquet", **more)
        assert images.ids.tolist() == [0, 1, 4, 5], images.rejected
    with pytest.raises(ValueError, match=r"expected pictures that can be read in .*row 2"):
        load_images(tmp_path / "a.parquet", strict=True)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing://a/b.parquet", r"a URL that fsspec opens, got nothing://a/b.parquet: .*holdfast\[remote\]"),
        (
            "s3://bucket/part-*.parquet",
            r"fsspec opens, got s3://bucket/part-\*.parquet: Install s3fs .*holdfast\[remote\]",
        ),
        ("http://127.0.0.1:9/a.parquet", r"files behind http://127.0.0.1:9/a.parquet, got: .*\(tried 3 times\); check"),
        ("ftp://127.0.0.1:9/a.tar", r"files behind ftp://127.0.0.1:9/a.tar, got: .*refused.*; check the address"),
        ("memory://nowhere/pictures", "got none; check the path; pictures that are files of their own are not read"),
    ],
)
def test_a_url_that_cannot_be_opened_is_told_in_one_line_with_its_remedy(name, message):
    with pytest.raises((ValueError, OSError), match=message):
        load_images(name)
