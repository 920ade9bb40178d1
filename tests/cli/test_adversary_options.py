"""Adversaries and presets from the command line."""

import json

import pytest

from holdfast.cli import main
from holdfast.cli.train import train_options
from holdfast.methods import PARTS, PRESETS, AdversaryConfig
from holdfast.runs import RunFolder

TINY = "--data digits --limit 60 --holdout 20 --encoder timm/test_resnet --image-size 12 --epochs 1".split()
TINY += "--batch-size 20 --precision 32 --threads 1 --signals-every 0".split()


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_trained_by_its_name_and_single_flags_change_it(name):
    attacked = "adversary" in set_parts(PRESETS[name]())
    config = train_options([name, "--epochs", "3", *(["--adversary-eps", "0.01"] if attacked else [])]).config
    assert config.epochs == 3
    assert [part.adversary_eps for part in config.parts if isinstance(part, AdversaryConfig)] == [0.01] * attacked
    assert config.optimizer == PRESETS[name]().optimizer
    assert set_parts(config) == set_parts(PRESETS[name]())


def set_parts(config):
    return {part.word: part.chosen for part in config.parts if part.chosen is not None}


def test_settings_of_an_adversary_without_one_are_refused(tmp_path, capsys):
    assert main(["train", "simclr", "--adversary-eps", "0.01", *TINY, "--out", str(tmp_path / "run")]) == 2
    assert "expected --adversary-eps only with --adversary" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("part", [part for part in PARTS.values() if part.numbered])
def test_every_part_with_a_name_and_a_number_is_left_out_by_none(part):
    assert part(**{part.word: "none"}) == part(**{part.word: "None"}) == part()
    options = train_options(["simclr", f"--{part.word.replace('_', '-')}", "none"])
    assert options.config == train_options(["simclr"]).config


@pytest.mark.parametrize("method", ["holdfast", "cf-amc-ssl"])
def test_the_attack_of_a_preset_can_be_left_out(method):
    parts = train_options([method, "--adversary", "none"]).config.parts
    assert [part.word for part in parts if part.chosen] == ["penalty"] * (method == "holdfast")
    assert not any(part.idle for part in parts)


def test_views_of_a_preset_can_be_patches():
    views = train_options(["cf-amc-ssl", "--views", "patch"]).config.views
    assert (views.crop_min, views.crop_max, views.ratio_min, views.ratio_max) == (0.25, 0.25, 1.0, 1.0)


def test_sdclr_trains_with_the_free_adversary_and_says_what_it_costs(tmp_path, capsys):
    assert main(["train", "sdclr", "--adversary", "free:3", *TINY, "--out", str(tmp_path / "run")]) == 0
    # 2 views × 3 replays × 40 images
    assert (
        "adversary free:3; budget 240 forward+backward passes, 6 for each visit to an image" in capsys.readouterr().out
    )
    run = RunFolder.open(tmp_path / "run")
    document = json.loads(run.config.read_text())
    assert (document["method"], document["adversary"]) == ("sdclr", "free:3")
    assert run.encoder.exists()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["--adversary", "free"], "expected --adversary NAME:NUMBER, got 'free'"),
        (["--adversary", "fre:3"], "expected --adversary pgd:N or free:N with N >= 1, got 'fre:3'"),
        (["--adversary-eps", "-1"], "adversary_eps >= 0, got -1"),
    ],
)
def test_a_wrong_adversary_is_one_line(wrong, message, tmp_path, capsys):
    assert main(["train", "simclr", *TINY, *wrong, "--out", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert message in " ".join(error.split())
    assert error.count("\n") == 1
    assert not (tmp_path / "run").exists()
