"""Text of strangers, in every field of the files that we read, stays text in every file that we write and say."""

import csv
import json
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest
from damages import edited
from drawn_findings import drawn_atlas, invariance, privacy, tail
from faulty_runs import finished, said
from PIL import Image

from holdfast.models import load_encoder
from holdfast.models.export.folder import loading_code

HOSTILE = (
    "x\"'; </script><img src=q onerror=go()>\n=go()\r\x1b]0;owned\x07\u202e{{7*7}} ](javascript:go) `go` ${go}\n- go: 1"
)
SETTINGS = {"encoder_checksum": "e1", "test_checksum": "5f3a9c1b", "name": "toy", "test": "photos", "dim": 96}
KEPT = {"schema", "audit", "better", "name", "digest", "columns_digest", "columns", "encoder_checksum", "test_checksum"}
"""Names that decide which finding and which score it is: they are looked up, another is another score."""


def hostile(value, name=""):
    """A JSON value with all of its text replaced, and with a key of strangers in every object of settings."""
    if isinstance(value, dict):
        return {key: hostile(one, key) for key, one in value.items()}
    if isinstance(value, list):
        return [hostile(one, name) for one in value]
    return HOSTILE if isinstance(value, str) and name not in KEPT else value


def poison(document):
    for name in ("digest", "settings_digest"):
        document.pop(name)
    document.update(hostile({name: document[name] for name in ("scores", "settings")}))
    document["settings"] |= {HOSTILE: HOSTILE, "warnings": [HOSTILE], "run": {"method": HOSTILE, "data": HOSTILE}}
    document["settings"]["name"] = HOSTILE


@pytest.fixture
def audited(tmp_path):
    folder = tmp_path / "toy" / "findings"
    ids = np.arange(60)
    for finding in (tail(SETTINGS, ids), invariance(SETTINGS, ids, moved=20), privacy(SETTINGS)):
        edited(poison)(finding.save(folder))
    names, paths = (HOSTILE, f"{HOSTILE}2", "c"), tuple(f"{HOSTILE}{number}" for number in ids)
    drawn_atlas(ids, ids % 3, names, paths=paths).save(folder, "test")
    return folder.parent


class Tags(HTMLParser):
    """What a browser would take for elements of strangers: tags that none of our templates has, and their handlers."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        self.found += [(tag, named)] if named.get("src") == "q" or any(name.startswith("on") for name in named) else []


def check_page(file):
    text = file.read_text()
    tags = Tags()
    tags.feed(text)
    assert tags.found == []
    assert "onerror" in text, "the text itself is shown"
    assert "\x1b" not in text
    assert "\u202e" not in text or "<bdi>" in text, "what turns the direction stays within its element"
    scripts = re.findall(r"<script[^>]*>(.*?)</script>", text, re.DOTALL)
    assert not any("<img" in script for script in scripts)


def check_terminal(*texts):
    for text in texts:
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e]", text)


def test_a_page_a_comparison_and_a_card_show_it_as_text(audited, tmp_path, capsys):
    code, out, error = said(["report", str(audited), "--out", str(tmp_path / "p.html")], capsys)
    assert (code, error) == (0, "")
    check_terminal(out)
    check_page(tmp_path / "p.html")
    other = shutil.copytree(audited, tmp_path / "other")
    code, out, error = said(["compare", str(other), str(audited), "--all"], capsys)
    assert code in (0, 2)
    check_terminal(out, error)
    code, out, error = said(["card", str(audited), "--out", str(tmp_path / "card")], capsys)
    assert (code, error) == (0, "")
    check_terminal(out)
    check_model_card((tmp_path / "card" / "README.md").read_text())


def check_model_card(text):
    _, front, body = re.split(r"^---$", text, maxsplit=2, flags=re.MULTILINE)
    keys = re.findall(r"^(?:- |  - |    - | *)?([A-Za-z_-]+):", front, re.MULTILINE)
    known = {"library_name", "pipeline_tag", "base_model", "datasets", "tags", "model-index", "name", "results", "task"}
    assert set(keys) <= known | {"type", "dataset", "metrics", "value"}, "no key of strangers"
    assert "<img" not in body
    assert "](javascript" not in body
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e]", text)


@pytest.mark.parametrize("field", [*json.loads('["data", "epochs", "surprise", "pool", "stem", "mean", "checksum"]')])
def test_generated_code_is_the_same_whatever_strangers_write_into_a_description(field, tmp_path):
    run = shutil.copytree(finished(), tmp_path / "run", ignore=shutil.ignore_patterns("checkpoints"))
    expected = loading_code(load_encoder(run))
    edited(lambda document: document.update({field: HOSTILE}))(run / "encoder.json")
    try:
        found = loading_code(load_encoder(run))
    except ValueError as error:
        assert str(error).startswith("expected ")  # noqa: PT017  either is right
    else:
        assert found == expected


def test_names_of_files_and_classes_and_headers_of_tables_are_shown_as_text(tmp_path, capsys):
    name = HOSTILE.replace("/", "|")[:90]
    photos, table = tmp_path / "photos", tmp_path / "labels.csv"
    for place in range(8):
        file = photos / f"{name}{place % 2}" / f"{name}{place}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (30 * place, 9, 9)).save(file)
    (photos / f"{name}0" / f"={name}.png").write_bytes(b"no picture")
    with table.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", HOSTILE])
        rows.writerows([str(path.relative_to(photos)), HOSTILE] for path in photos.rglob("*.png"))
    page = tmp_path / "p.html"
    for labels in ("folder", f"{table}:{HOSTILE}", f"{table}:nothing"):
        words = ["inspect", str(photos), "--labels", labels, "--method", "none", "--page", str(page)]
        code, out, error = said(words, capsys)
        assert code == (2 if labels.endswith("nothing") else code)
        assert code in (0, 2)
        check_terminal(out, error)
        if code == 0:
            check_page(page)
