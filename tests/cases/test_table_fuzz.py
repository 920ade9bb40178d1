"""Made-up tables and label types: pairs of picture and label are right or refused, never silently others."""

import csv
import os
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from case_pictures import pairs, picture, png
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.data import load_images

EXAMPLES = int(os.environ.get("HOLDFAST_FUZZ", "150"))
SETTINGS = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
ODD = ("NA", "None", "nan", "7", "07", "007", "7.0", "-1", "0", "True", "Cat", "cat", "cat ", "ä", "a,b", 'a"b', "a;b")
words = st.one_of(st.sampled_from(ODD), st.text("abAB01 ,;|'\"é", min_size=1, max_size=4))
names = st.one_of(
    st.integers(0, 12).map(str),
    st.integers(0, 12).map(lambda number: f"{number:03d}"),
    st.text("ab01_- é.", min_size=1, max_size=5).filter(lambda text: text.strip(". ") == text),
)
folders = st.sampled_from(("", "a/", "b/", "a/c/"))


@st.composite
def collections(draw):
    """Names of pictures by place, a label for each, and a table of them: its columns, rows and dialect."""
    count = draw(st.integers(2, 8))
    stems = draw(st.lists(st.tuples(folders, names), min_size=count, max_size=count, unique=True))
    files = [f"{folder}{stem}.png" for folder, stem in stems]
    labels = draw(st.lists(words, min_size=count, max_size=count))
    makers = {
        "file": lambda place: files[place],
        "path": lambda place: f"./{files[place]}",
        "name": lambda place: Path(files[place]).name,
        "stem": lambda place: Path(files[place]).stem,
        "id": lambda place: str(sorted(os.fsencode(file) for file in files).index(os.fsencode(files[place]))),
        "number": str,
        "other": lambda place: files[(place + 1) % count],
        "note": lambda place: "x",
    }
    keys = draw(st.lists(st.sampled_from(sorted(makers)), min_size=1, max_size=3, unique=True))
    order = draw(st.permutations(range(count)))
    rows = [[makers[key](place) for key in keys] + [labels[place]] for place in order]
    if draw(st.booleans()):
        rows.append(rows[draw(st.integers(0, count - 1))])
    if draw(st.booleans()):
        rows.append([*rows[draw(st.integers(0, count - 1))][:-1], draw(words)])
    header = [*keys, "label"]
    shuffle = draw(st.permutations(range(len(header))))
    table = [[row[place] for place in shuffle] for row in [header, *rows]]
    return files, labels, table, draw(st.sampled_from(",;\t|")), _hopeless(set(keys))


def _hopeless(keys):
    """Whether nothing in a table tells its pictures, or what does so best speaks of others: it is believed."""
    return not keys & {"file", "path", "name", "stem"} or ("other" in keys and not keys & {"file", "path"})


def read(source, labels=None):
    """The images, or None where they are refused in one line."""
    try:
        return load_images(source, labels=labels)
    except ValueError as error:
        said = str(error)
    assert "\n" not in said
    assert said.startswith("expected ")
    return None


@pytest.mark.slow
@SETTINGS
@given(collections())
def test_a_table_gives_the_right_pairs_or_none(made):
    files, labels, table, separator, hopeless = made
    with tempfile.TemporaryDirectory() as root:
        os.environ["XDG_CACHE_HOME"] = f"{root}/cache"
        for place, name in enumerate(files):
            (Path(root) / "pictures" / name).parent.mkdir(parents=True, exist_ok=True)
            picture(place).save(Path(root) / "pictures" / name)
        with (Path(root) / "t.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, delimiter=separator).writerows(table)
        images = read(f"{root}/pictures", f"{root}/t.csv:label")
        assert images is None or hopeless or sorted(pairs(images)) == list(enumerate(labels))


@st.composite
def shards(draw):
    """Labels of two shards, each with a type of its own that may hold them."""
    kind = draw(st.sampled_from(("numbers", "words", "truths")))
    values = {"numbers": st.integers(-1, 5), "words": words, "truths": st.booleans()}[kind]
    types = {
        "numbers": [
            pa.int8(),
            pa.int64(),
            pa.uint64(),
            pa.float32(),
            pa.string(),
            pa.dictionary(pa.int8(), pa.string()),
        ],
        "words": [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())],
        "truths": [pa.bool_(), pa.int8()],
    }[kind]
    parts = []
    for _ in range(2):
        labels, chosen = draw(st.lists(values, min_size=1, max_size=5)), draw(st.sampled_from(types))
        text = not (pa.types.is_integer(chosen) or pa.types.is_floating(chosen) or pa.types.is_boolean(chosen))
        if pa.types.is_integer(chosen):
            labels = [max(int(label), 0 if chosen == pa.uint64() else -1) for label in labels]
        parts.append(([str(label) if text else label for label in labels], chosen))
    return parts


@pytest.mark.slow
@SETTINGS
@given(shards())
def test_labels_of_any_type_give_the_right_pairs_or_none(parts):
    with tempfile.TemporaryDirectory() as root:
        expected = []
        for number, (labels, kind) in enumerate(parts):
            cells = [{"bytes": png(picture(len(expected) + place)), "path": None} for place in range(len(labels))]
            column = pa.array(labels).cast(kind) if pa.types.is_dictionary(kind) else pa.array(labels, kind)
            pq.write_table(pa.table({"image": cells, "label": column}), f"{root}/{number}.parquet")
            expected += [str(label) for label in labels]
        images = read(root)
        if images is None:
            return
        if images.labels is None:
            assert all(label in ("-1", "") for label in expected)
        else:
            assert pairs(images) == list(enumerate(expected))
