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
    else:
        assert "note: pixels that are integers of more than 8 bits are scaled alike: 0 is black, 4,095 is white" in said
        assert record["ranges"] == {"integers": [0.0, 4095.0]}
    (tmp_path / "run" / "encoder.safetensors").unlink()
    assert main(["resume", str(tmp_path / "run")]) == 0
