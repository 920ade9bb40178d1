from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_audits import COUNTS, ReadsTheClass, small_network, toy_images

from holdfast.audits import audit
from holdfast.data.images import Subgroups

SHOTS = torch.cat([start + torch.arange(6) for start in (0, 60, 100, 130, 150, 165)])


def balance(encoder, **options):
    test = options.pop("test", toy_images((20,) * 6, seed=1, source="test", first_id=1000))
    (finding,) = audit(encoder, options.pop("images", toy_images()), test=test, axes=["balance"], **options)
    return finding


def values(finding):
    return {score.name: score.value for score in finding.scores}


@pytest.mark.parametrize("protocol", ["lbfgs", "sdclr", "sdclr-cached"])
def test_an_encoder_that_reads_the_class_is_always_right(protocol):
    found = values(balance(ReadsTheClass(), protocol=protocol, few_shot_ids=SHOTS))
    expected = dict.fromkeys(("all", "many", "medium", "few", "worst_class"), 100.0) | {"std": 0.0}
    for prefix in ("", "few_shot_"):
        assert {name: found[prefix + name] for name in expected} == expected


def test_an_encoder_blind_to_two_classes_is_known_by_hand():
    # Classes 4 and 5 look alike: the more frequent one in the pool, 4, is predicted for both.
    found = values(balance(ReadsTheClass(blind=(4, 5))))
    assert found["many"] == found["medium"] == 100
    assert found["few"] == 50
    assert found["all"] == pytest.approx(500 / 6)
    assert found["std"] == pytest.approx(np.std([100, 100, 50]))
    assert found["worst_class"] == 0


def test_the_per_class_table_and_the_columns_agree():
    finding = balance(small_network(), few_shot_ids=SHOTS)
    rows, columns = finding.tables["per_class"], finding.columns
    assert [row["class"] for row in rows] == list("abcdef")
    assert [row["train_images"] for row in rows] == list(COUNTS)
    assert [row["group"] for row in rows] == ["many", "many", "medium", "medium", "few", "few"]
    for row in rows:
        mine = columns["label"] == row["index"]
        assert row["test_images"] == mine.sum() == 20
        assert row["accuracy"] == pytest.approx(100 * columns["correct"][mine].mean())
        assert row["few_shot_accuracy"] == pytest.approx(100 * columns["few_shot_correct"][mine].mean())
        assert row["low"] <= row["accuracy"] <= row["high"]
        assert set(columns["group"][mine]) == {row["group"]}
    assert values(finding)["all"] == pytest.approx(np.mean([row["accuracy"] for row in rows]))
    np.testing.assert_array_equal(columns["correct"], columns["predicted"] == columns["label"])


def test_groups_follow_the_encoders_training_images_and_not_the_pools():
    images = toy_images()
    train = torch.cat([images.ids[images.labels == index][: 2 + 3 * index] for index in range(4)])
    train = torch.cat([train, images.ids[images.labels == 4][:14], images.ids[images.labels == 5]])
    finding = balance(ReadsTheClass(), train_ids=train)
    groups = {row["class"]: row["group"] for row in finding.tables["per_class"]}
    assert groups == {"a": "few", "b": "few", "c": "medium", "d": "many", "e": "many", "f": "medium"}
    assert finding.settings["counts_of"] == "encoder"
    given = balance(ReadsTheClass(), counts=(1, 2, 30, 40, 500, 600))
    assert given.tables["per_class"][5]["group"] == "many"


def test_nearly_equal_classes_have_no_groups():
    finding = balance(ReadsTheClass(), images=toy_images((20, 21, 22, 20, 20, 20)))
    assert set(values(finding)) - {"worst_group"} == {"all", "worst_class"}
    assert finding.settings["groups"].startswith("none")
    assert {row["group"] for row in finding.tables["per_class"]} == {"all"}


def test_a_probe_on_the_training_images_sees_no_others():
    images = toy_images()
    train = images.ids[:165]  # all but class 5
    on_pool, on_train = (balance(ReadsTheClass(), train_ids=train, probe_on=where) for where in ("pool", "train"))
    assert values(on_pool)["worst_class"] == 100
    assert values(on_train)["worst_class"] == 0
    assert on_train.settings["probe_images"] == len(train)
    assert 5 not in on_train.columns["predicted"]


