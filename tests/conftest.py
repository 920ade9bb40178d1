"""What holds for every test: two threads by default, no network, and a test file without a test is an error."""

import os

import pytest

# Set before torch is imported, and inherited by the processes that tests start: bits depend on the number of threads.
os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.pop("COLUMNS", None)  # xdist gives its workers 80, where lines of a pipe would be broken


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    """Fails a test file or class that yields no test: a misspelt `def tset_...` must not pass by never running."""
    report = yield
    if isinstance(collector, pytest.Module | pytest.Class) and report.passed and not report.result:
        report.outcome = "failed"
        report.longrepr = f"expected a test in {collector.nodeid}, got none; name its functions test_..."
    return report
