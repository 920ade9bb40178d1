"""`holdfast audit features.parquet`: what needs no pixels is measured of features that were computed elsewhere."""

import json

import numpy as np
import pytest

from holdfast.cli import main
from holdfast.findings import Finding


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    """Embedded digits, as embed writes them."""
    out = tmp_path_factory.mktemp("features") / "f.parquet"
    words = f"embed timm/test_resnet --data digits --image-size 16 --limit 400 --device cpu --out {out}"
    assert main(words.split()) == 0
    return out


def audited(features, out, *more) -> dict[str, Finding]:
    assert main(["audit", str(features), "--device", "cpu", "--out", str(out), *more]) == 0
    return {path.stem: Finding.load(path) for path in out.glob("*.json")}


def test_features_give_the_accuracies_that_their_encoder_has(features, tmp_path, capsys):
    found = audited(features, tmp_path / "a")
    shown = capsys.readouterr().out
    assert set(found) == {"quality", "balance", "duplicates"}
    assert "not measured: tail, robustness, invariance; they need an encoder and its images" in shown
    assert {score.name for score in found["quality"].scores} >= {"linear_accuracy", "knn_accuracy", "effective_rank"}
    assert found["quality"]["linear_accuracy"].value > 50
    assert found["quality"].settings["test_images"] == 76


def test_npz_gives_what_parquet_gives(features, tmp_path):
    import pyarrow.parquet as pq

    table = pq.read_table(features)
    arrays = {"features": np.stack(table["features"].to_numpy()), "label": table["label"].to_numpy()}
    np.savez(tmp_path / "f.npz", id=table["id"].to_numpy(), **arrays)
    first, second = audited(features, tmp_path / "a"), audited(tmp_path / "f.npz", tmp_path / "b")
    assert first["quality"].scores == second["quality"].scores


def test_a_second_file_is_the_test_set(features, tmp_path):
    found = audited(features, tmp_path / "a", "--test", str(features), "--axes", "quality")
    assert found["quality"].settings["test_images"] == 400


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("--data digits", "expected no --data, --image-size or --pool with features"),
        ("--axes robustness", "expected an encoder and its images"),
        ("--test digits", "expected --test with features"),
    ],
)
def test_what_features_cannot_do_is_refused_in_one_line(features, more, message, tmp_path, capsys):
    assert main(["audit", str(features), *more.split(), "--out", str(tmp_path / "a")]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_features_that_are_no_numbers_are_refused(tmp_path, capsys):
    np.savez(tmp_path / "f.npz", features=np.full((20, 3), np.nan))
    assert main(["audit", str(tmp_path / "f.npz"), "--out", str(tmp_path / "a")]) == 2
    assert "expected finite features [n, dim]" in capsys.readouterr().err
    assert json.dumps(sorted(path.name for path in tmp_path.iterdir())) == '["f.npz"]'
