"""Talos (arXiv:2102.04140): SimCLR on faces whose features must not tell a sensitive attribute.

The paper trains on UTKFace and other collections of faces and places, with attributes such as race; hardware, time,
epochs and expected numbers are not held here. Views and network are SimCLR's of this repository; only the weight of
the reversed gradient, 10, is the authors' code's (their text has 1). We have not run it on their data:
docs/methods/talos.md has what we measured on ours.
"""

from holdfast.config import RunConfig
from holdfast.methods import ForgetConfig, SimCLRConfig


def talos_faces() -> RunConfig:
    """Faces with a column of attributes: --data FOLDER --groups FILE.csv:race; another column by --forget."""
    return RunConfig(
        method=SimCLRConfig(temperature=0.5),
        parts=(ForgetConfig(forget="race", forget_weight=10.0),),
        image_size=64,
        epochs=100,
    )
