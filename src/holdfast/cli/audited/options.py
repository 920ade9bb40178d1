"""Options of `holdfast audit`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from holdfast.options import MeasurementOptions


@dataclass(frozen=True, kw_only=True)
class AuditOptions(MeasurementOptions):
    """Options of `holdfast audit`."""

    encoders: Annotated[tuple[str, ...], tyro.conf.Positional]
    """Run folders, timm/NAME, torchvision/NAME (with :pretrained for weights in your cache), files and folders of
    weights, ONNX files, or features.parquet; docs/encoders.md lists all."""
    data: str | None = None
    """Labelled images that probes are fitted on; None: the run's own source."""
    test: str | None = None
    """Test images; None: what the run held out, else a fifth of every class of the data."""
    members: str | None = None
    """Images that the encoder was trained on, of any kind that --data takes: membership is measured on these and
    --non-members, on 5,000 of each at most, drawn by the seed. Without --data nothing else is measured."""
    non_members: str | None = None
    """Images that the encoder was not trained on, as like the members as can be: another draw of one collection."""
    download: bool = False
    """Let torchvision fetch a data set that is not there (torchvision/CIFAR10:test)."""
    labels: str | None = None
    """Where the labels of data and test stand: folder, FILE.csv, FILE.csv:COLUMN, a column of the source, or none;
    None: the run's choice, else the source's own, which a folder has none of."""
    groups: tuple[str, ...] = ()
    """Groups of test images that balance reports accuracy by: FILE.csv:COLUMN, a column of the source, or folder."""
    resize: Literal["crop", "square", "squash", "pad"] | None = None
    """How a picture becomes square (`holdfast train --help-all` says more); None: the run's choice, else crop."""
    pixel_range: tuple[float, float] | None = None
    """What becomes black and what becomes white of pixels of more than 8 bits; None: as in the run, else what they
    reach, rounded up to a usual depth, and said."""
    memory_gib: float = 4.0
    """Most GiB of decoded pixels in memory; a folder or parquet files beyond it are streamed by workers."""
    workers: int | None = None
    """Processes that decode where images are streamed; None: one for each core, 8 at most."""
    strict: bool = False
    """Stop at the first file that cannot be used, instead of setting it aside."""
    axes: tuple[str, ...] | None = None
    """What to measure: names that `holdfast audits` lists; None: all that the images allow."""
    budget: Literal["auto", "quick", "fast", "full"] = "auto"
    """What robustness, invariance and equivariance may spend; options that are written out win over it. With auto it is
    full where they are named in --axes, else the largest by which robustness and invariance take at most --minutes
    here, by passes that are timed first."""
    minutes: float = 10.0
    """What robustness and invariance may take together for an encoder, in minutes, where the budget is auto: what does
    not fit even with the smallest budget is left out, with the command that measures it."""
    cache: bool = True
    """Keep features in the folder, so that another audit does not extract them again."""
    atlas: bool = True
    """Leave thumbnails and what the report shows of each image beside the findings."""
    page: bool = True
    """Write the report page into the folder."""
    image_size: int | None = None
    """Side in pixels that images are resized to, positions of a transformer being resampled; None: what a trained
    encoder was made for, or the images' own for random weights."""
    device: str | None = None
    """Where to compute; None: a GPU where there is one."""
    devices: int = 1
    """Processes on this machine that share the work, each on a GPU of its own where there are some; under torchrun and
    srun leave it out."""
    name: str | None = None
    """What reports call the encoder; None: its folder's or network's name."""
    out: Path | None = None
    """Folder for the findings of an encoder that is not a run folder; None: audits/NAME."""
