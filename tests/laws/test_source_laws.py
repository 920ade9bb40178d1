"""What holds for every kind of source, and what a new one still lacks."""

from pathlib import Path

import numpy as np
import pytest
import torch
from source_examples import COUNT, EXAMPLES, LABELS

from holdfast.config import VIEWS
from holdfast.data import SOURCES, Batch, load_images, view_maker
from holdfast.data.files import LoadRequest
from holdfast.data.sources import source_of
from holdfast.data.survey import survey

ROOT = Path(__file__).parents[2]
every_source = pytest.mark.parametrize("kind", SOURCES)
SHARED = {"__init__", "aside", "kinds", "load", "shards", "source"}
"""Files of the room that are no kind of source."""


@pytest.fixture
def example(tmp_path, monkeypatch):
    """A small source of a kind."""
    monkeypatch.setenv("HOLDFAST_DATA", str(tmp_path))
    return lambda kind: EXAMPLES[kind](tmp_path, range(COUNT))


def test_every_file_of_the_room_is_a_kind_in_the_list():
    files = {path.stem for path in (ROOT / "src/holdfast/data/sources").glob("*.py")} - SHARED
    assert files == set(SOURCES)
    assert {kind: found.__module__.rpartition(".")[2] for kind, found in SOURCES.items()} == {k: k for k in SOURCES}


@every_source
def test_a_source_has_an_example_and_a_part_of_the_docs(kind):
    assert kind in EXAMPLES, f"add {kind!r} to tests/support/source_examples.py"
    assert f"### {kind.capitalize()}\n" in (ROOT / "docs/data.md").read_text(), f"describe {kind!r} in docs/data.md"


@every_source
def test_a_message_says_how_a_source_is_written(kind, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected .* got") as caught:
        load_images(tmp_path / "nothing")
    assert SOURCES[kind].written in str(caught.value)


@every_source
def test_a_source_is_of_one_kind(kind, example):
    name = example(kind)
    assert [other for other, found in SOURCES.items() if found.matches(name)] == [kind]
    assert type(source_of(name)) is SOURCES[kind]


@every_source
def test_a_source_is_read_twice_alike_and_in_parts(kind, example):
    name = example(kind)
    images, part = load_images(name), load_images(name, limit=5, seed=1)
    assert images.source == name
    assert images.checksum == load_images(name).checksum
    assert torch.equal(images.select(part.ids).pixels, part.pixels)
    assert part.labels is None or torch.equal(images.select(part.ids).labels, part.labels)


@every_source
def test_labels_alone_are_those_of_the_images(kind, example):
    source = source_of(example(kind))
    images = source.load(LoadRequest())
    numbers, names = source.labels(LoadRequest())
    assert names == images.classes
    assert (numbers is None) == (images.labels is None)
    assert numbers is None or torch.equal(numbers[images.ids], images.labels)


@every_source
def test_a_column_that_is_not_there_is_refused_with_a_remedy(kind, example):
    with pytest.raises(ValueError, match=r"expected .*; .*"):
        source_of(example(kind)).column("no such column")


@every_source
def test_a_look_at_a_source_sees_every_image(kind, example):
    name = example(kind)
    images, seen = load_images(name), survey(name)
    assert np.array_equal(seen.ids, images.ids.numpy())
    assert (seen.height[0], seen.width[0]) == images.pixels.shape[2:]
    assert len(seen.names(int(seen.ids[0]))) > 0
    assert len(seen.bare()) == len(images)


@every_source
def test_views_of_a_source_are_drawn_by_its_ids(kind, example):
    images = load_images(example(kind)).subset(torch.arange(6))
    make = view_maker(images.source, VIEWS["cifar"], seed=0, size=16)
    views = make(Batch(images.floats(), images.ids, 0)).images
    some = images.subset(torch.tensor([4, 1]))
    again = make(Batch(some.floats(), some.ids, 0)).images
    assert views.shape == (2, 6, 3, 16, 16)
    torch.testing.assert_close(views[:, [4, 1]], again, rtol=0, atol=1e-6)


@every_source
def test_another_order_of_rows_files_or_shards_changes_no_pair_of_picture_and_label(kind, tmp_path, monkeypatch):
    found = []
    for number, order in enumerate((range(COUNT), [7, 2, 11, 0, 5, 9, 1, 10, 3, 8, 6, 4])):
        root = tmp_path / str(number)
        root.mkdir()
        monkeypatch.setenv("HOLDFAST_DATA", str(root))
        images = load_images(EXAMPLES[kind](root, order), labels=LABELS.get(kind))
        numbers = [None] * len(images) if images.labels is None else images.labels.tolist()
        names = images.classes or range(images.class_count)
        pairs = zip(images.pixels, numbers, strict=True)
        found.append(sorted((p.numpy().tobytes(), "" if label is None else str(names[label])) for p, label in pairs))
    assert found[0] == found[1]
    assert kind == "spirograph" or len({name for _, name in found[0]}) > 1
