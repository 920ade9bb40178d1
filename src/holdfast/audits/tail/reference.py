"""The tail's trends beside those of random weights of the same network, on the same images and views."""

import numpy as np

from holdfast.audits.tail.measure import Tail
from holdfast.findings import Score
from holdfast.statistics import DRAWS, spearman, spearman_difference

_TRENDS = (("alignment", "relative", "sparseness", "lower"), ("consistency", "consistency", "distance", "higher"))


def against_random(measured: Tail, random: Tail | None, seed: int) -> list[Score]:
    """NAME_trend_reference and NAME_trend_above_reference of both trends; nothing without a reference.

    The local scale of any features gives a trend: only what lies beyond that of random weights was learnt.
    """
    scores = []
    for name, values, by, better in _TRENDS if random is not None else ():
        own, other = (_columns(tail, values, by) for tail in (measured, random) if tail is not None)
        theirs = spearman(*other)
        interval = spearman_difference(own, other, seed=seed)
        words = f"{name} trend"
        scores += [
            _score(f"{name}_trend_reference", theirs, "neither", f"The {words} of random weights of the same network."),
            _score(
                f"{name}_trend_above_reference",
                spearman(*own) - theirs,
                better,
                f"The {words} less that of random weights of the same network: what training did to the rare.",
                interval,
                most=2.0,
            ),
        ]
    return scores


def _columns(tail: Tail, values: str, by: str) -> tuple[np.ndarray, np.ndarray]:
    sparse = getattr(tail, by)
    return (sparse[tail.viewed] if by == "distance" else sparse), getattr(tail, values)


def _score(
    name: str, value: float, better: str, text: str, interval: tuple[float, float] | None = None, most: float = 1.0
) -> Score:
    return Score(
        name=name,
        value=value,
        unit="correlation",
        range=(-most, most),
        better=better,  # type: ignore[arg-type]
        definition=text,
        interval=interval,
        interval_over="" if interval is None else f"test images (paired bootstrap, {DRAWS:,} draws)",
    )
