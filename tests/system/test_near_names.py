"""Names near one that is not there."""

from pathlib import Path

import pytest

from holdfast.system import near_path, near_words


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("digts", "did you mean digits?"),
        ("DIGITS", "did you mean digits?"),
        ("curvs", "did you mean curves or curve?"),
        ("elephant", ""),
    ],
)
def test_words_that_come_near_are_named_nearest_first(name, said):
    assert near_words(name, ["digits", "curve", "curves"]) == said


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("fotos", "photos"),
        ("Photos/", "photos"),
        ("phots/cats", "photos/cats"),
        ("photos/cat", "photos/cats"),
        ("phots/dogs", None),
        ("elephant", None),
        ("elephant/cats", None),
        ("hidden", None),
        ("fotos/../fotos", None),
    ],
)
def test_a_path_is_mended_at_its_first_part_that_is_missing_if_the_rest_is_there(tmp_path, monkeypatch, asked, found):
    (tmp_path / "photos" / "cats").mkdir(parents=True)
    (tmp_path / ".hidden").mkdir()
    monkeypatch.chdir(tmp_path)
    wanted = "" if found is None else f"did you mean {found}?"
    assert near_path(asked) == wanted
    assert near_path(tmp_path / asked) == ("" if found is None else f"did you mean {tmp_path / found}?")


def test_a_path_that_is_there_and_one_that_cannot_be_read_have_none(tmp_path):
    (tmp_path / "photos").mkdir()
    assert near_path(tmp_path / "photos") == near_path(Path("/proc/no/such")) == ""
