"""What a command line that cannot be read lacks, in one line: expected, got, remedy."""

import re
from collections.abc import Sequence
from typing import Any

from holdfast.cli.options.describe import options_of
from holdfast.cli.options.errors import nearest

_FRAME = str.maketrans("", "", "│╭╮╰╯─|")


def misread(text: str, words: Sequence[str], kind: type, default: Any) -> str:
    """The reason in the parser's box, as 'expected --epochs NUMBER, got 'abc''.

    words: of the command line. kind, default: the options, as in `parse`.
    """
    said = " ".join(re.sub(r"-{4,}", " ", text.translate(_FRAME)).split())
    reason = said.partition("Argument helptext")[0].partition("For full helptext")[0]
    own = re.search(r"\bexpected (?!\d|one)[^.]*, got .*; .*", reason)
    if own is not None:  # what our settings say of a value that was read
        return own[0].strip()
    named = re.search(r"(?:[Pp]arsing|argument|arguments?:?) '?(--[a-z][\w-]*)", reason)
    if named is not None:
        whole = " (a whole number)" if re.search(r"\bint\b|INT\b", reason) else ""
        return _of_value(named[1], whole, words, kind, default)
    loose = re.search(r"Unrecognized options: (.+)", reason)
    if loose is not None:
        return f"expected options after it, got {loose[1].strip()!r}; options begin with --"
    reason = re.sub(r"^(?:\s*(?:Value error|Parsing error|Error parsing [\w.]+:))+", "", reason)
    return reason.strip() or "the options do not fit"


def _of_value(flag: str, whole: str, words: Sequence[str], kind: type, default: Any) -> str:
    """What an option takes, what it was given, and the nearest of its choices."""
    name = flag.removeprefix("--").replace("-", "_")
    shown = next((one.flag for one in options_of(kind, default) if one.name == name), flag)
    value = _value_of(flag, words)
    text = f"expected {shown}{whole}, got {'no value' if value is None else repr(value)}"
    choices = shown.partition(" ")[2].split("|")
    close = nearest(value, choices) if value is not None and len(choices) > 1 else ""
    return f"{text}; {close}" if close.startswith("did") else text


def _value_of(flag: str, words: Sequence[str]) -> str | None:
    """The value behind a flag, written with dashes or underlines; the last one where it is there several times."""
    found = None
    for index, word in enumerate(words):
        name, joined, value = word.partition("=")
        if name.startswith("--") and name.replace("_", "-") == flag:
            behind = words[index + 1 : index + 2]
            found = value if joined else behind[0] if behind and not behind[0].startswith("--") else None
    return found
