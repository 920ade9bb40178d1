"""A run on few small digits, trained once for all tests of studies."""

import shutil

import pytest

from holdfast.config import RunConfig, ViewSettings
from holdfast.engine import train
from holdfast.methods import SimCLRConfig

VIEWS = ViewSettings(crop_min=0.6, flip=0.0, grey=0.0, hue=0.0, saturation=0.0)


def small_config(method=None, **changes):
    settings = {"data": "digits", "limit": 150, "image_size": 8, "encoder": "timm/test_resnet", "epochs": 1}
    settings |= {"batch_size": 64, "lr": 0.05, "precision": "32", "views": VIEWS, "signals_every": 0, "holdout": 10}
    return RunConfig(method=method or SimCLRConfig(), **{**settings, **changes})


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    return train(small_config(), tmp_path_factory.mktemp("study") / "run").path


@pytest.fixture
def run(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "run")
