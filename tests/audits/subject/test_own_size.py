"""Images that are only named are brought to the size that the encoder was made for, in whatever way it is audited."""

import pytest

from holdfast.audits import Known, Options, prepare
from holdfast.audits.subject import given_pairs
from holdfast.models import create_encoder, save_encoder


@pytest.fixture
def encoder(tmp_path):
    path = tmp_path / "encoder.safetensors"
    save_encoder(create_encoder("timm/test_resnet", image_size=16, stem="small"), path)
    return str(path)


def test_pool_and_test_images_of_a_named_source_have_the_encoders_size(encoder):
    subject = prepare(encoder, "digits", "spirograph:20", Known(), name=None, pairs=None, options=Options())
    assert subject.pool.pixels.shape[-1] == subject.test.pixels.shape[-1] == 16


def test_images_of_pairs_from_elsewhere_have_the_encoders_size(encoder):
    assert given_pairs([(encoder, encoder)], "digits", None).images.pixels.shape[-1] == 16
    assert given_pairs([(encoder, encoder)], "digits", None, image_size=8).images.pixels.shape[-1] == 8
