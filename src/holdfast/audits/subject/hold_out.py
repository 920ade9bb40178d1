"""Test images where none are given: a fifth of each class, those that the encoder has not seen before the others."""

import torch

from holdfast.audits.subject.known import Known
from holdfast.data import Images
from holdfast.data.pool import draw_evenly

TEST_SHARE = 0.2
"""Share of each class that is held out as test images where none are given."""
LEAST_A_CLASS = 5
"""Test images of an average class below which a run's own hold-out is too thin to say anything of classes."""


def is_thin(images: Images, held_out: torch.Tensor) -> bool:
    """Whether held-out ids, fewer than a fifth, miss classes or are fewer than LEAST_A_CLASS for an average class."""
    if images.labels is None or len(held_out) >= TEST_SHARE * len(images):
        return False
    present = int(images.labels.unique().numel())
    tested = int(images.labels[images.positions(held_out)].unique().numel())
    return present > 1 and (tested < present or len(held_out) < LEAST_A_CLASS * present)


def hold_out(images: Images, known: Known, seed: int) -> Images:
    """A fifth of each class and at least one of two, drawn by seed and ids, `known.test_first` before others; none of
    the few-shot or validation images, which are few. By id. Raises ValueError where that is none."""
    kept = [ids for ids in (known.few_shot_ids, known.validation_ids) if ids is not None]
    free = images
    if kept:
        free = images.subset(torch.isin(images.ids, torch.cat(kept).to(images.ids.device), invert=True).nonzero()[:, 0])
    draw = {"seed": seed, "purpose": "audit test", "share": TEST_SHARE, "first": known.test_first}
    if not len(draw_evenly(free, 1, **draw)):
        raise ValueError(
            f"expected five or more images of a class to hold test images out of, got {len(free)} images; "
            "pass test= (--test)"
        )
    test = free.subset(draw_evenly(free, len(free), least=1, **draw))
    return test.subset(test.ids.argsort())


def said_of_thin(known: Known, test: Images, classes: int) -> list[str]:
    """What is said of a run whose own hold-out was too thin: nothing where it was not."""
    if known.test_first is None:
        return []
    unseen = int(torch.isin(test.ids.cpu(), known.test_first.cpu()).sum())
    return [
        f"the {len(known.test_first):,} images held out in training are few for {classes} classes: {TEST_SHARE:.0%} of "
        f"each class are test images, {unseen:,} of these {len(test):,} held out, the others seen in training without "
        "their labels; name others with --test"
    ]


def named_share(source: str, images: int, seen: int | None) -> str:
    """What a fifth of each class of a source is called: held out only where training saw none of the images.

    images: how many there are. seen: how many of them training saw; None where nobody knows.
    """
    share = f"{TEST_SHARE:.0%} of each class of {source}"
    if seen == 0:
        return f"{share}, held out"
    known = f"; {seen:,} of {images:,} seen in training without labels" if seen else ""
    return f"{share}, set aside for the test{known}"
