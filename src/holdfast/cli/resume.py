"""`holdfast resume`: continues an interrupted run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from holdfast.cli.options import Help, UserError, flags, parse

HELP = Help(
    usage="holdfast resume RUN [OPTIONS]",
    says="Continues an interrupted run from its newest whole checkpoint, with its own settings.",
    example="holdfast resume runs/sdclr-1",
    first="accept_changes devices shard_weights",
    elsewhere=lambda name: _in_config(name),
)


def _in_config(name: str) -> str:
    """That a setting of a training is changed where the run keeps it; '' for what is none."""
    from holdfast.cli.train import methods_with
    from holdfast.config import RunConfig

    if name not in flags(RunConfig) and not methods_with(name):
        return ""
    field = name.replace("-", "_")
    return f"a run goes on as it began: change {field} in RUN/config.json, then holdfast resume RUN --accept-changes"


@dataclass(frozen=True, kw_only=True)
class ResumeOptions:
    """Options of `holdfast resume`."""

    run: Annotated[str | None, tyro.conf.Positional] = None
    """The folder of the run."""
    accept_changes: bool = False
    """Go on although settings in config.json were changed since the checkpoint: training takes the new ones from there
    on, and metrics.jsonl records what changed."""
    devices: int | None = None
    """Processes or GPUs, where other than before; None: as many as before, or as torchrun or srun started."""
    shard_weights: Literal["on", "off"] | None = None
    """Whether each process keeps a share of the weights or all of them, where other than before."""


def resume(words: Sequence[str]) -> None:
    """Continues a run."""
    options = parse(ResumeOptions, words, HELP)
    if options.run is None:
        raise UserError("expected one run folder, got none; as in: holdfast resume runs/sdclr-1")
    from holdfast.cli.progress import Progress, quiet_fabric
    from holdfast.engine import resume as engine_resume

    quiet_fabric()
    folder = Path(options.run)
    with Progress(folder) as progress:
        given = {"accept_changes": options.accept_changes, "devices": options.devices}
        shares = None if options.shard_weights is None else options.shard_weights == "on"
        run = engine_resume(folder, listen=progress, shard_weights=shares, **given)
    progress.say(f"encoder: {run.encoder}")
