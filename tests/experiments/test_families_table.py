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
from number_pages.one_budget import COLUMNS, counted, missing, pages, shown, table

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


def test_what_is_measured_or_not_asked_for_is_not_run_again_and_nothing_begins_when_time_is_over(capsys):
    every = {name: families.plans()[name] for name in ("simclr", "sdclr", "byol")}
    options = argparse.Namespace(seeds=2, only=["simclr", "byol"], minutes=None)
    document = {"runs": {"simclr": {"seeds": {"0": {}}}}}
    found = [(name, seed) for name, seed, _ in families.left(every, options, document)]
    assert found == [("byol", 0), ("simclr", 1), ("byol", 1)]
    options.minutes = -1
    assert list(families.left(every, options, document)) == []
    assert "minutes are over" in capsys.readouterr().out


def seed(value: float) -> dict[str, Any]:
    axes: dict[str, dict[str, Any]] = {axis: {} for axis, _, _ in COLUMNS.values()}
    for axis, score, _ in COLUMNS.values():
        axes[axis][score] = {"value": value, "interval": (value - 1, value + 1)}
    return {"cpu_seconds": value, "images": 1500, "axes": axes}


def ran(name: str, seeds: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {name: {"purpose": "start", "epochs": 32, "seeds": seeds}}


def test_the_table_groups_methods_by_purpose_with_a_line_a_seed_its_interval_and_the_spread_over_seeds():
    both = {"1": seed(8.0), "0": seed(4.0)}
    lines = table({"runs": ran("sdclr", both) | ran("simclr", both)}).splitlines()
    heads = [line.split(" |")[0] for line in lines[2:]]
    assert heads == ["| *to begin with, and to compare with*", "| `simclr`", "| *long tails*", "| `sdclr`"]
    assert "**6.0 ± 2.0**<br>4.0 [3.0, 5.0]<br>8.0 [7.0, 9.0]" in lines[3] and lines[3].endswith("| 6 |")
    assert {line.count(" |") for line in lines[2:]} == {len(COLUMNS) + 3}


def test_reasons_are_differences_from_simclr_over_seeds_that_both_have_with_what_they_say():
    runs = ran("simclr", {"0": seed(40.0), "1": seed(42.0)})
    runs |= ran("sdclr", {"1": seed(49.0), "2": seed(0.0)}) | ran("byol", {"2": seed(90.0)})
    document = {"settings": {"test_images": 2000}, "runs": runs}
    (found,) = reasons.compared(document)
    assert found[:2] == ("long tails", "sdclr")
    assert found[2].keys() == reasons.ASKED.keys()
    assert found[2]["rare classes"][:3] == pytest.approx((7.0, 7 - 2**0.5, 7 + 2**0.5))
    assert found[2]["rare classes"].by_seed == (7.0,)
    assert reasons.table(document).splitlines()[2].startswith("| long tails | `sdclr` | +7.0 [5.6, 8.4]: higher |")
    sentence = reasons.sentences(document)
    assert sentence.startswith("- sdclr: linear probe +7.0 [5.6, 8.4] (higher); rare classes +7.0")


def test_ends_over_seeds_are_means_and_no_narrower_for_more_seeds_of_the_same_images():
    runs = ran("simclr", {"0": seed(40.0), "1": seed(42.0)}) | ran("sdclr", {"0": seed(45.0), "1": seed(49.0)})
    ((*_, found),) = reasons.compared({"runs": runs})
    assert found["linear probe"][:3] == pytest.approx((6.0, 6 - 2**0.5, 6 + 2**0.5))
    assert "| +6.0 [4.6, 7.4] (+5.0, +7.0): higher |" in reasons.table({"runs": runs})


def test_an_end_that_is_written_as_0_tells_no_difference():
    words = {end: reasons.word("linear probe", reasons.Difference(1.0, end, 2.0)) for end in (0.04, 0.06)}
    assert words == {0.04: "no difference seen", 0.06: "higher"}


@pytest.mark.parametrize(("other", "said"), [(-0.2, "lower"), (-0.01, ", but not with every seed"), (2.0, "seed")])
def test_a_difference_that_not_every_seed_shows_says_so(other, said):
    found = reasons.word("linear probe", reasons.Difference(-4.0, -6.0, -2.0, by_seed=(-8.0, other)))
    assert found.startswith("lower") and found.endswith(said)


def test_each_method_preset_and_part_of_the_experiment_stands_on_a_page():
    named = {name for own in pages().values() for name in own}
    assert named == set(families.plans()), "add a preset or a part to OTHERS in number_pages/one_budget.py"


def test_a_page_shows_its_rows_beside_simclrs_and_says_which_have_not_run():
    page = "docs/methods/memory_augmentation.md"
    document = {"runs": ran("simclr", {"0": seed(4.0)}) | ran("bcl-i", {"0": seed(8.0), "1": seed(6.0)})}
    text = shown(document, page, ("bcl-i", "bcl-d"))
    heads = [line.split(" |")[0] for line in text.splitlines() if line.startswith("| `")]
    assert heads == ["| `simclr`", "| `bcl-i`"]
    assert "**7.0 ± 1.0**<br>8.0 [7.0, 9.0]" in text and "](../results.md#methods-by-axis)" in text
    assert text.endswith("Not measured yet, 0 runs: `bcl-d`.")
    nothing = shown({"runs": {}}, page, ("simclr + invariance penalty",))
    command = "`python experiments/families.py --only 'simclr + invariance penalty'`"
    assert nothing == f"Not measured yet, 0 runs: `simclr + invariance penalty`. {command} trains it beside the others."


def test_the_page_of_results_counts_rows_and_seeds_and_names_what_has_not_run():
    names = ["simclr", "bcl-i", "gh"]
    document = {"runs": ran("simclr", {"0": seed(4.0)}) | ran("bcl-i", {"0": seed(8.0), "1": seed(6.0)})}
    said = counted(document, names)
    assert said.startswith("2 of 3 rows have run, 1 of them with more seeds than one.")
    assert said.endswith("Training images: 1,500 with seed 0, 1,500 with seed 1.")
    assert missing(document, names) == "Not measured yet, 0 runs: `gh`."
    assert counted({"runs": {}}, names) == "0 of 3 rows have run, 0 of them with more seeds than one."
    assert missing(document, names[:2]) == ""


def test_the_command_shows_what_was_measured_of_a_method_and_says_of_one_that_was_not(capsys):
    assert main(["methods", "emp-ssl"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "measured: Beside SimCLR at one budget" in printed and re.search(r"linear probe [+−]?\d", printed)
    assert main(["methods", "invclr"]) == 0
    assert "images: as simclr + invariance penalty, linear probe" in " ".join(capsys.readouterr().out.split())
    assert main(["methods", "talos"]) == 0
    assert "measured: not beside SimCLR at one budget of passes" in capsys.readouterr().out
    assert main(["methods", "simclr"]) == 0
    assert "measured:" not in capsys.readouterr().out
