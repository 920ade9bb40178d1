"""Long tail: SimCLR and SDCLR on CIFAR-10-LT (exp:100) with equal heads, for as many epochs as fit, then audited."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from gpu_steps.bench import Bench, Part, Result, Step
from gpu_steps.training import audit_seconds, run_seconds, scores_of, told
from holdfast import RECIPES, audit, resume, train
from holdfast.config import RunConfig

METHODS = ("simclr", "sdclr")
SHARE = 0.15
"""Of a call's time, for each of the two."""
MOST = 2000
"""Epochs of the paper."""
IMAGES = 11_165
AXES = ["quality", "balance"]


def configuration(name: str, bench: Bench) -> RunConfig:
    """The paper's settings, both methods with two layers in the head."""
    config = replace(RECIPES[f"{name}/cifar10_lt"](), data=bench.source, signals_every=0, **bench.network())
    if not bench.tiny:
        return config
    return replace(config, holdout=20, limit=200, long_tail="exp:5", batch_size=32, precision="32")


def fitting(bench: Bench) -> tuple[int, float]:
    """(epochs, seconds of one): as many for both methods as the slower one's share of the time allows."""
    images = 60 if bench.tiny else IMAGES
    each = max(run_seconds(replace(configuration(name, bench), epochs=1), bench, images=images) for name in METHODS)
    most = 1 if bench.tiny else MOST
    return max(1, min(most, int(SHARE * bench.seconds / each))), each


def _agreed(bench: Bench) -> Callable[[], tuple[int, float]]:
    """What fits, found once: the two must train for equally long, also where one was interrupted."""
    known: list[tuple[int, float]] = []

    def found() -> tuple[int, float]:
        file = bench.work / "long-tail-epochs.txt"
        if not known and file.is_file():
            epochs, seconds = file.read_text().split()
            known.append((int(epochs), float(seconds)))
        if not known:
            known.append(fitting(bench))
            bench.work.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{known[0][0]} {known[0][1]}")
        return known[0]

    return found


def _look(agreed: Callable[[], tuple[int, float]], bench: Bench) -> float:
    epochs, each = agreed()
    return epochs * each + audit_seconds(configuration("simclr", bench), bench, AXES)


def _measure(agreed: Callable[[], tuple[int, float]], name: str, bench: Bench) -> Result:
    config, folder = replace(configuration(name, bench), epochs=agreed()[0]), bench.work / f"long-tail-{name}"
    run = resume(folder) if (folder / "config.json").is_file() else train(config, folder, listen=told)
    places = {"test": bench.test, "device": str(bench.device)}
    if bench.tiny:
        places["validation_ids"] = bench.chosen_on
    found = audit(run.path, bench.train, axes=AXES, **places)
    scores = {finding.audit: scores_of(finding) for finding in found}
    return {"epochs": config.epochs, "of_epochs": MOST, "temperature": 0.2, "head_layers": 2, "scores": scores}


def parts(bench: Bench) -> list[Part]:
    """Both methods, one after the other."""
    agreed = _agreed(bench)
    return [
        Part(
            name=name,
            rank=1,
            guess=120,
            seeds=(configuration(name, bench).seed,),
            look=partial(_look, agreed),
            measure=partial(_measure, agreed, name),
        )
        for name in METHODS
    ]


LONG_TAIL = Step(
    name="long_tail",
    what="SimCLR and SDCLR on CIFAR-10-LT (exp:100), equal heads and epochs: the paper's gain, or its absence",
    parts=parts,
)
