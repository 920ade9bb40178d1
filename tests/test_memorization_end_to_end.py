"""Memorization on digits: found where a small network trains long on few images, and not where it cannot be."""

import pytest

from holdfast.audits import audit, load_pairs
from holdfast.config import RunConfig, ViewSettings
from holdfast.data import load_images
from holdfast.engine import train
from holdfast.methods import SimCLRConfig
from holdfast.report.listed import conclusions
from holdfast.studies import StudyConfig, run_study

PLAIN = {"flip": 0.0, "saturation": 0.0, "hue": 0.0, "grey": 0.0}
WEAK = ViewSettings(crop_min=0.6, brightness=0.2, contrast=0.2, **PLAIN)
STRONG = ViewSettings(crop_min=0.15, brightness=0.6, contrast=0.6, **PLAIN)


def findings(folder, *, images, views, batch_size, study):
    """Memorization and privacy of three pairs on digits of 8 pixels, the size they were drawn on."""
    settings = {"data": "digits", "image_size": 8, "encoder": "timm/test_resnet", "precision": "32", "holdout": 0}
    config = RunConfig(
        method=SimCLRConfig(temperature=0.5),
        **settings,
        limit=images,
        views=views,
        epochs=1,
        batch_size=batch_size,
        lr=0.1,
        signals_every=0,
    )
    run = train(config, folder)
    pairs = load_pairs(run_study(run, study))
    source = load_images("digits", size=8, limit=images)
    return audit(str(folder), source, axes=["memorization", "privacy"], pairs=pairs)


@pytest.mark.slow
def test_few_images_weak_views_and_many_epochs_are_memorised(tmp_path):
    study = StudyConfig(epochs=60, external=3 / 7, candidates=0.25)
    memorization, privacy = findings(tmp_path / "run", images=700, views=WEAK, batch_size=150, study=study)
    sizes = memorization.settings["parts"]
    assert [sizes[part] for part in ("shared", "candidate", "independent", "external")] == [200, 100, 100, 300]
    means = {part: memorization[f"difference_{part}"].value for part in sizes}
    effect = means["candidate"] - means["external"]
    assert effect > 0.01
    assert means["external"] - means["independent"] > 0.01
    assert abs(means["shared"] - means["external"]) < effect / 2
    assert memorization["centred_candidate"].interval[0] > 0
    assert privacy["auc_averaged"].interval[0] > 0.5


@pytest.mark.slow
def test_where_views_are_strong_and_epochs_few_the_report_says_that_nothing_can_be_concluded(tmp_path):
    study = StudyConfig(epochs=8, external=0.18, candidates=0.2, seed=1)
    memorization, privacy = findings(tmp_path / "run", images=1700, views=STRONG, batch_size=256, study=study)
    low, high = memorization["centred_candidate"].interval
    assert low < 0 < high
    assert any("Nothing can be concluded" in sentence for sentence in conclusions(memorization))
    low, high = privacy["auc_averaged"].interval
    assert low < 0.5 < high
