"""Tables that say something of pictures: read rightly, or refused with what is wrong with them."""

import random

import pytest
from case_pictures import class_of, pairs

from holdfast.data import load_images

RIGHT = [(place, class_of(place)) for place in range(24)]


def read(folder, table, **more):
    return sorted(pairs(load_images(folder, labels=table, **more)))


def shuffled():
    order = list(range(24))
    random.Random(0).shuffle(order)
    return order


def test_numbers_that_are_stems_are_no_places(numbered_files, write_table):
    table = write_table(["id", "label"], [(i, class_of(i)) for i in range(24)])
    assert read(numbered_files, table) == RIGHT
    assert "as paths without suffix" in load_images(numbered_files, labels=table).notes[0]


@pytest.mark.parametrize("number", ["id", "index", "row", ""])
@pytest.mark.parametrize("path", ["image_path", "file", "whatever"])
def test_a_row_number_beside_a_path_is_no_place(numbered_files, write_table, number, path):
    rows = [(k, f"{i}.png", class_of(i)) for k, i in enumerate(shuffled())]
    assert read(numbered_files, write_table([number, path, "label"], rows)) == RIGHT


def test_numbers_that_start_from_one_are_no_places(tmp_path, numbered_files, write_table):
    for place in range(24):
        (numbered_files / f"{place}.png").rename(numbered_files / f"scan {place:03d}.png")
    with pytest.raises(ValueError, match=r"places, which are counted from 0 to 23, got numbers from 1 to 24"):
        read(numbered_files, write_table(["id", "label"], [(i + 1, class_of(i)) for i in range(24)]))
    table = write_table(["id", "label"], [(i, class_of(i)) for i in range(24)])
    assert read(numbered_files, table) == RIGHT
    assert "its column 'id' as places" in load_images(numbered_files, labels=table).notes[0]


def test_two_columns_that_both_name_pictures_are_refused_by_name(numbered_files, write_table):
    rows = [(f"{i}.png", f"{(i + 1) % 24}.png", class_of(i)) for i in range(24)]
    table = write_table(["before", "after", "label"], rows)
    with pytest.raises(ValueError, match=r"column 'before' as paths, or column 'after' as paths; .*:COLUMN@before"):
        read(numbered_files, table)
    assert read(numbered_files, f"{table}:label@before") == RIGHT
    assert read(numbered_files, f"{table}:@before") == RIGHT
    assert read(numbered_files, f"{table}:label@after") != RIGHT


def test_two_columns_that_name_the_same_pictures_are_no_contradiction(numbered_files, write_table):
    rows = [(f"{i}.png", f"{numbered_files}/{i}.png", class_of(i)) for i in range(24)]
    assert read(numbered_files, write_table(["name", "where", "label"], rows)) == RIGHT


@pytest.mark.parametrize("word", ["NA", "None", "null", "nan", "N/A", "-", "0", "False", " "])
def test_every_cell_is_text_and_only_an_empty_one_is_missing(numbered_files, write_table, word):
    rows = [(f"{i}.png", class_of(i), ["EU", word, "AS", ""][i % 4]) for i in range(24)]
    spec = write_table(["file", "label", "region"], rows)
    group = load_images(numbered_files, subgroups=[f"{spec}:region"]).subgroups["region"]
    assert sorted(group.names[:3]) == sorted(["EU", word, "AS"])
    assert group.names[3] == "(none)"
    with pytest.raises(ValueError, match="got none for 6 of 24"):
        load_images(numbered_files, labels=f"{spec}:region")


def test_numbers_written_differently_are_different_values(numbered_files, write_table):
    rows = [(f"{i}.png", ["007", "07", "7", "7.0"][i % 4]) for i in range(24)]
    assert load_images(numbered_files, labels=write_table(["file", "label"], rows)).classes == ("007", "07", "7", "7.0")


def test_whole_numbers_are_classes_by_size(numbered_files, write_table):
    rows = [(f"{i}.png", [10, 9, -1, 100][i % 4]) for i in range(24)]
    assert load_images(numbered_files, labels=write_table(["file", "label"], rows)).classes == ("-1", "9", "10", "100")


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_other_separators_are_recognised_and_said(numbered_files, write_table, separator):
    rows = [(f"{i}.png", class_of(i)) for i in range(24)]
    table = write_table(["file", "label"], rows, delimiter=separator)
    assert read(numbered_files, table) == RIGHT
    assert "separated by" in load_images(numbered_files, labels=table).notes[0]


def test_a_separator_in_a_column_s_name_or_in_quotes_divides_nothing(numbered_files, write_table):
    rows = [(f"{i}.png", class_of(i), "a;b,c") for i in range(24)]
    assert read(numbered_files, write_table(["file", "label", "remark; free"], rows) + ":label") == RIGHT


