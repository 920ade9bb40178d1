"""What others see of the repository: citations, the checks that run on every change, what runs before a commit."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CITED = ("methods", "objectives", "audits", "attacks", "engine", "evaluation")
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def arxiv_ids(text: str) -> set[str]:
    return set(re.findall(r"\b\d{4}\.\d{5}\b", text))


def test_every_paper_that_the_code_computes_is_cited():
    written = {
        (arxiv, path.relative_to(ROOT).as_posix())
        for package in CITED
        for path in (ROOT / "src" / "holdfast" / package).rglob("*.py")
        for arxiv in arxiv_ids(path.read_text())
    }
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    cited = {arxiv for reference in citation["references"] for arxiv in arxiv_ids(reference["notes"])}
    assert {(arxiv, path) for arxiv, path in written if arxiv not in cited} == set()


def test_every_citation_has_what_a_reader_looks_up():
    for reference in yaml.safe_load((ROOT / "CITATION.cff").read_text())["references"]:
        assert reference["title"] and reference["authors"] and 1990 < reference["year"] < 2100
        assert all(author["family-names"] and author["given-names"] for author in reference["authors"])
        assert "holdfast's" in reference["notes"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_calls_only_make_targets_that_exist(path):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    jobs = yaml.safe_load(path.read_text())["jobs"]
    runs = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    called = {word for run in runs for word in re.findall(r"\bmake ([a-z-]+)", run)}
    assert called <= targets
    assert runs


def test_changes_are_checked_on_the_oldest_python_that_we_promise_and_on_a_new_one():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    oldest = PROJECT["requires-python"].removeprefix(">=")
    for name in ("check-and-test", "fresh-install"):
        assert jobs[name]["strategy"]["matrix"]["python"] == [oldest, "3.13"]
    assert "lowest-direct" in " ".join(step.get("run", "") for step in jobs["lowest-versions"]["steps"])


def test_a_release_is_refused_while_the_addresses_are_placeholders():
    steps = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())["jobs"]["build"]["steps"]
    guard = next(step["run"] for step in steps if step.get("name") == "the addresses are real")
    pattern = re.search(r"'(.*?)'", guard)[1]
    placeholders = [url for url in PROJECT["urls"].values() if "example" in url]
    assert all(re.search(pattern, url) for url in placeholders)


def test_what_runs_before_a_commit_are_tools_of_the_development_extra():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    tools = {hook["entry"].split()[0].removeprefix(".venv/bin/") for hook in hooks}
    packages = {re.split(r"[^A-Za-z0-9-]", extra)[0] for extra in PROJECT["optional-dependencies"]["dev"]}
    assert {tool.replace("lint-imports", "import-linter") for tool in tools} <= packages
