"""Lists of what there is, a line for each entry."""

from collections.abc import Mapping, Sequence
from typing import Any

from holdfast.cli.options.errors import UserError


def show_list(what: str, words: Sequence[str], entries: Mapping[str, Any]) -> None:
    """Prints the name and the first line of each entry's docstring. Raises UserError for further words."""
    if words and words != ["--help"] and words != ["-h"]:
        raise UserError(f"expected nothing after 'holdfast {what}', got {' '.join(words)}; leave it out")
    width = max(map(len, entries))
    for name, entry in entries.items():
        print(f"{name:{width}}  {(entry.__doc__ or '').strip().splitlines()[0]}")
