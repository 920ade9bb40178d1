"""Several networks in a file: a rule chooses and is said, else both are named and nothing is taken."""

import pytest

from holdfast.models.load.copies import chosen, left_out, networks_in

ANCHORS = ("conv1.weight", "bn1.weight")


def names(*starts: str) -> list[str]:
    return [start + anchor for start in starts for anchor in ANCHORS]


def test_a_beginning_holds_a_network_only_with_all_anchors():
    assert networks_in([*names("a.", ""), "b.conv1.weight", "xconv1.weight"], ANCHORS) == ["", "a."]


@pytest.mark.parametrize(
    ("taken", "other"),
    [
        ("teacher.backbone.", "student.backbone."),
        ("target_encoder.", "encoder."),
        ("state_dict.encoder_q.", "state_dict.encoder_k."),
        ("state_dict.base_encoder.", "state_dict.momentum_encoder."),
        ("state_dict_ema.", "state_dict."),
        ("state_dict.backbone.", "state_dict.momentum_backbone."),
        ("state_dict.backbone.", "state_dict.backbone_momentum."),
        ("state_dict.teacher_backbone.", "state_dict.backbone."),
    ],
)
def test_a_known_pair_is_decided_by_a_rule_that_is_said(taken, other):
    start, said = chosen(sorted([taken, other]), names(taken, other), wanted=None, where="a.pth")
    assert start == taken
    assert taken.rstrip(".") in said and f"also there: {other.rstrip('.')}" in said


def test_an_unknown_pair_is_refused_with_both_names_and_the_way_to_choose():
    with pytest.raises(ValueError, match=r"got 2: left, right; choose one by adding #NAME .*a\.pth#left"):
        chosen(["left.", "right."], names("left.", "right."), wanted=None, where="ResNets in a.pth")


def test_the_user_may_name_one_and_a_wrong_name_lists_them():
    assert chosen(["a.left.", "a.right."], [], wanted="right", where="f")[0] == "a.right."
    assert chosen(["a.left.", "a.right."], [], wanted="a.left", where="f")[0] == "a.left."
    with pytest.raises(ValueError, match=r"got 'middle'; it holds a\.left, a\.right"):
        chosen(["a.left.", "a.right."], [], wanted="middle", where="f")


def test_ijepas_student_is_taken_and_other_students_are_not():
    pair = ["backbone.student.", "backbone.teacher."]
    assert chosen(pair, names(*pair), wanted=None, where="f")[0] == "backbone.teacher."
    assert chosen(pair, [*names(*pair), "predictor.blocks.0.x"], wanted=None, where="f")[0] == "backbone.student."


def test_what_is_left_out_is_counted_by_its_first_segment():
    held = [*names("a.b."), "a.head.weight", "a.head.bias", "epoch"]
    assert left_out(held, "a.b.") == ["a.head.* (2)", "epoch"]
