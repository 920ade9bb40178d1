"""Methods side by side: everything that can be trained is in the experiment, at one budget, and the table shows it."""

import argparse
from typing import Any

import pytest
from small_methods import teacher_run

import families
from holdfast.methods import METHODS, PRESETS, build
from number_pages.families import COLUMNS, table

OPTIONS = argparse.Namespace(
    data="cifar10", images=1000, encoder="timm/test_resnet", threads=1, passes=96, test_images=100
)


def test_every_method_and_preset_is_trained_or_named_as_left_out():
    assert set(families.plans()) | set(families.LEFT_OUT) >= {*METHODS, *PRESETS}


@pytest.mark.parametrize("name", families.plans())
def test_each_has_the_budget_within_one_visit_to_an_image_and_equal_steps(name, tmp_path):
    (tmp_path / "simclr").mkdir()  # the teacher of those that need one
    (tmp_path / "simclr" / "0").symlink_to(teacher_run(stem="standard"))
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
