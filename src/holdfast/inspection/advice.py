"""Advice from numbers: the rules, each with its limit, its reason and where that comes from. No measuring here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from holdfast.inspection.facts import commonest, usable_images
from holdfast.inspection.first_look import first_look
from holdfast.system import SAME, about

Document = Mapping[str, Any]

EVEN = 1.5
"""Largest over smallest class up to which classes count as even; the balance audit makes no groups below it."""
LONG = 10.0
"""Largest over smallest class from which SDCLR is worth its second branch; it was measured at 100 (CIFAR) and 256."""
COPIES = 0.01
"""Share of copies and near-duplicates from which they are worth removing first."""
FEW_IMAGES = 5_000
"""Images under which an encoder should start from trained weights."""
SMALL = 64
"""Pixels up to which encoders get a small stem, which weights for large images do not fit."""
STEPS = 40_000
"""Optimiser steps that published runs take: SDCLR's 2,000 epochs of 11,165 images in batches of 512 are 44,000, and
SimCLR's 100 epochs of ImageNet in batches of 4,096 are 31,000."""
MOST_EPOCHS = 2_000
NIGHT = 8
"""Hours that are named beside a budget."""
MOST_BATCH, LEAST_BATCHES = 512, 8
RESIDENT_GIB = 4.0
"""Decoded images that `train` keeps in memory by default."""
LONG_SHAPES = 2.0
"""Median of the longer over the shorter side from which a centre crop leaves out half of a picture."""


@dataclass(frozen=True)
class Rule:
    """When to say what, and why."""

    topic: str
    say: Callable[[Document], str | None]
    """The advice, or None where it does not apply."""
    reason: str
    source: str = ""
    """A paper, a page of ours, or nothing where it is arithmetic."""


def advice(document: Document) -> list[dict[str, str]]:
    """What to do, the most urgent first: topic, advice, reason and source of each rule that applies."""
    said = [(rule, rule.say(document)) for rule in RULES]
    return [
        {"topic": rule.topic, "advice": text, "reason": rule.reason, "source": rule.source}
        for rule, text in said
        if text is not None
    ]


def _classes(document: Document) -> Mapping[str, Any] | None:
    return next((entry for entry in document["frequencies"] if entry["of"] == "classes"), None)


def _set_aside(document: Document) -> str | None:
    found, reasons = document["images"], document["set_aside"]["reasons"]
    if not found["set_aside"]:
        return None
    return (
        f"{found['set_aside']:,} of {found['looked_at']:,} images cannot be used ({commonest(reasons)}). Training sets "
        "them aside and lists them in rejected.csv; repair them if you need them, or use --strict to stop at the first."
    )


def _overlap(document: Document) -> str | None:
    both = document["overlap"]
    if not both or not both["near"]:
        return None
    return (
        f"{both['near']:,} images are in {document['against']} too ({both['exact']:,} of them copies). Remove them "
        "from one of the two before you report accuracy."
    )


def _near_duplicates(document: Document) -> str | None:
    alike, copies = (document["duplicates"][kind]["extra_images"] for kind in ("near", "exact"))
    repeated = alike + copies
    if repeated < COPIES * document["images"]["usable"]:
        return None
    repeat = "1 image repeats another" if repeated == 1 else f"{repeated:,} images repeat others"
    return f"{repeat} (copies: {copies:,}). Remove them, or keep them knowingly: they weigh as often as they are there."


def _plain(document: Document) -> str | None:
    plain, first = document["plain"], document.get("plain_first", ())
    if not plain:
        return None
    names = ", ".join([*first, *["…"] * (plain > len(first))])
    found = "1 image is a plain surface" if plain == 1 else f"{plain:,} images are plain surfaces"
    return f"{found}{f' ({names})' * bool(first)}. Look at {'it' if plain == 1 else 'them'}: blank scans teach nothing."


def _ends(document: Document, low: float, high: float) -> Mapping[str, Any] | None:
    """The classes where their imbalance is in [low, high)."""
    classes = _classes(document)
    uneven = classes is not None and classes["count"] > 1 and low <= classes["imbalance"] < high
    return classes if uneven else None


