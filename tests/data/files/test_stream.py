"""Images that do not fit into memory give what they would give if they did."""

# pyright: reportAttributeAccessIssue=false

import gc
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from holdfast.data import epoch_batches, load_images
from holdfast.data.files import workers
from holdfast.data.files.checks import unusable
from holdfast.data.files.parquet_rows import ParquetRows
from holdfast.data.files.stream import Streamed
from holdfast.evaluation import extract_features

TINY = 1e-9  # GiB


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def folder(tmp_path):
    """130 pictures of mixed sizes in two sub-folders, JPEG and PNG."""
    for number in range(130):
        kind = "png" if number % 3 else "jpg"
        path = tmp_path / "pictures" / "ab"[number % 2] / f"{number:03}.{kind}"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(number).integers(0, 256, (20 + number % 7, 24, 3), dtype=np.uint8)
        Image.fromarray(noise).save(path)
    return tmp_path / "pictures"


@pytest.fixture
def parquet(encoded_noise, write_parquet):
    """100 PNGs in two shards of small row groups."""
    encoded, _ = encoded_noise(100)
    write_parquet(encoded[:60], list(range(60)), name="a.parquet", rows=7)
    return write_parquet(encoded[60:], list(range(40)), name="b.parquet", rows=16).parent


def both(source, *, workers=2, **options):
    """The same images, resident and streamed."""
    resident = load_images(source, size=16, **options)
    streamed = load_images(source, size=16, memory_gib=TINY, workers=workers, **options)
    assert isinstance(resident.pixels, torch.Tensor) and isinstance(streamed.pixels, Streamed)
    return resident, streamed


@pytest.fixture(params=["folder", "parquet"])
def source(request):
    return request.getfixturevalue(request.param)


def test_every_batch_is_the_same_bits_resident_or_streamed(source):
    resident, streamed = both(source)
    settings = {"seed": 3, "batch_size": 70}  # two pieces for the workers, then one
    for epoch in range(2):
        pairs = zip(
            epoch_batches(resident, epoch=epoch, **settings),
            epoch_batches(streamed, epoch=epoch, **settings),
            strict=True,
        )
        for ours, theirs in pairs:
            assert torch.equal(ours.images, theirs.images)
            assert torch.equal(ours.ids, theirs.ids)


def test_a_run_that_resumes_in_mid_epoch_sees_the_rest_of_it(folder):
    _, streamed = both(folder)
    settings = {"seed": 3, "epoch": 1, "batch_size": 32}
    whole = list(epoch_batches(streamed, **settings))
    rest = list(epoch_batches(streamed, **settings, first_step=2))
    assert len(rest) == len(whole) - 2
    assert all(torch.equal(a.images, b.images) for a, b in zip(whole[2:], rest, strict=True))


def test_ranks_share_a_streamed_batch_as_a_resident_one(folder):
    _, streamed = both(folder, workers=0)
    settings = {"seed": 3, "epoch": 0, "batch_size": 32}
    whole = next(epoch_batches(streamed, **settings))
    parts = [next(epoch_batches(streamed, **settings, rank=rank, world=2)) for rank in range(2)]
    assert torch.equal(torch.cat([part.images for part in parts]), whole.images)


def test_parts_checksums_and_pixels_are_those_of_resident_images(source):
    resident, streamed = both(source)
    assert streamed.checksum == resident.checksum
    assert streamed.unlabelled.checksum == resident.unlabelled.checksum
    some = torch.tensor([5, 99, 0])
    ours, theirs = resident.subset(some), streamed.subset(some)
    assert torch.equal(ours.floats(), theirs.floats(torch.arange(3)))
    assert torch.equal(ours.pixels, theirs.loaded().pixels)
    assert ours.checksum == theirs.checksum
    assert torch.equal(streamed[7], resident[7])
    assert list(ours.paths) == list(theirs.paths)


def test_features_of_streamed_images_are_the_same(folder):
    resident, streamed = both(folder)
    encoder = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 16 * 16, 4))
    found = [extract_features(encoder, images, batch_size=48) for images in (resident, streamed)]
    assert torch.equal(*found)


@pytest.mark.parametrize("context", ["spawn", "fork"])
def test_workers_may_be_spawned_or_forked(folder, context):
    resident, streamed = both(folder, limit=20)
    pixels = Streamed(streamed.pixels.encoded, streamed.pixels.places, 16, workers=1, context=context)
    assert torch.equal(torch.cat(list(pixels.split(15))), resident.pixels)


def test_a_pass_within_a_pass_gets_its_own_workers(folder):
    resident, streamed = both(folder)
    outer, inner = [], []
    for pixels in streamed.pixels.split(100):
        outer.append(pixels)
        inner = list(streamed.pixels.split(100))
    assert torch.equal(torch.cat(outer), resident.pixels)
    assert torch.equal(torch.cat(inner), resident.pixels)


def test_an_abandoned_pass_leaves_the_next_one_whole(folder):
    resident, streamed = both(folder)
    for _ in range(3):
        next(iter(streamed.pixels.split(10)))
    assert torch.equal(torch.cat(list(streamed.pixels.split(64))), resident.pixels)


