"""From what a user has (an encoder, images, a run folder) to a Subject: splits, checks, what is recorded of them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from holdfast.audits.subject.encoder import audited_encoder, run_of
from holdfast.audits.subject.hold_out import hold_out, is_thin, named_share, said_of_thin
from holdfast.audits.subject.known import Known
from holdfast.audits.subject.subject import Options, Subject
from holdfast.data import Images, nested_subsets
from holdfast.data.duplicates import copies
from holdfast.data.images import class_names, named
from holdfast.data.labels import folded, spelt
from holdfast.data.pool import same_images
from holdfast.models import loaded_of
from holdfast.runs import RunFolder

_COMPARED = 1024  # images compared at a time: streamed ones do not fit into memory
_CHOICES = {
    "probe_on": ("pool", "train"),
    "protocol": ("lbfgs", "sdclr", "sdclr-cached"),
    "probe_lr_drop": ("on_time", "early"),
    "group_rule": ("thirds", "thresholds"),
    "precision": ("32", "bf16"),
    "layer": ("backbone", "prefeature"),
}


def prepared(
    encoder: nn.Module | str | Path,
    images: Images,
    test: Images | None,
    known: Known,
    name: str | None,
    options: Options,
) -> Subject:
    """The Subject of an audit. Raises ValueError (expected, got, remedy) where its parts do not fit together."""
    _check_options(options)
    module = audited_encoder(encoder, options, size=images.pixels.shape[-1])
    path, source = run_of(encoder), _source(encoder)
    if path is not None:
        known, test = _completed(known, path, images, test)
    images = _sorted(images)
    held_out = test is None
    test = hold_out(images, known, options.seed) if test is None else _sorted(test)
    test = test if held_out else _by_training_names(images, test)
    images, test, single = _without_a_single_class(images, test)
    known = replace(known, counts=None) if single else known
    shared = _shared_ids(images, test)
    pool = images if not len(shared) else images.subset(_outside(images.ids, shared).nonzero()[:, 0])
    if not held_out:
        _check_overlap(known, shared, options)
    probe_ids = _probe_ids(pool, known, options)
    validation_ids, few_shot_ids = _within(known.validation_ids, pool), _few_shot_ids(pool, probe_ids, known, options)
    used = [ids for ids in (probe_ids, validation_ids, few_shot_ids) if ids is not None]
    return Subject(
        encoder=module,
        name=name or _name(source, module),
        source=source,
        pool=pool.select(torch.cat(used).unique()),
        probe_ids=probe_ids,
        validation_ids=validation_ids,
        few_shot_ids=few_shot_ids,
        test=test,
        train_ids=_within(known.train_ids, pool),
        counts=_counts(images, known),
        options=options,
        facts=_facts(images, test, known, held_out) | _copied(pool, test) | single,
    )


def _source(encoder: nn.Module | str | Path) -> str:
    """Where an encoder came from: as it was named, the run it was loaded from, or its class."""
    path = run_of(encoder)
    return type(encoder).__name__ if path is None else str(path if isinstance(encoder, nn.Module) else encoder)


def _name(source: str, module: nn.Module) -> str:
    """What reports call an encoder: the folder's name or the source, and that its weights are random where they are."""
    loaded = loaded_of(module)
    untrained = loaded is not None and loaded.weights == "random"
    return (Path(source).name if Path(source).is_dir() else source) + " (random weights)" * untrained


def _completed(known: Known, path: Path, images: Images, test: Images | None) -> tuple[Known, Images | None]:
    """What a run folder knows where the caller did not say, and its held-out images where no test images were given;
    its ids only where the images are its own."""
    folder = RunFolder(path)
    if not folder.config.is_file() or not folder.ids.is_file():
        return known, test
    record, run = folder.read_ids(), folder.read_config()
    fits = record["counts"] is not None and len(record["counts"]) == images.class_count
    fits = fits and (None in (record.get("classes"), images.classes) or tuple(record["classes"]) == images.classes)
    found: dict[str, Any] = {"run": run, "counts": record["counts"] if fits else None}
    given = {name: value for name, value in vars(known).items() if value is not None}
    if same_images(record, images):
        held_out = _tensor(record["held_out"])
        found |= {"train_ids": _tensor(record["train"]), "few_shot_ids": _tensor(record["few_shot"])}
        found["validation_ids"] = held_out
        if test is None and held_out is not None and "validation_ids" not in given:
            test, found = _tested(images, held_out, found)
    return Known(**(found | given)), test


