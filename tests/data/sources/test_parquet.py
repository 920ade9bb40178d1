# pyright: reportOptionalMemberAccess=false, reportOptionalSubscript=false, reportArgumentType=false
import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from holdfast.data import load_images
from holdfast.data.survey import survey


def channels_last(images):
    return images.pixels.permute(0, 2, 3, 1).numpy()


def test_pixels_labels_and_ids_survive_the_round_trip(write_parquet, encoded_noise):
    encoded, arrays = encoded_noise(11)
    labels = [i % 3 for i in range(11)]
    images = load_images(write_parquet(encoded, labels))
    np.testing.assert_array_equal(channels_last(images), arrays)
    assert images.labels.tolist() == labels
    assert images.ids.tolist() == list(range(11))
    assert images.classes is None


def test_class_names_come_from_the_metadata_of_the_schema(write_parquet, encoded_noise):
    path = write_parquet(encoded_noise(2)[0], [1, 0], names=["cat", "dog"])
    assert load_images(path).classes == ("cat", "dog")


@pytest.mark.parametrize("metadata", [b"not json", b"[]", b'{"info": {"features": {"label": {"names": 3}}}}'])
def test_metadata_that_cannot_be_read_gives_no_class_names(tmp_path, write_parquet, encoded_noise, metadata):
    table = pq.read_table(write_parquet(encoded_noise(2)[0], [1, 0]))
    pq.write_table(table.replace_schema_metadata({b"huggingface": metadata}), tmp_path / "other.parquet")
    assert load_images(tmp_path / "other.parquet").classes is None


def test_file_names_stay_with_their_images(tmp_path, write_parquet, encoded_noise):
    for shard, rows in (("a", 5), ("b", 6)):
        write_parquet(encoded_noise(rows)[0], name=f"{shard}.parquet", rows=3)
    images = load_images(tmp_path)
    assert tuple(images.paths) == tuple(f"{i}.png" for i in [*range(5), *range(6)])
    few = load_images(tmp_path, limit=4)
    assert tuple(few.paths) == tuple(images.paths[i] for i in few.ids)
    assert tuple(few.subset(torch.tensor([2, 0])).paths) == (few.paths[2], few.paths[0])


def test_files_without_names_have_no_paths(tmp_path, encoded_noise):
    cells = [{"bytes": cell, "path": None} for cell in encoded_noise(3)[0]]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    pq.write_table(pa.table({"image": pa.array(cells, type=kind)}), tmp_path / "none.parquet")
    assert load_images(tmp_path / "none.parquet").paths is None


def test_labels_are_not_needed(write_parquet, encoded_noise):
    images = load_images(write_parquet(encoded_noise(3)[0]))
    assert images.labels is None
    assert images.classes is None


@pytest.mark.parametrize("labels", [[-1, -1, -1], [None, None, None]])
def test_labels_that_are_missing_everywhere_are_no_labels(write_parquet, encoded_noise, labels):
    labels = pa.array(labels, type=pa.int64())
    assert load_images(write_parquet(encoded_noise(3)[0], labels, names=["a", "b"])).labels is None


@pytest.mark.parametrize("labels", [[0, -1, 1], [0, None, 1], ["cat", None, "dog"]])
def test_labels_that_are_missing_in_places_are_refused(write_parquet, encoded_noise, labels):
    with pytest.raises(ValueError, match=r"a label in every row .* or in none, got 1 of 3 rows without"):
        load_images(write_parquet(encoded_noise(3)[0], labels))


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())])
def test_string_labels_become_the_places_of_their_sorted_names(write_parquet, encoded_noise, kind):
    images = load_images(write_parquet(encoded_noise(4)[0], pa.array(["dog", "cat", "dog", "ant"]).cast(kind)))
    assert images.classes == ("ant", "cat", "dog")
    assert images.labels.tolist() == [2, 1, 2, 0]


def test_string_classes_are_numbered_over_the_whole_source_whatever_the_limit(write_parquet, encoded_noise):
    names = ["dog", "cat", "bee", "ant"]
    path = write_parquet(encoded_noise(4)[0], names)
    for seed in range(4):
        one = load_images(path, limit=1, seed=seed)
        assert one.classes[one.labels[0]] == names[one.ids[0]]


