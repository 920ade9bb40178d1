import copy

import pytest
import torch
from torch import nn

from holdfast.data import Images
from holdfast.evaluation import encoder_checksum, extract_features
from holdfast.evaluation.features import measuring


def convolutional(**norm) -> nn.Sequential:
    generator = torch.Generator().manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6, **norm), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.5)
    )
    for parameter in network.parameters():
        nn.init.normal_(parameter, generator=generator)
    return network


def pictures(n=23, size=8) -> torch.Tensor:
    return torch.randint(0, 256, (n, 3, size, size), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def test_features_do_not_depend_on_the_batch_size():
    encoder = convolutional()
    whole = extract_features(encoder, pictures())
    torch.testing.assert_close(extract_features(encoder, pictures(), batch_size=7), whole, rtol=1e-5, atol=1e-6)


def test_features_leave_batch_statistics_and_modes_as_they_were():
    encoder = convolutional().train()
    encoder[1].eval()
    before, modes = copy.deepcopy(encoder.state_dict()), [module.training for module in encoder.modules()]
    extract_features(encoder, pictures())
    assert [module.training for module in encoder.modules()] == modes
    assert all(torch.equal(before[name], tensor) for name, tensor in encoder.state_dict().items())


def test_features_are_those_of_evaluation_mode():
    encoder = convolutional().train()
    features = extract_features(encoder, pictures())
    with torch.no_grad():
        expected = encoder.eval()(pictures().float() / 255)
    torch.testing.assert_close(features, expected)
    assert not features.requires_grad


def test_modes_come_back_when_the_encoder_fails():
    encoder = nn.Sequential(nn.Linear(5, 5)).train()
    with pytest.raises(RuntimeError):
        extract_features(encoder, pictures())
    assert encoder.training
    assert encoder[0].training


def test_measuring_is_in_evaluation_mode():
    encoder = convolutional().train()
    with measuring(encoder) as device:
        assert device.type == "cpu"
        assert not any(module.training for module in encoder.modules())


def test_bytes_floats_and_images_give_the_same_features():
    encoder, pixels = convolutional(), pictures()
    features = extract_features(encoder, pixels)
    assert torch.equal(extract_features(encoder, pixels.float() / 255), features)
    assert torch.equal(extract_features(encoder, Images.of(pixels)), features)


@pytest.mark.parametrize(
    "values", [pictures().float(), pictures().float() / 255 - 0.5, torch.full((2, 3, 4, 4), torch.nan)]
)
def test_pixels_outside_the_unit_range_are_refused(values):
    with pytest.raises(ValueError, match=r"expected pixels in \[0, 1\], got .*; divide bytes by 255"):
        extract_features(convolutional(), values)


def test_the_rounding_of_a_blur_is_no_other_range():
    """A blur's weights sum to 1 but for a bit, so that white becomes 1.0000001."""
    encoder, white = convolutional(), torch.ones(2, 3, 8, 8)
    result = extract_features(encoder, white * (1 + 2.0**-23))
    assert torch.equal(result, extract_features(encoder, white))


def test_maps_are_averaged_over_space():
    pixels = pictures()
    features = extract_features(nn.Identity(), pixels)
    torch.testing.assert_close(features, (pixels.float() / 255).mean((2, 3)))


def test_tokens_are_refused_with_a_remedy():
    with pytest.raises(ValueError, match="pool its tokens"):
        extract_features(nn.Flatten(2), pictures())


def test_features_that_are_not_finite_are_refused():
    layer = nn.Linear(192, 4)
    nn.init.constant_(layer.weight, torch.inf)
    encoder = nn.Sequential(nn.Flatten(), layer)
    with pytest.raises(ValueError, match="has diverged"):
        extract_features(encoder, pictures())


def test_batch_norm_without_running_statistics_is_refused():
    with pytest.raises(ValueError, match="would depend on its batch"):
        extract_features(convolutional(track_running_stats=False), pictures())


def test_no_images_are_refused():
    with pytest.raises(ValueError, match="at least one image"):
        extract_features(convolutional(), pictures(0))


def test_bf16_features_are_close_and_float32():
    features = extract_features(convolutional(), pictures(), precision="bf16")
    assert features.dtype == torch.float32
    torch.testing.assert_close(features, extract_features(convolutional(), pictures()), rtol=0.05, atol=0.05)
    assert not torch.equal(features, extract_features(convolutional(), pictures()))


def test_a_callers_autocast_stays_in_force():
    with torch.autocast("cpu", torch.bfloat16):
        features = extract_features(convolutional(), pictures())
    assert torch.equal(features, extract_features(convolutional(), pictures(), precision="bf16"))


def test_progress_is_told_after_every_batch():
    told = []
    extract_features(convolutional(), pictures(10), batch_size=4, progress=lambda *numbers: told.append(numbers))
    assert told == [(4, 10), (8, 10), (10, 10)]


def test_augmentation_knows_each_images_position():
    seen = []

    def augment(images, positions):
        seen.append(positions)
        return images.flip(-1)

    pixels = pictures()
    features = extract_features(nn.Flatten(), pixels, batch_size=5, augment=augment)
    assert torch.equal(torch.cat(seen), torch.arange(len(pixels)))
    torch.testing.assert_close(features, (pixels.float() / 255).flip(-1).flatten(1))


def test_a_checksum_follows_the_weights():
    first, second = convolutional(), convolutional()
    assert encoder_checksum(first) == encoder_checksum(second)
    with torch.no_grad():
        next(second.parameters())[0, 0, 0, 0] += 1e-6
    assert encoder_checksum(first) != encoder_checksum(second)
