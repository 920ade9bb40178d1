import json

import pytest
import torch
from toy_audits import ReadsTheClass, toy_images

from holdfast.audits import audit
from holdfast.audits.subject.hold_out import named_share
from holdfast.data import Images
from holdfast.models import create_encoder, save_encoder

TEST = toy_images((20,) * 6, seed=1, source="test", first_id=1000)


def settings(images=None, **options):
    return audit(options.pop("encoder", ReadsTheClass()), images or toy_images(), axes=["balance"], **options)[
        0
    ].settings


def run_folder(path, images):
    """What a run leaves, without the training."""
    encoder = create_encoder("timm/resnet10t", image_size=8, stem="small")
    path.mkdir()
    save_encoder(encoder, path / "encoder.safetensors")
    (path / "config.json").write_text(json.dumps({"schema": 1, "method": "simclr", "data": "memory", "seed": 5}))
    record = {
        "schema": 1,
        "data": "memory",
        "image_size": 8,
        "limit_seed": 0,
        "checksum": images.checksum,
        "train": images.ids[images.ids % 2 == 0].tolist(),
        "held_out": [],
        "few_shot": images.ids[::20].tolist(),
        "balanced": [],
        "counts": [30, 20, 15, 10, 8, 5],
    }
    (path / "ids.json").write_text(json.dumps(record))
    return path


def test_a_fifth_of_each_class_is_held_out_where_no_test_is_given():
    finding = audit(ReadsTheClass(), toy_images(), axes=["balance"])[0]
    assert [row["test_images"] for row in finding.tables["per_class"]] == [12, 8, 6, 4, 3, 2]
    assert finding.settings["test"] == "20% of each class of toy, set aside for the test"  # nobody knows what it saw
    assert finding.settings["probe_images"] == 175 - 35


def test_few_shot_and_validation_images_are_not_held_out():
    shots, validation = torch.arange(0, 175, 3), torch.arange(1, 175, 3)
    finding = audit(ReadsTheClass(), toy_images(), axes=["balance"], few_shot_ids=shots, validation_ids=validation)[0]
    held_out = torch.as_tensor(finding.columns["id"])
    assert not torch.isin(held_out, torch.cat([shots, validation])).any()
    assert finding.settings["few_shot"]["images"] == len(shots)


def test_test_images_are_left_out_of_the_pool():
    images = toy_images()
    assert settings(images, test=images.select(torch.arange(0, 175, 7)))["probe_images"] == 150


def test_other_images_that_share_ids_stay_in_the_pool():
    assert settings(test=toy_images((20,) * 6, seed=1))["probe_images"] == 175


@pytest.mark.parametrize("name", ["few_shot_ids", "validation_ids", "train_ids"])
def test_test_images_that_a_probe_would_be_fitted_on_are_refused(name):
    images, options = toy_images(), {"probe_on": "train"} if name == "train_ids" else {}
    with pytest.raises(ValueError, match=f"got 5 of {name} among them; pass other test images"):
        settings(images, test=images.select(torch.arange(25)), **{name: torch.arange(20, 60)}, **options)


@pytest.mark.parametrize(
    ("seen", "end"),
    [
        (0, ", held out"),
        (30, ", set aside for the test; 30 of 39 seen in training without labels"),
        (None, ", set aside for the test"),
    ],
)
def test_a_share_is_called_held_out_only_where_training_saw_none_of_it(seen, end):
    assert named_share("photos", 39, seen) == f"20% of each class of photos{end}"


def test_test_images_seen_in_training_are_counted():
    images = toy_images()
    assert (
        settings(images, test=images.select(torch.arange(25)), train_ids=torch.arange(20, 175))[
            "test_images_seen_in_training"
        ]
        == 5
    )


def test_a_run_folder_says_what_it_trained_on(tmp_path):
    images = toy_images()
    found = settings(images, encoder=str(run_folder(tmp_path / "run", images)), test=TEST)
    assert found["name"] == "run (random weights)"
    assert found["run"]["seed"] == 5
    assert found["few_shot"]["images"] == 9
    assert found["counts_of"] == "encoder"


@pytest.mark.slow
def test_a_run_folders_ids_are_not_used_for_other_images(tmp_path):
    folder = run_folder(tmp_path / "run", toy_images())
    found = audit(folder, toy_images(seed=2), test=TEST, axes=["balance"])[0]
    assert found.settings["few_shot"] is None
    assert [row["train_images"] for row in found.tables["per_class"]] == [30, 20, 15, 10, 8, 5]


@pytest.mark.slow
def test_arguments_win_over_the_run_folder(tmp_path):
    images = toy_images()
    folder = run_folder(tmp_path / "run", images)
    found = settings(
        images, encoder=folder, test=TEST, few_shot_ids=torch.arange(0, 175, 5), name="mine", run={"seed": 9}
    )
    assert found["few_shot"]["images"] == 35
    assert found["name"] == "mine"
    assert found["run"] == {"seed": 9}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"probe_on": "all"}, "probe_on to be one of pool, train, got 'all'"),
        ({"protocol": "slow"}, "protocol to be one of lbfgs, sdclr, sdclr-cached, got 'slow'"),
        ({"group_rule": "halves"}, "group_rule to be one of thirds, thresholds"),
        ({"probe_on": "train"}, "expected train_ids"),
        ({"counts": (1, 2)}, "one count for each of 6 classes"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        settings(test=TEST, **options)


def test_a_misspelt_axis_gets_the_nearest():
    with pytest.raises(ValueError, match="did you mean balance"):
        audit(ReadsTheClass(), toy_images(), axes=["balanse"])


def test_test_images_of_other_classes_are_refused():
    other = Images(pixels=TEST.pixels, ids=TEST.ids, labels=TEST.labels, classes=tuple("uvwxyz"))
    with pytest.raises(ValueError, match="test images of the training images' classes, got 6 others"):
        settings(test=other)


def test_too_few_images_to_hold_any_out_are_refused():
    with pytest.raises(ValueError, match="pass test="):
        audit(ReadsTheClass(), toy_images((2, 2, 2)))


def test_a_share_of_every_class_can_be_the_few_shot_images():
    found = {share: settings(test=TEST, few_shot_share=share)["few_shot"]["images"] for share in (0.1, 0.5)}
    assert found == {0.1: 6 + 4 + 3 + 2 + 2 + 1, 0.5: 30 + 20 + 15 + 10 + 8 + 5}


def test_a_share_of_every_class_needs_classes():
    images = toy_images()
    with pytest.raises(ValueError, match="expected labels to draw few_shot_share"):
        audit(ReadsTheClass(), Images(images.pixels, images.ids), axes=["quality"], few_shot_share=0.1)
