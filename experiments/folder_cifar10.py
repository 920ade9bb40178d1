"""A folder of class folders made from CIFAR-10's parquet files: trained on, audited, and once more from a parquet file.

    python experiments/folder_cifar10.py --train TRAIN.parquet --test TEST.parquet

Writes every image's own JPEG bytes (60,000 files with both), trains SimCLR on the folder, audits it with its labels,
writes a parquet file in the folder's order, trains on that, and says whether the two encoders are the same bits.
"""

import argparse
import hashlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from holdfast.cli import main as holdfast


def write_folder(files: list[Path], root: Path, most: int | None) -> int:
    """Class folders of JPEG files, numbered through all parquet files; returns how many."""
    count = 0
    for encoded, label in _rows(files):
        if most is not None and count >= most:
            break
        path = root / f"class-{label}" / f"{count:06}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded)
        count += 1
    return count


def _rows(files: list[Path]) -> Iterator[tuple[bytes, int]]:
    for file in files:
        for batch in pq.ParquetFile(file).iter_batches(batch_size=1000):
            names = batch.schema.names
            image = next(name for name in ("image", "img") if name in names)
            for row in batch.to_pylist():
                yield row[image]["bytes"], row["label"]


def write_parquet(root: Path, path: Path) -> None:
    """The folder's files in the order of their paths, with their first folder as the label."""
    struct = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    schema = pa.schema([("image", struct), ("label", pa.string())])
    files = sorted(root.rglob("*.jpg"), key=lambda file: bytes(file.relative_to(root)))
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, len(files), 500):
            some = files[start : start + 500]
            cells = [{"bytes": file.read_bytes(), "path": str(file.relative_to(root))} for file in some]
            labels = [file.relative_to(root).parts[0] for file in some]
            writer.write_table(pa.table([pa.array(cells, type=struct), pa.array(labels)], schema=schema))


def compare(files: list[Path], folder: Path, *, most: int | None, settings: list[str], axes: list[str]) -> bool:
    """Trains and audits from the folder, trains from the parquet file; whether the encoders are the same bits."""
    start = time.perf_counter()
    count = write_folder(files, folder / "pictures", most)
    write_parquet(folder / "pictures", folder / "pictures.parquet")
    print(f"wrote {count:,} files and a parquet file in {time.perf_counter() - start:.0f} s")
    encoders = []
    for name, data in (("from-folder", folder / "pictures"), ("from-parquet", folder / "pictures.parquet")):
        start, out = time.perf_counter(), folder / name
        labels = ["--labels", "folder"] if data.is_dir() else []
        if holdfast(["train", "simclr", "--data", str(data), "--out", str(out), *labels, *settings]):
            return False
        encoders.append(hashlib.sha256((out / "encoder.safetensors").read_bytes()).hexdigest())
        print(f"{name}: encoder {encoders[-1][:16]}, {time.perf_counter() - start:.0f} s")
    if holdfast(["audit", str(folder / "from-folder"), "--axes", *axes]):
        return False
    return encoders[0] == encoders[1]


def main() -> None:
    """Says whether the bits are the same."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--test", type=Path)
    parser.add_argument("--images", type=int, help="of the first so many; all without it")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--encoder", default="timm/resnet18")
    parser.add_argument("--stem", default="auto")
    options = parser.parse_args()
    settings = ["--epochs", str(options.epochs), "--encoder", options.encoder, "--stem", options.stem]
    with tempfile.TemporaryDirectory() as temporary:
        files = [options.train] + ([options.test] if options.test else [])
        same = compare(
            files, Path(temporary), most=options.images, settings=settings, axes=["quality", "balance", "tail"]
        )
    print("the same encoder bits" if same else "DIFFERENT encoder bits")
    raise SystemExit(0 if same else 1)


if __name__ == "__main__":
    main()
