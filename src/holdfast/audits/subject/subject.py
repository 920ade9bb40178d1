"""What an audit measures: an encoder, labelled images to probe it with and test images, with features computed once."""

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from importlib.metadata import version
from typing import Any

import torch
from torch import Tensor, nn

from holdfast.audits.subject.cache import is_kept, kept
from holdfast.audits.subject.members import Members
from holdfast.audits.subject.pairs import Pairs, Scored, score_pairs
from holdfast.audits.subject.probes import ProbeInputs, ProbeResult, probed
from holdfast.audits.subject.views import Viewed, given_views, view_features
from holdfast.data import Images, class_groups
from holdfast.distributed import ALONE, Crew
from holdfast.evaluation import FEW_SHOT, FULL_SHOT, encoder_checksum, extract_features, label_free_signals, untrained
from holdfast.evaluation.feature_table import FeatureTable
from holdfast.evaluation.features import device_of
from holdfast.models import Encoder, Loaded, loaded_of
from holdfast.options import Options

BALANCED_BELOW = 1.5
"""Largest class over smallest class under which groups by frequency would mean nothing."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Subject:
    """What is audited. Images and tensors of ids ascend by id; no test image is in the pool."""

    encoder: nn.Module
    name: str
    source: str
    """Where the encoder came from, as the user wrote it."""
    pool: Images
    """Every image that a probe may be fitted on or selected with."""
    probe_ids: Tensor
    """The pool's images that the full-shot probe is fitted on."""
    validation_ids: Tensor | None
    """The pool's images that probes are selected on, never fitted; None: a part of what they are fitted on."""
    few_shot_ids: Tensor | None
    test: Images
    counts: tuple[int, ...] | None
    """The encoder's training images by class; where it is not known, the pool's."""
    options: Options
    facts: Mapping[str, Any]
    """Settings that only the preparation knows: data, counts_of, run."""
    train_ids: Tensor | None = None
    """The pool's images that the encoder was trained on, where that is known."""
    pairs: Pairs | None = None
    """Encoders trained with and without certain images: what memorization and privacy are measured on."""
    members: Members | None = None
    """Images that the encoder was trained on and others that it was not: what membership is measured on."""

    @property
    def classes(self) -> int:
        return max(self.pool.class_count, self.test.class_count)

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.pool.classes or tuple(str(index) for index in range(self.classes))

    @property
    def labels(self) -> Tensor:
        """Labels of the test images, on the CPU. Raises ValueError where there are none."""
        return self.test.known_labels()

    @cached_property
    def groups(self) -> dict[str, list[int]]:
        """Classes by training images, those without any left out; empty where these are (nearly) equal or unknown."""
        present = [count for count in self.counts or () if count]
        if self.counts is None or not present or max(present) < BALANCED_BELOW * min(present):
            return {}
        return class_groups(self.counts, rule=self.options.group_rule)

    @cached_property
    def test_features(self) -> Tensor:
        """[n_test, dim] float32."""
        return self.kept_features(self.test, "test images")

    @cached_property
    def signals(self) -> dict[str, float]:
        """feature_std, effective_rank and uniformity of the test features."""
        return label_free_signals(self.test_features)

    @cached_property
    def viewed(self) -> Viewed:
        """Features of two random views each of some test images; of none where features alone are there."""
        options = self.options
        if isinstance(self.encoder, FeatureTable):
            return given_views(self.test, self.encoder, seed=options.seed)
        encode = partial(self.features, stage="views")
        return view_features(self.test, encode, seed=options.seed, batch_size=options.batch_size)

    @cached_property
    def pool_features(self) -> Tensor:
        """[n_pool, dim] float32."""
        return self.kept_features(self.pool, "probe images")

    def kept_features(self, images: Images, stage: str) -> Tensor:
        """As features, read from the options' cache where they lie there, else left there."""
        facts = self._decisive(images) if self.options.cache else {}
        found = kept(self.options.cache, facts, len(images), lambda: self.features(images, stage), self.crew)
        return found.to(self.device)

    def has_kept(self, images: Images) -> bool:
        """Whether the features of images lie in the options' cache."""
        return self.options.cache is not None and is_kept(self.options.cache, self._decisive(images))

    def _decisive(self, images: Images) -> dict[str, Any]:
        """All that decides the features of images, as JSON values."""
        options, spec = self.options, next((m.spec for m in self.encoder.modules() if isinstance(m, Encoder)), None)
        averaged = {"views": self.facts.get("run", {}).get("views"), "seed": options.seed} if options.aggregate else {}
        return {
            "encoder_checksum": self.checksum,
            "encoder": None if spec is None else spec.to_dict(),
            "images_checksum": images.checksum,
            "device": f"{self.device.type}, {torch.get_num_threads()} threads",  # both change the last bits
            **{name: getattr(options, name) for name in ("precision", "layer", "aggregate", "batch_size")},
            **averaged,
        }

    @property
    def device(self) -> torch.device:
        """Where the encoder's passes are computed."""
        return device_of(self.encoder) if self.options.device is None else torch.device(self.options.device)

    @cached_property
    def checksum(self) -> str:
        """Checksum of the encoder's weights."""
        return encoder_checksum(self.encoder)

    def features(self, images: Images | Tensor, stage: str = "images") -> Tensor:
        """[n, dim] float32 of any images, as the options say."""
        return extract_features(self.encoder, images, **self.extraction(stage))

    def extraction(self, stage: str) -> dict[str, Any]:
        """Keyword arguments of extract_features."""
        options = self.options
        progress = None if options.progress is None else partial(options.progress, stage)
        return {
            "batch_size": options.batch_size,
            "device": options.device,
            "precision": options.precision,
            "progress": progress,
            "crew": self.crew,
        }

    @property
    def crew(self) -> Crew:
        """The processes that share the encoder's passes."""
        return self.options.crew or ALONE

    @cached_property
    def _probe_identity(self) -> str:
        return pixels_and_ids(self.pool, self.probe_ids)

    def rows(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Features [m, dim] and labels [m] of the pool's images with these ids, on the features' device."""
        return self._probe_inputs.rows(ids)

    @cached_property
    def _probe_inputs(self) -> ProbeInputs:
        return ProbeInputs(
            encoder=self.encoder,
            pool=self.pool,
            pool_features=self.pool_features,
            test_features=self.test_features,
            validation_ids=self.validation_ids,
            classes=self.classes,
            protocol=self.options.protocol,
            lr_drop=self.options.probe_lr_drop,
            seed=self.options.seed,
            extraction=self.extraction,
        )

    @cached_property
    def full_shot(self) -> ProbeResult:
        """The outcome of a probe fitted on probe_ids."""
        return probed(self._probe_inputs, self.probe_ids, FULL_SHOT)

    @cached_property
    def few_shot(self) -> ProbeResult | None:
        """The outcome of a probe fitted on few_shot_ids; None without them."""
        return None if self.few_shot_ids is None else probed(self._probe_inputs, self.few_shot_ids, FEW_SHOT)

    @cached_property
    def reference(self) -> "Subject | None":
        """These images and options with random weights of the same network; None where none are asked for or it has
        no weights."""
        random = untrained(self.encoder, seed=self.options.seed) if self.options.reference else None
        return None if random is None else replace(self, encoder=random, name="random weights", pairs=None)

    @cached_property
    def scored(self) -> Scored:
        """Every pair's scores of every image, once for all audits. Raises ValueError where there are no pairs."""
        if self.pairs is None:
            raise ValueError(
                "expected pairs of encoders trained with and without certain images to measure memorization, got none; "
                "train them with: holdfast memorization RUN, or pass pairs"
            )
        return score_pairs(
            self.pairs, {"count": self.options.views, "seed": self.options.seed}, self.extraction("pairs")
        )

    @property
    def loaded(self) -> Loaded | None:
        """What was decided when the encoder was loaded; None for a module of the user's own."""
        return loaded_of(self.encoder)

    @property
    def _loaded(self) -> dict[str, Any]:
        return {} if self.loaded is None else {"load": self.loaded.to_dict()}

    def cautions(self, what: str) -> dict[str, list[str]]:
        """The setting 'warnings' of a finding that bf16 features mislead in some way, in words; nothing for float32."""
        if self.options.precision == "32":
            return {}
        return {"warnings": [f"features are of bf16 passes: {what}; measure with --precision 32"]}

    @cached_property
    def settings(self) -> dict[str, Any]:
        """What every finding of this subject records."""
        options = self.options
        device = self.test_features.device
        hardware = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
        return {
            "name": self.name,
            "encoder": self.source,
            "encoder_checksum": self.checksum,
            "dim": self.test_features.shape[1],
            "test": self.test.source,
            "test_checksum": self.test.checksum,
            "test_images": len(self.test),
            "probe_on": options.probe_on,
            "probe_images": len(self.probe_ids),
            "probe_checksum": ids_checksum(self.probe_ids),
            "probe_identity": self._probe_identity,
            "layer": options.layer,
            **self._loaded,
            "aggregate": options.aggregate,
            "protocol": options.protocol,
            "probe_lr_drop": options.probe_lr_drop,
            "group_rule": options.group_rule,
            "seed": options.seed,
            "precision": options.precision,
            **self.facts,
            **({"asked": dict(options.asked)} if options.asked else {}),
            "hardware": f"{device.type}, {hardware}, {torch.get_num_threads()} threads",
            "versions": {name: version(name) for name in ("holdfast", "torch")} | {"python": platform.python_version()},
        }


def pixels_and_ids(images: Images, ids: Tensor) -> str:
    """16 hexadecimal digits of a SHA-256 over all images and the ids of those that are meant: both must be the same."""
    return hashlib.sha256(f"{images.checksum} {ids_checksum(ids)}".encode()).hexdigest()[:16]


def ids_checksum(ids: Tensor) -> str:
    """16 hexadecimal digits of a SHA-256 over int64 ids [n]."""
    return hashlib.sha256(ids.cpu().contiguous().numpy().tobytes()).hexdigest()[:16]
