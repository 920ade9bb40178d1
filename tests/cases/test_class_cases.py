"""Classes of training and test images: matched by name, whatever their numbers; and how few may be there."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from case_pictures import class_of, pairs, picture

from holdfast.audits import Known, Options, audit, missing_axes
from holdfast.audits import prepare as prepare_audit
from holdfast.config import RunConfig
from holdfast.data import Images, load_images
from holdfast.data.pool import prepare
from holdfast.methods import SimCLRConfig

NUMBERS = [0, 1, 2, 3, 9, 10, 11]


class Plain(torch.nn.Module):
    """Pixels as features."""

    def forward(self, images):
        return torch.nn.functional.interpolate(images, (4, 4)).flatten(1)


def prepared(images, test, **options):
    settings = Options(**options)
    return prepare_audit(Plain(), images, test, Known(), name=None, pairs=None, options=settings)


def write_folders(root, label_of, places):
    for place in places:
        folder = root / label_of(place)
        folder.mkdir(parents=True, exist_ok=True)
        picture(place).save(folder / f"{place}.png")
    return load_images(root, labels="folder")


def number_of(place):
    return str(NUMBERS[place % len(NUMBERS)])


def test_numbered_folders_and_numbers_in_a_table_are_the_same_classes(tmp_path, write_shard):
    images = write_folders(tmp_path / "train", number_of, range(70))
    table = load_images(write_shard("test.parquet", range(70, 90), [int(number_of(p)) for p in range(70, 90)]))
    folder = write_folders(tmp_path / "test", number_of, range(70, 90))
    for test in (table, folder):
        subject = prepared(images, test)
        assert subject.test.classes == images.classes
        assert sorted(pairs(subject.test)) == [(place, number_of(place)) for place in range(70, 90)]
    assert sorted(map(float, prepared(images, table).labels)) == sorted(map(float, prepared(images, folder).labels))


def test_a_test_set_may_lack_classes_which_are_listed(tmp_path):
    images = write_folders(tmp_path / "train", class_of, range(30))
    test = write_folders(tmp_path / "test", class_of, [place for place in range(30, 60) if class_of(place) != "bee"])
    subject = prepared(images, test)
    assert subject.facts["classes_without_test_images"] == ["bee"]
    assert {name for _, name in pairs(subject.test)} == {"ant", "cat"}
    assert all(name == class_of(place) for place, name in pairs(subject.test))


def test_numbers_with_gaps_meet_numbers_without(write_shard):
    images = load_images(write_shard("train.parquet", range(20), [place % 4 for place in range(20)]))
    test = load_images(write_shard("test.parquet", range(20, 30), [1 + 2 * (place % 2) for place in range(20, 30)]))
    assert images.classes is None and test.classes == ("1", "3")
    assert prepared(images, test).labels.tolist() == [1 + 2 * (place % 2) for place in range(20, 30)]


@pytest.mark.parametrize(
    ("theirs", "message"),
    [
        ("Bee", r"'Bee'; .* has 'bee' .*'Bee' and 'bee' differ by case or blanks alone"),
        ("wasp", r"got 1 others in .*: 'wasp'; .* has 'bee' beside those in both"),
    ],
)
def test_a_test_class_that_training_does_not_have_is_refused_by_name(tmp_path, theirs, message):
    images = write_folders(tmp_path / "train", class_of, range(30))
    test = write_folders(tmp_path / "test", lambda p: class_of(p).replace("bee", theirs), range(30, 60))
    with pytest.raises(ValueError, match=message):
        prepared(images, test)


def test_names_and_numbers_are_not_taken_for_one_another(tmp_path, write_shard):
    images = write_folders(tmp_path / "train", class_of, range(30))
    test = load_images(write_shard("test.parquet", range(30, 36), [0, 1, 2] * 2))
    with pytest.raises(ValueError, match=r"'0', '1', '2'; .* has 'ant', 'bee', 'cat'"):
        prepared(images, test)


@pytest.mark.parametrize("first", [1, 1000])
def test_labels_from_one_or_of_a_catalogue_give_the_scores_of_zero_to_c(write_shard, first):
    places, found = range(90), []
    for offset, scale in ((0, 1), (first, 7)):
        labels = [offset + scale * min(place % 6, 2) for place in places]
        images = load_images(write_shard(f"{offset}.parquet", places, labels))
        found.append(audit(Plain(), images, axes=["balance"], seed=0)[0])
    assert [score.value for score in found[0].scores] == [score.value for score in found[1].scores]
    assert {"many", "few", "std"} <= {score.name for score in found[0].scores}


def test_classes_without_training_images_are_in_no_group():
    pixels = torch.randint(0, 256, (90, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([[1, 1, 1, 3, 3, 4][place % 6] for place in range(90)])
    images = Images.of(pixels, labels, classes=("none", "many", "nobody", "medium", "few"))
    assert prepared(images, None).groups == {"many": [1], "medium": [3], "few": [4]}


def test_of_one_class_nothing_is_measured_with_the_reason():
    pixels = torch.randint(0, 256, (60, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    images = Images.of(pixels, torch.zeros(60, dtype=torch.int64), classes=("cat",))
    subject = prepared(images, None)
    need, remedy = missing_axes(subject)["balance"]
    assert need == "two classes or more (all are 'cat')" and remedy == "add other classes"
    with pytest.raises(ValueError, match=r"expected two classes or more .* to measure balance"):
        audit(Plain(), images, axes=["balance"])
    quality = audit(Plain(), images, axes=["quality"])[0]
    assert not {score.name for score in quality.scores} & {"knn_accuracy", "accuracy"}
    named = audit(Plain(), replace(images, classes=("cat", "dog")), axes=["quality"])[0]
    assert [score.name for score in named.scores] == [score.name for score in quality.scores]


@pytest.mark.parametrize("classes", [1, 3, 40])
def test_the_default_hold_out_is_the_same_with_and_without_labels(tmp_path, classes):
    write_folders(tmp_path / "pictures", lambda place: f"class {place % classes}", range(40))
    config = RunConfig(method=SimCLRConfig(), data=str(tmp_path / "pictures"))
    pools = [prepare(replace(config, labels=labels)) for labels in (None, "none", "folder")]
    assert [len(pool.held_out_ids) for pool in pools] == [2, 2, 2]
    assert all(torch.equal(pool.train_ids, pools[0].train_ids) for pool in pools)


def test_a_hold_out_that_cannot_be_had_is_refused_where_it_was_asked_for(tmp_path):
    write_folders(tmp_path / "pictures", lambda place: f"class {place}", range(12))
    config = RunConfig(method=SimCLRConfig(), data=str(tmp_path / "pictures"), labels="folder", holdout=2)
    with pytest.raises(ValueError, match="a holdout of at most 0 images"):
        prepare(config)
    assert np.isfinite(len(prepare(replace(config, holdout=None)).train_ids))
