import pytest
import torch
from toy_audits import ReadsTheClass, toy_images

from holdfast.audits import audit
from holdfast.cli.audited import AuditOptions, copies_caution
from holdfast.data import Images

TEST = toy_images((20,) * 6, seed=1, source="test", first_id=1000)


@pytest.mark.parametrize("copied", [0, 3])
def test_test_images_that_probes_are_fitted_on_under_other_ids_are_counted(copied):
    images, pixels = toy_images(), TEST.pixels.clone()
    pixels[:copied] = images.pixels[:copied]
    test = Images(pixels, TEST.ids, TEST.labels, TEST.classes)
    facts = audit(ReadsTheClass(), images, test=test, axes=["quality"])[0].settings
    assert facts["test_copies_in_pool"] == copied
    said = copies_caution(facts, len(test), AuditOptions(encoders=(), test="test.parquet"))
    if copied:
        assert said is not None and said.startswith("3 of 120 test images are copies")
        assert "holdfast inspect toy --against test.parquet" in said
    else:
        assert said is None


def test_an_image_that_is_taken_out_of_the_pool_is_no_copy_in_it():
    images = toy_images()
    test = images.select(torch.arange(0, 175, 7))
    assert audit(ReadsTheClass(), images, test=test, axes=["quality"])[0].settings["test_copies_in_pool"] == 0
