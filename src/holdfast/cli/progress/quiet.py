"""What other libraries say is left to our own lines."""

import logging

_SPEAKS = "lightning_fabric.utilities.rank_zero"
"""Fabric's logger that speaks. Its root sets its own level as it is imported, which may be later."""


def quiet_fabric() -> None:
    """Fabric announces its precision; the line that training starts with says it already."""
    for name in ("lightning_fabric", _SPEAKS):
        logging.getLogger(name).setLevel(logging.WARNING)
