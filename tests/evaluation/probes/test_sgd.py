import pytest
import torch
from torch import nn

from holdfast.data import Images
from holdfast.evaluation import (
    FEW_SHOT,
    FULL_SHOT,
    ProbeSchedule,
    augmented_features,
    cached_features,
    pad_crop_flip,
    probe_lr,
    sgd_probe,
)

SHORT = ProbeSchedule(epochs=4, milestones=(2, 3), select_every=1, batch_size=16, lr=1.0)


def pictures(n=40, size=8) -> torch.Tensor:
    return torch.randint(0, 256, (n, 3, size, size), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def blobs(n=60):
    labels = torch.arange(n) % 3
    return 3 * torch.eye(3)[labels] + 0.1 * torch.randn(n, 3, generator=torch.Generator().manual_seed(0)), labels


def test_the_papers_schedules():
    assert (FULL_SHOT.epochs, FULL_SHOT.milestones, FULL_SHOT.lr, FULL_SHOT.batch_size) == (30, (10, 20), 30.0, 128)
    assert (FEW_SHOT.epochs, FEW_SHOT.milestones, FEW_SHOT.lr, FEW_SHOT.batch_size) == (100, (40, 60), 30.0, 128)


def test_an_unknown_drop_is_refused():
    with pytest.raises(ValueError, match="'on_time' or 'early', got 'late'"):
        probe_lr(lr=30, epochs=30, milestones=[10], drop="late")  # type: ignore[arg-type]


def test_sgd_equals_a_loop_written_from_the_update_rule():
    features, labels = blobs(12)
    features = features.double()
    schedule = ProbeSchedule(epochs=3, milestones=(1,), select_every=1, batch_size=12, lr=0.5)
    # One batch holds every image, so order changes nothing but rounding.
    trained = sgd_probe(
        cached_features(features.float()), labels, classes=3, schedule=schedule, validation=(features.float(), labels)
    ).last
    start = sgd_probe(
        cached_features(features.float()),
        labels,
        classes=3,
        schedule=ProbeSchedule(epochs=1, milestones=(), select_every=1, lr=1e-30),
        validation=(features.float(), labels),
    ).last
    weight, bias = start.weight.double(), torch.zeros(3, dtype=torch.float64)
    velocity = torch.zeros(3, 4, dtype=torch.float64)
    for rate in (0.5, 0.05, 0.05):
        error = ((features @ weight.T + bias).softmax(1) - torch.eye(3)[labels]) / 12
        velocity = 0.9 * velocity + torch.cat([error.T @ features, error.sum(0)[:, None]], 1)
        weight, bias = weight - rate * velocity[:, :3], bias - rate * velocity[:, 3]
    torch.testing.assert_close(trained.weight.double(), weight, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(trained.bias.double(), bias, rtol=1e-5, atol=1e-5)


def test_initial_weights_are_small_and_unbiased():
    features = torch.zeros(10, 500)
    probe = sgd_probe(
        cached_features(features), torch.arange(10), classes=10, schedule=SHORT, validation=(features, torch.arange(10))
    ).last
    assert probe.weight.std().item() == pytest.approx(0.01, rel=0.05)
    assert abs(probe.weight.mean().item()) < 1e-3


def test_the_selected_probe_is_the_best_on_validation_and_the_last_is_the_last():
    features, labels = blobs()
    turned = {epoch: (features, (labels + epoch) % 3) for epoch in range(4)}
    # Validation wants the labels of the start; features are rotated away from them as epochs go by.
    probes = sgd_probe(
        lambda epoch: features if epoch < 2 else features.roll(1, 1),
        labels,
        classes=3,
        schedule=ProbeSchedule(epochs=4, milestones=(), select_every=1, batch_size=16, lr=5.0),
        validation=turned[0],
    )
    assert probes.selected_epoch <= 2
    assert probes.selected.validation_accuracy == 100
    assert not torch.equal(probes.selected.weight, probes.last.weight)


def test_the_last_epoch_is_looked_at_even_between_looks():
    features, labels = blobs()
    schedule = ProbeSchedule(epochs=2, milestones=(), select_every=5, lr=1.0)
    probes = sgd_probe(cached_features(features), labels, classes=3, schedule=schedule, validation=(features, labels))
    assert probes.selected_epoch == 2


def test_a_layer_that_diverges_is_refused():
    features, labels = blobs()
    with pytest.raises(ValueError, match="use the 'lbfgs' protocol"):
        sgd_probe(
            cached_features(features * 1e30), labels, classes=3, schedule=SHORT, validation=(features * 1e30, labels)
        )


def test_crops_move_by_at_most_the_padding_and_half_are_flipped():
    images = torch.arange(1, 65).view(1, 1, 8, 8).expand(400, 3, 8, 8) / 64
    keys = torch.arange(400) * 7919
    crops = pad_crop_flip(images, keys)
    padded = nn.functional.pad(images[0], (1, 1, 1, 1))
    windows = [padded[:, i : i + 8, j : j + 8] for i in range(3) for j in range(3)]
    choices = torch.stack(windows + [window.flip(-1) for window in windows])
    which = (crops[:, None] == choices).flatten(2).all(2)
    assert (which.sum(1) == 1).all()
    shares = which.float().mean(0)
    assert shares.min() > 0.02
    assert 0.4 < shares[9:].sum() < 0.6


def test_crops_depend_on_their_keys_alone():
    images, keys = pictures().float() / 255, torch.arange(40) * 31
    crops = pad_crop_flip(images, keys)
    order = torch.randperm(40, generator=torch.Generator().manual_seed(0))
    assert torch.equal(pad_crop_flip(images[order], keys[order]), crops[order])
    assert torch.equal(pad_crop_flip(images[:3], keys[:3]), crops[:3])


def test_augmented_features_are_new_in_every_epoch_and_the_same_when_asked_again():
    of_epoch = augmented_features(nn.Flatten(), Images.of(pictures()), seed=0)
    assert not torch.equal(of_epoch(0), of_epoch(1))
    assert torch.equal(of_epoch(0), of_epoch(0))
    small = augmented_features(nn.Flatten(), Images.of(pictures()), seed=0, batch_size=3)
    assert torch.equal(small(1), of_epoch(1))
    assert not torch.equal(augmented_features(nn.Flatten(), Images.of(pictures()), seed=1)(0), of_epoch(0))
