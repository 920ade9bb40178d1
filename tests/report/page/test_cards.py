"""Cards: one number per axis, computed as its meaning says, and what measures an axis that is missing."""

from dataclasses import replace

import numpy as np
import pytest

from holdfast.findings import Finding
from holdfast.report.axes import AXES, Limit, notes_of
from holdfast.report.axes.numbers import Number, kept, membership, ratio_above_null
from holdfast.report.collect import collect
from holdfast.report.limits import LIMITS
from holdfast.report.page.cards import cards


def cards_of(folders, limits=LIMITS):
    return {card.axis.audit: card for card in cards(collect(folders), limits)}


def finding(columns, *, audit="robustness", settings=None):
    return Finding(audit=audit, scores=[], columns=columns, settings=settings or {"attack_eps": ["2/255", "8/255"]})


def test_there_is_a_card_for_each_axis(full_runs):
    found = cards_of(full_runs)
    assert list(found) == list(AXES)
    assert found.pop("shortcuts").lines == []  # these runs have no subgroups
    assert found.pop("membership").lines == []  # nor members and non-members
    for drawn in ("duplicates", "equivariance"):
        assert found.pop(drawn).lines == []  # drawn findings have none
    for card in found.values():
        assert [line.name for line in card.lines] == ["SimCLR", "SDCLR"]
        assert all(line.cell.note.startswith("[") for line in card.lines)
        assert not card.commands and card.measure.meaning


def test_an_axis_that_was_not_measured_names_the_command(make_run, make_findings, tmp_path):
    run = cards_of([make_run(tmp_path / "it's", "simclr", 0)])
    assert run["robustness"].lines == []
    assert run["robustness"].commands == [f"holdfast audit '{tmp_path}/it'\"'\"'s' --axes robustness"]
    assert run["memorization"].commands[0].startswith("holdfast memorization ")
    other = cards_of([make_findings(tmp_path / "timm", name="timm/resnet18")])
    assert other["invariance"].commands == [
        "holdfast audit timm/resnet18 --data cifar10/train.parquet --axes invariance"
    ]
    assert "--two-encoders" in other["privacy"].commands[0]


def test_balance_of_unlabelled_images_asks_for_labels(make_run, tmp_path):
    folder = make_run(tmp_path / "a", "simclr", 0)
    (folder / "findings" / "balance.json").unlink()
    assert "--labels" not in cards_of([folder])["balance"].commands[0]
    quality = Finding.load(folder / "findings" / "quality.json")
    ranks = [score for score in quality.scores if score.name == "effective_rank"]
    replace(quality, scores=ranks).save(folder / "findings")
    assert cards_of([folder])["balance"].commands[0].endswith("--axes balance --labels FILE.csv:COLUMN")


def test_an_axis_that_one_encoder_lacks_says_for_whom(full_runs, make_run, tmp_path):
    card = cards_of([*full_runs, make_run(tmp_path / "third", "sdclr", 0, epochs=7)])["robustness"]
    assert len(card.lines) == 2
    assert "epochs 7" in card.absent
    assert card.commands[0].endswith("third --axes robustness")


def test_what_is_kept_is_a_share_of_what_was_right():
    right = np.array([1, 1, 1, 1, 0, -1])
    columns = {"attacked": right >= 0, "right": right, "robust_8_255": np.array([1, 0, 0, 0, 0, -1])}
    number = kept(finding(columns))
    assert number.value == 25.0
    assert number.interval[0] <= 25 <= number.interval[1]
    columns["robust_2_255"] = columns.pop("robust_8_255")
    smaller = kept(finding(columns, settings={"attack_eps": ["1/255", "2/255"]}))
    assert smaller.note.endswith("; at 2/255, the largest budget measured")
    assert notes_of([number]) == [
        "of all attacked images, 80.0 % are right before (clean accuracy) and 20.0 % after (robust accuracy)"
    ]
    assert kept(finding({**columns, "right": np.zeros(6, int)}, settings={"attack_eps": ["2/255"]})) is None


def test_memorization_is_the_candidates_mean_less_the_external_images():
    part = np.array(["candidate"] * 3 + ["external"] * 2 + ["shared"])
    number = ratio_above_null(finding({"part": part, "ratio": np.array([0.2, 0.3, 0.4, 0.1, 0.1, 9])}))
    assert number.value == pytest.approx(0.2)
    half = 4.3027 * 0.1 / 3**0.5  # Student with two degrees of freedom: the null does not vary
    assert number.interval == pytest.approx((0.2 - half, 0.2 + half), abs=1e-3)
    assert ratio_above_null(finding({"part": part[:3], "ratio": np.array([0.2, 0.3, 0.4])})) is None


def test_the_strongest_attack_that_was_made_is_shown(full_runs):
    assert membership(Finding.load(full_runs[0] / "findings" / "privacy.json")).note == "attacker: pairs averaged"


def test_a_note_of_several_runs_is_written_once_with_the_range_of_its_numbers():
    spread = "Std {}, of random weights {}"
    seeds = [Number(value=0, note=spread, noted=(own, "7.4")) for own in ("9.1", "10.2", "8.8")]
    others = [Number(value=0, note="attacker: one pair"), Number(value=0), Number(value=0, note="attacker: one pair")]
    assert notes_of([*seeds, *others]) == ["Std 8.8 to 10.2, of random weights 7.4", "attacker: one pair"]
    blind = [Number(value=0, note="no gradient reaches {} images", noted=(n,)) for n in ("1,200", "90")]
    assert notes_of(blind) == ["no gradient reaches 90 to 1,200 images"]


def test_a_card_of_several_runs_says_once_what_random_weights_have(make_run, tmp_path):
    folders = [make_run(tmp_path / f"{seed}", "simclr", seed) for seed in range(3)]
    for seed, folder in enumerate(folders):
        balance = Finding.load(folder / "findings" / "balance.json")
        std = next(score for score in balance.scores if score.name == "std")
        added = {"std_reference": 7.0 + seed, "std_above_reference": std.value - 7.0 - seed}
        scores = [*balance.scores, *(replace(std, name=name, value=value) for name, value in added.items())]
        replace(balance, scores=scores).save(folder / "findings")
    (note,) = cards_of(folders)["balance"].notes
    assert note.startswith("Std ") and note.endswith("of random weights 7.0 to 9.0")


def test_runs_are_averaged_with_an_interval_over_them(runs):
    line = cards_of(runs)["balance"].lines[0]
    values = [Finding.load(run / "findings" / "balance.json")["std"].value for run in runs[:3]]
    assert line.cell.sort == pytest.approx(np.mean(values))
    assert "±" in line.cell.text


def test_a_verdict_needs_a_limit(full_runs):
    found = cards_of(full_runs, {("balance", "std"): Limit(most=0.001, reason="r")})
    assert {line.verdict for line in found["balance"].lines} == {"watch"}
    assert {line.verdict for name in ("quality", "privacy") for line in found[name].lines} == {""}
    assert found["privacy"].limit == ""


def test_the_worst_group_stands_beside_the_spread(full_runs):
    assert all(line.extra.startswith("worst group: ") for line in cards_of(full_runs)["balance"].lines)
