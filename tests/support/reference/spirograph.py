"""Spirograph as loops over points, pixels and channels, from the equations of arXiv:2010.09515; slow."""

import math


def picture(parameters: dict[str, float], *, size: int, normalise: str) -> list[list[list[float]]]:
    """[3][size][size]."""
    p = parameters
    curve = []
    for k in range(40):
        t = 2 * math.pi * k / 39
        turn = (p["m"] - p["h"]) * t / p["b"]
        x = (p["m"] - p["h"]) * math.cos(t) + p["h"] * math.cos(turn)
        curve.append((x, (p["m"] - p["h"]) * math.sin(t) - p["h"] * math.sin(turn)))
    grid = [-6 + 12 * i / (size - 1) for i in range(size)]
    ink = [
        [sum(math.exp(-((u - x) ** 2 + (v - y) ** 2) / p["sigma"]) for x, y in curve) / 40 for v in grid] for u in grid
    ]
    whole = max(map(max, ink))
    peaks = [(max(row) if normalise == "row" else whole) + 1e-8 for row in ink]
    colours = [(p[f"{c}fore"], p[f"{c}back"]) for c in "rgb"]
    return [
        [[fore * i / peak + back * (1 - i / peak) for i in row] for row, peak in zip(ink, peaks, strict=True)]
        for fore, back in colours
    ]
