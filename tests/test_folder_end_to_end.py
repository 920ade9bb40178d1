"""Class folders made from CIFAR-10 train and audit, and a parquet file in their order gives the same bits."""

import importlib.util
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DATA = ROOT.parent / "shared" / "data" / "cifar10" / "test.parquet"


def script():
    spec = importlib.util.spec_from_file_location("folder_cifar10", ROOT / "experiments" / "folder_cifar10.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_file(), reason="CIFAR-10 is not beside the project")
def test_a_folder_of_cifar10_trains_and_audits_and_its_parquet_twin_gives_the_same_bits(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    settings = "--epochs 1 --batch-size 100 --encoder timm/test_resnet --precision 32 --threads 1".split()
    same = script().compare([DATA], tmp_path, most=1000, settings=settings, axes=["quality", "balance"])
    assert same
    balance = json.loads((tmp_path / "from-folder" / "findings" / "balance.json").read_text())
    assert len(balance["tables"]["per_class"]) == 10
    assert len(list((tmp_path / "pictures").rglob("*.jpg"))) == 1000
