import json

import numpy as np
import pytest

from holdfast.data.index_files import is_index_file, read_index


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
