"""Settings described without the libraries that compute: help reads the methods' own classes, and torch, which takes
seconds to import, has no say in them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Self

HEAVY = frozenset({"torch", "torchvision", "timm", "lightning_fabric", "sklearn", "scipy", "pyarrow", "PIL", "numpy"})
"""What no description of a setting needs."""


class StandIn:
    """In place of any class, function or value of a heavy library: whatever is asked of it is itself."""

    def __getattr__(self, name: str) -> Self:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, item: Any) -> Self:
        return self

    def __call__(self, *_: Any, **__: Any) -> Self:
        return self

    def __or__(self, other: Any) -> Self:
        return self

    __ror__ = __or__

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        return ()


class Heavy(ModuleType):
    """In place of a heavy module."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return StandIn()


class Finder(MetaPathFinder, Loader):
    """Finds heavy modules before Python does."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        return ModuleSpec(fullname, self, is_package=True) if fullname.partition(".")[0] in HEAVY else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return Heavy(spec.name)  # Python gives it the empty path of a package from the spec

    def exec_module(self, module: ModuleType) -> None: ...


@contextmanager
def without_heavy_imports() -> Iterator[None]:
    """Within, holdfast's settings can be imported without torch; nothing else of what is imported works.

    What was imported is forgotten on leaving, so that the true modules load when they are needed. Where torch is there
    already it stays, and nothing changes.
    """
    if "torch" in sys.modules:
        yield
        return
    before, finder = set(sys.modules), Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in set(sys.modules) - before:
            if name.partition(".")[0] in HEAVY | {"holdfast"}:
                del sys.modules[name]
