"""Tables of the terminal at 80 columns: nothing breaks within a word, and no number is lost."""

import re

import pytest

from holdfast.cli import main
from holdfast.cli.audit import _conclude
from holdfast.findings import Finding
from holdfast.report.cells import Cell, Column, Table, as_text


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
