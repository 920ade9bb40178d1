"""Which features of an encoder are audited: backbone or pre-features, of the whole image or the mean over views."""

from pathlib import Path

from torch import nn

from holdfast.audits.subject.subject import Options
from holdfast.config import VIEWS, ViewSettings
from holdfast.evaluation import AggregatedEncoder, encoder_checksum
from holdfast.models import load_encoder, loaded_of
from holdfast.runs import RunFolder, is_run_folder
from holdfast.system import read_json, reading


def audited_encoder(source: nn.Module | str | Path, options: Options, *, size: int) -> nn.Module:
    """The module whose features are measured, of a source as of load_encoder and images of `size` pixels.

    Raises ValueError for a layer or a pool that the source does not have, and for a size that it cannot take.
    """
    if isinstance(source, nn.Module) and options.layer == "backbone" and options.pool is None:
        encoder = source  # load_encoder would leave it in evaluation mode: an audit leaves modes as they were
    else:
        encoder = load_encoder(source, layer=options.layer, pool=options.pool, image_size=size)
    if options.aggregate < 0:
        raise ValueError(f"expected aggregate of at least 0 views, got {options.aggregate}; 0 takes the whole image")
    if options.aggregate == 0:
        return encoder
    return AggregatedEncoder(encoder, _views(source), views=options.aggregate, size=size, seed=options.seed)


def run_of(encoder: nn.Module | str | Path) -> Path | None:
    """The path of an encoder that is named; of a module, the run folder that it was loaded from, where it has that
    run's weights still; None for any other module."""
    if not isinstance(encoder, nn.Module):
        return Path(encoder)
    loaded = loaded_of(encoder)
    if loaded is None or not is_run_folder(loaded.source):
        return None
    described = RunFolder(Path(loaded.source)).encoder.with_suffix(".json")
    kept = read_json(described, "the description of an encoder").get("checksum") if described.exists() else None
    return Path(loaded.source) if kept == encoder_checksum(encoder) else None


def _views(source: nn.Module | str | Path) -> ViewSettings:
    """How the run that trained an encoder drew its views; EMP-SSL's crops for an encoder of no run."""
    if not isinstance(source, nn.Module) and is_run_folder(source):
        run = RunFolder.open(source)
        with reading(run.config, "the settings of a run", "restore the file from a copy, or train again"):
            return ViewSettings(**run.read_config()["views"])
    return VIEWS["crop"]
