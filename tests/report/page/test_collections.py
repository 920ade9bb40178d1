"""A folder of pictures is no run, and nothing is written into it."""

import pytest

from holdfast.cli import main
from holdfast.system import is_collection, refuse_collection


@pytest.fixture
def photos(tmp_path):
    (tmp_path / "photos" / "cat").mkdir(parents=True)
    for name in ("1.jpg", "2.PNG", "labels.csv"):
        (tmp_path / "photos" / "cat" / name).touch()
    return tmp_path / "photos"


@pytest.mark.parametrize("command", ["report", "card", "compare"])
def test_a_folder_of_pictures_is_named_as_such(command, photos, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([command, "photos"]) == 2
    said = capsys.readouterr().err
    assert "got photos, a folder of pictures; train on it first: holdfast train simclr --data photos" in said
    assert "holdfast audit photos" not in said


def test_nothing_is_written_among_pictures(photos, runs, tmp_path, capsys):
    before = sorted(photos.rglob("*"))
    assert main(["report", str(runs[0]), "--out", str(photos)]) == 2
    assert "a folder of pictures; name a page, as in --out photos.html" in capsys.readouterr().err
    assert main(["card", str(runs[0]), "--out", str(photos)]) == 2
    assert sorted(photos.rglob("*")) == before


def test_a_folder_of_other_files_is_none_of_pictures(tmp_path):
    (tmp_path / "logo.png").touch()
    for name in ("index.html", "notes.md"):
        (tmp_path / name).touch()
    assert not is_collection(tmp_path) and not is_collection(tmp_path / "nothing")
    refuse_collection(tmp_path, "a folder", "name another")
