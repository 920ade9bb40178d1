"""Benchmarks: rounds take turns, ratios know their targets, and each leaves a file that the page's table is made of."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from number_pages.benchmarks import line, table

HOME = Path(__file__).parents[2] / "benchmarks"


def module(name):
    spec = importlib.util.spec_from_file_location(name, HOME / f"{name}.py")
    made = importlib.util.module_from_spec(spec)
    sys.modules[name] = made
    spec.loader.exec_module(made)
    return made


measuring = module("measuring")
run = module("run")


def rounds(**seconds):
    return {name: [measuring.Spent(one, one) for one in each] for name, each in seconds.items()}


def test_contestants_take_turns_and_the_first_round_is_not_counted():
    order = []
    contestants = {name: lambda name=name: order.append(name) for name in ("a", "b")}
    found = measuring.take_turns(contestants, 2, warm=1)
    assert order == ["a", "b"] * 3
    assert [len(each) for each in found.values()] == [2, 2]


def test_a_contestant_that_has_measured_itself_is_believed():
    own = measuring.Spent(7.0, 8.0, peak=9.0)
    assert measuring.take_turns({"a": lambda: own}, 1)["a"] == [own]


def test_ratios_are_of_the_same_round_and_know_which_side_is_better():
    found = rounds(ours=[1.0, 2.0, 4.0], theirs=[4.0, 4.0, 4.0])
    faster = measuring.times_faster("x", found, "ours", "theirs", target=2.0)
    assert (faster.value, faster.low, faster.high, faster.met) == (2.0, 1.0, 4.0, True)
    longer = measuring.times_as_long("x", found, "ours", "theirs", target=0.4)
    assert (longer.value, longer.low, longer.high, longer.met) == (0.5, 0.25, 1.0, False)
    assert measuring.best_of("x", found, "ours", "theirs").value == 4.0
    assert measuring.best_of("x", found, "ours", "theirs").met is None


def test_a_process_is_measured_with_its_children_and_up_to_a_line():
    child = "import subprocess, sys, time; x = bytearray(40 << 20); x[::4096] = b'1' * len(x[::4096]); time.sleep(0.6)"
    both = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    spent = measuring.process([sys.executable, "-c", both])
    assert spent.peak > 40 and spent.cpu > 0
    line = measuring.process([sys.executable, "-uc", "print('one'); import time; time.sleep(60)"], until="one")
    assert line.output == "one\n" and line.wall < 30
    with pytest.raises(RuntimeError, match="went wrong"):
        measuring.process([sys.executable, "-c", "import sys; sys.exit('went wrong')"])


def test_a_result_says_what_it_was_measured_on_and_becomes_rows_of_the_page(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(measuring, "RESULTS", tmp_path)
    monkeypatch.setattr(sys, "argv", ["benchmarks/toy.py", "--rounds", "3"])
    found = rounds(ours=[1.0, 2.0], theirs=[4.0, 4.0])
    ratios = [measuring.times_faster("toys", found, "ours", "theirs", target=5.0)]
    measuring.finish("toy", ratios, settings="two toys", left_out=["a peer is not installed"])
    document = json.loads((tmp_path / "toy.json").read_text())
    assert document["command"] == "python benchmarks/toy.py --rounds 3"
    assert {"processor", "cores"} <= set(document["hardware"]) and {"python", "torch"} <= set(document["versions"])
    assert "not measured: a peer is not installed" in capsys.readouterr().out
    page = table(tmp_path)
    assert "| toys | 3.00 × | [2.00, 4.00], median of rounds | 3.00 × | at least 5 × | **not met** |" in page
    assert "Not measured: a peer is not installed (`toy`)." in page and "two toys" in page


def test_numbers_without_rounds_or_targets_have_empty_cells():
    one = measuring.Ratio(what="a count", value=2.2, low=2.2, high=2.2, taken="counted", unit="×")
    assert line({**vars(one), "met": one.met}) == "| a count | 2.20 × | counted |  |  |  |"


def test_every_benchmark_has_a_script_and_a_result_is_known_until_the_code_changes(tmp_path, monkeypatch):
    assert all((HOME / f"{name}.py").is_file() for name in run.BENCHMARKS)
    monkeypatch.setattr(run, "RESULTS", tmp_path)
    monkeypatch.setattr(measuring, "RESULTS", tmp_path)
    assert not run.known("help")
    monkeypatch.setenv("HOLDFAST_BENCH_CODE", run.code_of("help"))
    measuring.finish("help", [], settings="")
    assert run.known("help")
    monkeypatch.setitem(run.BENCHMARKS, "help", "--rounds 6")
    assert not run.known("help")
