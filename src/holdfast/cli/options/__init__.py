"""How words of a command line become options, and what is said where they do not."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.cli.options.describe import Option as Option
    from holdfast.cli.options.describe import changed as changed
    from holdfast.cli.options.describe import heading as heading
    from holdfast.cli.options.errors import EndedElsewhereError as EndedElsewhereError
    from holdfast.cli.options.errors import UserError as UserError
    from holdfast.cli.options.errors import nearest as nearest
    from holdfast.cli.options.folders import free_folder as free_folder
    from holdfast.cli.options.help import Help as Help
    from holdfast.cli.options.idle import given_names as given_names
    from holdfast.cli.options.idle import refuse_idle as refuse_idle
    from holdfast.cli.options.lines import JOIN as JOIN
    from holdfast.cli.options.lines import columns_of as columns_of
    from holdfast.cli.options.lines import copyable as copyable
    from holdfast.cli.options.lines import fitted as fitted
    from holdfast.cli.options.lines import wrapped as wrapped
    from holdfast.cli.options.listing import chosen as chosen
    from holdfast.cli.options.listing import first_line as first_line
    from holdfast.cli.options.listing import listed as listed
    from holdfast.cli.options.listing import paragraphs as paragraphs
    from holdfast.cli.options.loading import say_when_loading as say_when_loading
    from holdfast.cli.options.parsing import flags as flags
    from holdfast.cli.options.parsing import parse as parse
    from holdfast.cli.options.parsing import take as take
    from holdfast.cli.options.sharing import share_out as share_out
    from holdfast.cli.options.standins import without_heavy_imports as without_heavy_imports
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
