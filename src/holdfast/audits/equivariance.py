"""Equivariance: does a linear map of the features foretell rotation, flip, scale and colour? (arXiv:1411.5908)."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from holdfast import randomness
from holdfast.audits.subject import Audit, Speed, Subject, lacks_pixels
from holdfast.data import Images
from holdfast.data.pool import draw_evenly
from holdfast.data.views import adjust_hue
from holdfast.evaluation.equivariance import IMAGES_A_DIRECTION, Map, decoded, linear_map
from holdfast.evaluation.features import extract_features
from holdfast.findings import Finding, Score
from holdfast.randomness import fold, key, uniform
from holdfast.statistics import explained_values, mean_interval

FITTED = 4
"""Probe images that maps are fitted on, at most: so many times the test images they are asked about."""
LEAST_IMAGES = 100
"""Test images from which R² has an interval: at 30 with a few far out it held in nine of ten cases."""
Apply = Callable[[Tensor, Tensor], Tensor]
"""(images [n, 3, h, w] in [0, 1], amounts [n] in [-1, 1]) -> images."""


def _sampled(images: Tensor, rows: Tensor) -> Tensor:
    grid = F.affine_grid(rows.to(images), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="reflection", align_corners=False).clamp(0, 1)


def _rows(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    none = torch.zeros_like(a)
    return torch.stack([torch.stack([a, b, none], 1), torch.stack([c, d, none], 1)], 1)


def _rotated(images: Tensor, amount: Tensor) -> Tensor:
    angle = amount * math.pi / 4
    return _sampled(images, _rows(angle.cos(), -angle.sin(), angle.sin(), angle.cos()))


def _flipped(images: Tensor, amount: Tensor) -> Tensor:
    return torch.where((amount > 0)[:, None, None, None], images.flip(-1), images)


def _scaled(images: Tensor, amount: Tensor) -> Tensor:
    size, none = 0.75 + 0.25 * -amount, torch.zeros_like(amount)
    return _sampled(images, _rows(size, none, none, size))


def _recoloured(images: Tensor, amount: Tensor) -> Tensor:
    return adjust_hue(images, (0.25 * amount).to(images))


TRANSFORMATIONS: dict[str, Apply] = {
    "rotation": _rotated,
    "flip": _flipped,
    "scale": _scaled,
    "colour": _recoloured,
}
"""By name: at amount 1 an eighth turn, a mirror image, the middle half of each side, a quarter turn of the colours."""


def equivariance(subject: Subject) -> Finding:
    """How well a linear map foretells the features of a transformed image, and how well its parameter can be read.

    Maps are fitted on up to 4 shift_images probe images and asked about up to shift_images test images. Scores: r2, the
    mean over transformations; for each its r2, gain, moved, permuted, decoded and decoded_margin where they are
    defined. Column 'share': each test image's mean of 1 - squared residual over the mean squared distance from the
    mean. Table 'per_transformation'.
    """
    test, pool = subject.test, subject.pool
    seed = subject.options.seed
    asked = test.subset(draw_evenly(test, subject.options.shift_images, seed=seed, purpose="audit shifts"))
    fit = pool.subset(draw_evenly(pool, FITTED * subject.options.shift_images, seed=seed, purpose="audit maps"))
    clean = tuple(subject.features(some, "clean images").double().cpu() for some in (fit, asked))
    found = {name: _measured(subject, name, fit, asked, clean) for name in TRANSFORMATIONS}
    shares = [one["map"].shares for one in found.values() if one["map"] is not None]
    share = torch.stack(shares).mean(0) if shares else torch.full((len(asked),), torch.nan)
    return Finding(
        audit="equivariance",
        scores=_scores(found, share),
        columns={"id": asked.ids.cpu().numpy(), "share": share.numpy()},
        tables={"per_transformation": [_row(name, one) for name, one in found.items()]},
        settings=subject.settings
        | {
            "shift_images": len(asked),
            "fitted_images": len(fit),
            "fitted_directions": min(clean[0].shape[1], len(fit) // IMAGES_A_DIRECTION),
            "warnings": _warnings(found),
        },
    )


def _moved(subject: Subject, images: Images, name: str, amounts: Tensor) -> Tensor:
    """Features [n, dim] float64 of images moved by their amounts."""

    def augment(pixels: Tensor, rows: Tensor) -> Tensor:
        return TRANSFORMATIONS[name](pixels, amounts.to(rows.device)[rows])

    extraction = subject.extraction(f"equivariance: {name}")
    return extract_features(subject.encoder, images, augment=augment, **extraction).double().cpu()


def _measured(subject: Subject, name: str, fit: Images, asked: Images, clean: tuple[Tensor, ...]) -> dict[str, Any]:
    """The map at the whole amount, and the parameter at drawn ones; what is not defined is None."""
    seed = subject.options.seed
    whole = [_moved(subject, images, name, torch.ones(len(images))) for images in (fit, asked)]
    drawn = [_drawn(images.ids.cpu(), seed, name) for images in (fit, asked)]
    parts = [_moved(subject, images, name, amounts) for images, amounts in zip((fit, asked), drawn, strict=True)]
    generator = randomness.generator(seed, f"shuffled pairs {name}")
    found = linear_map((clean[0], whole[0]), (clean[1], whole[1]), generator=generator)
    read = decoded((clean[0], parts[0]), (clean[1], parts[1]), (drawn[0], drawn[1]))
    return {"map": found, "decoded": read}


def _drawn(ids: Tensor, seed: int, name: str) -> Tensor:
    """Amounts [n] in [-1, 1], by the images' ids; a flip's are -1 and 1."""
    amounts = 2 * uniform(fold(key(seed, f"equivariance {name}"), ids), 1)[:, 0] - 1
    return torch.where(amounts < 0, -1.0, 1.0) if name == "flip" else amounts


def _row(name: str, found: dict[str, Any]) -> dict[str, Any]:
    """What is known of a transformation; None where it is not defined."""
    one: Map | None = found["map"]
    read = found["decoded"]
    return {
        "transformation": name,
        "r2": None if one is None else float(one.shares.mean()),
        "gain": None if one is None else one.gain,
        "moved": None if one is None else one.moved,
        "permuted": None if one is None else one.permuted,
        "decoded": None if read is None else read[0].value,
        "decoded_margin": None if read is None else read[0].value - read[1].value,
    }


def _warnings(found: dict[str, dict[str, Any]]) -> list[str]:
    still = [name for name, one in found.items() if one["map"] is None or one["map"].gain is None]
    if not still:
        return []
    return [f"{', '.join(still)}: features do not move, so what a map gains over leaving them is not defined"]


_TEXTS: dict[str, tuple[str, dict[str, Any]]] = {
    "r2": ("R² of a ridge map from clean to moved features, on images it was not fitted on.", {"better": "higher"}),
    "gain": ("1 less its residual over that of leaving the features as they are.", {"better": "higher"}),
    "moved": (
        "Mean squared move over twice the variance: 0 is invariant, about 1 as far as another image.",
        {"better": "neither", "range": (0.0, None)},
    ),
    "permuted": ("R² of a map fitted on shuffled pairs: what no relation gives.", {"better": "neither"}),
    "decoded": ("R² of the parameter by ridge on clean and moved features.", {"better": "higher"}),
    "decoded_margin": (
        "The same less R² on moved features alone: what takes the pair to read.",
        {"better": "neither", "range": (None, None)},
    ),
}


def _scores(found: dict[str, dict[str, Any]], share: Tensor) -> list[Score]:
    base = {"unit": "R²", "range": (None, 1.0)}
    scores, known = [], {name: _explained(one) for name, one in found.items()}
    if bool(share.isfinite().all()):
        text = "Mean over rotation, flip, scale and colour of R² of a ridge map from clean to moved features."
        of_maps = np.mean([one["r2"] for one in known.values() if "r2" in one], axis=0)
        whole = {"definition": text, **base, **_interval(of_maps)}
        scores.append(Score(name="r2", value=float(share.mean()), **whole, better="higher"))
    for name, one in found.items():
        row = _row(name, one)
        for score, (text, more) in _TEXTS.items():
            if row[score] is not None:
                whole = {**base, **more, "definition": f"{name.capitalize()}: {text[0].lower()}{text[1:]}"}
                whole |= _interval(known[name][score]) if score in known[name] else {}
                scores.append(Score(name=f"{name}_{score}", value=row[score], **whole))
    return scores


def _explained(one: dict[str, Any]) -> dict[str, np.ndarray]:
    """By score that is a share explained: values [m] by image whose mean it is."""
    found, read, mapped = {}, one["decoded"], one["map"]
    if mapped is not None:
        found["r2"] = explained_values(mapped.errors.numpy(), mapped.away.numpy())
        if mapped.gain is not None:
            found["gain"] = explained_values(mapped.errors.numpy(), mapped.still.numpy())
    if read is not None:
        found["decoded"] = explained_values(read[0].errors.numpy(), read[0].away.numpy())
    return found


def _interval(values: np.ndarray) -> dict[str, Any]:
    """A score's interval over images; none for fewer than LEAST_IMAGES."""
    ends = mean_interval(values, bounds=(None, 1.0)) if len(values) >= LEAST_IMAGES else None
    return {} if ends is None else {"interval": ends, "interval_over": "test images, for these maps (Student's t)"}


def _cost(subject: Subject, speed: Speed) -> float:
    asked = min(len(subject.test), subject.options.shift_images)
    fitted = min(len(subject.pool), FITTED * subject.options.shift_images)
    return speed.forward * (asked + fitted) * (1 + 2 * len(TRANSFORMATIONS))


EQUIVARIANCE = Audit(equivariance, lacks_pixels, cost=_cost, long=True)
