"""The linear head under attack, as the protocol names it."""

import hashlib
from dataclasses import replace
from functools import partial

from holdfast.attacks import Passes
from holdfast.attacks.harms import Model
from holdfast.audits.robustness.attacks import AttackSetup
from holdfast.audits.subject import Options, Subject
from holdfast.data import Images, draw_evenly
from holdfast.evaluation.probes import HEAD_SCHEDULES, HeadSchedule, LinearProbe, fine_tuned, train_head
from holdfast.progress import OnProgress

TRAINED = {
    "slf": "SLF, on clean features",
    "alf": "ALF, on attacked features",
    "aff": "AFF, fine-tuned on attacked images together with the encoder",
    "emp-ssl": "as in CF-AMC-SSL's evaluate_empssl.py, on clean, attacked and again clean features",
    "simclr-clean": "as in CF-AMC-SSL's evaluate_simclr.py, on clean features",
    "simclr-attacked": "as in CF-AMC-SSL's evaluate_simclr.py, on attacked features",
}
"""By protocol: how the head was fitted, in words."""


def head_schedule(options: Options) -> HeadSchedule | None:
    """How the head is trained; None where it is fitted on clean features in closed form."""
    schedule = HEAD_SCHEDULES.get(options.attack_head)
    if schedule is None or options.head_steps is None:
        return schedule
    return schedule.of_length(options.head_steps)


def training_passes(options: Options) -> Passes:
    """Passes of an image that training the head takes."""
    schedule = head_schedule(options)
    if schedule is None:
        return Passes(0, 0)
    if options.attack_head == "aff":
        return Passes(schedule.attacked_images * (schedule.steps + 1), schedule.attacked_images)
    return Passes(schedule.attacked_images * schedule.steps, 2 * schedule.attacked_images)


def attacked_head(subject: Subject, features: Model) -> LinearProbe:
    """The head that is attacked: the audit's own probe, or one trained on its images by a schedule."""
    options, clean_head, schedule = subject.options, subject.full_shot.probe, head_schedule(subject.options)
    if schedule is None:
        return clean_head
    images = _seen(subject)
    return train_head(
        features,
        images,
        subject.pool_features[subject.pool.positions(images.ids)],
        classes=subject.classes,
        schedule=schedule,
        start=None if schedule.fresh else clean_head,
        seed=options.seed,
        on_progress=_told(options),
        checkpoint=AttackSetup(subject, images, checksum_of(clean_head)).checkpoint("head", schedule),
    )


def fine_tuned_network(subject: Subject) -> tuple[Subject, LinearProbe]:
    """The subject with its encoder fine-tuned on attacked images, and the head that was trained with it."""
    options, clean_head, images = subject.options, subject.full_shot.probe, _seen(subject)
    schedule = head_schedule(options)
    assert schedule is not None
    encoder, head = fine_tuned(
        subject.encoder,
        images,
        start=clean_head,
        schedule=schedule,
        device=options.device,
        seed=options.seed,
        on_progress=_told(options),
        checkpoint=AttackSetup(subject, images, checksum_of(clean_head)).checkpoint("fine-tuning", schedule),
    )
    return replace(subject, encoder=encoder), head


def _seen(subject: Subject) -> Images:
    """The images that a head is trained on."""
    options, probed = subject.options, subject.pool.select(subject.probe_ids)
    return probed.subset(draw_evenly(probed, options.head_images, seed=options.seed, purpose="head images"))


def _told(options: Options) -> OnProgress | None:
    return None if options.progress is None else partial(options.progress, f"robustness: {options.attack_head} head")


def checksum_of(head: LinearProbe) -> str:
    """16 hexadecimal digits of a SHA-256 over the head's tensors."""
    digest = hashlib.sha256()
    for tensor in (head.weight, head.bias, head.shift, head.scale):
        digest.update(tensor.detach().cpu().float().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
