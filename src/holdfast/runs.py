"""The run folder: one place per run, whose files are the hand-over between training, auditing and reporting.

Its files:

    config.json         the resolved configuration, with a schema version
    environment.json    versions, hardware, threads, command
    ids.json            which images of the source the run trained on, and which it held out
    rejected.csv        files of a folder that could not be used: path and reason
    skipped.csv         pictures that could not be read during training, visit by visit (-1 and so on: other processes')
    init.json           which first weights came from --init, where a run has one
    factors.parquet     numbers that images were drawn from, by id, where the source knows them (Spirograph)
    metrics.jsonl       one JSON object a line, flushed every epoch
    checkpoints/        step-00000042/ and so on: training state, tensors and JSON only
    encoder.safetensors + encoder.json   the trained encoder alone
    prefeature.safetensors + .json       EMP-SSL's layer on top of it, where a method has one
    findings/           what audits measured: AUDIT.json and AUDIT.parquet
    features/           the encoder's features of audited images, so that the next audit need not extract them
    report.html         the page that the last audit wrote
"""

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.system import (
    LOCK,
    cannot_write,
    check_writable,
    clean_stale,
    is_temporary,
    near_path,
    read_config,
    read_ids,
    temporary_name,
    told,
)

_FOREIGN = frozenset({"model_type", "architecture", "architectures", "auto_map"})
"""Keys of a config.json that names a model of another library."""


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yields a temporary file name beside path; renames it to path when the block ends well, removes it when not."""
    temporary = temporary_name(path)
    try:
        with _writing(path):
            if path.is_dir():  # before anything that belongs to it is written
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            _settle(temporary)
            os.replace(temporary, path)
            _sync(path.parent)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Tells of what goes wrong with the disk in one line with the path, whichever library met it."""
    try:
        yield
    except Exception as error:
        line = cannot_write(error, path)
        if line is None:
            raise
        raise line from error


def _settle(file: Path) -> None:
    """Brings a file's bytes to the disk, readable as new files are: only then may it take another's name."""
    _open_to_readers(file)
    _sync(file)


def _sync(path: Path) -> None:
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:  # folders on Windows
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno in (errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EROFS):
            raise  # what was written did not reach the disk; others: file systems without it
    finally:
        os.close(handle)


def _open_to_readers(file: Path) -> None:
    """The mode that a new file gets by default: safetensors makes files that only their owner can read."""
    mask = os.umask(0o022)  # it can only be read by setting it
    os.umask(mask)
    file.chmod(0o666 & ~mask)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """As atomic_path, for a folder that does not exist yet."""
    temporary = temporary_name(path)
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        with _writing(path):
            temporary.mkdir(parents=True)
            yield temporary
            for file in temporary.rglob("*"):
                if file.is_file():
                    _settle(file)
            os.replace(temporary, path)
            _sync(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def is_run_folder(path: Path | str) -> bool:
    """Whether a folder is a run's: its config.json is ours, not one that names a model of another library.

    One that cannot be read is ours where the ids of images lie beside it.
    """
    config = Path(path) / "config.json"
    try:
        document = json.loads(config.read_text())
    except (OSError, ValueError):
        document = None
    if not isinstance(document, dict):
        return config.is_file() and (config.parent / "ids.json").is_file()
    return not _FOREIGN & set(document)


def ready_folder(*folders: Path) -> None:
    """Tries, before anything is computed, to write where files will go, and clears what dead processes left there.

    Raises OSError in one line with the path.
    """
    for folder in folders:
        clean_stale(check_writable(folder), name="writable")
        clean_stale(folder)


def ready_file(path: Path) -> None:
    """As ready_folder, for one file among those of others."""
    if path.is_dir():
        raise told(IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path)))
    clean_stale(check_writable(path.parent), name="writable")
    clean_stale(path.parent, name=path.name)


def write_json(path: Path, document: Any) -> Path:
    """Writes JSON atomically (sorted no further than given, NaN refused) and returns path."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(document, indent=1, allow_nan=False) + "\n")
    return path


def metrics_row(line: str) -> dict[str, Any] | None:
    """A row of metrics.jsonl; None for a line that is none."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) and type(row.get("step")) is int and isinstance(row.get("kind"), str) else None


_BEFORE_CONFIG = {"environment.json", "ids.json", "rejected.csv", "init.json", "teacher.json", "factors.parquet", LOCK}
"""What a run writes before its config.json, which makes the folder a run."""


@dataclass(frozen=True)
class RunFolder:
    """Names the files of a run; creates nothing by itself."""

    path: Path
    """The folder; a string is taken too."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(self.path))

    def __fspath__(self) -> str:
        return str(self.path)

    def __str__(self) -> str:
        return str(self.path)

    @property
    def config(self) -> Path:
        return self.path / "config.json"

    @property
    def environment(self) -> Path:
        return self.path / "environment.json"

    @property
    def ids(self) -> Path:
        return self.path / "ids.json"

    @property
    def rejected(self) -> Path:
        return self.path / "rejected.csv"

    @property
    def initial(self) -> Path:
        return self.path / "init.json"

    @property
    def teacher(self) -> Path:
        return self.path / "teacher.json"

    @property
    def factors(self) -> Path:
        return self.path / "factors.parquet"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def encoder(self) -> Path:
        return self.path / "encoder.safetensors"

    @property
    def prefeature(self) -> Path:
        return self.path / "prefeature.safetensors"

    @property
    def study(self) -> Path:
        """Where `holdfast memorization` keeps its encoder pairs."""
        return self.path / "memorization"

    @property
    def findings(self) -> Path:
        return self.path / "findings"

    def read_config(self) -> dict[str, Any]:
        """What config.json holds. Raises DamagedError, with the path, where that is no run's settings."""
        return read_config(self.config)

    def read_ids(self) -> dict[str, Any]:
        """What ids.json holds. Raises DamagedError, with the path, where that is not the images of a run."""
        return read_ids(self.ids)

    @staticmethod
    def check(path: Path | str) -> None:
        """Raises FileExistsError where something is there already: nothing is overwritten. Writes nothing.

        What a start leaves before its config.json is no run: it may be started again.
        """
        path = Path(path)
        try:
            there = {entry.name for entry in path.iterdir()} if path.is_dir() else set()
        except OSError as error:
            raise told(error, path) from None
        begun = {name for name in there if name in _BEFORE_CONFIG or is_temporary(name)}
        if (path.exists() and not path.is_dir()) or there - begun:
            holds = "which is a file" if path.is_file() else "which holds files"
            again = f", or continue it with: holdfast resume {path}" if is_run_folder(path) else ""
            raise FileExistsError(f"expected a new or empty folder, got {path} {holds}; choose another --out{again}")

    @classmethod
    def create(cls, path: Path | str) -> "RunFolder":
        """A new run folder. Raises FileExistsError as check does."""
        cls.check(path)
        folder = cls(Path(path))
        try:
            folder.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise told(error, path) from None
        return folder

    def clear_start(self) -> None:
        """Takes away what a start left that was killed before its config.json: nothing was trained in it."""
        for name in _BEFORE_CONFIG - {LOCK}:
            (self.path / name).unlink(missing_ok=True)

    @classmethod
    def open(cls, path: Path | str) -> "RunFolder":
        """An existing run folder. Raises FileNotFoundError where there is no config.json."""
        folder = cls(Path(path))
        if not folder.config.is_file():
            missing = "" if folder.path.exists() else ", where there is no file or folder"
            remedy = (missing and near_path(folder.path)) or "train one with: holdfast train"
            raise FileNotFoundError(f"expected a run folder with a config.json, got {folder.path}{missing}; {remedy}")
        return folder
