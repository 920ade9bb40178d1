"""Tables of the terminal at 80 columns: nothing breaks within a word, and no number is lost."""

import re
import shlex

import numpy as np
import pytest
from PIL import Image

from holdfast.cli import main
from holdfast.cli.audit import _conclude
from holdfast.cli.audited import score_lines
from holdfast.cli.options import copyable, fitted
from holdfast.findings import Finding
from holdfast.report.cells import Cell, Column, Table, as_text
from holdfast.report.listed import conclusions


def words(text):
    return sorted(re.findall(r"\S+", text))


@pytest.fixture
def eight(write_full, tmp_path):
    return [str(write_full(tmp_path / f"e{place}", "simclr", place, epochs=100 + place)) for place in range(8)]


def printed(capsys, command, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns)) if columns else monkeypatch.delenv("COLUMNS", raising=False)
    capsys.readouterr()
    assert main(command) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("more", [[], ["--all"]], ids=["short", "all"])
def test_compare_fits_and_keeps_every_word(full_runs, capsys, monkeypatch, more):
    command = ["compare", *map(str, full_runs), *more]
    wide, narrow = (printed(capsys, command, monkeypatch, columns) for columns in (0, 80))
    assert max(map(len, narrow.splitlines())) <= 80 < max(map(len, wide.splitlines()))
    assert words(narrow) == words(wide)


def test_eight_encoders_stand_in_several_tables(eight, capsys, monkeypatch):
    narrow = printed(capsys, ["compare", *eight], monkeypatch, 80)
    assert max(map(len, narrow.splitlines())) <= 80
    assert "Scores with 95 % intervals (1 of " in narrow
    for place in range(8):
        assert f"{100 + place})" in narrow


def test_an_audits_table_fits(full_runs, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    findings = [Finding.load(path) for path in sorted((full_runs[0] / "findings").glob("*.json"))]
    _conclude(full_runs[0], findings, ["  findings: here"], page=False)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 10 and max(map(len, lines)) <= 80


def test_scores_of_a_study_fit_and_are_called_by_their_names(full_runs, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for audit in ("memorization", "privacy"):
        finding = Finding.load(full_runs[0] / "findings" / f"{audit}.json")
        text = fitted("\n".join([*score_lines(finding), *(f"  {said}" for said in conclusions(finding))]))
        assert max(map(len, text.splitlines())) <= 80
        assert not [score.name for score in finding.scores if "_" in score.name and score.name in text]


def test_a_command_too_long_for_the_terminal_is_still_one_command(monkeypatch):
    command = shlex.join(["holdfast", "train", "simclr", "--data", "my photos of 'birds'", *("--epochs", "200") * 6])
    monkeypatch.setenv("COLUMNS", "60")
    text = copyable(command, "  ")
    assert max(map(len, text.splitlines())) <= 60 < len(command)
    assert shlex.split(text.replace("\\\n", " ")) == shlex.split(command)
    monkeypatch.delenv("COLUMNS")
    assert copyable(command, "  ") == f"  {command}"


def test_what_inspect_prints_fits(tmp_path, capsys, monkeypatch):
    rng = np.random.default_rng(0)
    folder = tmp_path / "my photos of last summer"
    for name in ("a bird that has a long name", "owl"):
        (folder / name).mkdir(parents=True)
        for place in range(8):
            pixels = rng.integers(0, 255, (40 + place, 70, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{place} of this summer.png")
    (folder / "owl" / "broken.jpg").write_bytes(b"no picture")
    (folder / "owl" / "again.png").write_bytes((folder / "owl" / "1 of this summer.png").read_bytes())
    monkeypatch.chdir(tmp_path)
    lines = printed(capsys, ["inspect", folder.name, "--method", "none"], monkeypatch, 80).splitlines()
    assert max(map(len, lines)) <= 80, max(lines, key=len)
    assert "'my photos of last summer'" in " ".join(lines)


@pytest.mark.parametrize(
    "command",
    ["methods", "methods sdclr", "audits", "audits balance", "recipes", "recipes simclr/cifar10_speedrun", "--help"],
)
def test_lists_fit(capsys, monkeypatch, command):
    lines = printed(capsys, command.split(), monkeypatch, 80).splitlines()
    assert lines and max(map(len, lines)) <= 80, max(lines, key=len)


def test_an_interval_is_never_parted_and_a_long_word_stays_whole():
    columns = [Column("Score", numeric=False), Column("simclr-with-a-long-name"), Column("b")]
    rows = [[Cell("a" * 30, "percent"), Cell("1.0", "[0.5, 1.5]"), Cell("2.0", "[1.5, 2.5]")]]
    text = as_text(Table("t", "Caption", columns, rows), 60)
    assert "a" * 30 in text and "[0.5, 1.5]" in text and "simclr-with-a-long-name" in text
    assert max(map(len, text.splitlines())) <= 60


def test_a_pipe_without_columns_gets_long_lines():
    table = Table("t", "Caption", [Column("A", numeric=False), Column("B")], [[Cell("word " * 40), Cell("1")]])
    assert max(map(len, as_text(table).splitlines())) > 200
