import json
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_methods import small_config, sparse

from holdfast.audits import audit, load_pairs
from holdfast.config import RunConfig
from holdfast.data import duplicate_groups, load_pool
from holdfast.engine import read_config, train
from holdfast.models import checksum, load_encoder
from holdfast.runs import RunFolder
from holdfast.studies import StudyConfig, run_study
from holdfast.studies.pairs import pair_seeds
from holdfast.studies.planted import plant

SETTINGS = StudyConfig(pairs=2, external=0.2, candidates=0.2)


def record(folder):
    return json.loads((folder / "study.json").read_text())


def encoders(folder):
    return {str(path): checksum(load_encoder(folder / path)) for pair in record(folder)["pairs"] for path in pair}


def test_f_and_g_train_on_what_the_partition_says(run):
    folder = run_study(run, SETTINGS)
    parts = record(folder)["parts"]
    trained_on = json.loads((run / "ids.json").read_text())["train"]
    assert sorted(i for ids in parts.values() for i in ids) == sorted(trained_on)
    for which, own in (("f", "candidate"), ("g", "independent")):
        for pair in (0, 1):
            ids = json.loads((folder / f"pair-{pair}" / which / "ids.json").read_text())
            assert ids["train"] == sorted(parts["shared"] + parts[own])
            assert ids["held_out"] == []
    assert len(parts["candidate"]) == len(parts["independent"])


def test_encoders_follow_the_runs_recipe_with_seeds_of_their_own(run):
    folder = run_study(run, replace(SETTINGS, epochs=2))
    own = read_config(RunFolder.open(run))
    seeds = set()
    for pair in range(2):
        for which in "fg":
            config = read_config(RunFolder.open(folder / f"pair-{pair}" / which))
            seeds.add(config.seed)
            changed = {
                "epochs": 2,
                "seed": config.seed,
                "long_tail": config.long_tail,
                "holdout": 0,
                "signals_every": 0,
            }
            assert config == replace(own, **changed)
    assert len(seeds | {own.seed}) == 5


def test_the_study_of_a_killed_process_ends_in_the_same_bits(run, tmp_path):
    @contextmanager
    def killed(name, folder):
        def listen(event):
            if name == "pair-1/f" and event["kind"] == "start":
                raise KeyboardInterrupt

        yield listen

    whole = encoders(run_study(run, SETTINGS, out=tmp_path / "whole"))
    with pytest.raises(KeyboardInterrupt):
        run_study(run, SETTINGS, listening=killed)
    with pytest.raises(ValueError, match="not trained"):
        load_pairs(run / "memorization")
    assert encoders(run_study(run, SETTINGS)) == whole


def test_a_folder_without_configuration_is_begun_anew(run):
    half = run / "memorization" / "pair-0" / "f"
    half.mkdir(parents=True)
    (half / "environment.json").write_text("{}")
    assert len(encoders(run_study(run, replace(SETTINGS, pairs=1)))) == 2


def test_a_finished_study_is_not_trained_again(run):
    folder = run_study(run, replace(SETTINGS, pairs=1))
    before = (folder / "pair-0" / "f" / "encoder.safetensors").stat().st_mtime_ns
    run_study(run, replace(SETTINGS, pairs=1))
    assert (folder / "pair-0" / "f" / "encoder.safetensors").stat().st_mtime_ns == before
    assert not (folder / "pair-0" / "f" / "checkpoints").exists()


def test_another_study_in_the_same_folder_is_refused(run):
    run_study(run, replace(SETTINGS, pairs=1))
    with pytest.raises(ValueError, match="another folder with --study"):
        run_study(run, replace(SETTINGS, pairs=1, seed=5))


@pytest.mark.parametrize("name", sparse())
def test_any_method_trains_pairs_and_none_knows_of_it(name, tmp_path):
    settings = small_config(name)
    config = RunConfig(
        method=settings, data="digits", limit=60, image_size=8, encoder="timm/test_resnet", epochs=1, batch_size=20
    )
    run = train(replace(config, precision="32", signals_every=0, lr=0.01), tmp_path / "run")
    folder = run_study(run, replace(SETTINGS, pairs=1))
    assert read_config(RunFolder.open(folder / "pair-0" / "f")).method == settings


