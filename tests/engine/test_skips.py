"""A shard that fails while a run trains: its pictures are left out with a record, the run goes on and resumes alike."""

import csv
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from little_store import served
from short_runs import short_run
from source_examples import pictures, png

from holdfast import SimCLRConfig, train
from holdfast.cli.progress import Progress
from holdfast.data import epoch_batches, load_images
from holdfast.engine import loop, resume
from holdfast.engine.skips import Skips, skipped_by_epoch
from holdfast.system import DamagedError

IMAGES, BATCH = 48, 16


pytestmark = pytest.mark.usefixtures("stores_at_once")


@pytest.fixture
def store():
    """Two shards of 24 pictures, in row groups of 4."""
    files = {}
    for number in range(2):
        buffer = io.BytesIO()
        cells = [{"bytes": png(one), "path": None} for one in pictures(IMAGES, 12)[24 * number :][:24]]
        pq.write_table(pa.table({"image": cells}), buffer, row_group_size=4)
        files[f"part-{number}.parquet"] = buffer.getvalue()
    with served(files) as found:
        yield found


def config(store, **settings):
    given = {"memory_gib": 1e-6, "workers": 0, "holdout": 0, "checkpoint_steps": 100, "shuffle_buffer": 0}
    return short_run(SimCLRConfig(), data=f"{store.url}/part-*.parquet", **given | settings)


@pytest.fixture
def failing_after(store, monkeypatch):
    """Lets part-1 fail after one step until after another, and interrupts before a third; returns what was trained."""
    step, trained = loop._train_batch, []

    def of(first: int, last: int, cut: int = 99, name: str = "part-1"):
        trained.clear()

        def count(session, position, batch, meter):
            if len(trained) == cut:
                raise KeyboardInterrupt
            step(session, position, batch, meter)
            trained.append((position.epoch, position.batch - 1, batch.ids.tolist()))
            store.failing = lambda file, _: first <= len(trained) < last and file.startswith(name)

        monkeypatch.setattr(loop, "_train_batch", count)
        return trained

    return of


def rows(run) -> list[dict[str, str]]:
    return list(csv.DictReader((run / "skipped.csv").read_text().splitlines()))


def visits(run) -> list[tuple[int, int, int]]:
    """(epoch, batch, id) of what was left out, counted from 0."""
    return [(int(row["epoch"]) - 1, int(row["batch"]) - 1, int(row["id"])) for row in rows(run)]


def test_a_run_goes_on_without_pictures_of_a_failing_shard_and_counts_add_up(store, failing_after, tmp_path, capsys):
    trained = failing_after(1, 4)
    run = train(config(store), tmp_path / "run", listen=Progress(tmp_path / "run"))
    skipped = set(visits(run.path))
    images = load_images(f"{store.url}/part-*.parquet")
    expected = [
        (epoch, number, batch.ids.tolist())
        for epoch in range(2)
        for number, batch in enumerate(epoch_batches(images, seed=0, epoch=epoch, batch_size=BATCH))
    ]
    assert [(e, b, [i for i in ids if (e, b, i) not in skipped]) for e, b, ids in expected] == trained
    assert {(e, b) for e, b, _ in skipped} == {(0, 1), (0, 2), (1, 0)} and all(i >= 24 for _, _, i in skipped)
    assert sum(len(ids) for _, _, ids in trained) + len(skipped) == 2 * IMAGES
    assert all(row["reason"].startswith("not read in 3 tries: 503") for row in rows(run.path))
    named = [
        (f"row {i} of {store.url}/part-*.parquet: {store.url}/part-1.parquet row {i - 24} (c")
        for _, _, i in visits(run.path)
    ]
    assert all(row["path"].startswith(name) for row, name in zip(rows(run.path), named, strict=True))
    epochs = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    assert sum(row["skipped"] for row in epochs if row["kind"] == "epoch") == len(skipped)
    said = capsys.readouterr().out
    assert said.count("goes on without images that cannot be read; their batches are smaller by these (row ") == 2
    assert (
        f", {len(skipped)} visits to images left out (skipped.csv): {run.path}" in said and " not read  about" in said
    )


@pytest.mark.slow
def test_a_resumed_run_leaves_out_the_same_although_the_store_has_recovered(store, failing_after, tmp_path):
    failing_after(1, 3)
    whole = train(config(store), tmp_path / "whole")
    failing_after(1, 3, cut=3)
    with pytest.raises(KeyboardInterrupt):
        train(config(store), tmp_path / "cut")
    record = (tmp_path / "cut/skipped.csv").read_bytes()
    with (tmp_path / "cut/skipped.csv").open("ab") as file:
        file.write(b"1,3,4")  # what a killed process leaves
    failing_after(99, 99)
    store.failing = lambda file, _: False
    again = resume(tmp_path / "cut")
    assert again.encoder.read_bytes() == whole.encoder.read_bytes()
    assert (tmp_path / "cut/skipped.csv").read_bytes() == record
    assert visits(tmp_path / "cut") == visits(tmp_path / "whole")
    plain = train(config(store), tmp_path / "plain")
    assert plain.encoder.read_bytes() != whole.encoder.read_bytes() and not (plain.path / "skipped.csv").exists()


@pytest.mark.slow
def test_a_batch_of_which_nothing_is_left_ends_the_run_which_can_be_resumed(store, failing_after, tmp_path):
    failing_after(2, 99, name="part")
    with pytest.raises(OSError, match=r"at least 2 pictures of a batch .* got [01] \(row .*; .* with: holdfast resume"):
        train(config(store), tmp_path / "run")
    assert not (tmp_path / "run/skipped.csv").exists()
    failing_after(99, 99)
    store.failing = lambda file, _: False
    assert resume(tmp_path / "run").encoder.exists()


def test_a_strict_run_stops_at_the_first_picture_that_fails(store, failing_after, tmp_path):
    failing_after(1, 99)
    with pytest.raises(ValueError, match=r"expected pictures that can be read, got 'row .*; restore it and continue"):
        train(config(store, strict=True), tmp_path / "run")


@pytest.mark.slow
def test_signals_are_of_the_held_out_images_that_can_be_read(store, failing_after, tmp_path):
    failing_after(3, 99)
    told = []
    run = train(config(store, holdout=24, signals_every=1, epochs=3), tmp_path / "run", listen=told.append)
    texts = [event["text"] for event in told if event["kind"] == "caution"]
    assert any(text.startswith("signals without ") and "cannot be read (row " in text for text in texts)
    assert run.encoder.exists()


def test_a_record_of_another_form_is_refused_with_its_line(tmp_path):
    (tmp_path / "skipped.csv").write_text("epoch,batch,id,path,reason\n1,2,3,a,b\nnothing\n")
    with pytest.raises(DamagedError, match=r"in line 3 of .*skipped.csv, got 'nothing'; remove the line"):
        Skips.of(tmp_path, 0, strict=False)
    (tmp_path / "skipped.csv").write_text("epoch,batch,id,path,reason\n1,2,3,a,b\n")
    (tmp_path / "skipped-1.csv").write_text("epoch,batch,id,path,reason\n1,2,4,a,b\n2,1,4,a,b\n")
    skips = Skips.of(tmp_path, 1, strict=False)
    assert (
        skips.of_epoch(0) == {1: {3, 4}}
        and skips.of_epoch(1) == {0: {4}}
        and skipped_by_epoch(tmp_path) == {1: 2, 2: 1}
    )
