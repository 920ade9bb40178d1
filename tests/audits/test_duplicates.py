"""The duplicates audit: planted leaks are found, named and shown; nothing else is."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from toy_audits import ReadsTheClass, toy_images

from holdfast.audits import audit
from holdfast.data import Images
from holdfast.findings import Finding


class Flattened(nn.Module):
    """Mean pixels of 2×2 squares [n, 48] of 8×8 images, blind to a mirror where `mirrors`."""

    def __init__(self, mirrors: bool = False):
        super().__init__()
        self.mirrors = mirrors

    def forward(self, images):
        small = nn.functional.avg_pool2d(images, 2)
        return ((small + small.flip(3)) / 2 if self.mirrors else small).flatten(1)


def with_leaks(change=lambda pixels: pixels, leaks: int = 5) -> tuple[Images, Images]:
    """Probe images, and test images whose first few are probe images that were changed."""
    pool, test = toy_images(), toy_images(seed=1, first_id=1000)
    pixels = test.pixels.clone()
    pixels[:leaks] = change(pool.pixels[10 : 10 + leaks])
    return pool, Images(pixels=pixels, ids=test.ids, labels=test.labels, classes=test.classes, source="test")


def measured(encoder: nn.Module, pool: Images, test: Images) -> Finding:
    (finding,) = audit(encoder, pool, test=test, axes="duplicates")
    return finding


def test_planted_copies_are_found_by_features_and_by_hashes():
    pool, test = with_leaks()
    finding = measured(Flattened(), pool, test)
    assert finding["leaked"].value == finding["leaked_by_hash"].value == 5 / len(test)
    assert finding["repeated"].value == finding["pool_repeated"].value == 0
    assert np.flatnonzero(finding.columns["leaked"]).tolist() == [0, 1, 2, 3, 4]
    pairs = [row for row in finding.tables["pairs"] if row["kind"] == "leak"]
    assert {(row["id"], row["other_id"]) for row in pairs} == {(1000 + row, 10 + row) for row in range(5)}
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(pairs[0]["other_picture"]))))
    np.testing.assert_array_equal(
        np.moveaxis(shown, -1, 0), pool.select(torch.tensor([pairs[0]["other_id"]])).pixels[0]
    )
    assert finding.settings["leaked_images"] == 5


def test_an_encoder_that_ignores_mirrors_finds_mirrored_copies_that_hashes_miss():
    pool, test = with_leaks(lambda pixels: pixels.flip(3))
    finding = measured(Flattened(mirrors=True), pool, test)
    assert (finding["leaked"].value, finding["leaked_by_hash"].value) == (5 / len(test), 0)
    assert measured(Flattened(), pool, test)["leaked"].value == 0


def test_without_leaks_nothing_is_found():
    finding = measured(Flattened(), toy_images(), toy_images(seed=1, first_id=1000))
    assert finding["leaked"].value == 0 and finding.tables["pairs"] == []


@pytest.mark.filterwarnings("ignore:.*constant.*")
def test_features_that_are_the_class_alone_leave_hashes_to_speak():
    pool, test = with_leaks()
    finding = measured(ReadsTheClass(), pool, test)
    assert [score.name for score in finding.scores] == ["leaked_by_hash"]
    assert (
        "no threshold tells duplicates apart by these features, hashes stand alone" in finding.settings["warnings"][0]
    )
