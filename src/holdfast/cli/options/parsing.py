"""Options from dataclasses: one flat list of flags, the nearest right one for a misspelt flag, errors in one line."""

import contextlib
import dataclasses
import io
import typing
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import tyro

from holdfast.cli.options.errors import UserError, nearest
from holdfast.cli.options.help import Help, help_text
from holdfast.cli.options.misread import misread
from holdfast.renamed import current, note

T = TypeVar("T")


def parse(kind: type[T], words: Sequence[str], page: Help, *, default: T | None = None) -> T:
    """An instance of a dataclass from words of a command line. Prints the help and exits for --help and --help-all.

    Raises UserError, in one line, for a flag that does not exist or a value of the wrong type.
    """
    if asked := {"-h", "--help", "--help-all"} & set(words):
        print(help_text(page, kind, default, full="--help-all" in asked))
        raise SystemExit(0)
    prog = page.prog
    _check_flags(words, set(flags(kind, default)), page)
    words = _current(words)
    errors = io.StringIO()
    try:
        with contextlib.redirect_stderr(errors):
            return tyro.cli(
                kind,
                prog=prog,
                args=list(words),
                default=default,  # type: ignore[arg-type]
                config=(tyro.conf.OmitArgPrefixes,),
            )
    except SystemExit:
        reason = misread(errors.getvalue(), words, kind, default)
        see = "" if reason.endswith("?") else f"; see {prog} --help"
        raise UserError(f"{reason}{see}") from None


def _current(words: Sequence[str]) -> list[str]:
    """The words with values that were renamed in today's spelling; a line is printed for each."""
    found = list(words)
    for index, word in enumerate(words):
        flag, joined, value = word.partition("=")
        place = index if joined else index + 1
        name, value = flag.removeprefix("--").replace("-", "_"), value if joined else "".join(words[place : place + 1])
        if flag.startswith("--") and (said := note(name, value)):
            found[place] = f"{flag}={current(name, value)}" if joined else current(name, value)
            print(f"holdfast: {said}")
    return found


def take(words: list[str], flag: str) -> str | None:
    """Removes `--flag VALUE` or `--flag=VALUE` from words and returns the value; None where it is not there."""
    for index, word in enumerate(words):
        name, joined, value = word.partition("=")
        if name != flag:
            continue
        if not joined and index + 1 == len(words):
            raise UserError(f"expected a value after {flag}, got none; give one")
        value = value if joined else words[index + 1]
        del words[index : index + (1 if joined else 2)]
        return value
    return None


def flags(kind: Any, default: Any = None) -> Iterator[str]:
    """The names of all flags of a dataclass and of the dataclasses in it, without dashes in front."""
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        value = getattr(default, field.name, None) if default is not None else None
        inner = type(value) if dataclasses.is_dataclass(value) else hints[field.name]
        if isinstance(value, tuple) and any(map(dataclasses.is_dataclass, value)):
            for one in value:
                yield from flags(type(one), one)
        elif dataclasses.is_dataclass(inner):
            yield from flags(inner, value)
        else:
            name = field.name.replace("_", "-")
            yield name
            if hints[field.name] is bool:
                yield f"no-{name}"


def _check_flags(words: Sequence[str], known: set[str], page: Help) -> None:
    for word in words:
        name = word.partition("=")[0].removeprefix("--").replace("_", "-")
        if word.startswith("--") and len(word) > 2 and name not in known:
            remedy = page.elsewhere(name) or _nearest_flag(name, known)
            raise UserError(f"expected an option of {page.prog}, got --{name}; {remedy}")


def _nearest_flag(name: str, known: set[str]) -> str:
    close = nearest(name, known, likeness=0.65)
    return close.replace("mean ", "mean --") if close.startswith("did") else "its --help lists them"
