"""`holdfast resume`: continues an interrupted run."""

from collections.abc import Sequence
from pathlib import Path

from holdfast.cli.options import UserError
from holdfast.cli.progress import Progress, quiet_fabric


def resume(words: Sequence[str]) -> None:
    """Continues a run."""
    if len(words) != 1 or words[0].startswith("-"):
        if {"-h", "--help", "--help-all"} & set(words):
            print(
                "usage: holdfast resume RUN\n\n"
                "Continues an interrupted run from its last checkpoint, with its own settings.\n\n"
                "for example: holdfast resume runs/sdclr-1"
            )
            return
        raise UserError(
            f"expected one run folder, got {' '.join(words) or 'none'}; as in: holdfast resume runs/sdclr-1"
        )
    from holdfast.engine import resume as engine_resume

    quiet_fabric()
    folder = Path(words[0])
    with Progress(folder) as progress:
        run = engine_resume(folder, listen=progress)
    progress.say(f"encoder: {run.encoder}")
