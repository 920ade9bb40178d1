import numpy as np

from holdfast.findings import Finding, Score
from holdfast.report.collect import collect
from holdfast.report.page.render import report
from holdfast.report.plots.invariance import steadiness_plots


def finding(whitened: float, *, accuracy: float | None = 80.0) -> Finding:
    rows = [
        {
            **{"transformation": name, "strength": strength, "unit": "factor ±", "cosine": 1.0, "variance_ratio": 0.1},
            **{"whitened_cosine": whitened**strength, "accuracy": accuracy, "low": None, "high": None},
        }
        for name in ("brightness", "hue<b>")
        for strength in (0.0, 0.5, 1.0)
    ]
    score = Score(
        name="whitened_cosine",
        **{"value": whitened, "unit": "cosine", "range": (-1.0, 1.0), "better": "higher", "definition": "A mean."},
    )
    return Finding(
        audit="invariance",
        scores=[score],
        columns={"id": np.arange(3), "stability": np.array([0.1, np.nan, 0.3])},
        tables={"curves": rows, "least_stable": []},
        settings={"name": f"encoder {whitened}", "encoder": "timm/x"},
    )


def folders(tmp_path, **options):
    for index, value in enumerate((0.9, 0.5)):
        finding(value, **options).save(tmp_path / str(index))
    return [tmp_path / "0", tmp_path / "1"]


def test_there_is_a_plot_for_each_transformation_and_measure(tmp_path):
    plots = steadiness_plots(collect(folders(tmp_path)))
    assert len(plots) == len({plot.name for plot in plots}) == 4
    assert "whitened cosine" in plots[0].alt


def test_without_labels_there_are_no_accuracies_to_plot(tmp_path):
    assert len(steadiness_plots(collect(folders(tmp_path, accuracy=None)))) == 2


def test_the_page_shows_the_curves_and_escapes_what_it_was_given(tmp_path):
    page = report(folders(tmp_path), tmp_path / "page.html").read_text()
    assert "Strength 0 is the clean image" in page
    assert "hue<b>" not in page
    assert "whitened cosine" in page.lower()
