"""Full, failing and read-only disks: one line with path, reason and remedy, exit code 2, and what was there stays."""

import errno
import importlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from faulty_runs import FLAGS, finished, interrupted, refused

from holdfast import runs, system
from holdfast.findings import Finding, Score

SCORE = {"unit": "percent", "range": (0.0, 100.0), "better": "higher", "definition": "A share."}
SETTINGS = {"encoder_checksum": "e", "test_checksum": "t", "name": "toy", "test": "photos", "dim": 96}


def audited(folder):
    """A folder of one finding."""
    Finding(audit="quality", scores=[Score(name="linear_accuracy", value=50.0, **SCORE)], settings=SETTINGS).save(
        folder
    )
    return folder


def commands(run, place):
    """Every command that writes, by name: its words, with all that it makes in place."""
    findings = audited(run.parent / "toy")
    trained = ["--data", "digits", "--image-size", "16"]
    return {
        "train": ["train", "simclr", *FLAGS, "--out", str(place / "run")],
        "audit": ["audit", str(run), "--axes", "quality", "--no-page", "--no-atlas"],
        "audit of a name": [
            *("audit", "timm/test_resnet", *trained, "--axes", "quality", "--no-page", "--no-atlas"),
            *("--out", str(place / "audited")),
        ],
        "memorization": ["memorization", str(run), "--pairs", "1", "--views", "4", "--study", str(place / "study")],
        "embed": ["embed", str(run), "--out", str(place / "features.parquet")],
        "export": ["export", str(run), "--out", str(place / "exported")],
        "report": ["report", str(findings), "--out", str(place / "page.html")],
        "card": ["card", str(findings), "--out", str(place / "card")],
        "inspect": ["inspect", "digits", "--method", "none", "--page", str(place / "page.html")],
        "inspect numbers": ["inspect", "digits", "--method", "none", "--json", str(place / "numbers.json")],
    }


NAMES = (
    *("train", "audit", "audit of a name", "memorization", "embed", "export", "report", "card", "inspect"),
    "inspect numbers",
)


@pytest.fixture
def run(tmp_path):
    return shutil.copytree(finished(), tmp_path / "run")


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}


