"""Collections whose classes are odd: more of them in the test set, one image in each of a thousand."""

import numpy as np
import pytest
from faulty_runs import refused, said

SMALL = ("--encoder", "timm/test_resnet", "--image-size", "16", "--epochs", "1", "--precision", "32", "--threads", "1")


def images(file, labels):
    pixels = np.random.default_rng(0).integers(0, 255, (len(labels), 3, 16, 16)).astype(np.uint8)
    np.savez(file, images=pixels, labels=np.array(labels))
    return str(file)


def test_a_test_set_with_more_classes_than_training_is_refused_with_their_names(tmp_path, capsys):
    data, test = (images(tmp_path / f"{n}.npz", [i % n for i in range(48)]) for n in (4, 6))
    words = ["audit", "timm/test_resnet", "--data", data, "--test", test, "--axes", "balance", "quality", "--no-page"]
    refused([*words, "--out", str(tmp_path / "out")], capsys, "2 others in", "'4', '5'", "leave those test images out")


@pytest.mark.slow
def test_one_image_in_each_of_a_thousand_classes_trains_and_is_audited(tmp_path, capsys):
    data, run = images(tmp_path / "thousand.npz", range(1000)), str(tmp_path / "run")
    assert said(["train", "simclr", "--data", data, *SMALL, "--batch-size", "250", "--out", run], capsys)[0] == 0
    refused(["audit", run, "--axes", "quality", "--no-page"], capsys, "five or more images of a class", "--test")
