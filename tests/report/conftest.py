"""Run folders as training and auditing leave them, with numbers of the size that CIFAR-10-LT gives."""

import json
import re

import numpy as np
import pytest
from drawn_findings import write_five_axes
from toy_audits import write_toy_findings

from holdfast.findings import Finding, Score

NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
COUNTS = (4500, 2697, 1617, 969, 581, 348, 208, 125, 75, 45)
GROUPS = ("many",) * 4 + ("medium",) * 3 + ("few",) * 3
SKILL = {"simclr": (84, 61), "sdclr": (86, 65)}
"""Accuracy in percent of the most frequent and the rarest class."""


def percent(name, value, interval=None):
    return Score(
        name=name,
        value=float(value),
        unit="percent",
        range=(0.0, 100.0),
        better="lower" if name.endswith("std") else "higher",
        definition=f"What {name} is, in one sentence with its protocol.",
        interval=interval,
        interval_over="test images (bootstrap, 1,000 draws)" if interval else "",
    )


def group_scores(accuracies, prefix=""):
    means = {g: np.mean([a for a, group in zip(accuracies, GROUPS, strict=True) if group == g]) for g in set(GROUPS)}
    values = {"all": np.mean(accuracies), **{g: means[g] for g in ("many", "medium", "few")}}
    values |= {"std": np.std([*means.values()]), "worst_class": np.min(accuracies)}
    return [percent(prefix + n, v, (max(0.0, v - 1.6), min(100.0, v + 1.6))) for n, v in values.items()]


def balance(settings, *, method, seed, classes, per_class=100, shift=0):
    rng = np.random.default_rng(1000 * seed + len(method))
    best, worst = SKILL.get(method, (80, 60))
    ranked = np.linspace(best, worst, 10) + rng.normal(0, 1.2, 10)
    skill = np.roll(ranked, shift)
    labels = np.repeat(np.arange(10), per_class)
    correct = rng.uniform(0, 100, len(labels)) < skill[labels]
    accuracies = [100 * correct[labels == c].mean() for c in range(10)]
    groups, counts = np.roll(GROUPS, shift), np.roll(COUNTS, shift)
    scores = group_scores([accuracies[(r + shift) % 10] for r in range(10)])
    scores += group_scores(list(ranked - np.linspace(4, 18, 10)), "few_shot_")
    rows = [
        {
            **{"class": classes[c], "index": c, "train_images": int(counts[c]), "group": str(groups[c])},
            **{"test_images": per_class, "accuracy": accuracies[c]},
            **{"low": accuracies[c] - 7, "high": min(100, accuracies[c] + 7), "few_shot_accuracy": accuracies[c] - 9},
        }
        for c in range(10)
    ]
    columns = {"id": np.arange(len(labels)), "label": labels, "predicted": np.where(correct, labels, (labels + 1) % 10)}
    columns |= {"correct": correct, "group": groups[labels].astype(str)}
    return Finding(audit="balance", scores=scores, columns=columns, tables={"per_class": rows}, settings=settings)


def quality(settings, *, seed, method):
    rng = np.random.default_rng(seed)
    base = SKILL.get(method, (80, 60))[0] - 8
    plain = {"range": (None, None), "definition": "A label-free signal."}
    return Finding(
        audit="quality",
        scores=[
            percent("linear_accuracy", base + rng.normal(), (base - 2.0, base + 2.0)),
            percent("knn_accuracy", base - 3 + rng.normal()),
            Score(name="effective_rank", value=61.2 + rng.normal(), unit="count", better="higher", **plain),
            Score(name="alignment", value=0.412 + rng.normal() / 100, unit="", better="lower", **plain),
            Score(name="uniformity", value=-2.31 + rng.normal() / 100, unit="nats", better="lower", **plain),
            Score(name="feature_std", value=0.041, unit="", better="neither", **plain),
        ],
        settings=settings,
    )


def config(method, seed, split, **changes):
    own = {"head_layers": 2, "head_dim": 128, "temperature": 0.2} | ({"prune_ratio": 0.9} if method == "sdclr" else {})
    plain = {"schema": 1, "version": "0.1.0", "method": method, "settings": own, "data": "cifar10/train.parquet"}
    plain |= {"long_tail": "exp:100", "split": split, "limit": None, "encoder": "timm/resnet18", "stem": "small"}
    plain |= {"epochs": 200, "batch_size": 512, "optimizer": "sgd", "lr": 0.5, "seed": seed, "precision": "bf16"}
    return plain | {"views": {"crop_min": 0.1, "interpolation": "bicubic", "jitter": 0.8}} | changes


def metrics(method, seed, epochs=60):
    rng = np.random.default_rng(seed)
    rows = []
    for epoch in range(1, epochs + 1):
        loss = 4.1 + 2.2 * np.exp(-epoch / 14) + (0.25 if method == "sdclr" else 0) + rng.normal() / 60
        speed = {"views_per_second": 2100 + 30 * rng.normal(), "seconds": 10.6 * epoch}
        rows.append({"kind": "epoch", "epoch": epoch, "step": 22 * epoch, "loss": loss, "lr": 0.5} | speed)
        if epoch % 6 == 0:
            signal = {"alignment": 0.4 + 0.3 * np.exp(-epoch / 20), "uniformity": -2.3 + np.exp(-epoch / 15)}
            signal |= {"effective_rank": 60 - 40 * np.exp(-epoch / 18) + rng.normal(), "feature_std": 0.041}
            signal |= {"knn_accuracy": 72 - 35 * np.exp(-epoch / 16) + rng.normal()}
            rows.append({"kind": "signals", "epoch": epoch, "step": 22 * epoch} | signal)
    return "".join(json.dumps(row) + "\n" for row in rows)


