"""An audit as it goes: the estimate first, a live line on a terminal, a line per finished axis when piped."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rich.progress import BarColumn, TextColumn

from holdfast.cli.progress.line import Live
from holdfast.cli.progress.training import duration
from holdfast.system import SAME, about

COUNTED = 1.0
"""Seconds that an axis was thought to take, at least, for what it took to say how good the estimate is."""
WORTH_SAYING = 15.0
"""Seconds that are left, at least, for a line to say so."""
PLAIN_SECONDS = 20.0
"""At least this long between two plain lines within an axis."""


class Stages(Live):
    """Shows what an audit measures. Call it with (stage, images done, images in all), as Options.progress is."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,}/{task.total:,}"))
        super().__init__(*columns, description="preparing", total=1)
        self._axis, self._stage, self._said = "", "", time.perf_counter()
        self._left: dict[str, float] = {}
        self._planned, self._took = 0.0, 0.0

    def plan(self, seconds: Mapping[str, float], where: str, *, busy: float = 1.0) -> None:
        """The estimate for each axis and for all. busy: how many times longer work takes than on an idle machine."""
        whole, self._left = sum(seconds.values()), dict(seconds)
        parts = ", ".join(f"{name} {about(value, value)}" for name, value in seconds.items() if value >= 0.5)
        self.say(f"  about {about(whole / busy, whole)} at most on {where}: {parts}")
        if busy > SAME:
            self.say(f"  other work slows this machine {busy:.1f} times just now, so these are rough")

    @contextmanager
    def axis(self, name: str) -> Iterator[None]:
        """Around the measurement of an axis."""
        self._axis, self._stage, start = name, "", time.perf_counter()
        self._show(name, 0, 1)
        yield
        took = time.perf_counter() - start
        self.say(f"  {name}: {duration(took)}{self._rest(name, took)}")

    def _rest(self, name: str, took: float) -> str:
        """What is left, by how the axes so far kept to their estimate; nothing where that is little."""
        planned = self._left.pop("features", 0.0) + self._left.pop(name, 0.0)  # features belong to the first axis
        if planned >= COUNTED:
            self._planned, self._took = self._planned + planned, self._took + took
        left = sum(self._left.values()) * (self._took / self._planned if self._planned else 1.0)
        return f"; about {about(left, left)} at most are left" if self._left and left >= WORTH_SAYING else ""

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
