"""Recipes of the SDCLR paper against its table of settings, written out here once more."""

import json
from dataclasses import replace

import pytest

from holdfast.config import VIEWS, ViewSettings, to_document
from holdfast.methods import METHODS, SDCLRConfig, SimCLRConfig, from_document, name_of
from holdfast.recipes import RECIPES

# Section "Hyper-parameters used for results" of the paper's repository, per data set.
TABLE = {
    "cifar10_lt": {"encoder": "timm/resnet18", "stem": "small", "image_size": 32, "epochs": 2000, "batch_size": 512},
    "cifar100_lt": {"encoder": "timm/resnet18", "stem": "small", "image_size": 32, "epochs": 2000, "batch_size": 512},
    "imagenet100_lt": {
        "encoder": "timm/resnet50",
        "stem": "standard",
        "image_size": 224,
        "epochs": 500,
        "batch_size": 256,
    },
}
SEEDS = {"cifar10_lt": 10, "cifar100_lt": 10, "imagenet100_lt": 1}
PRUNE_RATIO = {"cifar10_lt": 0.9, "cifar100_lt": 0.9, "imagenet100_lt": 0.3}
TEMPERATURE = {  # SimCLR, SDCLR
    "cifar10_lt": (0.2, 0.2),
    "cifar100_lt": (0.2, 0.2),
    "imagenet100_lt": (0.2, 0.3),
}
OPTIMISER = {
    "optimizer": "sgd",
    "momentum": 0.9,
    "weight_decay": 1e-4,
    "decay": "all",
    "lr": 0.5,
    "lr_end": 1e-6,
    "warmup_epochs": 10,
}
JITTER = {"jitter": 0.8, "brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.1, "grey": 0.2, "flip": 0.5}
CIFAR_VIEWS = {"crop_min": 0.1, "crop_max": 1.0, "interpolation": "bicubic", "blur": 0.0, "solarize": 0.0, **JITTER}
IMAGENET_VIEWS = {"crop_min": 0.08, "blur": 0.5, "blur_min": 0.1, "blur_max": 2.0, "solarize": 0.0, **JITTER}


def differing(config: object, expected: dict) -> dict:
    return {name: getattr(config, name) for name, value in expected.items() if getattr(config, name) != value}


@pytest.mark.parametrize("method", ["simclr", "sdclr"])
@pytest.mark.parametrize("data", TABLE)
def test_a_recipes_settings_are_the_papers(data, method):
    config = RECIPES[f"{method}/{data}"]()
    assert differing(config, {**TABLE[data], **OPTIMISER, "seed": SEEDS[data]}) == {}
    assert differing(config.views, IMAGENET_VIEWS if "imagenet" in data else CIFAR_VIEWS) == {}
    assert config.method.head_dim == 128
    assert (config.views.ratio_min, config.views.ratio_max) == (3 / 4, 4 / 3)


@pytest.mark.parametrize("data", TABLE)
def test_methods_have_the_papers_own_settings_and_equal_heads(data):
    simclr, sdclr = RECIPES[f"simclr/{data}"](), RECIPES[f"sdclr/{data}"]()
    temperatures = TEMPERATURE[data]
    assert simclr.method == SimCLRConfig(temperature=temperatures[0], head_layers=2, head_dim=128)
    expected = SDCLRConfig(temperature=temperatures[1], prune_ratio=PRUNE_RATIO[data], head_layers=2, head_dim=128)
    assert sdclr.method == expected
    assert replace(simclr, method=sdclr.method) == sdclr, "nothing but the method differs"


def test_only_the_authors_head_has_three_layers():
    authors, ours = RECIPES["sdclr/cifar10_lt_authors_head"](), RECIPES["sdclr/cifar10_lt"]()
    assert replace(authors, method=replace(authors.method, head_layers=2)) == ours
    assert authors.method.head_layers == 3


def test_the_cifar_recipes_hold_out_what_makes_the_papers_sizes():
    for data in ("cifar10_lt", "cifar100_lt"):
        config = RECIPES[f"sdclr/{data}"]()
        assert (config.long_tail, config.holdout) == ("exp:100", 5000)


def test_the_presets_of_views_are_those_of_the_recipes():
    assert VIEWS["cifar"] == ViewSettings() == RECIPES["simclr/cifar10_lt"]().views
    assert VIEWS["imagenet"] == RECIPES["simclr/imagenet100_lt"]().views


# Laws over all recipes


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_survives_being_written_and_read(name):
    config = RECIPES[name]()
    document = json.loads(json.dumps(to_document(config, name_of(config), "0.1.0")))
    assert from_document(document) == config


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_made_anew_by_every_call(name):
    assert RECIPES[name]() == RECIPES[name]()


@pytest.mark.parametrize("name", [name for name in RECIPES if name.partition("/")[0] in METHODS])
def test_a_recipes_prefix_is_its_method(name):
    assert name_of(RECIPES[name]()) == name.partition("/")[0]
