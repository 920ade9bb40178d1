"""A study belongs to the run that it was made from."""

import json
import shutil

import pytest
from small_runs import train_run

from holdfast.audits import audit
from holdfast.audits.subject.lineage import unlike_run
from holdfast.data import load_images

STUDY = "--pairs 1 --views 4 --external 0.3 --candidates 0.2"


def test_a_study_of_another_temperature_is_refused_with_both(studied, hot, refused):
    error = refused(f"memorization {hot} {STUDY} --planted 2 --study {studied / 'memorization'}")
    assert "temperature is 0.2 in the study, 0.9 in the run" in error


def test_a_study_of_another_method_is_refused(studied, tmp_path, refused):
    other = train_run(tmp_path / "other", "sdclr")
    error = refused(f"memorization {other} {STUDY} --planted 2 --study {studied / 'memorization'}")
    assert "method is 'simclr' in the study, 'sdclr' in the run" in error


def test_a_study_on_other_images_is_refused(studied, tmp_path, refused):
    other = train_run(tmp_path / "other", more="--limit 110")
    error = refused(f"memorization {other} {STUDY} --planted 2 --study {studied / 'memorization'}")
    assert "trained on other images" in error and "in the study" in error


def test_a_run_that_was_trained_anew_in_its_folder_loses_its_study(studied, tmp_path, said, refused):
    run = tmp_path / "run"
    train_run(run, more="--temperature 0.9")
    shutil.copytree(studied / "memorization", run / "memorization")
    out = said(f"audit {run} --no-page --no-atlas --minutes 0.1")
    for axis in ("memorization", "privacy"):
        assert f"not measured: {axis}; it needs pairs of this run" in out
    assert "0.2 in the study, 0.9 in the run" in out
    with pytest.raises(ValueError, match=r"got another's \(temperature"):
        audit(str(run), load_images("digits", size=8, limit=120), axes=["quality"], pairs=run / "memorization")
    assert "got another's" in refused(f"memorization {run} {STUDY} --planted 2")


def test_its_own_study_goes_on(studied, own, said):
    out = said(f"memorization {own(studied)} {STUDY} --planted 2")
    assert "memorization" in out


def test_a_study_from_before_it_kept_what_it_was_made_of_is_checked_by_its_parts(studied, hot):
    record = json.loads((studied / "memorization" / "study.json").read_text())
    del record["of"]
    config, ids = (json.loads((studied / name).read_text()) for name in ("config.json", "ids.json"))
    assert unlike_run(record, config, ids) is None
    fewer = ids | {"train": ids["train"][1:]}
    assert "other images" in str(unlike_run(record, config, fewer))
    assert "temperature" in str(unlike_run(record, json.loads((hot / "config.json").read_text()), ids))