def _against(classes: Mapping[str, Any]) -> str:
    return f"{classes['largest']:,} against {classes['smallest']:,} images is {classes['imbalance']:.1f} to 1"


def _even(document: Document) -> str | None:
    classes = _ends(document, 0, EVEN)
    if classes is None:
        return None
    return f"{_against(classes)}: even. Train simclr, and look at the balance audit's worst class."


def _mild(document: Document) -> str | None:
    classes = _ends(document, EVEN, LONG)
    if classes is None:
        return None
    return (
        f"{_against(classes)}: mild. Keep all images and train simclr; no weights by class are needed, since training "
        "uses no labels. Fit the classifier on top with equal weights by class, and look at the balance audit."
    )


def _long(document: Document) -> str | None:
    classes = _ends(document, LONG, float("inf"))
    if classes is None:
        return None
    return (
        f"{_against(classes)}: a long tail. Keep all images: evening them out would leave "
        f"{classes['smallest'] * classes['count']:,}. Train sdclr and simclr with the same settings and compare their "
        "balance audits; fit the classifier on top with equal weights by class."
    )


def _rare(document: Document) -> str | None:
    classes = _classes(document)
    if classes is None or not classes["under_20"]:
        return None
    return (
        f"{classes['under_20']} of {classes['count']} classes have fewer than 20 images. Their test accuracy will be "
        "uncertain whatever you train: collect test images of these first."
    )


def _unlabelled(document: Document) -> str | None:
    if _classes(document) is not None:
        return None
    folders = next((entry for entry in document["frequencies"] if entry["of"] == "folders"), None)
    hint = f" If its {folders['count']} folders are classes, say so: --labels folder." if folders else ""
    return f"No labels: none are needed to train, and the tail audit says whether the rare are served worse.{hint}"


def _start(document: Document) -> str | None:
    images = usable_images(document)
    if images >= FEW_IMAGES:
        return None
    source = (document.get("cost") or {}).get("encoder", "timm/resnet18")
    weights = f"--init {source}:pretrained" if source.startswith(("timm/", "torchvision/")) else "--init FILE"
    small = "; its first layer is drawn afresh, as small images need another" * (document["sizes"]["advised"] <= SMALL)
    return (
        f"{images:,} images are few to learn from alone: start from trained weights ({weights}, from your cache or the "
        f"network{small}; or --init RUN, a run on images like these), and train for long enough to see the signals "
        "settle."
    )


def _size(document: Document) -> str | None:
    sizes = document["sizes"]
    stem = "a small stem, which is automatic" if sizes["advised"] <= SMALL else "the standard stem"
    below = f"; {sizes['below_advised']:,} are smaller and get enlarged" if sizes["below_advised"] else ""
    return (
        f"--image-size {sizes['advised']}, the largest usual size that half of the images reach (median shorter side "
        f"{sizes['shorter_side']['median']:.0f} pixels{below}), with {stem}."
    )


def _shape(document: Document) -> str | None:
    ratio = document["sizes"]["longer_over_shorter"]["median"]
    if ratio < LONG_SHAPES:
        return None
    return f"Half of the images are {ratio:.1f} times as long as wide: --resize pad keeps what a centre crop cuts off."


def _grey(document: Document) -> str | None:
    if document["grey"] < 0.95 * document["images"]["usable"]:
        return None
    return "Nearly all images are grey: jitter brightness and contrast alone (--hue 0 --saturation 0 --grey 0)."


def _budget(document: Document) -> str | None:
    images = usable_images(document)
    batch, epochs = budget(images)
    steps = images * epochs // batch
    cost = document.get("cost")
    took = ""
    if cost is not None:
        each = cost["seconds"] / cost["batch_size"] * images / 3600
        seconds, busy = 3600 * each * epochs, cost.get("busy", 1.0)
        took = (
            f" With {cost['method']} and {cost['encoder']} that is about {about(seconds / busy, seconds)} on this "
            f"machine; {NIGHT} hours buy {int(NIGHT / each):,} epochs{' or more' * (busy > SAME)}."
        )
    return f"--batch-size {batch} --epochs {epochs}: about {steps:,} steps.{took}"


