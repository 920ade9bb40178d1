"""A run is a value: what it refuses, and that it comes back from its document."""

import ast
import inspect
import json
import textwrap
from dataclasses import FrozenInstanceError, dataclass, replace

import pytest

from holdfast.config import VIEWS, MethodConfig, RunConfig, ViewSettings, from_document, require, to_document
from holdfast.methods import METHODS, PARTS


@dataclass(frozen=True, kw_only=True)
class ToyConfig(MethodConfig):
    """Settings of a method that exists here only."""

    weight: float = 1.0


KINDS: dict[str, type[MethodConfig]] = {"toy": ToyConfig}


def toy_run(**settings) -> RunConfig:
    return RunConfig(method=ToyConfig(), **settings)


def test_a_refusal_says_expected_got_and_remedy():
    require(True, "a", "b", "c")
    with pytest.raises(ValueError, match=r"^expected 2 wheels, got 3; take one off$"):
        require(False, "2 wheels", 3, "take one off")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "epochs >= 1, got 0; set --epochs"),
        ({"devices": 0}, "devices >= 1, got 0"),
        ({"keep_checkpoints": 0}, "keep_checkpoints >= 1, got 0; set --keep-checkpoints"),
        ({"batch_size": 1}, "batch_size >= 2, got 1"),
        ({"lr": 0.0}, "lr > 0 and lr_end >= 0"),
        ({"lr": float("nan")}, "lr > 0 and lr_end >= 0"),
        ({"lr_end": -1e-9}, "lr > 0 and lr_end >= 0"),
        ({"momentum": 1.0}, r"momentum in \[0, 1\), got 1.0"),
        ({"weight_decay": -1e-4}, "weight_decay >= 0"),
        ({"warmup_epochs": -1.0}, "warmup_epochs >= 0"),
        ({"limit": 0}, "limit >= 1, got 0"),
        ({"image_size": 0}, "image_size >= 1, got 0"),
        ({"threads": 0}, "threads >= 1, got 0"),
        ({"checkpoint_steps": 0}, "checkpoint_steps >= 1, got 0"),
        ({"holdout": -1}, "holdout >= 0, got -1"),
        ({"signals_every": -1}, "signals_every >= 0, got -1"),
        ({"stem": "smal"}, "stem auto or small or standard, got 'smal'; set --stem"),
        ({"optimizer": "adam"}, "optimizer sgd or lars or adamw or muon, got 'adam'"),
        ({"decay": "weight"}, "decay all or weights, got 'weight'"),
        ({"precision": "16"}, "precision auto or 32 or bf16, got '16'"),
        ({"accelerator": "gpu"}, "accelerator auto or cpu or cuda, got 'gpu'"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_run_that_makes_no_sense_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        toy_run(**settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"crop_min": 0.0}, "0 < crop_min <= crop_max <= 1"),
        ({"crop_min": 0.6, "crop_max": 0.5}, "0 < crop_min <= crop_max <= 1"),
        ({"crop_max": 1.1}, "0 < crop_min <= crop_max <= 1"),
        ({"ratio_min": 2.0}, "0 < ratio_min <= ratio_max"),
        ({"hue": 0.6}, r"hue in \[0, 0.5\], got 0.6"),
        ({"flip": 1.5}, r"flip in \[0, 1\], got 1.5"),
        ({"jitter": -0.1}, r"jitter in \[0, 1\]"),
        ({"grey": 2}, r"grey in \[0, 1\]"),
        ({"blur": 2}, r"blur in \[0, 1\]"),
        ({"solarize": 2}, r"solarize in \[0, 1\]"),
        ({"brightness": -1}, "brightness >= 0"),
        ({"contrast": -1}, "contrast >= 0"),
        ({"saturation": -1}, "saturation >= 0"),
        ({"blur_min": 0.0}, "0 < blur_min <= blur_max"),
        ({"blur_min": 3.0}, "0 < blur_min <= blur_max"),
        ({"interpolation": "nearest"}, "interpolation bilinear or bicubic.*, got 'nearest'"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_views_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        ViewSettings(**settings)


@pytest.mark.parametrize(("settings", "message"), [({"head_layers": 4}, "head_layers 2 or 3"), ({"head_dim": 0}, "1")])
def test_a_head_that_makes_no_sense_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        ToyConfig(**settings)


def test_the_least_and_the_most_of_each_range_are_taken():
    toy_run(epochs=1, batch_size=2, lr_end=0.0, momentum=0.0, weight_decay=0.0, warmup_epochs=0.0, holdout=0)
    toy_run(signals_every=0, limit=1, image_size=1, threads=1, checkpoint_steps=1)
    ViewSettings(crop_min=1.0, ratio_min=1.0, ratio_max=1.0, hue=0.5, flip=1, jitter=0, grey=1, blur=1, solarize=1)


def test_a_run_cannot_be_changed_only_replaced():
    config = toy_run()
    with pytest.raises(FrozenInstanceError):
        config.epochs = 3  # type: ignore[misc]
    with pytest.raises(ValueError, match="epochs >= 1"):
        replace(config, epochs=0)


def undocumented(kind: type) -> list[str]:
    """Fields of a dataclass that no string follows."""
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0].body  # type: ignore[attr-defined]
    pairs = zip(body, [*body[1:], None], strict=True)
    return [ast.unparse(a) for a, b in pairs if isinstance(a, ast.AnnAssign) and not isinstance(b, ast.Expr)]


@pytest.mark.parametrize(
    "kind", [RunConfig, ViewSettings, MethodConfig, *(m.Config for m in METHODS.values()), *PARTS.values()]
)
def test_every_setting_says_what_it_is(kind):
    assert undocumented(kind) == []


# Documents


@pytest.mark.parametrize(
    "settings",
    [{}, {"long_tail": "exp:100", "limit": 7, "image_size": 48}, {"views": VIEWS["imagenet"], "compile": True}],
)
def test_a_run_comes_back_from_its_document(settings):
    config = RunConfig(method=ToyConfig(weight=0.1, head_layers=3), **settings)
    document = json.loads(json.dumps(to_document(config, "toy", "0.1.0")))
    assert from_document(document, KINDS) == config
    assert (document["schema"], document["version"], document["method"]) == (2, "0.1.0", "toy")
    assert document["settings"] == {"head_layers": 3, "head_dim": 128, "weight": 0.1}


def document(**changes) -> dict:
    return to_document(toy_run(), "toy", "0.1.0") | changes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": 3}, "expected config schema 1 or 2, got 3"),
        ({"schema": None}, "expected config schema 1 or 2, got None"),
        ({"method": "tay"}, "a method of toy, got tay"),
        ({"learning_rate": 1}, "only settings of RunConfig, got learning_rate"),
        ({"settings": {"wieght": 1}}, "only settings of ToyConfig, got wieght"),
        ({"views": {"crop": 1, "blurr": 2}}, "only settings of ViewSettings, got blurr, crop"),
        ({"epochs": 0}, "epochs >= 1"),
        ({"optimizer": "adam"}, "optimizer sgd or lars or adamw"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_document_that_this_version_does_not_know_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        from_document(document(**changes), KINDS)


def test_what_a_document_leaves_out_has_its_default():
    assert from_document({"schema": 2, "method": "toy"}, KINDS) == toy_run()


def test_reading_a_document_leaves_it_as_it_was():
    written = document()
    before = json.dumps(written)
    from_document(written, KINDS)
    assert json.dumps(written) == before
