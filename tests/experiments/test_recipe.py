"""The recipe's search: a balanced design, effects by hand, aims by comparison, and a run at toy scale."""

import json
from itertools import combinations

import pytest

import recipe


def row(**values: float) -> dict:
    axes: dict[str, dict] = {axis: {} for axis, _ in recipe.MEASURES.values()}
    for axis, score in recipe.MEASURES.values():
        axes[axis][score] = {"value": values.get(score, 0.0)}
    return {"seeds": {"0": {"axes": axes}}}


def test_each_part_is_on_in_half_of_the_runs_whatever_another_is():
    runs = recipe.design()
    assert len(runs) == 8
    assert len({recipe.name_of_run(run) for run in runs}) == 8
    for first, second in combinations(recipe.LEVELS, 2):
        pairs = [(run[first], run[second]) for run in runs]
        assert sorted(pairs) == sorted([(0, 0), (0, 1), (1, 0), (1, 1)] * 2)


def test_effects_are_those_that_were_put_in():
    true = {"twin": -3.0, "crops": 5.0, "adversary": 0.5, "penalty": 0.0}
    runs = {
        recipe.name_of_run(levels): row(linear_accuracy=40 + sum(true[part] * on for part, on in levels.items()))
        for levels in recipe.design()
    }
    assert recipe.effects(runs)["linear probe"] == pytest.approx({**true, "pairs of parts": 0.0})
    for levels in recipe.design():  # four points where twin and crops are alike, none elsewhere
        together = 4.0 * (levels["twin"] == levels["crops"])
        runs[recipe.name_of_run(levels)] = row(linear_accuracy=40 + together)
    found = recipe.effects(runs)["linear probe"]
    assert found == pytest.approx({**dict.fromkeys(true, 0.0), "pairs of parts": 4 / 3**0.5})
    runs.popitem()
    assert recipe.effects(runs) == {}, "seven of eight runs are no design"


def test_an_aim_is_met_where_the_row_is_no_worse_than_the_method_it_is_measured_by():
    ours = {"one": row(few=50.0, robust_accuracy_4_255=20.0, centred_candidate=0.01)}
    others = {
        "sdclr": row(few=50.0),
        "cf-amc-ssl": row(robust_accuracy_4_255=21.0),
        "simclr": row(centred_candidate=0.02),
    }
    found = recipe.aims(ours, others)["one"]
    assert {name: aim["met"] for name, aim in found.items()} == {
        "balance": True,
        "robustness": False,
        "memorization": True,
    }


def test_a_search_that_is_done_is_read_again_beside_methods_that_ran_since(tmp_path, monkeypatch):
    done, others = tmp_path / "recipe.json", tmp_path / "families.json"
    document = json.loads(recipe.RESULTS.read_text())
    done.write_text(json.dumps(document | {"aims": {}}))
    others.write_text(recipe.families.RESULTS.read_text())
    monkeypatch.setattr(recipe.families, "RESULTS", others)
    words = ["x", "--seeds", "1", "--results", str(done), "--only", next(iter(document["runs"]))]
    monkeypatch.setattr("sys.argv", [*words, "--threads", "1"])
    recipe.main()
    found = json.loads(done.read_text())
    assert found["runs"] == document["runs"]
    assert found["aims"] == recipe.aims(document["runs"], json.loads(others.read_text())["runs"])


@pytest.mark.slow
def test_a_tiny_run_of_all_parts_is_measured_on_every_axis(tmp_path, monkeypatch):
    full = recipe.name_of_run({"twin": 1, "crops": 0, "adversary": 1, "penalty": 0})
    assert full == "twin 0.5, crops 4, adversary free:3"
    monkeypatch.setattr("sys.argv", ["x", "--tiny", "--seeds", "1", "--only", full, "--out", str(tmp_path)])
    recipe.main()
    (found,) = json.loads((tmp_path / "recipe.json").read_text())["runs"].values()
    assert all(-100 <= recipe.value(found, measure) <= 100 for measure in recipe.MEASURES)
