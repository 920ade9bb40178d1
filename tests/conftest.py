"""What holds for every test: two threads by default, no network, and a test file without a test is an error."""

import os
import shutil
from types import SimpleNamespace

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


CHROMIUM = next((path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))), None)
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()


@pytest.fixture(scope="session")
def chromium():
    """A browser with a profile of its own, new and empty; in continuous integration it has to be there."""
    wanted = bool(os.environ.get("CI"))
    if not wanted:
        pytest.importorskip("playwright", reason="playwright is not installed")
    if CHROMIUM is None and not wanted:
        pytest.skip("chromium is not installed")
    from playwright.sync_api import sync_playwright

    assert CHROMIUM is not None, "expected chromium, got none: apt-get install chromium"
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def stores_at_once(tmp_path_factory, monkeypatch):
    """Files behind URLs: tries take no time, so that none is left alone after them, and no other test has filled the
    cache."""
    from holdfast.data.files import remote

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setattr(remote, "time", SimpleNamespace(monotonic=lambda: 0.0, sleep=lambda seconds: None))
    monkeypatch.setattr(remote, "_failing", {})
