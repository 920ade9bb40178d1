"""Training as it goes: a live line on a terminal, plain lines when piped."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, TextColumn

from holdfast.cli.options import JOIN
from holdfast.cli.progress.line import Live
from holdfast.report.wording import counted
from holdfast.system import about

PLAIN_SECONDS = 5.0
"""At least this long between two plain lines of epochs."""


def duration(seconds: float) -> str:
    """'42 s', '3 min 05 s' or '2 h 10 min'."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


class Progress(Live):
    """A listener of the engine that shows epoch, loss, views per second and remaining time."""

    def __init__(self, folder: Path, *, label: str = "", first: str = ""):
        """first: what is said as a run starts, before all else."""
        self._first_words = first
        self._folder, self._label = folder, f"{label}  " if label else ""
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[news]}"))
        super().__init__(*columns, description=f"{self._label}preparing", total=None, news="")
        self._facts: dict[str, Any] = {}
        self._started, self._first_step, self._said = time.perf_counter(), 0, 0.0
        self._unsaid, self._skipping = "", 0

    def __call__(self, event: Mapping[str, Any]) -> None:
        handler = getattr(self, f"_on_{event['kind']}", None)
        if handler is not None:
            handler(event)

    def _on_reading(self, event: Mapping[str, Any]) -> None:
        now, last = time.perf_counter(), event["done"] == event["images"]
        if self._bar is not None:
            counts = {"total": event["images"], "completed": event["done"]}
            self._bar.update(self._task, description=f"{self._label}checking files", news="", **counts)
        if now - self._said >= PLAIN_SECONDS or last:
            self._said = now
            self.say(f"{self._label}checked {event['done']:,} of {event['images']:,} images (once; it is remembered)")

    def _on_start(self, event: Mapping[str, Any]) -> None:
        self._facts = dict(event)
        self._started, self._first_step = time.perf_counter(), event["step"]
        if self._first_words:
            self.say(f"{self._label}{self._first_words}")
        start = f" from step {event['step']:,}" if event["step"] else ""
        self.say(
            f"{self._label}{event['method']} on {event['images']:,} images of {event['data']} "
            f"{event['image_size']} px, {event['held_out']:,} {event['held_out_kind']} for signals; "
            f"{event['encoder']} ({event['stem']} stem, {event['parameters'] / 1e6:.1f} M parameters), "
            f"{event['precision']}, {event['device']}; "
            f"{counted(event['epochs'], 'epoch')} × {counted(event['steps_per_epoch'], 'step')}{start}"
        )
        parts = "".join(f"--{word.replace('_', '-')} {chosen}; " for word, chosen in event["parts"].items())
        self.say(
            f"{self._label}{parts}budget {event['passes']:,} forward+backward passes, "
            f"{event['passes_per_image']} for each visit to an image"
        )
        if event["rejected"]:
            files = "1 file" if event["rejected"] == 1 else f"{event['rejected']:,} files"
            self.say(f"{self._label}set aside: {files}, see {self._folder / 'rejected.csv'}")
        if event["step"] == 0 and event["counts"]:
            self.say(f"{self._label}images per class: {', '.join(map(str, event['counts']))}")

    def _on_note(self, event: Mapping[str, Any]) -> None:
        self.say(f"{self._label}note: {event['text']}")

    def _on_caution(self, event: Mapping[str, Any]) -> None:
        self.say(f"{self._label}caution: {event['text']}")

    def _on_initial(self, event: Mapping[str, Any]) -> None:
        self.say(f"{self._label}first weights from {event['source']}: {len(event['matched'])} tensors taken over")
        for name in ("copy", "pixels"):
            if event.get(name):
                self.say(f"{self._label}  {name}: {event[name]}")
        kinds = {"missing": "not there, drawn afresh", "other_shape": "of another shape, drawn afresh"}
        for kind, text in (kinds | {"unused": "there and not used"}).items():
            names = event[kind]
            if names:
                more = f" and {len(names) - 5} more (init.json)" if len(names) > 5 else ""
                self.say(f"{self._label}  {len(names)} {text}: {', '.join(names[:5])}{more}")

    def _on_teacher(self, event: Mapping[str, Any]) -> None:
        first, *rest = event["lines"]
        self.say("\n".join([f"{self._label}teacher {first.removeprefix('encoder ')}", *rest]))

    def _on_step(self, event: Mapping[str, Any]) -> None:
        self._move(event, event["epoch"] + 1)

    def _move(self, event: Mapping[str, Any], epoch: int) -> None:
        """The live line, where there is one, to a step; an epoch of few steps moves it only when it ends."""
        if self._bar is not None:
            news = f"loss {event['loss']:.4f}  about {self._remaining(event['step'])} left"
            description = f"{self._label}epoch {epoch}/{self._facts['epochs']}"
            total = self._facts["total_steps"]
            self._bar.update(self._task, total=total, completed=event["step"], description=description, news=news)

    def _on_epoch(self, event: Mapping[str, Any]) -> None:
        self._move(event, event["epoch"])
        now, last = time.perf_counter(), event["epoch"] == self._facts["epochs"]
        remaining = f"  about {self._remaining(event['step'])} left" if not last else ""
        left = f"  {event['skipped']:,} not read" if event.get("skipped") else ""
        self._unsaid = (
            f"{self._label}epoch {event['epoch']}/{self._facts['epochs']}  loss {event['loss']:.4f}  "
            f"lr {event['lr']:.3g}  {event['views_per_second']:,.0f} views/s{left}{remaining}"
        )
        if now - self._said >= PLAIN_SECONDS or last or event["epoch"] == 1:
            self._said = now
            self._say_epoch()

    def _say_epoch(self) -> None:
        """The line of the last epoch, unless it was said."""
        if self._unsaid:
            self.say(self._unsaid)
        self._unsaid = ""

    def _on_skipped(self, event: Mapping[str, Any]) -> None:
        if event["epoch"] == self._skipping:
            return
        self._skipping = event["epoch"]
        first = event["images"][0][1]
        self.say(
            f"{self._label}caution: epoch {event['epoch']} goes on without images that cannot be read; their batches "
            f"are smaller by these ({first.path}: {first.reason}), see {self._folder / 'skipped.csv'}"
        )

    def _on_signals(self, event: Mapping[str, Any]) -> None:
        self._say_epoch()  # signals never stand without their epoch
        names = {"alignment": ".3f", "uniformity": ".3f", "effective_rank": ".1f", "feature_std": ".3f"}
        said = [f"{name.replace('_', ' ')} {event[name]:{digits}}" for name, digits in names.items()]
        said += [f"kNN {event['knn_accuracy']:.1f} %"] if "knn_accuracy" in event else []
        self.say(f"{self._label}  signals: {'  '.join(one.replace(' ', JOIN) for one in said)}")

    def _on_done(self, event: Mapping[str, Any]) -> None:
        left = f", {event['skipped']:,} visits to images left out (skipped.csv)" if event.get("skipped") else ""
        self.say(f"{self._label}trained in {duration(event['seconds'])}{left}: {self._folder}")

    def _on_finished(self, event: Mapping[str, Any]) -> None:
        self.say(f"{event['path']} is finished already; nothing to do")

    def _remaining(self, step: int) -> str:
        done = max(1, step - self._first_step)
        seconds = (time.perf_counter() - self._started) / done * (self._facts["total_steps"] - step)
        return about(seconds, seconds)
