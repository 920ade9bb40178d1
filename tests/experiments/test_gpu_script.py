"""The GPU script: parts in order, kept at once, begun only where they fit, taken up by the next call."""

import json
import multiprocessing
import os
import re
import resource
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from gpu_steps import STEPS, Bench, Part, Step, chosen, document_of, listing, plan, run_parts
from gpu_steps.runner import MOST_BYTES
from holdfast import METHODS, PRESETS

ROOT = Path(__file__).parent.parent.parent
SCRIPT = ROOT / "experiments" / "gpu.py"


def bench(tmp_path: Path, seconds: float = 60.0) -> Bench:
    return Bench(None, tmp_path / "work", seconds, tiny=True)


def part(name: str, made: list[str], *, seconds: float = 0.1, rank: int = 0, result: dict | None = None) -> Part:
    def measure(bench: Bench) -> dict:
        made.append(name)
        return result or {"value": 1.0}

    return Part(name=name, rank=rank, guess=1.0, look=lambda bench: seconds, measure=measure, seeds=(3,))


def step(name: str, *parts: Part) -> Step:
    return Step(name=name, what="a toy", parts=lambda bench: parts)


def test_parts_of_all_steps_are_made_by_rank_then_in_the_order_of_the_steps(tmp_path):
    made: list[str] = []
    steps = [
        step("a", part("a0", made), part("a2", made, rank=2)),
        step("b", part("b0", made), part("b1", made, rank=1)),
    ]
    list(run_parts(steps, bench(tmp_path), tmp_path / "out"))
    assert made == ["a0", "b0", "b1", "a2"]


def test_a_part_that_would_not_fit_is_not_begun_and_a_later_shorter_one_is(tmp_path):
    made: list[str] = []
    steps = [step("a", part("long", made, seconds=100.0), part("short", made, seconds=5.0))]
    lines = list(run_parts(steps, bench(tmp_path, seconds=30.0), tmp_path / "out"))
    assert made == ["short"]
    document = document_of(steps[0], tmp_path / "out", tiny=True)
    assert re.fullmatch(r"would take 100 s, (29|30) s were left", document["left_out"]["long"])
    assert lines[0].startswith("a · long: left out: would take 100 s")


def test_what_is_there_is_not_made_again_and_what_was_left_out_is(tmp_path):
    made: list[str] = []
    steps = [step("a", part("one", made), part("two", made, seconds=100.0))]
    list(run_parts(steps, bench(tmp_path, seconds=30.0), tmp_path / "out"))
    lines = list(run_parts(steps, bench(tmp_path, seconds=300.0), tmp_path / "out"))
    assert made == ["one", "two"]
    assert lines[0] == "a · one: there already"
    assert document_of(steps[0], tmp_path / "out", tiny=True)["left_out"] == {}


def test_a_result_says_seeds_times_hardware_versions_and_command(tmp_path):
    list(run_parts([step("a", part("one", []))], bench(tmp_path), tmp_path / "out"))
    known = json.loads((tmp_path / "out" / "a.json").read_text())["parts"]["one"]
    assert known["seeds"] == [3] and known["estimated_seconds"] == 0.1 and known["seconds"] >= 0
    assert {"device", "versions", "command", "started"} <= known["environment"].keys()
    assert known["environment"]["versions"]["torch"]
    assert str(Path.home()) not in known["environment"]["command"]


def test_a_part_that_fails_is_written_down_and_stops_no_other(tmp_path):
    def fails(bench: Bench) -> dict:
        raise RuntimeError("out of\nmemory")

    made: list[str] = []
    steps = [step("a", replace(part("bad", made), measure=fails), part("good", made))]
    lines = list(run_parts(steps, bench(tmp_path), tmp_path / "out"))
    assert lines[0] == "a · bad: failed: RuntimeError: out of memory"
    assert made == ["good"]
    assert document_of(steps[0], tmp_path / "out", tiny=True)["failed"] == {"bad": "RuntimeError: out of memory"}


def test_a_file_too_large_to_travel_is_a_failure_not_a_file(tmp_path):
    large = step("a", part("large", [], result={"text": "x" * (MOST_BYTES + 1)}), part("small", []))
    lines = list(run_parts([large], bench(tmp_path), tmp_path / "out"))
    assert "failed: ValueError: expected a.json to stay under 16 MB" in lines[0]
    assert document_of(large, tmp_path / "out", tiny=True)["parts"].keys() == {"small"}


def test_results_of_a_tiny_run_are_not_mixed_with_real_ones(tmp_path):
    toy = step("a", part("one", []))
    list(run_parts([toy], bench(tmp_path), tmp_path / "out"))
    with pytest.raises(
        ValueError, match=r"expected results of the same size in .*a\.json, got others; choose another --out"
    ):
        document_of(toy, tmp_path / "out", tiny=False)


def test_only_takes_steps_or_parts_and_refuses_others(tmp_path):
    steps = [step("a", part("one", []), part("two", [])), step("b", part("three", []))]
    here = bench(tmp_path)
    assert [p.name for _, p in plan(chosen(steps, ["a/two", "b"], here), here)] == ["two", "three"]
    assert chosen(steps, [], here) == steps
    with pytest.raises(ValueError, match="expected a step or STEP/PART after --only, got 'a/tow'; did you mean a/two"):
        chosen(steps, ["a/tow"], here)


