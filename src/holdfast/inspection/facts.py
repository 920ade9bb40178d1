"""How many images there are, of what kind and size; numbers only, no judgement."""

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from holdfast.data.survey import Survey
from holdfast.data.usual_size import advised_size

_NAMED, _FEW = 20, 3


def counted(seen: Survey) -> dict[str, Any]:
    """Counts, formats and modes, and what was set aside."""
    aside = sum(seen.reasons.values())
    return {
        "images": {"found": seen.total, "looked_at": seen.looked_at, "usable": len(seen), "set_aside": aside},
        "formats": _shares(seen, 0),
        "modes": _shares(seen, 1),
        "set_aside": {
            "reasons": seen.reasons,
            "first": [{"path": path, "reason": reason} for path, reason in seen.rejected[:_NAMED]],
        },
        "values": [
            {"kind": kind, "images": count, "low": low, "high": high, "black_white": list(seen.ranges[kind])}
            for (kind, low, high), count in seen.reaches
        ],
        "not_taken": seen.untaken,
        "left_out": list(seen.left_out),
        "holds": list(seen.holds),
        "plain": int(seen.flat.sum()),
        "plain_first": [seen.names(int(number)) for number in seen.ids[seen.flat][:_FEW]],
        "grey": int(seen.grey.sum()),
    }


def _shares(seen: Survey, part: int) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for place, number in enumerate(np.bincount(seen.kind, minlength=len(seen.kinds)).tolist()):
        counts[seen.kinds[place][part]] += number
    return {name: number for name, number in counts.most_common() if number}


def other_files(source: str, found: int) -> int:
    """Files in a folder that are no pictures by their names; 0 for any other source."""
    if not Path(source).is_dir():
        return 0
    return max(0, sum(len(files) for _, _, files in os.walk(source, followlinks=True)) - found)


def sizes(seen: Survey) -> dict[str, Any]:
    """Sides in pixels, shapes and bytes, and the largest usual size that half of the images reach."""
    shorter, longer = np.minimum(seen.width, seen.height), np.maximum(seen.width, seen.height)
    median = int(np.median(shorter))
    advised = advised_size(median)
    return {
        "width": _spread(seen.width),
        "height": _spread(seen.height),
        "shorter_side": _spread(shorter),
        "longer_over_shorter": _spread(longer / np.maximum(shorter, 1)),
        "one_size": bool((seen.width == seen.width[0]).all() and (seen.height == seen.height[0]).all()),
        "square": int((seen.width == seen.height).sum()),
        "bytes": {"all": int(seen.size.sum()), **_spread(seen.size)},
        "advised": advised,
        "below_advised": int((shorter < advised).sum()),
        "shorter_sides": _histogram(shorter),
    }


def _spread(values: np.ndarray) -> dict[str, float]:
    low, middle, high = (float(v) for v in np.quantile(values, (0, 0.5, 1)))
    return {"smallest": low, "median": middle, "largest": high}


def _histogram(shorter: np.ndarray) -> list[dict[str, int]]:
    """Images by powers of two of the shorter side."""
    powers = np.floor(np.log2(np.maximum(shorter, 1))).astype(int)
    return [
        {"from": 2**power, "below": 2 ** (power + 1), "images": int((powers == power).sum())}
        for power in range(int(powers.min()), int(powers.max()) + 1)
    ]


def usable_images(document: Mapping[str, Any]) -> int:
    """Images that can be used, of the whole source: counted, or as the share of a draw has it."""
    found = document["images"]
    return round(found["usable"] / max(1, found["looked_at"]) * found["found"])


def commonest(reasons: Mapping[str, int]) -> str:
    """The one that stands out, or three of those that are each there as often."""
    most = max(reasons, key=reasons.__getitem__)
    if len(reasons) == 1:
        return most
    if reasons[most] > 1:
        return f"most often: {most}"
    return "; ".join([*list(reasons)[:_FEW], *["…"] * (len(reasons) > _FEW)])
