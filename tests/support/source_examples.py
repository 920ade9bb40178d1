"""A small source of every kind: what a law over SOURCES reads."""

import io
import struct
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

COUNT, CLASSES = 12, ("ant", "bee", "cat")


def pictures(count: int = COUNT, side: int = 8) -> np.ndarray:
    """uint8 [count, side, side, 3]: no two alike, and smooth enough to survive a look."""
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def labels(count: int = COUNT) -> list[str]:
    return [CLASSES[place % len(CLASSES)] for place in range(count)]


def png(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


def write_folder(root: Path, order: Sequence[int]) -> str:
    """Files whose names follow the order; the first folder is the class."""
    for number, place in enumerate(order):
        folder = root / "pictures" / labels()[place]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:03d}.png").write_bytes(png(pictures()[place]))
    return str(root / "pictures")


def write_parquet(root: Path, order: Sequence[int]) -> str:
    """Two shards in a folder, the label a column of text."""
    (root / "shards").mkdir()
    half = len(order) // 2
    for shard, part in enumerate((order[:half], order[half:])):
        cells = [{"bytes": png(pictures()[place]), "path": None} for place in part]
        table = pa.table({"image": cells, "label": [labels()[place] for place in part]})
        pq.write_table(table, root / "shards" / f"part-{shard}.parquet", row_group_size=4)
    return str(root / "shards")


def write_arrays(root: Path, order: Sequence[int]) -> str:
    np.savez(root / "set.npz", images=pictures()[list(order)], labels=np.array(labels())[list(order)])
    return str(root / "set.npz")


def write_torchvision(root: Path, order: Sequence[int]) -> str:
    """Fashion-MNIST's files, as torchvision lays them out below $HOLDFAST_DATA, which must be root."""
    raw = root / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    grey = pictures()[list(order), :, :, 0]
    numbers = np.array([CLASSES.index(labels()[place]) for place in order], np.uint8)
    for part in ("train", "t10k"):
        head = struct.pack(">4B3I", 0, 0, 8, 3, *grey.shape)
        (raw / f"{part}-images-idx3-ubyte").write_bytes(head + grey.tobytes())
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(
            struct.pack(">4BI", 0, 0, 8, 1, len(numbers)) + numbers.tobytes()
        )
    return "torchvision/FashionMNIST"


def packed(files: dict[str, bytes]) -> bytes:
    """A tar file of some files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def write_tar(root: Path, order: Sequence[int]) -> str:
    """Two tar files named alike, a class beside each picture, and dates with dots in the pictures' names."""
    half = len(order) // 2
    for number, part in enumerate((order[:half], order[half:])):
        files = {}
        for at, place in enumerate(part):
            name = f"2024.05.01/{at:03d}.v1"
            files |= {f"{name}.png": png(pictures()[place]), f"{name}.cls": labels()[place].encode()}
        (root / f"part-{number}.tar").write_bytes(packed(files))
    return str(root / "part-*.tar")


EXAMPLES: dict[str, Callable[[Path, Sequence[int]], str]] = {
    "digits": lambda root, order: "digits",
    "curves": lambda root, order: "curves:12",
    "spirograph": lambda root, order: "spirograph:12",
    "torchvision": write_torchvision,
    "folder": write_folder,
    "parquet": write_parquet,
    "tar": write_tar,
    "arrays": write_arrays,
}
"""By kind: writes `pictures` with their `labels` in an order below a folder, and returns what a user would write. Kinds
that are made and not read take no notice of the order."""
LABELS = {"folder": "folder"}
"""What `labels=` has to be for a kind whose labels are not its own."""
