"""Imports that wait, or that are spared."""

import sys
from importlib import import_module

import pytest

from holdfast.lazy import version_alone


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package of version 1.4 whose import is seen."""
    (tmp_path / "costly_one.py").write_text("__version__ = '1.4'\nwhole = True\n")
    facts = tmp_path / "costly_one-1.4.dist-info" / "METADATA"
    facts.parent.mkdir()
    facts.write_text("Metadata-Version: 2.1\nName: costly-one\nVersion: 1.4\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield "costly_one"
    sys.modules.pop("costly_one", None)


def test_a_version_is_told_without_the_import_and_the_package_comes_whole_afterwards(installed):
    with version_alone(installed):
        asked = import_module(installed)
        assert asked.__version__ == "1.4" and not hasattr(asked, "whole")
    assert import_module(installed).whole


def test_a_package_that_is_there_already_stays(installed):
    whole = import_module(installed)
    with version_alone(installed):
        assert import_module(installed) is whole
    assert import_module(installed) is whole


def test_what_is_not_installed_is_still_missing():
    with version_alone("not_installed_anywhere"), pytest.raises(ModuleNotFoundError):
        import_module("not_installed_anywhere")


def test_an_error_within_leaves_no_stand_in(installed):
    with pytest.raises(ZeroDivisionError), version_alone(installed):
        raise ZeroDivisionError
    assert import_module(installed).whole
