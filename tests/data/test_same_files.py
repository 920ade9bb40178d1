"""What a run reads again: other files are told by name and number before a picture is decoded."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from source_examples import packed, pictures, png, write_folder, write_parquet

from holdfast.config import MethodConfig, RunConfig
from holdfast.data import load_pool, pool, prepare
from holdfast.data.files import decode
from holdfast.data.sources import folder


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def config(**settings):
    return RunConfig(method=MethodConfig(), **settings)


def _parquet(root, order):
    folder = write_parquet(root, order)
    return folder, f"{folder}/part-1.parquet", r"6 in 1 files in .*\(not there or not read: part-1.parquet\)"


def _tar(root, order):
    for number, part in enumerate((order[:6], order[6:])):
        (root / f"part-{number}.tar").write_bytes(packed({f"{place}.png": png(pictures()[place]) for place in part}))
    return f"{root}/part-*.tar", f"{root}/part-0.tar", r"6 in 1 files in .*\(not there or not read: part-0.tar\)"


def _folder(root, order):
    folder = write_folder(root, order)
    return folder, f"{folder}/bee/001.png", r"11 in \S+; restore"


@pytest.mark.parametrize("write", [_parquet, _tar, _folder])
@pytest.mark.parametrize("more", [{}, {"memory_gib": 1e-6, "workers": 0}])
def test_a_file_that_is_gone_is_named_before_anything_is_decoded(write, more, tmp_path, monkeypatch):
    data, gone, said = write(tmp_path, range(12))
    record = prepare(config(data=data, image_size=8, **more)).record()
    assert len(load_pool(record, **more).images) == 12
    Path(gone).unlink()
    monkeypatch.setattr(decode, "picture", lambda *_: pytest.fail("decoded"))
    monkeypatch.setattr(folder, "picture", lambda *_: pytest.fail("decoded"))
    with pytest.raises(ValueError, match=rf"expected the images that the run used, 12( in 2 files)?, got {said}"):
        load_pool(record, **more)


def test_shards_with_other_numbers_of_rows_are_named_and_other_names_are_no_matter(tmp_path):
    data, path, _ = _parquet(tmp_path, range(12))
    record = prepare(config(data=data, image_size=8)).record()
    Path(path).rename(tmp_path / "shards/part-8.parquet")
    assert load_pool(record).images.checksum == record["checksum"]
    Path(tmp_path / "shards/part-8.parquet").rename(path)
    pq.write_table(pq.read_table(path).slice(0, 4), path)
    with pytest.raises(
        ValueError, match=r"got 10 in 2 files .* \(with another number: part-1.parquet \(6 then, 4 now\)\)"
    ):
        load_pool(record)


def test_a_buffer_for_images_that_do_not_lie_in_blocks_is_refused_before_they_are_read(tmp_path, monkeypatch):
    data, shards = write_folder(tmp_path, range(12)), write_parquet(tmp_path, range(12))
    monkeypatch.setattr(pool, "load_images", lambda *_, **__: pytest.fail("read"))
    for more in ({"data": data, "image_size": 8}, {"data": shards}):
        with pytest.raises(ValueError, match="expected --shuffle-buffer only for parquet shards and tar files"):
            prepare(config(**more, shuffle_buffer=4))
