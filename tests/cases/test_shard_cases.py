"""Shards that do not belong together, or not under one numbering; and rows that hold no picture."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from case_pictures import NAMES, class_of, pairs

from holdfast.data import load_images

SPLITS = [
    ("train-00000-of-00001", "test-00000-of-00001"),
    ("train", "validation"),
    ("cifar10-train", "cifar10-test"),
    ("fold1-00000-of-00002", "fold2-00001-of-00002"),
    ("TRAIN_0", "VAL_0"),
    ("trainA", "testB"),
    ("cifarTrain", "cifarTest"),
    ("trainval", "test"),
    ("images", "images_test"),
    ("batch_1", "heldout"),
    ("train", "train_unlabeled"),
    ("train", "my_train_evaluation"),
]


@pytest.mark.parametrize("names", SPLITS)
@pytest.mark.parametrize("below", ["", "data/"])
def test_two_splits_in_a_folder_are_refused_with_a_name_for_each(write_shard, tmp_path, names, below):
    for number, name in enumerate(names):
        write_shard(f"hub/{below}{name}.parquet", range(10 * number, 10 * number + 6), [0, 1] * 3)
    for source in (tmp_path / "hub", tmp_path / "hub" / below / "*.parquet"):
        with pytest.raises(ValueError, match=r"expected shards of one split .* name one: '.*' or '.*'") as caught:
            load_images(source)
    patterns = str(caught.value).split("name one: ")[1].replace("'", "").split(" or ")
    assert [len(load_images(pattern)) for pattern in patterns if "*train*" not in pattern] in ([6, 6], [6])


def test_a_snapshot_of_a_hub_is_recognised(write_shard, tmp_path):
    write_shard("hub/data/train-00000-of-00002.parquet", range(6), [0, 1] * 3)
    write_shard("hub/data/train-00001-of-00002.parquet", range(6, 10), [0, 1] * 2)
    (tmp_path / "hub" / "README.md").write_text("# a card")
    (tmp_path / "hub" / ".gitattributes").write_text("")
    assert len(load_images(tmp_path / "hub")) == 10


def test_numbers_mean_what_their_own_shard_calls_them(write_shard, tmp_path):
    """Two shards with the same class names in another order."""
    orders = (NAMES, NAMES[::-1])
    for shard, names in enumerate(orders):
        places = range(10 * shard, 10 * shard + 10)
        labels = [names.index(class_of(place)) for place in places]
        write_shard(f"shards/part-{shard}.parquet", places, labels, class_names=names)
    assert pairs(load_images(tmp_path / "shards")) == [(place, class_of(place)) for place in range(20)]


def test_a_shard_may_have_classes_that_the_first_has_not(write_shard, tmp_path):
    write_shard("shards/a.parquet", [0, 1], [0, 1], class_names=["x", "y"])
    write_shard("shards/b.parquet", [2, 3], [0, 1], class_names=["y", "z"])
    assert pairs(load_images(tmp_path / "shards")) == [(0, "x"), (1, "y"), (2, "y"), (3, "z")]


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (([0, 1], None), (["0", "cat"], None), "numbers in .*a.parquet and text in .*b.parquet"),
        (([0, 1], ["x", "y"]), ([0, 1], None), "numbers with names in .*a.parquet and numbers in .*b.parquet"),
        (([True, False], None), ([0, 1], None), "bool in .*a.parquet and numbers in .*b.parquet"),
    ],
)
def test_labels_of_two_kinds_are_refused_with_both_files(write_shard, tmp_path, first, second, message):
    for name, (labels, names), places in (("a", first, [0, 1]), ("b", second, [2, 3])):
        write_shard(f"shards/{name}.parquet", places, labels, class_names=names)
    with pytest.raises(ValueError, match=message):
        load_images(tmp_path / "shards")
    assert load_images(tmp_path / "shards", labels="none").labels is None


def test_widths_of_numbers_are_no_two_kinds(write_shard, tmp_path):
    write_shard("shards/a.parquet", [0, 1], [5, 300], kind=pa.int64())
    write_shard("shards/b.parquet", [2, 3], [5, 7], kind=pa.uint8())
    write_shard("shards/c.parquet", [4, 5], [7.0, 300.0], kind=pa.float64())
    assert pairs(load_images(tmp_path / "shards")) == [(0, "5"), (1, "300"), (2, "5"), (3, "7"), (4, "7"), (5, "300")]


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ([0, 1, 2, 1], ("0", "1", "2")),
        ([1, 2, 3, 2], ("1", "2", "3")),
        ([1, 40000, 9, 2**40], ("1", "9", "40000", str(2**40))),
        ([2.0, 5.0, 2.0, 5.0], ("2", "5")),
        ([True, False, True, True], ("False", "True")),
        (["b", "a", "ä", "B"], ("B", "a", "b", "ä")),
    ],
)
def test_the_values_that_occur_are_the_classes(write_shard, labels, classes):
    images = load_images(write_shard("a.parquet", range(4), labels))
    assert images.class_count == len(classes)
    assert [name for _, name in pairs(images)] == [str(int(v) if type(v) is float else v) for v in labels]


@pytest.mark.parametrize("labels", [[0.5, 1, 2, 3], [[0], [1], [0], [1]], [b"a", b"b", b"a", b"b"]])
def test_labels_of_other_kinds_are_refused_and_may_be_left_out(write_shard, labels):
    path = write_shard("a.parquet", range(4), labels)
    with pytest.raises(ValueError, match=r"expected (one label|labels) of .*--labels none"):
        load_images(path)
    assert load_images(path, labels="none").labels is None


def test_labels_that_are_not_read_may_be_anything(write_shard, tmp_path):
    partly = write_shard("partly.parquet", range(8), [0, -1, 1, None, 0, 1, -1, 0])
    assert len(load_images(partly, labels="none")) == 8
    with pytest.raises(ValueError, match="3 of 8 rows without"):
        load_images(partly)
    np.savez(tmp_path / "many.npz", train_images=np.zeros((4, 8, 8, 3), np.uint8), train_labels=np.eye(4))
    assert load_images(tmp_path / "many.npz", labels="none").labels is None


def test_paths_without_pictures_are_refused_with_what_embeds_them(write_shard):
    with pytest.raises(ValueError, match=r"got paths alone.*embed_table_storage.*to_parquet"):
        load_images(write_shard("paths.parquet", range(6), [0, 1] * 3, paths=True))


def test_one_row_without_a_picture_is_set_aside(write_shard):
    path = write_shard("one.parquet", range(6), [0, 1, 2, 0, 1, 2])
    table = pq.read_table(path)
    cells = table.column("image").to_pylist()
    cells[2] = {"bytes": None, "path": "gone.png"}
    pq.write_table(table.set_column(0, "image", pa.array(cells, table.schema.field(0).type)), path)
    images = load_images(path)
    assert pairs(images) == [(0, "0"), (1, "1"), (3, "0"), (4, "1"), (5, "2")]
    assert "no bytes of a picture" in images.rejected[0].reason


def test_shards_of_which_some_have_no_labels_or_other_pictures_are_refused_by_file(write_shard, tmp_path):
    for name in "ab":
        write_shard(f"{name}/a.parquet", [0, 1], [0, 1])
        write_shard(f"{name}/b.parquet", [2, 3], [0, 1])
    for name, other in (("a", "a"), ("a", "b"), ("b", "a")):
        path = tmp_path / name / f"{other}.parquet"
        table = pq.read_table(path)
        if name == "a":
            pq.write_table(table.drop_columns(["label"]), path)
            message = "column 'label' in all shards, got none in .*/a/[ab].parquet"
        else:
            encoded = pa.array([cell["bytes"] for cell in table.column("image").to_pylist()])
            pq.write_table(table.set_column(0, "image", encoded), path)
            message = "pictures of one type in all shards, got binary in .*a.parquet and struct.* in .*b.parquet"
        with pytest.raises(ValueError, match=message):
            load_images(tmp_path / name)
        if name == "a":
            assert len(load_images(tmp_path / name, labels="none")) == 4
            pq.write_table(table, path)


@pytest.mark.parametrize("second", ["labels", "fine_label"])
def test_two_columns_of_labels_are_refused_and_one_may_be_chosen(write_shard, second):
    path = write_shard("a.parquet", range(4), [0, 1, 0, 1])
    pq.write_table(pq.read_table(path).append_column(second, pa.array([1, 1, 0, 0])), path)
    with pytest.raises(ValueError, match=f"one column of labels in .*, got label, {second}; choose one with --labels"):
        load_images(path)
    assert load_images(path, labels=second).labels.tolist() == [1, 1, 0, 0]
    assert load_images(path, labels="none").labels is None


@pytest.mark.parametrize(
    ("labels", "kind", "message"),
    [
        ([0, 2**63 + 5], pa.uint64(), r"labels up to 9223372036854775807 in .*a.parquet, got 9223372036854775813"),
        ([0.0, float("inf")], pa.float64(), r"labels of whole numbers or text in .*a.parquet, got inf"),
        ([0.0, 1e300], pa.float64(), r"whole numbers or text in .*a.parquet, got 1e\+300"),
        ([2.0**53, 2.0**53 + 2], pa.float64(), r"got 9007199254740994.0"),
    ],
)
def test_numbers_that_no_class_can_have_are_refused_by_file(write_shard, labels, kind, message):
    with pytest.raises(ValueError, match=message):
        load_images(write_shard("a.parquet", range(2), labels, kind=kind))


def test_text_as_views_and_names_by_number_are_read(write_shard):
    assert pairs(load_images(write_shard("a.parquet", [0, 1], ["b", "a"], kind=pa.string_view()))) == [
        (0, "b"),
        (1, "a"),
    ]
    path = write_shard("b.parquet", [0, 1], [1, 0], class_names=["x", "y"])
    table = pq.read_table(path)
    meta = table.schema.metadata[b"huggingface"].replace(b'["x", "y"]', b'{"0": "x", "1": "y"}')
    pq.write_table(table.replace_schema_metadata({b"huggingface": meta}), path)
    assert pairs(load_images(path)) == [(0, "y"), (1, "x")]
