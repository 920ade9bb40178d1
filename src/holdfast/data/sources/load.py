"""Where images come from: one call for every kind of source."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pyarrow as pa

from holdfast.data.files import LoadRequest, Resize
from holdfast.data.images import Images
from holdfast.data.sources.arrays import read_digits, read_npz, read_npz_column
from holdfast.data.sources.columns import described
from holdfast.data.sources.folder import read_folder
from holdfast.data.sources.parquet import read_parquet, read_parquet_column
from holdfast.data.sources.torchvision import is_torchvision, read_torchvision
from holdfast.data.spirograph import is_spirograph, read_spirograph
from holdfast.progress import OnProgress

__all__ = ["Images", "load_images"]

_ACCEPTED = (
    "'digits', 'spirograph:COUNT', 'torchvision/NAME', a folder of pictures, a .parquet file, a folder or pattern of "
    ".parquet shards, or an .npz file"
)


def load_images(
    source: str | Path,
    *,
    size: int | None = None,
    limit: int | None = None,
    seed: int = 0,
    memory_gib: float = 4.0,
    image_column: str | None = None,
    label_column: str | None = None,
    resize: Resize = "crop",
    strict: bool = False,
    labels: str | None = None,
    subgroups: Sequence[str] = (),
    download: bool = False,
    workers: int | None = None,
    progress: OnProgress | None = None,
) -> Images:
    """Decodes a source into one uint8 tensor, or sees to it that its pixels are streamed where they are too many.

    source: 'digits', 'spirograph:100000' (see parse_spirograph), 'torchvision/NAME' (see torchvision_sets), a folder of
        pictures (all below it, in the order of their paths), a .parquet file in the Hugging Face image layout, a folder
        or glob pattern of such shards (taken in the order of their names), or an .npz file.
    size: every image is resampled to size×size (Pillow's antialiased bicubic), as resize says (see pictures.fit);
        None keeps the images as they are, which must then be of one size.
    limit: keep a draw of this many images, decided by seed; ids stay the places in the source.
    memory_gib: most GiB of decoded pixels in memory. With a size, a folder or parquet files beyond it are streamed: so
        many worker processes decode each batch anew (None: one for each core, 8 at most); progress is told (done, all)
        of the pass that finds what cannot be used, which is taken once and remembered.
    image_column, label_column: names where the usual ones are not used; labels are never needed.
    labels, subgroups: 'folder', 'FILE.csv', 'FILE.csv:COLUMN' or a column of the source, see `described`; labels may be
        'none', and by default are the source's own, which a folder has none of.
    download: let torchvision fetch a set that is not there.
    strict: raise for the first file of a folder that cannot be used, instead of setting it aside (Images.rejected).

    Raises FileNotFoundError, or ValueError with what was expected, what came and a remedy.
    """
    request = LoadRequest(
        size=size,
        limit=limit,
        seed=seed,
        memory_gib=memory_gib,
        image_column=image_column,
        label_column=label_column,
        resize=resize,
        strict=strict,
        workers=workers,
        progress=progress,
    )
    if is_torchvision(str(source)):
        images = read_torchvision(request, str(source), download=download)
    else:
        images = _read(source, request)
    return described(images, labels=labels, subgroups=subgroups, read=partial(_read_column, source))


def relabelled(images: Images, source: str | Path, *, labels: str | None, subgroups: Sequence[str]) -> Images:
    """Images of a source that was loaded already, with the labels and subgroups that load_images would give them."""
    return described(images, labels=labels, subgroups=subgroups, read=partial(_read_column, source))


def _read(source: str | Path, request: LoadRequest) -> Images:
    if str(source) == "digits":
        return read_digits(request)
    if is_spirograph(str(source)):
        return read_spirograph(request, str(source))
    if _is_pictures(Path(source)):
        return read_folder(Path(source), request, str(source))
    paths = _files(Path(source))
    if paths[0].suffix == ".npz":
        return read_npz(paths[0], request, str(source))
    return read_parquet(paths, request, str(source))


def _read_column(source: str | Path, name: str) -> tuple[pa.Array, tuple[str, ...] | None]:
    """A column of a parquet source or an .npz file."""
    named = str(source) == "digits" or is_spirograph(str(source)) or is_torchvision(str(source))
    paths = [] if named or _is_pictures(Path(source)) else _files(Path(source))
    if paths and paths[0].suffix == ".npz":
        return read_npz_column(paths[0], name)
    if paths:
        return read_parquet_column(paths, name)
    raise ValueError(
        f"expected labels or groups 'folder' or a .csv file for {source}, which has no columns, got {name!r}; "
        f"as in --labels folder, or --labels {name}.csv"
    )


def source_files(source: str | Path) -> list[Path]:
    """The parquet shards or the .npz file of a source; none where it is a folder of pictures or made, not read."""
    made = str(source) == "digits" or is_spirograph(str(source)) or is_torchvision(str(source))
    return [] if made or is_folder_of_pictures(source) else _files(Path(source))


def is_folder_of_pictures(source: str | Path) -> bool:
    """Whether a source is a folder of pictures, by its path."""
    return _is_pictures(Path(source))


def _is_pictures(source: Path) -> bool:
    """Whether a folder is one of pictures: it holds no parquet shards."""
    return source.is_dir() and not any(path.suffix == ".parquet" and path.is_file() for path in source.iterdir())


def _files(source: Path) -> list[Path]:
    """The files of a source: itself, the shards in a folder, or those that a pattern names."""
    if source.is_dir():
        return _shards(source, "*.parquet")
    if "*" in source.name:
        return _shards(source.parent, source.name)
    if not source.exists():
        raise FileNotFoundError(f"expected {_ACCEPTED}, got {str(source)!r}, where there is no file; check the path")
    if source.suffix not in (".parquet", ".npz"):
        raise ValueError(f"expected {_ACCEPTED}, got {str(source)!r}; convert it to one of these")
    return [source]


def _shards(folder: Path, pattern: str) -> list[Path]:
    found = sorted(path for path in folder.glob(pattern) if path.suffix == ".parquet" and path.is_file())
    if not found:
        raise FileNotFoundError(f"expected .parquet files named {pattern} in {folder}, got none; check the path")
    return found
