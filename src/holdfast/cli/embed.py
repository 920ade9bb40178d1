"""`holdfast embed`: the features of images as a file that other programs read."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from holdfast.cli.options import Help, UserError, parse, refuse_idle, share_out
from holdfast.cli.progress import Stages
from holdfast.runs import RunFolder, is_run_folder, ready_file
from holdfast.system import local_place

if TYPE_CHECKING:
    from torch import Tensor, nn

    from holdfast.data import Images
    from holdfast.distributed import Crew
    from holdfast.models import Loaded

HELP = Help(
    usage="holdfast embed ENCODER [OPTIONS]",
    says="Writes the features of images as a file that other programs read, with the images' ids, paths and labels.",
    example="holdfast embed runs/a --data photos --out features.parquet",
    first="data out image_size labels limit device devices",
)


@dataclass(frozen=True, kw_only=True)
class EmbedOptions:
    """Options of `holdfast embed`."""

    encoder: Annotated[str | None, tyro.conf.Positional] = None
    """A run folder, timm/NAME, torchvision/NAME (:pretrained for weights in your cache), or encoder.safetensors."""
    data: str | None = None
    """The images, any source that training takes; None: those of the run."""
    out: Path = Path("features.parquet")
    """The file to write: .parquet, .npz or .safetensors."""
    image_size: int | None = None
    """Side in pixels that images are resized to; None: what the encoder was made for, the images' own for random
    weights."""
    resize: Literal["crop", "square", "squash", "pad"] | None = None
    """How images are brought to that size, see the page on data; None: as the run did."""
    pixel_range: tuple[float, float] | None = None
    """LOW HIGH: values of pixels of more than 8 bits that become black and white; None: as the run did, or by what all
    of them reach."""
    labels: str | None = None
    """Labels to write beside the features: folder, FILE.csv:COLUMN, a column or none; None: the source's own."""
    limit: int | None = None
    """At most so many images, drawn by the seed."""
    seed: int = 0
    """Decides which images --limit draws."""
    layer: Literal["backbone", "prefeature"] = "backbone"
    """The encoder's features, or those of the wide layer after it that a run of emp-ssl keeps."""
    pool: Literal["config", "cls", "avg", "map", "cls+avg"] | None = None
    """How tokens become a feature; None: as the encoder's authors do."""
    batch_size: int = 512
    """Images per pass of the encoder."""
    precision: Literal["32", "bf16"] = "32"
    """Precision of the encoder's passes."""
    device: str | None = None
    """Where to compute; None: a GPU where there is one."""
    devices: int = 1
    """Processes on this machine that share the work, each on a GPU of its own where there are some; under torchrun and
    srun leave it out."""


def embed(words: Sequence[str]) -> None:
    """Writes the features of images and says where they are."""
    options = parse(EmbedOptions, words, HELP)
    if options.encoder is None:
        raise UserError("expected an encoder, got none; as in: holdfast embed runs/a --data images --out a.parquet")
    refuse_idle("embed", words, options)
    share_out(["embed", *words], options.devices, partial(_embedded, options))


def _embedded(options: EmbedOptions, crew: "Crew") -> None:
    from holdfast.evaluation.embeddings import check_suffix

    check_suffix(options.out)
    if crew.first:
        ready_file(options.out)
    assert options.encoder is not None
    images, dim = written(options.encoder, options, crew=crew)
    has = [name for name in ("labels", "paths") if getattr(images, name) is not None]
    if dim:
        also = "".join(f", {name}" for name in has)
        print(f"features: {options.out} ({len(images):,} images × {dim}, with ids{also})")


