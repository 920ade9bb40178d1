"""Torchvision's sets by name, from tiny ones that stand for them; nothing is downloaded."""

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import datasets

from holdfast.data import load_images
from holdfast.data.files.stream import Streamed
from holdfast.data.sources import torchvision as sets

asked = []


class Tiny:
    """Ten grey pictures of three classes, as torchvision's sets answer."""

    classes = ("cat", "dog", "emu")

    def __init__(self, root, *, train=True, download=False):
        asked.append({"root": root, "train": train, "download": download})
        self.targets = [number % 3 for number in range(10 if train else 4)]

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, place):
        return Image.fromarray(np.full((6, 6), 20 * place, np.uint8)), self.targets[place]


@pytest.fixture(autouse=True)
def tiny(monkeypatch, tmp_path):
    asked.clear()
    sets._opened.cache_clear()
    monkeypatch.setattr(datasets, "CIFAR10", Tiny)
    monkeypatch.setenv("HOLDFAST_DATA", str(tmp_path / "sets"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_a_set_is_read_by_name_with_its_classes():
    images = load_images("torchvision/CIFAR10")
    assert images.pixels.shape == (10, 3, 6, 6)
    assert images.pixels[:, 0, 0, 0].tolist() == list(range(0, 200, 20))
    assert images.labels.tolist() == [0, 1, 2, 0, 1, 2, 0, 1, 2, 0]
    assert images.classes == ("cat", "dog", "emu")
    assert load_images("torchvision/CIFAR10", labels="none").labels is None


def test_a_split_is_named_after_a_colon():
    assert len(load_images("torchvision/CIFAR10:test")) == 4


def test_nothing_is_downloaded_unless_asked_for(tmp_path):
    load_images("torchvision/CIFAR10")
    assert not any(call["download"] for call in asked)
    load_images("torchvision/CIFAR10", download=True)
    assert any(call["download"] for call in asked)
    assert {call["root"] for call in asked} == {str(tmp_path / "sets")}


def test_a_set_that_is_not_there_names_the_remedy():
    with pytest.raises(ValueError, match=r"expected the files of torchvision/CIFAR100 in .*sets.*with --download"):
        load_images("torchvision/CIFAR100")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("torchvision/CIFAR11", "expected torchvision/NAME with a NAME of CIFAR10, CIFAR100"),
        ("torchvision/CIFAR10:val", "expected a split of train, test after torchvision/CIFAR10:, got 'val'"),
    ],
)
def test_names_that_there_are_not_are_refused(source, message):
    with pytest.raises(ValueError, match=message):
        load_images(source)


def test_a_set_beyond_memory_is_streamed_to_the_same_bits():
    resident = load_images("torchvision/CIFAR10", size=8)
    streamed = load_images("torchvision/CIFAR10", size=8, memory_gib=1e-9, workers=0)
    assert isinstance(streamed.pixels, Streamed)
    assert streamed.checksum == resident.checksum
    assert torch.equal(torch.cat(list(streamed.pixels.split(3))), resident.pixels)


class Broken(Tiny):
    """Two of its pictures cannot be read, the first among them."""

    def __getitem__(self, place):
        if place in (0, 7):
            raise OSError("image file is truncated")
        return super().__getitem__(place)


@pytest.mark.parametrize("memory_gib", [4.0, 1e-9])
def test_a_broken_picture_is_set_aside_and_the_others_keep_ids_and_labels(monkeypatch, memory_gib):
    monkeypatch.setattr(datasets, "CIFAR10", Broken)
    images = load_images("torchvision/CIFAR10", size=6, memory_gib=memory_gib, workers=0).loaded()
    assert images.ids.tolist() == [1, 2, 3, 4, 5, 6, 8, 9]
    assert images.pixels[:, 0, 0, 0].tolist() == [20 * place for place in images.ids.tolist()]
    assert images.labels.tolist() == [place % 3 for place in images.ids.tolist()]
    assert [reason for _, reason in images.rejected] == ["image file is truncated"] * 2
    with pytest.raises(ValueError, match="leave --strict out"):
        load_images("torchvision/CIFAR10", size=6, memory_gib=memory_gib, workers=0, strict=True)


def test_every_set_in_the_list_is_one_of_torchvision_s():
    assert [name for name in sets.SETS if not hasattr(datasets, name)] == []


@pytest.mark.parametrize(
    ("attributes", "labels", "names"),
    [
        ({"_labels": [1, 0], "classes": ["a", "b"]}, [1, 0], ("a", "b")),
        (
            {"_samples": [("x.png", 0), ("y.png", 1)], "classes": [("tench", "fish"), ("church",)]},
            [0, 1],
            ("tench", "church"),
        ),
        ({"y": [0, 0], "categories": ["c"]}, [0, 0], ("c",)),
        ({"labels": np.array([-1, -1], np.int8)}, [-1, -1], None),
    ],
)
def test_labels_are_found_wherever_a_set_keeps_them(attributes, labels, names):
    data = type("Data", (), attributes)()
    assert sets._labels(data, "a set").tolist() == labels
    assert sets._names(data) == names
