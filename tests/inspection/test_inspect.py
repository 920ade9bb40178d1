"""From a folder to a document: counts, near-duplicates, overlap, frequencies."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from torchvision import datasets

from holdfast.config import RunConfig
from holdfast.inspection import advised_config, inspect, next_steps, with_cost
from holdfast.methods import SimCLRConfig


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def picture(seed, size=40):
    small = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((size, size), Image.Resampling.BICUBIC)


@pytest.fixture
def folder(tmp_path):
    """12 cats, 3 dogs, 1 owl; a copy of a cat among the dogs, and a cat again as a JPEG."""
    home = tmp_path / "pets"
    for kind, seeds in {"cat": range(12), "dog": range(20, 23), "owl": [30]}.items():
        (home / kind).mkdir(parents=True)
        for seed in seeds:
            picture(seed).save(home / kind / f"{seed}.png")
    (home / "dog" / "copy.png").write_bytes((home / "cat" / "3.png").read_bytes())
    picture(5).save(home / "cat" / "again.jpg", quality=92)
    (home / "cat" / "broken.png").write_bytes(b"?")
    return home


def test_what_a_folder_holds(folder):
    found = inspect(str(folder))
    assert found["images"] == {"found": 19, "looked_at": 19, "usable": 18, "set_aside": 1}
    assert found["formats"] == {"PNG": 17, "JPEG": 1}
    assert found["set_aside"]["first"] == [
        {"path": "cat/broken.png", "reason": "no picture of a format that can be read"}
    ]
    assert found["sizes"]["advised"] == 32
    assert found["duplicates"]["exact"]["extra_images"] == 1
    assert found["duplicates"]["exact"]["largest"] == [{"images": 2, "names": ["cat/3.png", "dog/copy.png"]}]
    assert found["duplicates"]["near"]["extra_images"] == 1  # the copy is not counted again
    assert found["duplicates"]["near"]["largest"] == [{"images": 2, "names": ["cat/5.png", "cat/again.jpg"]}]
    json.dumps(found, allow_nan=False)


def test_folders_are_counted_but_are_no_classes_unless_asked(folder):
    (entry,) = inspect(str(folder))["frequencies"]
    assert entry["of"] == "folders"
    (entry,) = inspect(str(folder), labels="folder")["frequencies"]
    assert entry["of"] == "classes"
    assert entry["rows"] == [
        {"name": "cat", "images": 13},
        {"name": "dog", "images": 4},
        {"name": "owl", "images": 1},
    ]
    assert (entry["imbalance"], entry["under_20"]) == (13, 3)
    assert entry["rare_third_share"] == pytest.approx(1 / 18)


def test_labels_none_takes_the_sources_own_away():
    assert inspect("digits", limit=60, labels="none")["frequencies"] == []
    assert inspect("digits", limit=60)["frequencies"][0]["of"] == "classes"


def test_groups_come_from_a_table(folder, tmp_path):
    rows = [f"cat/{n}.png,{'north' if n < 4 else 'south'}" for n in range(12)]
    (tmp_path / "sites.csv").write_text("\n".join(["path,site", *rows]))
    entries = {e["of"]: e for e in inspect(str(folder), subgroups=[f"{tmp_path / 'sites.csv'}:site"])["frequencies"]}
    assert {row["name"]: row["images"] for row in entries["group site"]["rows"]} == {
        "south": 8,
        "(none)": 6,
        "north": 4,
    }


def test_overlap_with_another_source_is_found_by_copies_and_by_looks(folder, tmp_path):
    other = tmp_path / "test"
    other.mkdir()
    (other / "a.png").write_bytes((folder / "cat" / "7.png").read_bytes())
    picture(8).save(other / "b.jpg", quality=92)
    picture(99).save(other / "c.png")
    both = inspect(str(folder), against=str(other))["overlap"]
    assert (both["other_images"], both["exact"], both["near"]) == (3, 1, 2)
    assert both["first"] == [{"image": "cat/7.png", "other": "a.png"}, {"image": "cat/8.png", "other": "b.jpg"}]


def test_images_without_twins_overlap_with_nothing(folder, tmp_path):
    other = tmp_path / "test"
    other.mkdir()
    picture(99).save(other / "c.png")
    assert inspect(str(folder), against=str(other))["overlap"]["near"] == 0


def test_a_set_of_torchvision_is_looked_at_by_name(tmp_path, monkeypatch):
    class Tiny:
        targets, classes = [0, 0, 1, 0], ("cat", "dog")

        def __init__(self, root, *, train=True, download=False):
            if not download and not (tmp_path / "here").exists():
                raise RuntimeError("Dataset not found")
            (tmp_path / "here").touch()

        def __len__(self):
            return 4

        def __getitem__(self, place):
            return picture(place, size=20 + place), self.targets[place]

    monkeypatch.setattr(datasets, "CIFAR10", Tiny)
    monkeypatch.setenv("HOLDFAST_DATA", str(tmp_path))
    with pytest.raises(ValueError, match="--download"):
        inspect("torchvision/CIFAR10")
    found = inspect("torchvision/CIFAR10", download=True)
    assert found["images"]["usable"] == 4 and found["sizes"]["width"]["largest"] == 23
    assert found["frequencies"][0]["rows"] == [{"name": "cat", "images": 3}, {"name": "dog", "images": 1}]


def test_the_cost_is_of_the_run_that_is_advised(folder):
    document = inspect(str(folder), labels="folder")
    config = advised_config(document)
    assert (config.image_size, config.batch_size, type(config.method).__name__) == (32, 2, "SDCLRConfig")
    from dataclasses import replace

    known = with_cost(document, replace(config, encoder="timm/test_resnet", batch_size=8))
    cost = known["cost"]
    assert cost["steps_per_epoch"] == 3 and cost["images_bytes"] == 18 * 3 * 32 * 32
    assert cost["hours"] == pytest.approx(cost["seconds"] * 18 / 8 * cost["epochs"] / 3600)
    assert any("on this machine" in entry["advice"] for entry in known["advice"])


def test_pictures_show_duplicates_the_smallest_and_the_rarest(folder):
    picture(9, size=20).save(folder / "cat" / "small.png")
    rows = inspect(str(folder), labels="folder", show=True)["pictures"]
    named = [(row["title"], [one["name"] for one in row["pictures"]]) for row in rows]
    assert ("2 that look alike", ["cat/3.png", "dog/copy.png"]) in named
    by_title = dict(named)
    assert "cat/small.png" in by_title["The smallest"]
    assert by_title["The rarest: owl, 1 in all"] == ["owl/30.png"]
    assert all(one["uri"].startswith("data:image/jpeg;base64,") for row in rows for one in row["pictures"])


def test_files_that_are_no_pictures_are_counted_apart(folder):
    (folder / "notes.txt").write_text("x")
    found = inspect(str(folder))
    assert (found["images"]["found"], found["other_files"]) == (19, 1)


def test_the_next_step_is_a_first_look_of_half_an_hour_where_the_run_takes_longer():
    document = {"cost": {"seconds_per_epoch": 9.0, "hours": 5.0}, "first_look": None}
    config = RunConfig(method=SimCLRConfig(), data="my photos", image_size=96, batch_size=8, epochs=2000)
    look, whole = next_steps(document, config, labels="folder")
    assert look["what"] == "a first look, about 30 minutes"
    assert "--data 'my photos'" in look["command"] and "--epochs 200 " in look["command"]
    (shards,) = next_steps({"cost": None}, replace(config, data="s3://b/train-*.tar"))
    assert "--data 's3://b/train-*.tar' " in shards["command"] and shards["command"].endswith("--out runs/train")
    assert whole["what"] == "train in full, about 5.0 hours" and "--epochs 2000 " in whole["command"]
    timed = {"recipe": "simclr/fast", "batch_size": 64, "epochs": 9, "limit": 500, "minutes": 29.6}
    look, _ = next_steps(document | {"first_look": timed}, config)
    assert look["what"] == "a first look, about 30 minutes"
    assert "train simclr --recipe fast --data 'my photos' --batch-size 64 --epochs 9 --limit 500 " in look["command"]
    slowed = document | {"cost": document["cost"] | {"busy": 2.5}, "first_look": timed | {"busy": 4.0}}
    said = [step["what"] for step in next_steps(slowed, config)]
    assert said == ["a first look, about 7 to 30 minutes", "train in full, about 2.0 to 5.0 hours"]
    assert [step["what"] for step in next_steps({"cost": None}, config)] == ["train"]
    short = {"cost": {"seconds_per_epoch": 0.1, "hours": 0.05}}
    assert [step["what"] for step in next_steps(short, config)] == ["train in full, about 3 minutes"]
