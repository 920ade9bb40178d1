"""The pictures of an inspection are what training sees: palettes, transparency and deep pixels among them."""

import base64
import io

import numpy as np
from PIL import Image

from holdfast.inspection import inspect


def test_odd_pictures_are_shown_as_training_sees_them(tmp_path):
    half = Image.new("P", (20, 20))
    half.putpalette([255, 0, 0, 0, 0, 255] + [0] * 762)
    half.paste(1, (10, 0, 20, 20))
    half.save(tmp_path / "a.png", transparency=bytes([0, 255]))  # its red is see-through
    deep = np.full((12, 12), 1000, np.uint16)
    deep[:6] = 60_000
    Image.fromarray(deep).save(tmp_path / "b.png")
    (row,) = [row for row in inspect(str(tmp_path), show=True)["pictures"] if row["title"] == "The smallest"]
    shown = {}
    for one in row["pictures"]:
        content = base64.b64decode(one["uri"].partition(",")[2])
        shown[one["name"]] = np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)
    assert shown["a.png"][10, 3].min() > 230, "see-through is white"
    assert shown["a.png"][10, 16, 2] > 200 and shown["a.png"][10, 16, 0] < 60
    assert shown["b.png"][2, 5].min() > 200 and shown["b.png"][10, 5].max() < 60
