"""Words of settings that were renamed: the old ones are still read, in findings, in calls and on the command line."""

from collections.abc import Mapping
from typing import Any

RENAMED: Mapping[str, Mapping[str, str]] = {"protocol": {"fast": "lbfgs"}}
"""By setting: the word that stands for each old one."""


def current(name: str, value: Any) -> Any:
    """The word of today for a setting's value."""
    return RENAMED.get(name, {}).get(value, value) if isinstance(value, str) else value


def note(name: str, value: Any) -> str:
    """A line for whoever wrote an old word; nothing for others."""
    now = current(name, value)
    return "" if now == value else f"{name} '{value}' is called '{now}' now; it is the same"
