"""A live line on a terminal, plain lines when piped."""

from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import Progress as Bar
from rich.progress import ProgressColumn, TaskID

from holdfast.cli.options import fitted
from holdfast.system import escaped, first_process


class Live:
    """A context in which lines are said above a live one, which only a terminal has."""

    def __init__(self, *columns: ProgressColumn, **task: Any):
        """columns: of the live line. task: what its rich task begins with: description, total and fields."""
        self._console = Console(highlight=False, soft_wrap=True)
        self._columns, self._first = columns, task
        self._bar: Bar | None = None
        self._task = TaskID(0)

    def __enter__(self) -> Self:
        if self._console.is_terminal and first_process():
            self._bar = Bar(*self._columns, console=self._console, transient=True)
            self._task = self._bar.add_task(**self._first)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def say(self, text: str) -> None:
        """One line, above the live one where there is one; where several processes train, the first alone says it."""
        if first_process():
            self._console.print(fitted(escaped(text)), markup=False)
