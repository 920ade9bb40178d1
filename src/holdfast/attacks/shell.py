"""The shell around every attack: it enforces budget and pixel range, and tests success again on the final image.

An attack proposes; the shell decides. An attack is anything with a `search`: a generator that yields a Trial for the
images still in play and is sent, after each, which of them stay. Broken images leave at once. It may not count its own
successes, so no attack to come can overstate itself.
"""

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from holdfast.attacks.checkpoint import AttackCheckpoint
from holdfast.attacks.harms import Goal, Measure
from holdfast.attacks.lp import Norm, check_budget, check_pixels, within
from holdfast.progress import OnProgress
from holdfast.randomness import fold, key


@dataclass(frozen=True, kw_only=True)
class Problem:
    """The images that an attack still works on, and what it may do to them."""

    goal: Goal
    images: Tensor
    """[m, ...] in [0, 1], clean."""
    keys: Tensor
    """[m] int64, one per image: every draw comes from them."""
    eps: float
    norm: Norm

    def keep(self, stays: Tensor) -> "Problem":
        """The problem for the images where stays [m] is True."""
        return replace(self, goal=self.goal.rows(stays), images=self.images[stays], keys=self.keys[stays])

    def raising(self, harm: Measure) -> "Problem":
        """This problem, with another harm to raise."""
        return replace(self, goal=replace(self.goal, harm=harm))

    def within(self, perturbed: Tensor) -> Tensor:
        """Perturbed images [m, ...] brought into the budget and the pixel range."""
        return within(self.images, perturbed, eps=self.eps, norm=self.norm)

    def harm(self, outputs: Tensor) -> Tensor:
        """The goal's harm [m] of the model's outputs [m, k]."""
        return self.goal.harm(outputs, self.goal.references)


class Trial(NamedTuple):
    """Images [m, ...] that an attack has asked the model about, and the answer [m, k]."""

    images: Tensor
    outputs: Tensor


Search = Generator[Trial, Tensor, None]
"""Yields trials and is sent bool [m]: which of the images stay in play. It goes on with those alone."""


class Attack(Protocol):
    """What the shell runs."""

    def search(self, problem: Problem) -> Search:
        """Proposes perturbed images until its means are spent or none is left."""
        ...


@dataclass(frozen=True)
class Records:
    """What an attack did to each image [n], on the CPU."""

    ids: Tensor
    """int64."""
    broken: Tensor
    """Bool: the goal was reached on an image within the budget."""
    iteration: Tensor
    """int64: the trial that broke the image, 0 being the start; -1 for none."""
    margin: Tensor
    """float64: of the image that broke, else the largest of any trial."""
    images: Tensor | None = None
    """[n, ...]: the image that broke, else the one of largest margin; None unless asked for."""

    def columns(self) -> dict[str, Tensor]:
        """By name, without what was not asked for."""
        return {name: value for name, value in vars(self).items() if value is not None}


def run(
    attack: Attack,
    goal: Goal,
    images: Tensor,
    *,
    eps: float,
    norm: Norm = "linf",
    seed: int = 0,
    ids: Tensor | None = None,
    batch_size: int = 128,
    keep_images: bool = False,
    checkpoint: AttackCheckpoint | None = None,
    on_progress: OnProgress | None = None,
) -> Records:
    """Attacks images [n, ...], batch by batch where the goal's references are, which are theirs row by row.

    images: floats in [0, 1], or bytes (torch.uint8), of which a batch at a time becomes floats. Draws depend on seed
    and ids [n] (by default the rows' places) alone, so neither batch size nor order changes a verdict. With a
    checkpoint what is done is saved after every batch, and what was saved is not attacked again. on_progress is told
    (done, all) images. Raises ValueError for floats outside [0, 1] and a budget that is none.
    """
    check_budget(eps, norm)
    if images.dtype != torch.uint8:
        check_pixels(images)
    home = goal.references.device
    ids = torch.arange(len(images)) if ids is None else ids.cpu()
    keys = fold(key(seed, "attack"), ids)
    done = checkpoint.load() if checkpoint is not None else {}
    done = done if ("images" in done) == keep_images else {}
    rest = torch.arange(len(images)) if not done else torch.isin(ids, done["ids"], invert=True).nonzero()[:, 0]
    parts = [Records(**done)] if done else []
    for rows in rest.split(batch_size) if len(rest) else ():
        batch = _floats(images[rows.to(images.device)].to(home))
        problem = Problem(goal=goal.rows(rows), images=batch, keys=keys[rows].to(home), eps=eps, norm=norm)
        parts.append(_attacked(attack, problem, ids[rows], keep_images))
        if checkpoint is not None:
            checkpoint.save(_joined(parts).columns())
        if on_progress is not None:
            on_progress(sum(len(part.ids) for part in parts), len(images))
    return _ordered(_joined(parts), ids) if parts else _blank(_floats(images), ids, keep_images)


