"""What a run could not read as it began is left out of it for good, although the store has recovered since."""

from dataclasses import replace

import pytest
import torch
from little_store import Store, served
from short_runs import short_run
from source_examples import CLASSES, labels, packed, pictures, png

from holdfast import SimCLRConfig
from holdfast.data import load_images, prepare
from holdfast.data.files import checks
from holdfast.data.pool import load_pool
from holdfast.data.sources import relabelled

pytestmark = pytest.mark.usefixtures("stores_at_once")


@pytest.fixture
def store():
    """Three tar files of four pictures each, with labels, and so much else that no picture is read with another."""
    files = {}
    for number in range(3):
        members = {}
        for place in range(4 * number, 4 * number + 4):
            members |= {f"{place}.png": png(pictures()[place]), f"{place}.cls": labels()[place].encode()}
            members[f"{place}.bin"] = bytes(2**21)
        files[f"part-{number}.tar"] = packed(members)
    with served(files) as found:
        yield found


def down(store: Store, what: bytes | str) -> None:
    """Lets the store fail for a file, or for what is read of files with some bytes in it."""
    given = Store.answer.__get__(store)

    def answer(name, span):
        status, content, told = given(name, span)
        failed = name == what if isinstance(what, str) else status == 206 and what == content
        return (503, b"", "") if failed else (status, content, told)

    store.answer = answer  # type: ignore[method-assign]


@pytest.mark.parametrize("more", [{}, {"memory_gib": 1e-6}])
@pytest.mark.parametrize(
    ("what", "left"), [("part-1.tar", [*range(4), *range(8, 12)]), (5, [*range(5), *range(6, 12)])]
)
def test_a_run_that_goes_on_leaves_out_what_it_could_not_read_as_it_began(what, left, more, store):
    down(store, what if isinstance(what, str) else png(pictures()[what]))
    config = short_run(SimCLRConfig(), data=f"{store.url}/part-*.tar", holdout=0, workers=0, image_size=8, **more)
    begun = prepare(config)
    record = begun.record()
    assert len(begun.train) == len(left) and len(record["unread"]) == 1
    store.answer = Store.answer.__get__(store)  # type: ignore[method-assign]
    again = load_pool(record, workers=0, **more)
    assert torch.equal(again.images.ids, begun.images.ids) and again.images.checksum == record["checksum"]
    for images in (again.images, relabelled(again.images.unlabelled, again.images.source, labels="cls", subgroups=())):
        assert images.classes == CLASSES and images.labels is not None
        assert [CLASSES[label] for label in images.labels.tolist()] == [labels()[place] for place in left]


def test_a_new_run_tries_again_what_could_not_be_read_once_some_time_has_passed(store, monkeypatch):
    down(store, png(pictures()[5]))
    source, given = f"{store.url}/part-*.tar", {"size": 8, "streamed": True, "workers": 0}
    assert len(load_images(source, **given)) == 11
    store.answer = Store.answer.__get__(store)  # type: ignore[method-assign]
    assert len(load_images(source, **given)) == 11  # the processes of a run begin alike
    monkeypatch.setattr(checks, "_AGAIN", -1.0)
    read = sum(store.reads.values())
    assert len(load_images(source, **given)) == 12
    assert len(replace(load_images(source, **given), rejected=())) == 12 and sum(store.reads.values()) > read
