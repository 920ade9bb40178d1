"""Where images come from: one call for every kind of source."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

from holdfast.config import ViewSettings
from holdfast.data.files import (
    NO_PICTURE,
    NOT_READ,
    Files,
    LoadRequest,
    Ranges,
    Rejected,
    Resize,
    begins_as_picture,
    given_ranges,
    is_remote,
    named_as,
)
from holdfast.data.images import Images
from holdfast.data.labels import OfImages, described
from holdfast.data.sources.folder import PictureFolder
from holdfast.data.sources.kinds import SOURCES
from holdfast.data.sources.source import Source, ViewMaker
from holdfast.progress import OnProgress
from holdfast.system import near_path, near_words, reading


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
    pixel_range: tuple[float, float] | Ranges | None = None,
    strict: bool = False,
    labels: str | None = None,
    subgroups: Sequence[str] = (),
    download: bool = False,
    workers: int | None = None,
    streamed: bool = False,
    unread: Sequence[Rejected] = (),
    files: Files = (),
    progress: OnProgress | None = None,
) -> Images:
    """Decodes a source into one uint8 tensor, or sees to it that its pixels are streamed where they are too many.

    source: 'digits', 'spirograph:100000' (see parse_spirograph), 'torchvision/NAME' (see torchvision_sets), a folder of
        pictures (all below it, in the order of their paths), a .parquet file in the Hugging Face image layout, a folder
        or glob pattern of such shards (taken in the order of their names), a .tar file or a pattern of them, both also
        behind a URL that fsspec opens, or an .npz or .npy file.
    size: every image is resampled to size×size (Pillow's antialiased bicubic), as resize says (see pictures.fit);
        None keeps the images as they are, which must then be of one size.
    limit: keep a draw of this many images, decided by seed; ids stay the places in the source.
    memory_gib: most GiB of decoded pixels in memory. With a size, a folder or parquet files beyond it are streamed: so
        many worker processes decode each batch anew (None: one for each core, 8 at most); progress is told (done, all)
        of the pass that finds what cannot be used, which is taken once and remembered. streamed: whatever their number.
    image_column, label_column: names where the usual ones are not used; labels are never needed.
    labels, subgroups: 'folder', 'FILE.csv', 'FILE.csv:COLUMN' or a column of the source, see `described`; labels may be
        'none', and by default are the source's own, which a folder has none of.
    pixel_range: (black, white) of deep pixels, those of more than 8 bits, or such a pair for 'integers' and 'floats';
        None takes what all of a kind reach, see `ranges_of`, and says so (Images.notes).
    download: let torchvision fetch a set that is not there.
    unread: files and pictures of tar files and shards that a run could not read as it began (Images.rejected): left out
        again, whether or not they can be read now.
    files: those that a run was read from (Images.files); where others hold other numbers of images, nothing is decoded.
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
        ranges=given_ranges(pixel_range),
        strict=strict,
        workers=workers,
        streamed=streamed,
        download=download,
        labels=labels is None,
        files=files,
        progress=progress,
    )
    return _read(source_of(source, unread), request, labels, subgroups).noted(_asked(pixel_range))


def _read(found: Source, request: LoadRequest, labels: str | None, subgroups: Sequence[str]) -> Images:
    path = Path(found.name)
    with reading(path, "images", "restore the file, or write it again") if path.exists() else nullcontext():
        return described(found.load(request), labels=labels, subgroups=subgroups, read=found.column)


def _asked(pixel_range: tuple[float, float] | Ranges | None) -> list[str]:
    if pixel_range is None or isinstance(pixel_range, Mapping):
        return []
    low, high = pixel_range
    return [
        f"pixels of more than 8 bits, where there are any: {low:,.6g} is black, {high:,.6g} is white, as --pixel-range "
        "says"
    ]


def source_of(name: str | Path, unread: Iterable[Rejected] = ()) -> Source:
    """A source by its name or path, of the kind in SOURCES that it is. unread: see load_images.

    Raises FileNotFoundError for a path where there is nothing, and ValueError for what is no source.
    """
    name = str(name)
    kind = _kind(name)
    on_disk = not is_remote(name) and (kind is None or kind.on_disk)
    if on_disk and "*" not in Path(name).name and not Path(name).exists():
        raise FileNotFoundError(
            f"expected images, got {name!r}, where there is no file or folder; "
            f"{near_path(name) or _or_named(name) or f'check the path, or give {accepted()}'}"
        )
    if kind is None:
        raise ValueError(f"expected {accepted()}, got {name!r}; {_way_out(Path(name))}")
    return kind(name, tuple(one for one in unread if one.reason.startswith(NOT_READ)))


def _or_named(name: str) -> str:
    """'did you mean digits?' where a path that is not there comes near the name of a kind."""
    return "" if "/" in name else near_words(name, [kind for kind, source in SOURCES.items() if source.matches(kind)])


def _way_out(path: Path) -> str:
    """What to do with a file that is no source: by what it is."""
    if not path.is_file():
        return "convert it to one of these"
    with path.open("rb") as file:
        what = named_as(file)
        file.seek(0)
        alone = begins_as_picture(file.read(16))
    if alone:
        return "it is a single picture: give the folder it is in"
    return f"it is {what}" if what != NO_PICTURE else "convert it to one of these"


def _kind(name: str) -> type[Source] | None:
    return next((kind for kind in SOURCES.values() if kind.matches(name)), None)


def accepted() -> str:
    """What may stand for a source, in words."""
    *most, last = (kind.written for kind in SOURCES.values())
    return f"{', '.join(most)}, or {last}"


def relabelled(images: OfImages, source: str | Path, *, labels: str | None, subgroups: Sequence[str]) -> OfImages:
    """Images of a source that was loaded already, or Bare ones, with the labels and subgroups that load_images would
    give them."""
    return described(images, labels=labels, subgroups=subgroups, read=source_of(source, images.rejected).column)


def view_maker(source: str, settings: ViewSettings, *, seed: int, size: int) -> ViewMaker:
    """(batch, views=2, purpose='views') -> Views of images of a source, also one that is in memory or gone by now:
    crops and colours by the settings, unless its kind draws its own."""
    return (_kind(source) or PictureFolder)(source).views(settings, seed=seed, size=size)


def factor_targets(images: Images) -> tuple[str, ...]:
    """Names of those factors of images that their views share, and so an encoder should tell."""
    return (_kind(images.source) or PictureFolder)(images.source).targets(images)