def test_the_list_has_a_line_for_each_part_with_its_time(tmp_path):
    steps = [step("a", part("one", []), part("two", []))]
    list(run_parts(chosen(steps, ["a/one"], bench(tmp_path)), bench(tmp_path), tmp_path / "out"))
    lines = list(listing(steps, bench(tmp_path), tmp_path / "out"))
    assert "took 0 s, estimated 0" in lines[0]
    assert lines[1].endswith("about    1 s on an H100; not made yet")


def test_what_matters_most_comes_first_and_each_step_has_a_part(tmp_path):
    order = [f"{step.name}/{part.name}" for step, part in plan(STEPS, bench(tmp_path))]
    assert order[:2] == ["speedrun/seed 0", "throughput/simclr"]
    assert {name.partition("/")[0] for name in order} == {"speedrun", "throughput", "numerics", "long_tail", "robust"}
    assert len(set(order)) == len(order)


def script(*words: str, **options) -> subprocess.Popen:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(SCRIPT), *words]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, **options
    )


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # the child has no threads to wait for
def test_a_call_that_is_killed_in_a_part_is_taken_up_by_the_next(tmp_path):
    made: list[str] = []
    endless = replace(part("two", made), measure=lambda bench: time.sleep(600) or {})
    first = multiprocessing.get_context("fork").Process(
        target=lambda: list(run_parts([step("a", part("one", made), endless)], bench(tmp_path), tmp_path / "out"))
    )
    first.start()
    deadline = time.monotonic() + 60
    while not (tmp_path / "out" / "a.json").exists():
        assert first.is_alive()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    first.kill()
    first.join()
    before = json.loads((tmp_path / "out" / "a.json").read_text())["parts"]
    assert before.keys() == {"one"}
    steps = [step("a", part("one", made), part("two", made))]
    lines = list(run_parts(steps, bench(tmp_path), tmp_path / "out"))
    assert made == ["two"]
    assert lines[0] == "a · one: there already"
    after = json.loads((tmp_path / "out" / "a.json").read_text())["parts"]
    assert after["one"] == before["one"]
    assert after.keys() == {"one", "two"}


def test_a_tiny_run_has_every_part_of_a_real_one(tmp_path):
    tiny, real = (
        {(s.name, p.name) for s, p in plan(STEPS, Bench(tmp_path, tmp_path, 60, tiny=t))} for t in (True, False)
    )
    assert {name for name in real - tiny if not name[1].startswith("seed ")} == set()
    taught = {name for name in METHODS if hasattr(METHODS[name].Config(), "teacher")}
    assert {name.partition(",")[0] for step, name in tiny if step == "throughput"} == {*METHODS, *PRESETS} - taught


@pytest.mark.slow
def test_the_script_itself_is_killed_between_parts_and_goes_on(tmp_path):
    words = ["--tiny", "--minutes", "5", "--out", str(tmp_path / "out"), "--work", str(tmp_path / "work")]
    words += ["--only", "throughput/simclr", "throughput/sdclr"]
    first = script(*words)
    deadline = time.monotonic() + 240
    while not (tmp_path / "out" / "throughput.json").exists():
        assert first.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    first.kill()
    first.communicate()
    before = json.loads((tmp_path / "out" / "throughput.json").read_text())["parts"]
    assert before.keys() == {"simclr"}
    second = script(*words)
    said = second.communicate(timeout=240)[0]
    assert second.returncode == 0, said
    after = json.loads((tmp_path / "out" / "throughput.json").read_text())["parts"]
    assert after["simclr"] == before["simclr"] and after.keys() == {"simclr", "sdclr"}
    assert "throughput · simclr: there already" in said


def test_without_images_and_not_tiny_it_says_what_is_missing():
    process = script("--minutes", "1")
    said = process.communicate(timeout=120)[0]
    assert process.returncode == 2
    assert "expected --data FOLDER with train.parquet and test.parquet, got none; or try --tiny" in said


@pytest.mark.slow
def test_every_part_runs_tiny_on_the_cpu_within_a_minute_and_the_estimate_of_each_step_is_near(tmp_path):
    words = ["--tiny", "--minutes", "10", "--out", str(tmp_path / "out"), "--work", str(tmp_path / "work")]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = script(*words)
    said = process.communicate(timeout=600)[0]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert process.returncode == 0, said
    # Of one thread's CPU: what a machine at rest would take at most, whatever else this one does.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 60
    documents = [json.loads(path.read_text()) for path in sorted((tmp_path / "out").iterdir())]
    assert {document["step"] for document in documents} == {step.name for step in STEPS}
    assert sum(len(document["parts"]) for document in documents) == len(plan(STEPS, bench(tmp_path)))
    assert all(path.stat().st_size < MOST_BYTES for path in (tmp_path / "out").iterdir())
    for document in documents:
        took, estimated = (sum(p[of] for p in document["parts"].values()) for of in ("seconds", "estimated_seconds"))
        assert 0.5 < took / estimated < 2, (document["step"], took, estimated)
