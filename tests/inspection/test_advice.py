"""Advice from numbers: what is said at which."""

import pytest

from holdfast.inspection.advice import RULES, advice, budget, method_for


def document(counts=(1756, 111), *, of="classes", **changes):
    """A collection of 5,000 plain photographs, or what `changes` make of it."""
    entry = {
        "of": of,
        "count": len(counts),
        "largest": max(counts),
        "smallest": min(counts),
        "imbalance": max(counts) / min(counts),
        "under_20": sum(count < 20 for count in counts),
    }
    return {
        "source": "photos",
        "against": "test",
        "images": {"found": 50_000, "looked_at": 50_000, "usable": 50_000, "set_aside": 0},
        "set_aside": {"reasons": {}},
        "plain": 0,
        "grey": 0,
        "sizes": {
            "advised": 64,
            "below_advised": 0,
            "shorter_side": {"median": 70.0},
            "longer_over_shorter": {"median": 1.2},
        },
        "duplicates": {"exact": {"extra_images": 0}, "near": {"extra_images": 0}},
        "overlap": None,
        "frequencies": [entry],
        "cost": None,
        **changes,
    }


def said(document):
    return {entry["topic"]: entry["advice"] for entry in advice(document)}


def test_1756_against_111_is_answered():
    text = said(document())["imbalance"]
    assert text.startswith("1,756 against 111 images is 15.8 to 1: a long tail.")
    assert "sdclr and simclr" in text and "would leave 222" in text
    assert method_for(document()) == "sdclr"


@pytest.mark.parametrize(("counts", "word"), [((100, 90), "even"), ((100, 20), "mild"), ((100, 10), "a long tail")])
def test_imbalance_is_judged_by_its_limits(counts, word):
    assert f"to 1: {word}." in said(document(counts))["imbalance"]
    assert method_for(document(counts)) == ("sdclr" if word == "a long tail" else "simclr")


def test_without_labels_nothing_is_said_of_classes_and_folders_are_not_taken_for_them():
    found = said(document(of="folders"))
    assert "imbalance" not in found
    assert "--labels folder" in found["labels"]
    assert "--labels folder" not in said(document(frequencies=[]))["labels"]


@pytest.mark.parametrize(
    ("changes", "topic", "words"),
    [
        ({"overlap": {"near": 7, "exact": 5}}, "overlap", "7 images are in test too (5 of them copies)"),
        ({"duplicates": {"exact": {"extra_images": 4}, "near": {"extra_images": 900}}}, "duplicates", "904 images"),
        ({"plain": 3}, "plain surfaces", "3 images are plain"),
        ({"plain": 4, "plain_first": ["a", "b", "c"]}, "plain surfaces", "surfaces (a, b, c, …). Look at them"),
        ({"plain": 1, "plain_first": ["a"]}, "plain surfaces", "1 image is a plain surface (a). Look at it"),
        ({"images": {"found": 10, "looked_at": 10, "usable": 8, "set_aside": 2},
          "set_aside": {"reasons": {"empty file": 1, "cut short": 1}}}, "set aside", "(empty file; cut short)"),
        ({"images": {"found": 10, "looked_at": 10, "usable": 7, "set_aside": 3},
          "set_aside": {"reasons": {"empty file": 1, "cut short": 2}}}, "set aside", "(most often: cut short)"),
        ({"grey": 49_000}, "colour", "--hue 0"),
        ({"images": {"found": 10, "looked_at": 10, "usable": 8, "set_aside": 2},
          "set_aside": {"reasons": {"empty file": 2}}}, "set aside", "2 of 10 images cannot be used (empty file)"),
        ({"images": {"found": 900, "looked_at": 900, "usable": 900, "set_aside": 0}}, "start", "--init"),
        ({"images": {"found": 10**7, "looked_at": 100, "usable": 100, "set_aside": 0}}, "memory", "GiB"),
    ],
)  # fmt: skip
def test_a_rule_speaks_where_it_applies_and_is_silent_where_not(changes, topic, words):
    assert words in said(document(**changes))[topic]
    assert topic not in said(document())


def test_every_rule_has_a_reason():
    assert all(rule.reason.endswith(".") for rule in RULES)


@pytest.mark.parametrize("images", [2, 40, 1797, 12_406, 10**6, 10**8])
def test_a_budget_fits_the_images(images):
    batch, epochs = budget(images)
    assert 2 <= batch <= 512 and 1 <= epochs <= 2000
    assert batch == 2 or batch * 8 <= images
    if 2000 > epochs > 1:
        assert images * epochs / batch == pytest.approx(40_000, rel=0.5)


def test_a_measured_cost_is_told_with_the_budget():
    cost = {"seconds": 1.0, "batch_size": 500, "method": "simclr", "encoder": "timm/resnet18"}
    assert "8 hours buy 288 epochs" in said(document(cost=cost))["budget"]


def test_a_first_look_is_offered_as_a_command_with_what_half_an_hour_buys():
    command = f"holdfast train simclr --recipe cifar10_speedrun --data {document()['source']}"
    assert said(document())["first look"].startswith(f"{command} --epochs 10 trains at 32 pixels")
    look = {"image_size": 32, "batch_size": 256, "epochs": 12, "limit": None, "minutes": 28.4}
    found = said(document(first_look=look))["first look"]
    assert found == f"{command} --batch-size 256 --epochs 12 takes about 28 minutes here, at 32 pixels."
    fewer = said(document(first_look={**look, "epochs": 5, "limit": 3000}))["first look"]
    assert "--epochs 5 --limit 3000 takes" in fewer
    assert "--data 'a b/train-*.tar' --epochs" in said(document() | {"source": "a b/train-*.tar"})["first look"]