def method_for(document: Document) -> str:
    """The method to try first: sdclr for classes with a long tail, else simclr."""
    classes = _classes(document)
    return "sdclr" if classes is not None and classes["imbalance"] >= LONG else "simclr"


def budget(images: int) -> tuple[int, int]:
    """Batch size and epochs for a number of images."""
    batch = 2
    while batch < MOST_BATCH and 2 * batch * LEAST_BATCHES <= images:
        batch *= 2
    return batch, max(1, min(MOST_EPOCHS, round(STEPS * batch / max(images, 1))))


def _memory(document: Document) -> str | None:
    size = document["sizes"]["advised"]
    gib = usable_images(document) * 3 * size**2 / 2**30
    if gib <= RESIDENT_GIB:
        return None
    return (
        f"Decoded at {size} pixels the images take {gib:.1f} GiB: they are streamed from disk, unless --memory-gib "
        f"{gib + 1:.0f} fits your memory."
    )


RULES: Sequence[Rule] = (
    Rule("set aside", _set_aside, "A file that cannot be read is no reason to stop, but it should not go unseen."),
    Rule(
        "overlap",
        _overlap,
        "Accuracy on an image that was trained on measures memory: 3.3 % of CIFAR-10's and 10 % of CIFAR-100's test "
        "images have near-duplicates in training, and all models lose accuracy without them.",
        "arXiv:1902.00423",
    ),
    Rule(
        "duplicates",
        _near_duplicates,
        "Contrastive losses push copies of an image apart as if they were different ones, a copy in the test set is no "
        "test, and near-duplicates hide memorization.",
        "docs/audits/memorization.md",
    ),
    Rule("plain surfaces", _plain, "All their views are alike, whatever the encoder does."),
    Rule("imbalance", _even, "Below 1.5 to 1, groups of rare and frequent classes would mean nothing."),
    Rule(
        "imbalance",
        _mild,
        "Representations learnt without labels suffer less from imbalance than supervised ones.",
        "arXiv:2110.05025",
    ),
    Rule(
        "imbalance",
        _long,
        "Measured at 100 to 1 on CIFAR-10: SDCLR raised the mean over classes from 75.6 to 82.0 % and the rare third "
        "from 71.4 to 76.2 %, with the spread between groups as it was (5.1 points). Whether it helps yours, two runs "
        "tell.",
        "arXiv:2106.02990",
    ),
    Rule(
        "rare classes",
        _rare,
        "With 20 test images the 95 % interval of an accuracy is about 40 points wide.",
        "Wilson 1927; docs/audits/balance.md",
    ),
    Rule("labels", _unlabelled, "Groups by density and clusters stand in for classes.", "docs/audits/tail.md"),
    Rule(
        "start",
        _start,
        "Contrastive training from random weights needs images: it gains up to some 500,000 of them, and loses most "
        "where they are scarce.",
        "arXiv:2105.05837",
    ),
    Rule("image size", _size, "Enlarging adds pixels, not detail, and time grows with the square of the side."),
    Rule("shape", _shape, "A crop from the centre must hold what the picture is of."),
    Rule("colour", _grey, "Colour that is the same in every image tells no two apart, and jitter of it does nothing."),
    Rule(
        "first look",
        first_look,
        "A short run on small views shows whether the images hold what you look for, not what is rare or small.",
        "docs/methods/simclr.md",
    ),
    Rule(
        "budget",
        _budget,
        "Steps are what published runs have in common: 44,000 in SDCLR's on CIFAR-10-LT, 31,000 in SimCLR's shortest "
        "on ImageNet. At least eight batches an epoch; what larger batches bring shrinks with long training.",
        "arXiv:2106.02990, arXiv:2002.05709",
    ),
    Rule("memory", _memory, "Three bytes a pixel, as the images lie in memory."),
)
"""In the order of urgency. Each reason stands beside its rule; numbers are in the document."""
