"""Laws over METHODS: what a new method is missed in without an error, by name."""

import re
from pathlib import Path

import pytest

from holdfast.cli import main
from holdfast.methods import METHODS, PRESETS, default_config, name_of, purpose_of, with_settings
from holdfast.report.wording import METHOD_NAMES
from holdfast.settings import PURPOSES

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("method", METHODS)
def test_a_page_writes_a_method_as_its_paper_does(method):
    assert METHOD_NAMES.get(method, method) != method, "add it to METHOD_NAMES in report/wording.py"


@pytest.mark.parametrize("method", METHODS)
def test_the_readme_names_a_method(method):
    assert METHOD_NAMES[method] in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("method", METHODS)
def test_the_docs_index_links_a_methods_page(method):
    page = f"methods/{METHODS[method].__module__.rsplit('.', 1)[1]}.md"
    assert page in (ROOT / "docs" / "index.md").read_text()


def test_no_method_has_the_name_of_another():
    assert len(set(METHOD_NAMES.values())) == len(METHOD_NAMES)
    assert set(METHOD_NAMES) == set(METHODS)


@pytest.mark.parametrize("name", [*METHODS, *PRESETS])
def test_a_method_says_what_it_is_for(name):
    assert purpose_of(default_config(name)) in PURPOSES, "give it a purpose of PURPOSES in settings.py"


def test_a_part_decides_what_a_method_is_for():
    plain = default_config("sdclr")
    assert purpose_of(plain) == "tail"
    assert purpose_of(with_settings(plain, adversary="free:3")) == "attacks"
    assert purpose_of(with_settings(plain, temperature_schedule=None)) == "tail"


def test_the_list_of_methods_is_grouped_by_purpose(capsys):
    assert main(["methods"]) == 0
    printed = capsys.readouterr().out
    places = [printed.index(f"{heading}:\n") for heading in PURPOSES.values()]
    assert places == sorted(places)
    for name in (*METHODS, *PRESETS):
        above = [heading for heading in PURPOSES.values() if printed.index(heading) < printed.index(f"  {name} ")]
        assert above[-1] == PURPOSES[purpose_of(default_config(name))]


@pytest.mark.parametrize("method", METHODS)
def test_a_methods_page_says_what_every_method_here_does_otherwise(method):
    page = (ROOT / "docs" / "methods" / f"{METHODS[method].__module__.rsplit('.', 1)[1]}.md").read_text()
    part = page.partition("## Where we differ")[2].partition("\n## ")[0]
    assert "### Of every method here" in part or "(simclr.md#of-every-method-here)" in part


def needs(name: str) -> list[str]:
    """Options without which a method is refused, as its refusals say."""
    config = default_config(name)
    taught = ["teacher"] if METHODS[name_of(config)].taught_by else []
    return taught + ["groups"] * any(part.word == "forget" and part.chosen for part in config.parts)


@pytest.mark.parametrize("name", ["simclr", "fare", "dynacl++", "talos", "deacl"])
def test_what_a_method_cannot_be_trained_without_is_in_its_help_its_example_and_the_list(name, capsys):
    with pytest.raises(SystemExit):
        main(["train", name, "--help"])
    shown = capsys.readouterr().out
    (example,) = re.findall(r"for example: (.+)", shown)
    assert main(["methods", name]) == 0
    listed = capsys.readouterr().out
    for option in ("teacher", "groups"):
        needed = option in needs(name)
        assert (f"--{option} " in example, f"\n  --{option} " in shown, f"needs --{option}" in listed) == (needed,) * 3
