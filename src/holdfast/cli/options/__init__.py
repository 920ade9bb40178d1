"""How words of a command line become options, and what is said where they do not."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.cli.options.errors import UserError as UserError
    from holdfast.cli.options.errors import nearest as nearest
    from holdfast.cli.options.folders import free_folder as free_folder
    from holdfast.cli.options.listing import show_list as show_list
    from holdfast.cli.options.parsing import flags as flags
    from holdfast.cli.options.parsing import parse as parse
    from holdfast.cli.options.parsing import take as take
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
