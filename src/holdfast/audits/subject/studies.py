"""Whether the study in a folder can be used for an encoder: it is of its run, finished and whole."""

import os
from pathlib import Path

from holdfast.audits.subject.lineage import unlike_run
from holdfast.config import upgraded
from holdfast.models import check_own
from holdfast.runs import RunFolder
from holdfast.system import read_study


def foreign_study(folder: Path, encoder: object) -> str | None:
    """Why the study in a folder is not of a run folder, with both identities; None where it is, or there is no run."""
    run = RunFolder(Path(encoder)) if isinstance(encoder, str | Path) else None
    if run is None or not run.config.is_file() or not run.ids.is_file() or not (folder / "study.json").is_file():
        return None
    record = read_study(folder / "study.json")
    return unlike_run({**record, "run": upgraded(record["run"])}, upgraded(run.read_config()), run.read_ids())


def unusable_study(folder: Path, encoder: object) -> str | None:
    """What is needed in place of the study in a run's own folder, and why; None where it can be used, or none is."""
    if not os.path.lexists(folder / "study.json"):
        return None
    try:
        if why := foreign_study(folder, encoder):
            return f"pairs of this run, as the study in {folder} is of another ({why})"
        paths = [folder / path for pair in read_study(folder / "study.json")["pairs"] for path in pair]
        trained = [path for path in paths if RunFolder(path).encoder.is_file()]
        if len(trained) < len(paths):
            return f"a finished study, as that in {folder} has {len(trained)} of {len(paths)} encoders"
        for path in paths:
            check_own(RunFolder(path).encoder)
    except (OSError, ValueError) as error:
        return f"a whole study, as that in {folder} is damaged ({str(error).rpartition('; ')[0] or error})"
    return None
