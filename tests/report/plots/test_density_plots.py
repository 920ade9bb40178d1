import numpy as np

from holdfast.findings import Finding, Score
from holdfast.report.collect import Encoder, Measured
from holdfast.report.plots.tail import _line, density_plots


def encoder(tmp_path, *runs, place=0):
    members = []
    for run in runs:
        rows = [
            {"group": g + 1, **{f"{name}{end}": None if v is None else v + step for name in ("alignment", "consistency")
             for end, step in (("", 0.0), ("_low", -0.1), ("_high", 0.1))}}
            for g, v in enumerate(run)
        ]  # fmt: skip
        score = Score(name="x", value=0.0, unit="share", range=(0, 1), better="lower", definition="X.")
        members.append(Measured(tmp_path, {"tail": Finding(audit="tail", scores=[score], tables={"density": rows})}))
    return Encoder("E", place, tuple(members))


def test_one_run_shows_its_intervals_and_several_their_range(tmp_path):
    groups, mean, low, high = _line(encoder(tmp_path, [0.5, 0.4, 0.3]), "alignment")
    assert groups.tolist() == [1, 2, 3]
    np.testing.assert_allclose([mean, low, high], [[0.5, 0.4, 0.3], [0.4, 0.3, 0.2], [0.6, 0.5, 0.4]])
    _, mean, low, high = _line(encoder(tmp_path, [0.5, 0.4], [0.7, 0.2]), "consistency")
    np.testing.assert_allclose([mean, low, high], [[0.6, 0.3], [0.5, 0.2], [0.7, 0.4]])


def test_groups_that_a_run_did_not_measure_are_left_out(tmp_path):
    assert _line(encoder(tmp_path, [0.5, None, 0.3], [0.5, 0.4, 0.3]), "alignment")[0].tolist() == [1, 3]
    assert _line(encoder(tmp_path, [None]), "alignment") is None


def test_each_measure_is_a_plot_with_words_for_those_who_do_not_see_it(tmp_path):
    plots = density_plots([encoder(tmp_path, [0.5, 0.4, 0.3]), encoder(tmp_path, [0.4, 0.4, 0.4], place=1)])
    assert [plot.name for plot in plots] == ["density-alignment", "density-consistency"]
    assert all(plot.svg.startswith("<svg") and "sparsest" in plot.alt for plot in plots)
    assert density_plots([Encoder("E", 0, (Measured(tmp_path, {}),))]) == []