def _tested(images: Images, held_out: Tensor, found: dict[str, Any]) -> tuple[Images | None, dict[str, Any]]:
    """A run's held-out images as test images, or, where they are too thin, as the first that are drawn.

    Held-out images cannot both choose the probe's regularisation and be tested on.
    """
    found = found | {"validation_ids": torch.empty(0, dtype=torch.int64)}
    if is_thin(images, held_out):
        return None, found | {"test_first": held_out}
    return images.select(held_out), found


def _tensor(ids: list[int] | None) -> Tensor | None:
    return torch.tensor(ids, dtype=torch.int64) if ids else None


def _sorted(images: Images) -> Images:
    """By id, so that the order of rows changes no sum and so no digit."""
    return images.subset(images.ids.argsort())


def _outside(ids: Tensor, others: Tensor) -> Tensor:
    return torch.isin(ids, others.to(ids.device), invert=True)


def _within(ids: Tensor | None, pool: Images) -> Tensor | None:
    """Those ids that are in the pool, ascending; None for none."""
    if ids is None:
        return None
    ordered = torch.as_tensor(ids.cpu().unique())
    inside = ordered[torch.isin(ordered, pool.ids.cpu())]
    return inside if len(inside) else None


def _shared_ids(images: Images, test: Images) -> Tensor:
    """Ids of images that are also test images: the same id with the same pixels, whatever the sources are called."""
    ids = images.ids[torch.isin(images.ids, test.ids.to(images.ids.device))]
    if not len(ids) or images.pixels.shape[1:] != test.pixels.shape[1:]:
        return ids[:0]
    parts = zip(images.select(ids).pixels.split(_COMPARED), test.select(ids).pixels.split(_COMPARED), strict=True)
    same = [(ours.cpu() == theirs.cpu()).flatten(1).all(1) for ours, theirs in parts]
    return ids[torch.cat(same).to(ids.device)]


def _check_overlap(known: Known, shared: Tensor, options: Options) -> None:
    """Images said to be fitted on must not be test images; others are taken out of the pool without a word."""
    named = {"few_shot_ids": known.few_shot_ids, "validation_ids": known.validation_ids}
    if options.probe_on == "train":
        named["train_ids"] = known.train_ids
    for name, ids in named.items():
        both = 0 if ids is None else int(torch.isin(ids.cpu(), shared.cpu()).sum())
        if both:
            raise ValueError(
                f"expected test images that no probe is fitted on, got {both:,} of {name} among them; "
                "pass other test images, or leave test out to have a fifth held out"
            )


def _by_training_names(images: Images, test: Images) -> Images:
    """The test images with their classes numbered as the training images' are, by their names; a class without a name
    is called by its number. Raises ValueError for a test class that the training images do not have."""
    if images.labels is None or test.labels is None:
        return test
    ours, theirs = class_names(images), class_names(test)
    present = sorted(set(test.labels.unique().tolist()))
    unknown = [theirs[label] for label in present if theirs[label] not in ours]
    if unknown:
        lacking = [name for name in ours if name not in theirs]
        raise ValueError(
            f"expected test images of the training images' classes, got {len(unknown)} others in {test.source}: "
            f"{named(unknown)}; {images.source} has {named(lacking or ours)}"
            f"{' beside those in both' if lacking and len(lacking) < len(ours) else ''}; "
            f"{_name_remedy(unknown, ours)}"
        )
    numbers = torch.tensor([ours.index(name) if name in ours else -1 for name in theirs], dtype=torch.int64)
    return replace(test, labels=numbers.to(test.labels.device)[test.labels], classes=images.classes)


def _without_a_single_class(images: Images, test: Images) -> tuple[Images, Images, dict[str, Any]]:
    """The images without labels, and what is recorded of that, where all are of one class: any encoder is right."""
    if images.labels is None or test.labels is None:
        return images, test, {}
    present = torch.cat([images.labels.cpu(), test.labels.cpu()]).unique().tolist()
    if len(present) != 1:
        return images, test, {}
    return images.unlabelled, test.unlabelled, {"single_class": class_names(images)[present[0]]}


