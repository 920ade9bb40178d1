"""Damaged run folders: what is whole is used, what is not is told in one line, and nothing else is lost."""

import json
import shutil

import pytest
import safetensors.torch
import torch
from faulty_runs import FLAGS, finished, flip, interrupted, refused, said, tiny_config

from holdfast.engine import loop, train
from holdfast.engine.checkpoint import checkpoints
from holdfast.runs import RunFolder


def cut(file):
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2])


def empty(file):
    file.write_bytes(b"")


def head(file):
    flip(file, 3)


def tail(file):
    flip(file)


def gone(file):
    file.unlink()


def reworded(file):
    file.write_text(file.read_text().replace("0", "1", 1))


def listed(file):
    file.write_text("[]")


DAMAGES = [
    *(("method.safetensors", damage) for damage in (cut, empty, head, tail, gone)),
    *(("optimizer.safetensors", damage) for damage in (tail, gone)),
    *(("state.json", damage) for damage in (cut, empty, tail, gone, reworded, listed)),
]


def weights(run):
    return safetensors.torch.load_file(run / "encoder.safetensors")


@pytest.mark.parametrize(("name", "damage"), DAMAGES, ids=lambda value: getattr(value, "__name__", value))
def test_a_damaged_newest_checkpoint_is_said_and_the_one_before_goes_on_to_the_same_bits(
    name, damage, tmp_path, capsys
):
    run = interrupted(tmp_path / "run")
    older, newest = checkpoints(run / "checkpoints")[-2:]
    damage(newest / name)
    code, out, _ = said(["resume", str(run)], capsys)
    assert code == 0
    assert str(newest / name) in out
    assert f"going on from {older.name}" in out
    expected = weights(finished())
    assert all(torch.equal(tensor, expected[key]) for key, tensor in weights(run).items())


def test_where_no_checkpoint_is_whole_the_run_is_refused_and_stays_as_it_is(tmp_path, capsys):
    run = interrupted(tmp_path / "run")
    for path in checkpoints(run / "checkpoints"):
        flip(path / "method.safetensors")
    before = sorted(str(path) for path in run.rglob("*"))
    refused(["resume", str(run)], capsys, "method.safetensors", "none of the other 1 is whole")
    assert sorted(str(path) for path in run.rglob("*")) == before


def test_a_stray_folder_is_no_checkpoint(tmp_path, capsys):
    run = interrupted(tmp_path / "run")
    (run / "checkpoints" / "step-old").mkdir()
    assert said(["resume", str(run)], capsys)[0] == 0


def test_one_flipped_bit_of_the_encoder_is_refused_by_all_that_read_it_and_resume_writes_it_again(tmp_path, capsys):
    run = shutil.copytree(finished(), tmp_path / "run")
    flip(run / "encoder.safetensors")
    out = str(tmp_path / "out.parquet")
    for words in (["embed", str(run), "--out", out], ["audit", str(run)], ["export", str(run), "--out", out]):
        refused(words, capsys, run / "encoder.safetensors", "as it was written")
    code, said_, _ = said(["resume", str(run)], capsys)
    assert (code, "written again from the last checkpoint" in said_) == (0, True)
    assert all(torch.equal(tensor, weights(finished())[key]) for key, tensor in weights(run).items())


@pytest.mark.parametrize("name", ["encoder.json", "encoder.safetensors"])
def test_half_an_encoder_is_made_whole_by_resume(name, tmp_path, capsys):
    run = shutil.copytree(finished(), tmp_path / "run")
    (run / name).unlink()
    assert said(["resume", str(run)], capsys)[0] == 0
    assert (run / name).is_file()


CONFIGS = [
    ({"epochs": "3"}, "epochs to be a whole number, got '3'"),
    ({"lr": None}, "lr to be a number"),
    ({"views": []}, "views to be an object"),
    ({"schema": 9}, "config schema"),
    ({"method": "none"}, "a method of"),
    ({"surprise": 1}, "only settings of RunConfig, got surprise"),
]


@pytest.mark.parametrize(("changes", "words"), CONFIGS, ids=lambda value: str(value)[:30])
def test_a_damaged_configuration_is_one_line_with_its_path(changes, words, tmp_path, capsys):
    run = interrupted(tmp_path / "run")
    document = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(document | changes))
    refused(["resume", str(run)], capsys, run / "config.json", words)


