"""--init: what fits is taken over, what does not is named."""

import json

import pytest
import safetensors.torch
import torch

from holdfast.models import checksum, create_encoder, load_encoder, load_initial, loaded_of, save_encoder
from holdfast.models.encoders import Encoder


def encoder(seed: int = 0, stem: str = "small", name: str = "timm/test_resnet") -> Encoder:
    return create_encoder(name, image_size=16, stem=stem, seed=seed)


def written(path, tensors):
    safetensors.torch.save_file({name: value.contiguous() for name, value in tensors.items()}, path)
    return str(path)


@pytest.mark.parametrize("prefix", ["", "module.", "model.backbone."])
def test_weights_are_found_under_any_prefix(prefix, tmp_path):
    trained, fresh = encoder(1), encoder(2)
    state = {prefix + name: value for name, value in trained.network.state_dict().items()}
    state |= {f"{prefix}fc.weight": torch.ones(2, 3), "head.weight": torch.ones(4)}
    initial = load_initial(fresh, written(tmp_path / "x.safetensors", state))
    assert not initial.missing and not initial.other_shape
    assert set(initial.unused) == {"fc.weight"} | ({"head.weight"} if prefix in ("", "module.") else set())
    for name in initial.matched:
        assert torch.equal(fresh.network.state_dict()[name], trained.network.state_dict()[name]), name
    assert len(initial.matched) == len([n for n in fresh.network.state_dict() if "num_batches" not in n])


def test_what_has_another_shape_or_is_missing_stays_as_drawn(tmp_path):
    trained, fresh = (encoder(seed, stem, "timm/test_vit") for seed, stem in ((1, "standard"), (2, "small")))
    before = {name: value.clone() for name, value in fresh.network.state_dict().items()}
    state = trained.network.state_dict()
    del state["blocks.1.norm1.bias"]
    initial = load_initial(fresh, written(tmp_path / "x.safetensors", state))
    assert initial.missing == ("blocks.1.norm1.bias",)
    assert {text.split()[0] for text in initial.other_shape} >= {"patch_embed.proj.weight", "pos_embed"}
    for name in (*initial.missing, *(text.split()[0] for text in initial.other_shape)):
        assert torch.equal(fresh.network.state_dict()[name], before[name])


def test_nothing_that_fits_is_an_error_and_leaves_the_encoder(tmp_path):
    path = written(tmp_path / "x.safetensors", {"a.weight": torch.ones(2), "b": torch.ones(1)})
    fresh = encoder()
    before = checksum(fresh)
    with pytest.raises(ValueError, match=r"expected weights of timm/test_resnet .* got none that fit \(it holds a"):
        load_initial(fresh, path)
    assert checksum(fresh) == before


def keep(state, count):
    """The first so many tensors as they are, the others under names that the network does not have."""
    return {name if place < count else f"other.{name}": value for place, (name, value) in enumerate(state.items())}


def reshaped(state, count):
    """The first so many tensors as they are, the others in another shape."""
    return {name: value if place < count else value[None] for place, (name, value) in enumerate(state.items())}


@pytest.mark.parametrize("damage", [keep, reshaped])
@pytest.mark.parametrize("share", [0.52, 0.6, 0.75, 0.89])
def test_more_than_some_but_under_nine_tenths_is_refused_with_the_count_and_leaves_the_encoder(share, damage, tmp_path):
    trained, fresh = encoder(1), encoder(2)
    state = {n: v for n, v in trained.network.state_dict().items() if not n.endswith("num_batches_tracked")}
    count, before = int(share * len(state)), checksum(fresh)
    path = written(tmp_path / "x.safetensors", damage(state, count))
    with pytest.raises(ValueError, match=rf"got {count} of {len(state)} tensors that fit, under 90%.*name the network"):
        load_initial(fresh, path)
    assert checksum(fresh) == before