@pytest.mark.parametrize("name", NAMES)
def test_a_place_that_cannot_be_written_is_refused_before_anything_is_computed(
    name, run, tmp_path, capsys, monkeypatch
):
    words = commands(run, tmp_path / "place")[name]
    before = files(tmp_path)

    def full(path, *arguments, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    monkeypatch.setattr(Path, "write_bytes", full)
    for keeps in ("audits.subject.encoder", "audits.subject.pairs", "studies.removal", "studies.pairs", "engine.train"):
        importlib.import_module(f"holdfast.{keeps}")  # else it is first imported now, and keeps what stands in for good
    for heavy in ("holdfast.data.load_images", "holdfast.data.pool.load_pool", "holdfast.models.load_encoder"):
        monkeypatch.setattr(heavy, lambda *a, **b: pytest.fail("something was computed first"))
    refused(words, capsys, "No space left on device", "free some space")
    assert files(tmp_path) == before
    assert not (tmp_path / "place").exists(), "no empty folder is left"


@pytest.mark.parametrize("name", ["embed", "export", "report", "card", pytest.param("train", marks=pytest.mark.slow)])
def test_a_disk_that_fails_when_files_are_settled_leaves_nothing_half_written(name, run, tmp_path, capsys, monkeypatch):
    words = commands(run, tmp_path / "place")[name]
    before = files(tmp_path)

    def failing(handle):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", failing)
    refused(words, capsys, tmp_path / "place", "Input/output error")
    assert files(tmp_path) == before


KEPT = re.compile(r"tensorboard/|features/\w+\.safetensors$|part-\d+\.safetensors$")
"""Whole files of work that need not be done again."""
BEGUN = {"environment.json", "ids.json", "config.json", "metrics.jsonl"}
ALLOWED = {name: set() for name in NAMES} | {
    "train": BEGUN,
    "memorization": {*BEGUN, "study.json", "f.json", "g.json"},
    "embed": {"facts.json"},
}
"""Whole files that the same command goes on from when there is space again."""
LITTLE = ("audit of a name", "card", "inspect numbers")
"""What writes less than 40 KB."""


def mounted(*words):
    """Whether `mount` took these words."""
    mount = shutil.which("mount")
    return mount is not None and not subprocess.run([mount, *words], capture_output=True, check=False).returncode


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 3 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    if not mounted("-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)):
        pytest.skip("this user may not mount a file system")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_system_that_is_read_only_is_told_before_anything_is_computed(
    name, small_disk, tmp_path, capsys, monkeypatch
):
    run = tmp_path / "run"
    shutil.copytree(finished(), small_disk / "run", ignore=shutil.ignore_patterns("checkpoints"))
    run.symlink_to(small_disk / "run")  # `audit` writes into the run
    words = commands(run, small_disk / "place")[name]
    before = files(small_disk)
    if not mounted("-o", "remount,ro", str(small_disk)):
        pytest.skip("this user may not mount a file system again")
    monkeypatch.setattr("holdfast.models.load_encoder", lambda *a, **b: pytest.fail("something was computed first"))
    refused(words, capsys, "Read-only file system")
    assert files(small_disk) == before


@pytest.mark.slow
@pytest.mark.parametrize("free", [0, 40_000])
@pytest.mark.parametrize("name", NAMES)
def test_a_file_system_that_is_full_or_becomes_so_is_told_in_one_line(name, free, small_disk, tmp_path, capsys):
    run = shutil.copytree(finished(), tmp_path / "run")
    if name == "audit":
        run = shutil.copytree(run, small_disk / "run", ignore=shutil.ignore_patterns("checkpoints"))
    words = commands(run, small_disk / "place")[name]
    before = files(small_disk)
    (small_disk / "filler").write_bytes(b"\1" * (shutil.disk_usage(small_disk).free - free))
    if free and name in LITTLE:
        (small_disk / "more").write_bytes(b"\1" * (free - 6_000))
    refused(words, capsys, "No space left on device", "free some space", small_disk)
    for filler in ("filler", "more"):
        (small_disk / filler).unlink(missing_ok=True)
    left = files(small_disk)
    assert {path: left.get(path) for path in before} == before
    assert {path.name for path in set(left) - set(before) if not KEPT.search(str(path))} <= ALLOWED[name]
    assert not list(small_disk.rglob("*.tmp"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_output_that_cannot_be_printed_is_one_line():
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "holdfast", "methods"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "No space left on device" in done.stderr


def test_trying_a_place_leaves_nothing_and_clears_what_dead_processes_left(tmp_path):
    dead, alive = tmp_path / ".a.parquet.4194303.tmp", tmp_path / f".a.parquet.{os.getpid()}.tmp"
    other = tmp_path / ".b.parquet.4194303.tmp"
    for path in (dead, alive, other):
        path.write_text("x")
    system.check_writable(tmp_path / "new" / "deep")
    assert not (tmp_path / "new").exists()
    runs.ready_file(tmp_path / "a.parquet")
    assert sorted(tmp_path.iterdir()) == sorted([alive, other])
    runs.ready_folder(tmp_path)
    assert list(tmp_path.iterdir()) == [alive]
    with pytest.raises(OSError, match="name a path whose parents are folders"):
        system.check_writable(alive / "below")


def test_a_place_is_tried_with_a_file_without_a_name_so_that_a_kill_leaves_none(tmp_path, monkeypatch):
    seen, write = [], os.write
    monkeypatch.setattr(os, "write", lambda handle, data: seen.append(list(tmp_path.iterdir())) or write(handle, data))
    system.check_writable(tmp_path / "new")
    assert seen in ([], [[]]), "the file system knows such files, and a name was there"


def test_what_a_killed_trial_left_in_the_folder_above_is_cleared(tmp_path, monkeypatch):
    dead = tmp_path / ".writable.4194303.tmp"
    for ready in (runs.ready_folder, lambda folder: runs.ready_file(folder / "a.parquet")):
        dead.write_text("x")
        ready(tmp_path / "new")
        assert list(tmp_path.iterdir()) == []
    monkeypatch.delattr(os, "O_TMPFILE")
    system.check_writable(tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


def test_on_a_disk_that_machines_share_each_clears_its_own_dead_and_what_was_long_forgotten(tmp_path):
    ours, mask = system.temporary_name(tmp_path / "a.json").name, f"{os.getpid()}-"
    dead = tmp_path / ours.replace(mask, "4194303-")
    theirs, forgotten = (tmp_path / f".{name}.4194303-0123abcd.tmp" for name in ("b.json", "c.json"))
    for path in (tmp_path / ours, dead, theirs, forgotten):
        path.write_text("x")
    os.utime(forgotten, (time.time() - 7200, time.time() - 7200))
    runs.ready_folder(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([tmp_path / ours, theirs])
    assert system.is_temporary(theirs.name)


def test_a_finding_whose_second_file_cannot_be_written_leaves_the_one_before(tmp_path, monkeypatch):
    audited(tmp_path)
    before = files(tmp_path)
    monkeypatch.setattr(os, "replace", lambda *a: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left")))
    with pytest.raises(OSError, match=r"quality\.json, got: No space left on device; free some space"):
        audited(tmp_path)
    assert files(tmp_path) == before


def test_a_file_that_cannot_be_replaced_is_told_once_and_not_inside_the_line_of_another(tmp_path, capsys):
    run = interrupted(tmp_path / "run")
    (run / "encoder.json").mkdir()
    error = refused(["resume", str(run)], capsys, run / "encoder.json", "Is a directory")
    assert error.count("expected") == 1


def test_a_finding_whose_second_file_is_a_folder_leaves_the_first_as_it_was(tmp_path):
    audited(tmp_path)
    before = files(tmp_path)
    (tmp_path / "quality.parquet").mkdir()
    finding = Finding(audit="quality", scores=[], columns={"id": np.arange(3)}, settings=SETTINGS)
    with pytest.raises(OSError, match=r"quality\.parquet, got: Is a directory"):
        finding.save(tmp_path)
    assert files(tmp_path) == before
