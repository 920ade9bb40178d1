"""Arrays of other numbers than bytes, and files of several arrays: one scale, announced; two readings refused."""

import numpy as np
import pytest

from holdfast.data import load_images
from holdfast.inspection import inspect

BYTES = np.random.default_rng(0).integers(0, 256, (6, 8, 10, 3), dtype=np.uint8)
SHARES = BYTES / 255
LABELS = np.array([0, 1, 2, 0, 1, 2])


@pytest.mark.parametrize("suffix", ["npz", "npy"])
@pytest.mark.parametrize(
    ("values", "white"),
    [
        (np.round(SHARES * 4095).astype(np.uint16), 4095),
        (np.round(SHARES * 65535).astype(np.uint16), 65535),
        (BYTES.astype(np.int64), 255),
        (SHARES.astype(np.float16), 1),
        (SHARES, 1),
        (SHARES * 255, 255),
        (SHARES * 65535, 65535),
        (SHARES * 1.05, 1.05),
    ],
)
def test_other_numbers_have_one_scale_which_is_said(tmp_path, values, white, suffix):
    path = saved(tmp_path / f"a.{suffix}", values)
    images = load_images(path)
    (kind, (low, high)) = next(iter(images.ranges.items()))
    assert (low, high) == (0, pytest.approx(white, rel=2e-3))
    assert kind == ("floats" if values.dtype.kind == "f" else "integers")
    assert "scaled alike: 0 is black" in images.notes[0]
    shown = values.astype(float) / high * 255
    np.testing.assert_allclose(images.pixels.numpy().transpose(0, 2, 3, 1), shown, atol=0.51)


def saved(path, values):
    if path.suffix == ".npy":
        np.save(path, values)
    else:
        np.savez(path, images=values, labels=LABELS)
    return path


def test_normalised_floats_run_from_their_lowest_to_their_highest(tmp_path):
    images = load_images(saved(tmp_path / "a.npy", SHARES * 4 - 2))
    np.testing.assert_allclose(images.pixels.numpy().transpose(0, 2, 3, 1), BYTES, atol=1)


def test_a_range_that_is_given_is_taken_by_arrays_too(tmp_path):
    path = saved(tmp_path / "a.npz", np.arange(600, dtype=np.uint16).reshape(6, 10, 10))
    images = load_images(path, pixel_range=(100, 200), size=10)
    expected = ((np.arange(600) - 100) / 100).clip(0, 1).reshape(6, 10, 10) * 255
    np.testing.assert_allclose(images.pixels[:, 0].numpy(), expected, atol=0.51)
    values = inspect(str(path), pixel_range=(100, 200))["values"]
    assert values == [{"kind": "integers", "images": 6, "low": 0.0, "high": 599.0, "black_white": [100.0, 200.0]}]


def test_truths_are_black_and_white(tmp_path):
    images = load_images(saved(tmp_path / "a.npy", SHARES > 0.5))
    np.testing.assert_array_equal(images.pixels.numpy().transpose(0, 2, 3, 1), (SHARES > 0.5) * 255)


def test_one_picture_that_is_no_number_is_set_aside_and_the_others_keep_their_labels(tmp_path):
    values = SHARES.copy()
    values[3, 0, 0, 0] = np.nan
    images = load_images(saved(tmp_path / "a.npz", values))
    assert images.ids.tolist() == [0, 1, 2, 4, 5]
    assert images.labels.tolist() == [0, 1, 2, 1, 2]
    assert "row 3" in images.rejected[0].path
    with pytest.raises(ValueError, match="leave --strict out"):
        load_images(tmp_path / "a.npz", strict=True)


def test_several_arrays_of_images_or_labels_are_refused_by_name_unless_they_go_together(tmp_path):
    np.savez(tmp_path / "two.npz", images=BYTES, data=BYTES[::-1], labels=LABELS)
    with pytest.raises(ValueError, match=r"one array of images in .*, got images, data; keep one"):
        load_images(tmp_path / "two.npz")
    np.savez(tmp_path / "flat.npz", images=BYTES, data=BYTES.reshape(6, -1), labels=LABELS)
    np.testing.assert_array_equal(load_images(tmp_path / "flat.npz").pixels.permute(0, 2, 3, 1), BYTES)
    np.savez(tmp_path / "labels.npz", images=BYTES, label=LABELS, y=LABELS[::-1])
    with pytest.raises(ValueError, match=r"one array of labels for 'images' in .*, got label, y; choose one: --labels"):
        load_images(tmp_path / "labels.npz")
    assert load_images(tmp_path / "labels.npz", labels="y").labels.tolist() == LABELS[::-1].tolist()
    np.savez(tmp_path / "split.npz", x_train=BYTES, y_train=LABELS, y=LABELS[::-1], x_test=BYTES)
    assert load_images(tmp_path / "split.npz").labels.tolist() == LABELS.tolist()


def test_an_array_file_without_names_has_no_labels_and_takes_a_table(tmp_path):
    saved(tmp_path / "a.npy", BYTES)
    (tmp_path / "t.csv").write_text("id,label\n" + "".join(f"{i},c{LABELS[i]}\n" for i in range(6)))
    assert load_images(tmp_path / "a.npy").labels is None
    assert load_images(tmp_path / "a.npy", labels=str(tmp_path / "t.csv")).labels.tolist() == LABELS.tolist()
    (tmp_path / "b.npy").write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match=r"expected an \.npy file of numbers"):
        load_images(tmp_path / "b.npy")
