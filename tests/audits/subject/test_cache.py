"""Features kept between audits: the same numbers, no second pass, and no file that is believed without a look."""

import pytest
import torch
from toy_audits import small_network, toy_images

from holdfast.audits import Options, audit, measure, prepare
from holdfast.audits.subject.cache import features_file, kept
from holdfast.audits.subject.prepare import Known
from holdfast.models import create_encoder, save_encoder
from holdfast.models.load import load_encoder


def never():
    raise AssertionError("features were extracted again")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """An encoder in a file of its own."""
    path = tmp_path_factory.mktemp("encoder") / "encoder.safetensors"
    save_encoder(create_encoder("timm/test_resnet", image_size=8), path)
    return path


def prepared(saved, cache, **options):
    images = toy_images((12,) * 6)
    options = Options(cache=cache, **options)
    return prepare(str(saved), images, None, Known(), name=None, pairs=None, options=options)


def test_kept_features_are_the_extracted_ones_and_are_not_extracted_again(tmp_path):
    features = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(kept(tmp_path, {"a": 1}, 5, lambda: features), features)
    assert torch.equal(kept(tmp_path, {"a": 1}, 5, never), features)
    assert torch.equal(kept(tmp_path, {"a": 2}, 5, lambda: features + 1), features + 1)
    assert kept(None, {}, 5, lambda: features) is features


@pytest.mark.parametrize("damage", ["empty", "cut", "bit", "other"])
def test_a_damaged_or_foreign_file_is_passed_over_and_written_again(damage, tmp_path):
    features = torch.arange(15.0).view(5, 3)
    kept(tmp_path, {"a": 1}, 5, lambda: features)
    path, _ = features_file(tmp_path, {"a": 1})
    whole = path.read_bytes()
    if damage == "other":
        kept(tmp_path, {"a": 2}, 5, lambda: features + 1)
        path.write_bytes(features_file(tmp_path, {"a": 2})[0].read_bytes())
    else:
        changed = {"empty": b"", "cut": whole[:-7], "bit": whole[:-1] + bytes([whole[-1] ^ 1])}
        path.write_bytes(changed[damage])
    assert torch.equal(kept(tmp_path, {"a": 1}, 5, lambda: features), features)
    assert torch.equal(kept(tmp_path, {"a": 1}, 5, never), features)


def test_features_of_another_number_of_images_are_passed_over(tmp_path):
    kept(tmp_path, {"a": 1}, 5, lambda: torch.ones(5, 3))
    assert len(kept(tmp_path, {"a": 1}, 4, lambda: torch.ones(4, 3))) == 4


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert len(kept(tmp_path / "file", {}, 5, lambda: torch.ones(5, 3))) == 5


def test_a_second_audit_passes_no_image_for_its_features(saved, tmp_path):
    first = prepared(saved, tmp_path)
    assert not first.has_kept(first.test)
    measured = measure("balance", first)
    second, calls = prepared(saved, tmp_path), []
    assert second.has_kept(second.test)
    assert second.has_kept(second.pool)
    second.encoder.register_forward_pre_hook(lambda module, inputs: calls.append(len(inputs[0])))
    assert measure("balance", second).scores == measured.scores
    assert calls == []


@pytest.mark.parametrize("change", [{"precision": "bf16"}, {"aggregate": 2}, {"batch_size": 5}])
def test_what_changes_features_is_kept_apart(saved, tmp_path, change):
    measure("balance", prepared(saved, tmp_path))
    other = prepared(saved, tmp_path, **change)
    assert not other.has_kept(other.test)


def test_other_weights_and_other_images_are_kept_apart(saved, tmp_path):
    measure("balance", prepared(saved, tmp_path / "cache"))
    changed = load_encoder(saved)
    next(changed.parameters()).data[0] += 1
    save_encoder(changed, tmp_path / "encoder.safetensors")
    other = prepared(tmp_path / "encoder.safetensors", tmp_path / "cache")
    assert not other.has_kept(other.test)
    same = prepared(saved, tmp_path / "cache")
    assert not same.has_kept(toy_images(seed=9))


def test_a_module_of_the_users_own_is_never_kept(tmp_path):
    audit(small_network(), toy_images((12,) * 6), axes=["balance"], cache=tmp_path)
    assert list(tmp_path.iterdir()) == []