@pytest.mark.parametrize("damage", [keep, reshaped])
def test_nine_tenths_are_taken_and_the_rest_is_named(damage, tmp_path):
    trained, fresh = encoder(1), encoder(2)
    state = {n: v for n, v in trained.network.state_dict().items() if not n.endswith("num_batches_tracked")}
    count = -(-9 * len(state) // 10)
    initial = load_initial(fresh, written(tmp_path / "x.safetensors", damage(state, count)))
    assert len(initial.matched) == count
    assert len(initial.missing) + len(initial.other_shape) == len(state) - count


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("timm/test_resnet", "which are random; write timm/test_resnet:pretrained"),
        ("nowhere", "expected --init with a run folder"),
        ("nowhere.pt", "no file at nowhere.pt"),
    ],
)
def test_a_source_without_weights_is_refused(source, problem):
    with pytest.raises((ValueError, FileNotFoundError), match=problem):
        load_initial(encoder(), source)


def test_normalisation_comes_along_with_a_network_that_states_it(monkeypatch):
    other = encoder(1)
    other.mean.fill_(0.5)
    other.spec = type(other.spec)(**{**vars(other.spec), "mean": (0.5, 0.5, 0.5)})
    monkeypatch.setattr("holdfast.models.initial.load_encoder", lambda source: other)
    fresh = encoder(2)
    load_initial(fresh, "timm/test_resnet:pretrained")
    assert fresh.mean.flatten().tolist() == [0.5, 0.5, 0.5] == list(fresh.spec.mean)


def test_a_file_that_holds_code_is_refused(tmp_path):
    path = tmp_path / "x.pt"
    vars(torch)["save"]({"a": print}, path)
    with pytest.raises(ValueError, match="tensors and plain values only"):
        load_initial(encoder(), str(path))


def test_pixels_are_normalised_as_the_source_says_and_that_is_told(tmp_path):
    trained, fresh = encoder(1), encoder(2)
    path = tmp_path / "x.safetensors"
    assert "(timm's configuration of test_resnet" in load_initial(fresh, written(path, state_of(trained))).pixels
    assert fresh.spec.mean == (0.5, 0.5, 0.5) and fresh.mean.flatten().tolist() == [0.5] * 3
    whole = {f"network.{name}": value for name, value in state_of(trained).items()}
    whole |= {"mean": torch.tensor([0.1, 0.2, 0.3]).view(1, 3, 1, 1), "std": torch.full((1, 3, 1, 1), 0.25)}
    told = load_initial(fresh, written(path, whole)).pixels
    assert told == "mean 0.1 0.2 0.3, std 0.25 0.25 0.25 (the file's own)"
    assert fresh.spec.mean == (0.1, 0.2, 0.3)
    (tmp_path / "preprocess.json").write_text('{"mean": [0.4, 0.4, 0.4], "std": [0.2, 0.2, 0.2]}')
    assert load_initial(fresh, str(path)).pixels.endswith("(preprocess.json beside the file)")
    assert fresh.spec.std == (0.2, 0.2, 0.2)


def state_of(trained: Encoder) -> dict[str, torch.Tensor]:
    return dict(trained.network.state_dict())


def test_what_is_written_says_how_pixels_are_normalised_wherever_that_came_from(tmp_path):
    made = encoder()
    made.load_state_dict({**made.state_dict(), "mean": torch.full((1, 3, 1, 1), 0.3)})  # as a checkpoint does
    save_encoder(made, tmp_path / "encoder.safetensors")
    assert load_encoder(tmp_path / "encoder.safetensors").spec.mean == (0.3, 0.3, 0.3)


def test_a_description_that_says_other_pixels_than_the_weights_is_mended_with_a_note(tmp_path):
    made, path = encoder(), tmp_path / "encoder.safetensors"
    made.normalise_by((0.3, 0.3, 0.3), (0.2, 0.2, 0.2))
    save_encoder(made, path)
    described = path.with_suffix(".json")
    described.write_text(json.dumps(json.loads(described.read_text()) | {"mean": [0.485, 0.456, 0.406]}))
    found = load_encoder(path)
    loaded = loaded_of(found)
    assert (
        isinstance(found, Encoder)
        and loaded is not None
        and found.spec == made.spec
        and torch.equal(found.mean, made.mean)
    )
    assert any("says mean 0.485 0.456 0.406" in line for line in loaded.lines())
