"""Exported weights carry their stem: the same file gives the same features, or is refused as ambiguous."""

import json
import shutil

import pytest
import torch
from exports import checked_here

from holdfast.models import Encoder, checksum, load_encoder


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory):
    from holdfast.cli import main

    folder = tmp_path_factory.mktemp("exported") / "weights"
    with checked_here():
        assert main(["export", str(trained), "--out", str(folder)]) == 0
    assert json.loads((folder / "preprocess.json").read_text())["stem"] == "small"
    return folder


@torch.no_grad()
def test_the_file_beside_its_facts_gives_the_encoders_own_features(exported, trained):
    images = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    theirs = load_encoder(f"timm/test_resnet@{exported / 'model.safetensors'}")
    torch.testing.assert_close(theirs(images), load_encoder(trained)(images))
    assert checksum(theirs) == checksum(load_encoder(trained))


def test_another_stem_of_the_same_weights_is_another_encoder(trained):
    from dataclasses import replace

    encoder = load_encoder(trained)
    before = checksum(encoder)
    encoder.spec = replace(encoder.spec, stem="standard")
    assert checksum(encoder) != before


def test_a_deep_stem_without_facts_is_refused_as_ambiguous(tmp_path):
    from safetensors.torch import save_file

    from holdfast.models import create_encoder

    network = create_encoder("timm/resnet26d", image_size=32, stem="small").network
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, tmp_path / "deep.safetensors")
    with pytest.raises(ValueError, match=r"small|standard"):
        load_encoder(f"timm/resnet26d@{tmp_path / 'deep.safetensors'}")


def test_a_file_without_its_facts_is_refused_or_named(exported, tmp_path):
    shutil.copy(exported / "model.safetensors", tmp_path / "alone.safetensors")
    with pytest.raises(ValueError, match=r"expected to know the stem of timm/test_resnet"):
        load_encoder(f"timm/test_resnet@{tmp_path / 'alone.safetensors'}")
    encoder = load_encoder(f"timm/test_resnet:small@{tmp_path / 'alone.safetensors'}")
    assert isinstance(encoder, Encoder) and encoder.spec.stem == "small"
