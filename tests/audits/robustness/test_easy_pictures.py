"""What features near collapse withstand on easy pictures is not taken for robustness."""

import torch
from torch import Tensor, nn

from holdfast.audits import audit
from holdfast.data import Images
from holdfast.report.axes import AXES
from holdfast.report.axes.numbers import kept
from holdfast.report.limits import verdict

QUICK = {"auto_attack": "none", "attack_steps": 4, "square_images": 0, "drift_images": 0, "corruption_images": 0}


class NearlyOne(nn.Module):
    """Features [n, 8] that differ between pictures by a trace of their colour."""

    def forward(self, images: Tensor) -> Tensor:
        return torch.cat([images.new_ones(len(images), 5), 0.05 * images.mean((2, 3))], dim=1)


def colours(first: int, count: int = 40) -> Images:
    """Plain pictures, red or blue, each of a brightness of its own, with a little noise."""
    generator = torch.Generator().manual_seed(first)
    labels = torch.arange(count) % 2
    pixels = torch.randint(0, 30, (count, 3, 16, 16), generator=generator)
    pixels += torch.randint(40, 80, (count, 1, 1, 1), generator=generator)
    for row, label in enumerate(labels.tolist()):
        pixels[row, 2 * label] += 120
    return Images(pixels=pixels.byte(), ids=first + torch.arange(count), source=f"colours {first}", labels=labels)


def test_features_near_collapse_that_withstand_an_attack_say_that_the_pictures_are_easy():
    (finding,) = audit(
        NearlyOne(), colours(0), test=colours(100), axes=["robustness"], attack_eps=("8/255",), reference=False, **QUICK
    )
    number = kept(finding)
    assert number is not None and number.value > 80
    assert any(said.startswith("near collapse (feature std ") for said in finding.settings["warnings"])
    signals = finding.settings["near_collapse"]
    assert signals["feature_std"] < 0.05 or signals["effective_rank"] < 1.5
    assert number.note.endswith("so much says that the pictures are easy, not that the encoder withstands")
    assert f"{signals['feature_std']:.3f}" in number.noted


def test_accuracy_kept_by_features_near_collapse_is_never_fine():
    limit = AXES["robustness"].limits["kept"]
    assert verdict(limit, 90.0, {"near_collapse": 1.0}, (85.0, 95.0)) == "watch"
    assert verdict(limit, 90.0, {"near_collapse": 0.0}, (85.0, 95.0)) == "fine"
