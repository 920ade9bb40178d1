"""The options that dataclasses stand for: flags, the kind of value in plain words, and what their docstrings say."""

import ast
import dataclasses
import inspect
import itertools
import re
import types
import typing
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Literal

import tyro

WORDS: dict[Any, str] = {int: "NUMBER", float: "NUMBER", str: "NAME", Path: "PATH"}
"""What a value is called, by its type."""
PATHS = frozenset({"data", "test", "against", "partition", "init"})
"""Fields whose text names a file or folder most of the time."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Option:
    """An option or argument of a command, as its help shows it."""

    name: str
    """The field's name."""
    flag: str
    """The flag with the kind of value it takes, as in '--epochs NUMBER'; an argument's word."""
    text: str
    """What it does, in sentences, with the default."""
    positional: bool = False
    """Whether it is given by its place, without a flag."""
    group: str = ""
    """The heading that its class gives it; '' for the command's own options."""


def options_of(kind: Any, default: Any = None) -> Iterator[Option]:
    """The options of a dataclass and of the dataclasses in it, in their order.

    default: an instance whose values are the defaults; None: the fields' own.
    """
    yield from _options(kind, default, "")


def _options(kind: Any, default: Any, group: str) -> Iterator[Option]:
    hints, texts = typing.get_type_hints(kind, include_extras=True), field_texts(kind)
    for field in dataclasses.fields(kind):
        value = _value(field, default)
        inner = value if isinstance(value, tuple) and any(map(dataclasses.is_dataclass, value)) else (value,)
        if all(dataclasses.is_dataclass(one) for one in inner):
            for one in inner:
                yield from _options(type(one), one, group if field.name == "config" else heading(type(one)))
        else:
            yield _option(field.name, hints[field.name], texts.get(field.name, ""), value, group)


def _value(field: Any, default: Any) -> Any:
    if default is not None:
        return getattr(default, field.name)
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return None if field.default is dataclasses.MISSING else field.default


def heading(kind: type) -> str:
    """The first sentence of a settings class's docstring, as a heading."""
    first = (inspect.getdoc(kind) or kind.__name__).split(". ")[0].splitlines()[0].rstrip(".")
    return first if first[1:2].isupper() else first[:1].lower() + first[1:]


def _option(name: str, hint: Any, text: str, value: Any, group: str) -> Option:
    flag, positional = f"--{name.replace('_', '-')}", False
    if typing.get_origin(hint) is typing.Annotated:
        hint, *marks = typing.get_args(hint)
        positional = tyro.conf.Positional in marks
    word = word_for(name, hint)
    if positional:
        flag = name.upper().removesuffix("S") + (" ..." if word.endswith("...") else "")
    elif hint is bool:
        flag = f"{flag}, --no-{name.replace('_', '-')}" if value else flag
    else:
        flag = f"{flag} {word}"
    return Option(name=name, flag=flag, text=sentences(text, value, hint), positional=positional, group=group)


def word_for(name: str, hint: Any) -> str:
    """The kind of value in plain words: NUMBER, PATH, NAME, the choices of a Literal, or several of one."""
    parts = [part for part in typing.get_args(hint) if part is not type(None)]
    if typing.get_origin(hint) is Literal:
        return "|".join(map(str, parts))
    if typing.get_origin(hint) is tuple:
        return f"{word_for(name, parts[0])} ..."
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        words = list(dict.fromkeys(word_for(name, part) for part in parts))
        return words[0] if len(words) == 1 else "NUMBER" if set(words) == {"NAME", "NUMBER"} else "VALUE"
    return "PATH" if name in PATHS else WORDS.get(hint, "VALUE")


def sentences(text: str, value: Any, hint: Any) -> str:
    """A field's docstring as the help prints it: what None stands for in words, and any other default at the end."""
    text = re.sub(r"[;,.]? *\bNone: ", ". Left out: ", " ".join(text.split()))
    text = re.sub(r"[;,.]? *\bNone (\w+s) ", r". Left out, it \1 ", text)
    if value is not None:
        text = re.sub(r" Left out[:,].*?(\.|$)", "", text)
    text = text if text.endswith((".", ")", "?")) else f"{text}."
    if value in (None, "", (), False):
        return text
    shown = (
        "on"
        if value is True
        else " ".join(map(str, value))
        if isinstance(value, tuple)
        else f"{value:g}"
        if type(value) is float
        else value
    )
    return f"{text} (default: {shown})"


def changed(settings: Any, plain: Any) -> str:
    """A line for each setting that differs from the plain ones, as the flag that sets it; nested settings too."""
    return "\n".join(_changed(settings, plain)) or "  none"


def _changed(settings: Any, plain: Any) -> Iterator[str]:
    for field in dataclasses.fields(settings):
        value, other = getattr(settings, field.name), getattr(plain, field.name, None)
        word = field.name.replace("_", "-")
        if dataclasses.is_dataclass(value):
            yield from _changed(value, other)
        elif isinstance(value, tuple) and any(map(dataclasses.is_dataclass, value)):
            for one in value:
                yield from _changed(one, type(one)())
        elif value != other:
            shown = " ".join(map(str, value)) if isinstance(value, tuple) else value
            yield f"  --{word}" if value is True else f"  --no-{word}" if value is False else f"  --{word} {shown}"


def field_texts(kind: type) -> dict[str, str]:
    """By field: the docstring under it, those of base classes too."""
    found: dict[str, str] = {}
    for base in reversed([base for base in kind.__mro__ if dataclasses.is_dataclass(base)]):
        found |= _texts(inspect.getsourcefile(base) or "", base.__name__)
    return found


@cache
def _texts(file: str, name: str) -> dict[str, str]:
    tree = ast.parse(Path(file).read_text("utf-8"))
    (body,) = [node.body for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name == name][:1]
    found = {}
    for field, text in itertools.pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            found[ast.unparse(field.target)] = inspect.cleandoc(str(text.value.value))
    return found
