"""Options of `holdfast audit`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from holdfast.budgets import AttackOptions


@dataclass(frozen=True, kw_only=True)
class AuditOptions(AttackOptions):
    """Options of `holdfast audit`."""

    encoders: Annotated[tuple[str, ...], tyro.conf.Positional]
    """Run folders, timm/NAME, torchvision/NAME (with :pretrained for weights in your cache), or encoder.safetensors."""
    data: str | None = None
    """Labelled images that probes are fitted on; None: the run's own source."""
    test: str | None = None
    """Test images; None: what the run held out, else a fifth of every class of the data."""
    download: bool = False
    """Let torchvision fetch a data set that is not there (torchvision/CIFAR10:test)."""
    labels: str | None = None
    """Where the labels of data and test stand: folder, FILE.csv, FILE.csv:COLUMN, a column of the source, or none;
    None: the run's choice, else the source's own, which a folder has none of."""
    groups: tuple[str, ...] = ()
    """Groups of test images that balance reports accuracy by: FILE.csv:COLUMN, a column of the source, or folder."""
    resize: Literal["crop", "square", "squash", "pad"] | None = None
    """How a picture becomes square (`holdfast train --help-all` says more); None: the run's choice, else crop."""
    memory_gib: float = 4.0
    """Most GiB of decoded pixels in memory; a folder or parquet files beyond it are streamed by workers."""
    workers: int | None = None
    """Processes that decode where images are streamed; None: one for each core, 8 at most."""
    strict: bool = False
    """Stop at the first file that cannot be used, instead of setting it aside."""
    axes: tuple[str, ...] | None = None
    """What to measure: names that `holdfast audits` lists; None: all that the images allow."""
    budget: Literal["auto", "quick", "fast", "full"] = "auto"
    """What robustness and invariance may spend; options that are written out win over it. With auto it is full where
    they are named in --axes, else the largest that takes at most --minutes here, by passes that are timed first."""
    minutes: float = 10.0
    """What robustness and invariance may take together, in minutes, where the budget is auto."""
    cache: bool = True
    """Keep features in the folder, so that another audit does not extract them again."""
    atlas: bool = True
    """Leave thumbnails and what the report shows of each image beside the findings."""
    page: bool = True
    """Write the report page into the folder."""
    image_size: int | None = None
    """Side in pixels that images are resized to, positions of a transformer being resampled; None: what a trained
    encoder was made for, or the images' own for random weights."""
    probe_on: Literal["pool", "train"] = "pool"
    """Fit the probe on all labelled images that are not test images, or on those that the encoder was trained on."""
    protocol: Literal["lbfgs", "sdclr", "sdclr-cached"] = "lbfgs"
    """The probe: L-BFGS; the SDCLR paper's SGD with augmented images; or that SGD without augmentation."""
    probe_lr_drop: Literal["on_time", "early"] = "on_time"
    """Lower the SGD probe's rate on time, or an epoch early as the authors' CIFAR script does."""
    group_rule: Literal["thirds", "thresholds"] = "thirds"
    """Groups of classes: thirds by frequency, or more than 100, 20 to 100, fewer than 20 images."""
    few_shot_share: float | None = None
    """Fit the few-shot probe on this share of every class (0.01: 1 %); None: on the run's own few-shot images."""
    layer: Literal["backbone", "prefeature"] = "backbone"
    """Measure the encoder's features, or those of the wide layer after it that a run of emp-ssl keeps."""
    pool: Literal["config", "cls", "avg", "map", "cls+avg"] | None = None
    """How an encoder's tokens become a feature: class token, mean of patches, attention pooling, class token and mean
    side by side, or config, the network's own way; None: as its authors do, which is said."""
    aggregate: int = 0
    """Measure the mean features over so many random views of an image, drawn as its run drew them; 0: the image's."""
    shift_images: int = 500
    """Test images, at most, that the invariance audit transforms."""
    average: int = 0
    """Average features over up to so many random views in the invariance audit; 0: do not."""
    seed: int = 0
    """Decides folds, order and resampling."""
    batch_size: int = 512
    """Images per pass of the encoder."""
    precision: Literal["32", "bf16"] = "32"
    """Precision of the encoder's passes."""
    device: str | None = None
    """Where to compute; None: a GPU where there is one."""
    name: str | None = None
    """What reports call the encoder; None: its folder's or network's name."""
    out: Path | None = None
    """Folder for the findings of an encoder that is not a run folder; None: audits/NAME."""
