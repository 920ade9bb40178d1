"""The top of the page: one sentence that a manager reads, three pictures that show it, and what its words mean."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from holdfast.atlas import Atlas, cut
from holdfast.report.images import Gallery, Pictures
from holdfast.report.page.cards import Card, CardLine
from holdfast.report.wording import joined

SHOWN, SIDE = 3, 112
TERMS = {
    "Std": "standard deviation: how far the accuracies of the groups lie apart, in points",
    "whitened cosine": "how alike two features are, from −1 to 1, once every direction of the features counts equally",
    "8/255": "the largest change of a pixel that an attack may make, where black is 0 and white 1: hard to see",
    "AUC": "how often a random pair is put in the right order: 0.5 is chance, 1 is always",
    "t =": "temperature of the training loss: the smaller, the harder the closest images are pushed apart",
    "kNN": "the class that most of an image's nearest neighbours have",
    "95 %": "an interval that holds the true value in 95 of 100 such measurements",
}
"""What stands on the page, and what it means. Shown beside the cards where the page has it."""


@dataclass(frozen=True)
class Shown:
    """A picture beside the verdict."""

    uri: str
    title: str
    what: str
    """Its class or file."""
    key: str
    """The gallery that has more."""


def verdict_sentences(cards: Sequence[Card]) -> list[str]:
    """What the limits say of each encoder, in a sentence; encoders of which the same is said share one."""
    said: dict[tuple[tuple[str, ...], ...], list[str]] = {}
    for name in dict.fromkeys(line.name for card in cards for line in card.lines):
        found = [(line.verdict, _axis(card, line)) for card in cards for line in card.lines if line.name == name]
        groups = tuple(tuple(axis for verdict, axis in found if verdict == kind) for kind in ("watch", "close", "fine"))
        said.setdefault(groups, []).append(name)
    return [_sentence(joined(names), len(names) > 1, *groups) for groups, names in said.items()]


def _axis(card: Card, line: CardLine) -> str:
    """The axis in the sentence, with what numbers beyond its limits mean where a word says it."""
    title = card.axis.title.lower()
    return f"{title} ({line.means})" if line.means else title


def _sentence(who: str, several: bool, watch: Sequence[str], close: Sequence[str], fine: Sequence[str]) -> str:
    is_, needs = ("are", "need") if several else ("is", "needs")
    if not watch and not close and not fine:
        return f"No limit applies to what was measured of {who}: the numbers stand without a verdict."
    if not watch and not close:
        return f"{who} {is_} within every limit that was tested: {joined(list(fine))}."
    parts = [f"{who} {needs} a closer look at {joined(list(watch))}"] if watch else []
    if close:
        near = "are too close to their limits" if len(close) > 1 else "is too close to its limit"
        parts.append(f"{joined(list(close))} {near} to call")
    if fine:
        parts.append(f"{joined(list(fine))} {'are within their limits' if len(fine) > 1 else 'is within its limit'}")
    text = "; ".join(parts)
    return f"{text}." if watch else f"{who}: {text}."


def shown_first(pictures: Pictures, found: Sequence[Gallery], cards: Sequence[Card]) -> list[Shown]:
    """The first picture of three galleries, those of axes that need a look before the others."""
    watched = {card.axis.audit for card in cards if any(line.verdict == "watch" for line in card.lines)}
    keys = {key: card.axis.audit for card in cards if card.axis.per_image for key in card.axis.per_image.keys}
    once: dict[str, Gallery] = {}
    for gallery in found:
        if gallery.key in keys and len(gallery.rows) and not gallery.after:
            once.setdefault(gallery.key, gallery)
    order = sorted(once.values(), key=lambda gallery: keys.get(gallery.key) not in watched)
    picked: list[Gallery] = []
    for gallery in order:
        if len(picked) < SHOWN and keys.get(gallery.key) not in [keys.get(one.key) for one in picked]:
            picked.append(gallery)
    return [_shown(pictures, gallery) for gallery in picked]


def _shown(pictures: Pictures, gallery: Gallery) -> Shown:
    view, row = pictures.views[gallery.view], int(gallery.rows[0])
    one = pictures.sets[view.number]
    tiles = cut(pictures.sheet, pictures.count, pictures.tile, pictures.across)
    picture = Image.fromarray(tiles[one.first + row]).resize((SIDE, SIDE), Image.Resampling.NEAREST)
    buffer = io.BytesIO()
    picture.save(buffer, "jpeg", quality=88)
    uri = f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    return Shown(uri, gallery.title, _named(one.atlas, int(one.rows[row])), gallery.key)


def _named(atlas: Atlas, place: int) -> str:
    if atlas.labels is None or atlas.classes is None or atlas.labels[place] < 0:
        return f"id {int(atlas.ids[place])}"
    return atlas.classes[int(atlas.labels[place])]


def terms_on(text: str) -> list[tuple[str, str]]:
    """The terms that a text has, with what they mean."""
    return [(term.removesuffix(" ="), meaning) for term, meaning in TERMS.items() if term.lower() in text.lower()]
