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
    assert set(found) == {"quality", "balance", "tail", "duplicates"}
    assert "not measured: robustness, equivariance; they need an encoder and its images" in shown
    assert "not measured: invariance; it needs an encoder and its images, or features of views" in shown
    assert "tail: no views came with the features: whether the rare are held as steady is not measured" in shown
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


def with_views(path, **views):
    """300 features of 6 dimensions in 3 classes, the last rare; views by name."""
    generator = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [150, 110, 40])
    rows = generator.normal(size=(300, 6)) + 3 * np.eye(6)[labels]
    np.savez(path, features=rows, label=labels, **{name: make(rows, generator) for name, make in views.items()})
    return path


def test_views_that_come_along_are_compared_in_quality_tail_and_invariance(tmp_path):
    def near(rows, generator):
        return rows[:, None] + 0.1 * generator.normal(size=(300, 2, 6))

    views = {"views": near, "view_blurred": lambda rows, _: 2 * rows, "view_other": lambda rows, _: -rows}
    found = audited(with_views(tmp_path / "f.npz", **views), tmp_path / "a")
    assert set(found) == {"quality", "balance", "tail", "invariance", "duplicates"}
    assert 0 < found["quality"]["alignment"].value < 0.2
    assert {"alignment_trend", "consistency", "few_auc_density"} <= {score.name for score in found["tail"].scores}
    invariance = found["invariance"]
    assert invariance["blurred_cosine"].value == pytest.approx(1), "a length is no direction"
    assert invariance["other_cosine"].value == pytest.approx(-1)
    assert invariance["random_views_whitened_cosine"].value > 0.9
    assert invariance["other_accuracy_drop"].value > 20 > invariance["random_views_accuracy_drop"].value
    assert not any("sensitivity" in score.name for score in invariance.scores)
    assert invariance.settings["changes"] == ["blurred", "other", "random_views"]


def test_views_in_a_parquet_file_and_of_a_test_file_are_those_of_its_rows(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = dict(np.load(with_views(tmp_path / "a.npz", view_same=lambda rows, _: rows)))
    columns = {name: list(arrays[name]) for name in ("features", "view_same")} | {"label": arrays["label"]}
    pq.write_table(pa.table({name: pa.array(column) for name, column in columns.items()}), tmp_path / "a.parquet")
    plain = with_views(tmp_path / "plain.npz")
    found = audited(plain, tmp_path / "out", "--test", str(tmp_path / "a.parquet"), "--axes", "invariance")
    assert found["invariance"]["same_cosine"].value == 1 and found["invariance"].settings["test_images"] == 300


def test_views_of_other_shapes_are_refused(tmp_path, capsys):
    path = with_views(tmp_path / "f.npz", views=lambda rows, _: rows)
    assert main(["audit", str(path), "--out", str(tmp_path / "a")]) == 2
    assert "expected finite features [300, 2 or more, 6] in views of" in capsys.readouterr().err


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
