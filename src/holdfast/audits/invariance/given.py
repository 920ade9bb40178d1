"""Changes of images whose features came with those of the images: nothing is moved, features are compared."""

import re
from collections.abc import Mapping

from torch import Tensor

from holdfast.audits.invariance.transformations import Graded
from holdfast.audits.subject import Subject
from holdfast.data import Images
from holdfast.evaluation.feature_table import FeatureTable


def given_changes(subject: Subject, some: Images) -> Mapping[Graded, list[Tensor]]:
    """By change of some test images: features [m, dim] at its strengths; random views count as one of many strengths.

    Empty for an encoder, which moves images itself.
    """
    table = subject.encoder
    if not isinstance(table, FeatureTable):
        return {}
    rows, device = table.rows(some.pixels), subject.test_features.device
    found = {_graded(name, 1): [values[rows].to(device)] for name, values in table.changes.items()}
    if table.views is not None:
        several = table.views[rows].to(device).unbind(1)
        found[_graded("random views", len(several))] = list(several)
    return found


def _graded(name: str, strengths: int) -> Graded:
    name = re.sub("[^a-z0-9]+", "_", name.lower()).strip("_")
    return Graded(name, "as given", tuple(float(number + 1) for number in range(strengths)), lambda images, *_: images)
