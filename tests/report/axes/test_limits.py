"""Limits: verdicts with their interval, and a file that overrides them or is refused."""

import json

import pytest

from holdfast.cli import main
from holdfast.report import report
from holdfast.report.axes import AXES, Limit
from holdfast.report.limits import LIMITS, load_limits, verdict


@pytest.mark.parametrize(
    ("value", "interval", "said"),
    [(3, (2, 4), "fine"), (3, None, "fine"), (4.5, (4, 5.2), "close"), (5, None, "fine"), (5.1, (4, 6), "watch")],
)
def test_a_verdict_looks_at_the_number_and_then_at_its_interval(value, interval, said):
    assert verdict(Limit(most=5), value, {}, interval) == said
    mirrored = None if interval is None else (-interval[1], -interval[0])
    assert verdict(Limit(least=-5), -value, {}, mirrored) == said


@pytest.mark.parametrize(
    ("interval", "said"), [((0.5, 2.0), "watch"), ((-0.5, 2.0), "close"), (None, "close"), ((-2.0, 2.5), "close")]
)
def test_a_limit_that_must_surely_be_passed_is_no_verdict_on_noise(interval, said):
    assert verdict(Limit(most=0.0, surely=True), 1.0, {}, interval) == said
    assert verdict(Limit(most=0.0, surely=True), -1.0, {}, None) == "close"


def test_a_share_of_another_number_is_a_limit_where_that_was_measured():
    limit = Limit(least_share_of=("all", 0.5))
    assert verdict(limit, 39, {"all": 80}) == "watch"
    assert verdict(limit, 41, {"all": 80}) == "fine"
    assert verdict(limit, 1, {}) == "fine"


def test_every_axis_has_a_limit_with_a_reason():
    assert set(AXES) == {audit for audit, _ in LIMITS}
    assert all(len(limit.reason) > 40 for limit in LIMITS.values())
    assert all((name, axis.measures[0].name) in LIMITS for name, axis in AXES.items())


def test_a_file_overrides_and_drops_limits(tmp_path):
    path = tmp_path / "limits.json"
    path.write_text(json.dumps({"balance.std": {"most": 2, "reason": "agreed"}, "privacy.auc": None}))
    found = load_limits(path)
    assert found["balance", "std"] == Limit(most=2, reason="agreed")
    assert ("privacy", "auc") not in found
    assert found["robustness", "kept"] == LIMITS["robustness", "kept"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "got a list or a number"),
        ("{", "expected a JSON file of limits"),
        ('{"balance.st": {"most": 2}}', r"expected limits on quality.linear_accuracy, .* got 'balance.st'"),
        ('{"balance.std": {}}', 'expected {"most": NUMBER}'),
        ('{"balance.std": 3}', "got 3; correct it"),
        ('{"balance.std": {"most": "3"}}', "got {.*3.*}; correct it"),
        ('{"balance.std": {"most": true}}', "correct it"),
        ('{"balance.std": {"most": 3, "because": "x"}}', "correct it"),
    ],
)
def test_a_file_that_is_none_is_refused_in_one_line(tmp_path, text, message):
    path = tmp_path / "limits.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        load_limits(path)
    assert "\n" not in str(caught.value)


def test_the_page_follows_the_file_and_can_do_without_images(full_runs, tmp_path):
    path = tmp_path / "limits.json"
    path.write_text(json.dumps({"balance.std": {"most": 0.01, "reason": "Only <b>equals</b> will do."}}))
    text = report(full_runs[:1], tmp_path / "page.html", limits=path, images=False).read_text()
    assert "at most 0.0 %" in text
    assert "Only &lt;b&gt;equals&lt;/b&gt; will do." in text
    assert 'id="images"' not in text


def test_limits_that_are_none_end_the_command_before_anything_is_written(make_run, tmp_path, capsys):
    run, path = make_run(tmp_path / "run", "simclr", 0), tmp_path / "limits.json"
    path.write_text('{"balance.std": "low"}')
    assert main(["report", str(run), "--out", str(tmp_path / "page.html"), "--limits", str(path)]) == 2
    said = capsys.readouterr().err.strip()
    assert said.count("\n") == 0 and "for balance.std in" in said
    assert not (tmp_path / "page.html").exists()