@pytest.mark.parametrize("column", ["label", "labels", "fine_label"])
def test_usual_label_columns_are_found(write_parquet, encoded_noise, column):
    assert load_images(write_parquet(encoded_noise(2)[0], [1, 0], label=column)).labels.tolist() == [1, 0]


def test_other_columns_are_taken_when_named(write_parquet, encoded_noise):
    path = write_parquet(encoded_noise(2)[0], [1, 0], label="species")
    assert load_images(path).labels is None
    assert load_images(path, label_column="species").labels.tolist() == [1, 0]
    with pytest.raises(ValueError, match=r"expected a label column 'kind'.*got columns image, species"):
        load_images(path, label_column="kind")


@pytest.mark.parametrize("column", ["img", "image", "scan"])
def test_an_image_column_is_found_by_name_or_by_type(write_parquet, encoded_noise, column):
    assert len(load_images(write_parquet(encoded_noise(2)[0], image=column))) == 2


def test_two_columns_that_might_be_the_images_need_a_name(tmp_path, encoded_noise):
    encoded, arrays = encoded_noise(2)
    cells = [{"bytes": cell, "path": None} for cell in encoded]
    pq.write_table(pa.table({"left": cells, "right": cells[::-1]}), tmp_path / "two.parquet")
    with pytest.raises(ValueError, match="name one of left, right with image_column"):
        load_images(tmp_path / "two.parquet")
    images = load_images(tmp_path / "two.parquet", image_column="right")
    np.testing.assert_array_equal(channels_last(images), arrays[::-1])


def test_a_plain_binary_column_will_do(tmp_path, encoded_noise):
    encoded, arrays = encoded_noise(3)
    pq.write_table(pa.table({"image": encoded}), tmp_path / "plain.parquet")
    np.testing.assert_array_equal(channels_last(load_images(tmp_path / "plain.parquet")), arrays)


def test_shards_are_read_in_the_order_of_their_names(tmp_path, write_parquet, encoded_noise):
    encoded, arrays = encoded_noise(10)
    write_parquet(encoded[6:], [1] * 4, name="part-1.parquet")
    write_parquet(encoded[:6], [0] * 6, name="part-0.parquet")
    for source in (tmp_path, tmp_path / "part-*.parquet"):
        images = load_images(source)
        np.testing.assert_array_equal(channels_last(images), arrays)
        assert images.labels.tolist() == [0] * 6 + [1] * 4
        assert images.ids.tolist() == list(range(10))


@pytest.mark.parametrize("limit", [1, 3, 9])
def test_a_limit_picks_the_same_rows_from_shards_and_row_groups(tmp_path, write_parquet, encoded_noise, limit):
    encoded, arrays = encoded_noise(10)
    write_parquet(encoded[:6], [0] * 6, name="part-0.parquet", rows=2)
    write_parquet(encoded[6:], [1] * 4, name="part-1.parquet", rows=3)
    for seed in range(5):
        images = load_images(tmp_path, limit=limit, seed=seed)
        np.testing.assert_array_equal(channels_last(images), arrays[images.ids.numpy()])
        assert images.labels.tolist() == [int(i >= 6) for i in images.ids]


def test_more_rows_than_the_threads_hold_at_once_keep_their_order(write_parquet, encoded_noise):
    encoded, arrays = encoded_noise(700)
    images = load_images(write_parquet(encoded, rows=700))
    np.testing.assert_array_equal(channels_last(images), arrays)


def test_images_of_two_sizes_are_refused_with_the_remedy(write_parquet, encoded_noise):
    path = write_parquet(encoded_noise(5)[0] + encoded_noise(1, height=12, width=20)[0])
    with pytest.raises(ValueError, match=r"one size, got 8×8 and, in row 5 of .*, 12×20; .*--image-size"):
        load_images(path)
    assert load_images(path, size=10).pixels.shape == (6, 3, 10, 10)


def test_the_budget_is_checked_for_images_of_their_own_size(write_parquet, encoded_noise):
    with pytest.raises(ValueError, match="3 images of 8×8"):
        load_images(write_parquet(encoded_noise(3)[0]), memory_gib=500 / 2**30)


