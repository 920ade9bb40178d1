"""A small validator: the part of JSON Schema (draft 2020-12) that our own schemas are written in."""

import math
import re
from collections.abc import Mapping
from typing import Any

_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}
_TOLD = ("$schema", "$id", "$defs", "$ref", "title", "description")
_CHECKED = (
    *("type", "const", "enum", "required", "properties", "additionalProperties"),
    *("items", "minItems", "maxItems", "minLength", "minimum", "pattern"),
)
KEYWORDS = frozenset({*_TOLD, *_CHECKED})
"""What a schema may use; a schema with anything else is refused rather than half checked."""


def validate(document: Any, schema: Mapping[str, Any], what: str) -> None:
    """Checks a JSON document against a schema. Raises ValueError (expected, got, remedy) at the first misfit.

    what: the document's name, for the message.
    """
    _check(document, schema, schema, what, "$")


def _check(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any], what: str, at: str) -> None:
    if unknown := sorted(set(schema) - KEYWORDS):
        raise ValueError(f"expected a schema of {', '.join(sorted(KEYWORDS))}, got {unknown[0]!r}; leave it out")
    if "$ref" in schema:
        return _check(value, root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root, what, at)
    if wrong := _misfit(value, schema):
        raise ValueError(f"expected {wrong} at {at} of {what}, got {_brief(value)}; write it again with: holdfast card")
    if isinstance(value, dict):
        _check_object(value, schema, root, what, at)
    if isinstance(value, list):
        for index, item in enumerate(value):
            _check(item, schema.get("items", {}), root, what, f"{at}[{index}]")
    return None


def _check_object(
    value: dict[str, Any], schema: Mapping[str, Any], root: Mapping[str, Any], what: str, at: str
) -> None:
    for name in schema.get("required", ()):
        if name not in value:
            raise ValueError(f"expected {name!r} at {at} of {what}, got none; write it again with: holdfast card")
    known, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    for name, item in value.items():
        inner = known.get(name, others)
        if inner is False:
            raise ValueError(
                f"expected only {', '.join(known)} at {at} of {what}, got {name!r}; use the holdfast that wrote it"
            )
        _check(item, {} if inner is True else inner, root, what, f"{at}.{name}")


def _misfit(value: Any, schema: Mapping[str, Any]) -> str | None:
    """What a value should have been, in words; None where it fits."""
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_is(value, kind) for kind in kinds):
        return " or ".join(kinds)
    if "const" in schema and value != schema["const"]:
        return repr(schema["const"])
    if "enum" in schema and value not in schema["enum"]:
        return f"one of {', '.join(map(repr, schema['enum']))}"
    return _size_misfit(value, schema)


def _size_misfit(value: Any, schema: Mapping[str, Any]) -> str | None:
    if isinstance(value, list) and not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", math.inf):
        return f"{schema.get('minItems', 0)} to {schema.get('maxItems', 'any number of')} items"
    if isinstance(value, str) and len(value) < schema.get("minLength", 0):
        return "some text"
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        return f"text like {schema['pattern']}"
    if _is(value, "number") and value < schema.get("minimum", -math.inf):
        return f"a number of at least {schema['minimum']}"
    return None


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if isinstance(value, float) and not math.isfinite(value):
        return False
    return isinstance(value, _TYPES[kind])


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
