"""Methods side by side: everything that can be trained is in the experiment, at one budget, and the table shows it."""

import argparse
import re
from typing import Any

import pytest
from small_methods import teacher_run

import families
from holdfast.cli import main
from holdfast.methods import METHODS, PRESETS, build
from number_pages import reasons
from number_pages.families import COLUMNS, table

OPTIONS = argparse.Namespace(
    data="cifar10", images=1000, encoder="timm/test_resnet", threads=1, passes=96, test_images=100, tiny=False
)


def test_every_method_and_preset_is_trained_or_named_as_left_out():
    assert set(families.plans()) | set(families.LEFT_OUT) >= {*METHODS, *PRESETS}


@pytest.mark.parametrize("name", families.plans())
def test_each_has_the_budget_within_one_visit_to_an_image_and_equal_steps(name, tmp_path):
    for teacher in (families.TEACHER, *families.TEACHERS.values()):
        (tmp_path / teacher).mkdir()
        (tmp_path / teacher / "0").symlink_to(teacher_run(stem="standard"))
    config = families.sized(families.plans()[name], argparse.Namespace(**vars(OPTIONS), out=tmp_path), 0)
    method = build(config, image_size=32)
    assert abs(config.epochs * method.passes_per_image - 96) <= max(method.passes_per_image / 2, 1)
    assert 0 <= families.STEP_VIEWS - config.batch_size * method.views_per_image < method.views_per_image


def seed(value: float) -> dict[str, Any]:
    axes: dict[str, dict[str, Any]] = {axis: {} for axis, _, _ in COLUMNS.values()}
    for axis, score, _ in COLUMNS.values():
        axes[axis][score] = {"value": value, "interval": (value - 1, value + 1)}
    return {"cpu_seconds": value, "axes": axes}


def test_the_table_groups_methods_by_purpose_with_a_line_a_seed_and_intervals():
    runs = {
        name: {"purpose": purpose, "epochs": 32, "seeds": {"1": seed(8.0), "0": seed(4.0)}}
        for name, purpose in {"sdclr": "tail", "simclr": "start"}.items()
    }
    lines = table({"runs": runs}).splitlines()
    heads = [line.split(" |")[0] for line in lines[2:]]
    assert heads == ["| *to begin with, and to compare with*", "| `simclr`", "| *long tails*", "| `sdclr`"]
    assert "4.0 [3.0, 5.0]<br>8.0 [7.0, 9.0]" in lines[3] and lines[3].endswith("| 6 |")
    assert {line.count(" |") for line in lines[2:]} == {len(COLUMNS) + 3}


def test_reasons_are_differences_from_simclr_over_seeds_that_both_have_with_what_they_say():
    runs = {name: {"purpose": "start", "seeds": {"0": seed(40.0), "1": seed(42.0)}} for name in ("simclr",)}
    runs["sdclr"] = {"purpose": "tail", "seeds": {"1": seed(49.0), "2": seed(0.0)}}
    runs["byol"] = {"purpose": "positives", "seeds": {"2": seed(90.0)}}
    document = {"settings": {"test_images": 2000}, "runs": runs}
    (found,) = reasons.compared(document)
    assert found[:2] == ("long tails", "sdclr")
    value, low, high = found[2]["linear probe"]
    assert (round(value, 9), low > 3, high < 11) == (7.0, True, True)
    assert reasons.table(document).splitlines()[2].startswith("| long tails | `sdclr` | +7.0 [")
    assert reasons.sentences(document).startswith("- sdclr: linear probe +7.0 [") and "(higher)" in reasons.sentences(
        document
    )


def test_the_command_shows_what_was_measured_of_a_method_and_nothing_of_one_that_was_not(capsys):
    assert main(["methods", "emp-ssl"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "measured: Beside SimCLR at one budget" in printed and re.search(r"linear probe [+−]?\d", printed)
    assert main(["methods", "simclr"]) == 0
    assert "measured:" not in capsys.readouterr().out
