"""What the shortcuts audit says where groups are there and hold too few images."""

from types import SimpleNamespace

import torch

from holdfast.audits import AUDITS
from holdfast.data.images import Subgroups

LACKING = AUDITS["shortcuts"].lacks


def subject(cell, groups=3, classes=2):
    labels = torch.arange(classes).repeat_interleave(cell * groups)
    numbers = torch.arange(groups).repeat_interleave(cell).repeat(classes)
    columns = {"site": Subgroups(numbers, tuple("abc"[:groups]))}
    return SimpleNamespace(labels=labels, test=SimpleNamespace(labels=labels, subgroups=columns))


def test_groups_that_are_too_small_are_counted_and_not_asked_for_again():
    need, remedy = LACKING(subject(cell=5))
    assert "6 test images or more in each of two groups" in need
    assert need.endswith("(site: 3 groups of 10 images, at most 5 of a class in a group)")
    assert "--groups" not in remedy
    assert LACKING(subject(cell=6)) is None


def test_one_group_is_counted_as_one_and_none_is_asked_for():
    assert "(site: 1 group of 40 images, at most 20 of a class in a group)" in LACKING(subject(cell=20, groups=1))[0]
    bare = subject(cell=6)
    bare.test.subgroups = {}
    assert LACKING(bare)[1] == "name them with --groups FILE.csv:COLUMN"
