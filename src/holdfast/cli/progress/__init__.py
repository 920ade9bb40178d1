"""What training and audits print while they work."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.cli.progress.audit import Stages as Stages
    from holdfast.cli.progress.quiet import quiet_fabric as quiet_fabric
    from holdfast.cli.progress.training import Progress as Progress
    from holdfast.cli.progress.training import duration as duration
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
