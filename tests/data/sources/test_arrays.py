# pyright: reportOptionalMemberAccess=false, reportOptionalSubscript=false, reportArgumentType=false
import numpy as np
import pytest
import torch

from holdfast.data import load_images

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 8, 10, 3), dtype=np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 2])


@pytest.fixture
def save(tmp_path):
    def write(**arrays):
        np.savez(tmp_path / "set.npz", **arrays)
        return tmp_path / "set.npz"

    return write


LAYOUTS = {
    "grey, channels last": PIXELS.mean(-1, keepdims=True).astype(np.uint8),
    "grey, channels first": PIXELS.mean(-1)[:, None].astype(np.uint8),
    "uint8, channels last": PIXELS,
    "uint8, channels first": PIXELS.transpose(0, 3, 1, 2),
    "float32": (PIXELS / 255).astype(np.float32),
    "float64": PIXELS / 255,
}


@pytest.mark.parametrize("array", LAYOUTS.values(), ids=LAYOUTS)
def test_every_layout_gives_the_same_pixels(save, array):
    images = load_images(save(images=array, labels=LABELS))
    grey = 1 in (array.shape[1], array.shape[-1])
    expected = np.repeat(PIXELS.mean(-1, keepdims=True).astype(np.uint8), 3, -1) if grey else PIXELS
    np.testing.assert_array_equal(images.pixels.permute(0, 2, 3, 1).numpy(), expected)
    assert images.labels.tolist() == LABELS.tolist()


def test_grey_arrays_become_three_equal_channels(save):
    images = load_images(save(x=PIXELS[..., 0]))
    for channel in range(3):
        np.testing.assert_array_equal(images.pixels[:, channel].numpy(), PIXELS[..., 0])
    assert images.labels is None


@pytest.mark.parametrize("keys", [("images", "labels"), ("x", "y"), ("x_train", "y_train"), ("arr_0", "arr_1")])
def test_usual_keys_are_found(save, keys):
    images = load_images(save(**dict(zip(keys, (PIXELS, LABELS[:, None]), strict=True))))
    assert len(images) == 6
    assert images.labels.tolist() == LABELS.tolist()


def test_other_keys_are_taken_when_named(save):
    path = save(scans=PIXELS, species=LABELS)
    assert load_images(path, image_column="scans", label_column="species").labels.tolist() == LABELS.tolist()
    with pytest.raises(ValueError, match=r"expected an array images or .* got scans, species"):
        load_images(path)


def test_class_names_and_string_labels_are_kept(save):
    assert load_images(save(x=PIXELS, y=LABELS, classes=["a", "b", "c"])).classes == ("a", "b", "c")
    images = load_images(save(x=PIXELS, y=np.array(["dog", "cat"] * 3)))
    assert images.classes == ("cat", "dog")
    assert images.labels.tolist() == [1, 0] * 3


def test_a_limit_and_a_size_are_applied(save):
    images = load_images(save(x=PIXELS, y=LABELS), limit=4, size=8)
    crops = PIXELS[images.ids.numpy()][:, :, 1:9]
    np.testing.assert_array_equal(images.pixels.permute(0, 2, 3, 1).numpy(), crops)
    assert torch.equal(images.labels, torch.from_numpy(LABELS)[images.ids])


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.full((2, 8, 8), np.nan), "got 2 that cannot be .*no numbers"),
        (PIXELS.astype(np.complex64), "expected numbers in .*, got complex64"),
        (PIXELS[:, :3], "both ends may be the colours"),
        (PIXELS[0], r"got \[8, 10, 3\]; is it one picture\?"),
        (PIXELS[0, 0], r"expected images \[n, h, w, 3\].* got \[10, 3\]"),
        (np.zeros((2, 8, 8, 4), np.uint8), r"got \[2, 8, 8, 4\]"),
        (PIXELS[:0], "got no rows"),
        (np.array([{}, {}], dtype=object), "expected a plain array 'images'"),
    ],
)
def test_other_arrays_are_refused(save, array, message):
    with pytest.raises(ValueError, match=message):
        load_images(save(images=array))


@pytest.mark.parametrize("labels", [LABELS[:5], LABELS / 2, np.eye(6)])
def test_labels_that_do_not_fit_are_refused(save, labels):
    with pytest.raises(
        ValueError, match=r"expected (one integer or string label|labels of whole numbers).*--labels none"
    ):
        load_images(save(images=PIXELS, labels=labels))
    assert load_images(save(images=PIXELS, labels=labels), labels="none").labels is None


def test_a_file_that_is_no_archive_is_refused(tmp_path):
    (tmp_path / "fake.npz").write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match=r"expected an \.npz file"):
        load_images(tmp_path / "fake.npz")


def test_arrays_beyond_the_budget_are_refused(save):
    with pytest.raises(ValueError, match="6 images of 8×10"):
        load_images(save(images=PIXELS), memory_gib=1000 / 2**30)
