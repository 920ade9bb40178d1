"""Damaged findings: page, comparison and card go without them and name them; nothing is left out unsaid."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from damages import ANY, GONE, JSON, PARQUET, edited, flipped, keys_of
from drawn_findings import drawn_atlas, invariance, tail
from faulty_runs import refused, said

from holdfast.report.collect import Encoder, read
from holdfast.report.damaged import aside_lines, without_damage
from holdfast.report.gathered import gathered
from holdfast.report.images import gather
from holdfast.report.listed import READERS

SETTINGS = {"encoder_checksum": "e1", "test_checksum": "5f3a9c1b", "name": "toy", "test": "photos", "test_images": 90}
LABELS = np.arange(90) % 3


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Two findings with columns, one without, and an atlas."""
    folder = tmp_path_factory.mktemp("audited") / "findings"
    ids = np.arange(90)
    tail(SETTINGS, ids).save(folder)
    invariance(SETTINGS, ids).save(folder)
    drawn_atlas(ids, LABELS, ("a", "b", "c")).save(folder, "test")
    return folder


@pytest.fixture
def audited(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "toy" / "findings").parent


TOP = ("schema", "audit", "scores", "tables", "columns", "settings")
SCORE = ("name", "value", "unit", "range", "better", "definition", "interval")
DAMAGES = {
    **{f"tail.json: {name}": ("tail.json", damage) for name, damage in (ANY | GONE | JSON | {"flip": flipped}).items()},
    **{f"tail.json: {name}": ("tail.json", damage) for name, damage in keys_of(TOP)},
    **{
        f"tail.json: {name}": ("tail.json", damage)
        for name, damage in keys_of(SCORE, "scores", 0)
        if name != "scores.0 interval is null"
    },
    "tail.json: another key in a score": (
        "tail.json",
        edited(lambda document: document["scores"][0].update(surprise=1)),
    ),
    "tail.json: of another schema": ("tail.json", edited(lambda document: document.update(schema=99))),
    "tail.json: another number": (
        "tail.json",
        edited(lambda document: document["scores"][0].update(value=0.123, interval=None)),
    ),
    "tail.json: another setting": ("tail.json", edited(lambda document: document["settings"].update(test="others"))),
    "tail.json: a setting less": ("tail.json", edited(lambda document: document["settings"].pop("name"))),
    "tail.json: another audit's": ("tail.json", edited(lambda document: document.update(audit="invariance"))),
    **{
        f"tail.parquet: {name}": ("tail.parquet", damage)
        for name, damage in (ANY | GONE | PARQUET | {"flip": flipped}).items()
    },
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_finding_that_cannot_be_read_is_set_aside_with_its_file_and_the_others_stay(name, audited):
    file, damage = DAMAGES[name]
    damage(audited / "findings" / file)
    measured = read(audited)
    assert list(measured.findings) == ["invariance"]
    (aside,) = measured.set_aside
    assert aside.audit == "tail"
    assert "tail." in aside.reason or "schema" in aside.reason
    assert str(audited) not in aside.reason, "where it lies on one machine is nobody's business"


def test_the_issue_asks_for_44_of_them():
    assert len(DAMAGES) >= 44


def test_where_no_finding_can_be_read_it_is_one_line(audited, tmp_path, capsys):
    (audited / "findings" / "tail.json").write_text("[]")
    (audited / "findings" / "invariance.parquet").unlink()
    for words in (["report", str(audited), "--out", str(tmp_path / "p.html")], ["card", str(audited)]):
        refused(words, capsys, audited, "2 that cannot", "measure again: holdfast audit")
    assert not (tmp_path / "p.html").exists()


def test_a_finding_of_before_digests_is_read(audited):
    path = audited / "findings" / "tail.json"
    edited(lambda document: [document.pop(name) for name in ("digest", "columns_digest", "settings_digest")])(path)
    assert list(read(audited).findings) == ["invariance", "tail"]


def old_rows(file, rows):
    """A well-formed finding of before digests whose tables do not hold what an audit writes."""

    def change(document):
        document.pop("digest")
        document["tables"] = {"curves": rows}

    edited(change)(file)


def test_a_finding_that_breaks_what_is_drawn_of_it_is_named_and_the_rest_is_drawn(audited, tmp_path, capsys):
    old_rows(audited / "findings" / "invariance.json", [{"accuracy": 5}])
    flipped(audited / "findings" / "atlas.jpg")
    code, out, error = said(["report", str(audited), "--out", str(tmp_path / "p.html")], capsys)
    assert (code, error) == (0, "")
    page = (tmp_path / "p.html").read_text()
    for text in (out, page):
        assert text.count("Set aside, images of toy: expected an atlas") == 1
        assert text.count("Set aside, invariance of toy: it does not hold what is shown of it (KeyError") == 1
    assert 'id="tail"' in page
    assert 'id="invariance"' not in page


def test_without_damage_finds_the_piece_that_breaks_what_is_made(audited):
    encoder = Encoder("toy", 0, (replace(read(audited), run={"method": "x"}, metrics=[{"loss": "y"}]),))

    def make(encoders):
        (member,) = encoders[0].members
        if member.metrics or "tail" in member.findings:
            raise KeyError("surprise")
        return sorted(member.findings), member.run

    made, (left,) = without_damage([encoder], make)
    assert made == (["invariance"], {"method": "x"})
    assert [aside.audit for aside in left.members[0].set_aside] == ["tail", "metrics"]
    with pytest.raises(ZeroDivisionError):
        without_damage([encoder], lambda encoders: 1 / 0)


ATLAS = {
    **{f"atlas.jpg: {name}": ("atlas.jpg", damage) for name, damage in (ANY | GONE | {"flip": flipped}).items()},
    **{f"samples.parquet: {name}": ("samples.parquet", damage) for name, damage in (ANY | GONE | PARQUET).items()},
}


@pytest.mark.parametrize("name", ATLAS)
def test_images_that_cannot_be_read_are_named_and_the_page_is_drawn_without_them(name, audited):
    file, damage = ATLAS[name]
    damage(audited / "findings" / file)
    pictures, encoders = without_damage(gathered([audited]), lambda encoders: gather(encoders, READERS))
    (line,) = aside_lines(encoders)
    assert pictures is None
    assert line.startswith("Set aside, images of toy: expected an atlas as an audit writes it in samples.parquet, got ")
    assert str(audited) not in line


def test_lines_of_metrics_that_are_none_are_named_but_for_a_last_one_half_written(audited):
    (audited / "config.json").write_text(json.dumps({"method": "simclr", "data": "digits", "schema": 2}))
    row = json.dumps({"kind": "epoch", "step": 3})
    (audited / "metrics.jsonl").write_text("\n".join([row, "5", "{}", row, "[" * 9999, row, '{"kind": "ep']))
    measured = read(audited)
    assert len(measured.metrics) == 3
    assert [aside.reason for aside in measured.set_aside] == ["no row of metrics in line 2, 3 and 5 of metrics.jsonl"]


@pytest.mark.parametrize("name", ["cut", "empty", "a folder", "unreadable", "a list"])
def test_an_environment_that_cannot_be_read_is_named_and_the_findings_stay(name, audited):
    (audited / "config.json").write_text(json.dumps({"method": "simclr", "data": "digits", "schema": 2}))
    (audited / "environment.json").write_text(json.dumps({"torch": "2"}))
    (ANY | JSON)[name](audited / "environment.json")
    measured = read(audited)
    assert list(measured.findings) == ["invariance", "tail"]
    (aside,) = measured.set_aside
    assert aside.audit == "environment"
    assert str(audited) not in aside.reason
