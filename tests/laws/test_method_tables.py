"""The numbers in a method's or part's table of settings are those that a run starts from."""

import re
from fractions import Fraction
from pathlib import Path

import pytest

from holdfast.methods import METHODS, default_config, with_idle_parts

PAGES = sorted((Path(__file__).parents[2] / "docs" / "methods").glob("*.md"))
OF = {kind.__module__.rsplit(".", 1)[1]: name for name, kind in METHODS.items()}
"""The method of a page; a part's page is read beside SimCLR's settings."""
ROW = re.compile(r"\| ((?:`--[a-z-]+`)(?:, `--[a-z-]+`)*) \| ([^|]+) \|")


def number(text: str) -> float | None:
    try:
        return float(Fraction(text.strip().strip("`").replace("−", "-")))
    except ValueError:
        return None


def told(page: Path) -> dict[str, float]:
    """By setting: the number that stands as its default."""
    found = {}
    for row in filter(None, map(ROW.match, page.read_text().splitlines())):
        flags = re.findall(r"`--([a-z-]+)`", row[1])
        values = row[2].split(", ")
        for flag, value in zip(flags, values, strict=False):
            if (default := number(value)) is not None and len(values) == len(flags):
                found[flag.replace("-", "_")] = default
    return found


def held(name: str) -> dict[str, object]:
    config = with_idle_parts(default_config(name))
    settings = [config, config.views, *config.parts, config.method]
    return {key: value for one in settings for key, value in vars(one).items()}


def test_tables_are_found():
    assert sum(len(told(page)) for page in PAGES) > 60


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_pages_table_has_the_defaults_of_the_code(page):
    ours = held(OF.get(page.stem, "simclr"))
    assert told(page) == pytest.approx({name: float(ours[name]) for name in told(page)})  # type: ignore[arg-type]
