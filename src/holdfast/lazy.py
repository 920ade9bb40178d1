"""Names of a package that load on first use, from one list: the imports that its `__init__` shows type checkers."""

import ast
import difflib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Any


def lazy_names(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """(__getattr__, __dir__, __all__) of a package, from the `from module import Name as Name` under TYPE_CHECKING.

    package, file: the `__name__` and `__file__` of the package's `__init__`. Nothing named there is imported before it
    is asked for, so a package costs only what is used of it.
    """
    homes = _homes(ast.parse(Path(file).read_text("utf-8")))

    def load(name: str) -> Any:
        if name not in homes:
            close = difflib.get_close_matches(name, homes, n=1, cutoff=0.6)
            hint = f"; did you mean {close[0]}?" if close and not name.startswith("_") else ""
            raise AttributeError(f"module {package!r} has no attribute {name!r}{hint}")
        return getattr(import_module(homes[name]), name)

    names = sorted(homes)
    return load, lambda: names, names


def _homes(module: ast.Module) -> dict[str, str]:
    """By name: the module that it is imported from under `if TYPE_CHECKING`."""
    guarded = [node for node in module.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    imports = [node for block in guarded for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: node.module or "" for node in imports for alias in node.names}


class Deferred(ModuleType):
    """Stands for a module until something of it is asked for, and only then imports it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self.__name__), name)


def deferred(name: str) -> Any:
    """A module by its full name that is imported on first use: for files that only sometimes need what takes seconds.

    Type checkers are shown the true import: `if TYPE_CHECKING: import torch`, `else: torch = deferred("torch")`.
    """
    return Deferred(name)


@contextmanager
def version_alone(package: str) -> Iterator[None]:
    """Within, an import of this package gives its version and nothing else; afterwards the import gives it whole.

    For libraries that import another one, which takes seconds, to ask for its version. Nothing changes where the
    package is imported already or not installed.
    """
    if package in sys.modules:
        yield
        return
    try:
        found = version(package)
    except PackageNotFoundError:
        yield
        return
    sys.modules[package] = stand_in = ModuleType(package)
    stand_in.__dict__["__version__"] = found
    try:
        yield
    finally:
        if sys.modules.get(package) is stand_in:
            del sys.modules[package]