def write_findings(folder, settings, *, method="simclr", seed=0, classes=NAMES, shift=0):
    balance(settings, method=method, seed=seed, classes=classes, shift=shift).save(folder)
    quality(settings, method=method, seed=seed).save(folder)


def audit_settings(name, seed, **changes):
    plain = {"name": name, "encoder": name, "encoder_checksum": f"e{seed}{name}", "dim": 512, "seconds": 41.5}
    plain |= {"data": "cifar10/train.parquet", "test": "cifar10/test.parquet", "test_checksum": "5f3a9c1b"}
    plain |= {"test_images": 1000, "probe_on": "pool", "probe_images": 45000, "protocol": "lbfgs", "seed": 0}
    plain |= {"group_rule": "thirds", "hardware": "Intel Xeon, 2 threads"}
    return plain | {"versions": {"holdfast": "0.1.0", "torch": "2.15.0", "numpy": "2.3.1"}} | changes


def write_run(folder, method, seed, *, split=0, classes=NAMES, shift=0, settings=None, **changes):
    """A run folder with config, metrics and findings; `changes` go into config.json, `settings` into the findings."""
    run = config(method, seed, split, **changes)
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(run))
    (folder / "metrics.jsonl").write_text(metrics(method, seed))
    audit = audit_settings(folder.name, seed, run=run, **(settings or {}))
    write_findings(folder / "findings", audit, method=method, seed=seed, classes=classes, shift=shift)
    return folder


def write_pair(root, seeds=3, **changes):
    """SimCLR and SDCLR over some seeds, in that order."""
    pairs = [(m, s) for m in ("simclr", "sdclr") for s in range(seeds)]
    return [write_run(root / f"{method}-{seed}", method, seed, **changes) for method, seed in pairs]


@pytest.fixture
def make_run():
    return write_run


@pytest.fixture
def make_findings():
    """Writes an audit folder without a run."""

    def write(folder, *, name, **changes):
        write_findings(folder, audit_settings(name, 0, **changes))
        return folder

    return write


@pytest.fixture
def runs(tmp_path):
    return write_pair(tmp_path)


def write_full_run(folder, method, seed, *, classes=NAMES, paths=None, settings=None, per_class=100, **changes):
    """A run with all axes and its images; `paths` are their file names."""
    write_run(folder, method, seed, classes=classes, settings=settings, **changes)
    audit = audit_settings(folder.name, seed, run=config(method, seed, 0, **changes), **(settings or {}))
    labels = np.repeat(np.arange(10), per_class)
    groups = np.array(GROUPS)[labels]
    write_five_axes(folder / "findings", audit, labels, classes, groups=groups, paths=paths, seed=seed)
    return folder


@pytest.fixture(scope="session")
def full_runs(tmp_path_factory):
    """SimCLR and SDCLR, one run each, measured on all axes, with images. Not to be changed."""
    root = tmp_path_factory.mktemp("full")
    return [write_full_run(root / method, method, place) for place, method in enumerate(("simclr", "sdclr"))]


@pytest.fixture
def make_full_run():
    return write_full_run


@pytest.fixture(scope="session")
def write_full():
    return write_full_run


@pytest.fixture(scope="session")
def toy_folders(tmp_path_factory):
    """Two random networks measured by every audit. Not to be changed."""
    root = tmp_path_factory.mktemp("toys")
    return [write_toy_findings(root / str(seed), seed) for seed in (0, 1)]


@pytest.fixture(scope="session")
def large_page(tmp_path_factory):
    """Two encoders on 10,000 test images that press as badly as photographs, and 3,000 scored ones."""
    from holdfast.report import report

    root = tmp_path_factory.mktemp("large")
    labels = np.repeat(np.arange(10), 1000)
    paths = tuple(f"images/some-folder/{i:06d}.jpg" for i in range(len(labels)))
    for place, method in enumerate(("simclr", "sdclr")):
        write_run(root / method, method, place)
        audit = audit_settings(method, place, run=config(method, place, 0))
        balance(audit, method=method, seed=place, classes=NAMES, per_class=1000).save(root / method / "findings")
        groups = np.array(GROUPS)[labels]
        arguments = {"groups": groups, "paths": paths, "scored": 3000, "seed": place, "noise": True}
        write_five_axes(root / method / "findings", audit, labels, NAMES, **arguments)
    return report([root / "simclr", root / "sdclr"], root / "page.html")


@pytest.fixture(scope="session")
def full_page(full_runs, tmp_path_factory):
    from holdfast.report import report

    return report(full_runs, tmp_path_factory.mktemp("page") / "page.html")


@pytest.fixture
def visit(chromium):
    """Opens a page and gives it; at the end nothing may have gone wrong and no address been asked for."""
    contexts, wrong, asked = [], [], []

    def open_(path, width=1280, height=900, theme="light", unfold=False):
        context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: (wrong.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        if unfold:
            page.evaluate("document.querySelectorAll('main details').forEach((one) => { one.open = true; })")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert wrong == []
    assert [address[:80] for address in asked if not re.match(r"file:.*\.html(#.*)?$|data:", address)] == []
