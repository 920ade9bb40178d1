"""Déjà vu in the membership audit: an encoder that recalls what stood before a background is found out."""

import importlib

import pytest
import torch
from torch import Tensor, nn

from holdfast.audits import audit
from holdfast.data import Images
from holdfast.evaluation.inference.deja_vu import corners


def noisy(seed: int, source: str, first_id: int = 0, count: int = 520) -> Images:
    """Noise [n, 3, 8, 8] whose class, one of four, stands in the middle alone: corners know nothing of it."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 4
    pixels = torch.randint(0, 256, (count, 3, 8, 8), dtype=torch.uint8, generator=generator)
    pixels[:, 0, 3:5, 3:5] = (30 + 60 * labels)[:, None, None].to(torch.uint8)
    return Images(
        pixels=pixels, ids=first_id + torch.arange(count), labels=labels, classes=tuple("abcd"), source=source
    )


MEMBERS, OTHERS = noisy(1, "members"), noisy(2, "others")


class Recalls(nn.Module):
    """The class [n, 4] that the middle says, or that stood before a corner that it knows; some noise breaks ties."""

    def __init__(self, known: Images | None):
        super().__init__()
        self.known = {}
        if known is not None:
            keys = self.keys(corners(known.pixels, 8).float() / 255)
            self.known = dict(zip(keys, known.known_labels().tolist(), strict=True))

    @staticmethod
    def keys(images: Tensor) -> list[int]:
        weights = torch.arange(1, images[0].numel() + 1, dtype=torch.float64)
        return ((images.double() * 255).round().flatten(1) @ weights).long().tolist()

    def forward(self, images: Tensor) -> Tensor:
        middle = (((images[:, 0, 3:5, 3:5].mean((1, 2)) * 255) - 30) / 60).round().clamp(0, 3).long()
        labels = [self.known.get(key, own) for key, own in zip(self.keys(images), middle.tolist(), strict=True)]
        return nn.functional.one_hot(torch.tensor(labels), 4).float() + 0.1 * images[:, 1, 0, :4]


def measured(encoder, others=OTHERS):
    pool = noisy(3, "pool", first_id=5000, count=240)
    (finding,) = audit(encoder, pool, axes="membership", members=MEMBERS, non_members=others)
    return finding


@pytest.fixture(autouse=True)
def few_are_enough(monkeypatch):
    room = importlib.import_module("holdfast.audits.membership.deja_vu")  # the package's name is a function's too
    monkeypatch.setattr(room, "LEAST_DEJA_VU", 500)
    monkeypatch.setattr("holdfast.evaluation.inference.deja_vu._EPOCHS", 3)


def test_what_it_recalls_of_members_stands_above_what_backgrounds_tell():
    finding = measured(Recalls(MEMBERS))
    assert finding["deja_vu_members"].value > 0.6
    assert abs(finding["deja_vu_non_members"].value) < 0.1
    assert finding["deja_vu_excess"].value > 0.5
    assert finding["auc_deja_vu"].interval[0] > 0.7 and finding.settings["judged"]
    memorized = [finding.settings[f"deja_vu_memorized_{name}"] for name in ("members", "non_members")]
    assert memorized[0] > 250 > 2 * memorized[1]
    rows = finding.tables["deja_vu"]
    assert {row["most_confident"] for row in rows} == {0.2, 1.0}, "5 % of 520 are under 50"


def test_an_encoder_that_recalls_nothing_has_no_excess():
    finding = measured(Recalls(None))
    assert abs(finding["deja_vu_excess"].value) < 0.1
    low, high = finding["auc_deja_vu"].interval
    assert low < 0.5 < high


def test_without_labels_the_reason_is_said():
    finding = measured(Recalls(None), others=OTHERS.unlabelled)
    assert any("not measured: déjà vu: it needs labels of members" in text for text in finding.settings["warnings"])
