"""Labels and groups: only where asked for, from folders, tables and columns."""

# pyright: reportOptionalIterable=false

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from holdfast.config import RunConfig
from holdfast.data import load_images, load_pool, prepare
from holdfast.data.labels.columns import NO_GROUP
from holdfast.data.pool import same_images
from holdfast.methods import SimCLRConfig

NAMES = ("a-b/0.png", "a/1.png", "a/deep/2.png", "b/3.png", "b/4.png", "b/5.png")


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "pictures"
    for number, name in enumerate(NAMES):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4), (number, 0, 0)).save(root / name)
    return root


def table(path, text):
    path.write_text(text)
    return str(path)


def test_a_folder_name_is_no_class_by_accident(folder):
    images = load_images(folder)
    assert images.labels is None and images.classes is None and images.subgroups == {}


def test_first_folders_are_classes_when_asked_for(folder):
    images = load_images(folder, labels="folder")
    assert images.classes == ("a", "a-b", "b")
    assert [images.classes[label] for label in images.labels] == [name.split("/")[0] for name in NAMES]


def test_classes_are_those_of_the_folder_whatever_the_limit(folder):
    images = load_images(folder, labels="folder", limit=2, seed=1)
    assert images.classes == ("a", "a-b", "b")
    assert [images.classes[label] for label in images.labels] == [path.split("/")[0] for path in images.paths]


def test_a_picture_outside_all_class_folders_is_named(folder):
    Image.new("RGB", (4, 4)).save(folder / "loose.png")
    with pytest.raises(ValueError, match=r"a label of every image in folder, got none for 1 of 7, such as 'loose.png'"):
        load_images(folder, labels="folder")
    assert load_images(folder, subgroups=["folder"]).subgroups["folder"].names == ("a", "a-b", "b", NO_GROUP)


@pytest.mark.parametrize("prefix", ["", "./", "pictures/", "absolute"])
def test_a_table_names_pictures_relative_to_the_folder_or_to_itself_or_absolutely(folder, prefix):
    prefix = f"{folder}/" if prefix == "absolute" else prefix
    rows = "".join(f"{prefix}{name},{kind}\n" for name, kind in zip(NAMES, "xyxyxz", strict=True))
    images = load_images(folder, labels=table(folder.parent / "labels.csv", f"path,kind\n{rows}"))
    assert images.classes == ("x", "y", "z")
    assert images.labels.tolist() == [0, 1, 0, 1, 0, 2]


def test_rows_of_a_table_may_come_in_any_order_and_speak_of_other_files(folder):
    rows = "".join(f"{name},{number}\n" for number, name in reversed([*enumerate(NAMES), (9, "gone.png")]))
    images = load_images(folder, labels=table(folder.parent / "labels.csv", f"file,label\n{rows}"))
    assert [images.classes[label] for label in images.labels] == list("012345")
    assert images.classes == (*"012345", "9")


def test_a_label_that_is_missing_is_named(folder):
    spec = table(folder.parent / "labels.csv", "path,label\na/1.png,x\nb/3.png,\n")
    with pytest.raises(ValueError, match=r"got none for 5 of 6, such as 'a-b/0.png'"):
        load_images(folder, labels=spec)


