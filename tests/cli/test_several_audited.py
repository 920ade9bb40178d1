"""Several encoders in one `holdfast audit`: what can be compared afterwards, and what cannot, said before and after."""

import json
from pathlib import Path

import pytest

from holdfast.cli.audit import say_next
from holdfast.cli.audited import AuditOptions, hold_outs_differ
from holdfast.findings import Finding, Score


@pytest.fixture
def trained(tmp_path):
    """Writes a run folder's settings and images; returns its path."""

    def write(name, held_out, *, seed=0, images="i"):
        folder = tmp_path / name
        folder.mkdir()
        config = {"schema": 2, "method": "simclr", "settings": {}, "data": "x", "seed": seed, "split": seed}
        ids = {
            "schema": 1,
            "data": "x",
            "image_size": 8,
            "limit": None,
            "limit_seed": 0,
            "checksum": images,
            "unlabelled": images,
        }
        ids |= {"train": [7, 8, 9], "held_out": held_out, "balanced": None, "few_shot": None, "counts": None}
        (folder / "config.json").write_text(json.dumps(config))
        (folder / "ids.json").write_text(json.dumps(ids))
        return str(folder)

    return write


def measured(folder, name, checksum, **settings):
    plain = {"unit": "percent", "range": (0.0, 100.0), "better": "higher", "definition": "One."}
    own = {"name": name, "test_checksum": checksum, "seed": 0} | settings
    Finding(audit="quality", scores=[Score(name="linear_accuracy", value=50.0, **plain)], settings=own).save(folder)
    return Path(folder)


def test_other_held_out_images_are_said_before_anything_is_measured(trained):
    sources = (trained("a", [1, 2, 3]), trained("b", [1, 2]), trained("c", [1, 2]))
    said = hold_outs_differ(AuditOptions(encoders=sources))
    a, b, c = sources
    assert said is not None
    assert f"different images were held out in training: {a} against {b} and {c}." in said
    assert said.endswith("name the same test images for all with --test FILE")
    assert hold_outs_differ(AuditOptions(encoders=sources, test="test.parquet")) is None
    assert hold_outs_differ(AuditOptions(encoders=sources[1:])) is None


def test_runs_of_another_seed_may_hold_out_others(trained):
    sources = (trained("a", [1, 2]), trained("b", [3, 4], seed=1))
    assert hold_outs_differ(AuditOptions(encoders=sources)) is None


def test_a_comparison_that_would_be_refused_is_not_offered(tmp_path, capsys):
    a, b, c = (measured(tmp_path / name, name, sum_) for name, sum_ in (("a", "x"), ("b", "y"), ("c", "x")))
    say_next([a, b])
    out = " ".join(capsys.readouterr().out.split())
    assert "not comparable: different test images: a against b." in out and "--test FILE" in out
    assert "holdfast compare" not in out and "holdfast report" in out
    say_next([a, c])
    out = capsys.readouterr().out
    assert "holdfast compare" in out and "not comparable" not in out
