"""Runs whose images are shuffled by shard and buffer: when, what is said, and that they resume to the same bits."""

import io
import json
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from little_store import served
from short_runs import short_run
from source_examples import pictures, png

from holdfast import SimCLRConfig, train
from holdfast.data import epoch_batches, load_images, prepare
from holdfast.data.shuffling import resolved_buffer, shuffle_notes
from holdfast.engine import loop, resume, session

IMAGES = 96


pytestmark = pytest.mark.usefixtures("stores_at_once")


def shards(rows: int = 4, extra: int = 0) -> dict[str, bytes]:
    """Two shards of 48 pictures, in row groups of some rows; extra: bytes of another column, an image."""
    files = {}
    for number in range(2):
        buffer = io.BytesIO()
        cells = [{"bytes": png(one), "path": None} for one in pictures(IMAGES, 12)[48 * number :][:48]]
        pq.write_table(pa.table({"image": cells, "more": ["x" * extra] * 48}), buffer, row_group_size=rows)
        files[f"part-{number}.parquet"] = buffer.getvalue()
    return files


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "shards").mkdir()
    for name, content in shards().items():
        (tmp_path / "shards" / name).write_bytes(content)
    return tmp_path / "shards"


def config(data, **settings):
    given = {"workers": 0, "holdout": 0, "shuffle_buffer": 32}
    return short_run(SimCLRConfig(), data=str(data), **given | settings)


def test_a_run_resumes_in_mid_epoch_to_the_same_bits_with_other_memory_and_workers(folder, tmp_path, monkeypatch):
    settings, told = config(folder, checkpoint_steps=4), []
    whole = train(settings, tmp_path / "whole", listen=told.append)
    step, count = loop._train_batch, []
    seen: dict[tuple[int, int], list[int]] = {}

    def watched(session, position, batch, meter):
        count.append(1)
        if len(count) == 7:
            raise KeyboardInterrupt
        seen[position.epoch, position.batch] = batch.ids.tolist()
        step(session, position, batch, meter)

    monkeypatch.setattr(loop, "_train_batch", watched)
    with pytest.raises(KeyboardInterrupt):
        train(settings, tmp_path / "cut")
    path = tmp_path / "cut/config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"memory_gib": 8.0, "workers": 1}))
    assert resume(tmp_path / "cut").encoder.read_bytes() == whole.encoder.read_bytes()
    for epoch in range(2):
        assert sorted(one for (e, _), ids in seen.items() if e == epoch for one in ids) == list(range(IMAGES))
    (note,) = [event["text"] for event in told if event["kind"] == "note"]
    assert note.startswith("shuffled by shard and buffer: 24 blocks of about 4 images in random order, 32 images mixed")
    assert "times as often as in a uniform shuffle, and a batch draws on" in note


@pytest.mark.slow
def test_files_in_other_row_groups_are_refused_when_a_run_resumes(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "_checkpoint", lambda *given: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        train(config(folder, epochs=1), tmp_path / "cut")
    monkeypatch.undo()
    for name, content in shards(rows=6).items():
        (folder / name).write_bytes(content)
    with pytest.raises(
        ValueError, match=r"in the row groups or tar files that the run began with, .* restore the files"
    ):
        resume(tmp_path / "cut")


def test_workers_read_each_block_once_an_epoch_and_batches_are_those_of_one():
    with served(shards(extra=40_000)) as store:
        images = load_images(f"{store.url}/part-*.parquet", size=12, streamed=True, workers=2)
        plain = load_images(f"{store.url}/part-*.parquet", size=12)
        settings = {"seed": 0, "epoch": 0, "batch_size": 16, "buffer": 32}
        store.reads.clear()
        found = list(epoch_batches(images.in_blocks(32), **settings))
        assert 24 <= sum(store.reads.values()) <= 30
        for batch in found:
            assert torch.equal(batch.images, plain.select(batch.ids).floats())
        assert sorted(torch.cat([batch.ids for batch in found]).tolist()) == list(range(IMAGES))
        halves = [list(epoch_batches(images, **settings, rank=rank, world=2)) for rank in range(2)]
        assert [torch.cat([a.ids, b.ids]).tolist() for a, b in zip(*halves, strict=True)] == [
            batch.ids.tolist() for batch in found
        ]


@pytest.mark.slow
def test_it_is_switched_on_behind_urls_alone_and_where_the_images_do_not_fit(folder):
    with served(shards()) as store:
        asked = config(f"{store.url}/part-*.parquet", shuffle_buffer=None, memory_gib=2e-5)
        images = prepare(asked).images
        buffer = resolved_buffer(asked, images)
        assert (
            16 <= buffer < IMAGES
            and "images mixed at a time" in shuffle_notes(replace(asked, shuffle_buffer=buffer), images)[0]
        )
        large = replace(asked, shuffle_buffer=IMAGES)
        assert "the buffer holds all, so the order is a uniform shuffle" in shuffle_notes(large, images)[0]
        assert resolved_buffer(replace(asked, memory_gib=4.0), prepare(replace(asked, memory_gib=4.0)).images) == 0
    local = config(folder, shuffle_buffer=None, memory_gib=1e-5)
    assert resolved_buffer(local, prepare(local).images) == 0 and shuffle_notes(local, prepare(local).images) == []
    assert resolved_buffer(replace(local, shuffle_buffer=0), prepare(local).images) == 0


def test_large_row_groups_on_the_disk_are_said_with_the_ways_out(tmp_path):
    (tmp_path / "a.parquet").write_bytes(shards(rows=96)["part-0.parquet"])
    table = pa.concat_tables([pq.read_table(tmp_path / "a.parquet")] * 2)
    pq.write_table(table, tmp_path / "a.parquet")
    local = config(tmp_path / "a.parquet", shuffle_buffer=0, memory_gib=2e-5)
    (note,) = shuffle_notes(local, prepare(local).images)
    assert note.startswith("1 block of about 96 images (row groups), each read whole for any image of it")
    assert "or mix so many at a time with --shuffle-buffer " in note


@pytest.mark.slow
def test_processes_that_found_other_images_are_told_before_anything_is_written(folder, tmp_path, monkeypatch):
    pool = prepare(config(folder))
    session.check_same_images(pool)
    numbers = []
    monkeypatch.setattr(session, "largest", lambda number: numbers.append(number) or number)
    session.check_same_images(pool)
    (folder / "part-0.parquet").unlink()
    monkeypatch.setattr(session, "largest", lambda number: max(number, numbers[0] if number > 0 else numbers[1]))
    with pytest.raises(ValueError, match=r"the same images of \S+ on all processes, got others on some, .*start again"):
        train(config(folder), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_buffer_for_images_in_no_blocks_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(
        ValueError, match=r"--shuffle-buffer only for parquet shards and tar files, .* got it for digits"
    ):
        train(config("digits", limit=40), tmp_path / "run")
    assert not (tmp_path / "run").exists()
