# pyright: reportOptionalMemberAccess=false, reportOptionalSubscript=false, reportArgumentType=false
import dataclasses
import json

import numpy as np
import pytest
import torch

from holdfast.config import MethodConfig, RunConfig
from holdfast.data import Images, class_groups, load_pool, prepare
from holdfast.data.pool import draw_evenly


def config(**settings):
    return RunConfig(method=MethodConfig(), **settings)


def as_set(ids):
    return set(ids.tolist())


@pytest.fixture
def unlabelled(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)
    np.savez(tmp_path / "plain.npz", images=pixels)
    return str(tmp_path / "plain.npz")


def test_by_default_five_percent_are_held_out_whatever_the_labels():
    pool = prepare(config())
    assert len(pool.held_out) == 1797 // 20
    assert len(pool.train) + len(pool.held_out) == 1797
    assert not as_set(pool.train_ids) & as_set(pool.held_out_ids)
    assert torch.equal(prepare(config(labels="none")).held_out_ids, pool.held_out_ids)
    assert pool.held_out_kind == "held out"
    assert pool.split is None


def test_a_hold_out_that_is_asked_for_is_even_over_the_classes():
    counts = prepare(config(holdout=89)).held_out.labels.bincount()
    assert counts.max() - counts.min() <= 1


def test_held_out_images_never_enter_the_tail():
    pool = prepare(config(long_tail="exp:20", holdout=300))
    assert len(pool.held_out_ids) == 300
    drawn = as_set(pool.split.train) | as_set(pool.split.balanced) | as_set(pool.split.few_shot)
    assert not drawn & as_set(pool.held_out_ids)
    assert torch.equal(pool.train_ids, pool.split.train)
    assert pool.train.labels.bincount().tolist() == list(pool.split.counts)
    assert [len(group) for group in class_groups(pool.split.counts).values()] == [4, 3, 3]


def test_with_a_tail_and_nothing_held_out_signals_come_from_outside_the_tail():
    pool = prepare(config(long_tail="exp:20"))
    assert pool.held_out_kind == "outside the long tail"
    assert len(pool.held_out_ids) == 0
    assert len(pool.held_out) == 1000
    assert not as_set(pool.held_out.ids) & as_set(pool.train_ids)
    assert pool.record()["held_out"] == []


def test_without_any_other_image_signals_come_from_training():
    pool = prepare(config(holdout=0))
    assert pool.held_out_kind == "training images"
    assert len(pool.train) == 1797
    assert len(pool.held_out) == 1000
    assert pool.held_out.labels.bincount().tolist() == [100] * 10


def test_the_split_seed_alone_decides_what_is_drawn():
    settings = {"long_tail": "exp:20", "holdout": 100, "limit": 1500}
    same, other = prepare(config(**settings, split=1, seed=7)), prepare(config(**settings, split=2))
    again = prepare(config(**settings, split=1, seed=8))
    assert same.record() == again.record()
    for name in ("train", "held_out", "counts", "checksum"):
        assert same.record()[name] != other.record()[name]


@pytest.mark.parametrize(
    "settings", [{}, {"long_tail": "exp:10", "holdout": 50}, {"limit": 400, "image_size": 16}, {"holdout": 0}]
)
def test_a_pool_comes_back_from_its_record(settings):
    pool = prepare(config(**settings))
    again = load_pool(json.loads(json.dumps(pool.record(), allow_nan=False)))
    assert again.record() == pool.record()
    assert torch.equal(again.train.pixels, pool.train.pixels)
    assert torch.equal(again.held_out.ids, pool.held_out.ids)


def test_unlabelled_images_make_a_pool(unlabelled):
    pool = prepare(config(data=unlabelled, holdout=10))
    assert len(pool.held_out) == 10
    assert len(pool.train) == 30
    assert load_pool(pool.record()).record() == pool.record()
    assert pool.record()["classes"] is None


def test_a_tail_without_labels_is_refused_with_the_remedy(unlabelled):
    with pytest.raises(ValueError, match=r"expected labels to draw the long tail 'exp:20', got none in .*index file"):
        prepare(config(data=unlabelled, long_tail="exp:20"))


