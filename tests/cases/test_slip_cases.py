"""Slips that one does not see: accents, blanks, headers, counting from one, splits that lie in folders."""

import unicodedata

import numpy as np
import pytest
import torch
from case_pictures import class_of, pairs, picture

from holdfast.audits import Known, Options
from holdfast.audits import prepare as prepare_audit
from holdfast.data import load_images

RIGHT = [(place, class_of(place)) for place in range(24)]


def test_the_line_that_tells_a_spreadsheet_the_separator_is_no_header(numbered_files, tmp_path):
    rows = "\r\n".join(f"{i}.png;{class_of(i)}" for i in range(24))
    (tmp_path / "t.csv").write_text(f"sep=;\r\nfile;label\r\n{rows}", newline="")
    images = load_images(numbered_files, labels=str(tmp_path / "t.csv"))
    assert sorted(pairs(images)) == RIGHT
    assert images.classes == ("ant", "bee", "cat")


@pytest.mark.parametrize("folder", ["", "numbered/"])
def test_a_table_without_a_header_is_refused(numbered_files, tmp_path, folder):
    (tmp_path / "t.csv").write_text("\n".join(f"{folder}{i}.png,{class_of(i)}" for i in range(24)))
    for options in ({"labels": f"{tmp_path / 't.csv'}"}, {"subgroups": [f"{tmp_path / 't.csv'}:{class_of(0)}"]}):
        with pytest.raises(ValueError, match=r"a header above the rows of .*, got a row of an image, '.*0\.png'"):
            load_images(numbered_files, **options)


def test_two_usual_columns_that_differ_are_refused_and_names_beside_numbers_are_not(numbered_files, write_table):
    rows = [(f"{i}.png", i % 2, class_of(i)) for i in range(24)]
    with pytest.raises(ValueError, match=r"one column beside 'file' in .*, got label, class; name one"):
        load_images(numbered_files, labels=write_table(["file", "class", "label"], rows))
    rows = [(f"{i}.png", ("ant", "bee", "cat").index(class_of(i)), class_of(i)) for i in range(24)]
    assert sorted(pairs(load_images(numbered_files, labels=write_table(["file", "class", "label"], rows)))) == RIGHT


def test_numbers_that_may_be_counted_from_one_are_refused_also_for_some_of_the_pictures(
    numbered_files, write_table, write_shard
):
    table = write_table(["id", "site"], [(i, f"s{i % 2}") for i in range(1, 24)])
    shard = write_shard("a.parquet", range(24), [0, 1] * 12)
    for place in range(24):
        (numbered_files / f"{place}.png").rename(numbered_files / f"scan {place:03d}.png")
    for source in (numbered_files, shard):
        with pytest.raises(ValueError, match="numbers from 1 to 23, which may be counted from 1"):
            load_images(source, subgroups=[f"{table}:site"])
        with_first = write_table(["id", "site"], [(0, ""), *((i, f"s{i % 2}") for i in range(1, 24))], name="b.csv")
        groups = load_images(source, subgroups=[f"{with_first}:site"]).subgroups["site"]
        assert [groups.names[number] for number in groups.numbers] == ["(none)", *(f"s{i % 2}" for i in range(1, 24))]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (str.upper, "differs from the image's .* by case or blanks"),
        (lambda name: f" {name}", "differs from the image's .* by case or blanks"),
        (lambda name: name.replace(".png", ".jpg"), "the image's suffix is another"),
        (lambda name: f"/elsewhere/{name}", "ends as the image's path"),
        (
            lambda name: unicodedata.normalize("NFC", name),
            r"image's 'e\\u0301 0\.png' spells its accents",
        ),
    ],
)
def test_what_keeps_a_table_from_fitting_is_said(tmp_path, write_table, change, words):
    (tmp_path / "pictures").mkdir()
    names = [unicodedata.normalize("NFD", f"é {i}.png") for i in range(4)]
    for place, name in enumerate(names):
        picture(place).save(tmp_path / "pictures" / name)
    with pytest.raises(ValueError, match=words):
        load_images(tmp_path / "pictures", labels=write_table(["file", "label"], [(change(n), "a") for n in names]))


@pytest.mark.parametrize(
    ("one", "other"),
    [("caf\u00e9", "cafe\u0301"), ("cat", "cat\u200b"), ("cat", "cat\u00a0"), ("\uff21", "a"), ("ß", "SS")],
)
def test_names_that_look_alike_are_pointed_out_letter_by_letter(tmp_path, numbered_files, write_table, one, other):
    table = write_table(["file", "label"], [(f"{i}.png", [one, other, "dog"][i % 3]) for i in range(24)])
    images = load_images(numbered_files, labels=table)
    assert any("differ by case or blanks alone and are 2 classes here" in note for note in images.notes)
    ours = write_table(["file", "label"], [(f"{i}.png", [one, "dog"][i % 2]) for i in range(24)], name="ours.csv")
    theirs = write_table(["file", "label"], [(f"{i}.png", [other, "dog"][i % 2]) for i in range(24)], name="theirs.csv")
    sets = [load_images(numbered_files, labels=labels) for labels in (ours, theirs)]
    with pytest.raises(ValueError, match="differ by case or blanks alone: name the classes alike"):
        prepare_audit(torch.nn.Flatten(), *sets, Known(), name=None, pairs=None, options=Options())


def test_blanks_at_an_end_of_names_are_pointed_out(numbered_files, write_table):
    table = write_table(["file", "label"], [(f"{i}.png", " ant") for i in range(24)])
    assert any(
        "blanks are part of names such as ' ant'" in note for note in load_images(numbered_files, labels=table).notes
    )


@pytest.mark.parametrize("names", [("train", "test"), ("train2017", "val2017"), ("Train", "Valid", "Test")])
def test_folders_of_splits_are_no_classes_and_said_to_be_read_together(tmp_path, names):
    for place in range(12):
        folder = tmp_path / "all" / names[place % len(names)] / class_of(place)
        folder.mkdir(parents=True, exist_ok=True)
        picture(place).save(folder / f"{place}.png")
    with pytest.raises(ValueError, match=r"folders of classes in .*, which are named as splits; give one of them"):
        load_images(tmp_path / "all", labels="folder")
    note = next(note for note in load_images(tmp_path / "all").notes if "are named as splits" in note)
    assert all(name in note for name in names)
    alone = load_images(tmp_path / "all" / names[0], labels="folder")
    assert all(name == class_of(place) for place, name in pairs(alone))
    assert not alone.notes


def test_a_class_may_be_called_as_a_split(tmp_path):
    for place, name in enumerate(["train", "tram", "bus"] * 2):
        (tmp_path / "all" / name).mkdir(parents=True, exist_ok=True)
        picture(place).save(tmp_path / "all" / name / f"{place}.png")
    images = load_images(tmp_path / "all", labels="folder")
    assert images.classes == ("bus", "train", "tram")
    assert np.array_equal(np.bincount(images.labels), [2, 2, 2])
    assert not images.notes
