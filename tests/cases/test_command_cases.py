"""The lines that a user reads: what was decided is said once, recorded, and a refusal is one line with exit code 2."""

import json

import numpy as np
import pytest
from case_pictures import class_of, picture
from PIL import Image

from holdfast.cli import main
from holdfast.findings import Finding

AUDIT = "audit timm/test_resnet --axes balance --image-size 8 --no-cache --no-page --no-atlas"
TRAIN = (
    "train simclr --image-size 8 --view-size 8 --encoder timm/test_resnet --epochs 1 --batch-size 16 --precision 32 "
    "--signals-every 0"
)


def write_folders(root, places, skip=()):
    for place in places:
        if class_of(place) not in skip:
            (root / class_of(place)).mkdir(parents=True, exist_ok=True)
            picture(place).save(root / class_of(place) / f"{place}.png")
    return root


def audited(folder, *words):
    """Exit code and the finding of a balance audit, if any."""
    code = main([*AUDIT.split(), *map(str, words), "--out", str(folder)])
    path = folder / "balance.json"
    return code, Finding.load(path) if path.is_file() else None


def test_test_images_from_a_table_are_matched_to_folders_by_name_and_absent_classes_are_said(
    tmp_path, write_shard, capsys
):
    train = write_folders(tmp_path / "train", range(60))
    places = [place for place in range(60, 90) if class_of(place) != "cat"]
    table = write_shard("test.parquet", places, [class_of(place) for place in places])
    folder = write_folders(tmp_path / "test", range(60, 90), skip={"cat"})
    words = ("--data", train, "--labels", "folder", "--test")
    found = [audited(tmp_path / f"audit {test.name}", *words, test) for test in (table, folder)]
    assert [code for code, _ in found] == [0, 0]
    assert [score.value for score in found[0][1].scores] == [score.value for score in found[1][1].scores]
    assert found[0][1].settings["classes_without_test_images"] == ["cat"]
    said = capsys.readouterr().out
    assert said.count("note: no test images of cat: these classes are not measured") == 2
    assert "test.parquet: it has no folders, so its own labels are taken" in said


def test_one_class_is_refused_in_one_line(tmp_path, capsys):
    for place in range(20):
        (tmp_path / "one" / "cat").mkdir(parents=True, exist_ok=True)
        picture(place).save(tmp_path / "one" / "cat" / f"{place}.png")
    assert audited(tmp_path / "a", "--data", tmp_path / "one", "--labels", "folder") == (2, None)
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert "expected two classes or more (all are 'cat') to measure balance" in error


@pytest.mark.parametrize("given", [[], ["--pixel-range", "0", "2000"]])
def test_a_run_says_and_keeps_the_scale_of_its_deep_pixels_and_resumes_with_it(tmp_path, capsys, given):
    folder = tmp_path / "deep"
    folder.mkdir()
    for place in range(24):
        values = np.random.default_rng(place).integers(0, 4000, (8, 8)).astype(np.uint16)
        Image.fromarray(values).save(folder / f"{place}.png")
    assert main([*TRAIN.split(), "--data", str(folder), *given, "--out", str(tmp_path / "run")]) == 0
    said = capsys.readouterr().out
    record = json.loads((tmp_path / "run" / "ids.json").read_text())
    if given:
        assert record["pixel_range"] == [0.0, 2000.0]
        assert "2,000 is white, as --pixel-range says" in said
    else:
        assert "note: pixels that are integers of more than 8 bits are scaled alike: 0 is black, 4,095 is white" in said
        assert record["ranges"] == {"integers": [0.0, 4095.0]}
    (tmp_path / "run" / "encoder.safetensors").unlink()
    assert main(["resume", str(tmp_path / "run")]) == 0


def deep_folder(root):
    root.mkdir()
    for place in range(12):
        values = np.random.default_rng(place).integers(0, 4000, (8, 8)).astype(np.uint16)
        Image.fromarray(values).save(root / f"{place}.png")
    return root


def test_inspect_takes_a_pixel_range_and_hands_it_to_the_run_that_it_proposes(tmp_path, capsys):
    folder = deep_folder(tmp_path / "deep")
    assert main(["inspect", str(folder), "--method", "none", "--pixel-range", "0", "2000"]) == 0
    said = capsys.readouterr().out
    assert "0 becomes black and 2,000 white in all of them" in said
    assert "--pixel-range 0 2000" in said.strip().splitlines()[-1]


@pytest.mark.parametrize(("given", "white"), [([], "4,095"), (["--pixel-range", "0", "2000"], "2,000")])
def test_embed_says_and_records_the_scale_of_deep_pixels(tmp_path, capsys, given, white):
    folder, out = deep_folder(tmp_path / "deep"), tmp_path / "f.npz"
    assert main(["embed", "timm/test_resnet", "--data", str(folder), "--out", str(out), *given]) == 0
    (note,) = json.loads(str(np.load(out)["facts"]))["notes"]
    assert "0 is black" in note and f"{white} is white" in note
    assert f"note: {note}" in capsys.readouterr().out


def test_a_scale_for_a_run_s_own_images_is_refused(tmp_path, capsys):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text("{}")
    for command in ("audit", "embed"):
        assert main([command, str(tmp_path / "run"), "--pixel-range", "0", "9"]) == 2
        assert "expected --pixel-range only with --data" in capsys.readouterr().err