def _name_remedy(unknown: Sequence[str], ours: Sequence[str]) -> str:
    """A hint where names differ by case or blanks alone."""
    plain = {folded(name): name for name in ours}
    near = next(((n, plain[k]) for n in unknown if (k := folded(n)) in plain), None)
    if near is None:
        return "name the classes alike, or leave those test images out"
    return f"{spelt(near[0])} and {spelt(near[1])} differ by case or blanks alone: name the classes alike"


def _check_options(options: Options) -> None:
    for name, choices in _CHOICES.items():
        if getattr(options, name) not in choices:
            raise ValueError(f"expected {name} to be one of {', '.join(choices)}, got {getattr(options, name)!r}")


def _probe_ids(pool: Images, known: Known, options: Options) -> Tensor:
    """What the full-shot probe is fitted on: the pool or its part of train_ids, without the validation images."""
    ids = pool.ids.cpu()
    if options.probe_on == "train":
        if known.train_ids is None:
            raise ValueError("expected train_ids to fit the probe on, got none; pass them, or use probe_on='pool'")
        ids = ids[torch.isin(ids, known.train_ids.cpu())]
    if known.validation_ids is not None:
        ids = ids[_outside(ids, known.validation_ids.cpu())]
    if not len(ids):
        raise ValueError("expected images to fit a probe on beside the test images, got none; give more images")
    return ids


def _copied(pool: Images, test: Images) -> dict[str, Any]:
    """How many test images are in the pool too, under other ids; nothing where pixels are streamed."""
    found = copies(test, pool)
    return {} if found is None else {"test_copies_in_pool": int(found.sum())}


def _few_shot_ids(pool: Images, probe_ids: Tensor, known: Known, options: Options) -> Tensor | None:
    """The few-shot probe's images: a share of every class of the full-shot probe's where one is asked for."""
    if options.few_shot_share is None:
        return _within(known.few_shot_ids, pool)
    if pool.labels is None:
        raise ValueError(
            f"expected labels to draw few_shot_share {options.few_shot_share:g} of every class, got none in "
            f"{pool.source}; add a label column, or leave it out"
        )
    labels = pool.labels[pool.positions(probe_ids)]
    return nested_subsets(labels, probe_ids, [options.few_shot_share], seed=options.seed)[0]


def _counts(images: Images, known: Known) -> tuple[int, ...] | None:
    if known.counts is not None:
        if len(known.counts) != images.class_count:
            raise ValueError(
                f"expected one count for each of {images.class_count} classes, got {len(known.counts)}; "
                "give the training images of every class, 0 for none"
            )
        return tuple(int(count) for count in known.counts)
    if images.labels is None:
        return None
    labels = images.labels if known.train_ids is None else images.labels[images.positions(known.train_ids)]
    return tuple(torch.bincount(labels.cpu(), minlength=images.class_count).tolist())


def _noted(images: Images, test: Images, said: Sequence[str]) -> dict[str, Any]:
    """What was decided about the images, and which of their classes have no test images; nothing where that is none."""
    facts: dict[str, Any] = {}
    if notes := list(dict.fromkeys([*images.notes, *test.notes, *said])):
        facts["notes"] = notes
    if images.labels is not None and test.labels is not None:
        absent = set(images.labels.unique().tolist()) - set(test.labels.unique().tolist())
        if absent:
            names = class_names(images)
            facts["classes_without_test_images"] = [names[label] for label in sorted(absent)]
    return facts


def _facts(images: Images, test: Images, known: Known, held_out: bool) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "data": images.source,
        "image_size": images.pixels.shape[-1],
        **_noted(images, test, said_of_thin(known, test, images.class_count)),
        "counts_of": "encoder" if known.counts is not None or known.train_ids is not None else "data",
    }
    seen = None
    if known.train_ids is not None:
        seen = int(torch.isin(_shared_ids(images, test), known.train_ids.to(images.ids.device)).sum())
        facts["test_images_seen_in_training"] = seen
    if held_out:
        facts["test"] = named_share(images.source, len(test), seen)
    return facts | ({} if known.run is None else {"run": known.run})
