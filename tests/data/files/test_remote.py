"""Files behind URLs: what a store's library raises is told, what fails is tried again, what does not answer waits."""

import time

import pytest
from little_store import served

from holdfast.data import load_images
from holdfast.data.files import remote


@pytest.fixture
def store(monkeypatch):
    monkeypatch.setattr(remote, "WAITS", (0.0, 0.0, 0.0))
    with served({"a.bin": bytes(range(100))}) as found:
        yield found


def test_bytes_are_those_asked_for_and_fewer_are_an_error(store, tmp_path):
    (tmp_path / "a.bin").write_bytes(store.files["a.bin"])
    for name in (f"{store.url}/a.bin", str(tmp_path / "a.bin")):
        assert remote.byte_range(name, 90, 5) == bytes(range(90, 95))
        with pytest.raises(remote.ShortError, match="10 of 20 bytes at 90 of"):
            remote.byte_range(name, 90, 20)
        with remote.opened_file(name) as file:
            file.seek(-3, 2)
            assert file.read() == bytes([97, 98, 99]) and file.tell() == 100


def test_a_store_that_is_down_is_no_missing_file(store):
    assert remote.named(f"{store.url}/*.bin") == remote.named(f"{store.url}/a.bin") == [f"{store.url}/a.bin"]
    assert remote.named(f"{store.url}/b.bin") == []
    store.answer = lambda name, span: (503, b"", "")
    for name in ("a.bin", "*.bin"):
        with pytest.raises(OSError, match=r"expected files behind .*bin, got: .*503.* \(tried 3 times\); check"):
            remote.named(f"{store.url}/{name}")


def test_a_store_that_does_not_answer_is_left_alone_for_as_long_as_it_was_waited_for(store, monkeypatch):
    monkeypatch.setattr(remote, "SLOW", 0.1)
    given, name = store.answer, f"{store.url}/a.bin"
    store.answer = lambda file, span: (time.sleep(0.3), given(file, span))[1]
    for _ in range(2):
        with pytest.raises(OSError, match=r"no answer within 0.1 seconds"):
            remote.byte_range(name, 0, 5)
    store.answer = given
    begun = time.monotonic()
    with pytest.raises(OSError, match="left alone just after it failed: no answer within"):
        remote.byte_range(name, 0, 5)
    assert time.monotonic() - begun < 0.1
    time.sleep(max(0.0, remote._failing[name].until - time.monotonic()))
    assert remote.byte_range(name, 0, 5) == bytes(range(5)) and name not in remote._failing


def test_one_failure_leaves_nothing_alone(store):
    store.failing = lambda name, reads: reads <= 3
    with pytest.raises(OSError, match="503"):
        remote.byte_range(f"{store.url}/a.bin", 0, 5)
    assert remote.byte_range(f"{store.url}/a.bin", 0, 5) == bytes(range(5))


def test_a_server_without_ranges_of_bytes_is_refused_at_its_first_answer(store):
    answers, given = [], store.answer
    store.answer = lambda name, span: (answers.append(span), given(name, None))[1]
    for name in ("a.tar", "a.parquet"):
        store.files[name] = bytes(5000)
        answers.clear()
        with pytest.raises(
            ValueError, match=rf"ranges of bytes, got whole files from that of {store.url}/{name}; down"
        ):
            load_images(f"{store.url}/{name}")
        assert [span for span in answers if span is not None] == ["bytes=0-0"]
    with pytest.raises(ValueError, match="ranges of bytes, got whole files"):
        remote.byte_range(f"{store.url}/a.bin", 10, 5)
