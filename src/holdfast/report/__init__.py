"""One self-contained HTML page from run folders and findings, and comparisons for the terminal. Never imports torch.

The package is callable, so that `holdfast.report(folders, path)` stays the function after `import holdfast.report`.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from holdfast.report.comparison import Comparison, compare
    from holdfast.report.encoder_card import card, read_card, write_card
    from holdfast.report.page import report

__all__ = ["Comparison", "card", "compare", "read_card", "report", "write_card"]

_HOMES = {
    "Comparison": "comparison",
    "card": "encoder_card",
    "compare": "comparison",
    "read_card": "encoder_card",
    "report": "page",
    "write_card": "encoder_card",
}


class _CallablePackage(ModuleType):
    """The import system binds a package to its parent's attribute, here over the function of the same name."""

    def __call__(
        self,
        folders: Sequence[Path | str],
        path: Path | str,
        *,
        limits: Path | str | None = None,
        images: bool = True,
    ) -> Path:
        return self.report(folders, path, limits=limits, images=images)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


sys.modules[__name__].__class__ = _CallablePackage
