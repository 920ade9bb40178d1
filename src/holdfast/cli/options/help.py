"""What `--help` prints: a sentence, an example and the options that most need; all of them with --help-all."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from holdfast.cli.options.describe import Option, options_of
from holdfast.cli.options.lines import wrapped


@dataclasses.dataclass(frozen=True, kw_only=True)
class Help:
    """What a command's help says beside its options."""

    usage: str
    """How the command is called, as in 'holdfast report FOLDER ... [OPTIONS]'."""
    says: str
    """What the command does, in sentences."""
    example: str
    """A command line that works."""
    first: str
    """Names of the fields that most users need, at most ten, with spaces between; --help shows these alone."""
    groups: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """By heading: names of the fields that --help-all shows under it. What is in no group comes last."""
    more: tuple[Option, ...] = ()
    """Options that are no fields of the settings."""
    elsewhere: Callable[[str], str] = lambda name: ""
    """What to do instead of giving an option that the command does not have but another one has; '' for others."""

    @property
    def prog(self) -> str:
        """The command's words, without what follows them."""
        words = self.usage.split()
        return " ".join(words[: next((i for i, word in enumerate(words) if not word.islower()), len(words))])


def help_text(page: Help, kind: Any, default: Any = None, *, full: bool = False) -> str:
    """The help of a command whose options are those of a dataclass, at most 80 columns wide.

    default: an instance whose values are shown as defaults; None: the fields' own. full: every option, in groups.
    """
    options = {option.name: option for option in (*page.more, *options_of(kind, default))}
    named = [option for option in options.values() if not option.positional]
    first = [options[name] for name in page.first.split() if name in options]
    parts = [f"usage: {page.usage}", wrapped(page.says), f"for example: {page.example}"]
    parts += _section("arguments", [option for option in options.values() if option.positional])
    if not full:
        parts += _section("options", first)
        rest = len(named) - len(first)
        parts += [f"{page.prog} --help-all shows {rest} more."] if rest > 0 else []
        return "\n\n".join(parts)
    parts += _section("options that most need", first)
    left = [option for option in named if option not in first]
    for heading in dict.fromkeys(option.group for option in left if option.group):
        parts += _section(heading, [option for option in left if option.group == heading])
    left = [option for option in left if not option.group]
    for heading, names in page.groups.items():
        parts += _section(heading, [option for option in left if option.name in names.split()])
        left = [option for option in left if option.name not in names.split()]
    parts += _section("other options", left)
    return "\n\n".join(parts)


def _section(heading: str, options: list[Option]) -> list[str]:
    if not options:
        return []
    entries = []
    for option in options:
        entries += [wrapped(option.flag, "  ", "      "), wrapped(option.text, "      ")]
    return [f"{heading}:\n" + "\n".join(entries)]