@pytest.mark.parametrize("name", ["config.json", "ids.json"])
@pytest.mark.parametrize("damage", [cut, empty, listed], ids=lambda damage: damage.__name__)
def test_json_of_a_run_that_is_none_is_one_line_with_its_path(name, damage, tmp_path, capsys):
    run = interrupted(tmp_path / "run")
    (run / name).write_text((run / name).read_text()[:200])
    damage(run / name)
    refused(["resume", str(run)], capsys, run / name)


def test_settings_changed_since_the_checkpoint_are_named_and_refused(tmp_path, capsys):
    run = interrupted(tmp_path / "run")
    document = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(document | {"epochs": 3, "lr": 0.1, "keep_checkpoints": 5}))
    error = refused(["resume", str(run)], capsys, "epochs 2, now 3", "lr 0.5, now 0.1", "--accept-changes")
    assert "keep_checkpoints" not in error
    code, out, _ = said(["resume", str(run), "--accept-changes"], capsys)
    assert (code, "going on with changed settings (epochs 2, now 3, lr 0.5, now 0.1)" in out) == (0, True)
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    (row,) = [row for row in rows if row["kind"] == "changed settings"]
    assert row["changed"] == {"epochs": [2, 3], "lr": [0.5, 0.1]}


def test_a_garbage_line_of_metrics_is_left_out_alone_and_said(tmp_path, capsys):
    run = interrupted(tmp_path / "run")
    first, second = (run / "metrics.jsonl").read_text().splitlines()
    (run / "metrics.jsonl").write_text("\n".join([first, "5", "{broken", '{"kind": "epoch"}', second]) + '\n{"half')
    code, out, _ = said(["resume", str(run)], capsys)
    assert (code, out.count("no row of metrics, left out")) == (0, 3)
    assert (run / "metrics.jsonl").read_text().splitlines() == [first, second]


def test_temporary_files_of_dead_processes_are_cleaned_and_those_of_living_ones_stay(tmp_path, capsys):
    run = interrupted(tmp_path / "run")
    dead, alive = run / ".config.json.4194303.tmp", run / ".config.json.1.tmp"
    dead.write_text("")
    alive.write_text("")
    said(["resume", str(run)], capsys)
    assert (dead.exists(), alive.exists()) == (False, True)


@pytest.mark.parametrize("left", [["environment.json"], ["environment.json", "ids.json"], [".ids.json.4194303.tmp"]])
def test_a_run_killed_before_its_configuration_was_written_can_be_started_again(left, tmp_path):
    for name in left:
        (tmp_path / "run").mkdir(exist_ok=True)
        (tmp_path / "run" / name).write_text("{}")
    RunFolder.check(tmp_path / "run")


@pytest.mark.parametrize("flag", ["--weight-decay", "--lr", "--warmup-epochs"])
def test_an_infinite_setting_is_refused_before_anything_is_written(flag, tmp_path, capsys):
    out = tmp_path / "run"
    refused(["train", "simclr", flag, "inf", "--data", "digits", "--out", str(out)], capsys, "finite")
    assert not out.exists()


def test_weights_that_are_no_numbers_make_no_checkpoint_and_no_encoder(tmp_path, monkeypatch):
    trained = loop._train_batch

    def poisoned(session, position, batch, meter):
        trained(session, position, batch, meter)
        with torch.no_grad():
            next(session.method.encoder.parameters()).fill_(float("nan"))

    monkeypatch.setattr(loop, "_train_batch", poisoned)
    with pytest.raises(FloatingPointError, match=r"expected finite weights, got NaN or infinity in .* lower --lr"):
        train(tiny_config(epochs=1, checkpoint_steps=100, batch_size=60), tmp_path / "run")
    assert not (tmp_path / "run" / "encoder.safetensors").exists()
    assert checkpoints(tmp_path / "run" / "checkpoints") == []


def test_one_flipped_bit_of_the_encoder_that_a_run_begins_with_is_refused_before_anything_is_written(tmp_path, capsys):
    run, out = shutil.copytree(finished(), tmp_path / "run"), tmp_path / "out"
    flip(run / "encoder.safetensors")
    words = ["train", "simclr", *FLAGS, "--init", str(run), "--out", str(out)]
    refused(words, capsys, run / "encoder.safetensors", "as it was written")
    assert not out.exists()
