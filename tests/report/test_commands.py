"""The command that a page offers for a missing axis measures it as the others were measured."""

import shlex

import pytest

from holdfast.cli.audit import HELP
from holdfast.cli.audited import AuditOptions
from holdfast.cli.audited.inputs import asked
from holdfast.cli.options import parse, refuse_idle
from holdfast.options import BEARS_ON, MeasurementOptions
from holdfast.report.axes import AXES
from holdfast.report.collect import collect
from holdfast.report.commands import commands

GIVEN = "--labels folder --budget quick --attack-images 40 --few-shot-share 0.1 --no-reference --seed 3 --pool avg"
MISSING = [name for name, axis in AXES.items() if axis.needs != "pairs" and name not in ("quality", "balance")]


def parsed(words):
    options = parse(AuditOptions, words, HELP)
    refuse_idle("audit", words, options)
    return options


def offered(axis, *folders):
    return commands(AXES[axis], collect(folders))


def read(command):
    program, name, *words = shlex.split(command)
    assert (program, name) == ("holdfast", "audit")
    return parsed(words)


@pytest.mark.parametrize("axis", MISSING)
def test_it_is_the_command_that_was_given_with_the_axis(make_run, tmp_path, axis):
    given = parsed(shlex.split(GIVEN))
    folder = make_run(tmp_path / "a", "simclr", 0, settings={"asked": asked(given, "quick")})
    again = read(*offered(axis, folder))
    assert again.axes == (axis,)
    for name in ("labels", "seed", "pool", "budget", "attack_images", "reference", "few_shot_share"):
        if axis in BEARS_ON.get(name, AXES):
            assert getattr(again, name) == getattr(given, name), name


@pytest.mark.parametrize("axis", ["balance", "shortcuts", "privacy"])
def test_groups_are_taken_wherever_an_axis_asks_for_them(axis):
    assert parsed(["runs/a", "--groups", "my.csv:site", "--axes", axis]).groups == ("my.csv:site",)


def test_a_budget_that_the_minutes_chose_is_named(make_run, tmp_path):
    given = parsed(["runs/a", "--minutes", "3", "--labels", "folder"])
    folder = make_run(tmp_path / "a", "simclr", 0, settings={"asked": asked(given, "fast")})
    assert offered("robustness", folder)[0].endswith("/a --axes robustness --labels folder --budget fast")
    assert "budget" not in asked(given, "full")  # which it is wherever axes are named
    assert "--budget" not in offered("tail", folder)[0]  # it has none


def test_values_of_every_kind_are_spelt_so_that_the_command_takes_them(make_run, tmp_path):
    words = "--groups my.csv:site folder --attack-eps 2/255 8/255 --pixel-range 0 4095 --data p --no-cache"
    given = parsed(shlex.split(words))
    folder = make_run(tmp_path / "it's", "simclr", 0, settings={"asked": asked(given, "full")})
    shown = read(*offered("shortcuts", folder))
    assert shown.groups == given.groups and shown.pixel_range == given.pixel_range and shown.encoders[0].endswith("t's")
    assert read(*offered("robustness", folder)).attack_eps == given.attack_eps


def test_encoders_that_were_measured_alike_share_a_command(make_run, tmp_path):
    alike = {"settings": {"asked": {"labels": "folder"}}}
    folders = [make_run(tmp_path / name, name, 0, **alike) for name in ("simclr", "sdclr")]
    other = make_run(tmp_path / "byol", "byol", 0, settings={"asked": {"labels": "species"}})
    both, single = offered("tail", *folders, other)
    assert read(both).encoders == tuple(map(str, folders)) and read(both).labels == "folder"
    assert read(single).encoders == (str(other),) and read(single).labels == "species"
    assert len(offered("memorization", *folders)) == 2  # that command takes one run


def test_a_name_that_was_given_goes_with_its_encoder_alone(make_findings, tmp_path):
    both = [
        make_findings(
            tmp_path / name, name="timm/resnet18", asked={"data": "d", "name": name, "out": str(tmp_path / name)}
        )
        for name in ("one", "two")
    ]
    assert [read(command).name for command in offered("tail", *both)] == ["one", "two"]


def test_members_alone_take_no_data(make_findings, tmp_path):
    folder = make_findings(tmp_path / "f", name="timm/resnet18", asked={"data": "d", "labels": "folder", "seed": 2})
    command = "holdfast audit timm/resnet18 --axes membership --members A --non-members B --seed 2"
    assert offered("membership", folder) == [command]


def test_what_an_option_bears_on_is_known_by_its_name():
    known = {*vars(AuditOptions(encoders=())), *vars(MeasurementOptions())}
    assert set(BEARS_ON) <= known and {axis for of in BEARS_ON.values() for axis in of} <= set(AXES)
