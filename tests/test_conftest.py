"""The hook in conftest.py, tried on small test suites in processes of their own."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def run_suite(tmp_path):
    """Writes a suite of one file beside a copy of our conftest, runs it, and gives the exit code and the output."""
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path)

    def run(source: str, *options: str) -> tuple[int, str]:
        (tmp_path / "test_suite.py").write_text(source)
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "--rootdir",
            tmp_path,
            "-p",
            "no:cacheprovider",
            *options,
            tmp_path,
        ]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.mark.parametrize(
    "source",
    [
        "",
        "def tset_it():\n    pass\n",
        "class testLoss:\n    def test_it(self):\n        pass\n",
        "class TestLoss:\n    x = 1\n",
    ],
    ids=["empty", "misspelt function", "misspelt class", "class without tests"],
)
def test_a_file_that_yields_no_test_fails_the_run(run_suite, source):
    code, output = run_suite(source)
    assert code == pytest.ExitCode.INTERRUPTED
    assert "expected a test in test_suite.py" in output


def test_a_file_with_a_test_passes(run_suite):
    code, output = run_suite("def test_it():\n    pass\n")
    assert code == pytest.ExitCode.OK
    assert "1 passed" in output


def test_deselecting_every_test_of_a_file_is_no_empty_file(run_suite):
    code, output = run_suite("def test_it():\n    pass\n", "-k", "other")
    assert code == pytest.ExitCode.NO_TESTS_COLLECTED
    assert "expected a test" not in output
