"""Which parquet files a source is made of, and whether they hold what they say."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from holdfast.data.files import PICTURES
from holdfast.data.labels import split_words

_NUMBERED = re.compile(r"(.*?)[-_.]?\d+-of-\d+$")
_BESIDE = (".md", ".txt", ".json", ".jsonl", ".yaml", ".yml", ".py", ".lock")
EMBED = (
    "embed them: from datasets.table import embed_table_storage; "
    "dataset.with_format('arrow').map(embed_table_storage, batched=True).to_parquet('images.parquet', batch_size=100)"
)


def opened(path: Path) -> pq.ParquetFile:
    """A parquet file. Raises ValueError where it is none."""
    try:
        return pq.ParquetFile(path)
    except pa.ArrowInvalid as error:
        raise ValueError(f"expected a parquet file, got {path}, which is none or is cut short ({error})") from error


def holds_shards(folder: Path) -> bool:
    """Whether a path is a folder with parquet files in it, or a snapshot from a hub, which has them under data; tables
    beside pictures, of which none could hold a picture, are none."""
    if not folder.is_dir():
        return False
    found = _parquet(folder, "*")
    return _is_snapshot(folder) if not found else any(map(_may_hold_pictures, found)) or not _has_pictures(folder)


def _may_hold_pictures(path: Path) -> bool:
    """Whether a column is bytes, or a struct; a damaged file counts, for it is refused with its name."""
    try:
        kinds = pq.read_schema(path).types
    except (pa.ArrowInvalid, OSError):
        return True
    return any(pa.types.is_struct(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind) for kind in kinds)


def _has_pictures(folder: Path) -> bool:
    return any(os.path.splitext(os.fsencode(path.name))[1].lower() in PICTURES for path in folder.glob("**/*"))  # noqa: PTH122


def _parquet(folder: Path, pattern: str) -> list[Path]:
    return sorted(path for path in folder.glob(pattern) if path.suffix == ".parquet" and path.is_file())


def _is_snapshot(folder: Path) -> bool:
    """Nothing but data, with parquet files in it, and files about them."""
    beside = (path for path in folder.iterdir() if path.name != "data" and not path.name.startswith("."))
    about = all(path.is_file() and (path.suffix in _BESIDE or path.name == "LICENSE") for path in beside)
    return about and (folder / "data").is_dir() and bool(_parquet(folder / "data", "*"))


def shard_files(path: Path) -> list[Path]:
    """The files of a source, in the order of their names: itself, those in a folder, or those that a pattern names.

    Raises FileNotFoundError where there are none, and ValueError where they are of several splits.
    """
    if not path.is_dir() and "*" not in path.name:
        return [path]
    folder, pattern = (path, "*.parquet") if path.is_dir() else (path.parent, path.name)
    if path.is_dir() and not _parquet(folder, pattern):
        folder = folder / "data"
    found = _parquet(folder, pattern) if folder.is_dir() else []
    if not found:
        raise FileNotFoundError(f"expected .parquet files named {pattern} in {folder}, got none; check the path")
    _check_one_split(folder, found)
    return found


def _check_one_split(folder: Path, files: list[Path]) -> None:
    """Raises ValueError where files are named as two splits, or some of them as one and the others as none."""
    splits: dict[str, list[Path]] = {}
    for path in files:
        splits.setdefault(_split(path.stem), []).append(path)
    others = splits.pop("", [])
    if len(splits) + bool(others) < 2:
        return
    patterns = [f"'{folder / _pattern(name, paths)}'" for name, paths in splits.items()]
    patterns += [f"'{folder / path.name}'" for path in others[:1]]
    named = [*splits, *([f"{len(others)} others such as {others[0].name}"] if others else [])]
    raise ValueError(
        f"expected shards of one split in {folder}, got {', '.join(named)}: images to test on must not be trained on; "
        f"name one: {' or '.join(patterns)}"
    )


def _split(stem: str) -> str:
    """What a shard's name says before its number, else the words for splits in it, else nothing."""
    numbered = _NUMBERED.match(stem)
    return (numbered[1] if numbered else "") or "-".join(split_words(stem))


def _pattern(name: str, paths: list[Path]) -> str:
    if [path.stem for path in paths] == [name]:
        return paths[0].name
    head = next((f"{name}{sign}" for sign in "-_." if all(path.name.startswith(f"{name}{sign}") for path in paths)), "")
    return f"{head}*.parquet" if head else f"*{name.replace('-', '*')}*.parquet"


def check_alike(paths: list[Path], image: str, labels: Iterable[str]) -> None:
    """Raises ValueError where a shard lacks the column of pictures, or has it in another type, and where only some have
    one of some columns of labels."""
    schemas = [opened(path).schema_arrow for path in paths]
    for name in [image, *(label for label in labels if any(label in schema.names for schema in schemas))]:
        for path, schema in zip(paths, schemas, strict=True):
            if name not in schema.names:
                raise ValueError(f"expected a column {name!r} in all shards, got none in {path}; write them alike")
    for path, schema in zip(paths, schemas, strict=True):
        kinds = [one.field(image).type for one in (schemas[0], schema)]
        if pa.types.is_struct(kinds[0]) != pa.types.is_struct(kinds[1]):
            raise ValueError(
                f"expected pictures of one type in all shards, got {kinds[0]} in {paths[0]} and {kinds[1]} in {path}; "
                "write them alike"
            )


def check_embedded(paths: list[Path], image: str, leaf: str, source: str) -> None:
    """Raises ValueError, with what embeds them, where no row has its picture's bytes but only a path."""
    if leaf == image or sum(opened(path).metadata.num_rows for path in paths) == 0:
        return
    for path in paths:
        file = opened(path)
        for group in range(file.num_row_groups):
            column = file.read_row_group(group, columns=[leaf]).column(0).combine_chunks()
            cells = column.flatten()[0] if pa.types.is_struct(column.type) else column
            if cells.null_count < len(cells):
                return
    raise ValueError(
        f"expected the bytes of pictures in the column {image!r} of {source}, got paths alone, as datasets writes "
        f"pictures that were loaded from files; {EMBED}"
    )
