"""Class sizes and groups against the authors' split files: sdclr.json says where its numbers come from."""

import json
from pathlib import Path

import pytest
import torch

from holdfast.data import class_groups, long_tail_counts, long_tail_split

CASES = json.loads((Path(__file__).parent / "sdclr.json").read_text())["cases"]


def cases(kind):
    found = [case for case in CASES if case["kind"] == kind]
    return pytest.mark.parametrize("case", found, ids=[case["id"] for case in found])


@cases("long_tail_profile")
def test_class_sizes_are_those_of_the_authors_files(case):
    inputs, expected = case["inputs"], case["outputs"]
    counts = long_tail_counts(classes=inputs["classes"], largest=inputs["n_max"], imbalance=inputs["ratio"])
    assert counts == expected["counts"]
    assert sum(counts) == expected["total"]
    groups = class_groups(counts, rule="thresholds")
    assert [len(groups[name]) for name in ("many", "medium", "few")] == expected["threshold_groups"]


@cases("long_tail_profile")
def test_a_split_of_an_even_pool_has_the_authors_sizes(case):
    inputs, expected = case["inputs"], case["outputs"]
    labels = torch.arange(inputs["classes"]).repeat(inputs["n_max"])
    split = long_tail_split(labels, torch.arange(len(labels)), imbalance=inputs["ratio"], seed=10)
    assert sorted(split.counts, reverse=True) == expected["counts"]
    assert labels[split.train].bincount().tolist() == list(split.counts)
    assert labels[split.balanced].bincount().tolist() == [expected["balanced_per_class"]] * inputs["classes"]
    assert labels[split.few_shot].bincount().tolist() == [expected["few_shot_per_class"]] * inputs["classes"]


@cases("class_groups")
def test_groups_are_the_authors(case):
    counts, expected = case["inputs"]["counts"], case["outputs"]
    groups = class_groups(counts, rule=case["inputs"]["rule"])
    names = ("many", "medium", "few")
    assert groups == {name: expected[name] for name in names}
    assert [len(groups[name]) for name in names] == expected["sizes"]
    assert [sum(counts[index] for index in groups[name]) for name in names] == expected["images"]