def test_separators_that_leave_it_open_are_refused_by_name(numbered_files, tmp_path):
    (tmp_path / "both.csv").write_text("file;x,label\n0.png;1,ant\n1.png;2,bee\n")
    with pytest.raises(ValueError, match="commas and semicolons in its header"):
        load_images(numbered_files, labels=str(tmp_path / "both.csv"))


@pytest.mark.parametrize(
    ("encoding", "message"), [("latin-1", r"0xE4 in line 3, 'ä' in Latin-1"), ("utf-16", "UTF-16"), ("cp437", "0x84")]
)
def test_bytes_that_are_no_utf_8_are_refused_with_their_place(numbered_files, write_table, encoding, message):
    table = write_table(["file", "label"], [("0.png", "Bar"), ("1.png", "Bär")], encoding=encoding)
    with pytest.raises(ValueError, match=f"expected UTF-8 text in .*{message}.*; save it as UTF-8"):
        load_images(numbered_files, labels=table)


def test_a_mark_of_utf_8_is_no_part_of_the_first_name(numbered_files, write_table):
    rows = [(f"{i}.png", class_of(i)) for i in range(24)]
    assert read(numbered_files, write_table(["file", "label"], rows, encoding="utf-8-sig")) == RIGHT


def test_a_header_twice_is_refused_by_name(numbered_files, write_table):
    table = write_table(["file", "label", "label"], [("0.png", "a", "b")])
    with pytest.raises(ValueError, match=r"each column of .*table\.csv once, got 'label' 2 times; rename"):
        load_images(numbered_files, labels=table)


def test_rows_that_contradict_one_another_are_refused_by_name(numbered_files, write_table):
    rows = [(f"{i}.png", class_of(i)) for i in range(24)]
    assert read(numbered_files, write_table(["file", "label"], [*rows, rows[3]])) == RIGHT
    for other in ("wrong", ""):
        with pytest.raises(
            ValueError, match=r"got several for './5\.png' \(rows 1 and 7 under the header differ\)|'5\.png'"
        ):
            read(numbered_files, write_table(["file", "label"], [("./5.png", other), *rows]))
    elsewhere = [("gone.png", "a"), ("gone.png", "b")]
    assert read(numbered_files, write_table(["file", "label"], [*rows, *elsewhere])) == RIGHT


@pytest.mark.parametrize("prefix", ["numbered\\", "C:\\data\\", "D:/data/"])
def test_paths_of_windows_are_named_as_what_they_are(numbered_files, write_table, prefix):
    with pytest.raises(ValueError, match="backslashes or a drive letter"):
        read(numbered_files, write_table(["file", "label"], [(f"{prefix}{i}.png", class_of(i)) for i in range(24)]))


def test_names_that_are_of_several_pictures_are_refused(numbered_files, write_table):
    (numbered_files / "more").mkdir()
    (numbered_files / "more" / "3.png").write_bytes((numbered_files / "3.png").read_bytes())
    by_stem = write_table(["id", "label"], [(i, class_of(i)) for i in range(24)])
    by_path = write_table(
        ["file", "label"], [*((f"{i}.png", class_of(i)) for i in range(24)), ("more/3.png", "dog")], name="b.csv"
    )
    assert (3, "dog") in read(numbered_files, by_path)
    with pytest.raises(ValueError, match=r"got none for 1 of 25, such as 'more/3.png'|'3', which .* is 2 images"):
        read(numbered_files, by_stem)


def test_class_names_that_differ_by_case_or_blanks_are_pointed_out(numbered_files, write_table):
    rows = [(f"{i}.png", ["Cat", "cat", "cat ", "dog"][i % 4]) for i in range(24)]
    images = load_images(numbered_files, labels=write_table(["file", "label"], rows))
    assert images.classes == ("Cat", "cat", "cat ", "dog")
    assert any("'Cat' and 'cat' and 'cat ' differ by case or blanks alone" in note for note in images.notes)


def test_a_row_with_more_or_fewer_cells_is_refused_with_its_number(numbered_files, tmp_path):
    for row in ("1.png,a,b", "1.png"):
        (tmp_path / "ragged.csv").write_text(f"file,label\n0.png,a\n{row}\n")
        with pytest.raises(ValueError, match=r"Expected 2 columns, got [13]"):
            load_images(numbered_files, labels=str(tmp_path / "ragged.csv"))


def test_groups_of_one_name_from_two_tables_are_refused(numbered_files, write_table):
    a, b = (write_table(["file", "site"], [("0.png", name)], name=f"{name}.csv") for name in "ab")
    with pytest.raises(ValueError, match="different names, got 'site' twice"):
        load_images(numbered_files, subgroups=[f"{a}:site", f"{b}:site"])
