"""Tar files: names end at the last dot, files are counted, what is far away is asked for by the picture."""

import subprocess
from typing import Any, cast

import fsspec
import pytest
import torch
from source_examples import packed, pictures, png

from holdfast.data import load_images
from holdfast.data.files import remote, tar_members
from holdfast.data.sources import source_of
from holdfast.data.survey import survey


def some(count: int, first: int = 0, label: bool = True) -> bytes:
    files = {}
    for place in range(first, first + count):
        files[f"2024.05.0{place % 2}.jpg.dir/a.{place}.png"] = png(pictures()[place])
        if label:
            files[f"2024.05.0{place % 2}.jpg.dir/a.{place}.cls"] = str(place % 3).encode()
    return packed(files)


def pixels(count: int, first: int = 0) -> torch.Tensor:
    return torch.from_numpy(pictures()[first : first + count]).permute(0, 3, 1, 2)


def test_names_with_dots_stay_apart_and_counts_are_the_tars_own(tmp_path):
    (tmp_path / "a.tar").write_bytes(
        packed({"a.b.png": png(pictures()[0]), "a.c.png": png(pictures()[1]), "about": b"x"})
    )
    images = load_images(tmp_path / "a.tar")
    assert images.paths == ("a.b.png", "a.c.png") and torch.equal(images.pixels, pixels(2))
    assert "1 tar file holds 3 files: 2 pictures, 1 without a suffix" in images.notes
    assert survey(str(tmp_path / "a.tar")).holds == ("1 tar file holds 3 files: 2 pictures, 1 without a suffix",)


def test_folders_and_links_are_counted_so_that_all_adds_up_to_what_tar_lists(tmp_path):
    (tmp_path / "in" / "a.b").mkdir(parents=True)
    (tmp_path / "in" / "a.b" / "x.1.png").write_bytes(png(pictures()[0]))
    (tmp_path / "in" / "a.b" / "x.2.png").write_bytes(png(pictures()[1]))
    (tmp_path / "in" / "link.png").symlink_to("a.b/x.1.png")
    subprocess.run(["tar", "-cf", tmp_path / "a.tar", "-C", tmp_path / "in", "."], check=True)
    listed = subprocess.run(["tar", "-tf", tmp_path / "a.tar"], check=True, capture_output=True, text=True).stdout
    (said,) = load_images(tmp_path / "a.tar").notes
    assert said == "1 tar file holds 2 files: 2 pictures; 3 folders, links and the like beside them"
    assert len(listed.splitlines()) == 2 + 3


def test_labels_stand_beside_the_pictures(tmp_path):
    (tmp_path / "a.tar").write_bytes(some(6))
    assert load_images(tmp_path / "a.tar").labels.tolist() == [0, 1, 2, 0, 1, 2]
    assert load_images(tmp_path / "a.tar", labels="none").labels is None
    files = {"a.png": png(pictures()[0]), "b.png": png(pictures()[1]), "a.cls": b"1"}
    (tmp_path / "b.tar").write_bytes(packed(files))
    with pytest.raises(ValueError, match=r"expected a .cls file beside every picture .* got none for 'b.png'"):
        load_images(tmp_path / "b.tar")


def test_a_folder_of_tar_files_is_read_as_its_pattern_unless_pictures_lie_in_it(tmp_path):
    folder = tmp_path / "tars"
    folder.mkdir()
    (folder / "README").write_text("about")
    for number in range(2):
        (folder / f"part-{number}.tar").write_bytes(some(3, 3 * number))
    assert torch.equal(load_images(folder).pixels, pixels(6)) and load_images(folder).labels.tolist() == [0, 1, 2] * 2
    (folder / "README").unlink()
    for read in (load_images, survey):
        with pytest.raises(
            FileNotFoundError, match=rf"got none but .tar files in {folder}; name the folder of one split"
        ):
            read(str(tmp_path))
    (folder / "a.png").write_bytes(png(pictures()[7]))
    images = load_images(folder)
    assert images.paths is not None and list(images.paths) == ["a.png"]
    assert (
        "part-0.tar, part-1.tar; unpack them to have what is in them, or read the .tar files alone" in images.notes[0]
    )


def test_a_picture_of_several_tar_files_is_named_by_its_file(tmp_path):
    (tmp_path / "part-0.tar").write_bytes(some(3))
    (tmp_path / "part-1.tar").write_bytes(
        packed({"a.png": png(pictures()[0]), "b.png": b"broken", "a.cls": b"0", "b.cls": b"1"})
    )
    for more in ({}, {"size": 8, "memory_gib": 1e-6, "workers": 0}):
        assert load_images(f"{tmp_path}/part-*.tar", **more).rejected[0].path == (
            f"row 4 of {tmp_path}/part-*.tar: {tmp_path}/part-1.tar picture 1 (counted from 0)"
        )


