"""Method × adversary × penalty × schedule: each that makes sense trains an epoch on digits, the others are refused."""

import itertools
import json
from dataclasses import replace
from typing import Any

import pytest
import safetensors.torch
import torch
from short_runs import short_run
from small_methods import REPRESENTATIVES, small_config

from holdfast.config import RunConfig
from holdfast.engine import train
from holdfast.methods import METHODS, build, fresh_encoder, with_settings

PARTS: tuple[dict[str, dict[str, Any]], ...] = (
    {"no adversary": {}, "pgd": {"adversary": "pgd:1"}, "free": {"adversary": "free:2"}},
    {
        "no penalty": {},
        "pair": {"penalty": "invariance:0.1"},
        "vjp": {"penalty": "invariance:0.1", "penalty_form": "vjp", "penalty_draws": 4},
    },
    {
        "no schedule": {},
        "temperature": {"temperature_schedule": "cosine:4"},
        "strength": {"strength_schedule": "steps:1"},
    },
)
MATRIX = list(itertools.product(METHODS, *PARTS))
SENSELESS = {"temperature": "expected a method with a temperature under --temperature-schedule, got .*; leave it out"}
"""What is refused of a method that has none, by schedule."""
RATES = {"lore": 1e-4}
"""Learning rates of methods whose loss is a sum over all features: at the others' it leaves the numbers."""


def refused(name: str, schedule: str) -> bool:
    return schedule == "temperature" and not hasattr(METHODS[name].Config(), "temperature")


def fast() -> list[tuple[str, ...]]:
    """Nine cells with every pair of two parts, each on some representative that does not refuse them."""
    found = []
    for number, (first, second) in enumerate(itertools.product(range(3), repeat=2)):
        places = (first, second, (first + second) % 3)
        parts = [list(kinds)[place] for kinds, place in zip(PARTS, places, strict=True)]
        own = REPRESENTATIVES[number % len(REPRESENTATIVES)]
        found.append(("simclr" if refused(own, parts[-1]) else own, *parts))
    return found


def cells() -> list[Any]:
    sensible = [cell for cell in MATRIX if not refused(cell[0], cell[-1])]
    return [
        pytest.param(cell, id=", ".join(cell), marks=() if cell in fast() else pytest.mark.slow) for cell in sensible
    ]


def cell_config(name: str, *parts: str) -> RunConfig:
    plain = short_run(small_config(name), data="digits", limit=36, holdout=4, image_size=8, epochs=1)
    plain = replace(plain, lr=RATES.get(name, plain.lr))
    changes = {key: value for kinds, part in zip(PARTS, parts, strict=True) for key, value in kinds[part].items()}
    return with_settings(plain, **changes)


@pytest.fixture(autouse=True)
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_the_slice_of_the_fast_suite_has_every_pair_of_parts():
    seen = {pair for cell in fast() for pair in itertools.combinations(cell[1:], 2)}
    wanted = {pair for one, other in itertools.combinations(PARTS, 2) for pair in itertools.product(one, other)}
    assert wanted <= seen


@pytest.mark.parametrize("cell", cells())
def test_a_combination_trains_an_epoch_on_digits_and_its_encoder_has_moved(cell, tmp_path):
    config = cell_config(*cell)
    run = train(config, tmp_path / "run")
    rows = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    epoch = next(row for row in rows if row["kind"] == "epoch")
    assert epoch["step"] == 2 * build(config, image_size=8).steps_per_batch
    assert torch.isfinite(torch.tensor(epoch["loss"]))
    assert ("penalty" in epoch) == (cell[2] != "no penalty")
    first = dict(fresh_encoder(config, image_size=8).named_parameters())
    trained = safetensors.torch.load_file(run.encoder)
    assert [name for name in first if not torch.isfinite(trained[name]).all()] == []
    assert any(not torch.equal(trained[name], parameter) for name, parameter in first.items())


@pytest.mark.parametrize("name", [name for name in METHODS if refused(name, "temperature")])
def test_a_schedule_of_what_a_method_has_not_is_refused_before_anything_is_written(name, tmp_path):
    with pytest.raises(ValueError, match=SENSELESS["temperature"]):
        train(cell_config(name, "no adversary", "no penalty", "temperature"), tmp_path / "run")
    assert not (tmp_path / "run").exists()
