"""The house: no import circle, rooms of at most 15 files, and a door to each room."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "holdfast"
WINGS = ("data", "audits", "report", "evaluation", "cli")
"""Packages whose folders are rooms: what others may take of a room stands in its `__init__`."""
ROOMS = {
    f"holdfast.{p.parent.relative_to(SOURCE).as_posix().replace('/', '.')}": p.parent
    for wing in WINGS
    for p in (SOURCE / wing).glob("*/__init__.py")
}


@pytest.fixture(scope="module")
def imports() -> dict[str, set[str]]:
    """By module: the modules it imports, for types only as well."""
    graph = grimp.build_graph("holdfast", exclude_type_checking_imports=False, cache_dir=None)
    return {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}


def circles(imports: dict[str, set[str]]) -> list[list[str]]:
    """Sets of modules that each can be reached from the others, sorted."""
    modules = sorted(imports)
    place = {module: number for number, module in enumerate(modules)}
    arrows = [(place[module], place[other]) for module in modules for other in imports[module]]
    rows, columns = zip(*arrows, strict=True)
    matrix = coo_array(([1] * len(arrows), (rows, columns)), shape=(len(modules), len(modules)))
    _, component = connected_components(matrix, directed=True, connection="strong")
    found = [[module for module in modules if component[place[module]] == number] for number in set(component)]
    return sorted(circle for circle in found if len(circle) > 1)


def test_a_circle_is_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set()}) == [["b", "c"]]


def test_no_import_circle_those_for_types_counted(imports):
    assert circles(imports) == []


def test_an_audit_imports_the_subject_and_no_other_audit(imports):
    """What import-linter would say of each, without a list that a new audit had to join."""
    rooms = {path.stem for path in (SOURCE / "audits").glob("*") if path.name[0] not in "_."}
    audits, past = rooms - {"atlas", "given", "plan", "subject"}, []
    for module, others in imports.items():
        own = module.removeprefix("holdfast.audits.").split(".")[0]
        if module.startswith("holdfast.audits.") and own in audits:
            taken_from = {other.split(".")[2] for other in others if other.startswith("holdfast.audits.")}
            past += [(module, other) for other in taken_from - {own, "subject"}]
    assert audits and past == []


def test_no_folder_holds_over_15_python_files():
    counts = {folder: len(list(folder.glob("*.py"))) for folder in [SOURCE, *SOURCE.rglob("*/")]}
    assert {folder.relative_to(SOURCE).as_posix(): n for folder, n in counts.items() if n > 15} == {}


def test_no_module_hides_behind_an_underscore():
    names = [path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("_*.py")]
    assert [name for name in names if not name.endswith(("__init__.py", "__main__.py"))] == []


def taken(path: Path) -> Iterator[tuple[str, str]]:
    """(module, name) of every `from module import name` in a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)


@pytest.mark.parametrize("room", ROOMS)
def test_others_take_of_a_room_only_what_its_init_names(room):
    files = [path for path in SOURCE.rglob("*.py") if ROOMS[room] not in path.parents and path.name != "__init__.py"]
    past = [
        (path.relative_to(SOURCE).as_posix(), module)
        for path in files
        for module, _ in taken(path)
        if module.startswith(f"{room}.")
    ]
    assert past == [], f"import these names from {room}, and name them in its __init__"


LAZY = {path.parent: path for path in SOURCE.rglob("__init__.py") if "lazy_names(" in path.read_text()}


@pytest.mark.parametrize("package", LAZY, ids=lambda package: package.relative_to(SOURCE).as_posix())
def test_no_name_of_a_lazy_package_is_that_of_a_file_in_it(package):
    """Once the file is imported, the package's attribute is the file, whatever the list says."""
    callable_packages = {SOURCE: {"report"}}.get(package, set())
    places = {path.stem for path in package.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert {name for _, name in taken(LAZY[package])} & places == callable_packages


def test_no_docstring_begins_with_of_or_the_same():
    """A reader who lands on one line learns what the thing is, not what the line above it was about."""
    unclear = re.compile(r'^\s*"""(Of|The same)\b.*', re.MULTILINE)
    found = {path.relative_to(SOURCE).as_posix(): unclear.findall(path.read_text()) for path in SOURCE.rglob("*.py")}
    assert {path: lines for path, lines in found.items() if lines} == {}
