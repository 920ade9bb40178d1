"""The images that broke first are kept as they were when they broke, within the budget."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image
from toy_audits import small_network, toy_images

from holdfast.audits import audit
from holdfast.audits.robustness import first_broken


def picture(text):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text)))).astype(float)


@pytest.fixture(scope="module")
def finding():
    options = {"attack_images": 30, "attack_eps": ("4/255", "16/255"), "attack_steps": 8, "attack_restarts": 0}
    options |= {"square_images": 0, "drift_images": 0, "corruption_images": 0}
    return audit(small_network(), toy_images(), axes=["robustness"], **options)[0]


def test_the_smallest_budget_and_the_fewest_steps_come_first(finding):
    rows = finding.tables["first_broken"]
    assert 1 < len(rows) <= first_broken.SHOWN
    order = [(int(row["eps"].partition("/")[0]), row["iteration"]) for row in rows]
    assert order == sorted(order)
    assert len({row["id"] for row in rows}) == len(rows)
    broken = finding.columns["id"][(finding.columns["right"] == 1) & (finding.columns["robust_16_255"] == 0)]
    assert {row["id"] for row in rows} <= set(broken.tolist())


def test_the_kept_image_lies_within_the_budget_and_the_perturbation_shows_the_difference(finding):
    images = toy_images()
    for row in finding.tables["first_broken"]:
        clean = images.select(images.ids[images.ids == row["id"]]).pixels[0].permute(1, 2, 0).numpy().astype(float)
        change = picture(row["attacked"]) - clean
        eps = int(row["eps"].partition("/")[0])
        assert 0 < np.abs(change).max() <= eps + 0.5
        shown = (picture(row["perturbation"]) - 127.5) / row["magnified"]
        np.testing.assert_allclose(shown, change, atol=0.6 + 0.05 * eps)


def test_large_pictures_are_made_small():
    assert picture(first_broken._png(torch.rand(3, 200, 200))).shape == (96, 96, 3)
