"""What an audit leaves for the page: thumbnails, a map, neighbours and twins, of the images that it measured."""

import numpy as np
import torch
from toy_audits import NAMES, ReadsTheClass, small_network, toy_images, toy_pairs

from holdfast.atlas import Atlas
from holdfast.audits import atlas as atlas_audit
from holdfast.audits import audit
from holdfast.data import Images


def test_an_audit_leaves_its_test_images(tmp_path):
    test = toy_images((9, 8, 7, 6, 5, 4), seed=1, first_id=1000)
    findings = audit(small_network(), toy_images(), test=test, axes=["quality", "balance"], atlas=tmp_path)
    atlas = Atlas.load(tmp_path, "test")
    assert atlas.ids.tolist() == test.ids.tolist()
    assert atlas.labels.tolist() == test.labels.tolist()
    assert atlas.classes == NAMES
    assert atlas.checksum == findings[0].settings["test_checksum"]
    assert atlas.groups.tolist() == findings[1].columns["group"].tolist()
    assert Atlas.load(tmp_path, "scored") is None


def test_nothing_is_left_unless_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    audit(small_network(), toy_images(), axes=["quality"])
    assert list(tmp_path.iterdir()) == []


def test_memorization_leaves_the_scored_images_and_not_the_test_images(tmp_path):
    pairs = toy_pairs(1)
    found = audit(small_network(), toy_images(), axes=["memorization"], pairs=pairs, atlas=tmp_path)[0]
    atlas = Atlas.load(tmp_path, "scored")
    assert atlas.ids.tolist() == found.columns["id"].tolist()
    assert atlas.checksum == found.settings["scored_checksum"]
    assert Atlas.load(tmp_path, "test") is None


def test_neighbours_are_of_the_same_features(tmp_path):
    audit(ReadsTheClass(), toy_images(), axes=["quality"], atlas=tmp_path)
    atlas = Atlas.load(tmp_path, "test")
    label = dict(zip(atlas.ids.tolist(), atlas.labels.tolist(), strict=True))
    large = [row for row, name in enumerate(atlas.labels) if (atlas.labels == name).sum() > atlas.nearest.shape[1]]
    assert all(label[i] == atlas.labels[row] for row in large for i in atlas.nearest[row].tolist())
    np.testing.assert_allclose(atlas.cosines[large], 1, atol=1e-6)


def test_twins_are_in_one_group(tmp_path):
    images = toy_images((10, 10), seed=3, first_id=50)
    pixels = images.pixels.clone()
    pixels[7] = pixels[2]
    test = Images(pixels=pixels, ids=images.ids, labels=images.labels, classes=images.classes)
    audit(small_network(), toy_images((20, 20)), test=test, axes=["quality"], atlas=tmp_path)
    groups = Atlas.load(tmp_path, "test").duplicates
    assert groups[7] == groups[2] == 52
    assert len(np.unique(groups)) == 19


def test_principal_components_are_in_order_with_a_fixed_sign():
    features = torch.randn(200, 5, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 9, 1, 4, 1])
    placed, shares = atlas_audit.principal(features)
    assert 0.7 < shares[0] < 0.9 and 0.1 < shares[1] < shares[0]
    for column, axis in ((0, 1), (1, 3)):
        assert torch.corrcoef(torch.stack([placed[:, column], features[:, axis]]))[0, 1] > 0.99


def test_features_of_one_dimension_or_none_have_a_map():
    placed, shares = atlas_audit.principal(torch.arange(4.0)[:, None])
    assert placed.shape == (4, 2) and shares == (1.0, 0.0)
    assert atlas_audit.principal(torch.ones(3, 4))[0].abs().max() == 0


def test_thumbnails_are_centred_squares_of_16_32_or_48_pixels():
    pixels = torch.zeros(2, 3, 60, 100, dtype=torch.uint8)
    pixels[:, 0, :, 20:80] = 200
    assert (atlas_audit.thumbnails(pixels)[..., 0] == 200).all()
    assert atlas_audit.thumbnails(pixels).shape == (2, 48, 48, 3)
    assert atlas_audit.thumbnails(pixels[..., :8, :8]).shape == (2, 16, 16, 3)
    assert atlas_audit.thumbnails(pixels[..., :32, :32]).shape == (2, 32, 32, 3)
    assert atlas_audit.thumbnails(pixels[..., :28, :28]).shape == (2, 32, 32, 3)


def test_beyond_the_most_images_those_with_numbers_come_first(tmp_path, monkeypatch):
    monkeypatch.setitem(atlas_audit.MOST, "test", 20)
    options = {"attack_images": 12, "attack_eps": ("8/255",), "attack_steps": 1, "attack_restarts": 0}
    options |= {"square_images": 0, "drift_images": 0, "corruption_images": 0}
    found = audit(small_network(), toy_images(), axes=["robustness"], atlas=tmp_path, **options)[0]
    atlas, attacked = Atlas.load(tmp_path, "test"), found.columns["id"][found.columns["attacked"]]
    assert len(atlas) == 20
    assert set(attacked.tolist()) < set(atlas.ids.tolist())
