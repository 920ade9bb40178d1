"""What downloads leave in place of an encoder is named, with what to do about it: pointers, pages, cut files."""

import json
import shutil

import pytest
import safetensors.torch
import torch

from holdfast.models import load_encoder
from holdfast.models.load.folders.preprocessor import preprocessing

CONFIG = {"model_type": "vit", "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4, "patch_size": 8}


@pytest.fixture
def folder(tmp_path):
    """A folder as transformers writes it, whose weights are of no network."""
    (tmp_path / "vit").mkdir()
    (tmp_path / "vit" / "config.json").write_text(json.dumps(CONFIG))
    patches = {"embeddings.patch_embeddings.projection.weight": torch.zeros(32, 3, 8, 8)}
    safetensors.torch.save_file(patches, tmp_path / "vit" / "model.safetensors")
    facts = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "size": 32}
    (tmp_path / "vit" / "preprocessor_config.json").write_text(json.dumps(facts))
    return tmp_path / "vit"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
            "the pointer that Git LFS .*git lfs pull",
        ),
        (b"<!DOCTYPE html><html></html>", "a web page; download the file itself"),
        (b"", "an empty file; download it again"),
        (b"\x80\0\0\0\0\0\0\0{", "cut short or damaged: get it again"),
    ],
)
def test_what_stands_in_for_weights_is_named(folder, content, message):
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load_encoder(str(folder))


def test_a_cut_checkpoint_is_called_cut(tmp_path):
    vars(torch)["save"]({"a": torch.zeros(5000)}, tmp_path / "a.pth")
    (tmp_path / "a.pth").write_bytes((tmp_path / "a.pth").read_bytes()[:9000])
    with pytest.raises(ValueError, match="cut short or damaged: get it again"):
        load_encoder(str(tmp_path / "a.pth"))


@pytest.mark.parametrize("content", ["{not json", "[1, 2]"])
def test_a_configuration_that_is_no_object_is_named_with_its_path(folder, content):
    for name in ("config.json", "preprocessor_config.json"):
        (folder / name).write_text(content)
    with pytest.raises(ValueError, match=r"expected .*vit/config\.json.*get the file again"):
        load_encoder(str(folder))
    with pytest.raises(ValueError, match=r"expected .*vit/preprocessor_config\.json.*get the file again"):
        preprocessing(folder, 32)


def test_the_file_inside_a_folder_leads_to_the_folder(folder):
    with pytest.raises(ValueError, match=r"give its folder, which has a config\.json: .*vit"):
        load_encoder(str(folder / "model.safetensors"))


def test_a_folder_without_any_configuration_says_what_it_holds(folder):
    (folder / "config.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"which holds model\.safetensors, preprocessor_config\.json; name the"):
        load_encoder(str(folder))
    shutil.rmtree(folder)
    folder.mkdir()
    with pytest.raises(FileNotFoundError, match="which holds nothing"):
        load_encoder(str(folder))