def test_groups_come_from_any_column_and_may_have_gaps(folder):
    spec = table(folder.parent / "meta.csv", 'path,site,camera\na/1.png,"north, far",7\nb/3.png,south,12\nb/4.png,,7\n')
    images = load_images(folder, subgroups=[f"{spec}:site", f"{spec}:camera"])
    assert images.subgroups["site"].names == ("north, far", "south", NO_GROUP)
    assert images.subgroups["site"].numbers.tolist() == [2, 0, 2, 1, 2, 2]
    assert images.subgroups["camera"].names == ("7", "12", NO_GROUP)
    part = images.select(torch.tensor([3, 1]))
    assert part.subgroups["site"].numbers.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("content", "spec", "message"),
    [
        ("path,label\nelsewhere.png,1\n", "", r"expected in .*labels\.csv the paths of images"),
        ("path,site,camera\na/1.png,1,2\n", "", "expected one column beside 'path'.*got site, camera; name one"),
        ("path,label\na/1.png,1\n", ":colour", "expected a column 'colour'.*got path, label"),
        ("path,label\n", "", "expected rows under the header"),
        ("path,label\na/1.png,1,2,3\n", "", "expected a CSV file with a header"),
        ("", "", "expected a CSV file with a header"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_in_one_line(folder, content, spec, message):
    with pytest.raises(ValueError, match=message) as caught:
        load_images(folder, labels=table(folder.parent / "labels.csv", content) + spec)
    assert "\n" not in str(caught.value)


def test_a_missing_table_is_said(folder):
    with pytest.raises(FileNotFoundError, match=r"expected a CSV file, got .*no\.csv"):
        load_images(folder, labels=str(folder / "no.csv"))


def test_a_folder_has_no_columns(folder):
    with pytest.raises(ValueError, match=r"expected labels or groups 'folder' or a \.csv file.*got 'species'"):
        load_images(folder, labels="species")


def test_a_parquet_file_s_labels_are_its_own_another_column_or_none(encoded_noise, write_parquet):
    path = write_parquet(encoded_noise(4)[0], [0, 1, 0, 1])
    columns = pq.read_table(path).append_column("site", pa.array(["s", "n", None, "n"]))
    pq.write_table(columns.append_column("kind", pa.array(["v", "u", "v", "w"])), path)
    assert load_images(path).labels.tolist() == [0, 1, 0, 1]
    assert load_images(path, labels="none").labels is None
    other = load_images(path, labels="kind", subgroups=["site", "label"])
    assert (other.classes, other.labels.tolist()) == (("u", "v", "w"), [1, 0, 1, 2])
    assert (other.subgroups["site"].names, other.subgroups["site"].numbers.tolist()) == (
        ("n", "s", NO_GROUP),
        [1, 0, 2, 0],
    )
    assert other.subgroups["label"].names == ("0", "1")
    with pytest.raises(ValueError, match="expected a column 'kine' of integers or strings"):
        load_images(path, labels="kine")


def test_class_names_in_a_parquet_file_s_metadata_are_kept(encoded_noise, write_parquet):
    path = write_parquet(encoded_noise(3)[0], [1, 0, 1], names=["cat", "dog"])
    assert load_images(path, subgroups=["label"]).subgroups["label"].names == ("cat", "dog")


def test_digits_and_arrays_take_groups_by_id(tmp_path):
    spec = table(tmp_path / "site.csv", "id,site\n0,x\n5,y\n")
    groups = load_images("digits", limit=1797, subgroups=[spec]).subgroups["site"]
    assert groups.numbers[:7].tolist() == [0, 2, 2, 2, 2, 1, 2]
    np.savez(tmp_path / "a.npz", images=np.zeros((3, 4, 4), np.uint8), site=np.array(["u", "v", "u"]))
    assert load_images(tmp_path / "a.npz", subgroups=["site"]).subgroups["site"].numbers.tolist() == [0, 1, 0]


def test_a_run_remembers_its_labels_and_groups(folder):
    config = RunConfig(method=SimCLRConfig(), data=str(folder), labels="folder", groups=("folder",), holdout=2)
    pool = prepare(config)
    again = load_pool(pool.record())
    assert again.images.classes == pool.images.classes == ("a", "a-b", "b")
    assert torch.equal(again.images.subgroups["folder"].numbers, pool.images.subgroups["folder"].numbers)


@pytest.mark.parametrize("labels", ["none", "folder"])
def test_a_run_s_images_are_known_whatever_their_labels(folder, labels):
    record = prepare(RunConfig(method=SimCLRConfig(), data=str(folder), labels=labels, holdout=2)).record()
    images = load_images(folder)
    assert same_images(record, images)
    assert same_images(record, load_images(folder, labels="folder"))
    assert not same_images(record, load_images(folder, limit=3))
