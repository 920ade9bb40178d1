import json
import os

import numpy as np
import pytest
import torch
from PIL import Image

from holdfast.config import MethodConfig, RunConfig
from holdfast.data import Images, prepare
from holdfast.data.splits.index_files import is_index_file, listed_ids, read_index


def test_every_format_gives_the_same_ids(tmp_path):
    ids = [4, 0, 17]
    (tmp_path / "a.json").write_text(json.dumps(ids))
    (tmp_path / "b.json").write_text(json.dumps({"train": ids, "held_out": [1]}))
    np.save(tmp_path / "c.npy", np.array(ids, dtype=np.int32))
    (tmp_path / "d.txt").write_text("4\n0\n17\n")
    for name in ("a.json", "b.json", "c.npy", "d.txt"):
        assert is_index_file(str(tmp_path / name))
        assert read_index(tmp_path / name).tolist() == ids
    assert not is_index_file("exp:100")


CONTENTS = {
    "words.txt": b"one\ntwo",
    "empty.txt": b"# nothing here\n",
    "twice.txt": b"1\n2\n1\n",
    "floats.json": b"[1.5, 2.0]",
    "table.json": b"[[1, 2], [3, 4]]",
    "other.json": b'{"ids": [1]}',
    "broken.json": b"[1,",
    "ragged.json": b"[[1], [2, 3]]",
    "fake.npy": b"no array",
}


@pytest.mark.parametrize("name", CONTENTS)
def test_a_file_without_plain_ids_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(CONTENTS[name])
    with pytest.raises(ValueError, match=f"expected .*{name}"):
        read_index(tmp_path / name)


def test_a_pickled_array_is_refused(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([{}, 1], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"expected ids in .*objects\.npy"):
        read_index(tmp_path / "objects.npy")


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected an index file, got .*none\.txt"):
        read_index(tmp_path / "none.txt")


def pictures(paths=("a/x 1.png", "a/y.png", "b/z.png"), labels=(0, 0, 1)):
    labels = None if labels is None else torch.tensor(labels)
    return Images(torch.zeros(3, 3, 2, 2, dtype=torch.uint8), torch.tensor([4, 7, 9]), labels, paths=paths)


@pytest.mark.parametrize("prefix", ["", "./", "train/", "data/train/"])
def test_a_list_of_paths_and_classes_names_images_by_their_paths(tmp_path, prefix):
    (tmp_path / "lt.txt").write_text(f"{prefix}b/z.png 3\n{prefix}a/x 1.png 8\n")
    assert listed_ids(tmp_path / "lt.txt", pictures()).tolist() == [4, 9]
    assert listed_ids(tmp_path / "lt.txt", pictures(labels=None)).tolist() == [4, 9]


def test_a_list_names_images_by_id_where_they_have_no_paths(tmp_path):
    (tmp_path / "lt.txt").write_text("9 1\n7 0\n")
    assert listed_ids(tmp_path / "lt.txt", pictures(paths=None)).tolist() == [7, 9]


def test_an_index_file_stays_one(tmp_path):
    (tmp_path / "ids.txt").write_text("9\n4\n")
    assert listed_ids(tmp_path / "ids.txt", pictures()).tolist() == [4, 9]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a/q.png 0\na/y.png 0\n", "'a/q.png' and 0 others"),
        ("a/y.png 0\na/y.png 0\n", "each image once"),
        ("a/y.png 0\nb/z.png 0\n", "several there"),
        ("a/x 1.png 0\na/y.png 1\n", "several there"),
    ],
)
def test_a_list_that_does_not_fit_the_images_is_refused(tmp_path, text, problem):
    (tmp_path / "lt.txt").write_text(text)
    with pytest.raises(ValueError, match=problem):
        listed_ids(tmp_path / "lt.txt", pictures())


def test_a_list_names_files_of_a_folder_also_with_odd_names_and_without_labels(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    names = [b"a/one two.png", "b/\u00e9\u2028 \U0001f600.png".encode(), b"b/caf\xe9.png", b"c/left out.png"]
    for seed, name in enumerate(names):
        path = tmp_path / "photos" / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(path, "PNG")
    (tmp_path / "lt.txt").write_bytes(b"".join(b"train/%s %d\n" % (name, i) for i, name in enumerate(names[:3])))
    config = RunConfig(method=MethodConfig(), data=str(tmp_path / "photos"), long_tail=str(tmp_path / "lt.txt"))
    pool = prepare(config)
    assert len(pool.images) == 4
    assert sorted(pool.train.paths) == sorted(name.decode("utf-8", "backslashreplace") for name in names[:3])
    assert pool.split is None
