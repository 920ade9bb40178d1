"""holdfast from Python: the commands as functions, short texts for objects, mistakes that say what was meant."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import holdfast
from holdfast.findings import Finding, Score

TINY = {"data": "digits", "limit": 80, "image_size": 8, "encoder": "timm/test_resnet", "epochs": 1, "batch_size": 20}
TINY |= {"holdout": 30, "precision": "32", "signals_every": 0}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return holdfast.train(
        method="simclr", out=tmp_path_factory.mktemp("api") / "run", temperature=0.3, adversary="free:2", **TINY
    )


@pytest.fixture(scope="module")
def findings(run):
    return holdfast.audit(run.path, holdfast.load_images("digits", size=8, limit=80, seed=0), axes="quality")


def score(name="linear_accuracy", value=97.123, interval=(95.0, 99.0)):
    return Score(
        name=name,
        value=value,
        unit="percent",
        range=(0, 100),
        better="higher",
        definition="<b>share</b>",
        interval=interval,
    )


@pytest.fixture
def finding():
    return Finding(audit="quality", scores=[score(), score("knn_accuracy", 90.0, None)], columns={"id": np.arange(3)})


def test_a_method_is_trained_by_its_name_with_any_setting(run):
    config = (run.path / "config.json").read_text()
    assert '"temperature": 0.3' in config and '"adversary": "free:2"' in config and '"method": "simclr"' in config
    assert run.encoder.is_file()


def test_one_axis_may_be_named_alone(findings):
    assert [found.audit for found in findings] == ["quality"]
    assert isinstance(findings[0]["linear_accuracy"].value, float)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: holdfast.train(method="simclrr", out="x"), "did you mean simclr?"),
        (lambda: holdfast.train(method="simclr", out="x", epohs=3), "got 'epohs'; did you mean epochs?"),
        (lambda: holdfast.train(method="simclr"), "expected a folder for the run"),
        (lambda: holdfast.train(out="x"), "expected a config or method='NAME'"),
        (lambda: holdfast.embed("x", imge_size=3), "did you mean image_size?"),
    ],
)
def test_a_mistake_says_what_was_meant(call, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=says.replace("?", "[?]")):
        call()
    assert list(tmp_path.iterdir()) == []


def test_a_misspelt_name_of_the_package_is_guessed():
    with pytest.raises(AttributeError, match="did you mean load_encoder"):
        getattr(holdfast, "load_encoders")  # noqa: B009


def test_a_misspelt_score_is_guessed(finding):
    with pytest.raises(KeyError, match="did you mean linear_accuracy"):
        finding["linear_acuracy"]


def test_objects_show_themselves_in_a_line():
    images = holdfast.load_images("digits", limit=90, size=12)
    assert repr(images) == "Images(90 of 12 × 12 pixels, 10 classes, digits)"
    assert "12 × 12" in images._repr_html_()
    assert repr(score()) == "linear_accuracy 97.1 [95.0, 99.0] percent"


def test_a_finding_is_a_line_a_table_and_a_figure(finding):
    assert (
        repr(finding)
        == "Finding(quality: linear_accuracy 97.1 [95.0, 99.0] percent, knn_accuracy 90.0 percent; 3 images)"
    )
    assert "&lt;b&gt;share" in finding._repr_html_()
    figure = finding.plot()
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["knn_accuracy", "linear_accuracy"]


def test_columns_become_a_data_frame(finding):
    pytest.importorskip("pandas")
    assert finding.to_pandas()["id"].tolist() == [0, 1, 2]


def test_without_pandas_its_absence_is_said(finding, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ModuleNotFoundError, match="pip install pandas"):
        finding.to_pandas()


def test_a_run_folder_opens_by_its_name(run):
    assert holdfast.RunFolder(str(run.path)).config == run.config


def test_bytes_given_to_an_encoder_are_refused(run):
    encoder = holdfast.load_encoder(run.path)
    with pytest.raises(ValueError, match=r"expected pixels as floats in \[0, 1\], got torch.uint8"):
        encoder(torch.zeros(1, 3, 8, 8, dtype=torch.uint8))


def test_images_given_to_an_encoder_come_with_what_to_write(run):
    encoder, images = holdfast.load_encoder(run.path), holdfast.load_images("digits", limit=9, size=8)
    with pytest.raises(ValueError, match=r"got Images; pass encoder\(images\.floats\(\)\), or holdfast\.embed"):
        encoder(images)
    with pytest.raises(ValueError, match="got ndarray; pass a tensor"):
        encoder(np.zeros((1, 3, 8, 8)))
    assert encoder(images.floats()).shape[0] == 9


def test_an_encoder_and_images_embed_as_their_names_do(run, tmp_path):
    encoder, images = holdfast.load_encoder(run.path), holdfast.load_images("digits", limit=9, size=8)
    files = [
        *(holdfast.embed(run.path, "digits", tmp_path / "names.npz", limit=9, labels="none"),),
        *(holdfast.embed(one, images, tmp_path / f"{type(one).__name__}.npz") for one in (encoder, run)),
    ]
    named, *objects = (np.load(file) for file in files)
    of_module, of_run = (np.sort(one["features"], axis=0) for one in objects)
    assert np.array_equal(of_module, of_run)
    assert objects[0]["features"].shape == named["features"].shape
    with pytest.raises(ValueError, match=r"expected a source of images, or Images .*, got list; pass a path"):
        holdfast.embed(encoder, [images])
    with pytest.raises(ValueError, match=r"expected an encoder as load_encoder takes or gives it, got dict"):
        holdfast.embed({}, images)
    with pytest.raises(ValueError, match=r"expected no labels with Images"):
        holdfast.embed(encoder, images, labels="folder")


def test_what_the_commands_do_functions_do(run, tmp_path):
    page = holdfast.inspect("digits", limit=50)
    assert "50" in repr(page) and "<table>" in page._repr_html_()
    assert holdfast.embed(run.path, "digits", tmp_path / "f.npz", limit=9).is_file()
    assert (holdfast.export(run.path, tmp_path / "out") / "encoder.safetensors").exists() or any(
        (tmp_path / "out").iterdir()
    )
    assert holdfast.resume(run.path) == run


def test_a_notebook_shows_progress_and_a_program_is_silent(tmp_path, monkeypatch, capsys):
    holdfast.train(method="simclr", out=tmp_path / "a", **TINY)
    assert capsys.readouterr().out == ""
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    monkeypatch.setattr("rich.jupyter.display", lambda _, text: sys.stdout.write(text))
    holdfast.train(method="simclr", out=tmp_path / "b", **TINY)
    assert "epoch 1/1" in capsys.readouterr().out


def test_every_command_is_a_function_of_the_package_too():
    names = set("inspect train resume audit report compare card embed export".split())
    assert names <= set(dir(holdfast))
    assert all(callable(getattr(holdfast, name)) for name in names)
    assert isinstance(Path(holdfast.__file__), Path)