@pytest.mark.parametrize("broken", [b"no image", b"\x89PNG\r\n\x1a\n", b"", None])
@pytest.mark.parametrize("place", [0, 6])
def test_a_row_that_cannot_be_decoded_is_set_aside_and_the_others_keep_their_ids(
    write_parquet, encoded_noise, broken, place
):
    encoded, pixels = encoded_noise(8)
    encoded[place] = broken
    path, others = write_parquet(encoded, [f"class {i}" for i in range(8)]), [i for i in range(8) if i != place]
    images = load_images(path)
    assert images.ids.tolist() == others
    assert images.labels is not None and images.classes is not None
    assert [images.classes[label] for label in images.labels.tolist()] == [f"class {i}" for i in others]
    assert np.array_equal(images.pixels.numpy().transpose(0, 2, 3, 1), pixels[others])
    assert [name for name, _ in images.rejected] == [f"row {place} of {path} (counted from 0)"]
    with pytest.raises(ValueError, match=f"row {place} of .* repair") as caught:
        load_images(path, strict=True)
    assert "\n" not in str(caught.value)


def test_a_truncated_image_is_named(write_parquet, encoded_noise):
    encoded = encoded_noise(4, height=64, width=64)[0]
    encoded[3] = encoded[3][: len(encoded[3]) // 2]
    assert "row 3 of" in load_images(write_parquet(encoded)).rejected[0].path


def test_a_file_without_an_image_column_is_refused_with_its_columns(tmp_path):
    pq.write_table(pa.table({"text": ["a"], "label": [0]}), tmp_path / "text.parquet")
    with pytest.raises(ValueError, match=r"expected a column 'image' .* got columns text, label"):
        load_images(tmp_path / "text.parquet")


def test_a_file_without_rows_is_refused(write_parquet):
    with pytest.raises(ValueError, match=r"expected images in .*set\.parquet, got no rows"):
        load_images(write_parquet([], pa.array([], type=pa.int64())))


def test_a_file_that_is_no_parquet_is_refused(tmp_path):
    (tmp_path / "fake.parquet").write_bytes(b"this is no parquet file")
    with pytest.raises(ValueError, match=r"expected a parquet file, got .*fake\.parquet"):
        load_images(tmp_path / "fake.parquet")


def test_the_checksum_sees_every_pixel_label_and_id(write_parquet, encoded_noise):
    images = load_images(write_parquet(encoded_noise(4)[0], [0, 1, 0, 1]))
    again = load_images(write_parquet(encoded_noise(4)[0], [0, 1, 0, 1]))
    assert images.checksum == again.checksum
    again.pixels[3, 2, 7, 7] ^= 1
    others = [again, load_images(write_parquet(encoded_noise(4)[0], [0, 1, 0, 0])), images.subset(torch.arange(3))]
    assert len({images.checksum, *(type(other)(**vars_of(other)).checksum for other in others)}) == 4


def vars_of(images):
    return {name: getattr(images, name) for name in ("pixels", "ids", "labels", "classes", "source")}


def test_a_grey_jpeg_becomes_three_equal_channels(write_parquet):
    buffer = io.BytesIO()
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(buffer, "JPEG")
    pixels = load_images(write_parquet([buffer.getvalue()])).pixels
    assert torch.equal(pixels[:, 0], pixels[:, 1])


def test_a_row_of_several_shards_is_named_by_its_shard(tmp_path, encoded_noise):
    for number, encoded in enumerate((encoded_noise(5)[0], [*encoded_noise(3)[0], b"broken"])):
        table = pa.table({"image": [{"bytes": one, "path": None} for one in encoded]})
        pq.write_table(table, tmp_path / f"part-{number}.parquet", row_group_size=2)
    name = f"{tmp_path}/part-1.parquet row 3"
    for more in ({}, {"memory_gib": 1e-9, "workers": 0}):
        images = load_images(tmp_path, size=8, **more)
        assert images.rejected[0].path == f"row 8 of {tmp_path}: {name} (counted from 0)"
    assert survey(str(tmp_path)).rejected[0][0] == name
