"""CIFAR-10's two parquet files in small: digits at 32 pixels, as `image` structs and labels."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image
from sklearn.datasets import load_digits
from source_examples import png


def write_little_cifar(folder: Path, *, train: int = 300, test: int = 100) -> Path:
    """train.parquet and test.parquet in a folder, of different digits."""
    images, labels = load_digits(return_X_y=True)
    start = 0
    for part, count in (("train", train), ("test", test)):
        rows = slice(start, start + count)
        pictures = [{"bytes": _picture(flat), "path": None} for flat in images[rows]]
        table = pa.table({"image": pictures, "label": labels[rows].astype(np.int64)})
        pq.write_table(table, folder / f"{part}.parquet")
        start += count
    return folder


def _picture(flat: np.ndarray) -> bytes:
    grey = Image.fromarray((flat.reshape(8, 8) * 15.9).astype(np.uint8)).resize((32, 32))
    return png(np.asarray(grey.convert("RGB")))
