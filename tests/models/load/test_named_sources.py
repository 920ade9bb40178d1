"""Every load says what it decided: mean and std, size, pooling, and whether anything was trained."""

import json
import logging

import pytest
import safetensors.torch
import timm
import torch

from holdfast.models import Encoder, checksum, create_encoder, load_encoder, loaded_of

write_pickle = vars(torch)["save"]


def load(source, **settings) -> Encoder:
    encoder = load_encoder(source, **settings)
    assert isinstance(encoder, Encoder)
    return encoder


def saved(path, network, wrap=dict):
    write_pickle(wrap(network.state_dict()), path)
    return path


def test_random_weights_are_called_random():
    loaded = loaded_of(load("timm/test_vit"))
    assert loaded is not None and loaded.weights == "random" and loaded.matched == 0
    assert "RANDOM" in "\n".join(loaded.lines())


def test_a_file_is_normalised_with_the_mean_and_std_of_its_name(tmp_path):
    small = timm.create_model("test_vit", num_classes=0)
    loaded = loaded_of(load(f"timm/test_vit@{saved(tmp_path / 'small.pth', small)}"))
    assert loaded is not None
    facts = timm.get_pretrained_cfg("test_vit")
    assert (loaded.mean, loaded.std, loaded.image_size) == (facts.mean, facts.std, facts.input_size[-1])
    assert loaded.mean == (0.5, 0.5, 0.5) and "timm's configuration of test_vit" in loaded.pixels_from


def test_the_block_has_a_line_for_each_decision(tmp_path):
    path = saved(tmp_path / "w.pth", timm.create_model("test_vit", num_classes=7))
    text = "\n".join(loaded_of(load(f"timm/test_vit@{path}", image_size=96)).lines())
    for part in ("tensors matched", "left out: head", "input: 96 px (as asked)", "mean 0.5 0.5 0.5"):
        assert part in text
    assert "resampled from 10×10 to 6×6 as timm does" in text
    assert "pooling: class token" in text and "checksum" in text


@pytest.mark.parametrize(("pool", "width"), [("cls", 64), ("avg", 64), ("cls+avg", 128), ("config", 64)])
def test_tokens_are_pooled_as_asked(pool, width):
    encoder = load("timm/test_vit", pool=pool)
    images = torch.rand(2, 3, 160, 160)
    tokens = encoder.network.forward_features((images - encoder.mean) / encoder.std)
    parts = {"cls": tokens[:, 0], "avg": tokens[:, 1:].mean(1)}
    expected = torch.cat([parts[part] for part in pool.replace("config", "cls").split("+")], 1)
    torch.testing.assert_close(encoder(images), expected)
    assert encoder.dim == width


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pool": "map"}, "pool that timm/test_vit has .*config, avg, cls, cls.avg.*got 'map'"),
        ({"pool": "max"}, "pool to be one of config, cls, avg, map, cls.avg, got 'max'"),
        ({"image_size": 50}, "multiple of the patch of 16 px .*got 50; take 48 or 64"),
    ],
)
def test_what_a_network_cannot_do_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        load("timm/test_vit", **settings)


def test_dinov3_of_timm_gives_the_class_token_as_its_authors_do_and_the_mean_only_when_asked():
    name = "vit_small_patch16_dinov3_qkvb"
    encoder = load(f"timm/{name}", image_size=32)
    images = torch.rand(1, 3, 32, 32)
    tokens = encoder.network.forward_features((images - encoder.mean) / encoder.std)
    torch.testing.assert_close(encoder(images), tokens[:, 0])
    assert "DINOv3's authors" in loaded_of(encoder).pool_from


def test_the_checksum_tells_pool_stem_and_size_apart():
    sums = {checksum(load("timm/test_vit", **more)) for more in ({}, {"pool": "avg"}, {"image_size": 96})}
    small, standard = (create_encoder("timm/resnet50d", image_size=64, stem=stem) for stem in ("small", "standard"))
    standard.load_state_dict(small.state_dict())
    assert len(sums) == 3 and checksum(small) != checksum(standard)


def test_a_deep_stem_fits_both_and_is_refused_unless_named_or_written_beside(tmp_path):
    encoder = create_encoder("timm/resnet26d", image_size=32, stem="small", seed=3).eval()
    path = tmp_path / "model.safetensors"
    safetensors.torch.save_file(encoder.network.state_dict(), path)
    with pytest.raises(ValueError, match=r"fits both.*timm/resnet26d:standard@model\.safetensors"):
        load(f"timm/resnet26d@{path}")
    images = torch.rand(1, 3, 32, 32)
    assert torch.equal(load(f"timm/resnet26d:small@{path}")(images), encoder(images))
    facts = {"network": "timm/resnet26d", "stem": "small", "image_size": 32, "mean": [0.1] * 3, "std": [0.2] * 3}
    (tmp_path / "preprocess.json").write_text(json.dumps(facts))
    loaded = load(f"timm/resnet26d@{path}")
    assert loaded.spec.stem == "small" and loaded.spec.mean == (0.1, 0.1, 0.1)
    assert "preprocess.json" in loaded_of(loaded).pixels_from
    with pytest.raises(
        ValueError, match=r"expected timm/resnet18 .*preprocess\.json beside it that says timm/resnet26d"
    ):
        load(f"timm/resnet18@{path}")


def test_compiled_and_parallel_wrappers_are_stripped_anywhere(tmp_path):
    network = timm.create_model("test_resnet", num_classes=0)
    state = {f"state_dict._orig_mod.module.backbone._orig_mod.{k}": v for k, v in network.state_dict().items()}
    write_pickle(state, tmp_path / "w.pth")
    loaded = loaded_of(load(f"timm/test_resnet:standard@{tmp_path / 'w.pth'}"))
    assert loaded.matched == loaded.tensors > 0 and loaded.layout.startswith("weights of w.pth")


def test_a_file_of_another_depth_is_refused_with_the_nearest_network(tmp_path):
    path = saved(tmp_path / "w.pth", timm.create_model("resnet34"))
    with pytest.raises(ValueError, match=r"of a larger network.*the nearest is timm/resnet34 \(180 of 180 tensors\)"):
        load(f"timm/resnet18@{path}")


@pytest.mark.parametrize("name", ["timm/test_resnet", "torchvision/resnet18"])
def test_weights_that_cannot_be_fetched_are_one_line_for_all_who_name_them(name, monkeypatch, caplog):
    def fail(*given, **more):
        logging.getLogger("huggingface_hub.utils._http").warning("Retrying in 1s")
        raise OSError("no route to host")

    monkeypatch.setattr("holdfast.models.load.named.timm.create_model", fail)
    monkeypatch.setattr("holdfast.models.load.named.headless", fail)
    with pytest.raises(
        ValueError, match=rf"the weights of {name}:pretrained in your cache, or a network .*OSError \(no ro"
    ):
        load_encoder(f"{name}:pretrained")
    assert caplog.records == []
