"""The index of a folder: what is in it, in which order, and how it is kept."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from holdfast.data.files.folder_index import NO_FILE, NOT_REGULAR, Paths, index_folder
from holdfast.data.files.index_cache import cache_folder, open_index


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def touch(root: Path, *names: str, content: bytes = b"x") -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)


def names(root: Path) -> list[bytes]:
    index = index_folder(root)
    return [index.name(place) for place in range(len(index))]


def test_paths_are_sorted_as_bytes_through_all_folders(tmp_path):
    touch(tmp_path, "b/2.png", "b/1.png", "a.png", "b.png", "a/x/y.png", "Z.png")
    assert names(tmp_path) == [b"Z.png", b"a.png", b"a/x/y.png", b"b.png", b"b/1.png", b"b/2.png"]


def test_hidden_files_and_text_beside_the_pictures_are_left_out(tmp_path):
    touch(tmp_path, ".DS_Store", "._1.jpg", ".git/objects/1.jpg", "labels.csv", "a/1.json", "1.jpg", "noname")
    assert names(tmp_path) == [b"1.jpg", b"noname"]


def test_a_picture_under_a_text_suffix_is_found_by_its_content(tmp_path):
    Image.new("RGB", (2, 2)).save(tmp_path / "picture.txt", "PNG")
    assert names(tmp_path) == [b"picture.txt"]


def test_any_bytes_make_a_name(tmp_path):
    odd = [b"a b.png", b"new\nline.png", "😀.png".encode(), b"caf\xe9.png"]
    for name in odd:
        (tmp_path / os.fsdecode(name)).touch()
    index = index_folder(tmp_path)
    assert [index.name(place) for place in range(4)] == sorted(odd)
    assert all(index.path(place).exists() for place in range(4))
    assert index.printable(sorted(odd).index(b"caf\xe9.png")) == "caf\\xe9.png"


def test_links_are_followed_once_and_never_in_a_circle(tmp_path):
    root, outside = tmp_path / "root", tmp_path / "outside"
    touch(root, "real/1.png")
    touch(outside, "2.png", "deep/3.png")
    (root / "again").symlink_to(root / "real")
    (root / "real" / "up").symlink_to(root)
    (root / "there").symlink_to(outside)
    (root / "twice").symlink_to(outside)
    (outside / "back").symlink_to(root)
    (root / "file.png").symlink_to(root / "real" / "1.png")
    assert names(root) == [b"file.png", b"real/1.png", b"there/2.png", b"there/deep/3.png"]


def test_dead_links_and_pipes_are_listed_but_have_no_size(tmp_path):
    (tmp_path / "dead.png").symlink_to(tmp_path / "nothing")
    (tmp_path / "self.png").symlink_to(tmp_path / "self.png")
    os.mkfifo(tmp_path / "pipe.png")
    index = index_folder(tmp_path)
    found = {index.printable(place): int(index.sizes[place]) for place in range(len(index))}
    assert found == {"dead.png": NO_FILE, "self.png": NO_FILE, "pipe.png": NOT_REGULAR}


def test_an_index_is_kept_and_found_again(tmp_path):
    touch(tmp_path, "1.png", "a/2.png")
    first, again = open_index(tmp_path), open_index(tmp_path)
    assert first.home == again.home
    assert first.home is not None and cache_folder() in first.home.parents
    assert isinstance(again.names, np.memmap)
    assert [again.name(place) for place in range(2)] == [b"1.png", b"a/2.png"]


@pytest.mark.parametrize("change", ["add", "remove", "rename", "content", "time"])
def test_every_change_of_the_folder_is_noticed(tmp_path, change):
    touch(tmp_path, "1.png", "2.png")
    before = open_index(tmp_path).checksum
    file = tmp_path / "2.png"
    if change == "add":
        touch(tmp_path, "3.png")
    elif change == "remove":
        file.unlink()
    elif change == "rename":
        file.rename(tmp_path / "3.png")
    elif change == "content":
        file.write_bytes(b"longer")
    else:
        os.utime(file, (1, 1))
    assert open_index(tmp_path).checksum != before


def test_a_damaged_index_is_made_anew(tmp_path):
    touch(tmp_path, "1.png")
    home = open_index(tmp_path).home
    assert home is not None
    (home / "starts.npy").write_bytes(b"not an array")
    again = open_index(tmp_path)
    assert again.home == home
    assert again.name(0) == b"1.png"


def test_without_a_cache_the_index_stays_in_memory(tmp_path, monkeypatch):
    touch(tmp_path, "pictures/1.png", "file")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    index = open_index(tmp_path / "pictures")
    assert index.home is None
    rebuild, arguments = index.__reduce__()
    assert rebuild(*arguments).name(0) == b"1.png"


def test_another_process_maps_the_kept_index_instead_of_copying_it(tmp_path):
    touch(tmp_path, *(f"{number:05}.png" for number in range(300)))
    rebuild, arguments = open_index(tmp_path).__reduce__()  # what is sent to it
    assert len(repr(arguments)) < 300
    assert isinstance(rebuild(*arguments).names, np.memmap)


def test_paths_are_a_sequence_that_makes_its_strings_when_asked(tmp_path):
    touch(tmp_path, "1.png", "2.png", "3.png")
    paths = Paths(index_folder(tmp_path), np.array([2, 0]))
    assert list(paths) == ["3.png", "1.png"]
    assert paths[-1] == "1.png" and list(paths[:1]) == ["3.png"]
    assert list(paths.take(np.array([1]))) == ["1.png"]
