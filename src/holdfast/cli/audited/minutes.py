"""What `--minutes` bounds: the time that robustness and invariance take together, also where estimates were wrong."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from holdfast.options import BEARS_ON
from holdfast.system import about


@dataclass
class Minutes:
    """The time that is left of it, as axes are measured one after another."""

    minutes: float
    planned: Mapping[str, float]
    """Seconds by axis, at most, as they were estimated before."""
    left_out: dict[str, float]
    """Axes that are not measured for want of time, with the seconds that they would take at most."""
    spent: dict[str, float] = field(default_factory=dict)

    def allow(self, axis: str) -> bool:
        """Whether an axis may begin: its estimate, lengthened as those before it were, fits into what is left. The
        first that is bounded always may: it was found to fit."""
        if axis not in BEARS_ON["budget"] or not self.spent:
            return True
        expected = sum(self.planned.get(name, 0.0) for name in self.spent)
        slower = max(1.0, sum(self.spent.values()) / max(expected, 1e-9))
        seconds = slower * self.planned.get(axis, 0.0)
        if sum(self.spent.values()) + seconds <= 60 * self.minutes:
            return True
        self.left_out[axis] = seconds
        return False

    def spend(self, axis: str, seconds: float) -> None:
        """Notes what an axis took."""
        if axis in BEARS_ON["budget"]:
            self.spent[axis] = seconds

    def said(self, command: Callable[[str], str]) -> list[str]:
        """A line for each axis left out, with the command that measures it, which is given by axis."""
        return [
            f"  not measured: {axis}, which would take about {about(seconds, seconds)} here, more than is left of "
            f"--minutes {self.minutes:g}: {command(axis)}"
            for axis, seconds in self.left_out.items()
        ]