def test_tar_files_of_two_splits_are_refused_with_the_pattern_of_each(tmp_path):
    for split in ("train", "val"):
        (tmp_path / f"{split}-0.tar").write_bytes(some(3))
    for name in (tmp_path, f"{tmp_path}/*.tar"):
        with pytest.raises(
            ValueError, match=r"one split in .*, got train, val: .* '.*/train-\*.tar' or '.*/val-\*.tar'"
        ):
            load_images(name)
    assert len(load_images(f"{tmp_path}/train-*.tar")) == 3


@pytest.mark.parametrize("scheme", ["memory", "file"])
def test_what_fsspec_opens_is_read_as_from_the_disk(scheme, tmp_path):
    root = f"memory://{tmp_path.name}" if scheme == "memory" else f"file://{tmp_path}"
    for number in range(2):
        with fsspec.open(f"{root}/part-{number}.tar", "wb") as file:
            file.write(some(4, 4 * number))  # type: ignore[union-attr]
    images = load_images(f"{root}/part-*.tar")
    assert torch.equal(images.pixels, pixels(8)) and images.labels.tolist() == [0, 1, 2, 0, 1, 2, 0, 1]
    streamed = load_images(f"{root}/part-*.tar", size=8, memory_gib=1e-6, workers=0)
    assert not isinstance(streamed.pixels, torch.Tensor)
    assert torch.equal(streamed.pixels[torch.tensor([7, 0, 3])], pixels(8)[[7, 0, 3]])
    assert len(list(_index(f"{root}/part-*.tar").pictures)) == 8


def test_a_failing_read_is_tried_again_and_a_file_that_stays_broken_is_skipped_with_a_record(tmp_path, monkeypatch):
    monkeypatch.setattr(remote, "WAITS", (0.0, 0.0, 0.0))
    for number in range(2):
        (tmp_path / f"part-{number}.tar").write_bytes(some(3, 3 * number))
    opened, calls = tar_members.opened_file, []

    def shaky(file):
        calls.append(file)
        if file.endswith("part-1.tar") and calls.count(file) < limit:
            raise OSError("connection reset")
        return opened(file)

    monkeypatch.setattr(tar_members, "opened_file", shaky)
    limit = 3
    assert len(load_images(str(tmp_path / "part-*.tar"))) == 6
    calls.clear()
    limit = 99
    images = load_images(str(tmp_path / "part-*.tar"))
    assert len(images) == 3 and torch.equal(images.pixels, pixels(3))
    assert [(one.path, one.reason) for one in images.rejected] == [
        (str(tmp_path / "part-1.tar"), "not read in 3 tries: connection reset")
    ]
    assert any("part-1.tar is skipped: not read in 3 tries: connection reset" in note for note in images.notes)
    assert survey(str(tmp_path / "part-*.tar")).left_out == (
        f"{tmp_path / 'part-1.tar'} is skipped: not read in 3 tries: connection reset",
    )
    with pytest.raises(ValueError, match="expected tar files that can be read"):
        load_images(str(tmp_path / "part-*.tar"), strict=True)


def test_a_picture_that_cannot_be_read_is_set_aside_after_its_tries(tmp_path, monkeypatch):
    monkeypatch.setattr(remote, "WAITS", (0.0, 0.0, 0.0))
    (tmp_path / "a.tar").write_bytes(some(3, label=False))
    given, second = tar_members.byte_range, _index(str(tmp_path / "a.tar")).pictures[1][1].start

    def shaky(file, start, size):
        if start == second:
            raise OSError("timed out")
        return given(file, start, size)

    monkeypatch.setattr(tar_members, "byte_range", shaky)
    for more in ({}, {"size": 8, "memory_gib": 1e-6, "workers": 0}):
        images = load_images(tmp_path / "a.tar", **more)
        assert images.ids.tolist() == [0, 2]
        assert "not read in 3 tries: timed out" in images.rejected[0].reason