def test_images_that_changed_are_noticed(unlabelled, tmp_path):
    record = prepare(config(data=unlabelled)).record()
    pixels = np.load(unlabelled)["images"]
    np.savez(tmp_path / "moved.npz", images=pixels)
    assert load_pool(record, source=tmp_path / "moved.npz").images.checksum == record["checksum"]
    pixels[0, 0, 0, 0] ^= 1
    np.savez(unlabelled, images=pixels)
    with pytest.raises(ValueError, match=r"expected the images that the run used \(checksum .*restore the file"):
        load_pool(record)


def test_a_record_of_another_schema_is_refused():
    with pytest.raises(ValueError, match=r"schema 1, got 2"):
        load_pool({"schema": 2})


def test_a_holdout_of_more_than_half_is_refused():
    with pytest.raises(ValueError, match=r"a holdout of at most 896 images .*, got 897; lower --holdout"):
        prepare(config(holdout=897))
    assert len(prepare(config(holdout=896)).held_out_ids) == 896


def test_images_that_are_not_square_need_a_size(tmp_path):
    np.savez(tmp_path / "wide.npz", images=np.zeros((40, 8, 12, 3), np.uint8))
    with pytest.raises(ValueError, match=r"expected square images, got 8×12 .*--image-size 8"):
        prepare(config(data=str(tmp_path / "wide.npz")))
    assert prepare(config(data=str(tmp_path / "wide.npz"), image_size=8)).images.pixels.shape == (40, 3, 8, 8)


def test_an_index_file_decides_what_is_trained_on(tmp_path):
    chosen = torch.arange(0, 1797, 7)
    np.save(tmp_path / "ids.npy", chosen.flip(0).numpy())
    pool = prepare(config(long_tail=str(tmp_path / "ids.npy"), holdout=100))
    assert torch.equal(pool.train_ids, chosen)
    assert not as_set(pool.held_out_ids) & as_set(chosen)
    assert pool.split.counts == tuple(pool.images.labels[chosen].bincount().tolist())
    assert load_pool(pool.record()).record() == pool.record()


def test_another_run_s_ids_give_the_same_training_images(tmp_path):
    first = prepare(config(long_tail="exp:20", split=3))
    (tmp_path / "ids.json").write_text(json.dumps(first.record()))
    second = prepare(config(long_tail=str(tmp_path / "ids.json"), split=4))
    assert torch.equal(second.train_ids, first.train_ids)
    assert second.split.counts == first.split.counts


def test_an_index_file_needs_no_labels(unlabelled, tmp_path):
    (tmp_path / "ids.txt").write_text("# chosen by hand\n3\n1\n\n2 # good\n")
    pool = prepare(config(data=unlabelled, long_tail=str(tmp_path / "ids.txt")))
    assert pool.train_ids.tolist() == [1, 2, 3]
    assert pool.split is None


def test_an_index_beyond_the_images_is_refused(unlabelled, tmp_path):
    (tmp_path / "ids.txt").write_text("3\n40\n")
    with pytest.raises(ValueError, match="got 40 and 0 others that are not among them"):
        prepare(config(data=unlabelled, long_tail=str(tmp_path / "ids.txt")))


def rare_class():
    labels = torch.cat([torch.zeros(50), torch.ones(50), torch.full((4,), 2)]).long()
    return Images.of(torch.zeros(104, 3, 1, 1, dtype=torch.uint8), labels)


def test_an_even_draw_never_takes_more_than_its_share_of_a_rare_class():
    images = rare_class()
    drawn = draw_evenly(images, 30, seed=0, purpose="test", share=0.5)
    assert images.labels[drawn].bincount().tolist() == [14, 14, 2]


def test_an_even_draw_does_not_depend_on_the_order_of_rows():
    images = rare_class()
    shuffled = images.subset(torch.randperm(104, generator=torch.Generator().manual_seed(0)))
    drawn = [as_set(part.ids[draw_evenly(part, 20, seed=1, purpose="test")]) for part in (images, shuffled)]
    assert drawn[0] == drawn[1]


def test_the_pool_is_a_value():
    pool = prepare(config(limit=100))
    with pytest.raises(dataclasses.FrozenInstanceError):
        pool.limit = 5  # type: ignore[misc]
