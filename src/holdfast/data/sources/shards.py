"""Which parquet files a source is made of, and whether they hold what they say."""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from holdfast.data.files import PICTURES, Rejected, Shard, is_remote, named, read_file, reason, unread
from holdfast.data.labels import split_words

SUFFIX, TAR = ".parquet", ".tar"
_NUMBERED = re.compile(r"(.*?)[-_.]?\d+-of-\d+$")
_ABOUT = ("LICENSE", "README")
_BESIDE = (".md", ".txt", ".json", ".jsonl", ".yaml", ".yml", ".py", ".lock")
EMBED = (
    "embed them: from datasets.table import embed_table_storage; "
    "dataset.with_format('arrow').map(embed_table_storage, batched=True).to_parquet('images.parquet', batch_size=100)"
)


def holds_shards(folder: Path) -> bool:
    """Whether a path is a folder with parquet files in it, or a snapshot from a hub, which has them under data; tables
    beside pictures, of which none could hold a picture, are none."""
    if not folder.is_dir():
        return False
    found = _parquet(folder, "*")
    return _is_snapshot(folder) if not found else any(map(_may_hold_pictures, found)) or not _has_pictures(folder)


def holds_tars(folder: Path) -> bool:
    """Whether a path is a folder with .tar files, no parquet shards, and nothing below it that may be a picture."""
    if not folder.is_dir() or not any(path.is_file() for path in folder.glob(f"*{TAR}")):
        return False
    return not holds_shards(folder) and not any(map(_may_be_picture, folder.glob("**/*")))


def _may_be_picture(path: Path) -> bool:
    """By its name: what has no suffix may be one."""
    suffix = os.fsencode(path.suffix).lower()
    return suffix in PICTURES or not (suffix or path.name.startswith(".") or path.name in _ABOUT or path.is_dir())


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
    about = all(path.is_file() and (path.suffix in _BESIDE or path.name in _ABOUT) for path in beside)
    return about and (folder / "data").is_dir() and bool(_parquet(folder / "data", "*"))


def shard_files(name: str) -> list[str]:
    """The files of a source, in the order of their names: itself, those in a folder, or those that a pattern names.

    Raises FileNotFoundError where there are none, and ValueError where they are of several splits.
    """
    found = _behind_url(name) if is_remote(name) else _on_disk(Path(name))
    if not found:
        raise FileNotFoundError(
            f"expected .parquet files in {name}, got none; check the path"
            + (
                "; pictures that are files of their own are not read from a URL: copy them here, or pack them into tar "
                f"files, which are named as '{name.rstrip('/')}/*{TAR}'"
                if is_remote(name)
                else ""
            )
        )
    check_one_split(found, SUFFIX)
    return found


def _on_disk(path: Path) -> list[str]:
    if not path.is_dir() and "*" not in path.name:
        return [str(path)]
    folder, pattern = (path, "*.parquet") if path.is_dir() else (path.parent, path.name)
    if path.is_dir() and not _parquet(folder, pattern):
        folder = folder / "data"
    return list(map(str, _parquet(folder, pattern))) if folder.is_dir() else []


def _behind_url(name: str) -> list[str]:
    if name.endswith(SUFFIX):
        return named(name)
    folder = name.rstrip("/")
    return named(f"{folder}/*{SUFFIX}") or named(f"{folder}/data/*{SUFFIX}")


def check_one_split(files: list[str], suffix: str) -> None:
    """Raises ValueError where files are named as two splits, or some of them as one and the others as none."""
    splits: dict[str, list[str]] = {}
    for name in files:
        splits.setdefault(_split(Path(name).stem), []).append(Path(name).name)
    others = splits.pop("", [])
    if len(splits) + bool(others) < 2:
        return
    folder = files[0].removesuffix(Path(files[0]).name)
    patterns = [f"'{folder}{_pattern(name, names, suffix)}'" for name, names in splits.items()]
    patterns += [f"'{folder}{name}'" for name in others[:1]]
    said = [*splits, *([f"{len(others)} others such as {others[0]}"] if others else [])]
    raise ValueError(
        f"expected shards of one split in {folder}, got {', '.join(said)}: images to test on must not be trained on; "
        f"name one: {' or '.join(patterns)}"
    )


def _split(stem: str) -> str:
    """What a shard's name says before its number, else the words for splits in it, else nothing."""
    numbered = _NUMBERED.match(stem)
    return (numbered[1] if numbered else "") or "-".join(split_words(stem))


def _pattern(split: str, names: list[str], suffix: str) -> str:
    if names == [f"{split}{suffix}"]:
        return names[0]
    head = next((f"{split}{sign}" for sign in "-_." if all(name.startswith(f"{split}{sign}") for name in names)), "")
    return f"{head}*{suffix}" if head else f"*{split.replace('-', '*')}*{suffix}"


def read_shards(name: str, left_out: Callable[[str], Rejected | None]) -> tuple[list[Shard], list[Rejected]]:
    """A source's shards by their footers, and those that do not answer, also after some tries, or are left out.

    Raises as shard_files; ValueError for what is no parquet file, OSError where no shard can be read.
    """
    shards, skipped, failed = [], [], None
    for file in shard_files(name):
        if (known := left_out(file)) is not None:
            skipped.append(known)
            continue
        try:
            shards.append(read_file(file, Shard.of))
        except FileNotFoundError:
            raise
        except OSError as error:
            skipped.append(Rejected(file, reason(unread(error))))
            failed = error
    if skipped and not shards and is_remote(name):
        raise OSError(
            f"expected a .parquet file that can be read, got {skipped[0].path}: {skipped[0].reason}; check the network "
            "and your credentials"
        )
    if failed is not None and not shards:
        raise failed
    return shards, skipped


def check_alike(shards: Sequence[Shard], image: str, labels: Iterable[str]) -> None:
    """Raises ValueError where a shard lacks the column of pictures, or has it in another type, and where only some have
    one of some columns of labels."""
    for name in [image, *(label for label in labels if any(label in shard.schema.names for shard in shards))]:
        for shard in shards:
            if name not in shard.schema.names:
                raise ValueError(
                    f"expected a column {name!r} in all shards, got none in {shard.name}; write them alike"
                )
    for shard in shards:
        kinds = [one.schema.field(image).type for one in (shards[0], shard)]
        if pa.types.is_struct(kinds[0]) != pa.types.is_struct(kinds[1]):
            raise ValueError(
                f"expected pictures of one type in all shards, got {kinds[0]} in {shards[0].name} and {kinds[1]} in "
                f"{shard.name}; write them alike"
            )


def check_embedded(shards: Sequence[Shard], image: str, leaf: str, source: str) -> None:
    """Raises ValueError, with what embeds them, where no row has its picture's bytes but only a path."""
    if leaf == image or sum(shard.rows for shard in shards) == 0:
        return
    for shard in shards:
        for group in range(len(shard.groups)):
            try:
                cells = shard.column(leaf, group)
            except OSError:  # its pictures are set aside as they are read
                return
            if cells.null_count < len(cells):
                return
    raise ValueError(
        f"expected the bytes of pictures in the column {image!r} of {source}, got paths alone, as datasets writes "
        f"pictures that were loaded from files; {EMBED}"
    )
