"""Runs that are averaged were measured alike; where only some have a partner, none is lost."""

import pytest
from small_runs import train_run

from holdfast.report import card, compare
from holdfast.report.gathered import gathered
from holdfast.report.tables import score_table, sections, shortlist_table

pytestmark = pytest.mark.slow

QUICK = "--attack-images 20 --attack-restarts 0 --square-images 0 --drift-images 5 --corruption-images 5 --no-page"


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    """SimCLR, seeds 0 to 2 of one split, quality measured on all."""
    root = tmp_path_factory.mktemp("seeds")
    runs = [train_run(root / str(seed), more=f"--seed {seed}") for seed in range(3)]
    from holdfast.cli import main

    assert main(["audit", *map(str, runs), "--axes", "quality", "--no-page", "--no-atlas"]) == 0
    return runs


def test_a_seed_with_other_attack_steps_is_set_aside_by_name(seeds, own, said, tmp_path):
    runs = [own(run, run.name) for run in seeds]
    for run, steps in zip(runs, (2, 2, 1), strict=True):
        said(f"audit {run} --axes robustness {QUICK} --attack-steps {steps} --no-atlas")
    (encoder,) = gathered(runs)
    assert [len(member.findings) for member in encoder.members] == [2, 2, 1]
    said(f"report {' '.join(map(str, runs))} --out {tmp_path / 'page.html'}")
    page = (tmp_path / "page.html").read_text()
    assert "Set aside, robustness of SimCLR: attack steps is 1 in" in page
    assert "2 in its other runs" in page


def test_a_seed_that_lacks_an_axis_is_not_counted_in_its_head(seeds, own):
    runs = [own(run, run.name) for run in seeds]
    (runs[2] / "findings" / "quality.json").unlink()
    with pytest.raises(ValueError, match="expected findings"):
        gathered(runs)
    encoders = gathered(runs[:2])
    section, scores = next(pair for pair in sections(encoders) if pair[0].audit == "quality")
    assert score_table(encoders, section, scores).columns[1].note.endswith("2 seeds")


def test_one_of_three_seeds_without_an_axis_stands_in_head_and_row(seeds, own, said):
    runs = [own(run, run.name) for run in seeds]
    said(f"audit {runs[0]} {runs[1]} --axes balance --no-page --no-atlas")
    encoders = gathered(runs)
    tables = {section.audit: score_table(encoders, section, scores) for section, scores in sections(encoders)}
    assert tables["balance"].columns[1].note.endswith("2 of 3 seeds")
    assert tables["quality"].columns[1].note.endswith("3 seeds")
    rows = {row[1].text.split(" (")[0]: row[2].note for row in shortlist_table(encoders).rows}
    assert "2 of 3 seeds" in rows["All classes"]
    assert "of 3" not in rows["Effective rank"]


def test_seeds_of_which_some_have_partners_keep_all_runs(seeds, tmp_path, said):
    others = [train_run(tmp_path / str(seed), more=f"--temperature 0.9 --seed {seed}") for seed in (2, 3, 4)]
    said(f"audit {' '.join(map(str, others))} --axes quality --no-page --no-atlas")
    found = {d.score.name: d for d in compare([*seeds, *others]).differences}["effective_rank"]
    assert "3 and 3 runs (Welch" in found.over
    assert found.value == pytest.approx(_mean(others) - _mean(seeds))
    partners = {d.score.name: d for d in compare([seeds[0], seeds[2], *others]).differences}["effective_rank"]
    assert "3 and 2 runs (Welch" in partners.over


def _mean(runs):
    values = [
        score["value"]
        for run in runs
        for axis in card(run)["axes"]
        for score in axis["scores"]
        if score["name"] == "effective_rank"
    ]
    return sum(values) / len(values)
