"""A temperature that swings over the epochs, on any contrastive method."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from small_methods import has_temperature, small_config

from holdfast.config import RunConfig
from holdfast.data.batches import Batch
from holdfast.methods import METHODS, TemperatureConfig, build
from holdfast.methods.temperature_schedule import swinging

CONTRASTIVE = [name for name in METHODS if has_temperature(name)]
PART = TemperatureConfig(temperature_schedule="cosine:4", temperature_low=0.1, temperature_high=0.5)


def batch(epoch: int) -> Batch:
    images = torch.rand(8, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    return Batch(images=images, ids=torch.arange(8), epoch=epoch)


def config(name: str, *parts, **settings) -> RunConfig:
    method = small_config(name, **settings)
    return RunConfig(method=method, encoder="timm/test_resnet", parts=parts)


def test_the_papers_values_at_its_epochs():
    found = [swinging(epoch, low=0.1, high=1.0, period=400) for epoch in (0, 100, 200, 400)]
    assert found == pytest.approx([1.0, 0.55, 0.1, 1.0])


@pytest.mark.parametrize("name", CONTRASTIVE)
@pytest.mark.parametrize(("epoch", "temperature"), [(0, 0.5), (1, 0.3), (2, 0.1)])
def test_the_loss_of_an_epoch_is_that_at_its_temperature(name, epoch, temperature):
    swung, fixed = build(config(name, PART), image_size=16), build(config(name, temperature=temperature), image_size=16)
    losses = [method.loss(method.views(batch(epoch))) for method in (swung, fixed)]
    torch.testing.assert_close(losses[0], losses[1], rtol=1e-6, atol=1e-7)


def test_it_depends_on_the_batch_alone_whatever_came_before():
    method, fresh = (build(config("simclr", PART), image_size=16) for _ in range(2))
    method.loss(method.views(batch(2)))
    assert torch.equal(method.loss(method.views(batch(1))), fresh.loss(fresh.views(batch(1))))


@pytest.mark.parametrize(("name", "kind"), [("vicreg", "VICReg"), ("dino", "DINO")])
def test_a_method_that_does_not_contrast_is_refused_in_a_line(name, kind):
    with pytest.raises(ValueError, match=f"a method with a contrast's temperature .*-schedule, got {kind}; leave it"):
        build(config(name, PART), image_size=16)


def test_the_page_names_the_methods_that_it_goes_with():
    page = (Path(__file__).parents[2] / "docs/methods/temperature_schedule.md").read_text()
    named = re.search(r"On any method that contrasts by a temperature: (.+?)\.", page, re.DOTALL)
    assert named is not None and re.findall(r"`([^`]+)`", named[1]) == CONTRASTIVE


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature_low": 0.0}, "temperature_low above 0 and at most temperature_high"),
        ({"temperature_low": 2.0}, "temperature_low above 0 and at most temperature_high"),
        (
            {"temperature_schedule": "cosine"},
            "expected --temperature-schedule NAME:NUMBER, got 'cosine'; as in cosine:400",
        ),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        TemperatureConfig(**settings)


@pytest.mark.parametrize("text", ["linear:4", "cosine:0"])
def test_a_schedule_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match=r"--temperature-schedule cosine:E with E >= 1, got"):
        build(config("simclr", replace(PART, temperature_schedule=text)), image_size=16)


@pytest.mark.parametrize(("period", "epochs"), [("1", 5), ("3", 9), ("400", 2), ("400", 4), ("400", 90)])
def test_a_run_that_never_comes_down_is_told_so_with_a_period_that_does(period, epochs):
    part = TemperatureConfig(temperature_schedule=f"cosine:{period}")
    run = replace(config("simclr", part), epochs=epochs)
    found = part.caution(run)
    assert found is not None and f"cosine:{period} with --epochs {epochs}: the temperature comes down to" in found
    other = re.search(r"as in cosine:(\d+), or more epochs", found)
    assert other is not None
    assert min(swinging(e, low=0.1, high=1.0, period=int(other[1])) for e in range(epochs)) == pytest.approx(0.1)
    assert TemperatureConfig(temperature_schedule=f"cosine:{other[1]}").caution(run) is None


def test_a_run_of_one_epoch_is_told_to_be_longer_and_the_papers_nothing():
    assert str(PART.caution(replace(config("simclr", PART), epochs=1))).endswith("and not to 0.1; use more epochs")
    paper = TemperatureConfig(temperature_schedule="cosine:400")
    assert paper.caution(replace(config("simclr", paper), epochs=2000)) is None
