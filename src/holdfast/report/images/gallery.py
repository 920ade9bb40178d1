"""Which images are worth a look, by encoder: ends of rankings, errors, rare classes, what broke first, twins."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from holdfast.report.axes import trustworthy
from holdfast.report.images.pictures import Pictures, View
from holdfast.report.wording import shown

MOST = 1000
"""Images of a gallery."""
STRIP = 12
"""Images of a gallery that only shows one end."""


@dataclass(frozen=True, eq=False)
class Gallery:
    """Images of a view in an order, with what to say of them."""

    key: str
    """The same for every encoder; galleries of one key take each other's place."""
    title: str
    text: str
    view: int
    """Place among the page's views."""
    rows: np.ndarray
    """int64 [k], places in the view's set."""
    sort: str = ""
    """The field that they are in the order of, and that is written under each; nothing: as given."""
    descending: bool = False
    caption: str = ""
    """Another field to write under each."""
    strip: bool = False
    """A short row without controls."""
    extras: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    """By row: further pictures, as data URIs with their captions."""


def galleries(pictures: Pictures) -> list[Gallery]:
    """All galleries of all views, in the order of the page."""
    found = [
        gallery
        for number, view in enumerate(pictures.views)
        for make in (_test_galleries if pictures.sets[view.number].kind == "test" else _scored_galleries,)
        for gallery in make(number, view, pictures)
        if len(gallery.rows)
    ]
    return sorted(found, key=lambda gallery: _ORDER.index(_family(gallery.key)))


def _family(key: str) -> str:
    """Strips stand after the gallery that they belong to."""
    return "least-stable" if key.startswith("least-stability") else key


_ORDER = (
    *("most-memorised", "least-memorised", "first-broken", "least-stable", "worst-class", "rarest"),
    *("twins-test", "twins-scored"),
)


def _scored_galleries(number: int, view: View, pictures: Pictures) -> Iterator[Gallery]:
    ratio, part = view.values("ratio"), view.values("part")
    if ratio is None or part is None:
        return
    names = next(f.names for f in view.fields if f.key == "part")
    candidates = np.flatnonzero(part == list(names).index("candidate")) if "candidate" in names else np.arange(0)
    order = candidates[np.argsort(-ratio[candidates], kind="stable")]
    sound = trustworthy(view.member.findings["memorization"])
    text = (
        f"Of {len(order):,} candidates, which one encoder of each pair trained on and the other did not. The score "
        "sees no labels: look for twins, wrong labels and what is rare."
    )
    if not sound:
        text = f"This order is not trustworthy: the study’s numbers do not stand out from chance. {text}"
    style: dict[str, Any] = {"view": number, "sort": "ratio"}
    yield Gallery("most-memorised", "Memorised most", text, rows=order[:MOST], descending=True, **style)
    yield Gallery("least-memorised", "Memorised least", text, rows=order[::-1][:MOST], **style)
    yield from _twins(number, view, pictures, "twins-scored", "Near-duplicates among the scored images")


def _test_galleries(number: int, view: View, pictures: Pictures) -> Iterator[Gallery]:
    yield from _first_broken(number, view, pictures)
    yield from _least_stable(number, view)
    yield from _worst_class(number, view, pictures)
    yield from _rarest(number, view, pictures)
    yield from _twins(number, view, pictures, "twins-test", "Near-duplicates among the test images")


def _first_broken(number: int, view: View, pictures: Pictures) -> Iterator[Gallery]:
    finding = view.member.findings.get("robustness")
    ids = pictures.sets[view.number].ids
    place = {int(name): row for row, name in enumerate(ids)}
    kept = [] if finding is None else [r for r in finding.tables.get("first_broken", ()) if r["id"] in place]
    if not kept:
        return
    text = (
        "The images that gave way to the smallest budget in the fewest steps of PGD: as it is, as the attack left it, "
        "and what was added, magnified (grey: nothing)."
    )
    extras = [_attack_pictures(row) for row in kept]
    rows = np.array([place[row["id"]] for row in kept])
    yield Gallery("first-broken", "First broken by the attack", text, number, rows, extras=extras)


def _attack_pictures(row: Mapping[str, Any]) -> dict[str, Any]:
    steps = "a step" if row["iteration"] == 1 else f"{row['iteration']} steps"
    return {
        "pictures": [
            {"text": "attacked", "png": row["attacked"]},
            {"text": f"change × {row['magnified']:g}", "png": row["perturbation"]},
        ],
        "caption": f"{shown(row['eps'])}, {steps}",
        "predicted": row["predicted"],
    }


def _least_stable(number: int, view: View) -> Iterator[Gallery]:
    for known in view.fields:
        if not known.key.startswith("stability"):
            continue
        order = np.argsort(known.values, kind="stable")
        order = order[np.isfinite(known.values[order])]
        if known.key == "stability":
            text = "Whitened cosine of the clean and the moved image, mean over all transformations and strengths."
            yield Gallery("least-stable", "Least stable", text, number, order[:MOST], sort="stability")
        else:
            name = known.label.removeprefix("Stability ").capitalize()
            yield Gallery(f"least-{known.key}", name, "", number, order[:STRIP], sort=known.key, strip=True)


def _worst_class(number: int, view: View, pictures: Pictures) -> Iterator[Gallery]:
    atlas = pictures.sets[view.number].atlas
    finding, correct = view.member.findings.get("balance"), view.values("correct")
    rows = [] if finding is None else finding.tables.get("per_class", ())
    if not rows or correct is None or atlas.labels is None:
        return
    worst = min(rows, key=lambda row: row["accuracy"])
    labels = atlas.labels[pictures.sets[view.number].rows]
    wrong = np.flatnonzero((labels == worst["index"]) & (correct == 0))
    text = f"{worst['accuracy']:.1f} % of its test images are right; these are taken for other classes."
    title = f"Errors of the worst class: {shown(worst['class'])}"
    yield Gallery("worst-class", title, text, number, wrong[:MOST], caption="predicted")


def _rarest(number: int, view: View, pictures: Pictures) -> Iterator[Gallery]:
    """Images of the classes with few training images, the rarest class and its errors first."""
    shown_set = pictures.sets[view.number]
    groups, trained = shown_set.atlas.groups, view.values("train_images")
    if groups is None or trained is None or "few" not in groups:
        return
    correct = view.values("correct")
    few = np.flatnonzero(groups[shown_set.rows] == "few")
    wrong = np.zeros(len(few)) if correct is None else correct[few]
    order = few[np.lexsort((wrong, trained[few]))]
    text = (
        "Images of the classes with few training images, the rarest class first, what the probe gets wrong before the "
        "rest."
    )
    yield Gallery("rarest", "Rarest groups", text, number, order[:MOST], sort="train_images", caption="predicted")


def _twins(number: int, view: View, pictures: Pictures, key: str, title: str) -> Iterator[Gallery]:
    shown_set = pictures.sets[view.number]
    groups = shown_set.atlas.duplicates[shown_set.rows]
    _, inverse, counts = np.unique(groups, return_inverse=True, return_counts=True)
    twins = np.flatnonzero(counts[inverse] > 1)
    order = twins[np.lexsort((twins, groups[twins], -counts[inverse][twins]))]
    text = (
        f"{len(twins):,} images that look like another one here ({int((counts > 1).sum()):,} groups, by perceptual "
        "hash and correlation), side by side: such an image counts more than once."
    )
    yield Gallery(key, title, text, number, order[:MOST], caption="twins")
