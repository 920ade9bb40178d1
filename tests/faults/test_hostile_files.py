"""Files of strangers that try more than to be read: a marker file would show that they could."""

import csv
import json
import shutil

import pytest
from faulty_runs import finished, refused

from holdfast.data.files import Rejected, write_rejects
from holdfast.models import load_encoder
from holdfast.models.checked import features_by_code
from holdfast.models.encoders import EncoderSpec
from holdfast.models.export import export_encoder
from holdfast.system import escaped, one_line, plain_cell

NAMES = [
    'timm/resnet18", num_classes=0); open("MARKER", "w").write("x"); ("',
    "timm/resnet18'); import os; os.system('touch MARKER') #",
    "timm/resnet18\nimport os",
    "timm/../../resnet18",
    "timm/hf-hub:somebody/thing",
    "timm/{MARKER}",
    "",
    7,
    None,
]
FIELDS = [
    ("image_size", 1_000_000),
    ("image_size", -1),
    ("image_size", "16"),
    ("mean", [0, 0]),
    ("mean", [float("nan")] * 3),
    ("std", [0, 0, 0]),
    ("arguments", {"checkpoint_path": "MARKER"}),
    ("arguments", {"a b": 1}),
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_none_is_refused_where_a_description_is_read_and_nothing_runs(
    name, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    run = shutil.copytree(finished(), tmp_path / "run")
    document = json.loads((run / "encoder.json").read_text())
    (run / "encoder.json").write_text(json.dumps(document | {"encoder": name}))
    refused(["export", str(run), "--out", str(tmp_path / "out")], capsys, "expected an encoder named timm/NAME")
    assert not (tmp_path / "MARKER").exists()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("field", "value"), FIELDS, ids=str)
def test_a_description_out_of_range_is_refused(field, value):
    document = {"encoder": "timm/test_resnet", "stem": "small", "image_size": 16}
    with pytest.raises(ValueError, match=r"^expected .* restore the description"):
        EncoderSpec.of(document | {field: value})


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "line",
    [
        "open({marker!r}, 'w').write('x')",
        pytest.param("import os; os.system('touch ' + {marker!r})", marks=SLOW),
        pytest.param("import os; os.remove({weights!r})", marks=SLOW),
        pytest.param("import subprocess; subprocess.run(['touch', {marker!r}])", marks=SLOW),
        pytest.param("import socket; socket.create_connection(('127.0.0.1', 9))", marks=SLOW),
    ],
)
def test_generated_code_that_would_do_more_than_compute_is_stopped(line, tmp_path, monkeypatch):
    monkeypatch.setattr("holdfast.models.export.folder._check", lambda *_: None)  # tried once, below, is enough
    export_encoder(load_encoder(finished()), tmp_path / "out")
    code, marker = tmp_path / "out" / "load.py", tmp_path / "MARKER"
    weights = tmp_path / "out" / "model.safetensors"
    code.write_text(f"{code.read_text()}\n{line.format(marker=str(marker), weights=str(weights))}\n")
    with pytest.raises(ValueError, match="generated code may not do"):
        features_by_code(tmp_path / "out", (2, 3, 16, 16), 96)
    assert not marker.exists()
    assert weights.exists()


def test_terminal_escapes_and_formulas_are_neutralised(tmp_path):
    hostile = "\x1b[2J\x1b]0;owned\x07\u202egnp.exe"
    assert "\x1b" not in one_line(hostile) + escaped(hostile) and "\u202e" not in one_line(hostile)
    assert escaped("a\nb") == "a\nb"
    for sign in "=+-@":
        assert plain_cell(f"{sign}cmd()") == f"'{sign}cmd()"
    write_rejects([Rejected('=HYPERLINK("x")', hostile)], tmp_path / "rejected.csv")
    _, row = list(csv.reader((tmp_path / "rejected.csv").read_text().splitlines()))
    assert row[0].startswith("'=")
    assert "\x1b" not in row[1]
