# pyright: reportOptionalMemberAccess=false, reportOptionalSubscript=false, reportArgumentType=false
import pytest
import torch

from holdfast.data import Images

PIXELS = torch.arange(5 * 3 * 2 * 2, dtype=torch.uint8).reshape(5, 3, 2, 2)


def some_images():
    return Images(PIXELS, torch.tensor([10, 3, 7, 20, 5]), torch.tensor([0, 1, 0, 1, 2]), ("a", "b", "c"), "here")


def test_a_subset_keeps_ids_and_labels():
    part = some_images().subset(torch.tensor([4, 0]))
    assert part.ids.tolist() == [5, 10]
    assert part.labels.tolist() == [2, 0]
    assert torch.equal(part.pixels, PIXELS[[4, 0]])
    assert part.classes == ("a", "b", "c")


def test_selecting_by_id_gives_the_images_in_the_order_asked_for():
    images = some_images()
    part = images.select(torch.tensor([20, 10, 5]))
    assert part.ids.tolist() == [20, 10, 5]
    assert torch.equal(part.pixels, PIXELS[[3, 0, 4]])
    assert torch.equal(images.select(images.ids).pixels, PIXELS)


@pytest.mark.parametrize("missing", [4, 0, 21])
def test_selecting_an_id_that_is_not_there_names_it(missing):
    with pytest.raises(ValueError, match=f"got {missing} and 0 others that are not among them"):
        some_images().select(torch.tensor([3, missing]))


def test_floats_are_in_the_unit_range():
    everything = Images.of(torch.arange(256, dtype=torch.uint8).repeat(3).reshape(1, 3, 16, 16)).floats()
    assert everything.dtype == torch.float32
    assert everything.min() == 0
    assert everything.max() == 1
    torch.testing.assert_close(some_images().floats(torch.tensor([2]))[0], PIXELS[2] / 255)


def test_images_without_labels_have_no_classes():
    assert Images.of(PIXELS).class_count == 0
    assert Images.of(PIXELS, torch.tensor([0, 1, 0, 3, 0])).class_count == 4
    assert some_images().class_count == 3


def test_indexing_gives_one_image():
    assert torch.equal(some_images()[1], PIXELS[1])
    assert len(list(some_images())) == len(some_images()) == 5


def test_the_checksum_does_not_depend_on_the_memory_layout():
    strided = Images.of(PIXELS.to(memory_format=torch.channels_last))
    assert strided.checksum == Images.of(PIXELS).checksum


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pixels": PIXELS.float()}, r"uint8 pixels \[n, 3, h, w\], got torch.float32"),
        ({"pixels": PIXELS[:, :1]}, r"got torch.uint8 \[5, 1, 2, 2\]"),
        ({"paths": ("a.png",)}, "one path for each of 5 images, got 1"),
        ({"ids": torch.arange(4)}, r"ids int64 \[5\]"),
        ({"labels": torch.zeros(5)}, r"labels int64 \[5\].*got torch.float32"),
        ({"labels": torch.tensor([0, 1, -1, 0, 0])}, "labels from 0, got -1 to 1"),
        ({"labels": torch.tensor([0, 1, 2, 0, 0]), "classes": ("a", "b")}, "2 class names, got 0 to 2"),
    ],
)
def test_tensors_that_do_not_fit_together_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Images(**{"pixels": PIXELS, "ids": torch.arange(5)} | arguments)
