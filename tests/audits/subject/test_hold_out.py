"""A run's own hold-out that is too thin for its classes: a fifth of each is tested, and what that means is said."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from toy_audits import ReadsTheClass, toy_images

from holdfast.audits import audit
from holdfast.audits.subject import Known, is_thin, run_of
from holdfast.audits.subject.hold_out import hold_out
from holdfast.cli import main
from holdfast.config import RunConfig
from holdfast.data import load_images
from holdfast.data.pool import prepare
from holdfast.findings import Finding
from holdfast.methods import METHODS, to_document
from holdfast.models import create_encoder, load_encoder, save_encoder
from holdfast.report import card, report
from holdfast.report.cards.model import model_card
from holdfast.runs import RunFolder

COUNTS = {"ant": 40, "bee": 24, "cat": 12, "dog": 3, "elk": 1}


def test_a_hold_out_is_thin_where_it_misses_classes_or_has_few_of_each():
    images = toy_images((50, 50, 50))
    every = torch.arange(150)
    assert not is_thin(images, torch.arange(0, 150, 9))
    assert is_thin(images, every[:15]), "it misses two classes"
    assert is_thin(images, torch.arange(0, 150, 11)), "14 images of three classes"
    assert not is_thin(images, every[:30]), "a fifth is all that there would be instead"
    assert not is_thin(images.unlabelled, every[:3])


def test_unseen_images_are_tested_first_and_every_class_of_two_has_a_test_image():
    images = toy_images((20, 10, 3, 1))
    unseen = torch.tensor([0, 1, 21])
    test = hold_out(images, Known(test_first=unseen), 0)
    assert set(unseen.tolist()) <= set(test.ids.tolist())
    assert torch.bincount(test.labels, minlength=4).tolist() == [4, 2, 1, 0]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """What a run on an uneven folder leaves, without the training."""
    root = tmp_path_factory.mktemp("thin")
    rng = np.random.default_rng(0)
    for name, count in COUNTS.items():
        (root / "pictures" / name).mkdir(parents=True)
        for place in range(count):
            pixels = rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / "pictures" / name / f"{place}.png")
    folder = root / "run"
    folder.mkdir()
    config = RunConfig(
        method=METHODS["simclr"].Config(), data=str(root / "pictures"), labels="folder", image_size=8, epochs=1
    )
    save_encoder(create_encoder("timm/test_resnet", image_size=8, stem="small"), folder / "encoder.safetensors")
    (folder / "config.json").write_text(json.dumps(to_document(config)))
    (folder / "ids.json").write_text(json.dumps(prepare(config).record()))
    return folder


def test_a_thin_run_is_tested_on_a_fifth_and_terminal_and_page_say_so(run, capsys, tmp_path):
    assert main(["audit", str(run), "--axes", "balance", "--no-reference", "--no-atlas"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "the 4 images held out in training are few for 5 classes: 20% of each class are test images, 4 of" in said
    assert "no test images of elk: these classes are not measured" in said
    assert "15 test images of 4 of 5 classes, from 8 (ant) to 1 (dog)" in said
    assert "All classes" not in said and "Classes with test images (4 of 5)" in said
    finding = Finding.load(run / "findings" / "balance.json")
    assert finding.settings["test_images_seen_in_training"] == 11
    named = finding.settings["test"]
    assert named.endswith("pictures, set aside for the test; 11 of 15 seen in training without labels")
    assert {row["class"]: row["test_images"] for row in finding.tables["per_class"]} == {
        **{"ant": 8, "bee": 4, "cat": 2, "dog": 1}
    }
    text = report([run], tmp_path / "page.html").read_text()
    assert "All classes" not in text and "<bdi>Test images</bdi>" in text
    assert "11 of the 15 test images were trained on, without their labels: too few were held out." in text
    assert "pictures, held out" not in text and "pictures, held out" not in model_card(card(run))


def test_python_tests_a_run_on_the_images_that_the_command_tests_it_on(run):
    assert main(["audit", str(run), "--axes", "balance", "--no-reference", "--no-atlas", "--no-page"]) == 0
    command = Finding.load(run / "findings" / "balance.json")
    pictures = str(run.parent / "pictures")
    own = load_images(pictures, size=8, resize="square", labels="folder")
    encoder = load_encoder(run)
    for given in ((run,), (RunFolder.open(run),), (str(run), pictures), (run, own), (encoder, own)):
        finding = audit(*given, axes="balance", reference=False)[0]
        assert finding.columns["id"].tolist() == command.columns["id"].tolist()
        assert finding.settings["test_checksum"] == command.settings["test_checksum"]
        assert [score.value for score in finding.scores] == [score.value for score in command.scores]
    assert "asked" not in finding.settings or "data" not in finding.settings["asked"], "a run's own images"


def test_labels_may_be_named_for_a_runs_own_images(run):
    finding = audit(run, labels="none", axes="tail", reference=False)[0]
    assert finding.settings["asked"] == {"labels": "none", "reference": False}


def test_an_encoder_that_has_changed_since_is_no_runs(run):
    encoder = load_encoder(run)
    assert run_of(encoder) == run
    with torch.no_grad():
        next(encoder.parameters()).add_(1)
    assert run_of(encoder) is None and run_of(torch.nn.Flatten()) is None


def test_an_encoder_of_no_run_needs_images():
    with pytest.raises(ValueError, match=r"expected images to audit the encoder on, got none; pass images, or"):
        audit("timm/test_resnet")


def test_where_every_class_is_tested_the_mean_is_over_all_classes():
    finding = audit(ReadsTheClass(), toy_images(), axes="balance", reference=False)[0]
    assert finding["all"].definition.startswith("Linear probe: mean over classes")