def test_classes_without_test_images_are_left_out_and_named():
    finding = balance(ReadsTheClass(), test=toy_images((5,) * 6, seed=1, first_id=1000).subset(torch.arange(20)))
    assert [row["class"] for row in finding.tables["per_class"]] == list("abcd")
    assert finding.settings["classes_without_test"] == ["e", "f"]
    assert values(finding)["all"] == 100


def test_sdclrs_protocol_reports_selected_and_last_epoch():
    finding = balance(small_network(), protocol="sdclr-cached")
    assert "last_epoch_all" in values(finding)
    assert 1 <= finding.settings["full_shot"]["selected_epoch"] <= 30
    early = balance(small_network(), protocol="sdclr-cached", probe_lr_drop="early")
    assert early.settings["probe_lr_drop"] == "early"


def test_validation_images_are_not_fitted():
    images = toy_images()
    validation = images.ids[::5]
    for protocol in ("lbfgs", "sdclr-cached"):
        finding = balance(ReadsTheClass(), validation_ids=validation, protocol=protocol)
        assert finding.settings["probe_images"] == len(images) - len(validation)
        assert finding.settings["full_shot"]["images"] == len(images) - len(validation)
        assert finding.settings["full_shot"]["selected_on"] == "validation images"


def test_too_few_shots_for_sdclrs_protocol_are_refused_with_a_remedy():
    with pytest.raises(ValueError, match="validation_ids"):
        balance(small_network(), protocol="sdclr-cached", few_shot_ids=torch.tensor([0, 1, 60, 61]))


def with_sites(images, sites, **more):
    names = ("north", "south", "here", "nowhere")
    return replace(images, subgroups={"site": Subgroups(sites, names), **more})


def test_groups_of_any_column_are_reported_with_the_worst_of_them():
    # Classes 4 and 5 look alike, and images of 5 stand in the south alone.
    test = toy_images((20,) * 6, seed=1, source="test", first_id=1000)
    sites = torch.where(test.labels == 5, 1, 0)
    sites[:5] = 2
    finding = balance(ReadsTheClass(blind=(4, 5)), test=with_sites(test, sites))
    rows = {row["group"]: row for row in finding.tables["per_group"]}
    assert {name: (row["test_images"], row["accuracy"]) for name, row in rows.items()} == {
        "north": (95, 100.0),
        "south": (20, 0.0),
        "here": (5, 100.0),
    }
    assert [name for name, row in rows.items() if row["worst"]] == ["south"]
    assert rows["north"]["low"] > 95 and rows["south"]["high"] < 20
    assert values(finding)["worst_group"] == 0
    assert finding.columns["group_site"].tolist() == [("north", "south", "here")[site] for site in sites]


def test_a_group_of_few_images_is_no_worst_group():
    test = toy_images((20,) * 6, seed=1, source="test", first_id=1000)
    sites = torch.zeros(120, dtype=torch.int64)
    sites[-9:] = 1  # of class 5, all wrong
    finding = balance(ReadsTheClass(blind=(4, 5)), test=with_sites(test, sites))
    assert not any(row["worst"] for row in finding.tables["per_group"])
    assert "worst_group" not in values(finding)


def test_the_probes_images_are_counted_by_group_where_the_pool_has_them():
    images = toy_images()
    sites = torch.arange(len(images)) % 2
    test = toy_images((20,) * 6, seed=1, source="test", first_id=1000)
    finding = balance(
        ReadsTheClass(), images=with_sites(images, sites), test=with_sites(test, torch.arange(len(test)) % 2)
    )
    assert [row["probe_images"] for row in finding.tables["per_group"]] == torch.bincount(sites).tolist()


def test_without_groups_there_is_no_table_of_them():
    images, test = (replace(found, subgroups={}) for found in (toy_images(), toy_images((20,) * 6, first_id=1000)))
    assert set(balance(ReadsTheClass(), images=images, test=test).tables) == {"per_class"}
