import pytest

from holdfast.report import report
from holdfast.report.collect import collect
from holdfast.report.comparison.trade_offs import trade_off_plots, unbeaten


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([(1, 1)], [True]),
        ([(1, 3), (2, 2), (3, 1)], [True, True, True]),
        ([(1, 1), (2, 2)], [False, True]),
        ([(1, 2), (2, 2)], [False, True]),
        ([(2, 2), (2, 2)], [True, True]),
    ],
)
def test_a_point_is_beaten_by_one_that_is_no_worse_in_both(points, expected):
    assert unbeaten(points) == expected


def test_two_encoders_with_all_axes_have_a_plot_for_each_trade(full_runs, tmp_path):
    page = report(full_runs, tmp_path / "two.html").read_text()
    figures = page[page.index('id="trade-offs"') :]
    for axis in ("robustness", "balance", "invariance", "memorization", "privacy"):
        assert f'id="trade-off-{axis}-figure_1"' in figures
    assert "lower is" in figures


def test_one_encoder_has_none(full_runs):
    assert trade_off_plots(collect(full_runs[:1])) == []


def test_encoders_of_other_test_images_stand_in_no_plot(make_full_run, tmp_path):
    shared = [make_full_run(tmp_path / "a", "simclr", 0)]
    other = make_full_run(tmp_path / "b", "sdclr", 1, settings={"test_checksum": "another"})
    assert trade_off_plots(collect([*shared, other])) == []
