"""An audit as it goes: the estimate first, a live line on a terminal, a line per finished axis when piped."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rich.progress import BarColumn, TextColumn

from holdfast.cli.progress.line import Live
from holdfast.cli.progress.training import duration

PLAIN_SECONDS = 20.0
"""At least this long between two plain lines within an axis."""


class Stages(Live):
    """Shows what an audit measures. Call it with (stage, images done, images in all), as Options.progress is."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,}/{task.total:,}"))
        super().__init__(*columns, description="preparing", total=1)
        self._axis, self._stage, self._said = "", "", time.perf_counter()

    def plan(self, seconds: Mapping[str, float], where: str) -> None:
        """The estimate for each axis and for all."""
        parts = ", ".join(f"{name} {duration(value)}" for name, value in seconds.items())
        self.say(f"  about {duration(sum(seconds.values()))} at most on {where}: {parts}")

    @contextmanager
    def axis(self, name: str) -> Iterator[None]:
        """Around the measurement of an axis."""
        self._axis, self._stage, start = name, "", time.perf_counter()
        self._show(name, 0, 1)
        yield
        self.say(f"  {name}: {duration(time.perf_counter() - start)}")

    def __call__(self, stage: str, done: int, images: int) -> None:
        new, self._stage = stage != self._stage, stage
        now = time.perf_counter()
        within = stage.removeprefix(f"{self._axis}: ")
        if self._bar is not None:
            self._show(f"{self._axis}: {within}", done, images)
        elif new and (now - self._said > PLAIN_SECONDS or within.startswith("passes: ")):
            self._said = now
            self.say(f"    {self._axis}: {within}")

    def _show(self, text: str, done: int, images: int) -> None:
        if self._bar is not None:
            self._bar.update(self._task, description=text, completed=done, total=max(1, images))
