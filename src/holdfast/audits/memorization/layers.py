"""LayerMem and UnitMem of scored pairs as tables."""

from typing import Any

import numpy as np

from holdfast.audits.subject import Scored
from holdfast.evaluation.pairs import UnitSums, unit_memorization_of
from holdfast.statistics import mean_interval


def layer_tables(scored: Scored) -> dict[str, list[dict[str, Any]]]:
    """'layers': LayerMem of each tap (mean of ratios over candidates and pairs), its step from the tap before in the
    same chain, and its units' summary over pairs; 'units': UnitMem of each unit of the first pair's f.
    """
    return {"layers": _layers(scored), "units": _units(scored)}


def _layers(scored: Scored) -> list[dict[str, Any]]:
    rows, last = [], {}
    for tap in scored.taps:
        ratios = np.mean([layers.ratios[tap.name] for layers in scored.layers], axis=0)
        value, (low, high) = float(ratios.mean()), mean_interval(ratios) or (None, None)
        before = last.get(tap.chain)
        row = {"layer": tap.name, "kind": tap.kind, "layer_memorization": value, "low": low, "high": high}
        row["step"] = None if before is None else value - before
        rows.append(row | _unit_summary([layers.units[tap.name] for layers in scored.layers]))
        last[tap.chain] = value
    return rows


def _unit_summary(pairs: list[UnitSums]) -> dict[str, Any]:
    """Mean and largest UnitMem of living units over pairs, and how many are dead; or why there is none."""
    refused = _refusal(pairs)
    if refused:
        return {
            "units": len(pairs[0].peak),
            "unit_mean": None,
            "unit_largest": None,
            "dead_units": None,
            "note": refused,
        }
    living = [unit_memorization_of(sums)[sums.peak > 0] for sums in pairs]
    known = [values for values in living if len(values)]
    return {
        "units": len(pairs[0].peak),
        "unit_mean": float(np.mean([float(values.mean()) for values in known])) if known else None,
        "unit_largest": float(np.mean([float(values.max()) for values in known])) if known else None,
        "dead_units": float(np.mean([int((sums.peak == 0).sum()) for sums in pairs])),
        "note": "",
    }


def _refusal(pairs: list[UnitSums]) -> str:
    least = min(float(sums.least) for sums in pairs)
    if least < 0:
        return f"no unit scores: activations reach {least:.3g}, and UnitMem is defined for non-negative ones alone"
    return (
        "" if min(sums.count for sums in pairs) > 1 else "no unit scores: one candidate has no others to compare with"
    )


def _units(scored: Scored) -> list[dict[str, Any]]:
    rows = []
    for tap in scored.taps:
        sums = scored.layers[0].units[tap.name]
        if _refusal([sums]):
            continue
        values = [round(float(value), 4) for value in unit_memorization_of(sums)]
        rows.append({"layer": tap.name, "unit_memorization": values, "image_id": sums.at.tolist()})
    return rows
