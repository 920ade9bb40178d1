"""Pictures: what each encoder knows of each image, joined by id, in galleries and in the document of the script."""

import base64
import json
import shutil

import numpy as np
import pytest

from holdfast.atlas import Atlas
from holdfast.findings import Finding
from holdfast.report.collect import collect
from holdfast.report.images import pictures as module
from holdfast.report.images.embedded import as_script, document
from holdfast.report.images.listing import galleries
from holdfast.report.images.pictures import gather
from holdfast.report.listed import READERS


@pytest.fixture(scope="module")
def gathered(full_runs):
    return gather(collect(full_runs), READERS)


def by_key(pictures, place=0):
    return {g.key: g for g in galleries(pictures, READERS) if pictures.views[g.view].encoder.place == place}


def test_encoders_measured_on_the_same_images_share_them(gathered):
    assert [one.kind for one in gathered.sets] == ["test", "scored"]
    assert [len(one.rows) for one in gathered.sets] == [1000, 300]
    assert len(gathered.views) == 4
    assert gathered.sets[1].first == 1000 and gathered.count == 1300


def test_numbers_belong_to_their_image(gathered, full_runs):
    finding = Finding.load(full_runs[1] / "findings" / "memorization.json")
    view = next(v for v in gathered.views if v.encoder.place == 1 and gathered.sets[v.number].kind == "scored")
    np.testing.assert_allclose(view.values("ratio"), finding.columns["ratio"])
    stability = Finding.load(full_runs[0] / "findings" / "invariance.json").columns["stability"]
    np.testing.assert_allclose(gathered.views[0].values("stability"), stability)


def test_the_budget_that_breaks_an_image_is_the_smallest(gathered, full_runs):
    columns = Finding.load(full_runs[0] / "findings" / "robustness.json").columns
    robust = gathered.views[0].values("robust")
    assert np.isnan(robust[~columns["attacked"]]).all()
    assert (robust[columns["right"] == 0] == 0).all()
    assert (robust[columns["robust_8_255"] == 1] == 4).all()
    assert (robust[(columns["right"] == 1) & (columns["robust_2_255"] == 0)] == 1).all()


def test_findings_on_other_images_than_the_atlas_give_no_numbers(full_runs, tmp_path):
    run = shutil.copytree(full_runs[0], tmp_path / "run")
    path = run / "findings" / "invariance.json"
    text = json.loads(path.read_text())
    text["settings"]["test_checksum"] = "other"
    del text["settings_digest"]
    path.write_text(json.dumps(text))
    assert gather(collect([run]), READERS).views[0].values("stability") is None


def test_galleries_are_in_the_order_that_they_say(gathered):
    found = by_key(gathered)
    most = gathered.views[found["most-memorised"].view].values("ratio")[found["most-memorised"].rows]
    assert (np.diff(most) <= 0).all() and len(most) == 100
    assert found["least-memorised"].rows.tolist() == found["most-memorised"].rows[::-1].tolist()
    stable = gathered.views[0].values("stability_blur")[found["least-stability_blur"].rows]
    assert (np.diff(stable) >= 0).all() and len(stable) == 12
    assert set(gathered.views[0].values("correct")[found["worst-class"].rows]) == {0.0}
    assert len(found["twins-test"].rows) == 2
    assert [extra["predicted"] for extra in found["first-broken"].extras]


def test_rare_classes_come_first_and_their_errors_before_the_rest(gathered):
    rows = by_key(gathered)["rarest"].rows
    view = gathered.views[0]
    keys = list(zip(view.values("train_images")[rows], view.values("correct")[rows], strict=True))
    assert keys == sorted(keys) and keys[0] == (45.0, 0.0)


def test_a_page_of_many_images_is_thinned_but_keeps_what_galleries_show(full_runs, monkeypatch):
    monkeypatch.setattr(module, "MOST_IMAGES", 500)
    thin = gather(collect(full_runs), READERS)
    assert thin.count <= 500
    assert len(by_key(thin)["least-stable"].rows) == 80
    assert len(by_key(thin)["first-broken"].rows) == 6
    own = thin.sets[0]
    ids, view = own.ids, thin.views[0]
    inside = view.nearest[0] >= 0
    assert set(ids[view.nearest[0][inside]]) <= set(own.atlas.nearest[own.rows[0]])
    full = own.atlas.tiles()[own.rows[3]].astype(int)
    shown = Atlas(
        **vars(own.atlas) | {"sheet": thin.sheet, "across": thin.across, "ids": np.arange(thin.count)}
    ).tiles()
    assert np.abs(shown[3] - full).mean() < 12


def test_an_atlas_alone_goes_onto_the_page_as_it_is(full_runs, tmp_path):
    run = shutil.copytree(full_runs[0], tmp_path / "run")
    for name in ("scored-atlas.jpg", "scored-samples.parquet"):
        (run / "findings" / name).unlink()
    assert gather(collect([run]), READERS).sheet == (run / "findings" / "atlas.jpg").read_bytes()


def test_without_an_atlas_there_are_no_images(make_run, tmp_path):
    assert gather(collect([make_run(tmp_path / "plain", "simclr", 0)]), READERS) is None


def test_a_damaged_atlas_is_refused_in_one_line(full_runs, tmp_path):
    run = shutil.copytree(full_runs[0], tmp_path / "run")
    (run / "findings" / "atlas.jpg").write_bytes(b"none")
    with pytest.raises(ValueError, match=r"expected an atlas as an audit writes it in .*; audit again: holdfast audit"):
        gather(collect([run]), READERS)


def test_no_text_ends_the_script_element():
    nasty = {"paths": ["</script><script>alert(1)</script>", "<!--", "\u2028", '"', "&amp;"]}
    text = as_script(nasty)
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == nasty


def test_the_document_is_small_json_with_columns_that_unpack(gathered):
    found = json.loads(as_script(document(gathered, galleries(gathered, READERS))))
    view = found["views"][0]
    fields = {field["key"]: field for field in view["fields"]}
    stability = fields["stability"]
    at = np.frombuffer(base64.b64decode(stability["at"]), "<u2")
    values = np.frombuffer(base64.b64decode(stability["values"]), "<f4")
    np.testing.assert_allclose(values, gathered.views[0].values("stability")[at], rtol=1e-6)
    xy = np.frombuffer(base64.b64decode(view["xy"]), "<u2").reshape(-1, 2)
    assert xy.max() <= 65_000
    correlation = np.corrcoef(xy[:, 0], gathered.views[0].positions[:, 0])[0, 1]
    assert correlation > 0.999


@pytest.mark.slow
def test_ten_thousand_images_stay_under_8_mb(large_page):
    assert 3e6 < large_page.stat().st_size < 8e6
