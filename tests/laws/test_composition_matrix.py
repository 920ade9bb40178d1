"""Method × adversary × penalty × schedule: each that makes sense trains an epoch on digits, the others are refused."""

import io
import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import safetensors.torch
import torch
from PIL import Image
from short_runs import short_run
from small_methods import REPRESENTATIVES, has_temperature, small_config

from holdfast.config import RunConfig
from holdfast.data import load_images
from holdfast.engine import train
from holdfast.methods import METHODS, WRAPPERS, build, fresh_encoder, from_document, with_settings

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
OTHERS: dict[str, dict[str, Any]] = {
    "bcl": {"memory_augment": "bcl-d:2"},
    "gh": {"harmonize": "gh:1", "harmonize_classes": 5, "harmonize_start": 0.0, "harmonize_iterations": 5},
    "coding": {"equivariance": "care:1"},
    "ser": {"soft_equivariance": "ser:1", "soft_equivariance_share": 0.2},
    "talos": {"forget": "site"},
    "rwsam": {"sharpness": "rwsam:0.05"},
    "average": {"weight_average": "ema:0.9"},
}
"""The parts that are no axis of the matrix, each of which goes through all of it on one method and on all methods."""
SENSELESS = {
    "temperature": "expected a method with a contrast's temperature under --temperature-schedule, got .*; leave it out"
}
"""What is refused of a method that has none, by schedule."""
RATES = {"lore": 1e-4}
"""Learning rates of methods whose loss is a sum over all features: at the others' it leaves the numbers."""


def refused(name: str, schedule: str) -> bool:
    return schedule == "temperature" and not has_temperature(name)


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


def cell_config(name: str, *parts: str, **more: Any) -> RunConfig:
    plain = short_run(small_config(name), data="digits", limit=36, holdout=4, image_size=8, epochs=1)
    plain = replace(plain, lr=RATES.get(name, plain.lr))
    changes = {key: value for kinds, part in zip(PARTS, parts, strict=True) for key, value in kinds[part].items()}
    return with_settings(plain, **changes, **more)


@pytest.fixture(scope="module")
def sited(tmp_path_factory) -> str:
    """36 digits as a parquet file, each with a site."""
    cells = []
    for pixels in load_images("digits", size=8, limit=36).pixels:
        buffer = io.BytesIO()
        Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(buffer, "png")
        cells.append({"bytes": buffer.getvalue()})
    path = tmp_path_factory.mktemp("sites") / "digits.parquet"
    pq.write_table(pa.table({"image": cells, "site": ["south", "north"] * 18}), path)
    return str(path)


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
    trains(cell_config(*cell), cell[2], tmp_path)


def trains(config: RunConfig, penalty: str, tmp_path: Path) -> None:
    """An epoch leaves a finite loss and an encoder that moved."""
    run = train(config, tmp_path / "run")
    rows = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    epoch = next(row for row in rows if row["kind"] == "epoch")
    resolved = from_document(json.loads(run.config.read_text()))
    assert epoch["step"] == 2 * build(resolved, image_size=8).steps_per_batch
    assert torch.isfinite(torch.tensor(epoch["loss"]))
    assert ("penalty" in epoch) == (penalty != "no penalty")
    first = dict(fresh_encoder(config, image_size=8).named_parameters())
    trained = safetensors.torch.load_file(run.encoder)
    assert [name for name in first if not torch.isfinite(trained[name]).all()] == []
    assert any(not torch.equal(trained[name], parameter) for name, parameter in first.items())


def test_every_part_that_there_is_goes_through_the_matrix():
    own = {key for kinds in PARTS for part in kinds.values() for key in part}
    assert set(WRAPPERS) <= own | {key for part in OTHERS.values() for key in part}


def test_all_parts_at_once_train_an_epoch_on_digits(sited, tmp_path):
    more = {key: value for part in OTHERS.values() for key, value in part.items()}
    config = cell_config("simclr", "pgd", "pair", "temperature", **more, data=sited, groups=("site",))
    trains(config, "pair", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("cell", list(itertools.product(*PARTS)), ids=", ".join)
@pytest.mark.parametrize("part", OTHERS)
def test_each_other_part_goes_with_every_adversary_penalty_and_schedule(part, cell, sited, tmp_path):
    trains(cell_config("simclr", *cell, **OTHERS[part], data=sited, groups=("site",)), cell[1], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("part", OTHERS)
def test_each_other_part_goes_with_every_method(part, name, sited, tmp_path):
    first = ("no adversary", "no penalty", "no schedule")
    trains(cell_config(name, *first, **OTHERS[part], data=sited, groups=("site",)), first[1], tmp_path)


@pytest.mark.parametrize("name", [name for name in METHODS if refused(name, "temperature")])
def test_a_schedule_of_what_a_method_has_not_is_refused_before_anything_is_written(name, tmp_path):
    with pytest.raises(ValueError, match=SENSELESS["temperature"]):
        train(cell_config(name, "no adversary", "no penalty", "temperature"), tmp_path / "run")
    assert not (tmp_path / "run").exists()
