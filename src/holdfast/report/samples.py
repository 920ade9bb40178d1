"""Scores that are the mean of a column, by the column's name."""

from collections.abc import Callable, Mapping

import numpy as np

from holdfast.findings import Finding
from holdfast.report.collect import Measured
from holdfast.report.paired import Sample, mean

Columns = Mapping[str, np.ndarray]


def no_sample(measured: Measured, finding: Finding, score: str) -> Sample | None:
    """For audits of which nothing is known image by image."""
    return None


def means_of(names: Mapping[str, str]) -> Callable[[Measured, Finding, str], Sample | None]:
    """Reads scores that are the mean of a column; names: the column by score."""

    def read(measured: Measured, finding: Finding, score: str) -> Sample | None:
        column = finding.columns.get(names.get(score, ""))
        return None if column is None else mean(finding.columns["id"], column.astype(float))

    return read


def evenly(strata: np.ndarray) -> dict[int, float]:
    """Weights of a plain mean over strata."""
    return {int(stratum): 1.0 / len(strata) for stratum in strata}
