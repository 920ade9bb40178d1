"""Audits that processes share: the findings are those of one process, whatever their number."""

import json

import pyarrow.parquet as pq
import pytest
import torch.multiprocessing as mp
from shared_work import every_audit, free_port

from holdfast.audits import AUDITS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    folder = tmp_path_factory.mktemp("alone")
    mp.start_processes(every_audit, args=(1, str(folder), ""), nprocs=1, start_method="spawn")
    return folder


def without_time(path):
    """A finding without how long it took, and the sums over its file that depend on it."""
    found = json.loads(path.read_text())
    found["settings"].pop("seconds")
    return {name: value for name, value in found.items() if name not in ("digest", "settings_digest")}


@pytest.mark.parametrize("processes", [2, 3])
def test_processes_find_what_one_does(processes, alone, tmp_path):
    """Equal files to the last digit: scores, intervals, tables, and the ids, order and numbers of the columns."""
    args = (processes, str(tmp_path), free_port())
    mp.start_processes(every_audit, args=args, nprocs=processes, start_method="spawn")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in alone.iterdir())
    for axis in AUDITS:
        assert without_time(tmp_path / f"{axis}.json") == without_time(alone / f"{axis}.json"), axis
        ours, theirs = (pq.read_table(folder / f"{axis}.parquet").to_pandas() for folder in (tmp_path, alone))
        assert ours.equals(theirs), axis
    for sheet in alone.glob("*.jpg"):
        assert (tmp_path / sheet.name).read_bytes() == sheet.read_bytes()
