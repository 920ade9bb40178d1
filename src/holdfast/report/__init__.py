"""One self-contained HTML page from run folders and findings, and comparisons for the terminal. Never imports torch.

The package is callable, so that `holdfast.report(folders, path)` stays the function after `import holdfast.report`.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.report.cards import card as card
    from holdfast.report.cards import read_card as read_card
    from holdfast.report.cards import write_card as write_card
    from holdfast.report.page import report as report
    from holdfast.report.terminal import Comparison as Comparison
    from holdfast.report.terminal import compare as compare
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)


class _CallablePackage(ModuleType):
    """The import system binds a package to its parent's attribute, here over the function of the same name."""

    def __call__(
        self,
        folders: Sequence[Path | str],
        path: Path | str,
        *,
        limits: Path | str | None = None,
        images: bool = True,
        said: Callable[[str], None] = lambda line: None,
    ) -> Path:
        return self.report(folders, path, limits=limits, images=images, said=said)


sys.modules[__name__].__class__ = _CallablePackage