def written(
    source: "str | nn.Module", options: EmbedOptions, images: "Images | None" = None, crew: "Crew | None" = None
) -> "tuple[Images, int]":
    """The images whose features were written, and the width of these; 0 where another process writes the file.

    images: in place of those that the options name. crew: processes that share the work.
    """
    import torch

    from holdfast.distributed import ALONE
    from holdfast.evaluation import encoder_checksum, extract_features
    from holdfast.evaluation.embeddings import stream_embeddings
    from holdfast.models import load_encoder, loaded_of

    crew, own = crew or ALONE, images is None and options.data is None
    images = _images(source, options) if images is None else _drawn(images, options)
    size = images.pixels.shape[-1]
    encoder = load_encoder(source, layer=options.layer, pool=options.pool, image_size=size)
    loaded, done = loaded_of(encoder), 0
    device = options.device or (f"cuda:{local_place()}" if torch.cuda.is_available() else "cpu")
    facts = {
        "encoder": source if isinstance(source, str) else loaded.source if loaded else type(source).__name__,
        "encoder_checksum": encoder_checksum(encoder),
        "layer": options.layer,
        "precision": options.precision,
        "data": images.source,
        "images_checksum": images.checksum,
        "notes": list(images.notes),
        "image_size": size,
        "load": None if loaded is None else loaded.to_dict(),
    }
    with Stages() as stages, stages.axis("features"):
        for line in [*_said(loaded, images), *_taken_and_replaced(options.out, images, own=own)]:
            stages.say(line)

        def encode(some: "Images") -> "Tensor":
            nonlocal done
            told = lambda now, _, before=done: stages("features", before + now, len(images))  # noqa: E731
            passes = {"batch_size": options.batch_size, "precision": options.precision, "device": device}
            found = extract_features(encoder, some, **passes, progress=told)
            done += len(some)
            return found

        return images, stream_embeddings(options.out, images, encode, facts, crew=crew, said=stages.say)


def _taken_and_replaced(out: Path, images: "Images", *, own: bool) -> list[str]:
    """Whose images are taken where none were named, and what the file that is written again held. Raises ValueError
    for a table that is not ours."""
    lines = [f"data: {images.source}, the run's own images, as no --data names others"] * own
    if not out.exists():
        return lines
    if out.suffix != ".parquet":
        return [*lines, f"note: {out} is there already and is written again"]
    import json

    import pyarrow.parquet as pq

    held = (pq.read_schema(out).metadata or {}).get(b"holdfast")
    if held is None:
        raise ValueError(f"expected a new file or one of features to write, got {out}, another table; choose --out")
    facts = json.loads(held)
    return [*lines, f"note: {out} held features of {facts.get('encoder')} on {facts.get('data')} and is written again"]


def _said(loaded: "Loaded | None", images: "Images") -> list[str]:
    """What was decided as encoder and images were read."""
    return [*(() if loaded is None else loaded.lines()), *(f"note: {note}" for note in images.notes)]


def _drawn(images: "Images", options: EmbedOptions) -> "Images":
    """All images, or as many as the options allow, drawn by the seed."""
    from holdfast.data.pool import draw_evenly

    limit = len(images) if options.limit is None else options.limit
    return images.subset(draw_evenly(images, limit, seed=options.seed, purpose="embedded images"))


def _images(source: "str | nn.Module", options: EmbedOptions) -> "Images":
    from holdfast.data import load_images
    from holdfast.data.pool import load_pool
    from holdfast.models import own_size

    run, size = RunFolder(Path(source if isinstance(source, str) else "")), options.image_size
    record = run.read_ids() if isinstance(source, str) and is_run_folder(run.path) else None
    if options.data is not None:
        size = size or (record["image_size"] if record else own_size(source, pool=options.pool))
        resize: Any = options.resize or (record or {"resize": "crop"}).get("resize", "square")
        drawn = {"limit": options.limit, "seed": options.seed, "labels": options.labels}
        scale = options.pixel_range or (record or {}).get("pixel_range") or (record or {}).get("ranges") or None
        return load_images(options.data, size=size, resize=resize, pixel_range=scale, **drawn)
    if record is None:
        raise UserError(f"expected --data with the images to embed by {source}, got none; as in: --data digits")
    return _drawn(load_pool(record).images, options)
