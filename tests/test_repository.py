"""What holds for the repository as a whole: sizes, visible lists, a page for each thing, nothing of one machine."""

import ast
import importlib
import inspect
import re
import statistics
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "holdfast"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def source_files() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def line_count(path: Path) -> int:
    return len(path.read_text().splitlines())


def functions(source: str) -> Iterator[tuple[str, int]]:
    """Name and lines of each function in source: from `def` to its last line, less the docstring."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if ast.get_docstring(node) is not None:
                docstring = node.body[0]
                lines -= (docstring.end_lineno or docstring.lineno) - docstring.lineno + 1
            yield node.name, lines


def function_sizes() -> dict[str, int]:
    return {
        f"{path.relative_to(ROOT)}: {name}": lines
        for path in source_files()
        for name, lines in functions(path.read_text())
    }


MACHINERY = {
    "methods": {"base", "presets", "first_view", "ball", "predicting", "clean_teacher"},
    "audits": {"subject", "plan", "given", "atlas"},
    "recipes": set(),
}
"""By package: its files and rooms that hold no entry of its list."""


def modules_in(package: str) -> set[str]:
    """Names of the files and rooms of a package that hold an entry each."""
    places = (SOURCE / package).iterdir()
    names = {path.stem for path in places if path.suffix == ".py" or (path / "__init__.py").is_file()}
    return names - MACHINERY[package] - {"__init__"}


def method_files() -> dict[str, Path]:
    """By name: the file of each method or part, those in a room of methods too."""
    files = {path.stem: path for path in (SOURCE / "methods").rglob("*.py")}
    return {name: path for name, path in files.items() if name not in MACHINERY["methods"] | {"__init__"}}


def listed(package: str, name: str) -> dict[str, Any]:
    return getattr(importlib.import_module(f"holdfast.{package}"), name)


def module_names(entries) -> set[str]:
    """The file or room, inside its package, that each entry comes from."""
    return {entry.__module__.split(".")[2] for entry in entries}


def tracked_files() -> list[Path]:
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in names.split("\0") if name and (ROOT / name).is_file()]


# Sizes


def test_a_functions_lines_are_counted_without_its_docstring():
    source = 'def outer(\n  x,\n):\n  """One.\n\n  Two.\n  """\n  def inner():\n    return x\n  return inner\n'
    assert dict(functions(source)) == {"outer": 6, "inner": 2}


def test_no_function_is_over_40_lines():
    assert {name: lines for name, lines in function_sizes().items() if lines > 40} == {}


def test_the_median_function_is_under_12_lines():
    assert statistics.median(function_sizes().values()) < 12


def test_no_file_is_over_300_lines():
    files = [path for folder in ("src", "tests", "benchmarks", "experiments") for path in (ROOT / folder).rglob("*.py")]
    assert {str(path.relative_to(ROOT)): line_count(path) for path in files if line_count(path) > 300} == {}


def test_a_methods_file_is_under_150_lines():
    sizes = {name: line_count(path) for name, path in method_files().items()}
    assert sizes
    assert {name: lines for name, lines in sizes.items() if lines >= 150} == {}


# Visible lists


def test_every_method_file_is_listed():
    wrappers = [one for known in listed("methods", "WRAPPERS").values() for one in known.values()]
    parts = [*listed("methods", "METHODS").values(), *wrappers]
    assert {entry.__module__.rsplit(".", 1)[1] for entry in parts} == set(method_files())


def test_every_audit_file_is_listed():
    assert module_names(listed("audits", "AUDITS").values()) == modules_in("audits")


def test_every_recipe_is_listed():
    recipes = listed("recipes", "RECIPES")
    written = {
        function
        for name in modules_in("recipes")
        for function in vars(importlib.import_module(f"holdfast.recipes.{name}")).values()
        if inspect.isfunction(function) and function.__module__.startswith("holdfast.recipes.")
        if not function.__name__.startswith("_")
    }
    assert written == set(recipes.values())


def test_every_method_cites_its_paper_on_line_1():
    first_lines = {name: path.read_text().splitlines()[0] for name, path in method_files().items()}
    assert {name: line for name, line in first_lines.items() if not re.search(r"\b\d{4}\.\d{4,5}\b", line)} == {}


def test_every_method_has_a_recipe():
    named = {key.split("/")[0] for key in listed("recipes", "RECIPES")}
    assert named >= set(listed("methods", "METHODS"))
    assert named <= set(listed("methods", "METHODS")) | set(listed("methods", "PRESETS"))


def test_every_recipe_says_what_it_reproduces_and_what_it_costs():
    documents = {
        key: f"{inspect.getdoc(recipe)} {inspect.getdoc(inspect.getmodule(recipe))}"
        for key, recipe in listed("recipes", "RECIPES").items()
    }
    words = ("arxiv", "hardware", "time", "expected")
    assert {key: word for key, text in documents.items() for word in words if word not in text.lower()} == {}


@pytest.mark.parametrize("package", ["methods", "audits"])
def test_every_entry_has_a_docs_page(package):
    names = set(method_files()) if package == "methods" else modules_in(package)
    assert names == {path.stem for path in (ROOT / "docs" / package).glob("*.md")}


def test_every_docs_page_is_in_the_nav():
    nav = (ROOT / "mkdocs.yml").read_text().partition("\nnav:")[2]
    pages = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")}
    assert set(re.findall(r"\S+\.md", nav)) == pages


def test_every_dependency_has_its_reason_in_the_docs():
    extras = PROJECT["optional-dependencies"].values()
    requirements = PROJECT["dependencies"] + [requirement for extra in extras for requirement in extra]
    names = {re.split(r"[^A-Za-z0-9-]", requirement)[0] for requirement in requirements}
    rows = re.findall(r"^\| `([^`]+)`", (ROOT / "docs" / "dependencies.md").read_text(), re.MULTILINE)
    assert set(rows) == names


# Files in git


def test_pytest_collects_every_file_with_a_test():
    files = [
        path for path in (ROOT / "tests").rglob("*.py") if re.search(r"^\s*def test", path.read_text(), re.MULTILINE)
    ]
    assert [path.name for path in files if not path.name.startswith("test_")] == []
    assert len({path.name for path in files}) == len(files), "two test files of one name: failures would not tell which"


def test_the_version_is_one():
    version = PROJECT["version"]
    assert f"version: {version}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="a source archive has no list of tracked files")
def test_no_tracked_file_names_a_package_host_or_a_path_of_one_machine():
    # Spelt so that no pattern matches this line.
    hosts = r"pypi[.](?:org|io)|pythonhost[e]d|registry[.]npmjs|deb[.]debian"
    paths = r"(?<![A-Za-z0-9_.])/(?:work|farm|root|tmp|home)/[A-Za-z.]"
    found = {
        str(path.relative_to(ROOT)): match[0]
        for path in tracked_files()
        if (match := re.search(f"{hosts}|{paths}", path.read_text(errors="ignore")))
    }
    assert found == {}
