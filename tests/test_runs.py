"""Run folders: written whole or not at all, never over another, readable by others."""

import json
import os
import stat
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import safetensors.torch
import torch

from holdfast.runs import RunFolder, atomic_folder, atomic_path, write_json


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(params=[0o022, 0o077, 0o002], ids=oct)
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def write_half(target: AbstractContextManager[Path]) -> None:
    with target as temporary:
        (temporary / "a" if temporary.is_dir() else temporary).write_text("hal")
        raise RuntimeError("half way")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_write_replaces_the_file_only_when_it_is_complete(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with atomic_path(path) as temporary:
        temporary.write_text("new")
        assert (path.read_text(), temporary.parent) == ("old", tmp_path)
    assert path.read_text() == "new"
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("existing", [True, False])
def test_a_write_that_raises_leaves_the_old_file_and_nothing_else(existing, tmp_path):
    path = tmp_path / "file"
    if existing:
        path.write_text("old")
    with pytest.raises(RuntimeError, match="half way"):
        write_half(atomic_path(path))
    assert names(tmp_path) == (["file"] if existing else [])
    assert not existing or path.read_text() == "old"


@pytest.mark.parametrize("document", [{"loss": float("nan")}, {"path": Path("a")}, [float("inf")]])
def test_what_is_no_json_is_refused_and_the_old_file_stays(document, tmp_path):
    path = write_json(tmp_path / "a.json", {"b": [1, None, "ä"]})
    with pytest.raises((ValueError, TypeError)):
        write_json(path, document)
    assert json.loads(path.read_text()) == {"b": [1, None, "ä"]}
    assert names(tmp_path) == ["a.json"]


def test_a_folder_appears_complete_or_not_at_all(tmp_path):
    with atomic_folder(tmp_path / "step-1") as temporary:
        (temporary / "a").write_text("a")
        assert not (tmp_path / "step-1").exists()
    with pytest.raises(RuntimeError, match="half way"):
        write_half(atomic_folder(tmp_path / "step-2"))
    assert names(tmp_path) == ["step-1"]
    assert names(tmp_path / "step-1") == ["a"]


def test_what_a_killed_process_left_behind_does_not_get_into_a_folder(tmp_path):
    with atomic_folder(tmp_path / "step-1") as temporary:
        left = temporary
        (temporary / "a").write_text("a")
    left.mkdir()
    (left / "stale").write_text("from a process of this number that was killed")
    with atomic_folder(tmp_path / "step-1b") as temporary:
        (temporary / "a").write_text("a")
    assert names(tmp_path / "step-1b") == ["a"]


def test_files_can_be_read_by_whom_the_umask_allows(umask, tmp_path):
    tensors = {"a": torch.ones(2)}
    with atomic_path(tmp_path / "alone.safetensors") as temporary:
        safetensors.torch.save_file(tensors, temporary)
    with atomic_folder(tmp_path / "folder") as temporary:
        safetensors.torch.save_file(tensors, temporary / "inside.safetensors")
        (temporary / "deep").mkdir()
        (temporary / "deep" / "file").write_text("")
    files = ["alone.safetensors", "folder/inside.safetensors", "folder/deep/file"]
    assert {name: mode(tmp_path / name) for name in files} == dict.fromkeys(files, 0o666 & ~umask)
    assert mode(tmp_path / "folder") == 0o777 & ~umask
    assert os.umask(umask) == umask, "asking for the umask must not change it"


def test_a_new_run_folder_is_made_and_an_empty_one_is_taken(tmp_path):
    assert RunFolder.create(tmp_path / "runs" / "a").path.is_dir()
    assert RunFolder.create(str(tmp_path / "runs" / "a")) == RunFolder(tmp_path / "runs" / "a")


def test_nothing_is_written_over_what_is_there(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for name, holds in (("run", "which holds files"), ("file", "which is a file")):
        with pytest.raises(FileExistsError, match=f"got .*{name} {holds}; choose another --out$"):
            RunFolder.create(tmp_path / name)
    (tmp_path / "run" / "config.json").write_text("{}")
    with pytest.raises(FileExistsError, match=r"choose another --out, or continue it with: holdfast resume .*run$"):
        RunFolder.create(tmp_path / "run")
    assert (tmp_path / "run" / "notes").read_text() == (tmp_path / "file").read_text() == "mine"


def test_checking_writes_nothing(tmp_path):
    RunFolder.check(tmp_path / "new")
    assert names(tmp_path) == []


def test_a_folder_without_a_configuration_is_no_run(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"run folder with a config.json.*holdfast train"):
        RunFolder.open(tmp_path)
    write_json(tmp_path / "config.json", {})
    assert RunFolder.open(str(tmp_path)).path == tmp_path


def test_a_runs_files_have_the_names_that_other_stages_read(tmp_path):
    run = RunFolder(tmp_path)
    parts = ("config", "environment", "ids", "metrics", "checkpoints", "encoder", "findings")
    expected = ["config.json", "environment.json", "ids.json", "metrics.jsonl", "checkpoints"]
    expected += ["encoder.safetensors", "findings"]
    assert [getattr(run, part).relative_to(tmp_path).name for part in parts] == expected
    assert names(tmp_path) == [], "naming files makes none"