def test_a_tar_file_that_is_cut_short_is_said_to_be_and_a_picture_without_its_label_is_left_out(tmp_path):
    labelled = some(3)
    (tmp_path / "c.tar").write_bytes(labelled[: labelled.rindex(b"a.2.cls") // 512 * 512])
    harm = "cut short or damaged after 5 files: it has no end mark"
    for labels in (None, "none"):
        images = load_images(tmp_path / "c.tar", labels=labels)
        assert images.ids.tolist() == [0, 1] and torch.equal(images.pixels, pixels(2))
        file, picture = images.rejected
        assert file == (str(tmp_path / "c.tar"), f"read in part: {harm}")
        assert picture.path.endswith("a.2.png") and picture.reason.startswith("left out without its .cls, for ")
        assert any(note.endswith(f"c.tar is read in part: {harm}") for note in images.notes)
    assert load_images(tmp_path / "c.tar").labels.tolist() == [0, 1]
    with pytest.raises(ValueError, match=r"tar files that can be read, got \S+c.tar: read in part: cut short"):
        load_images(tmp_path / "c.tar", strict=True)
    (tmp_path / "a.tar").write_bytes(labelled[: labelled.rindex(b"a.2.cls") // 512 * 512 - 512])
    images = load_images(tmp_path / "a.tar")
    assert (
        images.ids.tolist() == [0, 1] and "after 4 files: 512 of its 4,608 bytes (11.1 %)" in images.rejected[0].reason
    )


def test_a_tar_file_is_read_on_after_damage_with_the_share_of_what_is_missing(tmp_path):
    content = bytearray(some(6))
    header = content.index(b"2024.05.00.jpg.dir/a.2.cls")
    content[header : header + 200] = bytes(byte ^ 0xFF for byte in content[header : header + 200])
    (tmp_path / "a.tar").write_bytes(content)
    images = load_images(tmp_path / "a.tar")
    assert images.labels.tolist() == [0, 1, 0, 1, 2] and torch.equal(images.pixels, pixels(6)[[0, 1, 3, 4, 5]])
    assert "damaged, or joined with another, after 5 files: 1,024 of its" in images.rejected[0].reason
    assert survey(str(tmp_path / "a.tar")).left_out[0].endswith("bytes (5.0 %) are not read")
    with pytest.raises(ValueError, match="read in part: damaged"):
        load_images(tmp_path / "a.tar", strict=True)


@pytest.mark.parametrize("hole", [512, 2048, 4096])
def test_a_hole_of_zeros_in_a_tar_file_is_no_end(tmp_path, hole):
    whole = some(12, label=False)
    (tmp_path / "whole.tar").write_bytes(whole)
    start = whole.index(b"2024.05.00.jpg.dir/a.4.png")
    (tmp_path / "a.tar").write_bytes(whole[:start] + bytes(hole) + whole[start + hole :])
    images = load_images(tmp_path / "a.tar")
    assert (
        len(images) == 12 - -(-hole // 1024)
        and f"after 4 files: {hole if hole > 512 else 1024:,} of" in images.notes[1]
    )
    assert not load_images(tmp_path / "whole.tar", strict=True).rejected


def test_two_tar_files_joined_are_read_both_and_said(tmp_path):
    (tmp_path / "a.tar").write_bytes(some(3) + some(3, 3))
    images = load_images(tmp_path / "a.tar")
    assert torch.equal(images.pixels, pixels(6)) and "joined with another, after 6 files" in images.rejected[0].reason


def test_what_is_no_tar_file_is_named(tmp_path):
    for content, said in (
        (b"no tar file" * 100, r"write it again, uncompressed"),
        (b"<!DOCTYPE html><title>404</title>" * 40, r"a.tar: a web page; download the file itself$"),
        (b"\x1f\x8b\x08" + bytes(2000), r"a.tar: a gzip archive; unpack it$"),
    ):
        (tmp_path / "a.tar").write_bytes(content)
        with pytest.raises(ValueError, match=r"expected a tar file, got .*" + said):
            load_images(tmp_path / "a.tar")
    (tmp_path / "b.tar").write_bytes(some(3))
    assert load_images(str(tmp_path / "?.tar").replace("?", "*")).notes[:2] == (
        "1 tar file holds 6 files: 3 pictures, 3 .cls",
        f"{tmp_path / 'a.tar'} is skipped: a gzip archive; unpack it",
    )
    with pytest.raises(FileNotFoundError, match=r"expected .tar files named"):
        load_images(tmp_path / "nothing.tar")


def _index(source: str) -> Any:
    return cast(Any, source_of(source)).index


def test_blocks_of_a_tar_file_are_read_once_for_all_of_their_pictures(tmp_path, monkeypatch):
    monkeypatch.setattr(tar_members, "BLOCK_BYTES", 4096)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for number in range(2):
        (tmp_path / f"part-{number}.tar").write_bytes(some(6, 6 * number))
    images = load_images(str(tmp_path / "part-*.tar"), size=8, streamed=True, workers=0)
    assert images.blocks is not None and len(set(images.blocks.tolist())) in range(3, 12)
    given, asked = tar_members.byte_range, []
    monkeypatch.setattr(tar_members, "byte_range", lambda *span: (asked.append(span), given(*span))[1])
    order = torch.randperm(12, generator=torch.Generator().manual_seed(0))
    found = list(images.in_blocks(12).batches(order.split(4)))
    assert torch.equal(torch.cat(found), pixels(12)[order].float() / 255)
    assert len(asked) == len(set(images.blocks.tolist())) == len(set(asked))
    asked.clear()
    list(images.batches(order.split(4)))
    assert len(asked) == 12


def test_a_scheme_whose_package_is_missing_is_told_with_its_remedy():
    with pytest.raises(
        ValueError, match=r"expected a URL that fsspec opens, got nothing://a.tar: .*holdfast\[remote\]"
    ):
        load_images("nothing://a.tar")
