"""Plots of docs/results.md show what results/*.json hold."""

import copy
from xml.etree import ElementTree

import pytest

import result_plots
from number_pages import claims
from number_pages.claims import above, block
from number_pages.engine import ROOT

DRAWN = [name for name, (numbers, _, _) in result_plots.PLOTS.items() if numbers()]


@pytest.mark.parametrize("name", DRAWN)
def test_a_plot_in_docs_holds_the_numbers_of_its_file(name):
    page = (ROOT / "docs" / "results.md").read_text()
    text = (ROOT / "docs" / "images" / f"results-{name}.svg").read_text()
    assert f"<desc>{result_plots.digest(result_plots.PLOTS[name][0]())}</desc>" in text, "run: make numbers"
    assert f"images/results-{name}.svg" in page


def test_a_plot_is_a_file_of_its_own_with_a_point_for_each_number():
    name = "demo"
    root = ElementTree.fromstring(result_plots.svg(name))
    text = "".join(root.itertext())
    assert "var(--" not in ElementTree.tostring(root, encoding="unicode")
    assert all(word in text for word in ("SimCLR", "SDCLR", *result_plots.PLOTS[name][1]))


def test_the_plot_of_all_methods_has_a_row_a_method_and_a_point_a_seed_in_each_panel(monkeypatch):
    document, real = copy.deepcopy(result_plots.results("families")), result_plots.results
    first = document["runs"]["simclr"]["seeds"]
    first["1"] = first["0"]
    monkeypatch.setattr(result_plots, "results", lambda name: document if name == "families" else real(name))
    series = result_plots.by_axis()
    assert len(series) == sum(len(run["seeds"]) for run in document["runs"].values()) and "simclr/1" in series
    assert {len(points) for points in series.values()} == {len(result_plots.COLUMNS)}
    drawn = "".join(ElementTree.fromstring(result_plots.svg("families")).itertext())
    assert all(drawn.count(name) >= 1 for name in document["runs"])
    assert all(heading.partition(",")[0] in drawn for heading in result_plots.COLUMNS)


def test_a_verdict_follows_its_interval():
    assert [above(ends) for ends in ((0.1, 2), (-2, -0.1), (-1, 1))] == ["shown", "refuted here", "not decided"]


def test_a_result_of_the_other_sign_turns_its_verdict(monkeypatch):
    demo, real = copy.deepcopy(claims.results("demo")), claims.results
    gap = demo["differences"]["balance.few"]
    monkeypatch.setattr(claims, "results", lambda name: demo if name == "demo" else real(name))
    found = []
    for ends in ([-20.0, -1.0], [1.0, 20.0], [-20.0, 1.0]):
        gap["interval"] = ends
        found.append(block().inside.splitlines()[0].split("**")[1])
    assert found == ["refuted here", "shown", "not decided"]
