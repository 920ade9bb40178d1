"""Losses and time as training goes on; nothing here enters a computation."""

import math
import time

import torch
from torch import Tensor

from holdfast.engine.checkpoint import Position

READ_EVERY = 10
"""Steps between two reads of the losses: each read makes the host wait for a GPU."""


class Meter:
    """Adds up losses, training time and views for a position."""

    def __init__(self, position: Position):
        self._position = position
        self._pending: list[Tensor] = []
        self._views, self._seconds = 0, 0.0
        self._last = self._saved = time.perf_counter()

    def add_loss(self, loss: Tensor) -> bool:
        """Notes a loss; True when it read those noted so far."""
        self._pending.append(loss.detach())
        if len(self._pending) < READ_EVERY:
            return False
        self.read()
        return True

    def read(self) -> None:
        """Moves the noted losses into the position. Raises FloatingPointError for one that is not finite."""
        if not self._pending:
            return
        values = torch.stack(self._pending).tolist()
        first = self._position.step - len(values) + 1
        self._pending.clear()
        for step, value in enumerate(values, start=first):
            if not math.isfinite(value):
                raise FloatingPointError(
                    f"expected a finite loss, got {value} at step {step}; "
                    "lower --lr, lengthen --warmup-epochs, or use --precision 32"
                )
            self._position.loss_sum += value
            self._position.loss_count += 1

    @property
    def mean_loss(self) -> float:
        """Mean of the losses read in this epoch."""
        return self._position.loss_sum / max(1, self._position.loss_count)

    def tick(self, views: int) -> None:
        """Counts the time since the last tick as training time, in which `views` views were trained on."""
        now = time.perf_counter()
        self._seconds += now - self._last
        self._position.seconds += now - self._last
        self._views += views
        self._last = now

    def views_per_second(self) -> float:
        """Since the last call."""
        speed = self._views / self._seconds if self._seconds else 0.0
        self._views, self._seconds = 0, 0.0
        return speed

    def pause(self) -> None:
        """Leaves the time since the last tick out (signals, checkpoints)."""
        self._last = time.perf_counter()

    def saved(self) -> None:
        """A checkpoint was written now."""
        self._saved = time.perf_counter()
        self.pause()

    @property
    def since_saved(self) -> float:
        """Seconds since the last checkpoint of this process."""
        return time.perf_counter() - self._saved