def test_pairs_are_read_back_with_images_parts_and_views(run):
    folder = run_study(run, SETTINGS)
    pairs = load_pairs(folder)
    assert len(pairs.encoders) == 2
    assert pairs.views == read_config(RunFolder.open(run)).views
    assert pairs.facts["partition_checksum"] == record(folder)["partition_checksum"]
    pool = load_pool(json.loads((run / "ids.json").read_text()))
    assert torch.equal(pairs.ordered.ids, pool.train_ids)


def test_near_duplicates_stay_in_one_part(run):
    parts = record(run_study(run, replace(SETTINGS, pairs=1)))["parts"]
    images = load_pool(json.loads((run / "ids.json").read_text())).train
    groups = dict(zip(images.ids.tolist(), duplicate_groups(images).tolist(), strict=True))
    owners = [{groups[i] for i in ids} for ids in parts.values()]
    assert sum(map(len, owners)) == len(set(groups.values()))


def test_planted_images_join_both_encoders_alike(run):
    folder = run_study(run, replace(SETTINGS, pairs=1, planted=4))
    study, pairs = record(folder), load_pairs(folder)
    parts, kinds = study["parts"], study["planted"]["kinds"]
    assert len(parts["candidate"]) == len(parts["independent"])
    assert set(kinds) == {"noise", "twin_shared", "twin_candidate"}
    assert all(len(ids) == 4 and set(ids) <= set(parts["candidate"]) for ids in kinds.values())
    groups = duplicate_groups(pairs.images)
    for kind, part in (("twin_shared", "shared"), ("twin_candidate", "candidate")):
        twins = [set((groups == groups[i]).nonzero()[:, 0].tolist()) & set(parts[part]) - {i} for i in kinds[kind]]
        assert np.mean([bool(found) for found in twins]) >= 0.75
    assert study["planted"]["source_ids"].count(-1) == 20


def test_seeds_of_pairs_are_independent():
    seeds = [seed for study in range(3) for pair in range(5) for seed in pair_seeds(study, pair)]
    assert len(set(seeds)) == 30


@pytest.mark.parametrize(
    "changes", [{"pairs": 0}, {"external": 0.0}, {"candidates": 0.5}, {"planted": -1}, {"epochs": 0}]
)
def test_settings_that_cannot_be_are_refused(changes):
    with pytest.raises(ValueError, match="expected"):
        StudyConfig(**changes)


def test_planted_images_leave_a_candidate_without_a_twin(run):
    images = load_pool(json.loads((run / "ids.json").read_text())).train
    parts = {"shared": images.ids[14:].numpy(), "candidate": images.ids[:8].numpy()}
    parts["independent"] = images.ids[8:14].numpy()
    assert len(plant(images, parts, 3, seed=0).parts["candidate"]) == 14
    with pytest.raises(ValueError, match="at least 9 candidates to plant 4, got 8; plant fewer"):
        plant(images, parts, 4, seed=0)
    few = {**parts, "independent": images.ids[8:10].numpy()}
    with pytest.raises(ValueError, match="at least 3 independents to plant 3, got 2; plant fewer"):
        plant(images, few, 3, seed=0)


def test_more_planted_than_candidates_are_refused(run):
    with pytest.raises(ValueError, match="plant fewer"):
        run_study(run, replace(SETTINGS, planted=40))
    assert not (run / "memorization" / "study.json").exists()


def test_an_audit_of_the_run_finds_its_study(run):
    run_study(run, SETTINGS)
    images = load_pool(json.loads((run / "ids.json").read_text())).images
    findings = audit(str(run), images, axes=["memorization", "privacy"], views=4)
    assert [finding.settings["pairs"] for finding in findings] == [2, 2]
    assert findings[0].settings["study"] == str(run / "memorization")
    assert findings[0].settings["partition_checksum"] == record(run / "memorization")["partition_checksum"]
