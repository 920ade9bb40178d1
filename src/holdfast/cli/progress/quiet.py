"""What other libraries say is left to our own lines."""

import logging


def quiet_fabric() -> None:
    """Fabric announces its precision; the line that training starts with says it already."""
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
