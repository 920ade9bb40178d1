"""The documentation as a folder of files: links and search work in a browser that has no network."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("mkdocs", reason="make docs installs mkdocs")
    folder = tmp_path_factory.mktemp("docs") / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return folder


def test_links_and_search_work_from_disk_without_a_network(chromium, site):
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, offline=True)
    page, asked, wrong = context.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto((site / "index.html").as_uri())
    page.get_by_role("link", name="Getting started").first.click()
    page.wait_for_url("**/getting-started.html")
    page.click(".md-search__input")
    page.keyboard.type("long tail", delay=20)
    page.wait_for_selector(".md-search-result__item a", timeout=60_000)
    page.locator(".md-search-result__item a").first.click()
    page.wait_for_load_state()
    assert "getting-started" not in page.url and page.title()
    assert page.locator("h1").count() == 1
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert wrong == []
    context.close()
