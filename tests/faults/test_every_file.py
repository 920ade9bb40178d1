"""Every file of an audited run, damaged in every way, under every command that reads it: an end, or one line of why."""

import shutil

import pytest
from damages import ANY, GONE, JSON
from faulty_runs import finished, said

from holdfast.cli import main

pytestmark = pytest.mark.slow
DAMAGES = ANY | GONE | {name: JSON[name] for name in ("a list", "an empty object")}
READ_BY_EXPORTS = {"config.json", "ids.json", "encoder.json", "encoder.safetensors"}


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """A run with findings, features, an atlas, a page and TensorBoard's curves."""
    run = shutil.copytree(finished(), tmp_path_factory.mktemp("audited") / "run")
    assert main(["audit", str(run), "--axes", "quality"]) == 0
    return run


def commands(run, name):
    """The commands that may read a file of the run."""
    yield ["resume", str(run)]
    if not name.startswith("checkpoints/"):
        yield ["audit", str(run), "--axes", "quality", "--no-page", "--no-atlas"]
        yield ["report", str(run), "--out", str(run.parent / "page.html")]
    if name in READ_BY_EXPORTS:
        yield ["embed", str(run), "--out", str(run.parent / "features.parquet")]
        yield ["export", str(run), "--out", str(run.parent / "exported")]


def whole(run, damaged):
    """The other files' bytes."""
    return {path: path.read_bytes() for path in run.rglob("*") if path.is_file() and path != damaged}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_of_a_run_ends_well_or_in_one_line_and_nothing_is_lost(damage, audited, tmp_path, capsys):
    newest = sorted((audited / "checkpoints").iterdir())[-1]
    names = [str(path.relative_to(audited)) for path in audited.rglob("*") if path.is_file()]
    names = [name for name in names if not name.startswith("checkpoints/") or newest.name in name]
    assert len(names) >= 15
    for number, name in enumerate(sorted(names)):
        run = shutil.copytree(audited, tmp_path / str(number) / "run")
        DAMAGES[damage](run / name)
        before = whole(run, run / name)
        for words in commands(run, name):
            code, _, error = said(words, capsys)
            assert code == 0 or (code == 2 and error.startswith("holdfast: ") and error.count("\n") == 1), (name, words)
            if code == 2:
                assert "expected" in error
                assert {path: path.read_bytes() for path in before} == before, (name, words)
            moved = name.startswith("checkpoints/")  # a damaged checkpoint is kept under another name
            assert moved or all(path.exists() for path in before), (name, words)
        shutil.rmtree(run.parent)
