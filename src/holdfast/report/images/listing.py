"""All galleries of a page: those that audits' readers give, and near-duplicates."""

from collections.abc import Sequence

import numpy as np

from holdfast.atlas import NAMES
from holdfast.report.images.gallery import MOST, Gallery
from holdfast.report.images.readers import PerImage
from holdfast.report.images.sets import Pictures, View


def galleries(pictures: Pictures, readers: Sequence[PerImage]) -> list[Gallery]:
    """All galleries of all views, in the order of the page.

    Raises ValueError for a gallery whose key its reader does not name.
    """
    keys = [key for reader in sorted(readers, key=lambda reader: reader.rank) for key in reader.keys]
    keys += [f"twins-{kind}" for kind in NAMES]
    found = []
    for number, view in enumerate(pictures.views):
        fitting = [reader for reader in readers if reader.kind == pictures.sets[view.number].kind]
        given = [gallery for reader in fitting for gallery in reader.galleries(number, view, pictures)]
        found += [gallery for gallery in (*given, _twins(number, view, pictures)) if len(gallery.rows)]
    return sorted(found, key=lambda gallery: keys.index(gallery.after or gallery.key))


def _twins(number: int, view: View, pictures: Pictures) -> Gallery:
    one = pictures.sets[view.number]
    groups = one.atlas.duplicates[one.rows]
    _, inverse, counts = np.unique(groups, return_inverse=True, return_counts=True)
    twins = np.flatnonzero(counts[inverse] > 1)
    order = twins[np.lexsort((twins, groups[twins], -counts[inverse][twins]))]
    text = (
        f"{len(twins):,} images that look like another one here ({int((counts > 1).sum()):,} groups, by perceptual "
        "hash and correlation), side by side: such an image counts more than once."
    )
    title = f"Near-duplicates among the {'test' if one.kind == 'test' else 'scored'} images"
    return Gallery(f"twins-{one.kind}", title, text, number, order[:MOST], caption="twins")