def _floats(batch: Tensor) -> Tensor:
    return batch.float() / 255 if batch.dtype == torch.uint8 else batch


def _joined(parts: list[Records]) -> Records:
    return Records(**{name: torch.cat([part.columns()[name] for part in parts]) for name in parts[0].columns()})


def _ordered(records: Records, ids: Tensor) -> Records:
    """In the order of ids [n], out of any that were found before."""
    ordered, order = records.ids.sort()
    places = order[torch.searchsorted(ordered, ids)]
    return Records(**{name: column[places] for name, column in records.columns().items()})


def _blank(images: Tensor, ids: Tensor, keep_images: bool) -> Records:
    count = len(ids)
    return Records(
        ids=ids,
        broken=torch.zeros(count, dtype=torch.bool),
        iteration=torch.full((count,), -1),
        margin=torch.full((count,), -torch.inf, dtype=torch.float64),
        images=images.detach().cpu().clone() if keep_images else None,
    )


def _attacked(attack: Attack, problem: Problem, ids: Tensor, keep_images: bool) -> Records:
    """One batch: runs the search, and lets images go as they break."""
    records = _blank(problem.images, ids, keep_images)
    places = torch.arange(len(ids))
    search = attack.search(problem)
    trial = next(search, None)
    iteration = 0
    while trial is not None and len(places):
        stays = _judged(problem, trial, records, places, iteration)
        problem, places = (problem, places) if stays.all() else (problem.keep(stays), places[stays.cpu()])
        iteration += 1
        try:
            trial = search.send(stays) if len(places) else None
        except StopIteration:
            trial = None
    search.close()
    return records


@torch.no_grad()
def _judged(problem: Problem, trial: Trial, records: Records, places: Tensor, iteration: int) -> Tensor:
    """Writes what a trial shows into records and returns bool [m]: which images stay in play."""
    goal = problem.goal
    margins = goal.margin(trial.outputs, goal.references)
    claimed = torch.zeros_like(margins, dtype=torch.bool)
    if goal.success is not None:
        claimed = goal.success(trial.outputs, goal.references)
    _keep_largest(problem, trial, margins, records, places)
    won = torch.zeros_like(claimed)
    if claimed.any():
        winners = problem.keep(claimed)
        final = winners.within(trial.images[claimed])
        outputs = winners.goal.model(final)
        confirmed = winners.goal.success(outputs, winners.goal.references)  # type: ignore[misc]
        won[claimed] = confirmed
        margins = winners.goal.margin(outputs, winners.goal.references)
        _write_broken(records, places[won.cpu()], iteration, margins[confirmed], final[confirmed])
    return ~won


def _keep_largest(problem: Problem, trial: Trial, margins: Tensor, records: Records, places: Tensor) -> None:
    values = margins.double().cpu()
    more = values >= records.margin[places]
    records.margin[places[more]] = values[more]
    if records.images is not None and more.any():
        here = more.to(trial.images.device)
        kept = problem.keep(here).within(trial.images[here])
        records.images[places[more]] = kept.cpu()


def _write_broken(records: Records, places: Tensor, iteration: int, margins: Tensor, images: Tensor) -> None:
    records.broken[places] = True
    records.iteration[places] = iteration
    records.margin[places] = margins.double().cpu()
    if records.images is not None:
        records.images[places] = images.cpu()
