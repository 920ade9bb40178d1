"""Lines of other libraries that our own say better."""

import logging

from holdfast.cli.progress import quiet_fabric


def test_fabric_is_quiet_though_it_sets_its_level_on_a_later_import():
    quiet_fabric()
    logging.getLogger("lightning_fabric").setLevel(logging.INFO)  # as lightning_fabric/__init__.py does
    assert not logging.getLogger("lightning_fabric.utilities.rank_zero").isEnabledFor(logging.INFO)