@pytest.mark.parametrize("abandoned", [False, True])
def test_worker_processes_end_at_once_when_their_images_are_forgotten_in_a_circle(folder, abandoned, monkeypatch):
    """Else torch waits for each, five seconds where this test says 40."""
    monkeypatch.setattr(torch.utils.data._utils, "MP_STATUS_CHECK_INTERVAL", 40)
    pixels = replace(load_images(folder, size=16, memory_gib=TINY, workers=1).pixels, _loader=[])
    passing = pixels.split(10)
    list(passing) if not abandoned else next(passing)
    (process,) = pixels._loader[0]._kept._iterator._workers
    circle = [pixels]
    circle.append(circle)
    del pixels, passing, circle
    begun = time.monotonic()
    gc.collect()
    assert process.exitcode == 0 and time.monotonic() - begun < 20


def test_streaming_draws_nothing_from_the_global_generator(folder):
    _, streamed = both(folder)
    before = torch.random.get_rng_state()
    list(streamed.pixels.split(64))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_what_cannot_be_used_is_set_aside_before_a_batch_is_drawn(folder):
    (folder / "a" / "000.jpg").write_bytes(b"")
    (folder / "a" / "zzz.jpg").write_bytes(b"no picture")
    resident, streamed = both(folder)
    assert streamed.rejected == resident.rejected
    assert [path for path, _ in streamed.rejected] == ["a/000.jpg", "a/zzz.jpg"]
    assert torch.equal(streamed.ids, resident.ids)
    assert streamed.checksum == resident.checksum
    with pytest.raises(ValueError, match=r"got 'a/000.jpg': empty file; repair or remove it"):
        load_images(folder, size=16, memory_gib=TINY, workers=0, strict=True)


def test_a_source_is_checked_once_and_again_when_it_changes(folder, monkeypatch):
    passes = []
    survey = Streamed.survey
    monkeypatch.setattr(Streamed, "survey", lambda self, progress: passes.append(1) or survey(self, progress))
    told = []
    for _ in range(2):
        load_images(folder, size=16, memory_gib=TINY, workers=0, progress=lambda done, of: told.append((done, of)))
    assert len(passes) == 1
    assert told == [(64, 130), (128, 130), (130, 130)]
    (folder / "b" / "001.png").write_bytes(b"")
    assert len(load_images(folder, size=16, memory_gib=TINY, workers=0)) == 129
    assert len(passes) == 2


def test_a_picture_that_is_gone_since_the_check_stops_with_its_name(folder):
    images = load_images(folder, size=16, memory_gib=TINY, workers=1)
    (folder / "a" / "000.jpg").unlink()
    with pytest.raises(ValueError, match=r"got 'a/000\.jpg': no such file or directory; it could be read when"):
        list(images.pixels.split(64))


def test_no_usable_picture_is_said_when_streamed_too(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"got 2 that cannot be \(a.png: empty file; and 1 others\)"):
        load_images(tmp_path, size=16, memory_gib=TINY, workers=0)


def test_a_row_that_cannot_be_decoded_is_set_aside(encoded_noise, write_parquet):
    path = write_parquet([*encoded_noise(5)[0], b"broken"])
    images = load_images(path, size=16, memory_gib=TINY, workers=0)
    assert images.ids.tolist() == [0, 1, 2, 3, 4]
    assert images.rejected == ((f"row 5 of {path} (counted from 0)", "no picture of a format that can be read"),)
    assert images.checksum == load_images(path, size=16).checksum


def test_a_row_group_is_read_once_for_all_of_a_batch_and_kept_while_there_is_room(parquet, monkeypatch):
    images = load_images(parquet, size=8, memory_gib=TINY, workers=0)
    rows = images.pixels.encoded
    assert isinstance(rows, ParquetRows)
    read = []
    group = ParquetRows._group
    monkeypatch.setattr(ParquetRows, "_group", lambda self, number: read.append(number) or group(self, number))
    order = torch.randperm(100, generator=torch.Generator().manual_seed(0))
    list(images.pixels.batches([order]))
    assert len(read) == len(rows.groups) + sum(  # 64 images at a time: at most twice each
        1 for number in set(read) if read.count(number) > 1
    )
    assert len(rows._kept) == 1  # a budget of one byte keeps the last group only
    rows.most_bytes = 2**20
    list(images.pixels.split(100))
    assert len(rows._kept) == len(rows.groups)


def test_the_budget_decides_and_a_size_is_needed(folder):
    bytes_needed = 130 * 3 * 16**2
    assert isinstance(load_images(folder, size=16, memory_gib=bytes_needed / 2**30).pixels, torch.Tensor)
    assert isinstance(load_images(folder, size=16, memory_gib=(bytes_needed - 1) / 2**30).pixels, Streamed)
    for path in folder.rglob("*.*"):
        Image.new("RGB", (8, 8)).save(path)
    with pytest.raises(ValueError, match=r"files are streamed where there is an --image-size"):
        load_images(folder, memory_gib=TINY)


def test_little_shared_memory_makes_workers_run_less_far_ahead(folder, monkeypatch):
    _, streamed = both(folder, workers=0)
    monkeypatch.setattr(workers.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 2**16})())
    pixels = replace(streamed.pixels, workers=1)
    assert torch.equal(torch.cat(list(pixels.split(64))), streamed.loaded().pixels)
    assert pixels._loader[0]._kept.prefetch_factor == 1


def test_a_cache_that_cannot_be_written_only_costs_another_pass(folder, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    resident, streamed = both(folder, workers=0)
    assert unusable(streamed.pixels, streamed.ids) == {}
    assert streamed.checksum == resident.checksum
