"""The shell around every attack: it enforces budget and pixel range, and tests success again on the final image.

An attack proposes; the shell decides. Broken images leave at once, with all their rows, and others take their place.
An attack may not count its own successes, so none to come can overstate itself.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.module import register_module_forward_pre_hook

from holdfast.attacks.checkpoint import AttackCheckpoint
from holdfast.attacks.harms import Goal
from holdfast.attacks.lp import Norm, check_budget, check_pixels, length
from holdfast.attacks.problem import Attack, Problem, State, Trial, kept_rows, positions
from holdfast.attacks.records import Records, blank, firsts
from holdfast.progress import OnProgress
from holdfast.randomness import fold, key

SAVED_AFTER = 5.0
"""Seconds after which what was found since is saved."""


@contextmanager
def batch_norms_held() -> Iterator[None]:
    """Inside, a pass through a batch norm in training mode that keeps running statistics raises ValueError.

    It watches every module, since an attack sees a function of images and not what is behind it; only as rows enter,
    since a hook on every module costs each pass.
    """
    hook = register_module_forward_pre_hook(_refuse)
    try:
        yield
    finally:
        hook.remove()


def _refuse(module: nn.Module, inputs: Any) -> None:
    if isinstance(module, _BatchNorm) and module.training and module.running_mean is not None:
        raise ValueError(
            "expected a network in evaluation mode, got a batch norm in training mode, whose running statistics every "
            "query of the attack would move; call network.eval() first"
        )


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
    margins: bool = True,
    checkpoint: AttackCheckpoint | None = None,
    on_progress: OnProgress | None = None,
) -> Records:
    """Attacks images [n, ...] where the goal's references are, which are theirs row by row.

    images: floats in [0, 1], or bytes (torch.uint8), of which a batch at a time becomes floats. batch_size: rows in
    play, an image having one for each of the attack's variants. Draws depend on seed and ids [n] (by default the rows'
    places) alone, so neither batch size nor order changes a verdict. margins: False leaves those of images that did
    not break unknown, -inf. With a checkpoint what is done is saved every few seconds, and what was saved is not
    attacked again. on_progress is told (done, all) images. Raises ValueError for floats outside [0, 1], a budget
    that is none, and inside torch.inference_mode(), where no gradient is.
    """
    check_budget(eps, norm)
    if torch.is_inference_mode_enabled():
        raise ValueError("expected that gradients can be taken, got torch.inference_mode(); attack outside of it")
    if images.dtype != torch.uint8:
        check_pixels(images)
    ids = torch.arange(len(images)) if ids is None else ids.cpu()
    records = blank(ids, _floats(images) if keep_images else None)
    done = _restored(records, checkpoint)
    play = _Play(attack, goal, images, (eps, norm), seed, records, margins=margins)
    saved = time.monotonic()
    for finished in play.all((~done).nonzero()[:, 0], batch_size):
        done[finished] = True
        if checkpoint is not None and (time.monotonic() - saved > SAVED_AFTER or bool(done.all())):
            checkpoint.save(records.rows(done).columns())
            saved = time.monotonic()
        if on_progress is not None:
            on_progress(int(done.sum()), len(done))
    return records


def _floats(batch: Tensor) -> Tensor:
    return batch.float() / 255 if batch.dtype == torch.uint8 else batch


def _restored(records: Records, checkpoint: AttackCheckpoint | None) -> Tensor:
    """Puts what was saved into the records and returns for which images [n], bool."""
    done = torch.zeros(len(records.ids), dtype=torch.bool)
    saved = {} if checkpoint is None else checkpoint.load()
    if saved and ("images" in saved) == (records.images is not None):
        place = {name: row for row, name in enumerate(records.ids.tolist())}
        places = torch.tensor([place[name] for name in saved["ids"].tolist()], dtype=torch.int64)
        records.put(places, Records.of(saved))
        done[places] = True
    return done


@dataclass
class _Rows:
    """What is in play."""

    problem: Problem
    state: State
    places: Tensor
    """[m] int64, on the CPU: the image of each row."""
    ages: Tensor
    """[m] int64, on the CPU: steps that each row has had."""


class _Play:
    """Rows in play, and what becomes of their images."""

    def __init__(
        self, attack: Attack, goal: Goal, images: Tensor, ball: tuple[float, Norm], seed: int, records: Records,
        *, margins: bool,
    ) -> None:  # fmt: skip
        self.attack, self.goal, self.images, self.ball = attack, goal, images, ball
        self.records, self.margins = records, margins
        purpose = f"attack {type(attack).__name__}"
        self.keys, self.shared = fold(key(seed, purpose), records.ids), key(seed, f"{purpose}, shared")
        self.rows: _Rows | None = None
        self.room = 0

    def all(self, queue: Tensor, batch_size: int) -> Iterator[Tensor]:
        """Attacks the images at places [k], and tells which have just been done with."""
        variants, self.room = self.attack.variants, batch_size
        while len(queue) or self.rows is not None:
            room = max(0 if self.rows else 1, (batch_size - self._count()) // variants)
            # A few free rows are not worth a start; an attack that cannot be joined is refilled once it is through.
            if len(queue) and (self.rows is None or (self.attack.refills and room * variants * 4 >= batch_size)):
                with batch_norms_held():
                    self._enter(queue[:room])
                    finished = self._turn()
                queue = queue[room:]
            else:
                finished = self._turn()
            if len(finished):
                yield finished

    def _count(self) -> int:
        return 0 if self.rows is None else len(self.rows.places)

    def _enter(self, places: Tensor) -> None:
        home, variants = self.goal.references.device, self.attack.variants
        rows = places.repeat_interleave(variants)
        problem = Problem(
            goal=self.goal.rows(rows),
            images=_floats(self.images[rows.to(self.images.device)].to(home)),
            keys=self.keys[rows].to(home),
            shared=self.shared,
            variant=torch.arange(variants, device=home).repeat(len(places)),
            eps=self.ball[0],
            norm=self.ball[1],
            room=self.room,
        )
        state, ages = self.attack.start(problem), torch.zeros_like(rows)
        if self.rows is None:
            self.rows = _Rows(problem, state, rows, ages)
            return
        old = self.rows
        joined = {name: torch.cat([value, state[name]]) for name, value in old.state.items()}
        self.rows = _Rows(
            old.problem.joined(problem), joined, torch.cat([old.places, rows]), torch.cat([old.ages, ages])
        )

    def _turn(self) -> Tensor:
        """One step of all rows; returns the places of the images that have none left."""
        assert self.rows is not None
        rows = self.rows
        trial, rows.state = self.attack.step(rows.problem, rows.state)
        if trial.number is not None:
            rows.ages = trial.number.cpu()
        leaves = self._judged(rows, trial)
        if trial.done is not None:
            leaves |= trial.done.cpu()
        rows.ages += 1
        if not leaves.any():
            return rows.places[:0]
        before, stays = rows.places, ~leaves
        there = positions(stays).to(rows.problem.images.device)
        rows.places, rows.ages = rows.places[stays], rows.ages[stays]
        rows.problem, rows.state = rows.problem.keep(there), kept_rows(rows.state, there)
        self.rows = rows if len(rows.places) else None
        gone = before[leaves].unique()
        return gone[~torch.isin(gone, rows.places)]

    @torch.no_grad()
    def _judged(self, rows: _Rows, trial: Trial) -> Tensor:
        """Writes what a trial shows into the records; bool [m], on the CPU: rows of images that are broken."""
        goal, success = rows.problem.goal, rows.problem.goal.success
        claimed = None if success is None else success(trial.outputs, goal.references)
        if claimed is not None and trial.claims is not None:
            self._note_norms(rows, trial, claimed)
            claimed = claimed & trial.claims
        if self.margins:
            self._note_margins(rows, trial)
        if claimed is None or not claimed.any():
            return torch.zeros(len(rows.places), dtype=torch.bool)
        confirmed = self._confirmed(rows, trial, claimed)
        if self.attack.variants > 1 and confirmed.any():
            return torch.isin(rows.places, rows.places[confirmed])
        return confirmed

    def _confirmed(self, rows: _Rows, trial: Trial, claimed: Tensor) -> Tensor:
        """The claimed rows where the final image reaches the goal, asked again; bool [m], on the CPU."""
        winners = rows.problem.keep(claimed)
        goal, final = winners.goal, winners.within(trial.images[claimed])
        outputs = goal.asked_again(final)
        assert goal.success is not None
        won = goal.success(outputs, goal.references)
        which = torch.zeros(len(rows.places), dtype=torch.bool)
        which[claimed.cpu()] = won.cpu()
        chosen = firsts(rows.places[which])
        places, ages = rows.places[which][chosen], rows.ages[which][chosen]
        there = chosen.to(won.device)
        records, final = self.records, final[won][there]
        records.broken[places], records.iteration[places] = True, ages
        records.margin[places] = goal.margin(outputs, goal.references)[won][there].double().cpu()
        records.norm[places] = length(final - winners.images[won][there], self.ball[1]).double().cpu()
        if records.images is not None:
            records.images[places] = final.cpu()
        return which

    def _note_norms(self, rows: _Rows, trial: Trial, reached: Tensor) -> None:
        """How near an attack that leaves the ball has reached the goal."""
        if not reached.any():
            return
        norms = length(trial.images - rows.problem.images, self.ball[1]).double()
        norms = norms.masked_fill(~reached, torch.inf).cpu()
        self.records.norm.scatter_reduce_(0, rows.places, norms, "amin")

    def _note_margins(self, rows: _Rows, trial: Trial) -> None:
        values = rows.problem.goal.margin(trial.outputs, rows.problem.goal.references).double().cpu()
        records, places = self.records, rows.places
        if trial.claims is not None:
            values = torch.where(trial.claims.cpu(), values, -torch.inf)
        most = torch.full_like(records.margin, -torch.inf).scatter_reduce_(0, places, values, "amax")
        more = (values >= records.margin[places]) & (values == most[places]) & (values > -torch.inf)
        if not more.any():
            return
        chosen = more.nonzero()[:, 0]
        chosen = chosen[firsts(places[chosen])]
        records.margin[places[chosen]] = values[chosen]
        if records.images is not None:
            there = chosen.to(trial.images.device)
            kept = rows.problem.keep(there).within(trial.images[there])
            records.images[places[chosen]] = kept.cpu()
